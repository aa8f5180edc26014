//! Post-stratification by whether people were there before, beside the covariate: coverage, what is left of the variance, and looks at any time.

use footfall_models_experiment::statistics::{
    Alternative, Difference, Effect, Moments, Sequential, Statistic, Values, welch,
};

use super::{Random, Table};

/// With fewer users in an arm a stratum is none of its own, as in results.
const USERS_MIN: f64 = 20.0;

type Arms = [Moments<4>; 2];

/// What users do: who was not there before has nothing before, and some of them do something after.
#[derive(Clone, Copy)]
struct World {
    /// The share of users who were there before.
    active: f64,
    /// The share that is treated.
    treated: f64,
    users: usize,
    /// What the treatment adds to users who were there before, and to others.
    lifts: [f64; 2],
    /// How much wider the treatment spreads what users do.
    spread: f64,
    /// Whether being there before says anything.
    says: bool,
}

/// Users of both arms in both strata; values after, one beside it, and the same two before.
fn crowd(random: &mut Random, world: World) -> [Arms; 2] {
    let mut strata: [Arms; 2] = Default::default();
    for _ in 0..world.users {
        let is_active = random.uniform() < world.active;
        let arm = usize::from(random.uniform() < world.treated);
        let level = (0.7 * random.normal()).exp();
        let base = match (is_active, world.says) {
            (true, true) => 4.0 + 2.0 * level,
            (false, true) => 2.0 * random.exponential(),
            _ => 3.0 + level,
        };
        let widened = if arm == 1 { world.spread } else { 1.0 };
        let lift = if arm == 1 { world.lifts[usize::from(!is_active)] } else { 0.0 };
        let value = base + lift + widened * (random.exponential() - 1.0) + random.normal();
        let visits = 1.0 + random.poisson(2.0 * level);
        let before =
            if is_active { [2.0 * level + random.exponential(), 1.0 + random.poisson(2.0 * level)] } else { [0.0; 2] };
        strata[usize::from(!is_active)][arm].add([value, visits, before[0], before[1]]);
    }
    strata
}

fn adjusted(moments: &Moments<4>) -> Statistic {
    Statistic::Adjusted { values: Values::new(moments.select([0, 2])), theta: 0.0 }
}

fn ratio(moments: &Moments<4>) -> Statistic {
    Statistic::AdjustedRatio { values: Values::new(*moments), theta: 0.0 }
}

type Pairs = Vec<(Statistic, Statistic)>;

/// Both strata, or all users at once where one is too small.
fn pairs(strata: &[Arms; 2], of: fn(&Moments<4>) -> Statistic) -> (Pairs, Pairs) {
    let together = [0, 1].map(|arm| of(&strata[0][arm].merged(&strata[1][arm])));
    let at_once = vec![(together[0], together[1])];
    let is_small = strata.iter().flatten().any(|arm| arm.n < USERS_MIN);
    let apart = strata.iter().map(|[a, b]| (of(a), of(b))).collect();
    (if is_small { at_once.clone() } else { apart }, at_once)
}

fn fixed(effect: &Effect) -> (f64, f64) {
    welch(effect, 0.05, Alternative::TwoSided).interval
}

/// Shares of intervals that hold the truth: by strata, by least squares in strata, and with all users at once; and how much of the variance strata leave.
struct Found {
    by_strata: f64,
    by_squares: f64,
    at_once: f64,
    variance_left: f64,
}

fn coverage(random: &mut Random, world: World, truth: f64, of: fn(&Moments<4>) -> Statistic) -> Found {
    const EXPERIMENTS: usize = 3_000;
    let mut held = [0usize; 3];
    let mut variances = [0.0; 2];
    for _ in 0..EXPERIMENTS {
        let (strata, at_once) = pairs(&crowd(random, world), of);
        let effects = [
            Effect::post_stratified(&strata, Difference::Absolute).unwrap(),
            Effect::of_strata(&strata, Difference::Absolute).unwrap(),
            Effect::of_strata(&at_once, Difference::Absolute).unwrap(),
        ];
        for (count, effect) in held.iter_mut().zip(&effects) {
            let (low, high) = fixed(effect);
            *count += usize::from(low <= truth && truth <= high);
        }
        variances[0] += effects[0].standard_error.powi(2);
        variances[1] += effects[2].standard_error.powi(2);
    }
    let [by_strata, by_squares, at_once] = held.map(|count| count as f64 / EXPERIMENTS as f64);
    Found { by_strata, by_squares, at_once, variance_left: variances[0] / variances[1] }
}

