//! Whether experiments that run at the same time change each other's effect: an experiment beside each of the others, and how many
//! looks that is.

use std::collections::BTreeMap;

use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;
use footfall_models_experiment::statistics::interaction::{contrast, independence};
use footfall_models_experiment::statistics::{Alternative, Method, Sequential, Statistic, Test, multiplicity, welch};
use schemars::JsonSchema;
use serde::Serialize;

use super::analysis::{Cells, Frame, Looked, ResultsAsked};
use super::exposures::ExposureSource;
use super::question::Parts;
use super::reading::POOLED_OF_BANDIT;
use super::report::{Interval, finite};
use crate::definition::{Experiment, ExperimentState, Measure, Metric, Phase};
use crate::error::ExperimentError;
use crate::experiments::Experiments;

/// Other experiments that are looked at, the last that began first.
const OTHERS_MAX: usize = 20;
/// Below this, over everything that was looked at, two experiments interact.
const P_VALUE_INTERACTS: f64 = 0.05;
/// Below this the divisions of two experiments have to do with each other. It is looked at often.
const P_VALUE_DEPENDENT: f64 = 0.001;

/// One experiment beside the others of its time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentInteractions")]
pub struct Interactions {
    pub experiment: String,
    /// Counted from 0.
    pub phase: usize,
    pub from: Time,
    pub until: Time,
    pub others: Vec<Beside>,
    /// Experiments of the same time beyond those that are looked at.
    pub left_out: usize,
    /// Tests over which p-values are corrected.
    pub tests: usize,
    pub reading: String,
}

/// Another experiment, and the people who were exposed to both.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Beside {
    pub experiment: String,
    pub phase: usize,
    pub people: f64,
    /// Of "who is in which variation of one says nothing of the other" (chi-squared); null of bandits, whose weights move.
    pub p_value_independent: Option<f64>,
    pub metrics: Vec<MetricInteraction>,
    pub reading: String,
}

/// What two treatments do together, beyond what each does alone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricInteraction {
    pub metric: String,
    pub variation: String,
    /// Of the other experiment.
    pub other_variation: String,
    /// Of both controls, of the other's treatment alone, of the own treatment alone, and of both.
    pub people: [f64; 4],
    pub means: [Option<f64>; 4],
    /// The own effect among people of the other's treatment, less that among people of its control; in the metric's unit.
    pub interaction: Option<f64>,
    /// The same as a share of the mean of both controls.
    pub relative: Option<f64>,
    pub interval: Option<Interval>,
    pub p_value: Option<f64>,
    /// Holm's over all metrics, treatments and experiments here.
    pub p_value_holm: Option<f64>,
    /// Benjamini and Hochberg's over the same.
    pub p_value_false_discovery: Option<f64>,
    pub method: &'static str,
}

struct Other {
    key: String,
    phase: usize,
    looked: Phase,
}

impl Experiments {
    /// A phase of an experiment, of its last where none is named, beside every other experiment of its time.
    pub async fn interactions(
        &self,
        project: &str,
        key: &str,
        asked: &ResultsAsked,
    ) -> Result<Interactions, ExperimentError> {
        let looked = self.looked(project, key, asked).await?;
        let all = looked.frame();
        let frame = Frame { metrics: judged(&all), ..all };
        let (others, left_out) = others(key, &looked);
        let mut found = Vec::new();
        for other in others {
            let Some((experiment, _)) = looked.catalogue.experiments.get(&other.key) else { continue };
            // Both are looked at in the same environment, if one is asked about.
            let mut experiment = experiment.clone();
            if let Some(environment) = &asked.environment {
                experiment.analysis.environment.clone_from(environment);
            }
            let (catalogue, experiment) = (&looked.catalogue, &experiment);
            let source = ExposureSource { catalogue, key: &other.key, experiment, phase: &other.looked };
            let answered = self.ask(project, key, &looked, &frame, Parts::Beside(source), false).await?;
            found.push(beside(&frame, &other, experiment, &answered.cells));
        }
        let tests = corrected(&mut found);
        for one in &mut found {
            one.reading = reading(key, one);
            if frame.is_bandit()
                || looked.catalogue.experiments.get(&one.experiment).is_some_and(|(it, _)| it.bandit.is_some())
            {
                one.reading += POOLED_OF_BANDIT;
            }
        }
        let reading = summary(&found, tests);
        Ok(Interactions {
            experiment: key.to_owned(),
            phase: looked.number,
            from: looked.phase.started_at,
            until: looked.until,
            others: found,
            left_out,
            tests,
            reading,
        })
    }
}

