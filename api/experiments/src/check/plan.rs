//! Power before the start: whether the plan can see the effect that it is made for.

use footfall_models_experiment::statistics::power;

use crate::definition::{Experiment, Plan, TestMethod};
use crate::faults::Faults;

/// With less, an experiment is called underpowered.
pub const POWER_MIN: f64 = 0.8;

/// The numbers of a plan, apart from what they come to.
pub fn check_form(plan: &Plan, faults: &mut Faults) {
    let positive = [
        ("baseline_variance", plan.baseline_variance),
        ("users_per_day", plan.users_per_day),
        ("days", plan.days),
        ("minimum_effect", plan.minimum_effect),
    ];
    for (member, value) in positive {
        if !(value.is_finite() && value > 0.0) {
            faults.at(member, "must be more than 0");
        }
    }
    if !plan.baseline_mean.is_finite() || plan.baseline_mean == 0.0 {
        faults.at("baseline_mean", "must not be 0, since effects are relative to it");
    }
}

fn of(experiment: &Experiment, plan: &Plan, users: f64) -> power::Plan {
    let is_sequential = experiment.analysis.method == TestMethod::Sequential;
    power::Plan {
        mean: plan.baseline_mean,
        variance: plan.baseline_variance,
        users,
        arms: experiment.variations.len() as f64,
        alpha: experiment.analysis.alpha,
        sequential_tuning: is_sequential.then_some(experiment.analysis.tuning),
    }
}

/// Users that the plan brings, its power, and the least effect that it sees with a power of 0.8.
pub fn expected(experiment: &Experiment, plan: &Plan) -> (f64, f64, Option<f64>) {
    let users = plan.users_per_day * plan.days * experiment.coverage;
    let whole = of(experiment, plan, users);
    (users, whole.power(plan.minimum_effect), whole.minimum_detectable_effect(POWER_MIN))
}

/// Says when an experiment that is about to start is underpowered.
pub fn check_power(experiment: &Experiment, faults: &mut Faults) {
    let Some(plan) = experiment.plan.as_ref().filter(|plan| !plan.accepts_low_power) else { return };
    let (users, power, least) = expected(experiment, plan);
    if power >= POWER_MIN {
        return;
    }
    let needed = users_needed(experiment, plan, users);
    let needed =
        needed.map_or("no number of users would do".to_owned(), |users| format!("about {users:.0} users would do"));
    let least = least.map_or(String::new(), |least| format!("; with these it sees {:.1} % and more", least * 100.0));
    let detail = format!(
        "is underpowered: {users:.0} users see an effect of {:.1} % with a power of {power:.2}, and {POWER_MIN} is wanted; {needed}{least}. \
         accepts_low_power starts it all the same",
        plan.minimum_effect * 100.0
    );
    faults.at("plan", detail);
}

/// So many users see the least effect that is worth seeing with a power of 0.8; none where no number would do.
pub fn users_needed(experiment: &Experiment, plan: &Plan, users: f64) -> Option<f64> {
    let is_enough = |users: f64| of(experiment, plan, users).power(plan.minimum_effect) >= POWER_MIN;
    let mut high = users.max(10.0);
    while !is_enough(high) {
        high *= 2.0;
        if high > 1e12 {
            return None;
        }
    }
    let mut low = high / 2.0;
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if is_enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
