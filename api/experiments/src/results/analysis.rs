//! From the answers of the tables to the report: totals, sample ratio, comparisons, corrections for many tests.

use std::collections::BTreeMap;

use footfall_models_experiment::statistics::bayesian::Prior;
use footfall_models_experiment::statistics::{
    Analysis, Difference, Method, Settings, Statistic, adjusted, analyse, analyse_above_nothing, analyse_periods,
    analyse_strata, srm, theta_of,
};

use footfall_api_http::Time;

use crate::catalogue::Catalogue;
use crate::definition::{Design, Experiment, Measure, Metric, MetricPrior, Phase, TestMethod, WeightsPart};
use crate::error::ExperimentError;
use crate::experiments::{Experiments, Item};
use crate::windows::Windows;

use super::before;
use super::comparison::{add_absolute, compared, correct, is_enough, power_now};
use super::dimensions::{self, Level};
use super::exposures::ExposureSource;
use super::question::Parts;
use super::reading::{self, Designed};
use super::report::{
    Adjustment, Arm, ArmMoments, Interval, MetricReport, Report, Role, SampleRatio, VariationReport, Watched, finite,
};
use super::samples::Cell;
use super::strata::{self, Compared, Stratified};

pub(super) type Pair = (Statistic, Statistic);
pub(super) type Cells = BTreeMap<String, BTreeMap<String, Cell>>;

/// What was asked and what came back.
pub(super) struct Answered {
    pub cells: Cells,
    pub quantiles: BTreeMap<String, Vec<Option<Statistic>>>,
    /// The same by strata, where people fall into any.
    pub strata: Option<Stratified>,
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
    /// An attribute by which people are divided, and which nothing says that they do not share.
    pub shared: Option<&'a str>,
}

/// What of an experiment is looked at.
#[derive(Debug, Clone, Default)]
pub struct ResultsAsked {
    /// Counted from 0; the last where it is absent.
    pub phase: Option<usize>,
    /// Exposures of this environment count; of that of the analysis where it is absent.
    pub environment: Option<String>,
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
    pub async fn report(&self, project: &str, key: &str, asked: &ResultsAsked) -> Result<Report, ExperimentError> {
        self.report_of(project, key, asked, true).await
    }

    /// As [`Experiments::report`]; where a mismatch of arms comes from is only sought if told so.
    pub(super) async fn report_of(
        &self,
        project: &str,
        key: &str,
        asked: &ResultsAsked,
        seeks_causes: bool,
    ) -> Result<Report, ExperimentError> {
        let looked = self.looked(project, key, asked).await?;
        self.report_on(project, key, looked, seeks_causes).await
    }

