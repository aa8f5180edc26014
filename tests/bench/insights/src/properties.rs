//! The hot properties of the generated activities, out of their JSON.

use footfall_pipelines_insights::projection::{ColumnKind, Dictionaries, Rows, Values};
use jiter::{Jiter, NumberAny, Peek};

use crate::error::BenchError;

/// Properties that get a column.
pub const HOT: &[(&str, ColumnKind)] = &[
    ("country", ColumnKind::Words),
    ("$os", ColumnKind::Words),
    ("$browser", ColumnKind::Words),
    ("plan", ColumnKind::Words),
    ("variant", ColumnKind::Words),
    ("place_id", ColumnKind::Words),
    ("price", ColumnKind::Numbers),
];

/// Appends the properties of one row.
pub fn append(dictionaries: &Dictionaries, json: &str, rows: &mut Rows) -> Result<(), BenchError> {
    let damaged = |_| BenchError::Column("properties");
    for values in &mut rows.columns {
        match values {
            Values::Words(words) => words.push(0),
            Values::Numbers(numbers) => numbers.push(f64::NAN),
        }
    }
    let mut reader = Jiter::new(json.as_bytes());
    let place = |key: Option<&str>| key.map(|key| HOT.iter().position(|(name, _)| *name == key));
    let mut next = place(reader.next_object().map_err(damaged)?);
    while let Some(column) = next {
        let peek = reader.peek().map_err(damaged)?;
        match column.map(|column| (column, &mut rows.columns[column])) {
            Some((column, Values::Words(words))) if peek == Peek::String => {
                let text = reader.known_str().map_err(damaged)?;
                let code = dictionaries.columns[column].dictionary.intern(text) + 1;
                words.last_mut().into_iter().for_each(|last| *last = code);
            }
            Some((_, Values::Numbers(numbers))) if peek.is_num() => {
                let number = match reader.known_number(peek).map_err(damaged)? {
                    NumberAny::Float(number) => number,
                    NumberAny::Int(number) => f64::from(number),
                };
                numbers.last_mut().into_iter().for_each(|last| *last = number);
            }
            _ => reader.known_skip(peek).map_err(damaged)?,
        }
        next = place(reader.next_key().map_err(damaged)?);
    }
    Ok(())
}
