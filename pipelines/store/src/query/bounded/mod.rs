//! Functions whose results outgrow what they are given, or whose work grows with the square of it: bounded, as the pool of
//! memory sees neither.
//!
//! [`Bounded`] stands before such a function. It reckons from the arguments what the results can take at most, goes through the
//! rows in runs that fit, refuses a row that cannot, and has the question's pool account for what came out as long as it is held.
//! [`register`] puts it before the functions that a text names, [`BoundFunctions`] before those that the planner puts in,
//! `||` among them.

mod concatenation;
mod function;
mod growth;
mod literals;
mod meter;
mod size;
mod unnesting;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{ScalarValue, not_impl_err};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, Operator, ScalarUDF, WindowFrame, WindowFrameBound, WindowFrameUnits,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::utils::NamePreserver;

use concatenation::Concatenation;
use function::Bounded;
use growth::GROWING;
pub(super) use literals::batch_rows;
pub(super) use meter::Meter;
pub(super) use unnesting::UnnestInRuns;

/// Aggregates that keep all of what they are given.
const GATHERING: &[&str] = &["array_agg", "string_agg"];
/// Most rows before or after one that such an aggregate over a window takes: it writes them anew for every row.
const FRAME_ROWS_MAX: u64 = 100;

/// Puts the bounds before the functions that a question's text can name.
pub(super) fn register(state: &mut SessionState, meter: &Arc<Meter>) -> Result<()> {
    for (name, _) in GROWING {
        // Those of PostgreSQL's catalogue are known only to questions about it.
        if let Ok(function) = state.udf(name)
            && let Some(bounded) = bounded(&function, meter)
        {
            state.register_udf(Arc::new(bounded))?;
        }
    }
    Ok(())
}

/// The function with a bound before it; `None` when it needs none, or has one.
fn bounded(function: &ScalarUDF, meter: &Arc<Meter>) -> Option<ScalarUDF> {
    if function.inner().is::<Bounded>() {
        return None;
    }
    let growth = GROWING.iter().find(|(name, _)| *name == function.name()).map(|(_, growth)| *growth)?;
    Some(ScalarUDF::from(Bounded::new(function.clone(), growth, meter.clone())))
}

/// Puts the bounds before what the planner makes of operators and literals. It comes after the coercion of types.
#[derive(Debug)]
pub(super) struct BoundFunctions {
    meter: Arc<Meter>,
    concatenation: Arc<ScalarUDF>,
}

impl BoundFunctions {
    pub fn new(meter: Arc<Meter>) -> Self {
        let concatenation = Bounded::new(ScalarUDF::from(Concatenation::new()), growth::Growth::Sum, meter.clone());
        BoundFunctions { meter, concatenation: Arc::new(ScalarUDF::from(concatenation)) }
    }

    fn bound(&self, expr: Expr) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                let args = vec![*left, *right];
                Transformed::yes(Expr::ScalarFunction(ScalarFunction { func: self.concatenation.clone(), args }))
            }
            Expr::ScalarFunction(mut call) if call.name() == "array_has" => {
                // `x = ANY (ARRAY[…])` becomes `x IN (…)`, without a list, if it is known as one.
                if let Some(Expr::ScalarFunction(list)) = call.args.first_mut()
                    && let Some(plain) = made_list(&list.func)
                {
                    list.func = plain;
                }
                Transformed::yes(Expr::ScalarFunction(call))
            }
            Expr::ScalarFunction(ScalarFunction { func, args }) => match bounded(&func, &self.meter) {
                Some(bounded) => {
                    Transformed::yes(Expr::ScalarFunction(ScalarFunction { func: Arc::new(bounded), args }))
                }
                None => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
            },
            Expr::WindowFunction(call) if gathers_without_bound(&call) => {
                let name = call.fun.name();
                return not_impl_err!(
                    "{name} over a window is for ROWS BETWEEN at most {FRAME_ROWS_MAX} PRECEDING or FOLLOWING"
                );
            }
            other => Transformed::no(other),
        })
    }
}

/// What makes a list of its arguments, without its bound.
fn made_list(function: &ScalarUDF) -> Option<Arc<ScalarUDF>> {
    let bounded = function.inner().downcast_ref::<Bounded>()?;
    (function.name() == "make_array").then(|| Arc::new(bounded.plain().clone()))
}

fn gathers_without_bound(call: &WindowFunction) -> bool {
    GATHERING.contains(&call.fun.name()) && !is_short(&call.params.window_frame)
}

fn is_short(frame: &WindowFrame) -> bool {
    let is_near = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(ScalarValue::UInt64(rows))
        | WindowFrameBound::Following(ScalarValue::UInt64(rows)) => rows.is_some_and(|rows| rows <= FRAME_ROWS_MAX),
        _ => false,
    };
    matches!(frame.units, WindowFrameUnits::Rows) && is_near(&frame.start_bound) && is_near(&frame.end_bound)
}

impl AnalyzerRule for BoundFunctions {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewrite = |plan: LogicalPlan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let bounded = expr.transform_up(|expr| self.bound(expr))?;
                Ok(bounded.update_data(|expr| name.restore(expr)))
            })
        };
        plan.transform_up_with_subqueries(rewrite).data()
    }

    fn name(&self) -> &str {
        "bound_functions"
    }
}
