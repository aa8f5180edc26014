//! `COPY … TO STDOUT` as clients write it: the question inside, and the form that its rows shall have.

use crate::fault::Fault;
use crate::split::{skip, words};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Csv,
    Binary,
}

/// A copy out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The question that it copies.
    pub sql: String,
    /// Where that stands in the statement, in bytes; a table stands for a question that nobody wrote.
    pub place: Option<usize>,
    pub form: Form,
    pub has_header: bool,
    pub delimiter: u8,
    pub quote: u8,
    pub escape: u8,
    pub null: String,
}

/// A part of the statement outside of its question.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text(String),
    Open,
    Close,
    Comma,
}

/// Reads a statement whose first word is COPY.
pub(crate) fn read(statement: &str) -> Result<Copy, Fault> {
    let start = statement.len() - words(statement).len() + "copy".len();
    let from = start + (statement[start..].len() - words(&statement[start..]).len());
    let (question, rest) = match statement[from..].starts_with('(') {
        true => {
            let end = closed(statement, from).ok_or_else(|| wrong("the question in parentheses has no end"))?;
            (Some(from + 1..end), &statement[end + 1..])
        }
        false => (None, &statement[from..]),
    };
    let mut tokens = tokens(rest)?.into_iter().peekable();
    let mut table = String::new();
    let direction = loop {
        match tokens.next() {
            Some(Token::Word(word)) if ["to", "from"].iter().any(|to| word.eq_ignore_ascii_case(to)) => break word,
            Some(token) if question.is_none() => table.push_str(&spelled(token)),
            _ => return Err(wrong("COPY (SELECT …) TO STDOUT")),
        }
    };
    if direction.eq_ignore_ascii_case("from") {
        return Err(Fault::new("25006", "COPY FROM is not possible here: this interface only reads"));
    }
    match tokens.next() {
        Some(Token::Word(word)) if word.eq_ignore_ascii_case("stdout") => {}
        _ => return Err(Fault::new("42501", "COPY goes to STDOUT alone: files and programs are the client's")),
    }
    let (sql, place) = match question {
        Some(range) => (statement[range.clone()].to_owned(), Some(range.start)),
        None => (of_table(&table)?, None),
    };
    let mut options = Options::default();
    let tokens: Vec<Token<'_>> = tokens.collect();
    options.read(&tokens)?;
    options.copy(sql, place)
}

fn wrong(message: &str) -> Fault {
    Fault::new("42601", format!("COPY is not understood: {message}"))
}

/// `name` or `name (column, …)` as a question.
fn of_table(table: &str) -> Result<String, Fault> {
    let (name, columns) = match table.split_once('(') {
        Some((name, columns)) => (name, columns.strip_suffix(") ").ok_or_else(|| wrong("a list without an end"))?),
        None => (table, "*"),
    };
    match name.trim().is_empty() || columns.trim().is_empty() {
        true => Err(wrong("it names no table")),
        false => Ok(format!("SELECT {} FROM {}", columns.trim(), name.trim())),
    }
}

fn spelled(token: Token<'_>) -> String {
    match token {
        Token::Word(word) => format!("{word} "),
        Token::Text(text) => format!("'{}' ", text.replace('\'', "''")),
        Token::Open => "(".to_owned(),
        Token::Close => ") ".to_owned(),
        Token::Comma => ", ".to_owned(),
    }
}

/// Where the parenthesis at `from` is closed.
fn closed(sql: &str, from: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, from);
    while at < sql.len() {
        match sql.as_bytes()[at] {
            b'(' => (depth, at) = (depth + 1, at + 1),
            b')' if depth == 1 => return Some(at),
            b')' => (depth, at) = (depth.checked_sub(1)?, at + 1),
            _ => at = skip(sql, at),
        }
    }
    None
}

