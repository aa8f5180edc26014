//! What the statistics promise, shown on simulated experiments: `cargo bench -p footfall-models-experiment --bench simulate`.
//!
//! Everything is seeded (1 to 13, as below): the same table each time. It ends with an error if a promise is broken. A name (`-- rare`) runs
//! one part alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bandits;
mod levels;
mod quantiles;
mod rare;
mod strata;

use footfall_models_experiment::statistics::srm::{ratio_check, root_cause};
use footfall_models_experiment::statistics::switchback::{self, Window};
use footfall_models_experiment::statistics::{
    Alternative, Difference, Effect, Moments, Sequential, Statistic, Values, welch,
};

/// SplitMix64 with draws from a few distributions.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn poisson(&mut self, mean: f64) -> f64 {
        let (bound, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > bound {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }
}

struct Table {
    broken: Vec<String>,
}

impl Table {
    fn row(&mut self, what: &str, found: f64, promise: &str, kept: bool) {
        println!("| {what} | {found:.4} | {promise} | {} |", if kept { "kept" } else { "**broken**" });
        if !kept {
            self.broken.push(what.to_owned());
        }
    }

    fn remark(&self, what: &str, found: f64) {
        println!("| {what} | {found:.4} | for comparison | |");
    }
}

fn mean(values: Values<1>) -> Statistic {
    Statistic::Mean(values)
}

fn aa(table: &mut Table) {
    const EXPERIMENTS: usize = 1_000;
    const LOOKS: usize = 200;
    const USERS_PER_LOOK: usize = 25;
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    let mut random = Random(1);
    let (mut always, mut naive, mut last, mut mismatch, mut mismatch_naive) = (0, 0, 0, 0, 0);
    for _ in 0..EXPERIMENTS {
        let mut arms = [Moments::<1>::default(), Moments::<1>::default()];
        let mut alarms = [false; 4];
        for look in 1..=LOOKS {
            for _ in 0..2 * USERS_PER_LOOK {
                let arm = usize::from(random.uniform() < 0.5);
                arms[arm].add([random.exponential()]);
            }
            let [a, b] = arms.map(|moments| mean(Values::new(moments)));
            let Ok(effect) = Effect::between(&a, &b, Difference::Relative) else { continue };
            let t = effect.estimate.abs() / effect.standard_error;
            alarms[0] |= sequence.p_value_at(&effect, 0.0) < 0.05;
            alarms[1] |= t > 1.96;
            let check = ratio_check(&[arms[0].n, arms[1].n], &[0.5, 0.5]);
            alarms[2] |= check.p_value_always_valid < 0.05;
            alarms[3] |= check.p_value < 0.05;
            last += usize::from(look == LOOKS && t > 1.96);
        }
        always += usize::from(alarms[0]);
        naive += usize::from(alarms[1]);
        mismatch += usize::from(alarms[2]);
        mismatch_naive += usize::from(alarms[3]);
    }
    let share = |count: usize| count as f64 / EXPERIMENTS as f64;
    table.row("A/A, 1,000 × 200 looks: alarms of the sequential test", share(always), "≤ 0.05", share(always) <= 0.05);
    table.remark("— of the fixed test at every look", share(naive));
    table.remark("— of the fixed test at the last look only", share(last));
    let kept = share(mismatch) <= 0.05;
    table.row("— sample-ratio alarms, always valid, at 0.05", share(mismatch), "≤ 0.05", kept);
    table.remark("— sample-ratio alarms, chi-squared at every look, at 0.05", share(mismatch_naive));
}

/// The share of intervals that hold the true effect.
fn coverage(
    seed: u64,
    truth: f64,
    mut arms: impl FnMut(&mut Random) -> (Statistic, Statistic),
    interval: impl Fn(&Effect) -> (f64, f64),
) -> f64 {
    const EXPERIMENTS: usize = 2_000;
    let mut random = Random(seed);
    let mut held = 0;
    for _ in 0..EXPERIMENTS {
        let (a, b) = arms(&mut random);
        let effect = Effect::between(&a, &b, Difference::Relative).unwrap();
        let (low, high) = interval(&effect);
        held += usize::from(low <= truth && truth <= high);
    }
    held as f64 / EXPERIMENTS as f64
}

