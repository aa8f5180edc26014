//! Sums of numbers whose order does not matter: runs are joined and threads share people out anew, and an answer must not tell.

/// A sum, and beside it what rounding took from each step (Neumaier). It is off by some 2^-100 of the largest sum on the way,
/// so that it is that of all numbers rounded once, unless large ones cancel each other out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    #[inline]
    pub fn add(&mut self, number: f64) {
        let sum = self.sum + number;
        let added = sum - self.sum;
        self.lost += (self.sum - (sum - added)) + (number - added);
        self.sum = sum;
    }

    pub fn join(&mut self, other: Sum) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    pub fn value(self) -> f64 {
        let whole = self.sum + self.lost;
        // Beyond the largest number nothing can be said of what was lost.
        if whole.is_nan() { self.sum } else { whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Sum {
        let mut sum = Sum::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum
    }

    #[test]
    fn nothing_is_lost_in_any_order() {
        assert_eq!(of(&[0.1; 10]).value(), 1.0);
        assert_eq!(of(&[1e16, 1.0, -1e16]).value(), 1.0);
        assert_eq!(of(&[1.0, 1e16, -1e16]).value(), 1.0);
        assert_eq!(of(&[]).value(), 0.0);
        // Two prices a hundred thousand times, from the front, from the back, and in parts.
        let prices: Vec<f64> = (0..100_000).flat_map(|_| [19.95, 0.1]).collect();
        let back: Vec<f64> = prices.iter().rev().copied().collect();
        let mut parts = of(&prices[..77]);
        parts.join(of(&prices[77..]));
        assert_eq!([of(&prices), of(&back), parts].map(Sum::value), [2_005_000.0; 3]);
    }

    #[test]
    fn what_is_too_large_is_infinite() {
        assert_eq!(of(&[f64::MAX, f64::MAX, 1.0]).value(), f64::INFINITY);
    }
}
