//! A text of several statements, cut where they end: outside of quotes, comments and dollar quotes.

/// The statements of `sql`, without the empty ones.
pub(crate) fn split(sql: &str) -> Vec<&str> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    let bytes = sql.as_bytes();
    while at < bytes.len() {
        if bytes[at] == b';' {
            parts.push(&sql[from..at]);
            from = at + 1;
            at += 1;
        } else {
            at = skip(sql, at);
        }
    }
    parts.push(&sql[from..]);
    parts.retain(|part| !words(part).is_empty());
    parts
}

/// The words and signs of a statement without comments, as far as its first string: enough to know a command.
pub(crate) fn words(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        let skipped = if rest.starts_with("--") {
            rest.find('\n').map_or("", |end| &rest[end..])
        } else if rest.starts_with("/*") {
            &rest[skip(rest, 0)..]
        } else {
            return rest;
        };
        rest = skipped.trim_start();
    }
}

/// Where the sign, quote or comment at `at` ends.
pub(crate) fn skip(sql: &str, at: usize) -> usize {
    let rest = &sql[at..];
    let end = |found: Option<usize>, more: usize| found.map_or(sql.len(), |found| at + found + more);
    match rest.as_bytes()[0] {
        b'\'' | b'"' => {
            let quote = rest.as_bytes()[0];
            let is_escaped = quote == b'\'' && at > 0 && matches!(sql.as_bytes()[at - 1], b'e' | b'E');
            let mut place = 1;
            while place < rest.len() {
                match rest.as_bytes()[place] {
                    b'\\' if is_escaped => place += 2,
                    byte if byte == quote => return at + place + 1,
                    _ => place += 1,
                }
            }
            sql.len()
        }
        b'-' if rest.starts_with("--") => end(rest.find('\n'), 1),
        b'/' if rest.starts_with("/*") => {
            let (mut depth, mut place) = (1, 2);
            while depth > 0 && place < rest.len() {
                let here = &rest.as_bytes()[place..];
                (depth, place) = match () {
                    () if here.starts_with(b"/*") => (depth + 1, place + 2),
                    () if here.starts_with(b"*/") => (depth - 1, place + 2),
                    () => (depth, place + 1),
                };
            }
            at + place.min(rest.len())
        }
        b'$' => match dollar_tag(rest) {
            Some(tag) => end(rest[tag.len()..].find(tag).map(|found| found + tag.len()), tag.len()),
            None => at + 1,
        },
        _ => at + rest.chars().next().map_or(1, char::len_utf8),
    }
}

/// `$$` or `$tag$`; `$1` is a parameter.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 2;
    let tag = &rest[1..end - 1];
    let is_name =
        tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_ascii_digit());
    is_name.then_some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::{split, words};

    #[test]
    fn statements_end_at_semicolons_of_their_own() {
        assert_eq!(split("a; b ;; ; -- x; y\n"), ["a", " b "]);
        assert_eq!(
            split("select ';', \";\", $$;$$, $t$;$t$ /* ; /* ; */ ; */; b"),
            ["select ';', \";\", $$;$$, $t$;$t$ /* ; /* ; */ ; */", " b"]
        );
        assert_eq!(split("select e'\\';', 'a'';b', $1; ü"), ["select e'\\';', 'a'';b', $1", " ü"]);
        assert_eq!(split("select 'open ; end"), ["select 'open ; end"]);
        assert!(split(" ;; -- nothing").is_empty());
        assert_eq!(words("/* a */ -- b\n  set x"), "set x");
    }
}
