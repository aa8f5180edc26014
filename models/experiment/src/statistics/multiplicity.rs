//! Many metrics and arms at once: adjusted p-values in the order given. What is no number stays no number and counts as no
//! test.

use super::distribution::normal_isf;

/// Places of the p-values that are numbers, from the smallest up.
fn order(p_values: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..p_values.len()).filter(|&place| !p_values[place].is_nan()).collect();
    places.sort_by(|&x, &y| p_values[x].total_cmp(&p_values[y]));
    places
}

/// Each p-value times its factor (rank from 1, number of tests), then made monotone from the smallest up or the largest
/// down, and cut at 1.
fn stepwise(p_values: &[f64], from_smallest: bool, adjust: impl Fn(f64, f64, f64) -> f64) -> Vec<f64> {
    let places = order(p_values);
    let tests = places.len() as f64;
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut bound: f64 = if from_smallest { 0.0 } else { 1.0 };
    let ranks: Vec<usize> = if from_smallest { (0..places.len()).collect() } else { (0..places.len()).rev().collect() };
    for rank in ranks {
        let value = adjust(p_values[places[rank]], rank as f64 + 1.0, tests);
        bound = if from_smallest { bound.max(value) } else { bound.min(value) };
        adjusted[places[rank]] = bound.min(1.0);
    }
    adjusted
}

pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    let tests = order(p_values).len() as f64;
    p_values.iter().map(|p| if p.is_nan() { f64::NAN } else { (p * tests).min(1.0) }).collect()
}

/// Holm (1979): the chance of any false discovery, whatever depends on whatever.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    stepwise(p_values, true, |p, rank, tests| p * (tests - rank + 1.0))
}

pub fn holm_sidak(p_values: &[f64]) -> Vec<f64> {
    stepwise(p_values, true, |p, rank, tests| -((tests - rank + 1.0) * (-p).ln_1p()).exp_m1())
}

pub fn hochberg(p_values: &[f64]) -> Vec<f64> {
    stepwise(p_values, false, |p, rank, tests| p * (tests - rank + 1.0))
}

/// Benjamini and Hochberg (1995): the share of false discoveries.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    stepwise(p_values, false, |p, rank, tests| p * tests / rank)
}

/// Benjamini and Yekutieli (2001): the same under any dependence.
pub fn benjamini_yekutieli(p_values: &[f64]) -> Vec<f64> {
    let harmonic: f64 = (1..=order(p_values).len()).map(|rank| 1.0 / rank as f64).sum();
    stepwise(p_values, false, |p, rank, tests| p * harmonic * tests / rank)
}

/// Hommel (1988), by Wright's algorithm.
pub fn hommel(p_values: &[f64]) -> Vec<f64> {
    let places = order(p_values);
    let sorted: Vec<f64> = places.iter().map(|&place| p_values[place]).collect();
    let tests = sorted.len();
    let mut adjusted = sorted.clone();
    for m in (2..=tests).rev() {
        let tail = tests - m;
        let least = (0..m).map(|i| m as f64 * sorted[tail + i] / (i as f64 + 1.0)).fold(f64::INFINITY, f64::min);
        for (rank, value) in adjusted.iter_mut().enumerate() {
            let bound = if rank >= tail { least } else { least.min(m as f64 * sorted[rank]) };
            *value = value.max(bound);
        }
    }
    let mut result = vec![f64::NAN; p_values.len()];
    for (place, value) in places.into_iter().zip(adjusted) {
        result[place] = value.min(1.0);
    }
    result
}

/// Which hypotheses Benjamini and Hochberg's procedure rejects.
pub fn rejected_by_benjamini_hochberg(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let places = order(p_values);
    let tests = places.len() as f64;
    let last = (0..places.len()).rev().find(|&rank| p_values[places[rank]] <= (rank as f64 + 1.0) / tests * alpha);
    let mut rejected = vec![false; p_values.len()];
    if let Some(last) = last {
        places[..=last].iter().for_each(|&place| rejected[place] = true);
    }
    rejected
}

/// The interval that fits an adjusted p-value: as if the standard error were |lift| / z(p/2). Only ever wider.
pub fn adjusted_interval(lift: f64, interval: (f64, f64), p_adjusted: f64, alpha: f64) -> (f64, f64) {
    if p_adjusted >= 1.0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    if lift == 0.0 || p_adjusted.is_nan() {
        return interval;
    }
    let deviation = (lift / normal_isf(p_adjusted / 2.0)).abs();
    let half_width = normal_isf(alpha / 2.0) * deviation;
    (interval.0.min(lift - half_width), interval.1.max(lift + half_width))
}
