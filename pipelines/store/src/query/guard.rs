//! A table under a policy: what is hidden is gone before anything that the asker wrote is worked out.
//!
//! [`GuardedTable`] plans the hiding by itself and hands out a closed operator: no optimizer moves the asker's expressions
//! beneath it, so that they neither fail on, nor are counted over, a row that is hidden. Comparisons of a few plain columns
//! with constants are the exception: they cannot fail, and skip files.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlanBuilder, Operator, ScalarUDF, TableProviderFilterPushDown, TableType, col, lit,
};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;

use super::mask_json::MaskJson;
use super::policy::Policy;

/// Columns whose comparison with a constant may go before the policy.
const PLAIN: &[&str] = &["timestamp", "received_at", "event", "person_id", "distinct_id", "start"];
/// Columns that hold JSON.
const JSON: &[&str] = &["properties", "context", "groups"];

/// A table of which an asker sees a part.
#[derive(Debug)]
pub(super) struct GuardedTable {
    inner: Arc<dyn TableProvider>,
    /// What rows must meet.
    rows: Option<Expr>,
    policy: Arc<Policy>,
    schema: SchemaRef,
}

impl GuardedTable {
    /// `inner` as `policy` shows it.
    pub fn new(inner: Arc<dyn TableProvider>, policy: Arc<Policy>) -> Result<Self> {
        let shown =
            |field: &Arc<Field>| match policy.hides_column(field.name()) || JSON.contains(&field.name().as_str()) {
                true => Arc::new(field.as_ref().clone().with_nullable(true)),
                false => field.clone(),
            };
        let schema = Arc::new(Schema::new(inner.schema().fields().iter().map(shown).collect::<Vec<_>>()));
        let rows = policy.rows.as_ref().map(|rows| rows.to_expr()).transpose()?;
        Ok(GuardedTable { inner, rows, policy, schema })
    }

    /// The column as the asker sees it.
    fn shown(&self, field: &Field) -> Result<Expr> {
        let name = field.name();
        if self.policy.hides_column(name) {
            return Ok(lit(ScalarValue::try_from(field.data_type())?).alias(name));
        }
        if JSON.contains(&name.as_str()) && !self.policy.masked.is_empty() {
            return Ok(ScalarUDF::from(MaskJson::new(self.policy.clone())).call(vec![col(name)]).alias(name));
        }
        Ok(col(name))
    }

    /// A comparison that can neither fail nor tell of what is masked.
    fn is_plain(&self, expr: &Expr) -> bool {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return false };
        let Expr::Column(column) = &**left else { return false };
        matches!(op, Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
            && matches!(**right, Expr::Literal(..))
            && PLAIN.contains(&column.name.as_str())
            && !self.policy.hides_column(&column.name)
    }
}

#[async_trait]
impl TableProvider for GuardedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let push = |filter: &&Expr| match self.is_plain(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(push).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plan = LogicalPlanBuilder::scan("guarded", provider_as_source(self.inner.clone()), None)?;
        let plain = filters.iter().filter(|filter| self.is_plain(filter)).cloned();
        let unqualified = plain.map(without_table);
        for filter in self.rows.iter().cloned().chain(unqualified) {
            plan = plan.filter(filter)?;
        }
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let columns = wanted.iter().map(|&column| self.shown(self.schema.field(column))).collect::<Result<Vec<_>>>()?;
        plan = match columns.is_empty() {
            // Rows are only counted: one column of no consequence, taken off again below.
            true => plan.project(vec![lit(true).alias("row")])?,
            false => plan.project(columns)?,
        };
        if filters.is_empty() {
            plan = plan.limit(0, limit)?;
        }
        let inner = state.create_physical_plan(&plan.build()?).await?;
        let schema = Arc::new(self.schema.project(wanted)?);
        Ok(Arc::new(GuardExec::new(inner, schema)))
    }
}

fn without_table(filter: Expr) -> Expr {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match *left {
            Expr::Column(column) => Expr::BinaryExpr(BinaryExpr { left: Box::new(col(column.name)), op, right }),
            left => Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right }),
        },
        other => other,
    }
}

/// A closed operator: what it does inside is neither shown nor changed by anybody.
struct GuardExec {
    inner: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl GuardExec {
    fn new(inner: Arc<dyn ExecutionPlan>, schema: SchemaRef) -> Self {
        let (partitioning, emission, bounds) =
            (inner.output_partitioning().partition_count(), inner.pipeline_behavior(), inner.boundedness());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(partitioning),
            emission,
            bounds,
        );
        GuardExec { inner, schema, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for GuardExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardExec")
    }
}

impl DisplayAs for GuardExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("GuardExec")
    }
}

impl ExecutionPlan for GuardExec {
    fn name(&self) -> &str {
        "GuardExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema.clone();
        let rows = self.inner.execute(partition, context)?;
        let shown = rows.map(move |batch| {
            let batch = batch?;
            let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = if schema.fields().is_empty() { Vec::new() } else { batch.columns().to_vec() };
            Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &count)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), shown)))
    }
}
