//! Special functions to the last digits that a double has, in the far tails too.

use libm::lgamma;

/// Rounds of a continued fraction or series; enough for parameters of 10^9.
const ROUNDS_MAX: usize = 200_000;
const TINY: f64 = 1e-300;

/// What Stirling's formula leaves of ln Γ(x), for x of at least 10 (the series in 1/x).
fn stirling_rest(x: f64) -> f64 {
    const SERIES: [f64; 7] =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    let square = 1.0 / (x * x);
    SERIES.iter().rev().fold(0.0, |sum, term| sum * square + term) / x
}

/// ln B(a, b), without the cancellation that three logarithms of Γ would bring.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (p, q) = if a < b { (a, b) } else { (b, a) };
    let share = p / (p + q);
    if p >= 10.0 {
        let rest = stirling_rest(p) + stirling_rest(q) - stirling_rest(p + q);
        0.5 * (2.0 * std::f64::consts::PI / q).ln() + rest + (p - 0.5) * share.ln() + q * (-share).ln_1p()
    } else if q >= 10.0 {
        let rest = stirling_rest(q) - stirling_rest(p + q);
        lgamma(p) + rest + p - p * (p + q).ln() + (q - 0.5) * (-share).ln_1p()
    } else {
        lgamma(p) + lgamma(q) - lgamma(p + q)
    }
}

/// The regularised incomplete beta function I_x(a, b); `y` is 1 − x, given apart because it may be tiny.
pub fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x.is_nan() || a.is_nan() || b.is_nan() || a <= 0.0 || b <= 0.0 {
        return f64::NAN;
    }
    if x <= 0.0 || y <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x < (a + 1.0) / (a + b + 2.0) { beta_fraction(a, b, x, y) } else { 1.0 - beta_fraction(b, a, y, x) }
}

/// The continued fraction, evaluated by Lentz' method (DLMF 8.17.22).
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let ln_x = if x > 0.5 { (-y).ln_1p() } else { x.ln() };
    let ln_y = if y > 0.5 { (-x).ln_1p() } else { y.ln() };
    let front = (a * ln_x + b * ln_y - ln_beta(a, b)).exp() / a;
    let near_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / near_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for round in 1..ROUNDS_MAX {
        let m = round as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / near_zero(1.0 + even * d);
        c = near_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / near_zero(1.0 + odd * d);
        c = near_zero(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front * fraction
}

/// The regularised upper incomplete gamma function Q(a, x).
pub fn upper_gamma(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() || a <= 0.0 {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = (a * x.ln() - x - lgamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for round in 1..ROUNDS_MAX {
            term *= x / (a + round as f64);
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for round in 1..ROUNDS_MAX {
        let m = round as f64;
        let an = -m * (m - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front * fraction
}

/// Where a monotone function changes its sign between `low` and `high`, to the last digit: bisection.
pub fn root(mut low: f64, mut high: f64, function: impl Fn(f64) -> f64) -> f64 {
    let rises = function(high) > function(low);
    for _ in 0..2_000 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if (function(middle) > 0.0) == rises { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}
