//! Post-stratification: effects within strata of users, weighed by the strata's shares, with the covariate inside each
//! stratum as a regression (Miratrix, Sekhon and Yu 2013; the shares are taken as multinomial).

use super::effect::{Difference, Refusal, degrees_of_freedom, moments};
use super::matrix::{dot, inverse, times};
use super::metric::{Statistic, Values, adjusted, quadratic};
use super::periods::Period;

/// Fewer users than this cannot carry the regression of a ratio on two covariates.
const RATIO_REGRESSION_N_MIN: f64 = 7.0;

/// A stratum's parameters (control mean and effect; of a ratio those of numerator, then of denominator) with n times their
/// covariance, n being what it weighs, and the degrees of freedom of its effect.
pub(super) struct Stratum<const D: usize> {
    pub n: f64,
    pub parameters: [f64; D],
    pub covariance: [[f64; D]; D],
    pub degrees_of_freedom: f64,
}

impl<const D: usize> Stratum<D> {
    /// A stratum may weigh more than the users of the two arms: as much as all arms have in it.
    fn weighing(self, users: f64) -> Self {
        let scale = users / self.n;
        Stratum { n: users, covariance: self.covariance.map(|row| row.map(|value| value * scale)), ..self }
    }
}

/// An effect over strata.
#[derive(Clone, Copy)]
pub(super) struct Weighed {
    pub estimate: f64,
    pub variance: f64,
    /// Satterthwaite's (1946), of the strata's variances as they are weighed.
    pub degrees_of_freedom: f64,
}

/// The effect over the strata. Strata too thin to measure are added to the largest.
pub(super) fn stratified(strata: &[Period], difference: Difference) -> Result<Weighed, Refusal> {
    let strata = without_flat_covariate(strata);
    let cells = combined(&strata)?;
    if let [Period { a, b, .. }] = cells.as_slice() {
        let (a, b) = adjusted(a, b);
        let (estimate, variance) = moments(&a, &b, difference)?;
        return Ok(Weighed { estimate, variance, degrees_of_freedom: degrees_of_freedom(&a, &b) });
    }
    if matches!(cells[0].a, Statistic::Ratio(_) | Statistic::AdjustedRatio { .. }) {
        let strata = cells.iter().map(ratio_stratum).collect::<Option<Vec<_>>>();
        summary_of_ratios(&strata.ok_or(Refusal::ZeroNegativeVariance)?, difference)
    } else {
        let strata = cells.iter().map(mean_stratum).collect::<Option<Vec<_>>>();
        summary_of_means(&strata.ok_or(Refusal::ZeroNegativeVariance)?, difference)
    }
}

/// A covariate without spread in one arm adjusts nothing anywhere.
fn without_flat_covariate(strata: &[Period]) -> Vec<Period> {
    let pooled =
        |pick: fn(&Period) -> Statistic| strata.iter().map(pick).reduce(|sum, next| sum.pooled(&next).unwrap_or(sum));
    let is_flat = |statistic: Option<Statistic>| match statistic {
        Some(Statistic::Adjusted { values, .. }) => values.variance(1) <= 0.0,
        Some(Statistic::AdjustedRatio { values, .. }) => values.variance(2) <= 0.0 || values.variance(3) <= 0.0,
        _ => false,
    };
    if is_flat(pooled(|cell| cell.a)) || is_flat(pooled(|cell| cell.b)) {
        let plain = |cell: &Period| Period { a: cell.a.unadjusted(), b: cell.b.unadjusted(), ..*cell };
        strata.iter().map(plain).collect()
    } else {
        strata.to_vec()
    }
}

/// True if an effect with its error can be told of this stratum alone.
pub(super) fn is_viable(Period { a, b, .. }: &Period) -> bool {
    let is_regression = matches!(a, Statistic::AdjustedRatio { .. });
    let is_thin = is_regression && a.n() + b.n() < RATIO_REGRESSION_N_MIN;
    !(a.has_no_variance() || b.has_no_variance() || is_thin)
}

pub(super) fn combined(strata: &[Period]) -> Result<Vec<Period>, Refusal> {
    let mut sorted = strata.to_vec();
    sorted.sort_by(|x, y| (y.a.n() + y.b.n()).total_cmp(&(x.a.n() + x.b.n())));
    let (largest, rest) = sorted.split_first().ok_or(Refusal::ZeroNegativeVariance)?;
    let mut cells = vec![*largest];
    for cell in rest {
        if is_viable(cell) {
            cells.push(*cell);
        } else {
            cells[0] = cells[0].joined(cell).ok_or(Refusal::ZeroNegativeVariance)?;
        }
    }
    if is_viable(&cells[0]) { Ok(cells) } else { Err(Refusal::ZeroNegativeVariance) }
}

