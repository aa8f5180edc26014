//! What PostgreSQL spells in its own way and every question may use: `timezone(zone, moment)`, `substring(text FROM 'pattern')`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::functions::datetime::to_local_time;
use datafusion::functions::regex::regexp_match;
use datafusion::functions_nested::extract::array_element;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility, cast, lit,
};

const UTC: &str = "UTC";

/// `substring` from a pattern is the pattern's first group, or what it matches; from a number it is the engine's.
#[derive(Debug)]
pub(super) struct Patterns;

impl ExprPlanner for Patterns {
    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let is_pattern = matches!(args.as_slice(), [_, Expr::Literal(pattern, _)] if pattern.data_type().is_string());
        Ok(match is_pattern {
            true => PlannerResult::Planned(array_element(regexp_match().call(args), lit(1_i64))),
            false => PlannerResult::Original(args),
        })
    }
}

/// `timezone(zone, moment)`: the clock of a zone at a moment, or the moment at which a zone's clock shows a time.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Timezone {
    signature: Signature,
    /// Whose clock the moments that it gives show.
    zone: Arc<str>,
}

impl Timezone {
    pub fn new() -> Self {
        Timezone::of(UTC.into())
    }

    /// For an asker in this zone.
    pub fn of(zone: Arc<str>) -> Self {
        Timezone { signature: Signature::any(2, Volatility::Stable), zone }
    }
}

fn micros(zone: Option<&str>) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.map(Arc::from))
}

impl ScalarUDFImpl for Timezone {
    fn name(&self) -> &str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match given {
            [_, DataType::Timestamp(_, Some(_))] => Ok(micros(None)),
            [_, DataType::Timestamp(_, None)] => Ok(micros(Some(&self.zone))),
            _ => plan_err!("timezone takes a zone and a timestamp"),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [Expr::Literal(zone, _), moment] = args.as_slice() else { return Ok(ExprSimplifyResult::Original(args)) };
        let Some(zone) = zone.try_as_str().flatten() else { return Ok(ExprSimplifyResult::Original(args)) };
        let has_zone = matches!(info.get_data_type(moment)?, DataType::Timestamp(_, Some(_)));
        let there = cast(moment.clone(), micros(Some(zone)));
        Ok(ExprSimplifyResult::Simplified(match has_zone {
            true => to_local_time().call(vec![there]),
            false => cast(there, micros(Some(&self.zone))),
        }))
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match given.args.first() {
            Some(ColumnarValue::Scalar(zone)) if zone.is_null() => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_new_null(given.return_field.data_type())?))
            }
            _ => exec_err!("the zone of timezone is written as a text"),
        }
    }
}
