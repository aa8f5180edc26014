//! Questions in the dialect of the database that holds the tables: judged and worked out there, under the same limits.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

use super::config::{Bounds, Question};
use super::error::{NativeError, QueryError};
use crate::lake::ProjectSnapshot;
use crate::remote::NativeQuestion;

/// Starts the question.
pub(super) async fn run(
    snapshot: &Arc<ProjectSnapshot>,
    question: &Question,
    bounds: Bounds,
) -> Result<SendableRecordBatchStream, QueryError> {
    let no = |message: &str| Err(QueryError::NotSupported { message: message.to_owned() });
    let Some(tables) = &snapshot.remote else {
        return no("the tables are not in ClickHouse: its dialect needs store.url to name one");
    };
    let is_given = match &question.params {
        serde_json::Value::Null => false,
        serde_json::Value::Array(values) => !values.is_empty(),
        serde_json::Value::Object(values) => !values.is_empty(),
        _ => true,
    };
    if is_given {
        return no("a question in ClickHouse's dialect has no params");
    }
    let asked = NativeQuestion {
        sql: question.sql.clone(),
        policy: question.policy.clone(),
        time_limit: bounds.time_limit,
        rows_max: bounds.rows_max,
        memory_bytes_max: bounds.memory_bytes_max,
        overrides: snapshot.overrides.clone(),
    };
    let mut rows = tables.ask(asked).await?;
    let schema = match rows.next().await {
        Some(Ok(first)) => first.schema(),
        Some(Err(error)) => return Err(NativeError(error).into()),
        None => return Err(QueryError::internal(&"an answer of the database without columns")),
    };
    let rows = rows.map_err(|error| DataFusionError::External(Box::new(NativeError(error))));
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}
