//! Post-stratification by what was known before, with the spread of each arm by itself.
//!
//! Within a stratum it is what it is without strata: the covariate is taken off with one θ for both arms (Deng, Xu, Kohavi and Walker 2013), and each arm
//! has its own variance. Least squares on treatment and covariate, as in `stratified`, take it for the same in both, which is wrong where arms of
//! different sizes spread differently. Strata weigh their shares of the users, taken as multinomial (Miratrix, Sekhon and Yu 2013).

use super::effect::{Difference, Refusal, degrees_of_freedom, moments};
use super::matrix::inverse;
use super::metric::{Statistic, Values, adjusted, bilinear};
use super::moments::Moments;
use super::periods::Period;
use super::stratified::{Stratum, Weighed, combined, summary_of_means, summary_of_ratios};

/// The effect over the strata. Strata too thin to measure are added to the largest.
pub(super) fn post_stratified(strata: &[Period], difference: Difference) -> Result<Weighed, Refusal> {
    let cells = combined(strata)?;
    if let [Period { a, b, .. }] = cells.as_slice() {
        let (a, b) = adjusted(a, b);
        let (estimate, variance) = moments(&a, &b, difference)?;
        return Ok(Weighed { estimate, variance, degrees_of_freedom: degrees_of_freedom(&a, &b) });
    }
    if matches!(cells[0].a, Statistic::Ratio(_) | Statistic::AdjustedRatio { .. }) {
        let strata = cells.iter().map(of_ratio).collect::<Option<Vec<_>>>();
        summary_of_ratios(&strata.ok_or(Refusal::ZeroNegativeVariance)?, difference)
    } else {
        let strata = cells.iter().map(of_mean).collect::<Option<Vec<_>>>();
        summary_of_means(&strata.ok_or(Refusal::ZeroNegativeVariance)?, difference)
    }
}

/// Where all variance is explained there are still users.
fn known_degrees(a: &Statistic, b: &Statistic) -> f64 {
    let found = degrees_of_freedom(a, b);
    if found.is_finite() && found > 0.0 { found } else { a.n() + b.n() - 2.0 }
}

/// Control's mean as it is, and the adjusted effect.
fn of_mean(Period { a, b, users }: &Period) -> Option<Stratum<2>> {
    let (a, b) = adjusted(a, b);
    let (own, between) = match &a {
        Statistic::Mean(values) => (values.variance(0), values.variance(0)),
        Statistic::Adjusted { values, theta } => {
            (values.variance(0), values.variance(0) - theta * values.covariance(0, 1))
        }
        _ => return None,
    };
    let n = *users;
    let [of_control, between] = [own, between].map(|variance| variance * n / a.n());
    let of_effect = (a.variance() / a.n() + b.variance() / b.n()) * n;
    Some(Stratum {
        n,
        parameters: [a.unadjusted_mean(), b.mean() - a.mean()],
        covariance: [[of_control, -between], [-between, of_effect]],
        degrees_of_freedom: known_degrees(&a, &b),
    })
}

/// Numerator and denominator, each less what both tell of it from before.
fn of_ratio(Period { a, b, users }: &Period) -> Option<Stratum<4>> {
    let (left, right, slopes) = match (a, b) {
        (Statistic::AdjustedRatio { values: left, .. }, Statistic::AdjustedRatio { values: right, .. }) => {
            (*left, *right, slopes(left, right).unwrap_or_default())
        }
        (Statistic::Ratio(left), Statistic::Ratio(right)) => (widened(left), widened(right), Default::default()),
        _ => return None,
    };
    let value = |y: usize| -> [f64; 4] { std::array::from_fn(|i| f64::from(u8::from(i == y))) };
    let residual = |y: usize| -> [f64; 4] { [value(y)[0], value(y)[1], -slopes[y][0], -slopes[y][1]] };
    let n = *users;
    let of = |matrix: &[[f64; 4]; 4], units: f64, left: [f64; 4], right: [f64; 4]| {
        bilinear(matrix, &left, &right) * n / units
    };
    let [of_a, of_b] = [left.matrix(), right.matrix()];
    // Parameter p is control (even) or effect (odd) of the numerator (0, 1) or the denominator (2, 3).
    let covariance = std::array::from_fn(|p| {
        std::array::from_fn(|q| match (p % 2, q % 2) {
            (0, 0) => of(&of_a, left.n(), value(p / 2), value(q / 2)),
            (0, _) => -of(&of_a, left.n(), value(p / 2), residual(q / 2)),
            (_, 0) => -of(&of_a, left.n(), residual(p / 2), value(q / 2)),
            _ => {
                of(&of_a, left.n(), residual(p / 2), residual(q / 2))
                    + of(&of_b, right.n(), residual(p / 2), residual(q / 2))
            }
        })
    });
    let parameters = std::array::from_fn(|p| match p % 2 {
        0 => left.mean(p / 2),
        _ => (0..4).map(|i| residual(p / 2)[i] * (right.mean(i) - left.mean(i))).sum(),
    });
    Some(Stratum { n, parameters, covariance, degrees_of_freedom: known_degrees(&a.unadjusted(), &b.unadjusted()) })
}

