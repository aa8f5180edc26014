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
    let (a, b) = (shape(a), shape(b));
    let (turned_a, turned_b) = ((a.1, a.0), (b.1, b.0));
    let (low, high) = (LowerHalf::new(a, b), LowerHalf::new(turned_a, turned_b));
    let cdf = |q: f64, (x, y): Shape| beta_cdf(q, x, y);
    let sf = |q: f64, (x, y): Shape| beta_sf(q, x, y);
    let interval = |(x, y): Shape| (beta_quantile(alpha / 2.0, x, y), beta_quantile(1.0 - alpha / 2.0, x, y));
    BetaPosterior {
        chance_to_win: low.expected(b, |q| cdf(q, a)) + high.expected(turned_b, |q| sf(q, turned_a)),
        loss_if_treatment: low.integral(|q| cdf(q, b) * sf(q, a))
            + high.integral(|q| sf(q, turned_b) * cdf(q, turned_a)),
        loss_if_control: low.integral(|q| cdf(q, a) * sf(q, b)) + high.integral(|q| sf(q, turned_a) * cdf(q, turned_b)),
        interval: interval(b),
        interval_control: interval(a),
    }
}

/// Both parameters of a Beta distribution.
type Shape = (f64, f64);

/// Integrals over (0, 1/2). A density whose first parameter is below 1 has no bound at 0, so they are taken in s with x = s^power,
/// where it has one. The upper half is the lower half of the turned distributions.
struct LowerHalf {
    power: f64,
    /// In s.
    points: Vec<f64>,
}

impl LowerHalf {
    fn new(a: Shape, b: Shape) -> LowerHalf {
        let least = a.0.min(b.0);
        let power = if least < 1.0 { 3.0 / least } else { 1.0 };
        // Halved twice at each step towards the end, for what lies between it and the first deviation.
        let mut points = vec![0.0, 0.5];
        points.extend((1..=24).map(|step| 0.5 * 0.25_f64.powi(step)));
        for (x, y) in [a, b] {
            let (mean, deviation) = (x / (x + y), (x * y / (x + y + 1.0)).sqrt() / (x + y));
            points.extend((-12..=12).map(|step| mean + f64::from(step) * deviation).filter(|p| *p > 0.0 && *p < 0.5));
        }
        LowerHalf { power, points: points.into_iter().map(|point| point.powf(power.recip())).collect() }
    }

    fn integral(&self, function: impl Fn(f64) -> f64) -> f64 {
        integrate(&self.points, 2, |s| function(s.powf(self.power)) * self.power * s.powf(self.power - 1.0))
    }

    /// Of a function times a density.
    fn expected(&self, (x, y): Shape, function: impl Fn(f64) -> f64) -> f64 {
        let ln_scale = ln_beta(x, y);
        integrate(&self.points, 2, |s| {
            let q = s.powf(self.power);
            // Density and ds together: each alone has no bound at 0.
            let ln = (x * self.power - 1.0) * s.ln() + (y - 1.0) * (-q).ln_1p() - ln_scale;
            self.power * ln.exp() * function(q)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::beta_posterior;

    /// Chances by mpmath's tanh-sinh integration with 25 digits, where a parameter below 1 makes a density steep at an end.
    #[test]
    fn beta_posteriors_without_a_bound_at_an_end() {
        for (a, b, prior, chance) in [
            ((45.0, 51.0), (7.0, 7.0), (10.0, 0.5), 0.92599263392572),
            ((501.0, 501.0), (21.0, 21.0), (0.5, 0.5), 0.12927665329673),
            ((3.0, 5.0), (2.0, 2.0), (10.0, 0.5), 0.90667245115228),
            ((5.0, 5.0), (0.0, 7.0), (0.5, 0.5), 6.0443635015008e-5),
        ] {
            let found = beta_posterior(a, b, prior, 0.05);
            assert!((found.chance_to_win - chance).abs() < 1e-11 * chance.max(0.01), "{found:?}, expected {chance}");
            let mean = |(successes, n): (f64, f64)| (prior.0 + successes) / (prior.0 + prior.1 + n);
            let difference = found.loss_if_control - found.loss_if_treatment;
            assert!((difference - (mean(b) - mean(a))).abs() < 1e-11, "{found:?}");
            let turned = beta_posterior(b, a, prior, 0.05);
            assert!((found.chance_to_win + turned.chance_to_win - 1.0).abs() < 1e-11, "{found:?} and {turned:?}");
        }
    }
}
