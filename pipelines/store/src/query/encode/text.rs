//! JSON, NDJSON and CSV.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;

use super::Encoder;
use super::cell::{Cells, separated, write_text};
use super::kind::kind_of;

fn cells_of(batch: &RecordBatch) -> Result<Vec<Cells>, ArrowError> {
    batch.columns().iter().map(Cells::new).collect()
}

/// `{"columns":[…],"rows":[…],"row_count":n}`.
pub(super) struct JsonRows {
    columns: Vec<(String, &'static str)>,
    begun: bool,
}

impl JsonRows {
    pub fn new(schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| (field.name().clone(), kind_of(field.data_type()))).collect();
        JsonRows { columns, begun: false }
    }
}

impl Encoder for JsonRows {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        out.extend_from_slice(b"{\"columns\":");
        separated(b'[', b']', &self.columns, out, |(name, kind), out| {
            out.extend_from_slice(b"{\"name\":");
            write_text(name, out);
            out.extend_from_slice(b",\"type\":");
            write_text(kind, out);
            out.push(b'}');
        });
        out.extend_from_slice(b",\"rows\":[");
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let cells = cells_of(batch)?;
        for row in 0..batch.num_rows() {
            if self.begun {
                out.push(b',');
            }
            self.begun = true;
            separated(b'[', b']', &cells, out, |cells, out| cells.write_json(row, out));
        }
        Ok(())
    }

    fn end(&mut self, rows: u64, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        out.extend_from_slice(format!("],\"row_count\":{rows}}}\n").as_bytes());
        Ok(())
    }
}

/// An object per line.
pub(super) struct JsonLines {
    /// Quoted names with their colons.
    names: Vec<Vec<u8>>,
}

impl JsonLines {
    pub fn new(schema: &Schema) -> Self {
        let quoted = |name: &str| {
            let mut quoted = Vec::new();
            write_text(name, &mut quoted);
            quoted.push(b':');
            quoted
        };
        JsonLines { names: schema.fields().iter().map(|field| quoted(field.name())).collect() }
    }
}

impl Encoder for JsonLines {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), ArrowError> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let cells = cells_of(batch)?;
        for row in 0..batch.num_rows() {
            separated(b'{', b'}', self.names.iter().zip(&cells), out, |(name, cells), out| {
                out.extend_from_slice(name);
                cells.write_json(row, out);
            });
            out.push(b'\n');
        }
        Ok(())
    }

    fn end(&mut self, _: u64, _: &mut Vec<u8>) -> Result<(), ArrowError> {
        Ok(())
    }
}

/// RFC 4180, with line feeds.
pub(super) struct Csv {
    names: Vec<String>,
}

impl Csv {
    pub fn new(schema: &Schema) -> Self {
        Csv { names: schema.fields().iter().map(|field| field.name().clone()).collect() }
    }
}

impl Encoder for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        for (place, name) in self.names.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_field(name.as_bytes(), out);
        }
        out.push(b'\n');
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let cells = cells_of(batch)?;
        let mut field = Vec::new();
        for row in 0..batch.num_rows() {
            for (place, cells) in cells.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                if !cells.is_null(row) {
                    field.clear();
                    cells.write_plain(row, &mut field);
                    write_field(&field, out);
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }

    fn end(&mut self, _: u64, _: &mut Vec<u8>) -> Result<(), ArrowError> {
        Ok(())
    }
}

/// Quoted where it must be, and where it would look like null.
fn write_field(field: &[u8], out: &mut Vec<u8>) {
    let plain = !field.is_empty() && !field.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r'));
    if plain {
        return out.extend_from_slice(field);
    }
    out.push(b'"');
    for &byte in field {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