fn tokens(sql: &str) -> Result<Vec<Token<'_>>, Fault> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at < sql.len() {
        let byte = sql.as_bytes()[at];
        let end = skip(sql, at);
        match byte {
            b'(' => all.push(Token::Open),
            b')' => all.push(Token::Close),
            b',' => all.push(Token::Comma),
            b'\'' => {
                // A quote that is written twice ends a text and begins one.
                let mut end = end;
                while sql[end..].starts_with('\'') {
                    end = skip(sql, end);
                }
                let is_escaped = matches!(all.last(), Some(Token::Word(word)) if word.eq_ignore_ascii_case("e"))
                    && matches!(sql.as_bytes()[at - 1], b'e' | b'E');
                let inner = sql[at + 1..end].strip_suffix('\'').ok_or_else(|| wrong("a text has no end"))?;
                if is_escaped {
                    all.pop();
                }
                all.push(Token::Text(text_of(inner, is_escaped)));
                at = end;
                continue;
            }
            b'-' | b'/' if end > at + 1 => {}
            byte if byte.is_ascii_whitespace() || byte == b';' => {}
            _ => {
                // A word goes on until a sign or a space; names in quotes and with points are one.
                let mut end = end;
                while sql[end..].starts_with(|c: char| !c.is_whitespace() && !"(),;'".contains(c)) {
                    end = skip(sql, end);
                }
                all.push(Token::Word(&sql[at..end]));
                at = end;
                continue;
            }
        }
        at = end;
    }
    Ok(all)
}

fn text_of(inner: &str, is_escaped: bool) -> String {
    let text = inner.replace("''", "'");
    match is_escaped {
        true => text.replace("\\t", "\t").replace("\\b", "\u{8}").replace("\\\\", "\\"),
        false => text,
    }
}

/// What was said of the form; what was not said follows from the form.
#[derive(Default)]
struct Options {
    form: Option<Form>,
    has_header: bool,
    delimiter: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    null: Option<String>,
}