fn mean_stratum(Period { a, b, users }: &Period) -> Option<Stratum<2>> {
    let stratum = match (a, b) {
        (Statistic::Adjusted { values: a, .. }, Statistic::Adjusted { values: b, .. })
            if a.variance(1) > 0.0 && b.variance(1) > 0.0 =>
        {
            regressed_mean(a, b)?
        }
        _ => {
            let (a, b) = (a.unadjusted(), b.unadjusted());
            if a.has_no_variance() || b.has_no_variance() {
                return None;
            }
            let n = a.n() + b.n();
            let (of_a, of_b) = (a.variance() * n / a.n(), b.variance() * n / b.n());
            let (mean_a, mean_b) = (a.mean(), b.mean());
            let covariance = [[of_a, -of_a], [-of_a, of_a + of_b]];
            let degrees_of_freedom = degrees_of_freedom(&a, &b);
            Stratum { n, parameters: [mean_a, mean_b - mean_a], covariance, degrees_of_freedom }
        }
    };
    Some(stratum.weighing(*users))
}

/// Least squares of the value on treatment and the centred covariate.
fn regressed_mean(a: &Values<2>, b: &Values<2>) -> Option<Stratum<2>> {
    let both = a.moments.merged(&b.moments);
    let n = both.n;
    let treated: [f64; 2] = std::array::from_fn(|i| b.n() * (b.mean(i) - both.means[i]));
    let gram = [[n, b.n(), 0.0], [b.n(), b.n(), treated[1]], [0.0, treated[1], both.scatter[1][1]]];
    let inverted = inverse(&gram)?;
    let products = [0.0, treated[0], both.scatter[0][1]];
    let coefficients = times(&inverted, &products);
    let sigma = (both.scatter[0][0] - dot(&products, &coefficients)) / (n - 3.0);
    let spread = both.covariance(1, 1) / n;
    let mut covariance: [[f64; 2]; 2] = std::array::from_fn(|i| std::array::from_fn(|j| n * sigma * inverted[i][j]));
    covariance[0][0] += n * spread * (sigma * inverted[2][2] + coefficients[2].powi(2));
    let parameters = [both.means[0] + coefficients[0], coefficients[1]];
    Some(Stratum { n, parameters, covariance, degrees_of_freedom: n - 3.0 })
}

fn ratio_stratum(Period { a, b, users }: &Period) -> Option<Stratum<4>> {
    if let (Statistic::AdjustedRatio { values: a, .. }, Statistic::AdjustedRatio { values: b, .. }) = (a, b)
        && [2, 3].iter().all(|&i| a.variance(i) > 0.0 && b.variance(i) > 0.0)
    {
        return Some(regressed_ratio(a, b)?.weighing(*users));
    }
    let (a, b) = (a.unadjusted(), b.unadjusted());
    let degrees_of_freedom = degrees_of_freedom(&a, &b);
    let (Statistic::Ratio(a), Statistic::Ratio(b)) = (a, b) else { return None };
    let n = a.n() + b.n();
    // Parameter p is control (even) or effect (odd) of the numerator (0, 1) or the denominator (2, 3).
    let covariance = std::array::from_fn(|p| {
        std::array::from_fn(|q| {
            let of_a = a.covariance(p / 2, q / 2) * n / a.n();
            let of_b = b.covariance(p / 2, q / 2) * n / b.n();
            match (p % 2, q % 2) {
                (0, 0) => of_a,
                (1, 1) => of_a + of_b,
                _ => -of_a,
            }
        })
    });
    let parameters = std::array::from_fn(|p| if p % 2 == 0 { a.mean(p / 2) } else { b.mean(p / 2) - a.mean(p / 2) });
    Some(Stratum { n, parameters, covariance, degrees_of_freedom }.weighing(*users))
}

