//! Distributions: survival functions rather than 1 − cdf, so that far tails keep their digits.

use std::f64::consts::{PI, SQRT_2};

use libm::erfc;

use super::special::{incomplete_beta, root, upper_gamma};

/// P(Z ≤ x).
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// P(Z > x).
pub fn normal_sf(x: f64) -> f64 {
    0.5 * erfc(x / SQRT_2)
}

/// The density of the standard normal distribution.
pub fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// The x with P(Z ≤ x) = p.
pub fn normal_quantile(p: f64) -> f64 {
    if p < 0.5 { -normal_isf(p) } else { normal_isf(1.0 - p) }
}

/// The x with P(Z > x) = p, for any p: a rational start (Abramowitz and Stegun 26.2.23) and Newton's steps on ln p.
pub fn normal_isf(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -normal_isf(1.0 - p);
    }
    if p == 0.0 || p == 0.5 {
        return if p == 0.0 { f64::INFINITY } else { 0.0 };
    }
    let t = (-2.0 * p.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let mut x = t - top / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    for _ in 0..8 {
        let tail = normal_sf(x);
        let step = (tail / p).ln() * tail / normal_density(x);
        x += step;
        if step.abs() <= 1e-16 * x.abs() {
            break;
        }
    }
    x
}

/// P(T > t) with Student's t distribution; infinite degrees of freedom are the normal distribution.
pub fn student_sf(t: f64, degrees: f64) -> f64 {
    if t.is_nan() || degrees.is_nan() || degrees <= 0.0 {
        return f64::NAN;
    }
    if degrees.is_infinite() {
        return normal_sf(t);
    }
    if t < 0.0 {
        return 1.0 - student_sf(-t, degrees);
    }
    let square = t * t;
    if square.is_infinite() {
        return 0.0;
    }
    let both = incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + square), square / (degrees + square));
    0.5 * both
}

/// P(|T| > |t|).
pub fn student_two_sided(t: f64, degrees: f64) -> f64 {
    2.0 * student_sf(t.abs(), degrees)
}

/// The t with P(T > t) = p.
pub fn student_isf(p: f64, degrees: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) || degrees.is_nan() || degrees <= 0.0 {
        return f64::NAN;
    }
    if degrees.is_infinite() {
        return normal_isf(p);
    }
    if p > 0.5 {
        return -student_isf(1.0 - p, degrees);
    }
    if p == 0.0 || p == 0.5 {
        return if p == 0.0 { f64::INFINITY } else { 0.0 };
    }
    let mut high = normal_isf(p).max(1.0);
    while student_sf(high, degrees) > p && high < 1e300 {
        high *= 2.0;
    }
    root(0.0, high, |t| p - student_sf(t, degrees))
}

/// P(X > x) with the chi-squared distribution.
pub fn chi_squared_sf(x: f64, degrees: f64) -> f64 {
    if degrees == 1.0 { erfc((0.5 * x).max(0.0).sqrt()) } else { upper_gamma(0.5 * degrees, 0.5 * x) }
}

/// P(X ≤ x) with the beta distribution.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    incomplete_beta(a, b, x, 1.0 - x)
}

/// P(X > x) with the beta distribution.
pub fn beta_sf(x: f64, a: f64, b: f64) -> f64 {
    incomplete_beta(b, a, 1.0 - x, x)
}

/// The x with P(X ≤ x) = p.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    root(0.0, 1.0, |x| beta_cdf(x, a, b) - p)
}
