//! Two proportions from counts, also tiny ones and zeros: intervals by score, exact tests.

use super::distribution::{beta_quantile, normal_isf, normal_sf};
use super::special::{ln_beta, root};

/// Successes out of units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    pub successes: f64,
    pub n: f64,
}

/// Tables of more cells than this are not counted out by Fisher's test.
const FISHER_STEPS_MAX: f64 = 2_000_000.0;
/// Of large counts two chances that differ by less are the same: logarithms of factorials have no more digits.
const FISHER_TIE: f64 = 1e-7;

impl Count {
    /// None if these are no counts: not whole, negative, or more successes than units.
    pub fn new(n: f64, successes: f64) -> Option<Count> {
        let is_whole = |number: f64| number >= 0.0 && number.fract() == 0.0 && number.is_finite();
        (is_whole(n) && is_whole(successes) && successes <= n).then_some(Count { successes, n })
    }

    pub fn share(&self) -> f64 {
        self.successes / self.n
    }

    fn variance(&self) -> f64 {
        self.share() * (1.0 - self.share()) / self.n
    }

    /// Wilson's score interval.
    pub fn wilson(&self, alpha: f64) -> (f64, f64) {
        let z = normal_isf(alpha / 2.0);
        let (p, n) = (self.share(), self.n);
        let grown = 1.0 + z * z / n;
        let middle = (p + z * z / (2.0 * n)) / grown;
        let half_width = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt() / grown;
        let low = if self.successes == 0.0 { 0.0 } else { middle - half_width };
        (low, if self.successes == n { 1.0 } else { middle + half_width })
    }

    /// Clopper and Pearson's interval, which never covers too little.
    pub fn clopper_pearson(&self, alpha: f64) -> (f64, f64) {
        let (k, n) = (self.successes, self.n);
        let low = if k == 0.0 { 0.0 } else { beta_quantile(alpha / 2.0, k, n - k + 1.0) };
        (low, if k == n { 1.0 } else { beta_quantile(1.0 - alpha / 2.0, k + 1.0, n - k) })
    }
}

/// z and the two-sided p-value with the pooled proportion; its square is the chi-squared statistic of the table.
pub fn pooled_z(a: Count, b: Count) -> (f64, f64) {
    let pooled = (a.successes + b.successes) / (a.n + b.n);
    let z = (b.share() - a.share()) / (pooled * (1.0 - pooled) * (1.0 / a.n + 1.0 / b.n)).sqrt();
    (z, 2.0 * normal_sf(z.abs()))
}

/// z and the two-sided p-value with each arm's own proportion.
pub fn unpooled_z(a: Count, b: Count) -> (f64, f64) {
    let z = (b.share() - a.share()) / (a.variance() + b.variance()).sqrt();
    (z, 2.0 * normal_sf(z.abs()))
}

/// Wald's interval of the difference b − a.
pub fn wald(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    around(b.share() - a.share(), normal_isf(alpha / 2.0) * (a.variance() + b.variance()).sqrt())
}

fn around(middle: f64, half_width: f64) -> (f64, f64) {
    (middle - half_width, middle + half_width)
}

/// Agresti and Caffo's interval: Wald's with one success and one failure more in each arm.
pub fn agresti_caffo(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    let more = |count: Count| Count { successes: count.successes + 1.0, n: count.n + 2.0 };
    wald(more(a), more(b), alpha)
}

/// Newcombe's interval of the difference, from both Wilson intervals (his method 10). It needs no success at all.
pub fn newcombe(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    let (of_a, of_b) = (a.wilson(alpha), b.wilson(alpha));
    let difference = b.share() - a.share();
    let down = (b.share() - of_b.0).hypot(of_a.1 - a.share());
    let up = (a.share() - of_a.0).hypot(of_b.1 - b.share());
    (difference - down, difference + up)
}

/// Miettinen and Nurminen's score interval of the difference.
pub fn score_difference(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    let z = normal_isf(alpha / 2.0);
    let estimate = b.share() - a.share();
    let statistic = |difference: f64| {
        let (p_a, p_b) = restricted_difference(a, b, difference);
        let n = a.n + b.n;
        let variance = (p_a * (1.0 - p_a) / a.n + p_b * (1.0 - p_b) / b.n) * n / (n - 1.0);
        standardised(estimate - difference, variance)
    };
    let edge = 1.0 - 1e-13;
    let low = if estimate <= -edge { -1.0 } else { root(-edge, estimate, |d| statistic(d) - z) };
    let high = if estimate >= edge { 1.0 } else { root(estimate, edge, |d| statistic(d) + z) };
    (low, high)
}

/// The ratio's score interval (Koopman 1984, with Miettinen and Nurminen's correction); none without any unit.
pub fn score_ratio(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    let z = normal_isf(alpha / 2.0);
    let n = a.n + b.n;
    let statistic = |ratio: f64| {
        let (p_a, p_b) = restricted_ratio(a, b, ratio);
        let variance = (p_b * (1.0 - p_b) / b.n + ratio * ratio * p_a * (1.0 - p_a) / a.n) * n / (n - 1.0);
        standardised(b.share() - ratio * a.share(), variance)
    };
    if a.successes == 0.0 && b.successes == 0.0 {
        return (0.0, f64::INFINITY);
    }
    // On a logarithmic scale, so that tiny ratios keep their digits.
    let solve = |low: f64, high: f64, bound: f64| root(low, high, |ln| statistic(ln.exp()) - bound).exp();
    let estimate = (b.share() / a.share()).ln().clamp(-60.0, 60.0);
    let low = if b.successes == 0.0 { 0.0 } else { solve(-60.0, estimate, z) };
    let high = if a.successes == 0.0 { f64::INFINITY } else { solve(estimate, 60.0, -z) };
    (low, high)
}