/// Least squares of numerator and denominator on treatment and both centred covariates.
fn regressed_ratio(a: &Values<4>, b: &Values<4>) -> Option<Stratum<4>> {
    let both = a.moments.merged(&b.moments);
    let n = both.n;
    let treated: [f64; 4] = std::array::from_fn(|i| b.n() * (b.mean(i) - both.means[i]));
    let s = &both.scatter;
    let gram = [
        [n, b.n(), 0.0, 0.0],
        [b.n(), b.n(), treated[2], treated[3]],
        [0.0, treated[2], s[2][2], s[2][3]],
        [0.0, treated[3], s[3][2], s[3][3]],
    ];
    let inverted = inverse(&gram)?;
    let products: [[f64; 4]; 2] = std::array::from_fn(|y| [0.0, treated[y], s[y][2], s[y][3]]);
    let coefficients = products.map(|products| times(&inverted, &products));
    let sigma: [[f64; 2]; 2] =
        std::array::from_fn(|x| std::array::from_fn(|y| (s[x][y] - dot(&products[x], &coefficients[y])) / (n - 6.0)));
    let spread: [[f64; 2]; 2] = std::array::from_fn(|i| std::array::from_fn(|j| both.covariance(i + 2, j + 2) / n));
    let trace: f64 = (0..2).map(|i| (0..2).map(|j| inverted[i + 2][j + 2] * spread[j][i]).sum::<f64>()).sum();
    let slopes = coefficients.map(|c| [c[2], c[3]]);
    let covariance = std::array::from_fn(|p| {
        std::array::from_fn(|q| {
            let (x, y) = (p / 2, q / 2);
            let mut value = sigma[x][y] * inverted[p % 2][q % 2];
            if p % 2 == 0 && q % 2 == 0 {
                value += sigma[x][y] * trace + super::metric::bilinear(&spread, &slopes[x], &slopes[y]);
            }
            n * value
        })
    });
    let parameters = std::array::from_fn(|p| {
        let base = if p % 2 == 0 { both.means[p / 2] } else { 0.0 };
        base + coefficients[p / 2][p % 2]
    });
    Some(Stratum { n, parameters, covariance, degrees_of_freedom: n - 6.0 })
}

/// The strata's parameters, weighed by their shares, and the covariance of that.
fn weighed<const D: usize>(strata: &[Stratum<D>]) -> ([f64; D], [[f64; D]; D]) {
    let n: f64 = strata.iter().map(|stratum| stratum.n).sum();
    let sum =
        |term: &dyn Fn(&Stratum<D>) -> f64| -> f64 { strata.iter().map(|stratum| stratum.n / n * term(stratum)).sum() };
    let means: [f64; D] = std::array::from_fn(|i| sum(&|stratum| stratum.parameters[i]));
    let covariance = std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let between = sum(&|s| (s.parameters[i] - means[i]) * (s.parameters[j] - means[j]));
            (between + sum(&|s| s.covariance[i][j])) / n
        })
    });
    (means, covariance)
}

pub(super) fn summary_of_means(strata: &[Stratum<2>], difference: Difference) -> Result<Weighed, Refusal> {
    let ([control, effect], covariance) = weighed(strata);
    let (estimate, gradient) = match difference {
        Difference::Absolute => (effect, [0.0, 1.0]),
        Difference::Relative if control == 0.0 => return Err(Refusal::BaselineVariationZero),
        Difference::Relative => (effect / control.abs(), [-effect / control.powi(2), 1.0 / control]),
    };
    settled(strata, estimate, quadratic(&covariance, &gradient), &gradient)
}

pub(super) fn summary_of_ratios(strata: &[Stratum<4>], difference: Difference) -> Result<Weighed, Refusal> {
    let ([m, m_effect, d, d_effect], covariance) = weighed(strata);
    let (m_treated, d_treated) = (m + m_effect, d + d_effect);
    if d == 0.0 || d_treated == 0.0 {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let (estimate, gradient) = match difference {
        Difference::Relative if m == 0.0 => return Err(Refusal::BaselineVariationZero),
        Difference::Relative => {
            let (top, bottom) = (d * m_treated, m * d_treated);
            let gradient = [
                (d * bottom - d_treated * top) / bottom.powi(2),
                d / bottom,
                (m_treated * bottom - m * top) / bottom.powi(2),
                -top / (m * d_treated.powi(2)),
            ];
            ((top / bottom - 1.0) * (m / d).signum(), gradient)
        }
        Difference::Absolute => {
            let in_numerator = 1.0 / d_treated;
            let in_denominator = -m_treated / d_treated.powi(2);
            let gradient = [in_numerator - 1.0 / d, in_numerator, in_denominator + m / d.powi(2), in_denominator];
            (m_treated / d_treated - m / d, gradient)
        }
    };
    settled(strata, estimate, quadratic(&covariance, &gradient), &gradient)
}

fn settled<const D: usize>(
    strata: &[Stratum<D>],
    estimate: f64,
    variance: f64,
    gradient: &[f64; D],
) -> Result<Weighed, Refusal> {
    if variance.is_nan() || variance <= 0.0 {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let parts = strata.iter().map(|s| (s.n * quadratic(&s.covariance, gradient), s.degrees_of_freedom));
    let (sum, squares) =
        parts.fold((0.0, 0.0), |(sum, squares), (part, degrees)| (sum + part, squares + part * part / degrees));
    Ok(Weighed { estimate, variance, degrees_of_freedom: sum * sum / squares })
}
