//! Multi-armed bandits: the chance of each arm to be the best, exactly, and the traffic that follows from it.

use super::distribution::{normal_cdf, normal_density, normal_isf, normal_sf};
use super::metric::Statistic;
use super::quadrature::integrate;

/// Fewer users than this in any arm leave the weights as they are.
pub const USERS_MIN: f64 = 100.0;

/// The normal posterior of one arm's mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmPosterior {
    pub mean: f64,
    pub deviation: f64,
}

impl ArmPosterior {
    /// From the arm's mean with its standard error, and a prior N(mean, variance) if there is one. An arm without variance
    /// has nothing but its prior; without one its deviation is infinite.
    pub fn new(mean: f64, standard_error: f64, prior: Option<(f64, f64)>) -> ArmPosterior {
        let data = if standard_error > 0.0 { standard_error.powi(-2) } else { 0.0 };
        let (prior_mean, prior_precision) = prior.map_or((0.0, 0.0), |(mean, variance)| (mean, 1.0 / variance));
        let precision = data + prior_precision;
        let centre = if precision > 0.0 { (data * mean + prior_precision * prior_mean) / precision } else { mean };
        ArmPosterior { mean: centre, deviation: precision.sqrt().recip() }
    }

    /// The interval of a leaderboard: around the arm's own mean, as wide as the posterior.
    pub fn interval_around(&self, mean: f64, alpha: f64) -> (f64, f64) {
        let half_width = normal_isf(alpha / 2.0) * self.deviation;
        (mean - half_width, mean + half_width)
    }
}

/// Where the densities and the steps of the distribution functions lie.
fn points(arms: &[ArmPosterior]) -> Vec<f64> {
    let around = |arm: &ArmPosterior| {
        let arm = *arm;
        [-38.0, -12.0, -8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0, 12.0, 38.0]
            .map(|z| arm.mean + z * arm.deviation)
    };
    arms.iter().flat_map(around).collect()
}

/// The chance of each arm to be the greatest (or the least), by quadrature instead of draws.
pub fn best_arm_probabilities(arms: &[ArmPosterior], lower_is_better: bool) -> Vec<f64> {
    if arms.iter().any(|arm| !arm.deviation.is_finite() || arm.deviation <= 0.0) {
        return vec![1.0 / arms.len() as f64; arms.len()];
    }
    let points = points(arms);
    let beats = |x: f64, arm: &ArmPosterior| {
        let z = (x - arm.mean) / arm.deviation;
        if lower_is_better { normal_sf(z) } else { normal_cdf(z) }
    };
    let of_arm = |index: usize| {
        integrate(&points, 2, |x| {
            let arm = &arms[index];
            let density = normal_density((x - arm.mean) / arm.deviation) / arm.deviation;
            let others = arms.iter().enumerate().filter(|(other, _)| *other != index);
            density * others.map(|(_, other)| beats(x, other)).product::<f64>()
        })
    };
    (0..arms.len()).map(of_arm).collect()
}

/// Half the chance of each arm to be one of the best two (Russo 2016); with two arms, one half each.
pub fn top_two_probabilities(arms: &[ArmPosterior], lower_is_better: bool) -> Vec<f64> {
    let mut chances = best_arm_probabilities(arms, lower_is_better);
    for winner in 0..arms.len() {
        // Second behind this winner: the best of the rest while the winner beats them all.
        let seconds = seconds_behind(arms, winner, lower_is_better);
        let mut rest = (0..arms.len()).filter(|&arm| arm != winner);
        for second in seconds {
            if let Some(arm) = rest.next() {
                chances[arm] += second;
            }
        }
    }
    let sum: f64 = chances.iter().sum();
    chances.into_iter().map(|chance| chance / sum).collect()
}

/// For each other arm the chance that `winner` is first and that arm second.
fn seconds_behind(arms: &[ArmPosterior], winner: usize, lower_is_better: bool) -> Vec<f64> {
    let points = points(arms);
    let z = |x: f64, arm: usize| (x - arms[arm].mean) / arms[arm].deviation;
    let below = |x: f64, arm: usize| if lower_is_better { normal_sf(z(x, arm)) } else { normal_cdf(z(x, arm)) };
    let second = |arm: usize| {
        integrate(&points, 2, |x| {
            let others = (0..arms.len()).filter(|&other| other != arm && other != winner);
            let density = normal_density(z(x, arm)) / arms[arm].deviation;
            density * (1.0 - below(x, winner)) * others.map(|other| below(x, other)).product::<f64>()
        })
    };
    (0..arms.len()).filter(|&arm| arm != winner).map(second).collect()
}

