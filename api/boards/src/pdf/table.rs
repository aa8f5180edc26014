//! Answers as the table that is printed: columns and cells of text.

use serde_json::Value;

/// Cells are cut after so many characters.
pub(super) const CELL_CHARS_MAX: usize = 400;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Numbers stand at the right edge.
    pub is_number: bool,
}

/// Columns and rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Of the rows of SQL as JSON has them.
    pub fn of_rows(answer: &Value) -> Table {
        let columns = answer["columns"].as_array().into_iter().flatten().map(|column| Column {
            name: column["name"].as_str().unwrap_or_default().to_owned(),
            is_number: matches!(column["type"].as_str(), Some("integer" | "float" | "decimal")),
        });
        let rows = answer["rows"].as_array().into_iter().flatten();
        let cells = |row: &Value| row.as_array().into_iter().flatten().map(cell).collect();
        Table { columns: columns.collect(), rows: rows.map(cells).collect() }
    }

    /// Of an answer that is no table: each value with the way to it, at most so many.
    pub fn of_values(answer: &Value, most: usize) -> Table {
        let mut rows = Vec::new();
        gather(answer, String::new(), most, &mut rows);
        let column = |name: &str| Column { name: name.to_owned(), is_number: false };
        Table { columns: vec![column("what"), column("value")], rows }
    }
}

fn gather(value: &Value, way: String, most: usize, rows: &mut Vec<Vec<String>>) {
    if rows.len() >= most {
        return;
    }
    let below = |name: &str| if way.is_empty() { name.to_owned() } else { format!("{way} › {name}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inner)| gather(inner, below(name), most, rows)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| gather(inner, below(&(at + 1).to_string()), most, rows));
        }
        other => rows.push(vec![way, cell(other)]),
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_become_cells() {
        let answer = json!({"columns": [{"name": "a", "type": "string"}, {"name": "n", "type": "integer"}],
            "rows": [["x", 1], [null, -2.5], [["y", 1], true]]});
        let table = Table::of_rows(&answer);
        assert_eq!(table.columns.iter().map(|column| column.is_number).collect::<Vec<_>>(), [false, true]);
        assert_eq!(table.rows, [["x", "1"], ["", "-2.5"], ["[\"y\",1]", "true"]]);
        let long = json!({"rows": [["é".repeat(CELL_CHARS_MAX + 1)]]});
        assert_eq!(Table::of_rows(&long).rows[0][0].chars().count(), CELL_CHARS_MAX + 1);
        let values = Table::of_values(&json!({"people": 3, "steps": [{"n": 1}, {"n": 2}]}), 2);
        assert_eq!(values.rows, [["people", "3"], ["steps › 1 › n", "1"]]);
    }
}
