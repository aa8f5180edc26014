//! Whether an effect differs between users: by level of a dimension, with honest control of many looks.

use super::distribution::chi_squared_sf;
use super::effect::{Difference, Effect};
use super::metric::Statistic;
use super::multiplicity::benjamini_hochberg;
use super::test::{Alternative, Sequential, welch};
use super::thin::is_thin;

/// The effect at one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelEffect {
    pub level: usize,
    pub effect: Effect,
    pub p_value: f64,
    /// Benjamini and Hochberg's, over all levels with an answer.
    pub p_value_adjusted: f64,
}

/// The effects of all levels, and whether they are more different than chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Heterogeneity {
    pub levels: Vec<LevelEffect>,
    /// Cochran's Q: the levels' squared distances from their common effect, in standard errors.
    pub q: f64,
    pub degrees_of_freedom: f64,
    /// Of "the effect is the same at all levels".
    pub p_value: f64,
}

/// Compares levels of a dimension that was known before exposure. Levels without an answer are left out.
pub fn heterogeneity(levels: &[(Statistic, Statistic)], difference: Difference) -> Heterogeneity {
    let answered = levels.iter().enumerate().filter_map(|(level, (a, b))| {
        let effect = Effect::between(a, b, difference).ok()?;
        let p_value = welch(&effect, 0.05, Alternative::TwoSided).p_value;
        Some(LevelEffect { level, effect, p_value, p_value_adjusted: p_value })
    });
    let mut levels: Vec<LevelEffect> = answered.collect();
    let adjusted = benjamini_hochberg(&levels.iter().map(|level| level.p_value).collect::<Vec<_>>());
    for (level, adjusted) in levels.iter_mut().zip(adjusted) {
        level.p_value_adjusted = adjusted;
    }
    let weight = |level: &LevelEffect| level.effect.standard_error.powi(-2);
    let total: f64 = levels.iter().map(weight).sum();
    let common = levels.iter().map(|level| weight(level) * level.effect.estimate).sum::<f64>() / total;
    let q = levels.iter().map(|level| weight(level) * (level.effect.estimate - common).powi(2)).sum();
    let degrees_of_freedom = levels.len().saturating_sub(1) as f64;
    let p_value = if degrees_of_freedom > 0.0 { chi_squared_sf(q, degrees_of_freedom) } else { 1.0 };
    Heterogeneity { levels, q, degrees_of_freedom, p_value }
}

/// What is known at any time of "the effect is the same at all levels".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alike {
    /// That could be compared.
    pub levels: usize,
    pub p_value: f64,
}

/// Whether levels differ, true at every look: Robbins' mixture of likelihood ratios (1970), with levels' effects that vary normally around any common one
/// against levels that do not vary. How much they vary is `tuning`'s, as in the confidence sequence of one effect. None where there are not two levels
/// with effects that are known well enough to be normal: a level counts from then on.
///
/// With effects d and variances v, and d ~ N(μ, v) against d ~ N(μ, v + τ²), μ being left to either side with a flat prior, the ratio is that of
/// restricted likelihoods. It depends on differences between levels alone, whose scores are a martingale's as long as users arrive in the same way.
pub fn alike_at_any_look(
    levels: &[(Statistic, Statistic)],
    difference: Difference,
    alpha: f64,
    tuning: f64,
) -> Option<Alike> {
    let known = levels.iter().filter(|(a, b)| !is_thin(a) && !is_thin(b));
    let effects: Vec<Effect> = known.filter_map(|(a, b)| Effect::between(a, b, difference).ok()).collect();
    if effects.len() < 2 {
        return None;
    }
    let precision: f64 = effects.iter().map(|effect| effect.standard_error.powi(-2)).sum();
    let users: f64 = effects.iter().map(|effect| effect.n).sum();
    let rho = Sequential::new(alpha, tuning, Alternative::TwoSided).rho;
    let between = rho * rho * users / precision;
    let log_ratio = restricted(&effects, between) - restricted(&effects, 0.0);
    Some(Alike { levels: effects.len(), p_value: (-log_ratio).exp().min(1.0) })
}

/// The restricted log likelihood, but for a constant, of effects that vary by `between` beyond their standard errors.
fn restricted(effects: &[Effect], between: f64) -> f64 {
    let variance = |effect: &Effect| effect.standard_error.powi(2) + between;
    let total: f64 = effects.iter().map(|effect| variance(effect).recip()).sum();
    let common = effects.iter().map(|effect| effect.estimate / variance(effect)).sum::<f64>() / total;
    let of = |effect: &Effect| variance(effect).ln() + (effect.estimate - common).powi(2) / variance(effect);
    -0.5 * (effects.iter().map(of).sum::<f64>() + total.ln())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn level(n: f64, control: f64, treated: f64) -> (Statistic, Statistic) {
        (Statistic::proportion(n, n * control), Statistic::proportion(n, n * treated))
    }

    /// Of two levels it is the mixture of one normal difference: with τ² on each it has twice that.
    #[test]
    fn two_levels_are_one_difference() {
        let levels = [level(4_000.0, 0.2, 0.22), level(2_000.0, 0.3, 0.28)];
        let found = alike_at_any_look(&levels, Difference::Absolute, 0.05, 5_000.0).unwrap();
        let effects = levels.map(|(a, b)| Effect::between(&a, &b, Difference::Absolute).unwrap());
        let [one, other] = effects.map(|effect| effect.standard_error.powi(2));
        let rho = Sequential::new(0.05, 5_000.0, Alternative::TwoSided).rho;
        let between = 2.0 * rho * rho * 12_000.0 / (one.recip() + other.recip());
        let (apart, variance) = (effects[0].estimate - effects[1].estimate, one + other);
        let ratio = (variance / (variance + between)).sqrt()
            * (0.5 * apart * apart * (variance.recip() - (variance + between).recip())).exp();
        assert!((found.p_value * ratio - 1.0).abs() < 1e-9, "{found:?} {ratio}");
        assert_eq!(found.levels, 2);
    }

    #[test]
    fn it_costs_something_to_look_at_any_time_and_thin_levels_wait() {
        let levels = [level(4_000.0, 0.2, 0.26), level(4_000.0, 0.2, 0.19), level(4_000.0, 0.2, 0.2)];
        let once = heterogeneity(&levels, Difference::Relative).p_value;
        let always = alike_at_any_look(&levels, Difference::Relative, 0.05, 5_000.0).unwrap().p_value;
        assert!(once < always && always < 0.01, "{once} {always}");
        let thin = [level(4_000.0, 0.2, 0.26), level(100.0, 0.02, 0.2)];
        assert_eq!(alike_at_any_look(&thin, Difference::Relative, 0.05, 5_000.0), None);
        let same = [level(4_000.0, 0.2, 0.22), level(3_000.0, 0.2, 0.22)];
        assert_eq!(alike_at_any_look(&same, Difference::Relative, 0.05, 5_000.0).unwrap().p_value, 1.0);
    }
}
