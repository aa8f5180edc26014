//! What is known of one arm: a metric's sufficient statistics, its mean and its variance per unit.

use super::distribution::normal_isf;
use super::moments::Moments;

/// The covariance of several values per unit: of samples with n − 1; of proportions p(1 − p), with n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values<const D: usize> {
    pub moments: Moments<D>,
    /// Which of the values are zero or one.
    pub is_proportion: [bool; D],
}

impl<const D: usize> Values<D> {
    pub fn new(moments: Moments<D>) -> Self {
        Values { moments, is_proportion: [false; D] }
    }

    pub fn n(&self) -> f64 {
        self.moments.n
    }

    pub fn mean(&self, i: usize) -> f64 {
        self.moments.means[i]
    }

    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        if i == j && self.is_proportion[i] {
            let p = self.moments.means[i];
            return p * (1.0 - p);
        }
        if self.is_proportion[i] && self.is_proportion[j] && self.n() > 1.0 {
            return self.moments.scatter[i][j] / self.n();
        }
        self.moments.covariance(i, j)
    }

    pub fn variance(&self, i: usize) -> f64 {
        self.covariance(i, i)
    }

    pub fn matrix(&self) -> [[f64; D]; D] {
        std::array::from_fn(|i| std::array::from_fn(|j| self.covariance(i, j)))
    }

    pub fn select<const E: usize>(&self, which: [usize; E]) -> Values<E> {
        Values { moments: self.moments.select(which), is_proportion: which.map(|i| self.is_proportion[i]) }
    }

    /// Together with the units of another stratum. Proportions become means, so that n − 1 applies (as in gbstats).
    pub fn pooled(&self, other: &Self) -> Self {
        Values::new(self.moments.merged(&other.moments))
    }

    /// Together with another arm: what is a proportion stays one.
    pub fn joint(&self, other: &Self) -> Self {
        Values { moments: self.moments.merged(&other.moments), is_proportion: self.is_proportion }
    }
}

/// One arm's statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The mean of a value, or a proportion.
    Mean(Values<1>),
    /// Sum of numerators over sum of denominators; values: numerator, denominator.
    Ratio(Values<2>),
    /// A mean less θ times a covariate from before exposure; values: post, pre.
    Adjusted {
        values: Values<2>,
        theta: f64,
    },
    /// A ratio less θ times the same ratio before exposure; values: numerator and denominator post, then pre.
    AdjustedRatio {
        values: Values<4>,
        theta: f64,
    },
    Quantile(Quantile),
}

/// A sample quantile with sample quantiles around it (Deng, Knoblich and Lu 2018).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Observations.
    pub n: f64,
    /// The number for which `lower` and `upper` were chosen.
    pub n_star: f64,
    /// The level, as 0.9.
    pub level: f64,
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
    /// If observations come in clusters (users): values per cluster, observations below the quantile and all.
    pub clusters: Option<Moments<2>>,
}

/// Below this variance a quantile of many observations is taken to be rounded.
const QUANTILE_VARIANCE_MIN: f64 = 1e-5;
const QUANTILE_ROUNDED_N_MIN: f64 = 100.0;

impl Quantile {
    /// The variance per observation before the floor.
    pub fn variance_unfloored(&self) -> f64 {
        match &self.clusters {
            None => self.variance_if_independent(),
            Some(clusters) => {
                let [below, all] = clusters.means;
                if self.n <= 1.0 || self.level == 0.0 || clusters.n <= 1.0 || all * clusters.n <= 0.0 {
                    return 0.0;
                }
                let ratio = below / all;
                let spread = clusters.variance(0) - 2.0 * ratio * clusters.covariance(0, 1)
                    + ratio * ratio * clusters.variance(1);
                let of_clusters = spread / (clusters.n * all * all);
                let of_independent = self.level * (1.0 - self.level) / self.n;
                self.variance_if_independent() * of_clusters / of_independent
            }
        }
    }

    /// As if each observation were a unit of its own.
    pub fn variance_if_independent(&self) -> f64 {
        if self.n <= 1.0 {
            return 0.0;
        }
        let spread = (self.upper - self.lower) / (2.0 * normal_isf(0.025));
        (self.n_star / self.n) * (self.n - 1.0) * spread * spread
    }

    pub fn variance(&self) -> f64 {
        let variance = self.variance_unfloored();
        if self.n < QUANTILE_ROUNDED_N_MIN { variance } else { variance.max(QUANTILE_VARIANCE_MIN) }
    }

    /// True if the interval around the quantile does not lie within the sample, or has collapsed.
    pub fn is_unresolved(&self) -> bool {
        let z = normal_isf(0.025);
        let odds = self.level / (1.0 - self.level);
        self.n <= z * z * odds || self.n <= z * z / odds || self.variance_unfloored() <= 0.0
    }
}

