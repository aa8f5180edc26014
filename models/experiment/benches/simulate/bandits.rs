//! Bandits: what they lose, and whether the intervals of their effects hold, although the weights follow what was seen.

use footfall_models_experiment::statistics::bandit::{
    ArmPosterior, best_arm_probabilities, means_over_periods, weights,
};
use footfall_models_experiment::statistics::periods::{Period, joined};
use footfall_models_experiment::statistics::srm::ratio_check_of_periods;
use footfall_models_experiment::statistics::{
    Alternative, Difference, Effect, Moments, Sequential, Statistic, Test, Values, welch,
};

use super::{Random, Table, mean};

/// The third arm beside the first.
fn period(arms: &[Moments<1>; 3]) -> Period {
    let users = arms.iter().map(|arm| arm.n).sum();
    Period { a: mean(Values::new(arms[0])), b: mean(Values::new(arms[2])), users }
}

fn holds(test: Test, truth: f64) -> bool {
    test.interval.0 <= truth && truth <= test.interval.1
}

/// Three arms; the weights follow the chance of each to be best, every 300 users.
pub(crate) fn bandit(table: &mut Table) {
    const RATES: [f64; 3] = [0.10, 0.11, 0.14];
    const BEST: f64 = RATES[2] - RATES[0];
    const RUNS: usize = 2_000;
    const PERIODS: usize = 40;
    const USERS: usize = 300;
    let mut random = Random(6);
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    let (mut regret, mut held, mut held_relative, mut held_pooled) = (0.0, 0usize, 0usize, 0usize);
    let (mut held_always, mut alarms) = (0usize, 0usize);
    for _ in 0..RUNS {
        let mut share = vec![1.0 / 3.0; 3];
        let mut totals = [Moments::<1>::default(); 3];
        let mut periods: Vec<[Moments<1>; 3]> = Vec::new();
        let mut planned: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        for period in 0..PERIODS {
            // The rates drift together: Simpson's trap for whoever pools over periods.
            let drift = 0.04 * period as f64 / PERIODS as f64;
            let mut now = [Moments::<1>::default(); 3];
            for _ in 0..USERS {
                let place = random.uniform();
                let arm = if place < share[0] { 0 } else { 1 + usize::from(place >= share[0] + share[1]) };
                regret += RATES[2] - RATES[arm];
                now[arm].add([f64::from(random.uniform() < RATES[arm] + drift)]);
            }
            totals = std::array::from_fn(|arm| totals[arm].merged(&now[arm]));
            periods.push(now);
            planned.push((now.iter().map(|arm| arm.n).collect(), share.clone()));
            let seen: Vec<Vec<Statistic>> =
                periods.iter().map(|arms| arms.iter().map(|arm| mean(Values::new(*arm))).collect()).collect();
            if let Some(arms) = means_over_periods(&seen, 100.0) {
                let arms: Vec<ArmPosterior> =
                    arms.iter().map(|(mean, error)| ArmPosterior::new(*mean, *error, None)).collect();
                share = weights(&best_arm_probabilities(&arms, false), 0.05);
            }
        }
        let periods = joined(periods.iter().map(period));
        let stratified = Effect::of_periods(&periods, Difference::Absolute).unwrap();
        held += usize::from(holds(welch(&stratified, 0.05, Alternative::TwoSided), BEST));
        held_always += usize::from(holds(sequence.test(&stratified).unwrap(), BEST));
        // Control has this on the average of all users, whose rates drift up to 0.04.
        let control = RATES[0] + 0.04 * (PERIODS - 1) as f64 / (2 * PERIODS) as f64;
        let relative = Effect::of_periods(&periods, Difference::Relative).unwrap();
        held_relative += usize::from(holds(welch(&relative, 0.05, Alternative::TwoSided), BEST / control));
        alarms += usize::from(ratio_check_of_periods(&planned).p_value_always_valid < 0.05);
        let pooled =
            Effect::between(&mean(Values::new(totals[0])), &mean(Values::new(totals[2])), Difference::Absolute);
        held_pooled += usize::from(holds(welch(&pooled.unwrap(), 0.05, Alternative::TwoSided), BEST));
    }
    let users = (RUNS * PERIODS * USERS) as f64;
    let equal = RATES.iter().map(|rate| RATES[2] - rate).sum::<f64>() / 3.0;
    table.remark("bandit: regret per user with equal weights", equal);
    table.row(
        "— with weights by the chance to be best",
        regret / users,
        "less than half",
        regret / users < equal / 2.0,
    );
    table.remark("— coverage of best against first arm under drift, pooled", held_pooled as f64 / RUNS as f64);
    let found = held as f64 / RUNS as f64;
    table.row("— the same, stratified by period", found, "≥ 0.94", found >= 0.94);
    let found = held_relative as f64 / RUNS as f64;
    table.row("— the same, relative to the first arm", found, "≥ 0.94", found >= 0.94);
    let found = held_always as f64 / RUNS as f64;
    table.row("— the same, sequential: what results tell", found, "≥ 0.95", found >= 0.95);
    let found = alarms as f64 / RUNS as f64;
    table.row("— sample-ratio alarms over periods, always valid, at 0.05", found, "≤ 0.05", found <= 0.05);
}