fn intervals(table: &mut Table) {
    let fixed = |effect: &Effect| welch(effect, 0.05, Alternative::TwoSided).interval;
    let always = |effect: &Effect| Sequential::new(0.05, 5_000.0, Alternative::TwoSided).test(effect).unwrap().interval;
    let heavy = |random: &mut Random| {
        let mut arm = |lift: f64| {
            // One user in five buys, for a lognormal amount.
            let amounts = (0..4_000).map(|_| {
                let buys = random.uniform() < 0.2;
                [if buys { lift * (1.2 * random.normal()).exp() } else { 0.0 }]
            });
            mean(Values::new(Moments::of(amounts.collect::<Vec<_>>())))
        };
        (arm(1.0), arm(1.1))
    };
    let found = coverage(2, 0.1, heavy, fixed);
    table.row("coverage of 95 % intervals: heavy tails, relative", found, "≥ 0.94", found >= 0.94);
    let found = coverage(2, 0.1, heavy, always);
    table.row("— the same, sequential", found, "≥ 0.95", found >= 0.95);

    // Views per user vary; each view is clicked with a chance that is the user's own: clustered units.
    let clustered = |random: &mut Random| -> [Vec<[f64; 2]>; 2] {
        [0.20f64, 0.22].map(|share| {
            let user = |random: &mut Random| {
                let level = random.exponential();
                let views = 1.0 + random.poisson(4.0 * level);
                let own = share * 2.0 * random.uniform();
                let mut clicks = 0.0;
                for _ in 0..views as usize {
                    clicks += f64::from(random.uniform() < own);
                }
                [clicks, views]
            };
            (0..2_000).map(|_| user(&mut *random)).collect()
        })
    };
    let ratio = |random: &mut Random| {
        let [a, b] = clustered(random).map(|users| Statistic::Ratio(Values::new(Moments::of(users))));
        (a, b)
    };
    let found = coverage(3, 0.1, ratio, fixed);
    table.row("coverage: ratio of clicks to views, clustered in users", found, "≥ 0.94", found >= 0.94);
    let as_if_independent = |random: &mut Random| {
        let [a, b] = clustered(random).map(|users| {
            let sum = |i: usize| users.iter().map(|user| user[i]).sum::<f64>();
            Statistic::proportion(sum(1), sum(0))
        });
        (a, b)
    };
    table.remark("— the same as if each view were a unit", coverage(3, 0.1, as_if_independent, fixed));

    let adjusted = |random: &mut Random| {
        let [a, b] = [0.0, 0.3].map(|lift| {
            let user = |random: &mut Random| {
                let level = random.exponential();
                [3.0 + lift + level + random.normal(), level + 0.5 * random.normal()]
            };
            let users: Vec<[f64; 2]> = (0..1_000).map(|_| user(random)).collect();
            Statistic::Adjusted { values: Values::new(Moments::of(users)), theta: 0.0 }
        });
        (a, b)
    };
    let found = coverage(4, 0.3 / 4.0, adjusted, fixed);
    table.row("coverage: means adjusted by a covariate", found, "≥ 0.94", found >= 0.94);
}

fn power(table: &mut Table) {
    const EXPERIMENTS: usize = 1_000;
    let mut random = Random(5);
    let mut seen = [0usize; 4];
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    for _ in 0..EXPERIMENTS {
        let arms = [0.0, 0.1].map(|lift| {
            let user = |random: &mut Random| {
                let before = random.normal();
                [10.0 + lift + 0.6 * before + 0.8 * random.normal(), before]
            };
            let users: Vec<[f64; 2]> = (0..1_500).map(|_| user(&mut random)).collect();
            Statistic::Adjusted { values: Values::new(Moments::of(users)), theta: 0.0 }
        });
        let plain = arms.map(|arm| arm.unadjusted());
        for (index, pair) in [plain, arms].iter().enumerate() {
            let effect = Effect::between(&pair[0], &pair[1], Difference::Relative).unwrap();
            seen[index] += usize::from(effect.estimate.abs() / effect.standard_error > 1.96);
            seen[2 + index] += usize::from(sequence.p_value_at(&effect, 0.0) < 0.05);
        }
    }
    let [plain, adjusted, plain_always, adjusted_always] = seen.map(|count| count as f64 / EXPERIMENTS as f64);
    table.remark("power at 0.1 sd, 1,500 users per arm, without covariate", plain);
    table.row("— with a covariate, correlation 0.6", adjusted, "more than without", adjusted > plain + 0.05);
    table.remark("— sequential, without", plain_always);
    let kept = adjusted_always > plain_always + 0.05;
    table.row("— sequential, with", adjusted_always, "more than without", kept);
}