impl Statistic {
    /// A proportion, of `sum` units out of `n`.
    pub fn proportion(n: f64, sum: f64) -> Statistic {
        let moments = Moments::from_sums(n, [sum], [[sum]]);
        Statistic::Mean(Values { moments, is_proportion: [true] })
    }

    /// A mean, of sums.
    pub fn mean_of_sums(n: f64, sum: f64, sum_squares: f64) -> Statistic {
        Statistic::Mean(Values::new(Moments::from_sums(n, [sum], [[sum_squares]])))
    }

    /// Units, or observations of a quantile.
    pub fn n(&self) -> f64 {
        match self {
            Statistic::Mean(values) => values.n(),
            Statistic::Ratio(values) | Statistic::Adjusted { values, .. } => values.n(),
            Statistic::AdjustedRatio { values, .. } => values.n(),
            Statistic::Quantile(quantile) => quantile.n,
        }
    }

    /// What was divided: units, of observations in clusters these.
    pub fn units(&self) -> f64 {
        match self {
            Statistic::Quantile(Quantile { clusters: Some(clusters), .. }) => clusters.n,
            other => other.n(),
        }
    }

    /// The mean, adjusted where there is something to adjust.
    pub fn mean(&self) -> f64 {
        match self {
            Statistic::Adjusted { values, theta } => values.mean(0) - theta * values.mean(1),
            Statistic::AdjustedRatio { values, theta } => {
                if values.mean(1) == 0.0 || values.mean(3) == 0.0 {
                    return 0.0;
                }
                values.mean(0) / values.mean(1) - theta * values.mean(2) / values.mean(3)
            }
            other => other.unadjusted_mean(),
        }
    }

    /// The mean as people read it.
    pub fn unadjusted_mean(&self) -> f64 {
        let ratio = |top: f64, bottom: f64| if bottom == 0.0 { 0.0 } else { top / bottom };
        match self {
            Statistic::Mean(values) => values.mean(0),
            Statistic::Adjusted { values, .. } => values.mean(0),
            Statistic::Ratio(values) => ratio(values.mean(0), values.mean(1)),
            Statistic::AdjustedRatio { values, .. } => ratio(values.mean(0), values.mean(1)),
            Statistic::Quantile(quantile) => quantile.value,
        }
    }

    /// The variance per unit.
    pub fn variance(&self) -> f64 {
        match self {
            Statistic::Mean(values) if values.n() <= 1.0 && !values.is_proportion[0] => 0.0,
            Statistic::Mean(values) => values.variance(0),
            Statistic::Ratio(values) if values.n() <= 1.0 || values.mean(1) == 0.0 => 0.0,
            Statistic::Ratio(values) => {
                let [m, d] = values.moments.means;
                variance_of_ratio((m, values.variance(0)), (d, values.variance(1)), values.covariance(0, 1))
            }
            Statistic::Adjusted { values, .. } if values.n() <= 1.0 => 0.0,
            Statistic::Adjusted { values, theta } => {
                let (post, pre) = (values.variance(0), values.variance(1));
                let variance = post + theta * theta * pre - 2.0 * theta * values.covariance(0, 1);
                // What is left by rounding of two equal things is nothing.
                if variance <= 1e-13 * (post + theta * theta * pre) { 0.0 } else { variance }
            }
            Statistic::AdjustedRatio { values, theta } => quadratic(&values.matrix(), &ratio_gradient(values, *theta)),
            Statistic::Quantile(quantile) => quantile.variance(),
        }
    }

    /// True if no standard error can be told from this arm alone.
    pub fn has_no_variance(&self) -> bool {
        match self {
            Statistic::Quantile(quantile) => quantile.is_unresolved(),
            // Also not a number.
            other => !matches!(other.variance().partial_cmp(&0.0), Some(std::cmp::Ordering::Greater)),
        }
    }

    /// Without the adjustment.
    pub fn unadjusted(&self) -> Statistic {
        match self {
            Statistic::Adjusted { values, .. } => Statistic::Mean(values.select([0])),
            Statistic::AdjustedRatio { values, .. } => Statistic::Ratio(values.select([0, 1])),
            other => *other,
        }
    }

    /// Of the same kind, with no units.
    pub fn empty(&self) -> Statistic {
        fn none<const D: usize>(values: &Values<D>) -> Values<D> {
            Values { moments: Moments::default(), is_proportion: values.is_proportion }
        }
        match self {
            Statistic::Mean(values) => Statistic::Mean(none(values)),
            Statistic::Ratio(values) => Statistic::Ratio(none(values)),
            Statistic::Adjusted { values, .. } => Statistic::Adjusted { values: none(values), theta: 0.0 },
            Statistic::AdjustedRatio { values, .. } => Statistic::AdjustedRatio { values: none(values), theta: 0.0 },
            Statistic::Quantile(quantile) => Statistic::Quantile(Quantile { n: 0.0, n_star: 0.0, ..*quantile }),
        }
    }

