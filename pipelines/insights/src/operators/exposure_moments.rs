//! What the people of an arm come to: counts, and moments in which people who did nothing cost nothing.

use hashbrown::HashMap;

use super::engine::Context;
use crate::InsightError;
use crate::definition::PersonMoments;
use crate::spill::{Sorted, number};

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

/// People of whom most have nothing: those who have something are a cell of what was gathered.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread {
    pub people: u64,
    /// What those have who did nothing: 0, unless values are cut below it.
    pub nothing: f64,
    pub levels: Vec<f64>,
}

/// Where the two values around a place lie, and how far it is from the one to the other.
type Around = Option<(Lies, Lies, f64)>;

/// Where a rank of everybody lies.
#[derive(Clone, Copy)]
enum Lies {
    Something(u64),
    Nothing,
}

impl Spread {
    /// Where the two values around `(n − 1) · level` lie, and how far it is from the one to the other.
    fn around(&self, something: u64, below: u64, level: f64) -> Around {
        let last = self.people.checked_sub(1)?;
        let nothing = self.people - something.min(self.people);
        let lies = |rank: u64| match rank {
            _ if rank < below => Lies::Something(rank),
            _ if rank < below + nothing => Lies::Nothing,
            _ => Lies::Something(rank - nothing),
        };
        let place = last as f64 * level;
        Some((lies(place.floor() as u64), lies(place.ceil() as u64), place.fract()))
    }
}

/// For each spread, which is of the cell in its place, the value at each of its levels.
pub(super) fn quantiles(
    context: &Context<'_>,
    sorted: &Sorted<'_>,
    spreads: &[Spread],
) -> Result<Vec<Vec<Option<f64>>>, InsightError> {
    let mut below = vec![0u64; spreads.len()];
    sorted.each(context, |cell, value| {
        if let Some(spread) = spreads.get(cell) {
            below[cell] += u64::from(number(value) < spread.nothing);
        }
    })?;
    let around = |(cell, spread): (usize, &Spread)| -> Vec<Around> {
        spread.levels.iter().map(|level| spread.around(sorted.count(cell), below[cell], *level)).collect()
    };
    let around: Vec<_> = spreads.iter().enumerate().map(around).collect();
    let ends = around.iter().enumerate().flat_map(|(cell, levels)| {
        levels.iter().flatten().flat_map(move |(low, high, _)| [*low, *high].map(|lies| (cell, lies)))
    });
    let mut wanted: HashMap<(usize, u64), Option<f64>> = ends
        .filter_map(|(cell, lies)| match lies {
            Lies::Something(rank) => Some(((cell, rank), None)),
            Lies::Nothing => None,
        })
        .collect();
    let (mut now, mut rank) = (0, 0u64);
    sorted.each(context, |cell, value| {
        if cell != now {
            (now, rank) = (cell, 0);
        }
        if let Some(found) = wanted.get_mut(&(cell, rank)) {
            *found = Some(number(value));
        }
        rank += 1;
    })?;
    let value = |cell: usize, lies: Lies| match lies {
        Lies::Something(rank) => wanted.get(&(cell, rank)).copied().flatten(),
        Lies::Nothing => Some(spreads[cell].nothing),
    };
    let between = |cell: usize, around: &Around| {
        let (low, high, part) = (*around)?;
        let (low, high) = (value(cell, low)?, value(cell, high)?);
        Some(low + (high - low) * part)
    };
    let of = |(cell, levels): (usize, &Vec<Around>)| -> Vec<Option<f64>> {
        levels.iter().map(|one| between(cell, one)).collect()
    };
    Ok(around.iter().enumerate().map(of).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_know_of_those_who_did_nothing() {
        let dictionaries = crate::projection::Dictionaries::new(&[]);
        let snapshot =
            crate::projection::Snapshot::new(dictionaries, Vec::new(), &Default::default(), Vec::new()).unwrap();
        let cancel = std::sync::atomic::AtomicBool::new(false);
        let context = Context::new(&snapshot, 1, &cancel);
        let mut gather = crate::spill::Gather::new(context.room());
        [5.0, -2.0, 3.0].iter().for_each(|value| gather.push(0, crate::spill::ordered(*value)));
        let sorted = Sorted::of([gather], 2);
        // −2, 0, 0, 0, 3, 5; and nobody.
        let spread = Spread { people: 6, nothing: 0.0, levels: vec![0.0, 0.1, 0.5, 0.8, 0.9, 1.0] };
        let nobody = Spread { levels: vec![0.5], ..Spread::default() };
        let found = quantiles(&context, &sorted, &[spread, nobody]).unwrap();
        assert_eq!(found[0], [-2.0, -1.0, 0.0, 3.0, 4.0, 5.0].map(Some));
        assert_eq!(found[1], [None]);
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
