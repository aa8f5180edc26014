//! Whether an effect differs between levels of a dimension, looked at again and again.

use footfall_models_experiment::statistics::heterogeneity::{alike_at_any_look, heterogeneity};
use footfall_models_experiment::statistics::{Difference, Statistic};

use super::{Random, Table};

const EXPERIMENTS: usize = 1_000;
const LOOKS: usize = 100;
/// Of both arms, between two looks.
const USERS: f64 = 300.0;
/// Shares of the levels.
const SHARES: [f64; 6] = [0.4, 0.25, 0.15, 0.1, 0.06, 0.04];

/// Shares of experiments in which levels were ever found to differ: at any look, and by Cochran's Q at every look.
fn found(random: &mut Random, rates: [f64; 6], lifts: [f64; 6]) -> [f64; 2] {
    let mut alarms = [0usize; 2];
    for _ in 0..EXPERIMENTS {
        let mut sums = [[(0.0, 0.0); 2]; 6];
        let mut is_alarmed = [false; 2];
        for _ in 0..LOOKS {
            for (level, arms) in sums.iter_mut().enumerate() {
                for (arm, (users, conversions)) in arms.iter_mut().enumerate() {
                    let rate = rates[level] * if arm == 1 { 1.0 + lifts[level] } else { 1.0 };
                    let more = random.poisson(USERS * SHARES[level] / 2.0);
                    *users += more;
                    *conversions += (0..more as usize).filter(|_| random.uniform() < rate).count() as f64;
                }
            }
            let known = sums.iter().filter(|arms| arms.iter().all(|(users, _)| *users > 1.0));
            let arm = |(users, conversions): (f64, f64)| Statistic::proportion(users, conversions);
            let levels: Vec<_> = known.map(|[a, b]| (arm(*a), arm(*b))).collect();
            let always = alike_at_any_look(&levels, Difference::Relative, 0.05, 5_000.0);
            is_alarmed[0] |= always.is_some_and(|found| found.p_value < 0.05);
            let once = heterogeneity(&levels, Difference::Relative);
            is_alarmed[1] |= once.degrees_of_freedom > 0.0 && once.p_value < 0.05;
        }
        alarms.iter_mut().zip(is_alarmed).for_each(|(count, alarm)| *count += usize::from(alarm));
    }
    alarms.map(|count| count as f64 / EXPERIMENTS as f64)
}

pub fn levels(table: &mut Table) {
    let mut random = Random(13);
    let rates = [0.1, 0.2, 0.05, 0.3, 0.1, 0.15];
    let [always, every] = found(&mut random, rates, [0.1; 6]);
    table.row("six levels with one effect, 100 looks: found to differ", always, "≤ 0.05", always <= 0.05);
    table.remark("— by Cochran's Q at every look", every);
    let [always, _] = found(&mut random, rates, [0.3, 0.0, 0.0, 0.0, 0.0, 0.0]);
    table.row("— with an effect of 30 % in the largest alone: found", always, "≥ 0.5", always >= 0.5);
}
