//! A date that becomes a time with a zone: midnight by the zone's clock, as PostgreSQL has it. Arrow's cast takes midnight in UTC.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, TryCast, cast, try_cast};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::utils::NamePreserver;

/// Lets dates go by a time without a zone. It comes after the coercion of types, which casts dates that are compared with times.
#[derive(Debug)]
pub(super) struct Midnight;

impl AnalyzerRule for Midnight {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(by_the_clock).data()
    }

    fn name(&self) -> &str {
        "midnight_by_the_clock_of_the_zone"
    }
}

fn by_the_clock(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| Ok(midnight(expr, &schema)))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })
}

fn midnight(expr: Expr, schema: &dyn ExprSchema) -> Transformed<Expr> {
    let (inner, field) = match &expr {
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => (expr, field),
        _ => return Transformed::no(expr),
    };
    let DataType::Timestamp(unit, Some(_)) = field.data_type() else { return Transformed::no(expr) };
    if !inner.get_type(schema).is_ok_and(|found| matches!(found, DataType::Date32 | DataType::Date64)) {
        return Transformed::no(expr);
    }
    let clock = DataType::Timestamp(*unit, None);
    Transformed::yes(match expr {
        Expr::Cast(Cast { expr, field }) => Expr::Cast(Cast::new_from_field(Box::new(cast(*expr, clock)), field)),
        Expr::TryCast(TryCast { expr, field }) => {
            Expr::TryCast(TryCast::new_from_field(Box::new(try_cast(*expr, clock)), field))
        }
        other => other,
    })
}