pub fn strata(table: &mut Table) {
    let mut random = Random(11);
    let world = World { active: 0.5, treated: 0.5, users: 2_000, lifts: [0.4, 0.4], spread: 1.0, says: true };
    let found = coverage(&mut random, world, 0.4, adjusted);
    let kept = found.by_strata >= 0.94;
    table.row("who was there before, and covariate: coverage", found.by_strata, "≥ 0.94", kept);
    table.remark("— with the covariate alone", found.at_once);
    let kept = found.variance_left < 1.0;
    table.row("— variance, as a share of that with the covariate alone", found.variance_left, "less than 1", kept);
    let tells_nothing = World { says: false, ..world };
    let found = coverage(&mut random, tells_nothing, 0.4, adjusted);
    let kept = found.variance_left <= 1.005;
    table.row("— where it tells nothing: share of the variance", found.variance_left, "≤ 1.005", kept);
    let kept = found.by_strata >= 0.94;
    table.row("— where it tells nothing: coverage", found.by_strata, "≥ 0.94", kept);
    let uneven = World { treated: 0.1, spread: 3.0, lifts: [0.6, 0.1], ..world };
    let found = coverage(&mut random, uneven, 0.35, adjusted);
    let kept = found.by_strata >= 0.94;
    table.row("— a tenth treated, and spread three times as wide: coverage", found.by_strata, "≥ 0.94", kept);
    table.remark("— the same by least squares in strata", found.by_squares);
    let few = World { users: 240, active: 0.2, ..world };
    let found = coverage(&mut random, few, 0.4, adjusted);
    let kept = found.by_strata >= 0.94;
    table.row("— 24 users of an arm in the smaller stratum: coverage", found.by_strata, "≥ 0.94", kept);
    ratios(table, &mut random, world);
    looks(table, &mut random, World { lifts: [0.0; 2], ..world });
}

fn ratios(table: &mut Table, random: &mut Random, world: World) {
    // Of users without end the ratio of each arm, by a crowd that is large enough.
    let of = |treated: f64| {
        let all = crowd(&mut Random(110), World { treated, users: 4_000_000, ..world });
        let arm = usize::from(treated > 0.5);
        let sum = all[0][arm].merged(&all[1][arm]);
        sum.means[0] / sum.means[1]
    };
    let truth = of(1.0) - of(0.0);
    let found = coverage(random, world, truth, ratio);
    let kept = found.by_strata >= 0.94;
    table.row("— ratios with covariates: coverage", found.by_strata, "≥ 0.94", kept);
    table.remark("— ratios: variance, as a share of that with the covariate alone", found.variance_left);
}

/// No difference, looked at after every twenty users of an arm.
fn looks(table: &mut Table, random: &mut Random, world: World) {
    const EXPERIMENTS: usize = 1_000;
    const LOOKS: usize = 100;
    let sequence = Sequential::new(0.05, 5_000.0, Alternative::TwoSided);
    let mut alarms = 0usize;
    for _ in 0..EXPERIMENTS {
        let mut so_far: [Arms; 2] = Default::default();
        let mut is_alarmed = false;
        for _ in 0..LOOKS {
            let next = crowd(random, World { users: 40, ..world });
            so_far = [0, 1].map(|stratum| [0, 1].map(|arm| so_far[stratum][arm].merged(&next[stratum][arm])));
            let (strata, _) = pairs(&so_far, adjusted);
            let Ok(effect) = Effect::post_stratified(&strata, Difference::Relative) else { continue };
            is_alarmed |= sequence.p_value_at(&effect, 0.0) < 0.05;
        }
        alarms += usize::from(is_alarmed);
    }
    let share = alarms as f64 / EXPERIMENTS as f64;
    table.row("— A/A, 100 looks: alarms of the sequential test", share, "≤ 0.05", share <= 0.05);
}
