//! A quantile of the numbers of all that happened, where what one user does hangs together.

use footfall_models_experiment::statistics::{
    Alternative, Difference, Effect, Moments, Quantile, Sequential, Statistic, welch,
};

use super::{Random, Table};

const EXPERIMENTS: usize = 2_000;
const USERS: usize = 1_500;
const Z: f64 = 1.959_963_984_540_054;

/// Times of each user: their own speed, and how often they come.
fn times(random: &mut Random, factor: f64) -> Vec<Vec<f64>> {
    let user = |random: &mut Random| {
        let own = (0.6 * random.normal()).exp();
        let count = random.poisson(3.0 / own.sqrt()) as usize;
        (0..count).map(|_| factor * own * (0.5 * random.normal()).exp()).collect()
    };
    (0..USERS).map(|_| user(random)).collect()
}

fn at(sorted: &[f64], level: f64) -> f64 {
    let place = level.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// As results make it: with users as clusters, or as if each time were a user's own.
fn quantile(users: &[Vec<f64>], level: f64, are_clusters: bool) -> Statistic {
    let mut all: Vec<f64> = users.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let n = all.len() as f64;
    let half = Z * (level * (1.0 - level) / n).sqrt();
    let value = at(&all, level);
    let active = users.iter().filter(|own| !own.is_empty());
    let of = |own: &Vec<f64>| [own.iter().filter(|time| **time <= value).count() as f64, own.len() as f64];
    let clusters = are_clusters.then(|| Moments::of(active.map(of)));
    let (lower, upper) = (at(&all, level - half), at(&all, level + half));
    Statistic::Quantile(Quantile { n, n_star: n, level, value, lower, upper, clusters })
}

pub fn quantiles(table: &mut Table) {
    let mut random = Random(12);
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    for (level, name) in [(0.5, "median"), (0.9, "quantile at 0.9"), (0.99, "quantile at 0.99")] {
        let (mut held, mut naive, mut always) = (0usize, 0usize, 0usize);
        for _ in 0..EXPERIMENTS {
            // Every time is a tenth longer, so that every quantile is.
            let arms = [1.0, 1.1].map(|factor| times(&mut random, factor));
            let holds = |(low, high): (f64, f64)| usize::from(low <= 0.1 && 0.1 <= high);
            let effect = |are_clusters: bool| {
                let [a, b] = [&arms[0], &arms[1]].map(|users| quantile(users, level, are_clusters));
                Effect::between(&a, &b, Difference::Relative).unwrap()
            };
            let (of_users, of_times) = (effect(true), effect(false));
            held += holds(welch(&of_users, 0.05, Alternative::TwoSided).interval);
            naive += holds(welch(&of_times, 0.05, Alternative::TwoSided).interval);
            always += holds(sequence.test(&of_users).unwrap().interval);
        }
        let share = |count: usize| count as f64 / EXPERIMENTS as f64;
        let what = format!("{name} of times, clustered in users: coverage");
        table.row(&what, share(held), "≥ 0.94", share(held) >= 0.94);
        table.remark("— the same as if each time were a user's own", share(naive));
        table.row("— the same, sequential", share(always), "≥ 0.95", share(always) >= 0.95);
    }
}
