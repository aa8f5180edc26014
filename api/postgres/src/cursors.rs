//! Cursors by SQL text, as psycopg's named cursors, psqlODBC and psql's FETCH_COUNT use them. A cursor is a portal with its name.

use std::sync::Arc;

use bytes::BytesMut;
use footfall_pipelines_store::query::ParameterValue;
use pgwire::messages::PgWireBackendMessage as Out;
use pgwire::messages::data::NoData;
use pgwire::messages::response::TransactionStatus;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::cells::Cells;
use crate::commands::Command;
use crate::fault::Fault;
use crate::portal::{Open, RowForm};
use crate::session::{Portal, Session, Statement};
use crate::split::{skip, words};
use crate::stop::{Stop, no_portal};

/// What is done with a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Declare {
        name: String,
        is_binary: bool,
        /// It outlives its transaction.
        is_held: bool,
        /// The question.
        sql: String,
    },
    Fetch(Fetch),
    /// One cursor, or all.
    Close(Option<String>),
}

/// The next rows of a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub name: String,
    /// All that are left without one.
    count: Option<usize>,
    /// They are passed over.
    is_move: bool,
}

const BACK: &str = "a cursor goes forward alone";
const WORDS: &str = "DECLARE name CURSOR FOR a question, FETCH or MOVE a number of rows FROM name, or CLOSE name";

/// Reads a statement whose first word is DECLARE, FETCH, MOVE or CLOSE; or says why it cannot be read.
pub(crate) fn read(text: &str) -> Result<Act, &'static str> {
    let (first, rest) = word(text).ok_or(WORDS)?;
    match first.to_ascii_lowercase().as_str() {
        "declare" => declare(rest),
        "close" => {
            let (name, rest) = word(rest).ok_or(WORDS)?;
            ends(rest)?;
            Ok(Act::Close((!name.eq_ignore_ascii_case("all")).then(|| unquoted(name))))
        }
        first => fetch(rest, first == "move").map(Act::Fetch),
    }
}

fn declare(rest: &str) -> Result<Act, &'static str> {
    let (name, mut rest) = word(rest).ok_or(WORDS)?;
    let (mut is_binary, mut is_held, mut before) = (false, false, String::new());
    loop {
        let (next, behind) = word(rest).ok_or(WORDS)?;
        let next = next.to_ascii_lowercase();
        match next.as_str() {
            "for" => {
                rest = behind;
                break;
            }
            "binary" => is_binary = true,
            "scroll" if before != "no" => return Err(BACK),
            "hold" => is_held = before == "with",
            "no" | "scroll" | "insensitive" | "asensitive" | "cursor" | "with" | "without" => {}
            _ => return Err(WORDS),
        }
        (before, rest) = (next, behind);
    }
    match words(rest).is_empty() {
        true => Err(WORDS),
        false => Ok(Act::Declare { name: unquoted(name), is_binary, is_held, sql: rest.to_owned() }),
    }
}

fn fetch(rest: &str, is_move: bool) -> Result<Fetch, &'static str> {
    let mut before = Vec::new();
    let mut rest = rest;
    while let Some((next, behind)) = word(rest) {
        before.push(next);
        rest = behind;
    }
    ends(rest)?;
    let name = before.pop().ok_or(WORDS)?;
    if before.last().is_some_and(|word| ["from", "in"].iter().any(|known| word.eq_ignore_ascii_case(known))) {
        before.pop();
    }
    let before: Vec<String> = before.iter().map(|word| word.to_ascii_lowercase()).collect();
    let count = match before.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["next" | "forward"] => Some(1),
        ["all"] | ["forward", "all"] => None,
        ["forward", count] | [count] if count.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(count.parse::<usize>().map_err(|_| WORDS)?)
        }
        _ => return Err(BACK),
    };
    Ok(Fetch { name: unquoted(name), count, is_move })
}

/// The next word, or name in quotes, and what stands behind it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = words(text);
    let end = match text.starts_with('"') {
        true => skip(text, 0),
        false => text.find(|sign: char| sign.is_whitespace() || matches!(sign, '"' | ';' | '(')).unwrap_or(text.len()),
    };
    (end > 0).then(|| text.split_at(end))
}

fn ends(rest: &str) -> Result<(), &'static str> {
    words(rest).trim_start_matches(';').is_empty().then_some(()).ok_or(WORDS)
}

/// Names without quotes are in small letters.
fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => name.replace("\"\"", "\""),
        None => name.to_ascii_lowercase(),
    }
}

/// Rows that nobody is sent.
struct PassedOver;

