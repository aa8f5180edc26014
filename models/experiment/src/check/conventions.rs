//! What the oracle's packages compute differently from what they cite, so that their figures can still be recognised.

use crate::statistics::Effect;
use crate::statistics::bandit::{ArmPosterior, best_arm_probabilities};
use crate::statistics::counts::Count;
use crate::statistics::distribution::normal_isf;
use crate::statistics::power::MidPlan;
use crate::statistics::special::root;

/// Statsmodels' solvers stop within this of a root.
pub(super) const STATSMODELS_ROOT_ERROR: f64 = 1e-5;

/// Statsmodels 0.15's score interval of a difference of proportions. Its cubic has the control's successes in the linear
/// term, where Miettinen and Nurminen (and the likelihood's derivative) have the control's users.
pub(super) fn statsmodels_score_difference(a: Count, b: Count, alpha: f64) -> (f64, f64) {
    let z = normal_isf(alpha / 2.0);
    let n = a.n + b.n;
    let successes = a.successes + b.successes;
    let estimate = b.share() - a.share();
    let statistic = |difference: f64| {
        let square = (b.n + 2.0 * a.n) * difference - n - successes;
        let linear = (a.successes * difference - n - 2.0 * a.successes) * difference + successes;
        let constant = a.successes * difference * (1.0 - difference);
        let shift = square / (3.0 * n);
        let q = shift.powi(3) - square * linear / (6.0 * n * n) + constant / (2.0 * n);
        let p = (shift * shift - linear / (3.0 * n)).sqrt() * q.signum();
        let angle = (std::f64::consts::PI + (q / p.powi(3)).acos()) / 3.0;
        let of_a = 2.0 * p * angle.cos() - shift;
        let of_b = of_a + difference;
        let variance = (of_a * (1.0 - of_a) / a.n + of_b * (1.0 - of_b) / b.n) * n / (n - 1.0);
        (estimate - difference) / variance.sqrt()
    };
    // Outward from the estimate, as far as the formula has a value.
    let bound = |sign: f64| {
        let excess = |distance: f64| (statistic(estimate + sign * distance) * sign + z).max(-1.0);
        let mut distance = 1e-6;
        while excess(distance) > 0.0 && distance < 1.0 {
            distance *= 1.05;
        }
        estimate + sign * root(distance / 1.05, distance, excess)
    };
    (bound(-1.0), bound(1.0))
}

/// Statsmodels 0.15's interval by Koopman where every user of the control is a success: one of the two smallest roots of its
/// cubic is then 1, where its formula is 0/0 and comes out as the limit from the left. Without a success in treatment both are.
pub(super) fn statsmodels_koopman(a: Count, b: Count, own_high: f64) -> Option<(f64, f64)> {
    let limit = 1.0 - (b.n - b.successes) / (a.n + b.n);
    (a.successes == a.n).then_some((limit, if b.successes == 0.0 { limit } else { own_high }))
}

/// gbstats' top two where less is better: with three arms those that are not the least, with four those that are neither least nor
/// greatest; with two it fails, and with more it would take their order.
pub(super) fn top_two_of_least(arms: &[ArmPosterior]) -> Option<Vec<f64>> {
    let least = best_arm_probabilities(arms, true);
    let greatest = match arms.len() {
        3 => vec![0.0; 3],
        4 => best_arm_probabilities(arms, false),
        _ => return None,
    };
    Some(least.iter().zip(&greatest).map(|(least, greatest)| (1.0 - least - greatest) / 2.0).collect())
}

/// gbstats halves until the power is within this of what is wanted.
const GBSTATS_POWER_ERROR: f64 = 1e-5;

/// gbstats' additional users as a multiple of those there are: where halving comes near enough, which of few is some way off.
pub(super) fn gbstats_scaling_factor(plan: &MidPlan, effect: &Effect) -> Option<f64> {
    let wanted = plan.target_power.powf(1.0 / plan.goal_metrics);
    let distance = |factor: f64| plan.power(effect, factor) - wanted;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..27 {
        if distance(high) < 0.0 {
            high *= 2.0;
        }
    }
    if distance(high) < 0.0 {
        return None;
    }
    for _ in 0..100 {
        let factor = 0.5 * (low + high);
        let found = distance(factor);
        if found.abs() < GBSTATS_POWER_ERROR {
            return Some(factor);
        }
        if found > 0.0 { high = factor } else { low = factor }
    }
    None
}

/// From this on GrowthBook takes a p-value for 1.
const GROWTHBOOK_P_MAX: f64 = 0.999_999;

/// GrowthBook's interval that goes with an adjusted p-value: wider at both ends, or else the one that there was.
pub(super) fn growthbook_adjusted_interval(lift: f64, interval: (f64, f64), p_adjusted: f64, alpha: f64) -> (f64, f64) {
    if p_adjusted > GROWTHBOOK_P_MAX {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let half_width = normal_isf(alpha / 2.0) * (lift / normal_isf(p_adjusted / 2.0)).abs();
    let (low, high) = (lift - half_width, lift + half_width);
    if low < interval.0 && high > interval.1 { (low, high) } else { interval }
}
