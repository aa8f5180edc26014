//! Integrals of smooth functions by Gauss and Legendre's rule on pieces.

use std::sync::LazyLock;

const POINTS: usize = 20;

/// Places in (−1, 1) with their weights, by Newton's steps on the Legendre polynomial.
static RULE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let legendre = |x: f64| {
        let (mut before, mut now) = (1.0, x);
        for degree in 2..=POINTS {
            let k = degree as f64;
            (before, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k);
        }
        (now, POINTS as f64 * (x * now - before) / (x * x - 1.0))
    };
    let place = |index: usize| {
        let mut x = (std::f64::consts::PI * (index as f64 + 0.75) / (POINTS as f64 + 0.5)).cos();
        for _ in 0..100 {
            let (value, slope) = legendre(x);
            x -= value / slope;
        }
        let (_, slope) = legendre(x);
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..POINTS).map(place).collect()
});

/// The integral of a function over the pieces between neighbouring points, each cut into `parts`.
pub fn integrate(points: &[f64], parts: usize, function: impl Fn(f64) -> f64) -> f64 {
    let mut sorted: Vec<f64> = points.iter().copied().filter(|point| point.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut sum = 0.0;
    for pair in sorted.windows(2) {
        let half = 0.5 * (pair[1] - pair[0]) / parts as f64;
        for part in 0..parts {
            let middle = pair[0] + half * (2 * part + 1) as f64;
            sum += half * RULE.iter().map(|(x, weight)| weight * function(middle + half * x)).sum::<f64>();
        }
    }
    sum
}
