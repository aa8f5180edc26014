//! Which tables there are, for those who ask: those that their policy shows.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use footfall_api_sql::{Ask, Cancel, Desk, Seat};
use footfall_pipelines_store::query::plain_schema;
use tonic::Status;

use crate::status::status;

pub(crate) const SCHEMA: &str = "public";
pub(crate) const TABLE: &str = "TABLE";

const NAMES: &str =
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name";

/// The names of the tables.
pub(crate) async fn names(desk: &Desk, seat: &Seat) -> Result<Vec<String>, Status> {
    let ask = Ask { sql: NAMES.to_owned(), ..Ask::default() };
    let mut rows = desk.ask(seat, ask, &Cancel::default()).await.map_err(status)?;
    let mut names = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(status)?;
        let column = cast(batch.column(0), &DataType::Utf8).map_err(|error| Status::internal(error.to_string()))?;
        names.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(names)
}

/// The columns of a table that [`names`] gave.
pub(crate) async fn columns(desk: &Desk, seat: &Seat, table: &str) -> Result<SchemaRef, Status> {
    let ask = Ask { sql: format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")), ..Ask::default() };
    let described = desk.describe(seat, ask, Vec::new()).await.map_err(status)?;
    Ok(Arc::new(plain_schema(&described.schema).as_ref().clone()))
}