    /// The covariate alone: the same measure before exposure.
    pub fn before(&self) -> Option<Statistic> {
        match self {
            Statistic::Adjusted { values, .. } => Some(Statistic::Mean(values.select([1]))),
            Statistic::AdjustedRatio { values, .. } => Some(Statistic::Ratio(values.select([2, 3]))),
            _ => None,
        }
    }

    /// Together with another stratum of the same arm; quantiles do not add up.
    pub fn pooled(&self, other: &Statistic) -> Option<Statistic> {
        Some(match (self, other) {
            (Statistic::Mean(a), Statistic::Mean(b)) => Statistic::Mean(a.pooled(b)),
            (Statistic::Ratio(a), Statistic::Ratio(b)) => Statistic::Ratio(a.pooled(b)),
            (Statistic::Adjusted { values: a, .. }, Statistic::Adjusted { values: b, .. }) => {
                Statistic::Adjusted { values: a.pooled(b), theta: 0.0 }
            }
            (Statistic::AdjustedRatio { values: a, .. }, Statistic::AdjustedRatio { values: b, .. }) => {
                Statistic::AdjustedRatio { values: a.pooled(b), theta: 0.0 }
            }
            _ => return None,
        })
    }
}

/// The variance of M/D from means, variances and covariance (delta method).
pub fn variance_of_ratio(m: (f64, f64), d: (f64, f64), covariance: f64) -> f64 {
    if d.0 == 0.0 {
        return 0.0;
    }
    m.1 / d.0.powi(2) + d.1 * m.0.powi(2) / d.0.powi(4) - 2.0 * covariance * m.0 / d.0.powi(3)
}

/// The gradient of M/D − θ M′/D′.
pub fn ratio_gradient(values: &Values<4>, theta: f64) -> [f64; 4] {
    let [m, d, m_pre, d_pre] = values.moments.means;
    if d == 0.0 || d_pre == 0.0 {
        return [0.0; 4];
    }
    [1.0 / d, -m / d.powi(2), -theta / d_pre, theta * m_pre / d_pre.powi(2)]
}

/// g′ V g.
pub fn quadratic<const D: usize>(matrix: &[[f64; D]; D], gradient: &[f64; D]) -> f64 {
    bilinear(matrix, gradient, gradient)
}

/// g′ V h.
pub fn bilinear<const D: usize>(matrix: &[[f64; D]; D], left: &[f64; D], right: &[f64; D]) -> f64 {
    (0..D).map(|i| left[i] * (0..D).map(|j| matrix[i][j] * right[j]).sum::<f64>()).sum()
}

/// Both arms with the θ that takes most of the variance away, estimated from both together.
///
/// For a mean θ = cov(Y, X)/var(X) of the pooled arms (Deng, Xu, Kohavi and Walker 2013); for a ratio the same of the
/// linearised ratios. Where the covariate tells nothing, the arms come back unadjusted.
pub fn adjusted(a: &Statistic, b: &Statistic) -> (Statistic, Statistic) {
    match (a, b) {
        (Statistic::Adjusted { values: va, .. }, Statistic::Adjusted { values: vb, .. }) => {
            let joint = va.joint(vb);
            let is_flat = joint.variance(0) == 0.0 || joint.variance(1) == 0.0;
            let theta = if is_flat { 0.0 } else { joint.covariance(0, 1) / joint.variance(1) };
            if theta == 0.0 || !theta.is_finite() {
                return (a.unadjusted(), b.unadjusted());
            }
            (Statistic::Adjusted { values: *va, theta }, Statistic::Adjusted { values: *vb, theta })
        }
        (Statistic::AdjustedRatio { values: va, .. }, Statistic::AdjustedRatio { values: vb, .. }) => {
            let theta = ratio_theta(va, vb);
            if !theta.is_finite() || theta.abs() < 1e-8 {
                return (a.unadjusted(), b.unadjusted());
            }
            (Statistic::AdjustedRatio { values: *va, theta }, Statistic::AdjustedRatio { values: *vb, theta })
        }
        _ => (*a, *b),
    }
}

fn ratio_theta(a: &Values<4>, b: &Values<4>) -> f64 {
    let parts = |values: &Values<4>| {
        let [m, d, m_pre, d_pre] = ratio_gradient(values, 1.0);
        let (post, pre) = ([m, d, 0.0, 0.0], [0.0, 0.0, m_pre, d_pre]);
        let matrix = values.matrix();
        (bilinear(&matrix, &pre, &post), quadratic(&matrix, &pre))
    };
    let (of_a, of_b) = (parts(a), parts(b));
    let variance = of_a.1 + of_b.1;
    if variance == 0.0 { 0.0 } else { -(of_a.0 + of_b.0) / variance }
}

/// The θ of an adjusted arm; 0 for others.
pub fn theta_of(statistic: &Statistic) -> f64 {
    match statistic {
        Statistic::Adjusted { theta, .. } | Statistic::AdjustedRatio { theta, .. } => *theta,
        _ => 0.0,
    }
}
