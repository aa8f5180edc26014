//! One variation beside the control: the report of it, and corrections over all of them.

use footfall_models_experiment::statistics::{Analysis, Effect, Method, Settings, adjusted, multiplicity, power};

use super::analysis::Pair;
use super::report::{
    AbsoluteDifference, CurvePoint, Instead, Interval, MetricReport, PowerNow, Role, TreatmentReport, finite,
};
use crate::definition::Metric;

/// That is wanted.
const POWER: f64 = 0.8;

/// Both arms have as many people as the metric wants.
pub(super) fn is_enough((a, b): Pair, metric: &Metric) -> bool {
    let minimum = f64::from(metric.minimum_sample);
    a.units() >= minimum && b.units() >= minimum
}

pub(super) fn compared(
    variation: &str,
    found: Option<(Pair, Analysis)>,
    metric: &Metric,
    settings: &Settings,
    curve: Vec<CurvePoint>,
) -> TreatmentReport {
    let Some(((a, b), analysis)) = found.filter(|(pair, _)| is_enough(*pair, metric)) else {
        let cannot_be_said = format!("There are fewer than {} people in an arm.", metric.minimum_sample.max(1));
        return silent(variation, curve, cannot_be_said);
    };
    let Analysis { effect, test, posterior, instead, method, can_be_said, cannot_be_said } = analysis;
    let least = power::Plan {
        mean: a.unadjusted_mean(),
        variance: adjusted(&a, &b).0.variance(),
        // Of unequal arms the smaller one says how much is seen.
        users: power::users_as_if_equal(a.n(), b.n()),
        arms: 2.0,
        alpha: settings.alpha,
        sequential_tuning: tuning(settings),
    };
    TreatmentReport {
        variation: variation.to_owned(),
        effect: effect.ok().and_then(|effect| finite(effect.estimate)),
        standard_error: effect.ok().and_then(|effect| finite(effect.standard_error)),
        interval: test.map(|test| Interval::of(test.interval)),
        p_value: test.and_then(|test| finite(test.p_value)),
        p_value_holm: None,
        p_value_false_discovery: None,
        interval_holm: None,
        p_value_by_division: None,
        chance_to_win: posterior.and_then(|posterior| finite(posterior.chance_to_win)),
        expected_loss: posterior.and_then(|posterior| finite(posterior.loss_if_treatment)),
        credible_interval: posterior.map(|posterior| Interval::of(posterior.interval)),
        method: method.to_owned(),
        post_stratified: None,
        instead: instead.map(|answer| Instead {
            method: answer.method.to_owned(),
            estimate: answer.estimate,
            p_value: answer.p_value,
        }),
        absolute: None,
        watched: None,
        curve,
        minimum_detectable_effect: least.minimum_detectable_effect(POWER),
        power: None,
        can_be_said,
        cannot_be_said,
    }
}

/// Whether an effect of this size would be seen now, and with how many people more.
pub(super) fn power_now(effect: &Effect, target: f64, settings: &Settings) -> Option<PowerNow> {
    let plan = power::MidPlan {
        target,
        target_power: POWER,
        goal_metrics: 1.0,
        arms: 2.0,
        is_corrected: false,
        alpha: settings.alpha,
        sequential_tuning: tuning(settings),
        prior: None,
    };
    let found = plan.evaluate(effect);
    let additional_people = found.additional_users.and_then(finite).map(f64::ceil);
    Some(PowerNow { effect: target, now: finite(found.power_now)?, additional_people })
}

const fn tuning(settings: &Settings) -> Option<f64> {
    match settings.method {
        Method::AlwaysValid { tuning } => Some(tuning),
        Method::FixedHorizon => None,
    }
}

/// What is said of a difference where control's mean is zero; `analysis` is of absolute differences.
pub(super) fn add_absolute(analysis: &Analysis, compared: &mut TreatmentReport) {
    let (Ok(effect), Some(test)) = (analysis.effect, analysis.test) else { return };
    let Some(estimate) = finite(effect.estimate) else { return };
    let interval = Some(Interval::of(test.interval));
    compared.absolute = Some(AbsoluteDifference { estimate, interval, p_value: finite(test.p_value) });
    compared.method = format!("{}, of absolute differences", analysis.method);
    compared.can_be_said =
        format!("Control has none of it, so that nothing is a share of it. {}", analysis.can_be_said);
    compared.cannot_be_said.clone_from(&analysis.cannot_be_said);
}

fn silent(variation: &str, curve: Vec<CurvePoint>, cannot_be_said: String) -> TreatmentReport {
    TreatmentReport {
        variation: variation.to_owned(),
        effect: None,
        standard_error: None,
        interval: None,
        p_value: None,
        p_value_holm: None,
        p_value_false_discovery: None,
        interval_holm: None,
        p_value_by_division: None,
        chance_to_win: None,
        expected_loss: None,
        credible_interval: None,
        method: "none".to_owned(),
        post_stratified: None,
        instead: None,
        absolute: None,
        watched: None,
        curve,
        minimum_detectable_effect: None,
        power: None,
        can_be_said: "Nothing yet.".to_owned(),
        cannot_be_said,
    }
}

