//! How many users an experiment needs, and what it can see: before it starts and while it runs.

use libm::lgamma;

use super::distribution::{normal_cdf, normal_isf, normal_sf, student_isf};
use super::effect::Effect;
use super::quadrature::integrate;
use super::special::root;
use super::test::sequential_multiplier;

/// The power of a two-sided z test against an effect of so many standard errors.
pub fn power_of_z(effect_in_errors: f64, alpha: f64) -> f64 {
    let z = normal_isf(alpha / 2.0);
    normal_sf(z - effect_in_errors) + normal_cdf(-z - effect_in_errors)
}

/// So many users in two arms of equal size tell as much as these two arms do: the variance of a difference goes by 1/a + 1/b.
pub fn users_as_if_equal(a: f64, b: f64) -> f64 {
    if a > 0.0 && b > 0.0 { 4.0 * a * b / (a + b) } else { 0.0 }
}

/// A plan: a metric, and users that are divided among arms of equal size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub mean: f64,
    pub variance: f64,
    pub users: f64,
    pub arms: f64,
    pub alpha: f64,
    /// For an experiment that is looked at any time: where its intervals are tightest.
    pub sequential_tuning: Option<f64>,
}

impl Plan {
    fn users_per_arm(&self) -> f64 {
        self.users / self.arms
    }

    /// What always-valid intervals multiply standard errors by, relative to a fixed moment; 1 without.
    fn inflation(&self) -> f64 {
        let n = 2.0 * self.users_per_arm();
        let at_any_time = |tuning| sequential_multiplier(n, self.alpha, tuning) / normal_isf(self.alpha / 2.0);
        self.sequential_tuning.filter(|tuning| *tuning > 0.0).map_or(1.0, at_any_time)
    }

    /// The standard error of a relative effect (delta method) if the effect is `lift`.
    pub fn standard_error(&self, lift: f64) -> f64 {
        let n = self.users_per_arm();
        let treated = self.mean * (1.0 + lift);
        let square = self.variance / (self.mean.powi(2) * n) * (1.0 + (treated / self.mean).powi(2));
        square.sqrt() * self.inflation()
    }

    pub fn power(&self, lift: f64) -> f64 {
        power_of_z(lift / self.standard_error(lift), self.alpha)
    }

    /// The least relative effect that is seen with this power; none if there are too few users for any.
    pub fn minimum_detectable_effect(&self, power: f64) -> Option<f64> {
        let z = normal_isf(self.alpha / 2.0) + normal_isf(1.0 - power);
        let variance = self.variance * self.inflation().powi(2) / self.users_per_arm();
        let share = z * z * variance / self.mean.powi(2);
        if power <= self.alpha || !(0.0..1.0).contains(&share) {
            return None;
        }
        // (1 − s) r² − 2 r + (1 − s) = 0 for the ratio r of the means.
        Some((1.0 + (1.0 - (1.0 - share).powi(2)).sqrt()) / (1.0 - share) - 1.0)
    }
}

/// The power of the two-sided t test of two arms of equal size (non-central t distribution).
pub fn power_of_t(effect_size: f64, n_per_arm: f64, alpha: f64) -> f64 {
    let degrees = 2.0 * n_per_arm - 2.0;
    let shift = effect_size * (n_per_arm / 2.0).sqrt();
    let critical = student_isf(alpha / 2.0, degrees);
    // Given the estimated deviation s, the statistic is normal; s² has a chi-squared distribution.
    let half = degrees / 2.0;
    let ln_scale = std::f64::consts::LN_2 + half * half.ln() - lgamma(half);
    let density = |s: f64| (ln_scale + (degrees - 1.0) * s.ln() - half * s * s).exp();
    let spread = 1.0 / (2.0 * degrees).sqrt();
    let points = (0..=40).map(|step| 1.0 + (f64::from(step) - 20.0) / 20.0 * 12.0 * spread).map(|s| s.max(1e-12));
    let points: Vec<f64> = points.collect();
    integrate(&points, 1, |s| density(s) * (normal_sf(critical * s - shift) + normal_cdf(-critical * s - shift)))
}

/// The effect size (in standard deviations) that the t test sees with this power.
pub fn effect_size_of_t(n_per_arm: f64, alpha: f64, power: f64) -> f64 {
    let mut high = 1.0;
    while power_of_t(high, n_per_arm, alpha) < power && high < 1e6 {
        high *= 2.0;
    }
    root(0.0, high, |size| power_of_t(size, n_per_arm, alpha) - power)
}

