//! From the answers of the tables to the report: totals, sample ratio, comparisons, corrections for many tests.

use std::collections::{BTreeMap, BTreeSet};

use footfall_models_experiment::statistics::bayesian::Prior;
use footfall_models_experiment::statistics::{
    Analysis, Difference, Method, Settings, Statistic, analyse, multiplicity, power, srm,
};

use footfall_api_http::Time;

use crate::catalogue::Catalogue;
use crate::definition::{Experiment, Metric, Phase, TestMethod};
use crate::error::ExperimentError;
use crate::experiments::{Experiments, Item};

use super::before;
use super::dimensions::{self, Level};
use super::exposures::ExposureSource;
use super::question::Parts;
use super::report::{
    Arm, CurvePoint, Instead, Interval, MetricReport, Report, Role, SampleRatio, TreatmentReport, VariationReport,
    finite,
};
use super::samples::Cell;

/// Points of a curve.
const DAYS_MAX: usize = 400;

const BANDIT_CAVEAT: &str = " The weights followed what was seen: periods of equal weights are compared each for itself, and of an arm \
    that was starved early little is known. People count where they were first.";

type Pair = (Statistic, Statistic);
pub(super) type Cells = BTreeMap<String, BTreeMap<String, Cell>>;

/// What was asked and what came back.
pub(super) struct Answered {
    pub cells: Cells,
    pub quantiles: BTreeMap<String, Vec<Option<Statistic>>>,
    /// People by all dimensions, where the one question told of them.
    pub levels: Option<Vec<Level>>,
    pub sql: String,
    pub params: serde_json::Value,
}

/// What stands fixed while a report is made.
pub(super) struct Frame<'a> {
    pub experiment: &'a Experiment,
    pub phase: &'a Phase,
    pub metrics: Vec<(&'a str, &'a Metric)>,
}

/// An experiment with the phase that is looked at.
pub(super) struct Looked {
    pub item: Item<Experiment>,
    pub number: usize,
    pub phase: Phase,
    pub catalogue: Catalogue,
    pub until: Time,
}

impl Experiments {
    /// The result of a phase, of the last where none is named, as it is now.
    pub async fn report(&self, project: &str, key: &str, phase: Option<usize>) -> Result<Report, ExperimentError> {
        self.report_of(project, key, phase, true).await
    }

    /// As [`Experiments::report`]; where a mismatch of arms comes from is only sought if told so.
    pub(super) async fn report_of(
        &self,
        project: &str,
        key: &str,
        phase: Option<usize>,
        seeks_causes: bool,
    ) -> Result<Report, ExperimentError> {
        let looked = self.looked(project, key, phase).await?;
        let frame = looked.frame();
        let starts = looked.starts();
        let parts = if frame.is_bandit() { Parts::Periods(&starts) } else { Parts::Days };
        let mut answered = self.ask(project, key, &looked, &frame, parts, seeks_causes).await?;
        // Of a bandit the shares of a level depend on when its people came.
        let levels = match answered.levels.take() {
            _ if !seeks_causes || frame.is_bandit() => Vec::new(),
            Some(levels) => levels,
            None => self.levels(project, key, &looked).await?,
        };
        let mut revisions = BTreeMap::new();
        for (metric, _) in &frame.metrics {
            revisions.insert((*metric).to_owned(), self.item::<Metric>(project, metric).await?.revision);
        }
        let totals = totals(&frame, &answered);
        let mut reports: Vec<MetricReport> = frame
            .metrics
            .iter()
            .enumerate()
            .map(|(index, (key, metric))| frame.metric(index, (key, metric), revisions[*key], &answered, &totals))
            .collect();
        correct(&mut reports);
        Ok(Report {
            experiment: key.to_owned(),
            revision: looked.item.revision,
            phase: looked.number,
            from: looked.phase.started_at,
            until: looked.until,
            variations: frame.variations(&totals),
            people_in_several: answered.cells.get("").map_or(0.0, |days| days.values().map(|cell| cell.people).sum()),
            sample_ratio: frame.sample_ratio(&answered.cells, &totals, levels),
            before_exposure: before::compared(&frame, &totals),
            metrics: reports,
            sql: answered.sql,
            params: answered.params,
        })
    }

    /// The experiment and its phase, the last where none is named.
    pub(super) async fn looked(
        &self,
        project: &str,
        key: &str,
        phase: Option<usize>,
    ) -> Result<Looked, ExperimentError> {
        let item = self.item::<Experiment>(project, key).await?;
        let number = phase.unwrap_or(item.state.phases.len().saturating_sub(1));
        let missing = ExperimentError::NotFound("phase: the experiment was not started");
        let phase = item.state.phases.get(number).ok_or(missing)?.clone();
        let catalogue = crate::storage::catalogue(self.access().database(), project).await?;
        let until = phase.ended_at.unwrap_or_else(|| Time::from(self.now()));
        Ok(Looked { item, number, phase, catalogue, until })
    }
}

