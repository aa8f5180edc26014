//! Distribution functions against SciPy's, to ten digits and far into the tails (tests/golden/distributions.py).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::Value;
use footfall_models_experiment::statistics::distribution::{
    beta_cdf, beta_quantile, chi_squared_sf, normal_cdf, normal_isf, normal_quantile, normal_sf, student_isf,
    student_sf,
};
use footfall_models_experiment::statistics::power::power_of_t;
use proptest::prelude::*;

/// SciPy's own error is of the order of 1e-12 at millions of degrees of freedom.
const TOLERANCE: f64 = 1e-10;

#[test]
fn functions_agree_with_scipy() {
    let rows = Value::parse(include_str!("data/distributions.json")).unwrap();
    let mut worst = (0.0, String::new());
    for row in rows.as_array().unwrap() {
        let row = row.as_array().unwrap();
        let [x, a, b, expected] = [1, 2, 3, 4].map(|index: usize| row[index].as_number().unwrap());
        let found = match row[0].as_str().unwrap() {
            "normal_sf" => normal_sf(x),
            "normal_isf" => normal_isf(x),
            "student_sf" => student_sf(x, a),
            "chi_squared_sf" => chi_squared_sf(x, a),
            "beta_cdf" => beta_cdf(x, a, b),
            "power_of_t" => power_of_t(x, a, b),
            other => panic!("{other} is not known"),
        };
        let difference = if expected == 0.0 { found.abs() } else { (found / expected - 1.0).abs() };
        if difference > worst.0 {
            worst = (difference, format!("{row:?}: {found:e}"));
        }
    }
    assert!(worst.0 < TOLERANCE, "{:e} at {}", worst.0, worst.1);
}

proptest! {
    #[test]
    fn quantiles_invert(p in 1e-12f64..0.999_999, degrees in 0.8f64..1e6, a in 0.5f64..500.0, b in 0.5f64..500.0) {
        prop_assert!((normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-9);
        prop_assert!((student_sf(student_isf(p, degrees), degrees) / p - 1.0).abs() < 1e-9);
        let x = beta_quantile(p, a, b);
        prop_assert!((0.0..=1.0).contains(&x));
        // Where the quantile is within a rounding of an end, the inverse cannot be exact.
        if x > 1e-6 && x < 1.0 - 1e-6 {
            prop_assert!((beta_cdf(x, a, b) - p).abs() < 1e-9);
        }
    }
}