    pub(super) async fn report_on(
        &self,
        project: &str,
        key: &str,
        looked: Looked,
        seeks_causes: bool,
    ) -> Result<Report, ExperimentError> {
        if let Some(windows) = Windows::of(&looked.item.definition, &looked.phase) {
            return self.report_of_windows(project, key, &looked, windows).await;
        }
        let frame = looked.frame();
        let starts = looked.starts();
        let mut names = Vec::new();
        let parts = match strata::wanted(frame.experiment) {
            _ if frame.is_bandit() => Parts::Periods(&starts),
            None => Parts::Days,
            Some((dimension, by_activity)) => {
                if let Some(dimension) = dimension {
                    names = self.largest_levels(project, key, &looked, dimension).await?;
                }
                let levels = dimension.map(|dimension| (dimension, names.as_slice()));
                Parts::Strata(strata::Strata { levels, by_activity })
            }
        };
        let mut answered = self.ask(project, key, &looked, &frame, parts, seeks_causes).await?;
        // Of a bandit the shares of a level depend on when its people came.
        let levels = match answered.levels.take() {
            // And of clusters a level is no division.
            _ if !seeks_causes || frame.is_bandit() || frame.has_clusters() => Vec::new(),
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
        correct(&mut reports, frame.experiment.analysis.alpha);
        let nobodys = |is_wanted: fn(&str, bool) -> bool| -> f64 {
            let days = answered.cells.get("").into_iter().flatten();
            days.filter(|(day, _)| is_wanted(day, frame.has_clusters())).map(|(_, cell)| cell.people).sum()
        };
        Ok(Report {
            experiment: key.to_owned(),
            revision: looked.item.revision,
            phase: looked.number,
            environment: looked.item.definition.analysis.environment.clone(),
            from: looked.phase.started_at,
            until: looked.until,
            variations: frame.variations(&totals),
            people_in_several: nobodys(|day, has_clusters| !has_clusters || !day.is_empty()),
            people_without_cluster: frame.has_clusters().then(|| nobodys(|day, _| day.is_empty())),
            switchback: None,
            contexts: frame.contexts(&answered.cells),
            people_without_context: frame.is_contextual().then(|| frame.without_context(&answered.cells)),
            sample_ratio: frame.sample_ratio(&answered.cells, &totals, levels),
            before_exposure: before::compared(&frame, &totals),
            metrics: reports,
            sql: answered.sql,
            params: answered.params,
        })
    }

    /// The experiment and its phase, the last where none is named, in the environment that is asked about.
    pub(super) async fn looked(
        &self,
        project: &str,
        key: &str,
        asked: &ResultsAsked,
    ) -> Result<Looked, ExperimentError> {
        let mut item = self.item::<Experiment>(project, key).await?;
        let number = asked.phase.unwrap_or(item.state.phases.len().saturating_sub(1));
        let missing = ExperimentError::NotFound("phase: the experiment was not started");
        let phase = item.state.phases.get(number).ok_or(missing)?.clone();
        let catalogue = crate::storage::catalogue(self.access().database(), project).await?;
        let own = &mut item.definition.analysis.environment;
        if let Some(environment) = asked.environment.as_ref().filter(|asked| asked.as_str() != own.as_str()) {
            if !catalogue.knows_environment(environment) {
                return Err(ExperimentError::NotFound("environment"));
            }
            own.clone_from(environment);
        }
        let until = phase.ended_at.unwrap_or_else(|| Time::from(self.now()));
        Ok(Looked { item, number, phase, catalogue, until })
    }
}

impl Looked {
    pub fn frame(&self) -> Frame<'_> {
        let keys = self.item.definition.metrics();
        let metrics = keys.iter().filter_map(|key| Some((*key, self.catalogue.metrics.get(*key)?))).collect();
        let experiment = &self.item.definition;
        Frame { experiment, phase: &self.phase, metrics, shared: self.shared() }
    }

