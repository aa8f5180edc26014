//! Normal posteriors of an effect, and Beta posteriors of proportions where counts are small.

use super::distribution::{beta_cdf, beta_quantile, beta_sf, normal_cdf, normal_density, normal_isf, normal_sf};
use super::effect::{Difference, Effect, Refusal};
use super::quadrature::integrate;
use super::special::ln_beta;

/// What is believed of an effect before the data: N(mean, variance).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    pub mean: f64,
    pub variance: f64,
    /// In which unit it is told.
    pub scale: Difference,
}

/// What is believed after the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    pub mean: f64,
    pub deviation: f64,
    /// That treatment is better than control.
    pub chance_to_win: f64,
    pub interval: (f64, f64),
    /// What is lost on average by keeping control while treatment is better.
    pub loss_if_control: f64,
    /// What is lost on average by choosing treatment while control is better.
    pub loss_if_treatment: f64,
}

impl Prior {
    /// The prior in the unit of an effect. `rescales` is false for gbstats' way, which leaves an absolute prior as it is.
    pub fn in_unit_of(&self, effect: &Effect, rescales: bool) -> Result<Prior, Refusal> {
        let size = effect.control_mean.abs();
        let factor = match (self.scale, effect.difference) {
            (Difference::Relative, Difference::Absolute) => size,
            (Difference::Absolute, Difference::Relative) if rescales => 1.0 / size,
            _ => 1.0,
        };
        if factor == 0.0 || !factor.is_finite() {
            return Err(Refusal::BaselineVariationZero);
        }
        Ok(Prior { mean: self.mean * factor, variance: self.variance * factor * factor, scale: effect.difference })
    }
}

/// The posterior of an effect; without a prior every effect was equally likely. `lower_is_better` turns the sides.
pub fn posterior(effect: &Effect, prior: Option<&Prior>, alpha: f64, lower_is_better: bool) -> Posterior {
    let variance = effect.standard_error.powi(2);
    let (mean, deviation) = match prior {
        Some(prior) => {
            let precision = 1.0 / variance + 1.0 / prior.variance;
            ((effect.estimate / variance + prior.mean / prior.variance) / precision, precision.sqrt().recip())
        }
        None => (effect.estimate, effect.standard_error),
    };
    let z = mean / deviation;
    let half_width = normal_isf(alpha / 2.0) * deviation;
    let (above, below) = (expected_excess(z) * deviation, expected_excess(-z) * deviation);
    let (loss_if_control, loss_if_treatment) = if lower_is_better { (below, above) } else { (above, below) };
    Posterior {
        mean,
        deviation,
        chance_to_win: if lower_is_better { normal_sf(z) } else { normal_cdf(z) },
        interval: (mean - half_width, mean + half_width),
        loss_if_control,
        loss_if_treatment,
    }
}

/// E max(Z + z, 0) of a standard normal Z. In the far tail the two terms cancel, so their asymptotic series is used.
fn expected_excess(z: f64) -> f64 {
    if z > -10.0 {
        return normal_density(z) + z * normal_cdf(z);
    }
    let square = 1.0 / (z * z);
    normal_density(z) * square * (1.0 - square * (3.0 - square * (15.0 - square * (105.0 - square * 945.0))))
}

/// Two proportions with Beta posteriors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaPosterior {
    /// That b's proportion is greater than a's.
    pub chance_to_win: f64,
    /// E max(p_a − p_b, 0).
    pub loss_if_treatment: f64,
    pub loss_if_control: f64,
    /// Of b's proportion.
    pub interval: (f64, f64),
    /// Of a's proportion.
    pub interval_control: (f64, f64),
}

/// The posterior of (successes, units) of both arms with a Beta prior.
pub fn beta_posterior(a: (f64, f64), b: (f64, f64), prior: (f64, f64), alpha: f64) -> BetaPosterior {
    let shape = |(successes, n): (f64, f64)| (prior.0 + successes, prior.1 + n - successes);
    let ((a1, a2), (b1, b2)) = (shape(a), shape(b));
    let mut points = vec![0.0, 1.0];
    for (x, y) in [(a1, a2), (b1, b2)] {
        let (mean, deviation) = (x / (x + y), (x * y / (x + y + 1.0)).sqrt() / (x + y));
        points.extend((-12..=12).map(|step| mean + f64::from(step) * deviation).filter(|p| *p > 0.0 && *p < 1.0));
    }
    let ln_scale = ln_beta(b1, b2);
    let density = |x: f64| ((b1 - 1.0) * x.ln() + (b2 - 1.0) * (-x).ln_1p() - ln_scale).exp();
    let interval = |x: f64, y: f64| (beta_quantile(alpha / 2.0, x, y), beta_quantile(1.0 - alpha / 2.0, x, y));
    BetaPosterior {
        chance_to_win: integrate(&points, 2, |x| density(x) * beta_cdf(x, a1, a2)),
        loss_if_treatment: integrate(&points, 2, |x| beta_cdf(x, b1, b2) * beta_sf(x, a1, a2)),
        loss_if_control: integrate(&points, 2, |x| beta_cdf(x, a1, a2) * beta_sf(x, b1, b2)),
        interval: interval(b1, b2),
        interval_control: interval(a1, a2),
    }
}
