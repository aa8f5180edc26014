//! Rows as `COPY … TO STDOUT` writes them: text, CSV, or the binary form.

use arrow::datatypes::Schema;
use bytes::{BufMut, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage as Out;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::cells::Cells;
use crate::copy::{Copy, Form};
use crate::fault::Fault;
use crate::portal::{Open, RowForm, framed};
use crate::stop::Stop;
use crate::wire::Wire;

/// The first bytes of the binary form: its signature, no flags, no extension.
const BINARY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_END: &[u8] = &(-1_i16).to_be_bytes();

/// Sends all rows of `open`; how many they were.
pub(crate) async fn send<S>(open: &mut Open, copy: &Copy, wire: &mut Wire<S>) -> Result<usize, Stop>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let schema = open.schema().clone();
    let columns = i16::try_from(schema.fields().len()).unwrap_or(i16::MAX);
    let format = i8::from(copy.form == Form::Binary);
    let formats = vec![i16::from(format); schema.fields().len()];
    wire.put(Out::CopyOutResponse(CopyOutResponse::new(format, columns, formats)))?;
    if copy.has_header {
        data(wire, &header(&schema, copy))?;
    }
    let mut rows = Rows { copy, is_begun: false };
    let sent = open.send_as(wire, 0, &mut rows).await?;
    if copy.form == Form::Binary {
        let head = if rows.is_begun { b"" } else { BINARY_HEAD };
        data(wire, &[head, BINARY_END].concat())?;
    }
    wire.put(Out::CopyDone(CopyDone::new()))?;
    Ok(sent.rows)
}

fn data<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>, bytes: &[u8]) -> Result<(), Stop> {
    Ok(wire.put(Out::CopyData(CopyData::new(Bytes::copy_from_slice(bytes))))?)
}

fn header(schema: &Schema, copy: &Copy) -> BytesMut {
    let mut line = BytesMut::new();
    for (place, field) in schema.fields().iter().enumerate() {
        if place > 0 {
            line.put_u8(copy.delimiter);
        }
        copy.put_text(field.name().as_bytes(), &mut line);
    }
    line.put_u8(b'\n');
    line
}

/// Rows, each a piece of the copy. The head of the binary form goes with the first, as clients expect.
struct Rows<'a> {
    copy: &'a Copy,
    is_begun: bool,
}

impl RowForm for Rows<'_> {
    fn put(&mut self, columns: &[Cells], row: usize, scratch: &mut Vec<u8>, out: &mut BytesMut) -> Result<(), Fault> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let copy = self.copy;
        framed(b'd', out, |out| {
            if copy.form == Form::Binary {
                if is_first {
                    out.put_slice(BINARY_HEAD);
                }
                out.put_i16(columns.len() as i16);
                return columns.iter().for_each(|cells| cells.put(row, true, scratch, out));
            }
            for (place, cells) in columns.iter().enumerate() {
                if place > 0 {
                    out.put_u8(copy.delimiter);
                }
                if cells.is_null(row) {
                    out.put_slice(copy.null.as_bytes());
                    continue;
                }
                if let Some(text) = cells.plain_text(row) {
                    copy.put_text(text, out);
                    continue;
                }
                scratch.clear();
                cells.write_text(row, scratch);
                copy.put_text(scratch, out);
            }
            out.put_u8(b'\n');
        })
    }
}

impl Copy {
    /// A value that is not null.
    fn put_text(&self, value: &[u8], out: &mut BytesMut) {
        match self.form {
            Form::Csv => self.put_quoted(value, out),
            _ => self.put_escaped(value, out),
        }
    }

    fn put_escaped(&self, value: &[u8], out: &mut BytesMut) {
        let mut rest = value;
        while let Some((place, letter)) = rest.iter().enumerate().find_map(|(place, byte)| {
            let letter = self.letter_of(*byte)?;
            Some((place, letter))
        }) {
            out.put_slice(&rest[..place]);
            out.put_slice(&[b'\\', letter]);
            rest = &rest[place + 1..];
        }
        out.put_slice(rest);
    }

    /// What stands behind the backslash for this byte, if it cannot stand for itself.
    fn letter_of(&self, byte: u8) -> Option<u8> {
        Some(match byte {
            8 => b'b',
            9 => b't',
            10 => b'n',
            11 => b'v',
            12 => b'f',
            13 => b'r',
            byte if byte == b'\\' || byte == self.delimiter => byte,
            _ => return None,
        })
    }

    fn put_quoted(&self, value: &[u8], out: &mut BytesMut) {
        let is_special = |byte: &u8| *byte == self.delimiter || *byte == self.quote || matches!(byte, b'\n' | b'\r');
        // A line of these two signs alone is the end of the data to some readers.
        if value != self.null.as_bytes() && value != b"\\." && !value.iter().any(is_special) {
            return out.put_slice(value);
        }
        out.put_u8(self.quote);
        for &byte in value {
            if byte == self.quote || byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(byte);
        }
        out.put_u8(self.quote);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::copy::read;

    fn written(options: &str, value: &str) -> String {
        let copy = read(&format!("COPY (SELECT 1) TO STDOUT {options}")).unwrap_or_else(|fault| panic!("{fault:?}"));
        let mut out = BytesMut::new();
        copy.put_text(value.as_bytes(), &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn values_are_written_so_that_they_can_be_read_again() {
        assert_eq!(written("", "a\tb\\c\nü"), "a\\tb\\\\c\\nü");
        assert_eq!(written("DELIMITER '|'", "a|b"), "a\\|b");
        assert_eq!(written("CSV", "plain"), "plain");
        assert_eq!(written("CSV", "a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(written("CSV", ""), "\"\"");
        assert_eq!(written("CSV", "\\."), "\"\\.\"");
        assert_eq!(written("CSV NULL 'none'", "none"), "\"none\"");
        assert_eq!(written("(FORMAT csv, QUOTE '''', ESCAPE '\\')", "it's"), "'it\\'s'");
    }
}