/// Three contexts in which another arm is best each time, weights of their own in each, every 600 users; against one bandit for all.
pub(crate) fn contextual_bandit(table: &mut Table) {
    const RATES: [[f64; 3]; 3] = [[0.14, 0.10, 0.10], [0.10, 0.14, 0.10], [0.10, 0.10, 0.14]];
    const RUNS: usize = 2_000;
    const PERIODS: usize = 40;
    const USERS: usize = 600;
    // Who comes changes with time, from mostly the first context to mostly the last.
    let share_of = |period: usize, context: usize| {
        let late = period as f64 / PERIODS as f64;
        [0.6 - 0.4 * late, 0.2, 0.2 + 0.4 * late][context]
    };
    let mut random = Random(8);
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    let (mut regret, mut regret_of_one) = (0.0, 0.0);
    let (mut held, mut held_always, mut held_of_periods, mut alarms) = (0usize, 0usize, 0usize, 0usize);
    for _ in 0..RUNS {
        let mut shares = vec![vec![1.0 / 3.0; 3]; 3];
        let mut share_of_one = vec![1.0 / 3.0; 3];
        let mut periods: Vec<Vec<[Moments<1>; 3]>> = Vec::new();
        let mut of_one: Vec<Vec<Statistic>> = Vec::new();
        let mut planned: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        for period in 0..PERIODS {
            let mut now = vec![[Moments::<1>::default(); 3]; 3];
            let mut now_of_one = [Moments::<1>::default(); 3];
            for _ in 0..USERS {
                let place = random.uniform();
                let first = share_of(period, 0);
                let context = if place < first { 0 } else { 1 + usize::from(place >= first + share_of(period, 1)) };
                let mut chosen = |share: &[f64]| {
                    let place = random.uniform();
                    if place < share[0] { 0 } else { 1 + usize::from(place >= share[0] + share[1]) }
                };
                let (arm, arm_of_one) = (chosen(&shares[context]), chosen(&share_of_one));
                regret += 0.14 - RATES[context][arm];
                regret_of_one += 0.14 - RATES[context][arm_of_one];
                now[context][arm].add([f64::from(random.uniform() < RATES[context][arm])]);
                now_of_one[arm_of_one].add([f64::from(random.uniform() < RATES[context][arm_of_one])]);
            }
            for (context, arms) in now.iter().enumerate() {
                planned.push((arms.iter().map(|arm| arm.n).collect(), shares[context].clone()));
            }
            periods.push(now);
            of_one.push(now_of_one.iter().map(|arm| mean(Values::new(*arm))).collect());
            let next = |seen: &[Vec<Statistic>]| {
                let arms = means_over_periods(seen, 100.0)?;
                let arms = arms.iter().map(|(mean, error)| ArmPosterior::new(*mean, *error, None));
                Some(weights(&best_arm_probabilities(&arms.collect::<Vec<_>>(), false), 0.05))
            };
            for (context, share) in shares.iter_mut().enumerate() {
                let seen: Vec<Vec<Statistic>> = periods
                    .iter()
                    .map(|contexts| contexts[context].iter().map(|arm| mean(Values::new(*arm))).collect())
                    .collect();
                *share = next(&seen).unwrap_or_else(|| share.clone());
            }
            share_of_one = next(&of_one).unwrap_or(share_of_one);
        }
        // The third arm against the first, for the users who came.
        let users = |context: usize| -> f64 {
            periods.iter().map(|contexts| contexts[context].iter().map(|arm| arm.n).sum::<f64>()).sum()
        };
        let all: f64 = (0..3).map(users).sum();
        let truth: f64 = (0..3).map(|context| users(context) / all * (RATES[context][2] - RATES[context][0])).sum();
        let by_context: Vec<Period> =
            (0..3).flat_map(|context| joined(periods.iter().map(move |contexts| period(&contexts[context])))).collect();
        let by_period = joined(periods.iter().map(|contexts| {
            let sum = |arm: usize| contexts.iter().fold(Moments::default(), |sum, arms| sum.merged(&arms[arm]));
            period(&[sum(0), sum(1), sum(2)])
        }));
        let fixed = |effect: &Effect| holds(welch(effect, 0.05, Alternative::TwoSided), truth);
        let effect = Effect::of_periods(&by_context, Difference::Absolute).unwrap();
        held += usize::from(fixed(&effect));
        held_of_periods += usize::from(fixed(&Effect::of_periods(&by_period, Difference::Absolute).unwrap()));
        held_always += usize::from(holds(sequence.test(&effect).unwrap(), truth));
        alarms += usize::from(ratio_check_of_periods(&planned).p_value_always_valid < 0.05);
    }
    let users = (RUNS * PERIODS * USERS) as f64;
    let share = |count: usize| count as f64 / RUNS as f64;
    table.remark("contextual bandit: regret per user with one bandit for all contexts", regret_of_one / users);
    let kept = regret < regret_of_one / 2.0;
    table.row("— with weights of their own in each context", regret / users, "less than half", kept);
    // In every context two arms of three are 0.04 below the best.
    let equal = 2.0 / 3.0 * 0.04;
    let kept = regret / users < equal / 2.0;
    table.row("— the same, beside equal weights, which lose 0.0267", regret / users, "less than half", kept);
    table.remark("— coverage of an arm against the first, stratified by period alone", share(held_of_periods));
    table.row("— the same, stratified by context and period", share(held), "≥ 0.94", share(held) >= 0.94);
    let kept = share(held_always) >= 0.95;
    table.row("— the same, sequential: what results tell", share(held_always), "≥ 0.95", kept);
    let kept = share(alarms) <= 0.05;
    table.row("— sample-ratio alarms over contexts and periods, always valid, at 0.05", share(alarms), "≤ 0.05", kept);
}
