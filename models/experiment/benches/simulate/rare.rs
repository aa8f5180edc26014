//! Rare conversions: what no difference comes to while each arm has a handful of them, and until it has hundreds.

use footfall_models_experiment::statistics::{
    Alternative, Difference, Effect, Method, Moments, Sequential, Settings, Statistic, Values, analyse,
};

use super::{Random, Table};

const EXPERIMENTS: usize = 1_000;
const LOOKS: usize = 150;
/// Conversions of both arms between two looks, on average.
const PER_LOOK: f64 = 3.0;
/// What a guardrail bears.
const TOLERANCE: f64 = 0.05;

/// Shares of experiments that were ever sure: of a difference, of one by the delta method, and of harm beyond what is borne.
struct Alarms {
    ever: f64,
    by_delta: f64,
    harm: f64,
}

/// Experiments in which the treatment converts `lift` times as often as control.
fn alarms(random: &mut Random, share: f64, treated: f64, lift: f64) -> Alarms {
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    let users = PER_LOOK / share;
    let mut found = [0usize; 3];
    for _ in 0..EXPERIMENTS {
        let mut conversions = [0.0; 2];
        let mut alarms = [false; 3];
        for look in 1..=LOOKS {
            let shares = [1.0 - treated, treated];
            for (arm, factor) in [1.0, lift].into_iter().enumerate() {
                conversions[arm] += random.poisson(PER_LOOK * shares[arm] * factor);
            }
            let arm = |arm: usize| Statistic::proportion((users * shares[arm] * look as f64).round(), conversions[arm]);
            let (a, b) = (arm(0), arm(1));
            if let Some((low, high)) = analyse(&[(a, b)], &Settings::default()).test.map(|test| test.interval) {
                alarms[0] |= low > 0.0 || high < 0.0;
                alarms[2] |= high < -TOLERANCE;
            }
            if let Ok(effect) = Effect::between(&a, &b, Difference::Relative) {
                alarms[1] |= sequence.p_value_at(&effect, 0.0) < 0.05;
            }
        }
        found.iter_mut().zip(alarms).for_each(|(count, alarm)| *count += usize::from(alarm));
    }
    let [ever, by_delta, harm] = found.map(|count| count as f64 / EXPERIMENTS as f64);
    Alarms { ever, by_delta, harm }
}

pub fn rare(table: &mut Table) {
    let mut random = Random(10);
    for (share, treated, what) in [
        (0.01, 0.5, "A/A at 1 % conversion, 150 looks: alarms"),
        (0.001, 0.5, "A/A at 0.1 %: alarms"),
        (0.01, 0.1, "A/A at 1 %, a tenth treated: alarms"),
        (0.01, 0.9, "A/A at 1 %, a tenth in control: alarms"),
    ] {
        let found = alarms(&mut random, share, treated, 1.0);
        table.row(what, found.ever, "≤ 0.05", found.ever <= 0.05);
        table.remark("— by the delta method alone", found.by_delta);
    }
    let borne = alarms(&mut random, 0.01, 0.5, 1.0 - TOLERANCE);
    let kept = borne.harm <= 0.05;
    table.row("a guardrail at 1 % that is as much worse as it bears: rolled back", borne.harm, "≤ 0.05", kept);
    let gone = alarms(&mut random, 0.01, 0.5, 0.0);
    table.row("— that is gone: rolled back", gone.harm, "1", gone.harm >= 1.0);
    open_ranges(table);
    let half = alarms(&mut random, 0.01, 0.5, 0.5);
    table.row("— that is halved: rolled back within 225 conversions of control", half.harm, "≥ 0.9", half.harm >= 0.9);
}

/// Few who buy, among them mostly those who did before: ranges of the ratio where control may be nothing for all that is known, and so are open on a
/// side, or on both.
fn open_ranges(table: &mut Table) {
    const EXPERIMENTS: usize = 20_000;
    let mut random = Random(14);
    for (users, lift, what) in [
        (300, 1.0, "six who buy of each arm, with what they bought before: coverage, no difference"),
        (300, 3.0, "— thrice as much"),
        (300, 0.3, "— a third as much"),
        (100, 1.0, "— two who buy"),
        (100, 3.0, "— two who buy, thrice as much"),
    ] {
        let (mut held, mut open, mut told) = (0usize, 0usize, 0usize);
        for _ in 0..EXPERIMENTS {
            let arms = [1.0, lift].map(|factor| {
                let user = |random: &mut Random| {
                    if random.uniform() >= 0.02 {
                        return [0.0; 2];
                    }
                    let level = (0.5 * random.normal()).exp();
                    [factor * level * (0.2 * random.normal()).exp(), level]
                };
                let users: Vec<[f64; 2]> = (0..users).map(|_| user(&mut random)).collect();
                Statistic::Adjusted { values: Values::new(Moments::of(users)), theta: 0.0 }
            });
            let settings = Settings { method: Method::FixedHorizon, ..Settings::default() };
            let Some(test) = analyse(&[(arms[0], arms[1])], &settings).test else { continue };
            let (low, high) = test.interval;
            told += 1;
            held += usize::from(low <= lift - 1.0 && lift - 1.0 <= high);
            open += usize::from(low.is_infinite() || high.is_infinite());
        }
        let share = held as f64 / told as f64;
        table.row(what, share, "≥ 0.94", share >= 0.94);
        table.remark("— ranges that are open", open as f64 / told as f64);
    }
}