/// Users per arm to tell two proportions apart, by three formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProportionSize {
    /// The distance on the arcsine scale.
    pub cohen_h: f64,
    pub by_cohen_h: f64,
    pub by_unpooled_variance: f64,
    pub by_pooled_variance: f64,
}

/// Users per arm for a two-sided test with this power.
pub fn users_for_proportions(control: f64, treatment: f64, alpha: f64, power: f64) -> ProportionSize {
    let (z, z_power) = (normal_isf(alpha / 2.0), normal_isf(1.0 - power));
    let angle = |p: f64| 2.0 * p.sqrt().asin();
    let cohen_h = angle(treatment) - angle(control);
    let variance = |p: f64| p * (1.0 - p);
    let (difference, mean) = (treatment - control, 0.5 * (control + treatment));
    let unpooled = variance(control) + variance(treatment);
    let pooled = z * (2.0 * variance(mean)).sqrt() + z_power * unpooled.sqrt();
    ProportionSize {
        cohen_h,
        // Both tails count, so that the power is exact.
        by_cohen_h: users_for_power(cohen_h.abs(), alpha, power),
        by_unpooled_variance: (z + z_power).powi(2) * unpooled / difference.powi(2),
        by_pooled_variance: (pooled / difference).powi(2),
    }
}

fn users_for_power(effect_size: f64, alpha: f64, power: f64) -> f64 {
    let power_at = |n: f64| power_of_z(effect_size * (n / 2.0).sqrt(), alpha);
    let mut high = 2.0;
    while power_at(high) < power && high < 1e18 {
        high *= 2.0;
    }
    root(0.0, high, |n| power_at(n) - power)
}

/// Whether a running experiment will see an effect, and how many users it still needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MidPlan {
    /// The least effect worth seeing, in the unit of the effect.
    pub target: f64,
    pub target_power: f64,
    pub goal_metrics: f64,
    pub arms: f64,
    /// Whether p-values are corrected for the number of tests.
    pub is_corrected: bool,
    pub alpha: f64,
    pub sequential_tuning: Option<f64>,
    /// Mean and variance of a prior.
    pub prior: Option<(f64, f64)>,
}

/// What a running experiment still needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MidPower {
    pub power_now: f64,
    /// Additional users as a multiple of those there are; none if no number would do.
    pub scaling_factor: Option<f64>,
    pub additional_users: Option<f64>,
}

const SCALING_DOUBLINGS_MAX: usize = 27;

impl MidPlan {
    fn tests(&self) -> f64 {
        if self.is_corrected { (self.arms - 1.0) * self.goal_metrics } else { 1.0 }
    }

    /// Power with `factor` times as many users added.
    pub fn power(&self, effect: &Effect, factor: f64) -> f64 {
        let alpha = self.alpha / self.tests();
        let z = normal_isf(alpha / 2.0);
        let deviation = effect.standard_error / (1.0 + factor).sqrt();
        let target = self.target.abs();
        if let Some((mean, variance)) = self.prior {
            let data = deviation * deviation;
            let bound = data * (1.0 / variance + 1.0 / data).sqrt() * z;
            let shift = data * mean / variance;
            return normal_sf((bound - shift - target) / deviation) + normal_cdf(-(bound + shift + target) / deviation);
        }
        let half_width = match self.sequential_tuning {
            Some(tuning) => {
                // As gbstats: the spread of all users so far over the grown number.
                let n = effect.n * (1.0 + factor);
                let spread = effect.standard_error * effect.n.sqrt();
                sequential_multiplier(n, alpha, tuning) * spread / n.sqrt()
            }
            None => z * deviation,
        };
        normal_sf((half_width - target) / deviation) + normal_cdf(-(half_width + target) / deviation)
    }

    pub fn evaluate(&self, effect: &Effect) -> MidPower {
        let wanted = self.target_power.powf(1.0 / self.goal_metrics);
        let power_now = self.power(effect, 0.0);
        let answer = |factor: Option<f64>| MidPower {
            power_now,
            scaling_factor: factor,
            additional_users: factor.map(|factor| factor * effect.n),
        };
        if power_now > wanted {
            return answer(Some(0.0));
        }
        let mut high = 1.0;
        for _ in 0..SCALING_DOUBLINGS_MAX {
            if self.power(effect, high) >= wanted {
                return answer(Some(root(0.0, high, |factor| self.power(effect, factor) - wanted)));
            }
            high *= 2.0;
        }
        let reached = self.power(effect, high) >= wanted;
        answer(reached.then(|| root(0.0, high, |factor| self.power(effect, factor) - wanted)))
    }
}
