//! The difference between two arms with its standard error, absolute or relative to the control arm.

use super::metric::{Statistic, adjusted, quadratic, ratio_gradient, variance_of_ratio};
use super::periods::Period;
use super::post_stratified::post_stratified;
use super::stratified::{Weighed, stratified};

/// In which unit a difference is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    Absolute,
    /// Divided by the size of the control arm's unadjusted mean.
    Relative,
}

/// Why there is no answer by this method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An arm, or the difference, has no spread to measure a difference by (or no units at all).
    ZeroNegativeVariance,
    /// Nothing can be said relative to a mean of zero.
    BaselineVariationZero,
    /// A one-sided sequential test needs an α below one half.
    AlphaTooLarge,
}

impl Refusal {
    /// The code that gbstats uses for it.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::ZeroNegativeVariance => "ZERO_NEGATIVE_VARIANCE",
            Refusal::BaselineVariationZero => "ZERO_NEGATIVE_BASELINE_VARIATION",
            Refusal::AlphaTooLarge => "ALPHA_GREATER_THAN_0.5_FOR_SEQUENTIAL_ONE_SIDED_TEST",
        }
    }
}

/// A difference with all that tests need of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    pub estimate: f64,
    pub standard_error: f64,
    /// Units of both arms.
    pub n: f64,
    /// Of Welch's test, by Satterthwaite.
    pub degrees_of_freedom: f64,
    pub is_stratified: bool,
    /// The control arm's mean before adjustment.
    pub control_mean: f64,
    pub difference: Difference,
}

impl Effect {
    /// The effect of treatment `b` against control `a`; adjusts by the covariate where there is one.
    pub fn between(a: &Statistic, b: &Statistic, difference: Difference) -> Result<Effect, Refusal> {
        Effect::of_strata(&[(*a, *b)], difference)
    }

    /// The effect over strata of users: each stratum's effect, weighed by its share of the users. Degrees of freedom are those of
    /// the arms as a whole, as in gbstats.
    pub fn of_strata(strata: &[(Statistic, Statistic)], difference: Difference) -> Result<Effect, Refusal> {
        let of_both = |(a, b): &(Statistic, Statistic)| Period { a: *a, b: *b, users: a.n() + b.n() };
        let strata: Vec<Period> = strata.iter().map(of_both).collect();
        let (effect, _) = Effect::weighed(&strata, difference)?;
        Ok(effect)
    }

    /// The effect over periods (see there), with the degrees of freedom that their weighed variances have.
    pub fn of_periods(periods: &[Period], difference: Difference) -> Result<Effect, Refusal> {
        let (effect, weighed) = Effect::weighed(periods, difference)?;
        let degrees_of_freedom = weighed.map_or(effect.degrees_of_freedom, |weighed| weighed.degrees_of_freedom);
        Ok(Effect { degrees_of_freedom, ..effect })
    }

    /// The effect over strata of users that were made by what was known before (post-stratification), with the spread of each arm by itself in
    /// each of them.
    pub fn post_stratified(strata: &[(Statistic, Statistic)], difference: Difference) -> Result<Effect, Refusal> {
        let of_both = |(a, b): &(Statistic, Statistic)| Period { a: *a, b: *b, users: a.n() + b.n() };
        let strata: Vec<Period> = strata.iter().map(of_both).collect();
        let (effect, weighed) = Effect::weighed_by(post_stratified, &strata, difference)?;
        let degrees_of_freedom = weighed.map_or(effect.degrees_of_freedom, |weighed| weighed.degrees_of_freedom);
        Ok(Effect { degrees_of_freedom, ..effect })
    }

    /// The absolute difference of treatment `b` from a control `a` that has none of it, and so perhaps no spread either: both arms get the
    /// variance of all users together, which is what they have where the arms are alike (the score test's).
    pub fn above_nothing(a: &Statistic, b: &Statistic) -> Result<Effect, Refusal> {
        let (a, b) = (a.unadjusted(), b.unadjusted());
        if let Ok((estimate, variance)) = moments(&a, &b, Difference::Absolute) {
            return Ok(Effect::absolute((&a, &b), estimate, variance));
        }
        let all = a.pooled(&b).ok_or(Refusal::ZeroNegativeVariance)?;
        let variance = all.variance() * (1.0 / a.n() + 1.0 / b.n());
        if a.n() < 1.0 || b.n() < 1.0 || variance.is_nan() || variance <= 0.0 {
            return Err(Refusal::ZeroNegativeVariance);
        }
        Ok(Effect::absolute((&a, &b), b.mean() - a.mean(), variance))
    }

