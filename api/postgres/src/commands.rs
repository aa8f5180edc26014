//! Commands that a client sends beside its questions and that the session itself answers.

use std::time::Duration;

use footfall_pipelines_store::query::postgres_setting;

use crate::split::words;

/// A statement, as far as the session has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// For the engine.
    Question,
    Begin,
    Commit,
    Rollback,
    /// Answered with its tag alone: there is nothing to set.
    Nothing(&'static str),
    /// `SET statement_timeout`; `None` for no limit of one's own.
    TimeLimit(Option<Duration>),
    /// `SHOW name`.
    Show(String, &'static str),
    /// `COPY`, whatever it is to do.
    Copy,
    /// `DEALLOCATE`: one statement, or all.
    Forget(Option<String>),
}

impl Command {
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
            "ROLLBACK" if second == "TO" => Command::Nothing("ROLLBACK"),
            "ROLLBACK" | "ABORT" => Command::Rollback,
            "SAVEPOINT" => Command::Nothing("SAVEPOINT"),
            "RELEASE" => Command::Nothing("RELEASE"),
            "SET" => set(&rest),
            "RESET" => Command::Nothing("RESET"),
            "DISCARD" => Command::Forget(None),
            "UNLISTEN" => Command::Nothing("UNLISTEN"),
            "CLOSE" => Command::Nothing("CLOSE CURSOR"),
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

fn set(rest: &[&str]) -> Command {
    let scopes = ["session", "local"];
    let rest: Vec<&str> = rest.iter().copied().filter(|word| !scopes.contains(&word.to_lowercase().as_str())).collect();
    match rest.as_slice() {
        [name, value @ ..] if name.eq_ignore_ascii_case("statement_timeout") => {
            let value: String = value.iter().filter(|word| !word.eq_ignore_ascii_case("to")).copied().collect();
            Command::TimeLimit(span(value.trim_matches('\'')))
        }
        _ => Command::Nothing("SET"),
    }
}

/// `5000` (milliseconds), `5s`, `2min`; zero and nonsense are no limit.
fn span(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    (number > 0).then(|| Duration::from_millis(number.saturating_mul(millis)))
}

fn show(rest: &[&str]) -> Command {
    let name = rest.join("_").trim_matches('"').to_ascii_lowercase();
    let name = match name.as_str() {
        "transaction_isolation_level" => "transaction_isolation".to_owned(),
        "time_zone" => "timezone".to_owned(),
        _ => name,
    };
    match postgres_setting(&name) {
        Some(value) => Command::Show(name, value),
        // SHOW TABLES and its like are questions.
        None => Command::Question,
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
            Command::TimeLimit(Some(Duration::from_secs(5)))
        );
        assert_eq!(Command::of("SET statement_timeout=250"), Command::TimeLimit(Some(Duration::from_millis(250))));
        assert_eq!(Command::of("SET statement_timeout = 0"), Command::TimeLimit(None));
        assert_eq!(
            Command::of("SHOW TRANSACTION ISOLATION LEVEL"),
            Command::Show("transaction_isolation".into(), "read committed")
        );
        assert_eq!(Command::of("SHOW TABLES"), Command::Question);
        assert_eq!(Command::of("DEALLOCATE \"s1\""), Command::Forget(Some("s1".into())));
        assert_eq!(Command::of("DEALLOCATE ALL"), Command::Forget(None));
        assert_eq!(Command::of("setting"), Command::Question);
        assert_eq!(Command::of("select 1"), Command::Question);
        assert_eq!(Command::of("copy(select 1) to stdout"), Command::Copy);
        assert_eq!(Command::of("-- x\nCOPY activity FROM STDIN"), Command::Copy);
        assert_eq!(Command::of("copying"), Command::Question);
        assert_eq!(Command::of("ROLLBACK TO SAVEPOINT a"), Command::Nothing("ROLLBACK"));
    }
}