/// Corrects p-values and intervals over all goals, secondary metrics and treatments, and takes back what is said of a difference that is within
/// chance among so many.
pub(super) fn correct(reports: &mut [MetricReport], alpha: f64) {
    let judged = || 0..reports.len();
    let places: Vec<(usize, usize)> = judged()
        .filter(|&metric| reports[metric].role != Role::Guardrail)
        .flat_map(|metric| (0..reports[metric].comparisons.len()).map(move |arm| (metric, arm)))
        .collect();
    let p_value = |comparison: &TreatmentReport| {
        let absolute = comparison.absolute.and_then(|absolute| absolute.p_value);
        comparison.p_value.or(absolute).unwrap_or(f64::NAN)
    };
    let p_values: Vec<f64> = places.iter().map(|&(metric, arm)| p_value(&reports[metric].comparisons[arm])).collect();
    let tests = p_values.iter().filter(|p_value| !p_value.is_nan()).count();
    let (holm, discovery) = (multiplicity::holm(&p_values), multiplicity::benjamini_hochberg(&p_values));
    for (index, (metric, arm)) in places.into_iter().enumerate() {
        let comparison = &mut reports[metric].comparisons[arm];
        comparison.p_value_holm = finite(holm[index]);
        comparison.p_value_false_discovery = finite(discovery[index]);
        comparison.interval_holm = widened(comparison, holm[index], alpha);
        temper(comparison, tests, alpha);
    }
}

/// The interval that goes with Holm's p-value, only ever wider.
fn widened(comparison: &TreatmentReport, holm: f64, alpha: f64) -> Option<Interval> {
    let (effect, Interval { low, high }) = comparison.effect.zip(comparison.interval)?;
    let own = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
    Some(Interval::of(multiplicity::adjusted_interval(effect, own, holm, alpha)))
}

/// A difference that would be sure alone, and is none among all that were looked at.
fn temper(comparison: &mut TreatmentReport, tests: usize, alpha: f64) {
    let Some(holm) = comparison.p_value_holm.filter(|holm| *holm >= alpha) else { return };
    for verdict in ["Treatment is better: the", "Treatment is worse: the"] {
        if let Some((before, after)) = comparison.can_be_said.split_once(verdict) {
            comparison.can_be_said = format!("{before}The{after} Alone it would be sure.");
            comparison.cannot_be_said = format!(
                "Among the {tests} comparisons of this report it is within chance (p = {holm:.2} by Holm's correction): it cannot be said which is \
                 better. {}",
                comparison.cannot_be_said
            );
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use footfall_models_experiment::statistics::{Statistic, analyse};

    /// One metric of 20,000 people in each arm, of whom 2,000 buy in control.
    fn told(key: &str, role: Role, buyers: f64) -> MetricReport {
        let metric: Metric =
            serde_json::from_value(serde_json::json!({"measure": {"conversion": {"source": {"event": "bought"}}}}))
                .unwrap();
        let pair = (Statistic::proportion(20_000.0, 2_000.0), Statistic::proportion(20_000.0, buyers));
        let settings = Settings::default();
        let found = compared("treatment", Some((pair, analyse(&[pair], &settings))), &metric, &settings, Vec::new());
        MetricReport {
            key: key.to_owned(),
            revision: 1,
            role,
            lower_is_better: false,
            people_not_mature: None,
            adjusted_by: None,
            arms: Vec::new(),
            comparisons: vec![found],
        }
    }

    #[test]
    fn a_verdict_is_one_among_all_that_were_looked_at() {
        let mut few = vec![told("goal", Role::Goal, 2_220.0), told("sure", Role::Goal, 2_400.0)];
        let mut many: Vec<MetricReport> = (0..30).map(|_| told("quiet", Role::Secondary, 2_000.0)).collect();
        correct(&mut few, 0.05);
        assert!(few.iter().all(|one| one.comparisons[0].can_be_said.starts_with("Treatment is better")));
        many.push(told("goal", Role::Goal, 2_220.0));
        many.push(told("guard", Role::Guardrail, 2_220.0));
        correct(&mut many, 0.05);
        let [goal, guard] = [30, 31].map(|place| many[place].comparisons[0].clone());
        assert!(goal.can_be_said.starts_with("The difference is between"), "{}", goal.can_be_said);
        assert!(goal.cannot_be_said.starts_with("Among the 31 comparisons"), "{}", goal.cannot_be_said);
        let (own, wide) = (goal.interval.unwrap(), goal.interval_holm.unwrap());
        assert!(own.low.unwrap() > 0.0 && wide.low.is_none_or(|low| low <= 0.0), "{own:?} {wide:?}");
        assert!(guard.can_be_said.starts_with("Treatment is better") && guard.interval_holm.is_none());
    }
}