impl Looked {
    pub fn frame(&self) -> Frame<'_> {
        let keys = self.item.definition.metrics();
        let metrics = keys.iter().filter_map(|key| Some((*key, self.catalogue.metrics.get(*key)?))).collect();
        Frame { experiment: &self.item.definition, phase: &self.phase, metrics }
    }

    /// When the periods of the phase began.
    pub fn starts(&self) -> Vec<String> {
        self.phase.periods().map(|(start, _)| start.to_string()).collect()
    }

    pub fn source<'a>(&'a self, key: &'a str) -> ExposureSource<'a> {
        let (catalogue, experiment, phase) = (&self.catalogue, &self.item.definition, &self.phase);
        ExposureSource { catalogue, key, experiment, phase }
    }
}

/// Each variation over all days.
fn totals(frame: &Frame<'_>, answered: &Answered) -> BTreeMap<String, Cell> {
    let of = |key: &str| {
        let days = answered.cells.get(key).into_iter().flat_map(BTreeMap::values).cloned();
        let mut total = days.reduce(|sum, next| sum.merged(&next)).unwrap_or_default();
        total.statistics.resize(frame.metrics.len(), None);
        for (place, quantile) in total.statistics.iter_mut().zip(answered.quantiles.get(key).into_iter().flatten()) {
            if quantile.is_some() {
                *place = *quantile;
            }
        }
        total
    };
    frame.experiment.variations.iter().map(|one| (one.key.clone(), of(&one.key))).collect()
}