/// Each arm's mean with its standard error, over periods in which the weights stayed the same: a period weighs as many
/// users as all arms had in it together, so that an arm is not judged by the times at which it got most of them. Periods
/// in which an arm has fewer than `users_min` join the next. None while that is so of all together.
pub fn means_over_periods(periods: &[Vec<Statistic>], users_min: f64) -> Option<Vec<(f64, f64)>> {
    let joined = |sum: Option<Vec<Statistic>>, next: &[Statistic]| match sum {
        Some(sum) => sum.iter().zip(next).map(|(a, b)| a.pooled(b)).collect::<Option<Vec<_>>>(),
        None => Some(next.to_vec()),
    };
    let mut strata: Vec<Vec<Statistic>> = Vec::new();
    let mut open: Option<Vec<Statistic>> = None;
    for period in periods {
        let grown = joined(open.take(), period)?;
        if grown.iter().all(|arm| arm.n() >= users_min) { strata.push(grown) } else { open = Some(grown) }
    }
    if let (Some(rest), Some(last)) = (open, strata.last_mut()) {
        *last = joined(Some(last.clone()), &rest)?;
    }
    let users = |stratum: &Vec<Statistic>| stratum.iter().map(Statistic::n).sum::<f64>();
    let all: f64 = strata.iter().map(users).sum();
    let arms = strata.first()?.len();
    let of_arm = |arm: usize| {
        let parts = strata.iter().map(|stratum| (users(stratum) / all, &stratum[arm]));
        let (mean, variance) = parts.fold((0.0, 0.0), |(mean, variance), (share, one)| {
            (mean + share * one.unadjusted_mean(), variance + share * share * one.variance() / one.n())
        });
        (mean, variance.sqrt())
    };
    Some((0..arms).map(of_arm).collect())
}

/// The weights: a floor for each arm, and the rest by its chance. Floors that do not fit give equal weights.
pub fn weights(chances: &[f64], floor: f64) -> Vec<f64> {
    let floor = floor.max(0.0);
    let floors = floor * chances.len() as f64;
    let sum: f64 = chances.iter().sum();
    if floors >= 1.0 || !sum.is_finite() || sum <= 0.0 {
        return vec![1.0 / chances.len() as f64; chances.len()];
    }
    chances.iter().map(|chance| floor + (1.0 - floors) * chance / sum).collect()
}

/// Thompson's choice for one user: a draw from each posterior, and the arm whose draw is best. `uniform` gives numbers in
/// (0, 1), two for each arm. None without arms.
pub fn thompson_choice(
    arms: &[ArmPosterior],
    lower_is_better: bool,
    mut uniform: impl FnMut() -> f64,
) -> Option<usize> {
    let mut draw = |arm: &ArmPosterior| {
        let radius = (-2.0 * uniform().ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * uniform()).cos();
        let value = arm.mean + arm.deviation * normal;
        if lower_is_better { -value } else { value }
    };
    let draws: Vec<f64> = arms.iter().map(&mut draw).collect();
    (0..draws.len()).max_by(|&x, &y| draws[x].total_cmp(&draws[y]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn periods_weigh_by_all_their_users() {
        // In the second period, when everything sells better, the second arm has nine users of ten.
        let periods = [
            vec![Statistic::proportion(500.0, 50.0), Statistic::proportion(500.0, 50.0)],
            vec![Statistic::proportion(200.0, 60.0), Statistic::proportion(1_800.0, 540.0)],
        ];
        let means = means_over_periods(&periods, 100.0).unwrap();
        // Pooled, the arms would be 110/700 and 590/2300; both sell a tenth, then three tenths.
        let mean = (1_000.0 * 0.1 + 2_000.0 * 0.3) / 3_000.0;
        assert!((means[0].0 - mean).abs() < 1e-12 && (means[1].0 - mean).abs() < 1e-12, "{means:?}");
        let variance: f64 = (0.1 * 0.9 / 500.0) / 9.0 + (0.3 * 0.7 / 200.0) * 4.0 / 9.0;
        assert!((means[0].1 - variance.sqrt()).abs() < 1e-12, "{means:?}");
    }

    #[test]
    fn thin_periods_join_and_too_few_say_nothing() {
        let period = |n: f64, sum: f64| vec![Statistic::proportion(n, sum), Statistic::proportion(400.0, 40.0)];
        let periods = [period(60.0, 6.0), period(60.0, 18.0), period(10.0, 1.0)];
        let means = means_over_periods(&periods, 100.0).unwrap();
        assert!((means[0].0 - 25.0 / 130.0).abs() < 1e-12, "all are one: {means:?}");
        assert_eq!(means_over_periods(&periods, 131.0), None);
        assert_eq!(means_over_periods(&[], 1.0), None);
    }
}
