//! With a bound before it a function answers as without, and what it has made is accounted for.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, StringArray, StringViewArray};
use arrow::datatypes::Field;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};
use proptest::prelude::*;

use super::concatenation::Concatenation;
use super::function::Bounded;
use super::growth::{GROWING, Growth};
use super::meter::Meter;

fn function(name: &str) -> (ScalarUDF, Growth) {
    if name == "||" {
        return (ScalarUDF::from(Concatenation::new()), Growth::Sum);
    }
    let state = SessionStateBuilder::new().with_default_features().build();
    let growth = GROWING.iter().find(|(known, _)| *known == name).unwrap().1;
    (state.udf(name).unwrap().as_ref().clone(), growth)
}

fn meter(bytes: usize) -> (Arc<dyn MemoryPool>, Arc<Meter>) {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(bytes));
    (pool.clone(), Arc::new(Meter::new(pool, Duration::from_secs(3600))))
}

fn called(function: &ScalarUDF, args: &[ColumnarValue], rows: usize) -> Result<ArrayRef, DataFusionError> {
    let arg_fields: Vec<_> = args.iter().map(|arg| Arc::new(Field::new("x", arg.data_type(), true))).collect();
    let scalar_arguments = vec![None; args.len()];
    let about = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &scalar_arguments };
    let return_field = function.return_field_from_args(about)?;
    let config_options = Arc::new(ConfigOptions::default());
    let args = args.to_vec();
    let given = ScalarFunctionArgs { args, arg_fields, number_rows: rows, return_field, config_options };
    function.invoke_with_args(given)?.into_array(rows)
}

fn text(text: &str) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::Utf8(Some(text.to_owned())))
}

fn column(texts: &[Option<String>]) -> ColumnarValue {
    ColumnarValue::Array(Arc::new(StringArray::from(texts.to_vec())))
}

fn texts() -> impl Strategy<Value = Vec<[Option<String>; 3]>> {
    let one = || prop::option::of("[abé ]{0,6}");
    prop::collection::vec((one(), one(), one()).prop_map(|(a, b, c)| [a, b, c]), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_bound_changes_no_answer(rows in texts(), run_bytes in 1usize..200) {
        let [a, b, c] = [0, 1, 2].map(|place| {
            column(&rows.iter().map(|row| row[place].clone()).collect::<Vec<_>>())
        });
        let calls = [
            ("||", vec![a.clone(), b.clone()]),
            ("concat", vec![a.clone(), text("-"), b.clone()]),
            ("concat_ws", vec![text(", "), a.clone(), b.clone(), c.clone()]),
            ("levenshtein", vec![a.clone(), b.clone()]),
            ("make_array", vec![a.clone(), b.clone(), c.clone()]),
            ("regexp_replace", vec![a.clone(), text("([ab])"), text("<\\1>"), text("g")]),
            ("replace", vec![a.clone(), b.clone(), c.clone()]),
            ("replace", vec![a.clone(), text("a"), text("bb")]),
            ("string_to_array", vec![a.clone(), text(" ")]),
            ("translate", vec![a.clone(), text("ab"), text("é")]),
        ];
        for (name, args) in calls {
            let (plain, growth) = function(name);
            let (_, meter) = meter(1 << 30);
            let bounded = ScalarUDF::from(Bounded::new(plain.clone(), growth, meter).in_runs_of(run_bytes));
            let expected = called(&plain, &args, rows.len()).unwrap();
            let got = called(&bounded, &args, rows.len()).unwrap();
            prop_assert_eq!(expected.to_data(), got.to_data(), "{}", name);
        }
    }
}

#[test]
fn what_a_function_has_made_is_accounted_for_while_it_is_held() {
    let (pool, meter) = meter(4 << 20);
    let (plain, growth) = function("replace");
    let bounded = ScalarUDF::from(Bounded::new(plain, growth, meter));
    let args = |count: usize| {
        let rows = StringArray::from_iter_values(std::iter::repeat_n("a".repeat(100), count));
        [ColumnarValue::Array(Arc::new(rows)), text("a"), text("0123456789")]
    };
    let made = called(&bounded, &args(500), 500).unwrap();
    assert_eq!(made.len(), 500);
    assert!(pool.reserved() >= 500_000, "{}", pool.reserved());
    let part = made.slice(7, 1);
    drop(made);
    assert!(pool.reserved() >= 500_000, "a part holds all of it");
    drop(part);
    assert_eq!(pool.reserved(), 0);
    let refused = called(&bounded, &args(50_000), 50_000).unwrap_err();
    assert!(matches!(refused, DataFusionError::ResourcesExhausted(_)), "{refused}");
    assert_eq!(pool.reserved(), 0);
}

#[test]
fn views_are_accounted_for_and_stay_the_same() {
    let (pool, meter) = meter(64 << 20);
    let (plain, growth) = function("||");
    let rows = StringViewArray::from_iter_values((0..10_000).map(|n| format!("a text that is long enough {n}")));
    let args = [ColumnarValue::Array(Arc::new(rows.clone())), ColumnarValue::Array(Arc::new(rows))];
    let expected = called(&plain, &args, 10_000).unwrap();
    let made = called(&ScalarUDF::from(Bounded::new(plain, growth, meter)), &args, 10_000).unwrap();
    assert_eq!(&expected, &made);
    assert!(pool.reserved() > 500_000, "{}", pool.reserved());
    drop(made);
    assert_eq!(pool.reserved(), 0);
}

#[test]
fn a_function_stops_when_the_time_is_over() {
    let (plain, growth) = function("levenshtein");
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
    let over = Arc::new(Meter::new(pool, Duration::ZERO));
    let long = column(&vec![Some("a".repeat(8_000)); 4]);
    let refused = called(&ScalarUDF::from(Bounded::new(plain, growth, over)), &[long.clone(), long], 4).unwrap_err();
    assert!(matches!(refused, DataFusionError::External(_)), "{refused}");
}
