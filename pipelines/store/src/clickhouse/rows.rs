//! The rows of one project at one moment.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, UInt64Type};
use async_trait::async_trait;

use super::chain::schema;
use super::database::Database;
use super::filter_sql::{condition, name, quoted};
use super::view::Visible;
use super::{native, overrides};
use crate::StoreError;
use crate::query::QueryError;
use crate::remote::{NativeQuestion, RemoteRows, Rows, RowsWanted};
use crate::tables::Table;

/// Rows that a batch without columns counts at most.
const COUNTED: u64 = 1 << 20;

/// One project of one view.
#[derive(Debug)]
pub(super) struct ProjectRows {
    pub database: Database,
    pub project: Arc<str>,
    pub visible: Visible,
}

impl ProjectRows {
    /// `FROM … WHERE …` of what is wanted.
    fn source(&self, wanted: &RowsWanted) -> String {
        let project = quoted(&self.project);
        let database = self.database.name();
        let filter = wanted.filter.as_ref().map_or(String::new(), |filter| format!(" AND {}", condition(filter)));
        match wanted.table {
            Table::PersonOverrides => {
                let latest = overrides::latest(&self.visible, wanted.after, Some(&self.project), database);
                format!("FROM {latest} AS latest WHERE canonical_person_id != person_id{filter}")
            }
            table => {
                let visible = self.visible.rows(table, Some(&self.project), wanted.after, database);
                format!("FROM `{}` WHERE project = {project} AND {visible}{filter}", table.name())
            }
        }
    }

    fn count(&self, wanted: &RowsWanted) -> Rows {
        let sql = format!("SELECT count() {}", self.source(wanted));
        let (sender, rows) = Rows::channel();
        let (database, limit) = (self.database.clone(), wanted.limit.map_or(u64::MAX, |limit| limit as u64));
        self.database.spawn(async move {
            let counted = database.batches(&sql, &schema(&[("count", DataType::UInt64)])).await;
            let count = counted.map(|batches| {
                let all = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<UInt64Type>().values());
                all.sum::<u64>().min(limit)
            });
            let mut left = match count {
                Ok(count) => count,
                Err(error) => return drop(sender.send(Err(error)).await),
            };
            while left > 0 {
                let now = left.min(COUNTED);
                let batch = rows_without_columns(now);
                if sender.send(batch.map(Some)).await.is_err() {
                    return;
                }
                left -= now;
            }
            // The reader may have gone.
            let _ = sender.send(Ok(None)).await;
        });
        rows
    }
}

fn rows_without_columns(count: u64) -> Result<RecordBatch, StoreError> {
    let count = RecordBatchOptions::new().with_row_count(Some(usize::try_from(count).unwrap_or(usize::MAX)));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &count)?)
}

#[async_trait]
impl RemoteRows for ProjectRows {
    async fn ask(&self, question: NativeQuestion) -> Result<Rows, QueryError> {
        let (database, project, visible) = (self.database.clone(), self.project.clone(), self.visible.clone());
        let asking = async move { native::ask(&database, &project, &visible, &question).await };
        self.database.spawn(asking).await.map_err(|error| QueryError::internal(&error))?
    }

    fn read(&self, wanted: RowsWanted) -> Rows {
        if wanted.columns.is_empty() {
            return self.count(&wanted);
        }
        let table = wanted.table.schema();
        let fields = wanted.columns.iter().map(|column| table.field_with_name(column).cloned());
        let schema = match fields.collect::<Result<Vec<_>, _>>() {
            Ok(fields) => Arc::new(Schema::new(fields)),
            Err(error) => {
                let (sender, rows) = Rows::channel();
                // There is room for one.
                let _ = sender.try_send(Err(error.into()));
                return rows;
            }
        };
        let columns: Vec<String> = wanted.columns.iter().map(|column| name(column)).collect();
        let limit = wanted.limit.map_or(String::new(), |limit| format!(" LIMIT {limit}"));
        let order = match wanted.in_order {
            true if wanted.table == Table::PersonMerges => " ORDER BY publication, sequence",
            true if wanted.table != Table::PersonOverrides => " ORDER BY publication",
            _ => "",
        };
        let sql = format!("SELECT {} {}{order}{limit}", columns.join(", "), self.source(&wanted));
        self.database.rows(sql, schema)
    }
}
