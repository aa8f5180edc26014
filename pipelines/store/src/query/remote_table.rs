//! A physical table whose rows lie in a database, as DataFusion scans it: columns, simple conditions and a limit are the
//! database's work, the rest is done here, so that an answer is the same as over files.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{ScalarValue, project_schema};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::TryStreamExt;

use crate::remote::{Comparison, RemoteRows, RowFilter, RowValue, RowsWanted};
use crate::tables::Table;

/// One table of one snapshot.
#[derive(Debug)]
pub(super) struct RemoteTable {
    table: Table,
    rows: Arc<dyn RemoteRows>,
}

impl RemoteTable {
    pub fn new(table: Table, rows: Arc<dyn RemoteRows>) -> Self {
        RemoteTable { table, rows }
    }
}

#[async_trait]
impl TableProvider for RemoteTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// The database leaves out what it can; the filter operator decides on the rows.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match row_filter(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.table.schema(), projection)?;
        let parts: Vec<RowFilter> = filters.iter().filter_map(row_filter).collect();
        let wanted = RowsWanted {
            table: self.table,
            columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
            // With a condition that is only half met there, a limit would cut off rows that count.
            limit: limit.filter(|_| filters.is_empty()),
            filter: (!parts.is_empty()).then_some(RowFilter::All(parts)),
            after: 0,
            in_order: false,
        };
        let rows = RemoteScan { schema: schema.clone(), rows: self.rows.clone(), wanted };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, [], false, limit)?))
    }
}

#[derive(Debug)]
struct RemoteScan {
    schema: SchemaRef,
    rows: Arc<dyn RemoteRows>,
    wanted: RowsWanted,
}

impl PartitionStream for RemoteScan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.read(self.wanted.clone()).map_err(|error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows))
    }
}

/// The condition in words of the seam, if all of it can be said so. Floats are left out: databases order them differently.
fn row_filter(expr: &Expr) -> Option<RowFilter> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Some(RowFilter::All(vec![row_filter(left)?, row_filter(right)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(RowFilter::Any(vec![row_filter(left)?, row_filter(right)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let is = comparison(*op)?;
            match (column(left), value(right), column(right), value(left)) {
                (Some(column), Some(value), _, _) => Some(RowFilter::Compare { column, is, value }),
                (_, _, Some(column), Some(value)) => Some(RowFilter::Compare { column, is: turned(is), value }),
                _ => None,
            }
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let values = list.iter().map(value).collect::<Option<Vec<_>>>()?;
            Some(RowFilter::OneOf { column: column(expr)?, values })
        }
        Expr::IsNull(inner) => column(inner).map(RowFilter::IsNull),
        Expr::IsNotNull(inner) => column(inner).map(RowFilter::IsNotNull),
        Expr::Between(between) if !between.negated => {
            let bound = |is, value| Some(RowFilter::Compare { column: column(&between.expr)?, is, value });
            Some(RowFilter::All(vec![
                bound(Comparison::GreaterOrEqual, value(&between.low)?)?,
                bound(Comparison::LessOrEqual, value(&between.high)?)?,
            ]))
        }
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    }
}

fn value(expr: &Expr) -> Option<RowValue> {
    let Expr::Literal(value, _) = expr else { return None };
    Some(match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
            RowValue::Text(text.clone())
        }
        ScalarValue::Boolean(Some(truth)) => RowValue::Boolean(*truth),
        ScalarValue::Int64(Some(number)) => RowValue::Integer(*number),
        ScalarValue::TimestampMillisecond(Some(millis), _) => RowValue::Time(*millis),
        _ => return None,
    })
}

const fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

const fn turned(is: Comparison) -> Comparison {
    match is {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}
