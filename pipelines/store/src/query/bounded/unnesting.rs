//! Lists that become rows: every element takes the other columns of its row with it, and all rows of a batch come at once.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
    replace_children_if_necessary,
};
use futures::{StreamExt, stream};

use super::size::{Size, Sizes};

/// What the rows that come of one run may take.
const RUN_BYTES: usize = 32 << 20;
/// What those may take that come of one row.
const ROW_BYTES_MAX: usize = 256 << 20;
/// A text that is not copied.
const VIEW_BYTES: usize = 16;

/// Gives an unnesting as many rows at a time as their elements allow.
#[derive(Debug)]
pub(in crate::query) struct UnnestInRuns;

impl PhysicalOptimizerRule for UnnestInRuns {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(unnest) = node.downcast_ref::<UnnestExec>() else { return Ok(Transformed::no(node)) };
            let lists = unnest.list_column_indices().iter().map(|list| list.index_in_input_schema).collect();
            let runs: Arc<dyn ExecutionPlan> = Arc::new(RunsExec { input: unnest.input().clone(), lists });
            Ok(Transformed::yes(replace_children_if_necessary(node, vec![runs])?))
        })
        .data()
    }

    fn name(&self) -> &str {
        "unnest_in_runs"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same rows in smaller batches.
#[derive(Debug)]
struct RunsExec {
    input: Arc<dyn ExecutionPlan>,
    /// The columns that become rows.
    lists: Vec<usize>,
}

impl DisplayAs for RunsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("RunsExec")
    }
}

impl ExecutionPlan for RunsExec {
    fn name(&self) -> &str {
        "RunsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(RunsExec { input, lists: self.lists.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (schema, lists) = (self.input.schema(), self.lists.clone());
        let rows = self.input.execute(partition, context)?;
        let runs = rows.flat_map(move |batch| {
            let runs: Vec<Result<RecordBatch>> = match batch.and_then(|batch| in_runs(&batch, &lists)) {
                Ok(runs) => runs.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(runs)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, runs)))
    }
}

fn in_runs(batch: &RecordBatch, lists: &[usize]) -> Result<Vec<RecordBatch>> {
    let mut sizes = Vec::with_capacity(batch.num_columns());
    for column in batch.columns() {
        sizes.push(match column.data_type() {
            DataType::Utf8View | DataType::BinaryView => Sizes::All(Size { bytes: VIEW_BYTES, items: 1 }),
            _ => Sizes::of(&ColumnarValue::Array(column.clone()))?,
        });
    }
    let mut runs = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for row in 0..batch.num_rows() {
        let (mut elements, mut given, mut copied) = (1, 0_usize, 0_usize);
        for (column, sizes) in sizes.iter().enumerate() {
            let size = sizes.at(row);
            if lists.contains(&column) {
                elements = elements.max(size.items);
                given = given.saturating_add(size.bytes);
            } else {
                copied = copied.saturating_add(size.bytes);
            }
        }
        let own = given.saturating_add(copied.saturating_mul(elements));
        if own > ROW_BYTES_MAX {
            return Err(DataFusionError::ResourcesExhausted(format!("unnest: {own} bytes of one row")));
        }
        if row > start && bytes + own > RUN_BYTES {
            runs.push(batch.slice(start, row - start));
            (start, bytes) = (row, 0);
        }
        bytes += own;
    }
    if start < batch.num_rows() {
        runs.push(batch.slice(start, batch.num_rows() - start));
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use arrow::array::{ArrayRef, ListArray, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    /// Rows of so many elements, and a text beside them.
    fn batch(elements: usize, rows: usize, text: usize) -> RecordBatch {
        let list = std::iter::repeat_n(Some(vec![Some(1_i64); elements]), rows);
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(list));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n("x".repeat(text), rows)));
        RecordBatch::try_from_iter([("list", lists), ("text", texts)]).unwrap()
    }

    #[test]
    fn rows_go_together_as_their_elements_allow() {
        let rows_of = |batch: &RecordBatch| -> Vec<usize> {
            in_runs(batch, &[0]).unwrap().iter().map(RecordBatch::num_rows).collect()
        };
        assert_eq!(rows_of(&batch(3, 1_000, 10)), [1_000]);
        // A million bytes from each row, and little more.
        assert_eq!(rows_of(&batch(1_000, 100, 1_000)), [32, 32, 32, 4]);
        assert_eq!(rows_of(&batch(3, 0, 10)), [0; 0]);
        let refused = in_runs(&batch(10_000, 1, 30_000), &[0]).unwrap_err();
        assert!(matches!(refused, DataFusionError::ResourcesExhausted(_)), "{refused}");
    }
}
