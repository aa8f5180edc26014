//! The prediction as covariate, held against linfa: the same models fitted on the rows themselves (docs/decisions/035).
//!
//! The product fits them on sums of products. A ridge regression on standardised features is the ordinary one on the same rows and as many
//! more as there are features, each with the root of the penalty at its own and an outcome of nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::statistics::cupac::{Joint, Linear, cross_fitted_by};
use linfa::Dataset;
use linfa::traits::Fit;
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2};

/// Numbers in (−1, 1) that look like chance.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

/// Intercept and slopes by linfa, on rows.
fn by_linfa(rows: &[&[f64]], outcomes: &[f64], ridge: f64) -> (f64, Vec<f64>) {
    let width = rows[0].len();
    let means: Vec<f64> = (0..width).map(|at| mean(rows.iter().map(|row| row[at]))).collect();
    let spreads: Vec<f64> =
        (0..width).map(|at| mean(rows.iter().map(|row| (row[at] - means[at]).powi(2))).sqrt()).collect();
    let centre = mean(outcomes.iter().copied());
    let records = Array2::from_shape_fn((rows.len() + width, width), |(row, at)| match rows.get(row) {
        Some(known) => (known[at] - means[at]) / spreads[at],
        None if row - rows.len() == at => ridge.sqrt(),
        None => 0.0,
    });
    let targets =
        Array1::from_shape_fn(rows.len() + width, |row| outcomes.get(row).map_or(0.0, |value| value - centre));
    let model = LinearRegression::new().with_intercept(false).fit(&Dataset::new(records, targets)).unwrap();
    let slopes: Vec<f64> = model.params().iter().zip(&spreads).map(|(slope, spread)| slope / spread).collect();
    let moved: f64 = slopes.iter().zip(&means).map(|(slope, mean)| slope * mean).sum();
    (centre - moved, slopes)
}

/// 400 units with features of very different sizes, one of which is nearly another.
fn units() -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut state = 11;
    let rows = (0..400).map(|_| {
        let [a, b, c, d] = std::array::from_fn(|_| noise(&mut state));
        vec![a, 1_000.0 + 50.0 * b, (1.0 + c).ln_1p(), a + 1e-3 * d]
    });
    let rows: Vec<Vec<f64>> = rows.collect();
    let outcomes = rows.iter().map(|row| 7.0 + 3.0 * row[0] - 0.02 * row[1] + row[2] + noise(&mut state)).collect();
    (rows, outcomes)
}

#[test]
fn models_from_sums_are_those_that_linfa_fits_on_rows() {
    let (rows, outcomes) = units();
    let with_outcome: Vec<Vec<f64>> =
        rows.iter().zip(&outcomes).map(|(row, outcome)| row.iter().copied().chain([*outcome]).collect()).collect();
    let joint = Joint::of(with_outcome.iter().map(Vec::as_slice), 5);
    let known: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    for ridge in [1e-3, 1.0, 100.0] {
        let own = Linear::fitted(&joint, &[0, 1, 2, 3], 4, ridge).unwrap();
        let (intercept, slopes) = by_linfa(&known, &outcomes, ridge);
        for (own, theirs) in own.slopes.iter().chain([&own.intercept]).zip(slopes.iter().chain([&intercept])) {
            assert!((own - theirs).abs() < 1e-8 * (1.0 + theirs.abs()), "{ridge}: {own} {theirs}");
        }
    }
}

#[test]
fn predictions_out_of_fold_are_those_of_linfas_models() {
    let (rows, outcomes) = units();
    // Folds of different sizes, not in turn.
    let dealt: Vec<usize> = (0..rows.len()).map(|unit| (unit * unit + unit / 7) % 5).collect();
    let own = cross_fitted_by(&rows, &outcomes, (&dealt, 5), 1.0).unwrap();
    for fold in 0..5 {
        let others = || (0..rows.len()).filter(|unit| dealt[*unit] != fold);
        let known: Vec<&[f64]> = others().map(|unit| rows[unit].as_slice()).collect();
        let of_others: Vec<f64> = others().map(|unit| outcomes[unit]).collect();
        let (intercept, slopes) = by_linfa(&known, &of_others, 1.0);
        let mut seen = 0;
        for unit in (0..rows.len()).filter(|unit| dealt[*unit] == fold) {
            let theirs = intercept + slopes.iter().zip(&rows[unit]).map(|(slope, value)| slope * value).sum::<f64>();
            assert!((own[unit] - theirs).abs() < 1e-9 * (1.0 + theirs.abs()), "{unit}: {} {theirs}", own[unit]);
            seen += 1;
        }
        assert!(seen > 20, "fold {fold} has {seen}");
    }
}