/// Pairs of windows of time with rates that drift and heavy tails, no effect: looked at after each pair from the twentieth on.
fn switchbacks(table: &mut Table) {
    const EXPERIMENTS: usize = 2_000;
    const PAIRS: usize = 200;
    let mut random = Random(9);
    let sequence = Sequential::new(0.05, 100.0, Alternative::TwoSided);
    let (mut always, mut naive, mut found, mut held) = (0usize, 0usize, 0usize, 0usize);
    for _ in 0..EXPERIMENTS {
        let mut alarms = [false; 3];
        let mut holds = true;
        let mut windows: [Vec<Window>; 2] = Default::default();
        for block in 0..PAIRS {
            let level = 2.0 + (block as f64 / 12.0).sin();
            for is_treated in [false, true] {
                let base = level * (0.5 * random.normal()).exp();
                for (place, lift) in [0.0, 0.15].into_iter().enumerate() {
                    let numerator = if is_treated { base * (1.0 + lift) } else { base };
                    windows[place].push(Window { block: block as u32, is_treated, numerator, denominator: 1.0 });
                }
            }
            if block + 1 < 20 {
                continue;
            }
            let effect = switchback::effect(&windows[0], Difference::Relative).unwrap();
            alarms[0] |= sequence.p_value_at(&effect, 0.0) < 0.05;
            alarms[1] |= welch(&effect, 0.05, Alternative::TwoSided).p_value < 0.05;
            let effect = switchback::effect(&windows[1], Difference::Relative).unwrap();
            alarms[2] |= sequence.p_value_at(&effect, 0.0) < 0.05;
            let (low, high) = sequence.test(&effect).unwrap().interval;
            holds &= low <= 0.15 && 0.15 <= high;
        }
        held += usize::from(holds);
        always += usize::from(alarms[0]);
        naive += usize::from(alarms[1]);
        found += usize::from(alarms[2]);
    }
    let share = |count: usize| count as f64 / EXPERIMENTS as f64;
    let kept = share(always) <= 0.05;
    table.row("switchback without effect, 181 looks: alarms of the sequential test", share(always), "≤ 0.05", kept);
    table.remark("— of the fixed test at every look", share(naive));
    let kept = share(held) >= 0.95;
    table.row("— an effect of 15 % in the sequential interval at every look", share(held), "≥ 0.95", kept);
    table.remark("— an effect of 15 % seen within 200 pairs, sequential", share(found));
}

/// Nine dimensions of six levels each: how often a level is named although nothing is lost, and how often the right one.
fn causes(table: &mut Table) {
    const EXPERIMENTS: usize = 1_000;
    const PEOPLE: usize = 10_000;
    let mut random = Random(7);
    let (mut named, mut right) = (0usize, 0usize);
    for _ in 0..EXPERIMENTS {
        let mut levels = vec![vec![0.0; 2]; 54];
        let mut broken = levels.clone();
        for _ in 0..PEOPLE {
            let arm = usize::from(random.uniform() < 0.5);
            let places: [usize; 9] = std::array::from_fn(|dimension| dimension * 6 + (random.uniform() * 6.0) as usize);
            // A third of the treated of one level are lost.
            let is_lost = places[3] == 20 && arm == 1 && random.uniform() < 0.33;
            for place in places {
                levels[place][arm] += 1.0;
                broken[place][arm] += if is_lost { 0.0 } else { 1.0 };
            }
        }
        named += usize::from(root_cause(&levels, &[0.5, 0.5])[0].p_value_adjusted < 0.05);
        let first = &root_cause(&broken, &[0.5, 0.5])[0];
        right += usize::from(first.level == 20 && first.p_value_adjusted < 0.05);
    }
    let share = |count: usize| count as f64 / EXPERIMENTS as f64;
    table.row(
        "sample ratio by 54 levels: any named although nothing is lost",
        share(named),
        "≤ 0.05",
        share(named) <= 0.05,
    );
    let kept = share(right) >= 0.95;
    table.row("— the right one named first where it loses a third of an arm", share(right), "≥ 0.95", kept);
}

/// Writes its rows into the table.
type Simulation = fn(&mut Table);

fn main() {
    println!("| simulation | found | promised | |\n|---|---:|---|---|");
    let mut table = Table { broken: Vec::new() };
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let parts: [(&str, Simulation); 11] = [
        ("aa", aa),
        ("intervals", intervals),
        ("power", power),
        ("bandit", bandits::bandit),
        ("causes", causes),
        ("contextual_bandit", bandits::contextual_bandit),
        ("switchbacks", switchbacks),
        ("rare", rare::rare),
        ("strata", strata::strata),
        ("quantiles", quantiles::quantiles),
        ("levels", levels::levels),
    ];
    for (_, part) in parts.into_iter().filter(|(name, _)| wanted.as_deref().is_none_or(|wanted| wanted == *name)) {
        part(&mut table);
    }
    assert!(table.broken.is_empty(), "broken: {:?}", table.broken);
}
