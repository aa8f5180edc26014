//! What the people of an arm come to: counts, and moments in which people who did nothing cost nothing.

use crate::definition::PersonMoments;

/// Values that are wanted together.
pub(super) const PARTS_MAX: usize = 4;
/// Of a triangle.
const PRODUCTS_MAX: usize = PARTS_MAX * (PARTS_MAX + 1) / 2;

/// Means and products of deviations of people who did something.
#[derive(Clone, Copy, Default)]
pub(super) struct Running {
    n: f64,
    means: [f64; PARTS_MAX],
    scatter: [f64; PRODUCTS_MAX],
}

impl Running {
    /// Adds a person (Welford's step).
    pub fn add(&mut self, values: &[f64]) {
        self.n += 1.0;
        let mut before = [0.0; PARTS_MAX];
        for (index, value) in values.iter().enumerate() {
            before[index] = value - self.means[index];
            self.means[index] += before[index] / self.n;
        }
        let mut place = 0;
        for (left, before) in before.iter().enumerate().take(values.len()) {
            for (value, mean) in values.iter().zip(&self.means).skip(left) {
                self.scatter[place] += before * (value - mean);
                place += 1;
            }
        }
    }

    /// With the others' people (Chan, Golub and LeVeque's step).
    pub fn join(&mut self, other: &Running, parts: usize) {
        if other.n == 0.0 {
            return;
        }
        let n = self.n + other.n;
        let mut apart = [0.0; PARTS_MAX];
        for (index, apart) in apart.iter_mut().enumerate().take(parts) {
            *apart = other.means[index] - self.means[index];
        }
        let mut place = 0;
        for left in 0..parts {
            for right in left..parts {
                let between = apart[left] * apart[right] * (self.n / n) * other.n;
                self.scatter[place] += other.scatter[place] + between;
                place += 1;
            }
        }
        for (index, apart) in apart.iter().enumerate().take(parts) {
            self.means[index] += apart * (other.n / n);
        }
        self.n = n;
    }

    /// Of all people, those who did nothing having `nothing` for every value.
    pub fn of_all(mut self, people: u64, nothing: f64, parts: usize) -> PersonMoments {
        let all = people as f64;
        let rest = Running { n: all - self.n, means: [nothing; PARTS_MAX], scatter: [0.0; PRODUCTS_MAX] };
        self.join(&rest, parts);
        let products = parts * (parts + 1) / 2;
        PersonMoments { people: all, means: self.means[..parts].to_vec(), scatter: self.scatter[..products].to_vec() }
    }
}

/// People of one arm, day and level.
pub(super) struct Cell {
    pub people: u64,
    pub measures: Vec<Running>,
    /// Of each measure that takes its time, the people whose time is not over.
    pub immature: Vec<u64>,
}

impl Cell {
    pub fn new(measures: usize, maturing: usize) -> Cell {
        Cell { people: 0, measures: vec![Running::default(); measures], immature: vec![0; maturing] }
    }
}

/// Values of which most are nothing: the others, and how many there are in all.
#[derive(Default)]
pub(super) struct Spread {
    pub something: Vec<f64>,
    pub people: u64,
    /// What those have who did nothing: 0, unless values are cut below it.
    pub nothing: f64,
}

impl Spread {
    pub fn sort(&mut self) {
        self.something.sort_unstable_by(f64::total_cmp);
    }

    /// Between the two values around `(n − 1) · level`, of sorted ones.
    pub fn quantile(&self, level: f64) -> Option<f64> {
        let last = (self.people as usize).checked_sub(1)?;
        let below = self.something.partition_point(|value| *value < self.nothing);
        let nothing = self.people as usize - self.something.len().min(self.people as usize);
        let at = |rank: usize| match rank {
            _ if rank < below => self.something.get(rank).copied(),
            _ if rank < below + nothing => Some(self.nothing),
            _ => self.something.get(rank - nothing).copied(),
        };
        let place = last as f64 * level;
        let (low, high) = (at(place.floor() as usize)?, at(place.ceil() as usize)?);
        Some(low + (high - low) * place.fract())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_know_of_those_who_did_nothing() {
        let mut spread = Spread { something: vec![5.0, -2.0, 3.0], people: 6, nothing: 0.0 };
        spread.sort();
        // −2, 0, 0, 0, 3, 5.
        let found = [0.0, 0.1, 0.5, 0.8, 0.9, 1.0].map(|level| spread.quantile(level).unwrap());
        assert_eq!(found, [-2.0, -1.0, 0.0, 3.0, 4.0, 5.0]);
        assert_eq!(Spread::default().quantile(0.5), None);
    }

    #[test]
    fn moments_are_those_of_all_people() {
        let (mut one, mut other) = (Running::default(), Running::default());
        [[1e8 + 1.0, 2.0], [1e8 + 3.0, 1.0]].iter().for_each(|values| one.add(values));
        other.add(&[1e8 + 2.0, 6.0]);
        one.join(&other, 2);
        let PersonMoments { means, scatter, .. } = one.of_all(3, 0.0, 2);
        assert_eq!((means, scatter), (vec![1e8 + 2.0, 3.0], vec![2.0, -1.0, 14.0]));
        let PersonMoments { means, scatter, .. } = other.of_all(2, 0.0, 2);
        assert_eq!((means, scatter[2]), (vec![5e7 + 1.0, 3.0], 18.0));
    }
}
