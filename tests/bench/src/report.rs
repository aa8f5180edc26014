//! What has been measured: printed as it comes, kept for the JSON file.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::BenchError;

/// The tables so far.
#[derive(Debug, Default)]
pub struct Report {
    tables: Map<String, Value>,
}

impl Report {
    /// A heading.
    pub fn section(&mut self, title: &str) {
        show(&format!("\n## {title}\n"));
    }

    /// A paragraph.
    pub fn note(&mut self, text: &str) {
        show(&format!("\n{text}\n"));
    }

    /// Begins a table; rows follow.
    pub fn table<'a>(&'a mut self, name: &str, columns: &[&str]) -> Table<'a> {
        show(&format!("\n| {} |", columns.join(" | ")));
        show(&format!("|{}", "---|".repeat(columns.len())));
        let rows = self.tables.entry(name).or_insert_with(|| json!([]));
        Table { rows, columns: columns.iter().map(|&column| column.to_owned()).collect() }
    }

    pub fn write_json(&self, path: &Path) -> Result<(), BenchError> {
        std::fs::write(path, format!("{:#}\n", Value::Object(self.tables.clone())))?;
        Ok(())
    }
}

/// A table under way.
pub struct Table<'a> {
    rows: &'a mut Value,
    columns: Vec<String>,
}

impl Table<'_> {
    pub fn row(&mut self, cells: &[Value]) {
        let shown: Vec<_> = cells.iter().map(cell).collect();
        show(&format!("| {} |", shown.join(" | ")));
        let row: Map<_, _> = self.columns.iter().cloned().zip(cells.iter().cloned()).collect();
        if let Some(rows) = self.rows.as_array_mut() {
            rows.push(Value::Object(row));
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), number_text),
        other => other.to_string(),
    }
}

/// Three figures that count, thousands set apart.
fn number_text(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 100.0 || size == size.trunc() => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{number:.decimals$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && grouped != "-" {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listening any more is no reason to stop: the JSON file is still to come.
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}
