//! The text of a statement as words and signs, and back. What is not known here is refused, so that nothing is read
//! otherwise by the database.

/// A word or a sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A name or a keyword.
    Bare(String),
    /// A name in quotation marks.
    Quoted(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

/// Longest first.
const SIGNS: &[&str] = &[
    "<=>", "->", "||", "<=", ">=", "<>", "!=", "==", "::", "(", ")", "[", "]", "{", "}", ",", ".", ";", "+", "-", "*",
    "/", "%", "=", "<", ">", "?", ":",
];

/// Reads a text; an error says what is not understood.
pub(super) fn read(sql: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let Some(first) = rest.chars().next() else { return Ok(words) };
        if let Some(after) = rest.strip_prefix("--") {
            rest = after.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix("/*") {
            let (inside, after) = after.split_once("*/").ok_or("a comment does not end")?;
            if inside.contains("/*") {
                return Err("a comment within a comment".to_owned());
            }
            rest = after;
        } else if matches!(first, '\'' | '"' | '`') {
            let (text, after) = quoted(rest, first)?;
            words.push(if first == '\'' { Word::Text(text) } else { Word::Quoted(text) });
            rest = after;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            words.push(Word::Bare(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if first.is_ascii_digit() {
            let (number, after) = number(rest)?;
            words.push(Word::Number(number));
            rest = after;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            words.push(Word::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            return Err(format!("the sign {first:?} is not understood here"));
        }
    }
}

/// The text in quotation marks, and what follows.
fn quoted(sql: &str, mark: char) -> Result<(String, &str), String> {
    let mut text = String::new();
    let mut letters = sql.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next().map(|(_, letter)| letter) {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other @ ('\\' | '\'' | '"' | '`' | '%' | '_' | '/')) => {
                    // As ClickHouse has it, so that patterns of LIKE keep theirs.
                    if matches!(other, '%' | '_') {
                        text.push('\\');
                    }
                    text.push(other);
                }
                _ => return Err("an escape in a text is not understood here".to_owned()),
            },
            letter if letter == mark => match letters.next_if(|(_, next)| *next == mark) {
                Some(_) => text.push(mark),
                None => return Ok((text, &sql[at + mark.len_utf8()..])),
            },
            '\0' => return Err("a NUL in a text".to_owned()),
            other => text.push(other),
        }
    }
    Err("a text does not end".to_owned())
}

/// A number, and what follows.
fn number(sql: &str) -> Result<(String, &str), String> {
    let bytes = sql.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    match bytes.get(end) {
        Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => {
            Err("a number is not understood here".to_owned())
        }
        _ => Ok((sql[..end].to_owned(), &sql[end..])),
    }
}

/// The words as a text again.
pub(super) fn write(words: &[Word]) -> String {
    let one = |word: &Word| match word {
        Word::Bare(name) | Word::Number(name) => name.clone(),
        Word::Quoted(name) => format!("`{}`", escaped(name, '`')),
        Word::Text(text) => format!("'{}'", escaped(text, '\'')),
        Word::Sign(sign) => (*sign).to_owned(),
    };
    let mut sql = String::new();
    let mut before: Option<&Word> = None;
    for word in words {
        // `t.1` and `a.b` stay together; all else is parted: `1 .1` is not `1.1`.
        let begins = matches!(word, Word::Sign(".")) && !matches!(before, Some(Word::Number(_)));
        let joins = begins || matches!(before, Some(Word::Sign(".")));
        if before.is_some() && !joins {
            sql.push(' ');
        }
        sql += &one(word);
        before = Some(word);
    }
    sql
}

fn escaped(text: &str, mark: char) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\\' || letter == mark {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_and_written() {
        let sql =
            "WITH (a, b) -> a.1 AS f SELECT `x``y`, 'it''s \\\\ \\'', 1.5e-3 /* no */ FROM t -- end\nWHERE a <= 3";
        let written = write(&read(sql).unwrap());
        assert_eq!(
            written,
            "WITH ( a , b ) -> a.1 AS f SELECT `x\\`y` , 'it\\'s \\\\ \\'' , 1.5e-3 FROM t WHERE a <= 3"
        );
        assert_eq!(write(&read(&written).unwrap()), written);
        let apart = read("1. 1").unwrap();
        assert_eq!(read(&write(&apart)).unwrap(), apart);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for sql in [
            "SELECT 'a",
            "SELECT $$a$$",
            "SELECT 0x1F",
            "SELECT /* /* */",
            "SELECT ＇a＇",
            "SELECT '\\x41'",
            "SELECT @@version",
        ] {
            assert!(read(sql).is_err(), "{sql}");
        }
    }

    proptest! {
        /// Whatever is read, is written so that it reads the same.
        #[test]
        fn written_words_read_the_same(sql in r#"[a-z'"`\\ ,.()1-9*/\n%-]{0,60}"#) {
            if let Ok(words) = read(&sql) {
                prop_assert_eq!(read(&write(&words)).unwrap(), words);
            }
        }
    }
}
