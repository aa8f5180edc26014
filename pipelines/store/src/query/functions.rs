//! Table functions that are not the store's, as the insights: what a call gives is worked out when the question runs.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_datafusion_err, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::catalog::fetched;
use super::extra::ExtraTable;
use super::zoned::zoned;

/// A function that is asked as a table, as `SELECT * FROM name('…')`. Who may call it is decided before it is given to a
/// question.
pub trait ExtraFunction: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;

    /// What a call with these texts gives: the columns now, the rows when they are needed. The error is for the asker.
    fn call(&self, arguments: &[String]) -> Result<Arc<dyn ExtraTable>, String>;

    /// The columns of a call of which not all texts are known, where they do not depend on those.
    fn columns(&self, arguments: &[Option<&str>]) -> Option<SchemaRef>;
}

/// As the planner knows it.
#[derive(Debug)]
pub(super) struct Called {
    pub function: Arc<dyn ExtraFunction>,
    /// The asker's, where it is not UTC.
    pub zone: Option<Arc<str>>,
}

impl TableFunctionImpl for Called {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = self.function.name();
        // A driver that describes a statement has no values yet.
        if args.exprs().iter().any(is_open) {
            let known: Vec<Option<&str>> = args.exprs().iter().map(text).collect();
            if let Some(columns) = self.function.columns(&known) {
                return self.shown(Arc::new(EmptyTable::new(columns)));
            }
        }
        let told = |argument: &Expr| match text(argument) {
            Some(text) => Ok(text.to_owned()),
            None => plan_err!("{name} takes texts, as {name}('…')"),
        };
        let arguments = args.exprs().iter().map(told).collect::<Result<Vec<_>>>()?;
        let table = self.function.call(&arguments).map_err(|problem| plan_datafusion_err!("{name}: {problem}"))?;
        self.shown(Arc::new(Given(table)))
    }
}

impl Called {
    fn shown(&self, table: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
        match &self.zone {
            Some(zone) => zoned(self.function.name(), table, zone),
            None => Ok(table),
        }
    }
}

/// Drivers say of which type a text is.
fn without_casts(argument: &Expr) -> &Expr {
    match argument {
        Expr::Cast(cast) => without_casts(&cast.expr),
        other => other,
    }
}

/// The text that stands there.
fn text(argument: &Expr) -> Option<&str> {
    match without_casts(argument) {
        Expr::Literal(
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)),
            _,
        ) => Some(text),
        _ => None,
    }
}

/// A parameter without a value, or with none.
fn is_open(argument: &Expr) -> bool {
    match without_casts(argument) {
        Expr::Placeholder(_) => true,
        Expr::Literal(value, _) => value.is_null(),
        _ => false,
    }
}

/// What a call gives.
#[derive(Debug)]
struct Given(Arc<dyn ExtraTable>);

#[async_trait]
impl TableProvider for Given {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        fetched(self.0.as_ref()).await?.scan(state, projection, filters, limit).await
    }
}
