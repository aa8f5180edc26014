//! Tests and intervals of an effect: Welch at a fixed moment, and sequential ones that hold whenever one looks.

use super::distribution::{student_isf, student_sf, student_two_sided};
use super::effect::{Effect, Refusal};

/// Which differences count against "no difference".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    TwoSided,
    Greater,
    Lesser,
}

/// A test's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    pub p_value: f64,
    pub interval: (f64, f64),
}

impl Alternative {
    fn interval(self, estimate: f64, half_width: f64) -> (f64, f64) {
        match self {
            Alternative::TwoSided => (estimate - half_width, estimate + half_width),
            Alternative::Greater => (estimate - half_width, f64::INFINITY),
            Alternative::Lesser => (f64::NEG_INFINITY, estimate + half_width),
        }
    }
}

/// Welch's t test with the confidence interval to 1 − α.
pub fn welch(effect: &Effect, alpha: f64, alternative: Alternative) -> Test {
    let (t, degrees) = (effect.estimate / effect.standard_error, effect.degrees_of_freedom);
    let p_value = match alternative {
        Alternative::TwoSided => student_two_sided(t, degrees),
        Alternative::Greater => student_sf(t, degrees),
        Alternative::Lesser => student_sf(-t, degrees),
    };
    let tail = if alternative == Alternative::TwoSided { alpha / 2.0 } else { alpha };
    let half_width = student_isf(tail, degrees) * effect.standard_error;
    Test { p_value, interval: alternative.interval(effect.estimate, half_width) }
}

/// A confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, arXiv 2103.06476).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    pub alpha: f64,
    pub alternative: Alternative,
    /// Equation 161: where the interval is tightest.
    pub rho: f64,
}

/// The smallest and largest p-value that the one-sided test tells.
pub const SEQUENTIAL_P_RANGE: (f64, f64) = (1e-5, 0.4999);

impl Sequential {
    /// `tuning` is the number of users at which the interval shall be tightest.
    pub fn new(alpha: f64, tuning: f64, alternative: Alternative) -> Sequential {
        let alpha_two_sided = if alternative == Alternative::TwoSided { alpha } else { 2.0 * alpha };
        Sequential { alpha, alternative, rho: rho(alpha_two_sided, tuning) }
    }

    /// The interval and the p-value that stay true at every look.
    pub fn test(&self, effect: &Effect) -> Result<Test, Refusal> {
        if self.alternative != Alternative::TwoSided && self.alpha >= 0.5 {
            return Err(Refusal::AlphaTooLarge);
        }
        let half_width = self.half_width(effect, self.alpha);
        let interval = self.alternative.interval(effect.estimate, half_width);
        let p_value = match self.alternative {
            Alternative::TwoSided => self.p_value_at(effect, 0.0),
            _ => self.one_sided_p_value(effect),
        };
        Ok(Test { p_value, interval })
    }

    fn grown(&self, n: f64) -> f64 {
        n * self.rho.powi(2) + 1.0
    }

    fn half_width(&self, effect: &Effect, alpha: f64) -> f64 {
        let grown = self.grown(effect.n);
        let logarithm = match self.alternative {
            // Equation 9.
            Alternative::TwoSided => (grown.sqrt() / alpha).ln(),
            // Equation 134.
            _ => (1.0 + grown.sqrt() / (2.0 * alpha)).ln(),
        };
        let variance = effect.standard_error.powi(2) * effect.n;
        (variance * 2.0 * grown * logarithm / (effect.n * self.rho).powi(2)).sqrt()
    }

    /// The two-sided p-value against a difference of `value` (equation 155).
    pub fn p_value_at(&self, effect: &Effect, value: f64) -> f64 {
        let grown = self.grown(effect.n);
        let square = (effect.estimate - value).powi(2) * effect.n / effect.standard_error.powi(2);
        (grown.sqrt() * (-self.rho.powi(2) * square / (2.0 * grown)).exp()).min(1.0)
    }

    /// The α at which the bound meets zero, in closed form.
    fn one_sided_p_value(&self, effect: &Effect) -> f64 {
        let toward = if self.alternative == Alternative::Lesser { -effect.estimate } else { effect.estimate };
        let (least, most) = SEQUENTIAL_P_RANGE;
        if toward <= 0.0 {
            return most;
        }
        let grown = self.grown(effect.n);
        let variance = effect.standard_error.powi(2) * effect.n;
        let exponent = toward.powi(2) * (effect.n * self.rho).powi(2) / (2.0 * grown * variance);
        (grown.sqrt() / (2.0 * exponent.exp_m1())).clamp(least, most)
    }

    /// The one-sided p-value as gbstats finds it: by halving until the bound is within 10⁻⁶ of zero, which leaves an
    /// error in p where the standard error is small. None if it does not get there.
    pub fn one_sided_p_value_by_halving(&self, effect: &Effect) -> Option<f64> {
        let (mut low, mut high) = SEQUENTIAL_P_RANGE;
        let is_lesser = self.alternative == Alternative::Lesser;
        let bound = |alpha: f64| {
            let half_width = self.half_width(effect, alpha);
            if is_lesser { -(effect.estimate + half_width) } else { effect.estimate - half_width }
        };
        if bound(low) > 0.0 {
            return Some(low);
        }
        if bound(high) < 0.0 {
            return Some(high);
        }
        let mut alpha = 0.5 * (low + high);
        for _ in 0..100 {
            let distance = bound(alpha);
            if distance < 0.0 {
                low = alpha
            } else {
                high = alpha
            }
            alpha = 0.5 * (low + high);
            if distance.abs() < 1e-6 {
                return Some(alpha);
            }
        }
        None
    }
}

fn rho(alpha: f64, tuning: f64) -> f64 {
    let logarithm = -2.0 * alpha.ln();
    ((logarithm + (logarithm + 1.0).ln()) / tuning).sqrt()
}

/// The half width of the two-sided confidence sequence in standard errors: what it costs to look at any time.
pub fn sequential_multiplier(n: f64, alpha: f64, tuning: f64) -> f64 {
    let rho = rho(alpha, tuning);
    let grown = n * rho * rho + 1.0;
    (n * 2.0 * grown * (grown.sqrt() / alpha).ln() / (n * rho).powi(2)).sqrt()
}