fn standardised(distance: f64, variance: f64) -> f64 {
    if variance > 0.0 {
        distance / variance.sqrt()
    } else if distance == 0.0 {
        0.0
    } else {
        distance.signum() * f64::MAX
    }
}

/// Katz' interval of the ratio, on the logarithm.
pub fn log_ratio(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    let variance = 1.0 / a.successes - 1.0 / a.n + 1.0 / b.successes - 1.0 / b.n;
    let (low, high) = around((b.share() / a.share()).ln(), normal_isf(alpha / 2.0) * variance.sqrt());
    (low.exp(), high.exp())
}

/// The likeliest proportions (a, b) with b − a given: a cubic (Miettinen and Nurminen 1985).
fn restricted_difference(a: Count, b: Count, difference: f64) -> (f64, f64) {
    let n = a.n + b.n;
    let successes = a.successes + b.successes;
    let square = (b.n + 2.0 * a.n) * difference - n - successes;
    let linear = (a.n * difference - n - 2.0 * a.successes) * difference + successes;
    let constant = a.successes * difference * (1.0 - difference);
    let shift = square / (3.0 * n);
    let q = shift.powi(3) - square * linear / (6.0 * n * n) + constant / (2.0 * n);
    let p = (shift * shift - linear / (3.0 * n)).max(0.0).sqrt().copysign(q);
    let cosine = if p == 0.0 { 0.0 } else { (q / p.powi(3)).clamp(-1.0, 1.0) };
    let angle = (std::f64::consts::PI + cosine.acos()) / 3.0;
    let of_a = (2.0 * p * angle.cos() - shift).clamp(0.0, 1.0);
    (of_a, (of_a + difference).clamp(0.0, 1.0))
}

/// The likeliest proportions (a, b) with b / a given: a quadratic equation.
fn restricted_ratio(a: Count, b: Count, ratio: f64) -> (f64, f64) {
    let square = (a.n + b.n) * ratio;
    let linear = -(b.n * ratio + b.successes + a.n + a.successes * ratio);
    let constant = a.successes + b.successes;
    let root = (linear * linear - 4.0 * square * constant).max(0.0).sqrt();
    // The smaller root, written so that nothing cancels.
    let of_a = (2.0 * constant / (root - linear)).clamp(0.0, 1.0);
    (of_a, (of_a * ratio).clamp(0.0, 1.0))
}

fn ln_choose(n: f64, k: f64) -> f64 {
    -(n + 1.0).ln() - ln_beta(n - k + 1.0, k + 1.0)
}

/// Fisher's exact test, two-sided: all tables no likelier than this one. None if there are too many.
pub fn fisher(a: Count, b: Count) -> Option<f64> {
    let successes = a.successes + b.successes;
    let (low, high) = ((successes - b.n).max(0.0), successes.min(a.n));
    let ln_all = ln_choose(a.n + b.n, successes);
    let probability = |k: f64| (ln_choose(a.n, k) + ln_choose(b.n, successes - k) - ln_all).exp();
    if high - low > FISHER_STEPS_MAX {
        return Some(fisher_by_tails(a, b, probability));
    }
    let observed = probability(a.successes) * (1.0 + 1e-9);
    let mut sum = 0.0;
    let mut k = low;
    while k <= high {
        let term = probability(k);
        if term <= observed {
            sum += term;
        }
        k += 1.0;
    }
    Some(sum.min(1.0))
}

/// Of large counts: both tails from where the chance is that of the observed table outward, until nothing is added any more.
fn fisher_by_tails(a: Count, b: Count, probability: impl Fn(f64) -> f64) -> f64 {
    let successes = a.successes + b.successes;
    let (low, high) = ((successes - b.n).max(0.0), successes.min(a.n));
    let mode = (((a.n + 1.0) * (successes + 1.0)) / (a.n + b.n + 2.0)).floor().clamp(low, high);
    let observed = probability(a.successes) * (1.0 + FISHER_TIE);
    let tail = |from: f64, step: f64| {
        let (mut k, mut sum) = (from, 0.0);
        while (low..=high).contains(&k) {
            let term = probability(k);
            sum += term;
            if term <= sum * f64::EPSILON {
                break;
            }
            k += step;
        }
        sum
    };
    // From the mode to an end chances fall: where they come to those of the observed table is found by halving.
    let first_beyond = |end: f64| {
        let (mut inside, mut beyond) = (mode, end);
        if probability(end) > observed {
            return None;
        }
        while (beyond - inside).abs() > 1.0 {
            let middle = ((inside + beyond) / 2.0).floor();
            if probability(middle) > observed { inside = middle } else { beyond = middle }
        }
        Some(beyond)
    };
    if a.successes == mode || probability(mode) <= observed {
        return 1.0;
    }
    let below = first_beyond(low).map_or(0.0, |from| tail(from, -1.0));
    let above = first_beyond(high).map_or(0.0, |from| tail(from, 1.0));
    (below + above).min(1.0)
}

/// The two-sided binomial test: all outcomes no likelier than this one. None if there are too many.
pub fn binomial(successes: f64, n: f64, share: f64) -> Option<f64> {
    if n > FISHER_STEPS_MAX {
        return None;
    }
    let probability = |k: f64| (ln_choose(n, k) + k * share.ln() + (n - k) * (-share).ln_1p()).exp();
    let observed = probability(successes) * (1.0 + 1e-9);
    let terms = (0..=n as u64).map(|k| probability(k as f64)).filter(|term| *term <= observed);
    Some(terms.sum::<f64>().min(1.0))
}
