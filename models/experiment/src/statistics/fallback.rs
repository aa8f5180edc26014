//! Answers where the normal approximation has none: constant values, no successes, a handful of units.

use super::counts::{Count, fisher, newcombe, score_ratio};
use super::distribution::{student_isf, student_two_sided};
use super::effect::{Difference, Effect};
use super::metric::Statistic;
use super::special::ln_beta;
use super::test::{Alternative, welch};

/// An answer with the method that gave it, in words for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub estimate: f64,
    pub p_value: f64,
    /// None if the data say nothing about how far the truth may be.
    pub interval: Option<(f64, f64)>,
    pub method: &'static str,
}

/// The best answer for two arms whose effect has no standard error. None if there is nothing to say (an arm without units).
pub fn answer(a: &Statistic, b: &Statistic, difference: Difference, alpha: f64) -> Option<Answer> {
    if let Some(answer) = of_counts(a, b, difference, alpha) {
        return Some(answer);
    }
    if matches!(a, Statistic::AdjustedRatio { .. }) {
        return without_covariate(a, b, difference, alpha);
    }
    let (Statistic::Mean(values_a), Statistic::Mean(values_b)) = (a.unadjusted(), b.unadjusted()) else { return None };
    if values_a.is_proportion[0] || values_b.is_proportion[0] {
        return None;
    }
    let (n_a, n_b) = (values_a.n(), values_b.n());
    if n_a < 2.0 || n_b < 2.0 {
        return None;
    }
    let (va, vb) = (values_a.variance(0), values_b.variance(0));
    let control = values_a.mean(0);
    let scale = match difference {
        Difference::Absolute => 1.0,
        Difference::Relative if control == 0.0 => return None,
        Difference::Relative => control.abs(),
    };
    let estimate = (values_b.mean(0) - control) / scale;
    if va <= 0.0 && vb <= 0.0 {
        return Some(constant_arms(estimate, n_a, n_b));
    }
    if va > 0.0 && vb > 0.0 {
        return without_covariate(a, b, difference, alpha);
    }
    // One arm varies: its standard error is that of the difference.
    let (variance, n) = if vb > 0.0 { (vb / n_b, n_b) } else { (va / n_a, n_a) };
    let slope = match difference {
        Difference::Relative if vb <= 0.0 => values_b.mean(0) / control,
        _ => 1.0,
    };
    let effect = Effect {
        estimate,
        standard_error: variance.sqrt() * slope.abs() / scale,
        n: n_a + n_b,
        degrees_of_freedom: n - 1.0,
        is_stratified: false,
        control_mean: control,
        difference,
    };
    let half_width = student_isf(alpha / 2.0, effect.degrees_of_freedom) * effect.standard_error;
    Some(Answer {
        estimate,
        p_value: student_two_sided(estimate / effect.standard_error, effect.degrees_of_freedom),
        interval: Some((estimate - half_width, estimate + half_width)),
        method: "Welch's test with the standard error of the arm that varies",
    })
}

/// The adjusted arms had no variance left.
fn without_covariate(a: &Statistic, b: &Statistic, difference: Difference, alpha: f64) -> Option<Answer> {
    let effect = Effect::between(&a.unadjusted(), &b.unadjusted(), difference).ok()?;
    let test = welch(&effect, alpha, Alternative::TwoSided);
    Some(Answer {
        estimate: effect.estimate,
        p_value: test.p_value,
        interval: Some(test.interval),
        method: "Welch's test without the covariate, which explains every value",
    })
}

/// All values of an arm are the same: of all the ways to divide the users one gives a difference as large as this, and where the arms are of one
/// size the other way round as well.
fn constant_arms(estimate: f64, n_a: f64, n_b: f64) -> Answer {
    let ln_ways = -(n_a + n_b + 1.0).ln() - ln_beta(n_a + 1.0, n_b + 1.0);
    let as_large = if n_a == n_b { 2.0 } else { 1.0 };
    let p_value = if estimate == 0.0 { 1.0 } else { (as_large * (-ln_ways).exp()).min(1.0) };
    Answer {
        estimate,
        p_value,
        interval: (estimate == 0.0).then_some((0.0, 0.0)),
        method: "permutation test; no value varies within an arm, so there is no interval",
    }
}

fn of_counts(a: &Statistic, b: &Statistic, difference: Difference, alpha: f64) -> Option<Answer> {
    let count = |statistic: &Statistic| match statistic.unadjusted() {
        Statistic::Mean(values) if values.is_proportion[0] && values.n() > 0.0 => {
            Count::new(values.n(), (values.mean(0) * values.n()).round())
        }
        _ => None,
    };
    let (a, b) = (count(a)?, count(b)?);
    let p_value = fisher(a, b)?;
    Some(match difference {
        Difference::Absolute => Answer {
            estimate: b.share() - a.share(),
            p_value,
            interval: Some(newcombe(a, b, alpha)),
            method: "Fisher's exact test and Newcombe's interval",
        },
        Difference::Relative => {
            let (low, high) = score_ratio(a, b, alpha);
            let estimate = b.share() / a.share() - 1.0;
            Answer {
                estimate,
                p_value,
                interval: Some((low - 1.0, high - 1.0)),
                method: "Fisher's exact test and the score interval of the ratio",
            }
        }
    })
}