impl Options {
    /// `[WITH] (FORMAT csv, HEADER)`, and the older `[WITH] CSV HEADER DELIMITER AS ';'`.
    fn read(&mut self, tokens: &[Token<'_>]) -> Result<(), Fault> {
        let is_with = |token: &Token<'_>| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("with"));
        let tokens = if tokens.first().is_some_and(is_with) { &tokens[1..] } else { tokens };
        let tokens = match tokens {
            [Token::Open, inner @ .., Token::Close] => inner,
            tokens => tokens,
        };
        let mut rest = tokens;
        while let [first, more @ ..] = rest {
            rest = match first {
                Token::Comma => more,
                Token::Word(name) => self.option(name, more)?,
                _ => return Err(wrong("an option was expected")),
            };
        }
        Ok(())
    }

    fn option<'a>(&mut self, name: &str, more: &'a [Token<'a>]) -> Result<&'a [Token<'a>], Fault> {
        let more = match more {
            [Token::Word(word), more @ ..] if word.eq_ignore_ascii_case("as") => more,
            more => more,
        };
        let word = match more.first() {
            Some(Token::Word(word)) => word.trim_matches('"').to_ascii_lowercase(),
            Some(Token::Text(text)) => text.to_ascii_lowercase(),
            _ => String::new(),
        };
        let text = || match more.first() {
            Some(Token::Text(text)) => Ok(text.clone()),
            _ => Err(wrong(&format!("{name} takes a text"))),
        };
        match name.trim_matches('"').to_ascii_lowercase().as_str() {
            "format" => {
                self.form = Some(match word.as_str() {
                    "text" => Form::Text,
                    "csv" => Form::Csv,
                    "binary" => Form::Binary,
                    _ => return Err(Fault::new("22023", "the format is text, csv or binary")),
                });
                return Ok(&more[1..]);
            }
            "csv" => self.form = Some(Form::Csv),
            "binary" => self.form = Some(Form::Binary),
            "header" => {
                let said = ["true", "on", "1", "false", "off", "0"].iter().position(|known| *known == word);
                self.has_header = said.is_none_or(|place| place < 3);
                return Ok(if said.is_some() { &more[1..] } else { more });
            }
            "encoding" if ["utf8", "utf-8", "unicode"].contains(&word.as_str()) => return Ok(&more[1..]),
            "delimiter" | "delimiters" => self.delimiter = Some(text()?),
            "null" => self.null = Some(text()?),
            "quote" => self.quote = Some(text()?),
            "escape" => self.escape = Some(text()?),
            other => return Err(Fault::new("0A000", format!("COPY has no option {other:?} here"))),
        }
        let takes_text = !["csv", "binary"].iter().any(|known| name.eq_ignore_ascii_case(known));
        Ok(if takes_text { &more[1..] } else { more })
    }

    fn copy(self, sql: String, place: Option<usize>) -> Result<Copy, Fault> {
        let form = self.form.unwrap_or(Form::Text);
        let is_plain = self.delimiter.is_none() && self.null.is_none() && !self.has_header;
        let is_csv = form == Form::Csv;
        if (form == Form::Binary && !is_plain) || (!is_csv && (self.quote.is_some() || self.escape.is_some())) {
            return Err(Fault::new("42601", "these options do not go with this format"));
        }
        let delimiter = sign(self.delimiter, if is_csv { b',' } else { b'\t' })?;
        let quote = sign(self.quote, b'"')?;
        let escape = sign(self.escape, quote)?;
        let null = self.null.unwrap_or_else(|| if is_csv { String::new() } else { "\\N".to_owned() });
        let is_wrong = delimiter == quote && is_csv
            || delimiter == b'\\' && !is_csv
            || null.as_bytes().contains(&delimiter)
            || null.contains(['\n', '\r']);
        match is_wrong {
            true => Err(Fault::new("22023", "the delimiter, the quote and the text of null must be told apart")),
            false => Ok(Copy { sql, place, form, has_header: self.has_header, delimiter, quote, escape, null }),
        }
    }
}

fn sign(given: Option<String>, otherwise: u8) -> Result<u8, Fault> {
    match given.as_deref().map(str::as_bytes) {
        None => Ok(otherwise),
        Some([byte]) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        Some(_) => Err(Fault::new("0A000", "delimiter, quote and escape are one ASCII sign each")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(statement: &str) -> &'static str {
        read(statement).unwrap_err().code
    }

    #[test]
    fn what_is_copied_is_the_question_or_the_table() {
        let copy = read("/* c */ COPY (SELECT ')' AS a, (1) -- )\n) TO STDOUT").unwrap();
        assert_eq!((copy.sql.as_str(), copy.place), ("SELECT ')' AS a, (1) -- )\n", Some(14)));
        assert_eq!((copy.form, copy.delimiter, copy.null.as_str()), (Form::Text, b'\t', "\\N"));
        assert_eq!(read("copy activity to stdout;").unwrap().sql, "SELECT * FROM activity");
        let named = read("COPY \"public\".\"activity\" (event, \"a b\") TO STDOUT").unwrap();
        assert_eq!(named.sql, "SELECT event , \"a b\" FROM \"public\".\"activity\"");
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        let new = read("COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, HEADER true, DELIMITER ';', NULL 'x')").unwrap();
        let old = read("COPY (SELECT 1) TO STDOUT WITH CSV HEADER DELIMITER AS ';' NULL 'x'").unwrap();
        assert_eq!(new, old);
        assert_eq!((new.form, new.has_header, new.delimiter, new.null.as_str()), (Form::Csv, true, b';', "x"));
        assert_eq!(read("COPY (SELECT 1) TO STDOUT (FORMAT \"binary\")").unwrap().form, Form::Binary);
        assert_eq!(read("COPY (SELECT 1) TO STDOUT CSV QUOTE '''' NULL ''").unwrap().quote, b'\'');
        assert_eq!(read("COPY (SELECT 1) TO STDOUT DELIMITER E'\\t'").unwrap().delimiter, b'\t');
        assert!(!read("COPY (SELECT 1) TO STDOUT (FORMAT csv, HEADER off)").unwrap().has_header);
    }

    #[test]
    fn what_it_does_not_do_is_refused() {
        assert_eq!(refused("COPY activity FROM STDIN"), "25006");
        assert_eq!(refused("COPY activity (event) FROM '/tmp/x' CSV"), "25006");
        assert_eq!(refused("COPY activity TO '/tmp/x'"), "42501");
        assert_eq!(refused("COPY activity TO PROGRAM 'rm'"), "42501");
        assert_eq!(refused("COPY (SELECT 1 TO STDOUT"), "42601");
        assert_eq!(refused("COPY TO STDOUT"), "42601");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (FORCE_QUOTE *)"), "0A000");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (FORMAT xml)"), "22023");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (FORMAT binary, HEADER)"), "42601");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (DELIMITER)"), "42601");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (FORMAT)"), "22023");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (DELIMITER 'ab')"), "0A000");
        assert_eq!(refused("COPY (SELECT 1) TO STDOUT (ENCODING 'latin1')"), "0A000");
    }
}
