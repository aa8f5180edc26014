//! Commands that a client sends beside its questions and that the session itself answers.

use std::time::Duration;

use footfall_pipelines_store::query::postgres_setting;

use crate::cursors::{self, Act};
use crate::split::words;
use crate::time_limit::span;

/// A statement, as far as the session has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// For the engine.
    Question,
    Begin,
    Commit,
    Rollback,
    /// `ROLLBACK TO` a savepoint: a transaction that has failed goes on.
    RollbackTo,
    /// Answered with its tag alone: there is nothing to set.
    Nothing(&'static str),
    /// `SET [LOCAL] statement_timeout`; `None` for no limit of one's own.
    TimeLimit {
        limit: Option<Duration>,
        is_local: bool,
    },
    /// What puts it back.
    ResetTimeLimit,
    /// `SET TIME ZONE` and what puts it back.
    TimeZone(SetZone),
    /// `SHOW name`.
    Show(String, &'static str),
    /// `SHOW TIME ZONE`.
    ShowZone,
    /// `SHOW` of a setting that there is not.
    ShowUnknown(String),
    /// DECLARE, FETCH, MOVE, CLOSE; or why it is none.
    Cursor(Result<Act, &'static str>),
    /// `COPY`, whatever it is to do.
    Copy,
    /// `DISCARD ALL`: everything that the session was told.
    Discard,
    /// `RESET ALL`: every setting.
    Reset,
    /// `DEALLOCATE`: one statement, or all.
    Forget(Option<String>),
}

/// A time zone for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetZone {
    /// As it is written; `None` for the one that the session began with.
    pub value: Option<String>,
    /// Until the transaction ends.
    pub is_local: bool,
    pub tag: &'static str,
}

impl Command {
    /// What stands before the number of rows when they have been sent.
    pub fn tag(&self) -> &'static str {
        if matches!(self, Command::Show(..) | Command::ShowZone) { "SHOW" } else { "SELECT" }
    }

    pub fn of(sql: &str) -> Command {
        let text = words(sql).trim_end_matches([';', ' ', '\n', '\t', '\r']);
        let mut parts = text.split(|c: char| c.is_whitespace() || c == '=').filter(|part| !part.is_empty());
        let first = parts.next().unwrap_or_default().to_ascii_uppercase();
        let rest: Vec<&str> = parts.collect();
        let second = rest.first().copied().unwrap_or_default().to_ascii_uppercase();
        match first.as_str() {
            "BEGIN" => Command::Begin,
            _ if begins_copy(text) => Command::Copy,
            "START" if second == "TRANSACTION" => Command::Begin,
            "COMMIT" | "END" => Command::Commit,
            "ROLLBACK" if rest.iter().any(|word| word.eq_ignore_ascii_case("to")) => Command::RollbackTo,
            "ROLLBACK" | "ABORT" => Command::Rollback,
            "SAVEPOINT" => Command::Nothing("SAVEPOINT"),
            "RELEASE" => Command::Nothing("RELEASE"),
            "SET" => set_zone(text).unwrap_or_else(|| set(&rest)),
            "RESET" => match rest.join(" ").to_ascii_lowercase().as_str() {
                "all" => Command::Reset,
                "timezone" | "time zone" | "\"timezone\"" => {
                    Command::TimeZone(SetZone { value: None, is_local: false, tag: "RESET" })
                }
                "statement_timeout" => Command::ResetTimeLimit,
                _ => Command::Nothing("RESET"),
            },
            "DISCARD" => match second.as_str() {
                "PLANS" => Command::Nothing("DISCARD PLANS"),
                "SEQUENCES" => Command::Nothing("DISCARD SEQUENCES"),
                "TEMP" | "TEMPORARY" => Command::Nothing("DISCARD TEMP"),
                _ => Command::Discard,
            },
            "UNLISTEN" => Command::Nothing("UNLISTEN"),
            "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => Command::Cursor(cursors::read(text)),
            "DEALLOCATE" => {
                let name = rest.iter().copied().find(|word| !word.eq_ignore_ascii_case("prepare"));
                Command::Forget(name.filter(|name| !name.eq_ignore_ascii_case("all")).map(unquoted))
            }
            "SHOW" => show(&rest),
            _ => Command::Question,
        }
    }
}