    fn absolute((a, b): (&Statistic, &Statistic), estimate: f64, variance: f64) -> Effect {
        Effect {
            estimate,
            standard_error: variance.sqrt(),
            n: a.n() + b.n(),
            degrees_of_freedom: a.n() + b.n() - 2.0,
            is_stratified: false,
            control_mean: a.unadjusted_mean(),
            difference: Difference::Absolute,
        }
    }

    fn weighed(strata: &[Period], difference: Difference) -> Result<(Effect, Option<Weighed>), Refusal> {
        Effect::weighed_by(stratified, strata, difference)
    }

    fn weighed_by(
        over: fn(&[Period], Difference) -> Result<Weighed, Refusal>,
        strata: &[Period],
        difference: Difference,
    ) -> Result<(Effect, Option<Weighed>), Refusal> {
        let (first, rest) = strata.split_first().ok_or(Refusal::ZeroNegativeVariance)?;
        let pooled = rest.iter().try_fold(*first, |sum, next| sum.joined(next));
        let Period { a, b, .. } = pooled.ok_or(Refusal::ZeroNegativeVariance)?;
        let (a, b) = adjusted(&a, &b);
        let stratified = if rest.is_empty() { None } else { over(strata, difference).ok() };
        let (estimate, variance) = match stratified {
            Some(found) => (found.estimate, found.variance),
            None => moments(&a, &b, difference)?,
        };
        let effect = Effect {
            estimate,
            standard_error: variance.sqrt(),
            n: a.units() + b.units(),
            degrees_of_freedom: degrees_of_freedom(&a, &b),
            is_stratified: stratified.is_some(),
            control_mean: a.unadjusted_mean(),
            difference,
        };
        Ok((effect, stratified))
    }
}

/// Welch and Satterthwaite's degrees of freedom, on the arms' variances.
pub fn degrees_of_freedom(a: &Statistic, b: &Statistic) -> f64 {
    let (va, vb) = (a.variance() / a.n(), b.variance() / b.n());
    let part = |variance: f64, n: f64| if variance == 0.0 { 0.0 } else { variance * variance / (n - 1.0) };
    (va + vb).powi(2) / (part(va, a.n()) + part(vb, b.n()))
}

/// Estimate and variance of the difference of two arms, θ being settled.
pub(super) fn moments(a: &Statistic, b: &Statistic, difference: Difference) -> Result<(f64, f64), Refusal> {
    if a.has_no_variance() || b.has_no_variance() {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let variance = variance_of_difference(a, b, difference);
    if variance.is_nan() || variance <= 0.0 {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let control = a.unadjusted_mean();
    match difference {
        Difference::Relative if control == 0.0 => Err(Refusal::BaselineVariationZero),
        Difference::Relative => Ok(((b.mean() - a.mean()) / control.abs(), variance)),
        Difference::Absolute => Ok((b.mean() - a.mean(), variance)),
    }
}

fn variance_of_difference(a: &Statistic, b: &Statistic, difference: Difference) -> f64 {
    let (va, vb) = (a.variance() / a.n(), b.variance() / b.n());
    match (difference, a, b) {
        (Difference::Absolute, _, _) => va + vb,
        (_, Statistic::Adjusted { values: a, theta }, Statistic::Adjusted { values: b, .. }) => {
            let mean = a.mean(0);
            if mean == 0.0 {
                return 0.0;
            }
            // The gradient in the control's post-period mean is −(mean of treatment)/(mean of control).
            let slope = -b.mean(0) / mean;
            let of_control = a.variance(0) * slope * slope
                + 2.0 * theta * a.covariance(0, 1) * slope
                + theta * theta * a.variance(1);
            vb / mean.powi(2) + of_control / a.n() / mean.powi(2)
        }
        (_, Statistic::AdjustedRatio { values: va, theta }, Statistic::AdjustedRatio { values: vb, .. }) => {
            let control = a.unadjusted_mean();
            let [m, d, ..] = va.moments.means;
            if control == 0.0 || d == 0.0 {
                return 0.0;
            }
            let effect = (b.mean() - a.mean()) * control.signum();
            let scale = control.abs();
            let of_a = ratio_gradient(va, *theta);
            let of_control = [
                -(scale + effect) / d / scale.powi(2),
                (m * scale + m * effect) / d.powi(2) / scale.powi(2),
                -of_a[2] / scale,
                -of_a[3] / scale,
            ];
            let of_treatment = ratio_gradient(vb, *theta).map(|slope| slope / scale);
            quadratic(&va.matrix(), &of_control) / va.n() + quadratic(&vb.matrix(), &of_treatment) / vb.n()
        }
        _ => variance_of_ratio((b.unadjusted_mean(), vb), (a.unadjusted_mean(), va), 0.0),
    }
}
