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

/// The share of all users that two arms of equal size would need to see as much as control and the treatment that sees least. Who gets nobody
/// is compared with nobody.
fn told_by(experiment: &Experiment) -> f64 {
    let weights = experiment.weights();
    let Some((control, treatments)) = weights.split_first() else { return 0.0 };
    let pairs = treatments.iter().filter(|weight| **weight > 0.0).map(|own| power::users_as_if_equal(*control, *own));
    pairs.reduce(f64::min).unwrap_or(0.0)
}

fn of(experiment: &Experiment, plan: &Plan, users: f64) -> power::Plan {
    let is_sequential = experiment.analysis.method == TestMethod::Sequential;
    power::Plan {
        mean: plan.baseline_mean,
        variance: plan.baseline_variance,
        users: users * told_by(experiment),
        arms: 2.0,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn experiment(weights: &[f64]) -> Experiment {
        let variations = weights
            .iter()
            .enumerate()
            .map(|(index, weight)| serde_json::json!({"key": format!("v{index}"), "weight": weight}));
        let plan = serde_json::json!({"baseline_mean": 0.2, "baseline_variance": 0.16, "users_per_day": 2_000, "days": 10, "minimum_effect": 0.1});
        serde_json::from_value(serde_json::json!({
            "hypothesis": "It sells more.", "owner": "olga", "variations": variations.collect::<Vec<_>>(), "plan": plan,
            "analysis": {"method": "fixed_horizon"},
        }))
        .unwrap()
    }

    fn least(weights: &[f64]) -> f64 {
        let experiment = experiment(weights);
        expected(&experiment, experiment.plan.as_ref().unwrap()).2.unwrap()
    }

    /// 1/0.9 + 1/0.1 is 2.78 times 1/0.5 + 1/0.5, and effects go by its root.
    #[test]
    fn unequal_arms_see_less() {
        let (equal, unequal) = (least(&[0.5, 0.5]), least(&[0.9, 0.1]));
        assert!((unequal / equal / (1.0_f64 / 0.36).sqrt() - 1.0).abs() < 0.05, "{equal} {unequal}");
        assert!((least(&[0.1, 0.9]) / unequal - 1.0).abs() < 1e-9);
        assert_eq!(least(&[0.5, 0.4, 0.1]), least(&[0.5, 0.1, 0.4]), "the treatment that sees least");
        let third = 1.0 / 3.0;
        let three = experiment(&[third, third, third]);
        let users = of(&three, three.plan.as_ref().unwrap(), 30_000.0).users;
        assert!((users - 20_000.0).abs() < 1e-6, "two thirds are in each pair: {users}");
    }
}