/// `COPY(` is one word to those who cut at spaces.
fn begins_copy(text: &str) -> bool {
    let (word, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    word.eq_ignore_ascii_case("copy") && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn unquoted(name: &str) -> String {
    name.trim_matches('"').to_owned()
}

/// `SET [SESSION | LOCAL] TIME ZONE value`, `… timezone = value`, `… timezone TO value`: the value as it stands there.
fn set_zone(text: &str) -> Option<Command> {
    let mut rest = cut(text, "set")?;
    let mut is_local = false;
    if let Some(behind) = cut(rest, "session") {
        rest = behind;
    } else if let Some(behind) = cut(rest, "local") {
        (rest, is_local) = (behind, true);
    }
    let value = match cut(rest, "time").and_then(|rest| cut(rest, "zone")) {
        Some(value) => value,
        None => {
            let named = cut(rest, "timezone").or_else(|| cut(rest, "\"timezone\""))?;
            named.strip_prefix('=').or_else(|| cut(named, "to"))?
        }
    };
    let value = value.trim();
    let is_default = ["default", "local"].iter().any(|word| value.eq_ignore_ascii_case(word));
    let value = (!is_default).then(|| value.to_owned());
    Some(Command::TimeZone(SetZone { value, is_local, tag: "SET" }))
}

/// What stands behind a word and the space after it.
fn cut<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    let ends = rest.is_empty() || rest.starts_with(|letter: char| letter.is_whitespace() || letter == '=');
    (first.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start())
}

fn set(rest: &[&str]) -> Command {
    let (scope, rest) = match rest {
        [scope, rest @ ..] if ["session", "local"].iter().any(|word| scope.eq_ignore_ascii_case(word)) => {
            (*scope, rest)
        }
        rest => ("", rest),
    };
    match rest {
        [name, value @ ..] if name.eq_ignore_ascii_case("statement_timeout") => {
            let value: String = value.iter().filter(|word| !word.eq_ignore_ascii_case("to")).copied().collect();
            let limit = span(value.trim_matches('\''));
            Command::TimeLimit { limit, is_local: scope.eq_ignore_ascii_case("local") }
        }
        _ => Command::Nothing("SET"),
    }
}

/// What SHOW tells that is no setting.
const QUESTIONS: &[&str] = &["all", "tables", "columns", "functions", "schemas", "databases", "views"];

fn show(rest: &[&str]) -> Command {
    let name = rest.join("_").trim_matches('"').to_ascii_lowercase();
    let name = match name.as_str() {
        "transaction_isolation_level" => "transaction_isolation".to_owned(),
        "time_zone" => "timezone".to_owned(),
        _ => name,
    };
    match postgres_setting(&name) {
        Some(_) if name == "timezone" => Command::ShowZone,
        Some(value) => Command::Show(name, value),
        // SHOW TABLES and its like are questions.
        None if rest.len() != 1 || QUESTIONS.contains(&name.as_str()) => Command::Question,
        None => Command::ShowUnknown(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_known_by_their_words() {
        assert_eq!(Command::of(" /* c */ begin ISOLATION LEVEL serializable;"), Command::Begin);
        assert_eq!(Command::of("START TRANSACTION READ ONLY"), Command::Begin);
        assert_eq!(Command::of("SET extra_float_digits = 3"), Command::Nothing("SET"));
        assert_eq!(
            Command::of("set session statement_timeout to '5s'"),
            Command::TimeLimit { limit: Some(Duration::from_secs(5)), is_local: false }
        );
        assert_eq!(
            Command::of("SET statement_timeout=250"),
            Command::TimeLimit { limit: Some(Duration::from_millis(250)), is_local: false }
        );
        assert_eq!(Command::of("SET statement_timeout = 0"), Command::TimeLimit { limit: None, is_local: false });
        assert_eq!(
            Command::of("SET LOCAL statement_timeout = '1min'"),
            Command::TimeLimit { limit: Some(Duration::from_secs(60)), is_local: true }
        );
        assert_eq!(Command::of("RESET statement_timeout"), Command::ResetTimeLimit);
        assert_eq!(Command::of("reset all;"), Command::Reset);
        assert_eq!(
            Command::of("SHOW TRANSACTION ISOLATION LEVEL"),
            Command::Show("transaction_isolation".into(), "read committed")
        );
        assert_eq!(Command::of("SHOW TABLES"), Command::Question);
        let zone = |value: Option<&str>, is_local, tag| {
            Command::TimeZone(SetZone { value: value.map(str::to_owned), is_local, tag })
        };
        assert_eq!(Command::of("SET TIME ZONE 'Europe/Vienna';"), zone(Some("'Europe/Vienna'"), false, "SET"));
        assert_eq!(Command::of("set session timezone to 'UTC'"), zone(Some("'UTC'"), false, "SET"));
        assert_eq!(Command::of("SET LOCAL TimeZone='Asia/Tokyo'"), zone(Some("'Asia/Tokyo'"), true, "SET"));
        assert_eq!(
            Command::of("SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE"),
            zone(Some("INTERVAL '-08:00' HOUR TO MINUTE"), false, "SET")
        );
        assert_eq!(Command::of("SET timezone = DEFAULT"), zone(None, false, "SET"));
        assert_eq!(Command::of("RESET TIME ZONE"), zone(None, false, "RESET"));
        assert_eq!(Command::of("SET timezone_abbreviations = 'Default'"), Command::Nothing("SET"));
        assert_eq!(Command::of("SHOW TIME ZONE"), Command::ShowZone);
        assert_eq!(Command::of("show timezone"), Command::ShowZone);
        assert_eq!(Command::of("DISCARD ALL"), Command::Discard);
        // A pool keeps its prepared statements over these.
        assert_eq!(Command::of("DISCARD SEQUENCES"), Command::Nothing("DISCARD SEQUENCES"));
        assert_eq!(Command::of("discard temp"), Command::Nothing("DISCARD TEMP"));
        assert_eq!(Command::of("SHOW no_such_setting"), Command::ShowUnknown("no_such_setting".into()));
        assert_eq!(Command::of("DEALLOCATE \"s1\""), Command::Forget(Some("s1".into())));
        assert_eq!(Command::of("DEALLOCATE ALL"), Command::Forget(None));
        assert_eq!(Command::of("setting"), Command::Question);
        assert_eq!(Command::of("select 1"), Command::Question);
        assert_eq!(Command::of("copy(select 1) to stdout"), Command::Copy);
        assert_eq!(Command::of("-- x\nCOPY activity FROM STDIN"), Command::Copy);
        assert_eq!(Command::of("copying"), Command::Question);
        for back in [
            "ROLLBACK TO SAVEPOINT a",
            "rollback to \"_pg3_1\"",
            "ROLLBACK WORK TO a",
            "rollback transaction to savepoint a",
        ] {
            assert_eq!(Command::of(back), Command::RollbackTo, "{back}");
        }
        assert_eq!(Command::of("ROLLBACK"), Command::Rollback);
        assert!(matches!(Command::of("close \"a\""), Command::Cursor(Ok(_))));
    }
}
