//! A value as YAML that people like to read: block style, plain texts where they are plain, literal blocks for several lines.

use serde_json::{Map, Value};

use super::read::is_number;

/// Members that people look for first; the others follow by name.
const FIRST: [&str; 16] = [
    "footfall",
    "id",
    "name",
    "title",
    "label",
    "description",
    "refresh_seconds",
    "days",
    "zone",
    "variables",
    "filters",
    "x",
    "y",
    "width",
    "height",
    "show",
];

fn ordered(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(key, _)| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
    members
}

/// The text of a document; [`super::read`] gives the same value again.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(_) | Value::Array(_) => block(value, 0, &mut text),
        scalar => {
            text.push_str(&inline(scalar));
            text.push('\n');
        }
    }
    text
}

fn indent(depth: usize, text: &mut String) {
    (0..depth).for_each(|_| text.push_str("  "));
}

fn block(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(members) if members.is_empty() => text.push_str("{}\n"),
        Value::Array(items) if items.is_empty() => text.push_str("[]\n"),
        Value::Object(members) => {
            for (key, value) in ordered(members) {
                indent(depth, text);
                member(key, value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(depth, text);
                text.push_str("- ");
                match item {
                    // The first member stands beside the dash, the others below it.
                    Value::Object(members) if !members.is_empty() => {
                        for (at, (key, value)) in ordered(members).into_iter().enumerate() {
                            if at > 0 {
                                indent(depth + 1, text);
                            }
                            member(key, value, depth + 1, text);
                        }
                    }
                    item => rest(item, depth, text),
                }
            }
        }
        scalar => rest(scalar, depth, text),
    }
}

fn member(key: &str, value: &Value, depth: usize, text: &mut String) {
    text.push_str(&plain_or_quoted(key));
    text.push_str(": ");
    rest(value, depth, text);
}

/// What comes after a key or a dash.
fn rest(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::String(long) if is_block(long) => literal(long, depth, text),
        Value::Object(members) if !members.is_empty() => {
            while text.ends_with(' ') {
                text.pop();
            }
            text.push('\n');
            block(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() && !is_short(items) => {
            while text.ends_with(' ') {
                text.pop();
            }
            text.push('\n');
            block(value, depth + 1, text);
        }
        value => {
            text.push_str(&inline(value));
            text.push('\n');
        }
    }
}

/// Lists of scalars that fit a line.
fn is_short(items: &[Value]) -> bool {
    items
        .iter()
        .all(|item| !item.is_object() && !item.is_array() && !matches!(item, Value::String(text) if is_block(text)))
        && items.iter().map(|item| inline(item).len() + 2).sum::<usize>() < 90
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => plain_or_quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        // An empty map; others are blocks.
        other => other.to_string(),
    }
}

/// Several lines that a literal block gives back as they are.
fn is_block(text: &str) -> bool {
    let is_plain = |line: &str| !line.chars().any(|letter| letter.is_control()) && !line.ends_with(' ');
    text.contains('\n')
        && !text.contains('\r')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.lines().all(is_plain)
        && !text.contains(['\u{feff}', '\u{85}', '\u{2028}', '\u{2029}'])
}

fn literal(long: &str, depth: usize, text: &mut String) {
    text.push_str(if long.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in long.lines() {
        if !line.is_empty() {
            indent(depth + 1, text);
            text.push_str(line);
        }
        text.push('\n');
    }
}

/// Quoted as JSON, which is YAML, unless it is a plain word or sentence.
fn plain_or_quoted(text: &str) -> String {
    const WORDS: [&str; 6] = ["null", "true", "false", "yes", "no", "on"];
    let begins_well = text.starts_with(|letter: char| letter.is_alphabetic());
    let is_plain = |letter: char| letter.is_alphanumeric() || " _-./$()%+*".contains(letter);
    // Readers differ about a dash that stands alone, as in `[a -]`.
    let has_lone_dash = text.split(' ').any(|word| word.starts_with('-') || word.ends_with('-'));
    let fits = begins_well
        && !has_lone_dash
        && !text.ends_with(' ')
        && text.chars().all(is_plain)
        && !WORDS.contains(&text.to_lowercase().as_str())
        && !is_number(text);
    if fits { text.to_owned() } else { Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007f") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml::read;

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[a-z $:#'\"\\-]{0,12}",
            "(SELECT [a-z]{1,5} *\n){1,3}",
            "\\PC{0,9}",
            Just("on".to_owned()),
            Just("1e5".to_owned())
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|number| json!(number)),
            (-1e9..1e9f64).prop_map(|number| json!(number)),
            text.prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::btree_map("[a-z]{1,6}|\\PC{1,5}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn what_is_written_is_read_again(value in value()) {
            let text = write(&value);
            let again = read(&text).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
            prop_assert_eq!(again.value, value, "{}", text);
        }
    }

    #[test]
    fn a_dash_alone_is_quoted() {
        for value in [json!(["a -"]), json!({"a -": "a - b"}), json!(["a-", "a -b"])] {
            let text = write(&value);
            assert_eq!(read(&text).expect(&text).value, value, "{text}");
        }
    }

    #[test]
    fn documents_are_pleasant() {
        let value = json!({"title": "Who comes", "tiles": [{"id": "a", "sql": "SELECT 1\nFROM t\n", "list": ["a", "b: c"]}], "none": []});
        let text = "title: Who comes\ntiles:\n  - id: a\n    sql: |\n      SELECT 1\n      FROM t\n    list: [a, \"b: c\"]\nnone: []\n";
        // Members keep their order only where serde_json keeps it; the parts are what counts.
        let written = write(&value);
        for line in text.lines().map(str::trim) {
            assert!(written.contains(line.trim_start_matches("- ")), "{line}\n{written}");
        }
    }
}