/// Goals and guardrails: what decides. Quantiles do not add up.
fn judged<'a>(frame: &Frame<'a>) -> Vec<(&'a str, &'a Metric)> {
    let experiment = frame.experiment;
    let decides = |key: &str| {
        experiment.goals.iter().any(|goal| goal == key) || experiment.guardrails.iter().any(|one| one.metric == key)
    };
    let adds_up = |metric: &Metric| !matches!(metric.measure, Measure::Quantile { .. });
    frame.metrics.iter().copied().filter(|(key, metric)| decides(key) && adds_up(metric)).collect()
}

/// Experiments on people of the same time, and how many more there are.
fn others(key: &str, looked: &Looked) -> (Vec<Other>, usize) {
    let own = &looked.item.definition;
    let divides_people = |(experiment, _): &(Experiment, ExperimentState)| experiment.design.is_people();
    let excludes = |experiment: &Experiment| match (&own.namespace, &experiment.namespace) {
        (Some(own), Some(other)) => own.namespace == other.namespace,
        _ => false,
    };
    if !own.design.is_people() {
        return (Vec::new(), 0);
    }
    let candidates = looked.catalogue.experiments.iter();
    let candidates = candidates.filter(|(other, item)| *other != key && divides_people(item) && !excludes(&item.0));
    let mut found: Vec<Other> = candidates
        .filter_map(|(other, (_, state))| {
            let phases = state.phases.iter().enumerate().rev();
            let mut phases = phases.filter(|(_, phase)| overlaps(phase, looked));
            let (phase, at) = phases.next()?;
            Some(Other { key: other.clone(), phase, looked: at.clone() })
        })
        .collect();
    found.sort_by_key(|other| std::cmp::Reverse(Timestamp::from(other.looked.started_at).millis()));
    let left_out = found.len().saturating_sub(OTHERS_MAX);
    found.truncate(OTHERS_MAX);
    (found, left_out)
}

fn overlaps(phase: &Phase, looked: &Looked) -> bool {
    let millis = |time: Time| Timestamp::from(time).millis();
    let (from, until) = (millis(looked.phase.started_at), millis(looked.until));
    millis(phase.started_at) < until && phase.ended_at.is_none_or(|ended| millis(ended) > from)
}

fn beside(frame: &Frame<'_>, other: &Other, experiment: &Experiment, cells: &Cells) -> Beside {
    let none = BTreeMap::new();
    let of = |own: &str, theirs: &str| cells.get(own).unwrap_or(&none).get(theirs);
    let people = |own: &str, theirs: &str| of(own, theirs).map_or(0.0, |cell| cell.people);
    let (own, theirs) = (&frame.experiment.variations, &experiment.variations);
    let table: Vec<Vec<f64>> =
        own.iter().map(|one| theirs.iter().map(|other| people(&one.key, &other.key)).collect()).collect();
    let moves = frame.is_bandit() || experiment.bandit.is_some();
    let mut metrics = Vec::new();
    if let (Some((control, treatments)), Some((other_control, other_treatments))) =
        (own.split_first(), theirs.split_first())
    {
        for (index, (key, metric)) in frame.metrics.iter().enumerate() {
            let statistic = |own: &str, theirs: &str| of(own, theirs)?.statistics.get(index).copied().flatten();
            for treatment in treatments {
                for other_treatment in other_treatments {
                    let (a, b) = (control.key.as_str(), treatment.key.as_str());
                    let (c, d) = (other_control.key.as_str(), other_treatment.key.as_str());
                    let places = [(a, c), (a, d), (b, c), (b, d)];
                    let statistics = places.map(|(own, theirs)| statistic(own, theirs));
                    let minimum = f64::from(metric.minimum_sample);
                    let test = tested(frame, metric, statistics.map(|one| one.filter(|one| one.n() >= minimum)));
                    let (effect, test) = test.unzip();
                    metrics.push(MetricInteraction {
                        metric: (*key).to_owned(),
                        variation: treatment.key.clone(),
                        other_variation: other_treatment.key.clone(),
                        people: places.map(|(own, theirs)| people(own, theirs)),
                        means: statistics.map(|one| one.and_then(|one| finite(one.unadjusted_mean()))),
                        interaction: effect.and_then(|(estimate, _)| finite(estimate)),
                        relative: effect.and_then(|(estimate, control)| finite(estimate / control.abs())),
                        interval: test.map(|test| Interval::of(test.interval)),
                        p_value: test.and_then(|test| finite(test.p_value)),
                        p_value_holm: None,
                        p_value_false_discovery: None,
                        method: match frame.settings(metric).method {
                            Method::AlwaysValid { .. } => "difference of differences, confidence sequence",
                            Method::FixedHorizon => "difference of differences, Welch's t test",
                        },
                    });
                }
            }
        }
    }
    Beside {
        experiment: other.key.clone(),
        phase: other.phase,
        people: table.iter().flatten().sum(),
        p_value_independent: if moves { None } else { independence(&table).and_then(finite) },
        metrics,
        reading: String::new(),
    }
}