/// What one more before means for numerator and denominator, from both arms together. None where it tells nothing.
fn slopes(a: &Values<4>, b: &Values<4>) -> Option<[[f64; 2]; 2]> {
    let both = a.moments.merged(&b.moments);
    let before = inverse(&[[both.scatter[2][2], both.scatter[2][3]], [both.scatter[3][2], both.scatter[3][3]]])?;
    Some(std::array::from_fn(|y| {
        std::array::from_fn(|x| before[x][0] * both.scatter[2][y] + before[x][1] * both.scatter[3][y])
    }))
}

/// With nothing known from before.
fn widened(values: &Values<2>) -> Values<4> {
    let of = |i: usize, j: usize| if i < 2 && j < 2 { values.moments.scatter[i][j] } else { 0.0 };
    Values::new(Moments {
        n: values.n(),
        means: std::array::from_fn(|i| if i < 2 { values.mean(i) } else { 0.0 }),
        scatter: std::array::from_fn(|i| std::array::from_fn(|j| of(i, j))),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::needless_range_loop)]

    use super::*;
    use crate::statistics::{Effect, Settings, analyse, analyse_strata};

    /// Users with a value and the same before, and of a ratio both twice.
    fn users(n: usize, shift: f64, level: f64, seed: u64) -> Vec<[f64; 4]> {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1u64 << 31) as f64
        };
        let user = |_| {
            let before = level * (1.0 + draw());
            let visits = 1.0 + (4.0 * draw()).floor();
            [before + shift + 2.0 * draw(), visits, before + draw(), 1.0 + (3.0 * draw()).floor()]
        };
        (0..n).map(user).collect()
    }

    fn adjusted_of(users: &[[f64; 4]]) -> Statistic {
        let users = users.iter().map(|user| [user[0], user[2]]);
        Statistic::Adjusted { values: Values::new(Moments::of(users)), theta: 0.0 }
    }

    fn ratio_of(users: &[[f64; 4]]) -> Statistic {
        Statistic::AdjustedRatio { values: Values::new(Moments::of(users.iter().copied())), theta: 0.0 }
    }

    type Arms = [[Vec<[f64; 4]>; 2]; 2];

    /// Two strata of two arms, of different sizes and spreads.
    fn arms() -> Arms {
        [[users(400, 0.0, 1.0, 1), users(90, 0.4, 1.0, 2)], [users(150, 0.0, 6.0, 3), users(60, 1.0, 6.0, 4)]]
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn covariance(left: &[f64], right: &[f64]) -> f64 {
        let (x, y) = (mean(left), mean(right));
        left.iter().zip(right).map(|(l, r)| (l - x) * (r - y)).sum::<f64>() / (left.len() - 1) as f64
    }

    fn column(users: &[[f64; 4]], i: usize) -> Vec<f64> {
        users.iter().map(|user| user[i]).collect()
    }

    /// From the users one by one: θ, residuals and variances in each stratum, shares, and the delta method over all.
    #[test]
    fn means_are_those_of_a_naive_computation() {
        let arms = arms();
        let all: f64 = arms.iter().flatten().map(|users| users.len() as f64).sum();
        let (mut control, mut effect, mut within) = (0.0, 0.0, [[0.0; 2]; 2]);
        let mut parts = Vec::new();
        for [a, b] in &arms {
            let both = [a.as_slice(), b.as_slice()].concat();
            let (y, x) = (column(&both, 0), column(&both, 2));
            let theta = covariance(&y, &x) / covariance(&x, &x);
            let residuals = |users: &[[f64; 4]]| users.iter().map(|user| user[0] - theta * user[2]).collect::<Vec<_>>();
            let (share, na, nb) = (both.len() as f64 / all, a.len() as f64, b.len() as f64);
            let (ya, ra, rb) = (column(a, 0), residuals(a), residuals(b));
            let own = [mean(&ya), mean(&rb) - mean(&ra)];
            control += share * own[0];
            effect += share * own[1];
            let between = -covariance(&ya, &ra) / na;
            let of_effect = covariance(&ra, &ra) / na + covariance(&rb, &rb) / nb;
            let matrix = [[covariance(&ya, &ya) / na, between], [between, of_effect]];
            (0..2).for_each(|i| (0..2).for_each(|j| within[i][j] += share * share * matrix[i][j]));
            parts.push((share, own));
        }
        let means = [control, effect];
        for i in 0..2 {
            for j in 0..2 {
                let spread: f64 =
                    parts.iter().map(|(share, own)| share * (own[i] - means[i]) * (own[j] - means[j])).sum();
                within[i][j] += spread / all;
            }
        }
        let strata: Vec<_> = arms.iter().map(|[a, b]| (adjusted_of(a), adjusted_of(b))).collect();
        let absolute = Effect::post_stratified(&strata, Difference::Absolute).unwrap();
        assert!(
            (absolute.estimate - effect).abs() < 1e-9
                && (absolute.standard_error.powi(2) / within[1][1] - 1.0).abs() < 1e-9
        );
        let gradient = [-effect / control.powi(2), 1.0 / control];
        let variance = bilinear(&within, &gradient, &gradient);
        let relative = Effect::post_stratified(&strata, Difference::Relative).unwrap();
        assert!((relative.estimate - effect / control).abs() < 1e-9);
        assert!((relative.standard_error.powi(2) / variance - 1.0).abs() < 1e-9);
        let told = analyse_strata(&strata, &Settings::default());
        assert_eq!(told.method, "confidence sequence, post-stratified");
        assert!(
            told.can_be_said.contains("adjusted by what was known before and weighed over strata"),
            "{}",
            told.can_be_said
        );
        assert_eq!(analyse_strata(&strata[..1], &Settings::default()), analyse(&strata[..1], &Settings::default()));
    }

    /// The same of a ratio: each of both less what both tell of it from before.
    #[test]
    fn ratios_are_those_of_a_naive_computation() {
        let arms = arms();
        let all: f64 = arms.iter().flatten().map(|users| users.len() as f64).sum();
        let (mut means, mut within) = ([0.0; 4], [[0.0; 4]; 4]);
        let mut parts = Vec::new();
        for [a, b] in &arms {
            let both = [a.as_slice(), b.as_slice()].concat();
            let s = |i: usize, j: usize| covariance(&column(&both, i), &column(&both, j));
            let determinant = s(2, 2) * s(3, 3) - s(2, 3) * s(2, 3);
            let slope = |y: usize| {
                [
                    (s(3, 3) * s(2, y) - s(2, 3) * s(3, y)) / determinant,
                    (s(2, 2) * s(3, y) - s(2, 3) * s(2, y)) / determinant,
                ]
            };
            let residuals = |users: &[[f64; 4]], y: usize| {
                users.iter().map(|user| user[y] - slope(y)[0] * user[2] - slope(y)[1] * user[3]).collect::<Vec<_>>()
            };
            // What each parameter is a mean of, in either arm.
            let of_a: Vec<Vec<f64>> = vec![
                column(a, 0),
                residuals(a, 0).iter().map(|r| -r).collect(),
                column(a, 1),
                residuals(a, 1).iter().map(|r| -r).collect(),
            ];
            let nobody = vec![0.0; b.len()];
            let of_b: Vec<Vec<f64>> = vec![nobody.clone(), residuals(b, 0), nobody, residuals(b, 1)];
            let share = both.len() as f64 / all;
            let own: [f64; 4] = std::array::from_fn(|p| mean(&of_a[p]) + mean(&of_b[p]));
            for p in 0..4 {
                means[p] += share * own[p];
                for q in 0..4 {
                    let matrix = covariance(&of_a[p], &of_a[q]) / a.len() as f64
                        + covariance(&of_b[p], &of_b[q]) / b.len() as f64;
                    within[p][q] += share * share * matrix;
                }
            }
            parts.push((share, own));
        }
        for p in 0..4 {
            for q in 0..4 {
                let spread: f64 =
                    parts.iter().map(|(share, own)| share * (own[p] - means[p]) * (own[q] - means[q])).sum();
                within[p][q] += spread / all;
            }
        }
        let ratio = |m: [f64; 4]| (m[0] + m[1]) / (m[2] + m[3]) / (m[0] / m[2]) - 1.0;
        let gradient: [f64; 4] = std::array::from_fn(|p| {
            let at = |step: f64| ratio(std::array::from_fn(|q| means[q] + if p == q { step } else { 0.0 }));
            (at(1e-5) - at(-1e-5)) / 2e-5
        });
        let strata: Vec<_> = arms.iter().map(|[a, b]| (ratio_of(a), ratio_of(b))).collect();
        let found = Effect::post_stratified(&strata, Difference::Relative).unwrap();
        assert!((found.estimate - ratio(means)).abs() < 1e-9, "{found:?}");
        assert!(
            (found.standard_error.powi(2) / bilinear(&within, &gradient, &gradient) - 1.0).abs() < 1e-5,
            "{found:?}"
        );
    }

    /// Without a covariate, and with one that explains everything in a stratum.
    #[test]
    fn strata_without_a_covariate_or_without_rest_are_told_too() {
        let arms = arms();
        let plain: Vec<_> = arms.iter().map(|[a, b]| (ratio_of(a).unadjusted(), ratio_of(b).unadjusted())).collect();
        let with = Effect::of_strata(&plain, Difference::Relative).unwrap();
        let found = Effect::post_stratified(&plain, Difference::Relative).unwrap();
        assert!(
            (found.estimate - with.estimate).abs() < 1e-12
                && (found.standard_error / with.standard_error - 1.0).abs() < 1e-12
        );
        let explained = |users: &[[f64; 4]]| {
            let users = users.iter().map(|user| [2.0 * user[2], user[2]]);
            Statistic::Adjusted { values: Values::new(Moments::of(users)), theta: 0.0 }
        };
        let [[a, b], [c, d]] = &arms;
        let strata = [(adjusted_of(a), adjusted_of(b)), (explained(c), explained(d))];
        let found = Effect::post_stratified(&strata, Difference::Absolute).unwrap();
        assert!(found.standard_error > 0.0 && found.degrees_of_freedom.is_finite(), "{found:?}");
    }
}
