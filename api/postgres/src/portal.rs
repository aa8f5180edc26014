//! The rows of one question on their way to the client.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::{BufMut, BytesMut};
use footfall_api_sql::Rows;
use pgwire::messages::PgWireBackendMessage as Out;
use pgwire::messages::data::RowDescription;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::cells::Cells;
use crate::fault::Fault;
use crate::stop::Stop;
use crate::type_ids;
use crate::wire::{Broken, Wire};
use crate::zone::Clock;

/// Where rows come from.
pub(crate) enum Source {
    Engine(Rows),
    /// One batch that the session made itself.
    Own(SchemaRef, Option<RecordBatch>),
}

/// One row of one column, which the session made.
pub(crate) fn shown(name: &str, value: &str) -> Result<Source, Fault> {
    let schema = Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(StringArray::from(vec![value]))]);
    Ok(Source::Own(schema, Some(batch.map_err(|error| Fault::new("XX000", error.to_string()))?)))
}

/// Rows that are being sent.
pub(crate) struct Open {
    source: Source,
    schema: SchemaRef,
    /// Which columns go in binary.
    binary: Vec<bool>,
    current: Option<Current>,
    scratch: Vec<u8>,
    clock: Clock,
}

struct Current {
    columns: Vec<Cells>,
    rows: usize,
    at: usize,
}

/// What was sent.
pub(crate) struct Sent {
    pub rows: usize,
    /// The answer has ended.
    pub is_whole: bool,
}

impl Open {
    /// `formats` as a client binds them: none, one for all columns, or one for each. `clock` is the session's.
    pub fn new(source: Source, formats: &[i16], clock: Clock) -> Result<Open, Fault> {
        let schema = match &source {
            Source::Engine(rows) => rows.schema().clone(),
            Source::Own(schema, _) => schema.clone(),
        };
        let columns = schema.fields().len();
        if i16::try_from(columns).is_err() {
            return Err(Fault::new("54011", "the answer has too many columns"));
        }
        let mut open = Open { source, schema, binary: Vec::new(), current: None, scratch: Vec::new(), clock };
        open.write_as(formats)?;
        Ok(open)
    }

    /// Writes what is sent from now on in these formats.
    pub fn write_as(&mut self, formats: &[i16]) -> Result<(), Fault> {
        let columns = self.schema.fields().len();
        self.binary = match formats {
            [] => vec![false; columns],
            [all] => vec![*all == 1; columns],
            each if each.len() == columns => each.iter().map(|format| *format == 1).collect(),
            _ => return Err(Fault::new("08P01", "there are formats for other columns than the answer has")),
        };
        Ok(())
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn description(&self) -> Out {
        let fields = self.schema.fields().iter().zip(&self.binary);
        Out::RowDescription(RowDescription::new(
            fields.map(|(field, binary)| type_ids::description(field, *binary)).collect(),
        ))
    }

    /// Sends up to `rows_max` rows; all of them when that is zero.
    pub async fn send<S>(&mut self, wire: &mut Wire<S>, rows_max: usize) -> Result<Sent, Stop>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut form = DataRows(std::mem::take(&mut self.binary));
        let sent = self.send_as(wire, rows_max, &mut form).await;
        self.binary = form.0;
        sent
    }

    /// The same, each row as `form` writes it.
    pub async fn send_as<S>(
        &mut self,
        wire: &mut Wire<S>,
        rows_max: usize,
        form: &mut impl RowForm,
    ) -> Result<Sent, Stop>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut rows = 0;
        while rows_max == 0 || rows < rows_max {
            let current = match &mut self.current {
                Some(current) if current.at < current.rows => current,
                _ => match next(&mut self.source, wire).await? {
                    Some(batch) => self.current.insert(self::current(&self.schema, &batch, self.clock)?),
                    None => return Ok(Sent { rows, is_whole: true }),
                },
            };
            while current.at < current.rows && (rows_max == 0 || rows < rows_max) {
                form.put(&current.columns, current.at, &mut self.scratch, &mut wire.output)?;
                current.at += 1;
                rows += 1;
                wire.flush_if_full().await?;
            }
        }
        Ok(Sent { rows, is_whole: false })
    }
}

/// The next batch; a client that has gone ends the wait, and with it the work.
async fn next<S>(source: &mut Source, wire: &mut Wire<S>) -> Result<Option<RecordBatch>, Stop>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let rows = match source {
        Source::Own(_, batch) => return Ok(batch.take()),
        Source::Engine(rows) => rows,
    };
    tokio::select! {
        biased;
        batch = rows.next() => Ok(batch.transpose().map_err(Fault::from)?),
        () = wire.gone() => Err(Stop::Broken(Broken::Closed)),
    }
}

fn current(schema: &SchemaRef, batch: &RecordBatch, clock: Clock) -> Result<Current, Fault> {
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| Cells::of(field, column, clock));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| {
        tracing::error!(%error, "a column cannot be written");
        Fault::new("XX000", "a column cannot be written")
    })?;
    Ok(Current { columns, rows: batch.num_rows(), at: 0 })
}

/// How a row is written as a message.
pub(crate) trait RowForm {
    fn put(&mut self, columns: &[Cells], row: usize, scratch: &mut Vec<u8>, out: &mut BytesMut) -> Result<(), Fault>;
}

/// DataRows; which columns go in binary.
struct DataRows(Vec<bool>);

impl RowForm for DataRows {
    fn put(&mut self, columns: &[Cells], row: usize, scratch: &mut Vec<u8>, out: &mut BytesMut) -> Result<(), Fault> {
        framed(b'D', out, |out| {
            out.put_i16(columns.len() as i16);
            for (cells, binary) in columns.iter().zip(&self.0) {
                cells.put(row, *binary, scratch, out);
            }
        })
    }
}

/// A message, written where it waits to be sent: there may be millions.
pub(crate) fn framed(letter: u8, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) -> Result<(), Fault> {
    let start = out.len();
    out.put_u8(letter);
    out.put_i32(0);
    write(out);
    let length = i32::try_from(out.len() - start - 1).map_err(|_| Fault::new("54000", "a row is too long"))?;
    out[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