/// The estimate with the mean of both controls, and its test; none where a cell is too thin.
fn tested(frame: &Frame<'_>, metric: &Metric, cells: [Option<Statistic>; 4]) -> Option<((f64, f64), Test)> {
    let [neither, second, first, both] = cells;
    let effect = contrast(&[[neither?, second?], [first?, both?]]).ok()?;
    let settings = frame.settings(metric);
    let test = match settings.method {
        Method::AlwaysValid { tuning } => {
            Sequential::new(settings.alpha, tuning, Alternative::TwoSided).test(&effect).ok()?
        }
        Method::FixedHorizon => welch(&effect, settings.alpha, Alternative::TwoSided),
    };
    Some(((effect.estimate, effect.control_mean), test))
}

/// Corrects over everything; returns how many tests that are.
fn corrected(found: &mut [Beside]) -> usize {
    let all: Vec<&mut MetricInteraction> = found.iter_mut().flat_map(|one| &mut one.metrics).collect();
    let p_values: Vec<f64> = all.iter().map(|one| one.p_value.unwrap_or(f64::NAN)).collect();
    let (holm, discovery) = (multiplicity::holm(&p_values), multiplicity::benjamini_hochberg(&p_values));
    for ((one, holm), discovery) in all.into_iter().zip(holm).zip(discovery) {
        (one.p_value_holm, one.p_value_false_discovery) = (finite(holm), finite(discovery));
    }
    p_values.iter().filter(|p_value| p_value.is_finite()).count()
}

fn strongest(one: &Beside) -> Option<&MetricInteraction> {
    let found = one.metrics.iter().filter(|metric| metric.p_value_holm.is_some_and(|p| p < P_VALUE_INTERACTS));
    found.min_by(|a, b| a.p_value.unwrap_or(1.0).total_cmp(&b.p_value.unwrap_or(1.0)))
}

fn reading(key: &str, one: &Beside) -> String {
    if one.people == 0.0 {
        return "Nobody was exposed to both.".to_owned();
    }
    if one.p_value_independent.is_some_and(|p_value| p_value < P_VALUE_DEPENDENT) {
        return format!(
            "Who is in which variation of {key} has to do with who is in which of {}: they are not divided independently, or one of \
             them decides who is exposed to the other. Until the cause is known the effects of both are mixed.",
            one.experiment
        );
    }
    match strongest(one) {
        Some(metric) => format!(
            "Together with {} of {} the effect of {} on {} is another: {:+.4} beyond the sum of both. Decide on both together.",
            metric.other_variation,
            one.experiment,
            metric.variation,
            metric.metric,
            metric.interaction.unwrap_or(0.0)
        ),
        None => "Nothing says that they change each other's effect; the intervals tell how large a change is still possible."
            .to_owned(),
    }
}

fn summary(found: &[Beside], tests: usize) -> String {
    let interacting: Vec<&str> =
        found.iter().filter(|one| strongest(one).is_some()).map(|one| one.experiment.as_str()).collect();
    let looks = format!("of {tests} looks, over all of which Holm's correction holds");
    match (found.len(), interacting.as_slice()) {
        (0, _) => "No other experiment on people ran at this time outside of its namespace.".to_owned(),
        (_, []) => format!("No interaction stands out {looks}."),
        (_, names) => format!("It interacts with {} ({looks}).", names.join(", ")),
    }
}
