//! A settings file, flattened: dotted names with their values and the lines they stand on.

use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::ConfigError;

/// One assignment of the file.
pub(super) struct Assignment {
    pub name: String,
    pub value: Value,
    pub line: usize,
}

/// Reads a file from disk.
pub(super) fn read(path: &Path) -> Result<Vec<Assignment>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    parse(path, &std::fs::read_to_string(path).map_err(unreadable)?)
}

/// Reads TOML text; `path` only names it in errors.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, ConfigError> {
    let syntax = |error: toml::de::Error| ConfigError::Syntax {
        path: path.to_owned(),
        detail: match error.span() {
            Some(span) => format!("line {}: {}", line_of(text, span.start), error.message()),
            None => error.message().to_owned(),
        },
    };
    let spans = DeTable::parse(text).map_err(syntax)?;
    let values: Table = toml::from_str(text).map_err(syntax)?;
    let mut assignments = Vec::new();
    flatten("", text, spans.get_ref(), &values, &mut assignments);
    Ok(assignments)
}

fn flatten(prefix: &str, text: &str, spans: &DeTable<'_>, values: &Table, out: &mut Vec<Assignment>) {
    for (key, spanned) in spans {
        let Some(value) = values.get(key.get_ref().as_ref()) else { continue };
        let name = match prefix {
            "" => key.get_ref().to_string(),
            _ => format!("{prefix}.{}", key.get_ref()),
        };
        match (spanned.get_ref(), value) {
            (DeValue::Table(spans), Value::Table(values)) => flatten(&name, text, spans, values, out),
            _ => out.push(Assignment { name, value: value.clone(), line: line_of(text, key.span().start) }),
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
