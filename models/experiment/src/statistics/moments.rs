//! Sufficient statistics: means and centred products of D values per unit. They add up (Chan, Golub and LeVeque 1983) and
//! keep their digits at means of 10^8, where sums of squares have none left.

/// Count, means and sums of products of deviations. `scatter[i][j]` = Σ (xᵢ − x̄ᵢ)(xⱼ − x̄ⱼ).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments<const D: usize> {
    pub n: f64,
    pub means: [f64; D],
    pub scatter: [[f64; D]; D],
}

impl<const D: usize> Default for Moments<D> {
    fn default() -> Self {
        Moments { n: 0.0, means: [0.0; D], scatter: [[0.0; D]; D] }
    }
}

impl<const D: usize> Moments<D> {
    /// Of the values themselves.
    pub fn of(units: impl IntoIterator<Item = [f64; D]>) -> Self {
        let mut moments = Moments::default();
        units.into_iter().for_each(|unit| moments.add(unit));
        moments
    }

    /// Adds one unit (Welford's step).
    pub fn add(&mut self, unit: [f64; D]) {
        self.n += 1.0;
        let before: [f64; D] = std::array::from_fn(|i| unit[i] - self.means[i]);
        self.means = std::array::from_fn(|i| self.means[i] + before[i] / self.n);
        let after: [f64; D] = std::array::from_fn(|i| unit[i] - self.means[i]);
        self.scatter = std::array::from_fn(|i| std::array::from_fn(|j| self.scatter[i][j] + before[i] * after[j]));
    }

    /// Of both sets of units together.
    pub fn merged(&self, other: &Self) -> Self {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { *other } else { *self };
        }
        let n = self.n + other.n;
        let apart: [f64; D] = std::array::from_fn(|i| other.means[i] - self.means[i]);
        let weight = self.n * other.n / n;
        Moments {
            n,
            means: std::array::from_fn(|i| self.means[i] + apart[i] * other.n / n),
            scatter: std::array::from_fn(|i| {
                std::array::from_fn(|j| self.scatter[i][j] + other.scatter[i][j] + apart[i] * apart[j] * weight)
            }),
        }
    }

    /// From sums and sums of products, as other systems keep them; digits lost in them stay lost.
    pub fn from_sums(n: f64, sums: [f64; D], products: [[f64; D]; D]) -> Self {
        if n == 0.0 {
            return Moments::default();
        }
        Moments {
            n,
            means: sums.map(|sum| sum / n),
            scatter: std::array::from_fn(|i| std::array::from_fn(|j| products[i][j] - sums[i] * sums[j] / n)),
        }
    }

    /// With n − 1; 0 for fewer than two units.
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        if self.n <= 1.0 { 0.0 } else { self.scatter[i][j] / (self.n - 1.0) }
    }

    pub fn variance(&self, i: usize) -> f64 {
        self.covariance(i, i)
    }

    /// Some of the values, in another order if wanted.
    pub fn select<const E: usize>(&self, which: [usize; E]) -> Moments<E> {
        Moments {
            n: self.n,
            means: which.map(|i| self.means[i]),
            scatter: which.map(|i| which.map(|j| self.scatter[i][j])),
        }
    }
}
