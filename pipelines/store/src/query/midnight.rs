//! A date that is compared with a time, or becomes one with a zone: midnight by the zone's clock, as PostgreSQL has it. Else the coercion
//! of types compares both without a zone, and Arrow's cast takes midnight in UTC.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, TryCast, cast, try_cast,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::utils::NamePreserver;

/// Lets dates go by a time without a zone. It comes before the coercion of types.
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
        let rewritten = expr.transform_up(|expr| Ok(cast_from_date(compared(expr, &schema), &schema)))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })
}

/// The dates of a comparison with a time become times of its zone.
fn compared(expr: Expr, schema: &dyn ExprSchema) -> Expr {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (left_zone, right_zone) = (zone_of(&left, schema), zone_of(&right, schema));
            let left = at_midnight(left, right_zone, schema);
            Expr::BinaryExpr(BinaryExpr { left, op, right: at_midnight(right, left_zone, schema) })
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let zone = zone_of(&expr, schema);
            let (low, high) = (at_midnight(low, zone.clone(), schema), at_midnight(high, zone, schema));
            Expr::Between(Between { expr, negated, low, high })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let zone = zone_of(&expr, schema);
            let list = list.into_iter().map(|item| *at_midnight(Box::new(item), zone.clone(), schema)).collect();
            Expr::InList(InList { expr, list, negated })
        }
        other => other,
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom | Lt | LtEq | NotEq)
}

/// That of a time with one.
fn zone_of(expr: &Expr, schema: &dyn ExprSchema) -> Option<Arc<str>> {
    match expr.get_type(schema) {
        Ok(DataType::Timestamp(_, zone)) => zone,
        _ => None,
    }
}

fn is_date(expr: &Expr, schema: &dyn ExprSchema) -> bool {
    expr.get_type(schema).is_ok_and(|found| matches!(found, DataType::Date32 | DataType::Date64))
}

/// A date as the time in the zone at which its day begins; everything else, and without a zone, as it is.
fn at_midnight(expr: Box<Expr>, zone: Option<Arc<str>>, schema: &dyn ExprSchema) -> Box<Expr> {
    match zone {
        Some(zone) if is_date(&expr, schema) => {
            let clock = cast(*expr, DataType::Timestamp(TimeUnit::Microsecond, None));
            Box::new(cast(clock, DataType::Timestamp(TimeUnit::Microsecond, Some(zone))))
        }
        _ => expr,
    }
}

/// A date that is cast to a time with a zone is a time without one first.
fn cast_from_date(expr: Expr, schema: &dyn ExprSchema) -> Transformed<Expr> {
    let (inner, field) = match &expr {
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => (expr, field),
        _ => return Transformed::yes(expr),
    };
    let DataType::Timestamp(unit, Some(_)) = field.data_type() else { return Transformed::yes(expr) };
    if !is_date(inner, schema) {
        return Transformed::yes(expr);
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