    fn shared(&self) -> Option<&str> {
        let experiment = &self.item.definition;
        let name = experiment.hash_attribute.as_str();
        let is_personal = ["id", "distinct_id"].contains(&name)
            || self.catalogue.attributes.get(name).is_some_and(|attribute| attribute.is_personal);
        (experiment.design.is_people() && !is_personal).then_some(name)
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
            clusters: self.has_clusters().then(|| totals.get(&one.key).map_or(0.0, |cell| cell.units)),
        })
        .collect()
    }

    fn sample_ratio(&self, cells: &Cells, totals: &BTreeMap<String, Cell>, mut levels: Vec<Level>) -> SampleRatio {
        if self.is_bandit() {
            return self.sample_ratio_of_periods(cells);
        }
        let arms = self.variations(totals);
        let users: Vec<f64> = arms.iter().map(|arm| arm.clusters.unwrap_or(arm.people)).collect();
        let check = srm::ratio_check(&users, &self.phase.weights);
        let mut days: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (index, arm) in arms.iter().enumerate() {
            for (day, cell) in cells.get(&arm.key).into_iter().flatten() {
                days.entry(day.clone()).or_insert_with(|| vec![0.0; arms.len()])[index] = cell.units;
            }
        }
        levels.extend(dimensions::days(days));
        let is_off = check.p_value_always_valid < srm::P_VALUE_WARNING;
        // Levels are tested for one look: nobody is suspected before it is sure that somebody is missing.
        let suspects = if is_off { dimensions::suspects(&levels, &arms) } else { Vec::new() };
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
        let parts = self.weights_parts().into_iter();
        let periods: Vec<(Vec<f64>, Vec<f64>)> = parts.map(|part| (people(&part.name), part.weights)).collect();
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

    pub(super) fn has_clusters(&self) -> bool {
        matches!(self.experiment.design, Design::Clusters { .. })
    }

    /// The parts in which the weights of a bandit are the same.
    pub fn weights_parts(&self) -> Vec<WeightsPart> {
        self.phase.weights_parts(self.experiment.contexts().map_or(0, <[_]>::len))
    }

    pub(super) fn is_contextual(&self) -> bool {
        self.experiment.contexts().is_some_and(|contexts| !contexts.is_empty())
    }

    pub fn is_bandit(&self) -> bool {
        self.experiment.bandit.is_some()
    }

    /// Whether a metric's people are compared by strata where there are any. Quantiles do not add up.
    pub(super) fn is_stratified(&self, index: usize) -> bool {
        let metric = self.metrics.get(index).map(|(_, metric)| *metric);
        metric.is_some_and(|metric| metric.post_stratifies && !matches!(metric.measure, Measure::Quantile { .. }))
    }

    fn strata(&self, index: usize, arms: (&str, &str), answered: &Answered) -> Vec<Compared> {
        let strata = answered.strata.as_ref().filter(|_| self.is_stratified(index));
        strata.map(|strata| strata.compared(&strata.all(index, arms))).unwrap_or_default()
    }

    /// Two arms compared: of a bandit period by period, stratum by stratum where there are any, else all people at once.
    fn analysed(
        &self,
        index: usize,
        (a, b): (&str, &str),
        (answered, strata): (&Answered, &[Compared]),
        pair: Pair,
        settings: &Settings,
    ) -> Analysis {
        if matches!(pair.0, Statistic::Quantile(_)) {
            return analyse(&[pair], settings);
        }
        if !strata.is_empty() {
            let pairs: Vec<Pair> = strata.iter().map(|one| one.pair).collect();
            return analyse_strata(&pairs, settings);
        }
        let periods = if self.is_bandit() { self.periods(index, (a, b), &answered.cells) } else { Vec::new() };
        if periods.is_empty() { analyse(&[pair], settings) } else { analyse_periods(&periods, settings) }
    }

    pub fn role(&self, key: &str) -> Role {
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
        let of_all = analysis.prior_deviation.map(|deviation| MetricPrior { mean: 0.0, deviation });
        let prior = metric.prior.or(of_all);
        Settings {
            difference: Difference::Relative,
            alpha: analysis.alpha,
            method: match analysis.method {
                TestMethod::Sequential => Method::AlwaysValid { tuning: analysis.tuning },
                TestMethod::FixedHorizon => Method::FixedHorizon,
            },
            prior: prior.map(|MetricPrior { mean, deviation }| Prior {
                mean,
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
            let people = totals.get(variation).map_or(0.0, |cell| cell.people_of(index));
            let known = statistic(variation).filter(|_| people > 0.0);
            let plain = known.map(|known| known.unadjusted());
            Arm {
                variation: variation.to_owned(),
                people,
                mean: plain.and_then(|plain| finite(plain.mean())),
                variance: plain.and_then(|plain| finite(plain.variance())),
                sum: plain.and_then(|plain| sum_of(&plain)),
                adjusted_mean: None,
                moments: known.as_ref().and_then(ArmMoments::of),
            }
        };
        let mut arms: Vec<Arm> = self.experiment.variations.iter().map(|one| arm(&one.key)).collect();
        let all = |of: fn(&Cell, usize) -> f64| totals.values().map(|cell| of(cell, index)).sum::<f64>();
        let immature = metric.matures_days().map(|_| all(|cell, _| cell.people) - all(Cell::people_of));
        let settings = self.settings(metric);
        let control = self.experiment.variations.first().map(|one| one.key.as_str()).unwrap_or_default();
        let treatments = self.experiment.variations.iter().skip(1);
        let comparisons = treatments
            .map(|one| {
                let pair = statistic(control).zip(statistic(&one.key));
                let curve = self.curve(index, (control, &one.key), answered, &settings);
                let strata = self.strata(index, (control, &one.key), answered);
                let found = (answered, strata.as_slice());
                let analysis = pair.map(|pair| self.analysed(index, (control, &one.key), found, pair, &settings));
                let refusal = analysis.as_ref().and_then(|analysis| analysis.effect.err());
                let effect = analysis.as_ref().and_then(|analysis| analysis.effect.ok());
                let mut compared = compared(&one.key, pair.zip(analysis), metric, &settings, curve);
                if let Some(pair) = pair.filter(|pair| is_enough(*pair, metric)) {
                    compared.post_stratified = strata::summary(&strata, pair);
                    let planned = self.experiment.plan.as_ref().filter(|plan| plan.minimum_effect > 0.0);
                    let planned = planned.filter(|_| self.role(key) == Role::Goal).zip(effect);
                    compared.power =
                        planned.and_then(|(plan, effect)| power_now(&effect, plan.minimum_effect, &settings));
                    // Nothing is a share of nothing.
                    let is_absolute = refusal.is_some() && pair.0.unadjusted_mean() == 0.0;
                    if is_absolute {
                        add_absolute(&analyse_above_nothing(pair, &settings), &mut compared);
                    }
                    // It may be a goal as well.
                    if self.experiment.guardrails.iter().any(|guardrail| guardrail.metric == key) {
                        let method = Method::AlwaysValid { tuning: self.experiment.analysis.tuning };
                        let settings = Settings { method, ..settings };
                        let test = match is_absolute {
                            true => analyse_above_nothing(pair, &settings).test,
                            false => self.analysed(index, (control, &one.key), found, pair, &settings).test,
                        };
                        compared.watched =
                            test.map(|test| Watched { interval: Interval::of(test.interval), is_absolute });
                    }
                }
                let designed = Designed {
                    is_bandit: self.is_bandit(),
                    is_contextual: self.is_contextual(),
                    clusters: pair.filter(|_| self.has_clusters()).map(|(a, b)| [a.n(), b.n()]),
                    covariate: self.experiment.analysis.covariate,
                    shared: self.shared,
                    immature,
                };
                reading::add(designed, &mut compared);
                compared
            })
            .collect();
        if let [first, second] = arms.as_mut_slice()
            && let Some((a, b)) = statistic(&first.variation).zip(statistic(&second.variation))
        {
            let (a, b) = adjusted(&a, &b);
            (first.adjusted_mean, second.adjusted_mean) = (finite(a.mean()), finite(b.mean()));
        }
        let pair = arms.first().zip(arms.get(1));
        let pair = pair.and_then(|(a, b)| statistic(&a.variation).zip(statistic(&b.variation)));
        MetricReport {
            key: key.to_owned(),
            revision,
            role: self.role(key),
            lower_is_better: metric.lower_is_better,
            people_not_mature: immature,
            adjusted_by: pair.and_then(|(a, b)| self.adjustment(&a, &b)),
            arms,
            comparisons,
        }
    }

    fn adjustment(&self, a: &Statistic, b: &Statistic) -> Option<Adjustment> {
        let variance = |one: &Statistic| one.variance() / one.n();
        let (left, right) = adjusted(a, b);
        if theta_of(&left) == 0.0 {
            return None;
        }
        let plain = variance(&a.unadjusted()) + variance(&b.unadjusted());
        let variance_left = finite((variance(&left) + variance(&right)) / plain)?;
        Some(Adjustment { covariate: self.experiment.analysis.covariate, variance_left })
    }
}

fn sum_of(statistic: &Statistic) -> Option<f64> {
    match statistic {
        Statistic::Mean(values) => finite(values.n() * values.mean(0)),
        Statistic::Ratio(values) => finite(values.n() * values.mean(0)),
        _ => None,
    }
}