impl Frame<'_> {
    fn variations(&self, totals: &BTreeMap<String, Cell>) -> Vec<VariationReport> {
        let arms = self.experiment.variations.iter().zip(&self.phase.weights);
        arms.map(|(one, weight)| VariationReport {
            key: one.key.clone(),
            people: totals.get(&one.key).map_or(0.0, |cell| cell.people),
            weight: *weight,
        })
        .collect()
    }

    fn sample_ratio(&self, cells: &Cells, totals: &BTreeMap<String, Cell>, mut levels: Vec<Level>) -> SampleRatio {
        if self.is_bandit() {
            return self.sample_ratio_of_periods(cells);
        }
        let arms = self.variations(totals);
        let users: Vec<f64> = arms.iter().map(|arm| arm.people).collect();
        let check = srm::ratio_check(&users, &self.phase.weights);
        let mut days: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (index, arm) in arms.iter().enumerate() {
            for (day, cell) in cells.get(&arm.key).into_iter().flatten() {
                days.entry(day.clone()).or_insert_with(|| vec![0.0; arms.len()])[index] = cell.people;
            }
        }
        levels.extend(dimensions::days(days));
        let suspects = dimensions::suspects(&levels, &arms);
        let is_off = check.p_value_always_valid < srm::P_VALUE_WARNING;
        let reading = dimensions::reading(is_off, &suspects, &arms);
        let (p_value, p_value_always_valid) =
            (check.p_value_exact.unwrap_or(check.p_value), check.p_value_always_valid);
        SampleRatio { p_value, p_value_always_valid, is_off, suspects, reading }
    }

    /// Every period by the weights that it had.
    fn sample_ratio_of_periods(&self, cells: &Cells) -> SampleRatio {
        let people = |start: &String| -> Vec<f64> {
            let arms = self.experiment.variations.iter();
            arms.map(|arm| cells.get(&arm.key).and_then(|parts| parts.get(start)).map_or(0.0, |cell| cell.people))
                .collect()
        };
        let periods: Vec<(Vec<f64>, Vec<f64>)> =
            self.phase.periods().map(|(start, weights)| (people(&start.to_string()), weights.to_vec())).collect();
        let check = srm::ratio_check_of_periods(&periods);
        let is_off = check.p_value_always_valid < srm::P_VALUE_WARNING;
        let reading = if is_off {
            "The arms do not have the people that the weights of each period promise. Until the cause is known neither the weights \
             nor the effects below can be trusted."
        } else {
            "The arms have the people that the weights of each period promise."
        };
        let (p_value, p_value_always_valid) = (check.p_value, check.p_value_always_valid);
        SampleRatio { p_value, p_value_always_valid, is_off, suspects: Vec::new(), reading: reading.to_owned() }
    }

    pub fn is_bandit(&self) -> bool {
        self.experiment.bandit.is_some()
    }

    /// What is compared: of a bandit period by period, else all people at once.
    fn strata(&self, index: usize, (a, b): (&str, &str), answered: &Answered, pair: Pair) -> Vec<Pair> {
        if !self.is_bandit() || matches!(pair.0, Statistic::Quantile(_)) {
            return vec![pair];
        }
        let of = |variation: &str, start: &str| {
            answered.cells.get(variation)?.get(start)?.statistics.get(index).copied().flatten()
        };
        let starts = self.phase.periods().map(|(start, _)| start.to_string());
        let strata: Vec<Pair> = starts.filter_map(|start| of(a, &start).zip(of(b, &start))).collect();
        if strata.is_empty() { vec![pair] } else { strata }
    }

    fn role(&self, key: &str) -> Role {
        if self.experiment.goals.iter().any(|goal| goal == key) {
            Role::Goal
        } else if self.experiment.guardrails.iter().any(|guardrail| guardrail.metric == key) {
            Role::Guardrail
        } else {
            Role::Secondary
        }
    }

    pub fn settings(&self, metric: &Metric) -> Settings {
        let analysis = &self.experiment.analysis;
        Settings {
            difference: Difference::Relative,
            alpha: analysis.alpha,
            method: match analysis.method {
                TestMethod::Sequential => Method::AlwaysValid { tuning: analysis.tuning },
                TestMethod::FixedHorizon => Method::FixedHorizon,
            },
            prior: analysis.prior_deviation.map(|deviation| Prior {
                mean: 0.0,
                variance: deviation * deviation,
                scale: Difference::Relative,
            }),
            lower_is_better: metric.lower_is_better,
        }
    }

    fn metric(
        &self,
        index: usize,
        (key, metric): (&str, &Metric),
        revision: i64,
        answered: &Answered,
        totals: &BTreeMap<String, Cell>,
    ) -> MetricReport {
        let statistic = |key: &str| totals.get(key).and_then(|cell| cell.statistics.get(index).copied().flatten());
        let arm = |variation: &str| {
            let people = totals.get(variation).map_or(0.0, |cell| cell.people);
            let known = statistic(variation).filter(|_| people > 0.0);
            let plain = known.map(|known| known.unadjusted());
            Arm {
                variation: variation.to_owned(),
                people,
                mean: plain.and_then(|plain| finite(plain.mean())),
                variance: plain.and_then(|plain| finite(plain.variance())),
                sum: plain.and_then(|plain| sum_of(&plain)),
                adjusted_mean: None,
            }
        };
        let mut arms: Vec<Arm> = self.experiment.variations.iter().map(|one| arm(&one.key)).collect();
        let settings = self.settings(metric);
        let control = self.experiment.variations.first().map(|one| one.key.as_str()).unwrap_or_default();
        let treatments = self.experiment.variations.iter().skip(1);
        let comparisons = treatments
            .map(|one| {
                let pair = statistic(control).zip(statistic(&one.key));
                let curve = self.curve(index, (control, &one.key), answered, &settings);
                let strata = pair.map(|pair| self.strata(index, (control, &one.key), answered, pair));
                let mut compared = compared(&one.key, pair.zip(strata), metric, &settings, curve);
                if self.is_bandit() && compared.effect.is_some() {
                    compared.cannot_be_said += BANDIT_CAVEAT;
                }
                compared
            })
            .collect();
        if let [first, second] = arms.as_mut_slice()
            && let Some((a, b)) = statistic(&first.variation).zip(statistic(&second.variation))
        {
            let (a, b) = footfall_models_experiment::statistics::adjusted(&a, &b);
            (first.adjusted_mean, second.adjusted_mean) = (finite(a.mean()), finite(b.mean()));
        }
        MetricReport {
            key: key.to_owned(),
            revision,
            role: self.role(key),
            lower_is_better: metric.lower_is_better,
            arms,
            comparisons,
        }
    }

    /// The effect among those exposed so far, day by day. Quantiles do not add up, and have none.
    fn curve(&self, index: usize, (a, b): (&str, &str), answered: &Answered, settings: &Settings) -> Vec<CurvePoint> {
        let none = BTreeMap::new();
        let of = |key: &str| answered.cells.get(key).unwrap_or(&none);
        let days: BTreeSet<&String> = of(a).keys().chain(of(b).keys()).collect();
        let (mut sum_a, mut sum_b): (Option<Cell>, Option<Cell>) = (None, None);
        let grown = |sum: Option<Cell>, next: Option<&Cell>| match (sum, next) {
            (Some(sum), Some(next)) => Some(sum.merged(next)),
            (sum, next) => sum.or(next.cloned()),
        };
        let (mut points, mut strata): (Vec<CurvePoint>, Vec<Pair>) = (Vec::new(), Vec::new());
        for day in days.into_iter().take(DAYS_MAX) {
            (sum_a, sum_b) = (grown(sum_a, of(a).get(day)), grown(sum_b, of(b).get(day)));
            let statistic =
                |sum: &Option<Cell>| sum.as_ref().and_then(|cell| cell.statistics.get(index).copied().flatten());
            let people = [&sum_a, &sum_b].into_iter().flatten().map(|cell| cell.people).sum();
            let single = |key: &str| of(key).get(day).and_then(|cell| cell.statistics.get(index).copied().flatten());
            strata.extend(single(a).zip(single(b)).filter(|_| self.is_bandit()));
            let pair = statistic(&sum_a).zip(statistic(&sum_b));
            let analysis = pair.map(|pair| match strata.as_slice() {
                [] => analyse(&[pair], settings),
                strata => analyse(strata, settings),
            });
            let effect =
                analysis.as_ref().and_then(|analysis| analysis.effect.ok()).and_then(|effect| finite(effect.estimate));
            let interval = analysis.and_then(|analysis| analysis.test).map(|test| Interval::of(test.interval));
            points.push(CurvePoint { day: day.clone(), people, effect, interval });
        }
        points
    }
}