impl RowForm for PassedOver {
    fn put(&mut self, _: &[Cells], _: usize, _: &mut Vec<u8>, _: &mut BytesMut) -> Result<(), Fault> {
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// `formats` as the extended protocol binds them, in which the columns were described before; `None` in the simple one.
    pub(crate) async fn act(
        &mut self,
        act: &Result<Act, &'static str>,
        values: Vec<ParameterValue>,
        formats: Option<&[i16]>,
    ) -> Result<(), Stop> {
        self.may_go_on()?;
        match act.as_ref().map_err(|why| Fault::new(if *why == BACK { "55000" } else { "42601" }, *why))? {
            Act::Declare { name, is_binary, is_held, sql } => {
                self.declare(name, *is_binary, *is_held, sql, values).await
            }
            Act::Fetch(fetch) => self.fetch(fetch, formats).await,
            Act::Close(None) => {
                self.portals.retain(|_, portal| !portal.is_cursor);
                Ok(self.complete("CLOSE CURSOR ALL".to_owned())?)
            }
            Act::Close(Some(name)) => {
                self.portals.remove(name).ok_or_else(|| no_portal(name))?;
                Ok(self.complete("CLOSE CURSOR".to_owned())?)
            }
        }
    }

    async fn declare(
        &mut self,
        name: &str,
        is_binary: bool,
        is_held: bool,
        sql: &str,
        values: Vec<ParameterValue>,
    ) -> Result<(), Stop> {
        if !is_held && self.status != TransactionStatus::Transaction {
            return Err(Fault::new("25P01", "a cursor without WITH HOLD is declared in a transaction").into());
        }
        if self.portals.contains_key(name) {
            return Err(Fault::new("42P03", format!("there is a cursor {name:?} already")).into());
        }
        self.kept(sql.len())?;
        let formats = if is_binary { vec![1] } else { Vec::new() };
        let source = self.begin(sql, &Command::Question, values).await.map_err(|stop| match stop {
            // Where the question begins in the client's text is not kept.
            Stop::Fault(fault) => Stop::Fault(fault.without_place()),
            broken => broken,
        })?;
        let clock = self.zones.now().clock;
        let open = source.map(|source| Open::new(source, &formats, clock)).transpose()?;
        let statement = Arc::new(Statement { sql: String::new(), command: Some(Command::Question), oids: Vec::new() });
        let portal = Portal {
            statement,
            values: Vec::new(),
            formats,
            bytes: sql.len(),
            open,
            is_done: false,
            is_cursor: true,
            is_held,
        };
        self.portals.insert(name.to_owned(), portal);
        Ok(self.complete("DECLARE CURSOR".to_owned())?)
    }

    async fn fetch(&mut self, fetch: &Fetch, formats: Option<&[i16]>) -> Result<(), Stop> {
        let mut cursor = self.portals.remove(&fetch.name).ok_or_else(|| no_portal(&fetch.name))?;
        let mut rows = 0;
        if let Some(open) = &mut cursor.open {
            // A cursor that was declared as binary is so in any protocol.
            if cursor.formats.is_empty() {
                open.write_as(formats.unwrap_or_default())?;
            }
            if formats.is_none() && !fetch.is_move {
                self.wire.put(open.description())?;
            }
            if !cursor.is_done && fetch.count != Some(0) {
                let most = fetch.count.unwrap_or(0);
                let sent = match fetch.is_move {
                    true => open.send_as(&mut self.wire, most, &mut PassedOver).await?,
                    false => open.send(&mut self.wire, most).await?,
                };
                (rows, cursor.is_done) = (sent.rows, sent.is_whole);
            }
        }
        self.portals.insert(fetch.name.clone(), cursor);
        Ok(self.complete(format!("{} {rows}", if fetch.is_move { "MOVE" } else { "FETCH" }))?)
    }

    /// The columns of what a FETCH gives, in these formats.
    pub(crate) fn fetched(&mut self, fetch: &Fetch, formats: &[i16]) -> Result<Out, Fault> {
        let cursor = self.portals.get_mut(&fetch.name).ok_or_else(|| no_portal(&fetch.name))?;
        let is_own = !cursor.formats.is_empty();
        let Some(open) = cursor.open.as_mut().filter(|_| !fetch.is_move) else { return Ok(Out::NoData(NoData::new())) };
        if !is_own {
            open.write_as(formats)?;
        }
        Ok(open.description())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fetched(text: &str) -> (String, Option<usize>, bool) {
        match read(text) {
            Ok(Act::Fetch(Fetch { name, count, is_move })) => (name, count, is_move),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn cursors_are_declared_as_clients_declare_them() {
        let declared = |name: &str, is_binary, is_held, sql: &str| {
            Ok(Act::Declare { name: name.to_owned(), is_binary, is_held, sql: sql.to_owned() })
        };
        assert_eq!(read("DECLARE \"a b\" CURSOR FOR SELECT 1"), declared("a b", false, false, " SELECT 1"));
        assert_eq!(
            read("declare SQL_CUR0x1 binary no scroll cursor with hold for (select 1)"),
            declared("sql_cur0x1", true, true, " (select 1)")
        );
        assert_eq!(read("DECLARE c CURSOR WITHOUT HOLD FOR\nSELECT 1"), declared("c", false, false, "\nSELECT 1"));
        assert_eq!(read("DECLARE c SCROLL CURSOR FOR SELECT 1"), Err(BACK));
        assert_eq!(read("DECLARE c CURSOR FOR "), Err(WORDS));
        assert_eq!(read("DECLARE c"), Err(WORDS));
        assert_eq!(read("close ALL"), Ok(Act::Close(None)));
        assert_eq!(read("CLOSE \"A\";"), Ok(Act::Close(Some("A".into()))));
    }

    #[test]
    fn rows_are_fetched_forward() {
        assert_eq!(fetched("FETCH FORWARD 100 FROM \"rows\""), ("rows".into(), Some(100), false));
        assert_eq!(fetched("fetch 10000 in \"SQL_CUR\""), ("SQL_CUR".into(), Some(10_000), false));
        assert_eq!(fetched("FETCH c"), ("c".into(), Some(1), false));
        assert_eq!(fetched("FETCH NEXT FROM c"), ("c".into(), Some(1), false));
        assert_eq!(fetched("FETCH ALL c;"), ("c".into(), None, false));
        assert_eq!(fetched("FETCH FORWARD ALL FROM c"), ("c".into(), None, false));
        assert_eq!(fetched("MOVE 5 FROM c"), ("c".into(), Some(5), true));
        for back in ["FETCH PRIOR FROM c", "FETCH -1 FROM c", "FETCH ABSOLUTE 3 FROM c", "MOVE BACKWARD ALL IN c"] {
            assert_eq!(read(back), Err(BACK), "{back}");
        }
        assert_eq!(read("FETCH"), Err(WORDS));
    }
}
