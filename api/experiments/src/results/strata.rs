//! Post-stratification: people of one level of a dimension are compared with each other alone, and levels weigh as many people as they have.

use std::collections::{BTreeMap, BTreeSet};

use footfall_models_experiment::statistics::Statistic;

use super::analysis::{Cells, Pair};

/// A level with fewer people in an arm is no stratum of its own.
const PEOPLE_MIN: f64 = 20.0;

/// The strata of one metric; none where there are not two. Levels that are too small are one together, or join the largest.
pub(super) fn of_levels(cells: &Cells, index: usize, (a, b): (&str, &str)) -> Vec<Pair> {
    let none = BTreeMap::new();
    let of = |variation: &str| cells.get(variation).unwrap_or(&none);
    let statistic =
        |variation: &str, level: &String| of(variation).get(level)?.statistics.get(index).copied().flatten();
    let names: BTreeSet<&String> = of(a).keys().chain(of(b).keys()).collect();
    let mut found: Vec<Pair> = Vec::new();
    let (mut rest_a, mut rest_b): (Option<Statistic>, Option<Statistic>) = (None, None);
    for name in names {
        match (statistic(a, name), statistic(b, name)) {
            (Some(left), Some(right)) if left.n().min(right.n()) >= PEOPLE_MIN => found.push((left, right)),
            (left, right) => (rest_a, rest_b) = (together(rest_a, left), together(rest_b, right)),
        }
    }
    match (rest_a, rest_b) {
        (Some(left), Some(right)) if left.n().min(right.n()) >= PEOPLE_MIN => found.push((left, right)),
        (left, right) => {
            let size = |pair: &&mut Pair| pair.0.n() + pair.1.n();
            if let Some(largest) = found.iter_mut().max_by(|x, y| size(x).total_cmp(&size(y))) {
                let joined = together(Some(largest.0), left).zip(together(Some(largest.1), right));
                *largest = joined.unwrap_or(*largest);
            }
        }
    }
    if found.len() < 2 { Vec::new() } else { found }
}

fn together(a: Option<Statistic>, b: Option<Statistic>) -> Option<Statistic> {
    match (a, b) {
        (Some(a), Some(b)) => a.pooled(&b),
        (a, b) => a.or(b),
    }
}