fn sum_of(statistic: &Statistic) -> Option<f64> {
    match statistic {
        Statistic::Mean(values) => finite(values.n() * values.mean(0)),
        Statistic::Ratio(values) => finite(values.n() * values.mean(0)),
        _ => None,
    }
}

fn compared(
    variation: &str,
    found: Option<(Pair, Vec<Pair>)>,
    metric: &Metric,
    settings: &Settings,
    curve: Vec<CurvePoint>,
) -> TreatmentReport {
    let minimum = f64::from(metric.minimum_sample);
    let Some(((a, b), strata)) = found.filter(|((a, b), _)| a.n() >= minimum && b.n() >= minimum) else {
        let cannot_be_said = format!("There are fewer than {} people in an arm.", metric.minimum_sample.max(1));
        return silent(variation, curve, cannot_be_said);
    };
    let Analysis { effect, test, posterior, instead, method, can_be_said, cannot_be_said } = analyse(&strata, settings);
    let least = power::Plan {
        mean: a.unadjusted_mean(),
        variance: a.unadjusted().variance(),
        users: a.n() + b.n(),
        arms: 2.0,
        alpha: settings.alpha,
        sequential_tuning: None,
    };
    TreatmentReport {
        variation: variation.to_owned(),
        effect: effect.ok().and_then(|effect| finite(effect.estimate)),
        standard_error: effect.ok().and_then(|effect| finite(effect.standard_error)),
        interval: test.map(|test| Interval::of(test.interval)),
        p_value: test.and_then(|test| finite(test.p_value)),
        p_value_holm: None,
        p_value_false_discovery: None,
        chance_to_win: posterior.and_then(|posterior| finite(posterior.chance_to_win)),
        expected_loss: posterior.and_then(|posterior| finite(posterior.loss_if_treatment)),
        credible_interval: posterior.map(|posterior| Interval::of(posterior.interval)),
        method: method.to_owned(),
        instead: instead.map(|answer| Instead {
            method: answer.method.to_owned(),
            estimate: answer.estimate,
            p_value: answer.p_value,
        }),
        curve,
        minimum_detectable_effect: least.minimum_detectable_effect(0.8),
        can_be_said,
        cannot_be_said,
    }
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
        chance_to_win: None,
        expected_loss: None,
        credible_interval: None,
        method: "none".to_owned(),
        instead: None,
        curve,
        minimum_detectable_effect: None,
        can_be_said: "Nothing yet.".to_owned(),
        cannot_be_said,
    }
}

/// Corrects p-values over all goals, secondary metrics and treatments.
fn correct(reports: &mut [MetricReport]) {
    let judged = || 0..reports.len();
    let places: Vec<(usize, usize)> = judged()
        .filter(|&metric| reports[metric].role != Role::Guardrail)
        .flat_map(|metric| (0..reports[metric].comparisons.len()).map(move |arm| (metric, arm)))
        .collect();
    let p_values: Vec<f64> =
        places.iter().map(|&(metric, arm)| reports[metric].comparisons[arm].p_value.unwrap_or(f64::NAN)).collect();
    let (holm, discovery) = (multiplicity::holm(&p_values), multiplicity::benjamini_hochberg(&p_values));
    for (index, (metric, arm)) in places.into_iter().enumerate() {
        let comparison = &mut reports[metric].comparisons[arm];
        comparison.p_value_holm = finite(holm[index]);
        comparison.p_value_false_discovery = finite(discovery[index]);
    }
}
