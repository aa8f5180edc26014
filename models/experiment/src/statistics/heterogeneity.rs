//! Whether an effect differs between users: by level of a dimension, with honest control of many looks.

use super::distribution::chi_squared_sf;
use super::effect::{Difference, Effect};
use super::metric::Statistic;
use super::multiplicity::benjamini_hochberg;
use super::test::{Alternative, welch};

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
