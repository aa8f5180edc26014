//! Rows, and what is no answer, on their way to the client.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::TicketStatementQuery;
use arrow_flight::{IpcMessage, SchemaAsIpc};
use footfall_api_sql::Rows;
use footfall_pipelines_store::query::plain_batch;
use futures::{Stream, TryStreamExt, stream};
use tonic::{Response, Status};

use crate::running::Entry;
use crate::service::{Answered, DoGet, NUMBER_BYTES};
use crate::status::status;

pub(crate) fn failed(error: impl std::fmt::Display) -> Status {
    tracing::error!(%error, "a Flight answer cannot be made");
    Status::internal("it failed inside; the server's log says why")
}

pub(crate) fn foreign() -> Status {
    Status::invalid_argument("a ticket that is none of ours")
}

pub(crate) fn number_and_statement(ticket: &TicketStatementQuery) -> Result<(&[u8], &str), Status> {
    let (number, sql) = ticket.statement_handle.split_at_checked(NUMBER_BYTES).ok_or_else(foreign)?;
    Ok((number, std::str::from_utf8(sql).map_err(|_| foreign())?))
}

pub(crate) fn plain_rows(
    rows: Rows,
    schema: SchemaRef,
    entry: Entry,
) -> impl Stream<Item = Result<RecordBatch, FlightError>> {
    stream::unfold((rows, schema, entry), |(mut rows, schema, entry)| async move {
        let batch = match rows.next().await? {
            Ok(batch) => plain_batch(&schema, &batch).map_err(|error| FlightError::Tonic(Box::new(failed(error)))),
            Err(refusal) => Err(FlightError::Tonic(Box::new(status(refusal)))),
        };
        Some((batch, (rows, schema, entry)))
    })
}

pub(crate) fn encoded(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> DoGet {
    let data = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
    Box::pin(data.map_err(|error| match error {
        FlightError::Tonic(status) => *status,
        other => failed(other),
    }))
}

pub(crate) fn one(schema: SchemaRef, batch: arrow_flight::error::Result<RecordBatch>) -> Answered<DoGet> {
    let batch = batch.map_err(failed)?;
    Ok(Response::new(encoded(schema, stream::iter([Ok(batch)]))))
}

/// An answer without rows.
pub(crate) fn nothing(schema: Schema) -> Answered<DoGet> {
    Ok(Response::new(encoded(Arc::new(schema), stream::empty())))
}

pub(crate) fn schema_bytes(schema: &Schema) -> Result<Vec<u8>, Status> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options).try_into().map_err(failed)?;
    Ok(bytes.to_vec())
}
