//! Effects by the levels of a dimension, with the multiplicity of the look stated: differences between people, and chance.

use std::collections::{BTreeMap, BTreeSet};

use footfall_api_http::Time;
use footfall_models_experiment::statistics::heterogeneity::{alike_at_any_look, heterogeneity};
use footfall_models_experiment::statistics::{Difference, Method, Statistic, analyse, multiplicity};
use schemars::JsonSchema;
use serde::Serialize;

use super::analysis::{Cells, Frame, ResultsAsked};
use super::dimensions::{Dimension, level_name};
use super::question::Parts;
use super::reading::POOLED_OF_BANDIT;
use super::report::{Interval, finite};
use super::samples::Cell;
use crate::definition::Design;
use crate::error::ExperimentError;
use crate::experiments::Experiments;

/// Levels that are shown, by their people; all others together are one more.
const LEVELS_MAX: usize = 50;
const OTHER: &str = "(other)";
/// Below this, over all metrics and treatments, levels differ.
const P_VALUE_DIFFERS: f64 = 0.05;

/// The effects of a phase by the levels of a dimension, as people were at their first exposure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentBreakdown")]
pub struct Breakdown {
    pub experiment: String,
    /// Counted from 0.
    pub phase: usize,
    pub from: Time,
    pub until: Time,
    pub dimension: Dimension,
    pub metrics: Vec<MetricBreakdown>,
    /// The question in SQL, and its parameters.
    pub sql: String,
    pub params: serde_json::Value,
}

/// One metric, a treatment against control.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricBreakdown {
    pub metric: String,
    pub variation: String,
    pub levels: Vec<LevelBreakdown>,
    /// Of "the effect is the same at all levels", at every look where the analysis is sequential.
    pub p_value_alike: Option<f64>,
    /// The formula's name.
    pub alike_by: &'static str,
    /// Benjamini and Hochberg's over all metrics and treatments.
    pub p_value_alike_adjusted: Option<f64>,
    pub reading: String,
}

/// The effect among the people of one level.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LevelBreakdown {
    pub level: String,
    /// Of control and of the treatment.
    pub people: [f64; 2],
    pub means: [Option<f64>; 2],
    /// Relative to control's mean.
    pub effect: Option<f64>,
    pub interval: Option<Interval>,
    pub p_value: Option<f64>,
    /// Benjamini and Hochberg's over all levels.
    pub p_value_adjusted: Option<f64>,
}

impl Experiments {
    /// The effects of a phase by dimension, of the last phase where none is named.
    pub async fn breakdown(
        &self,
        project: &str,
        key: &str,
        asked: &ResultsAsked,
        dimension: Dimension,
    ) -> Result<Breakdown, ExperimentError> {
        self.breakdown_of(project, key, asked, dimension, false).await
    }

    /// As [`Experiments::breakdown`], of the goals alone if told so.
    pub(super) async fn breakdown_of(
        &self,
        project: &str,
        key: &str,
        asked: &ResultsAsked,
        dimension: Dimension,
        goals_only: bool,
    ) -> Result<Breakdown, ExperimentError> {
        let looked = self.looked(project, key, asked).await?;
        let mut frame = looked.frame();
        if matches!(frame.experiment.design, Design::Switchback { .. }) {
            let what = "effects by dimension: times are divided, not people";
            return Err(ExperimentError::NotFound(what));
        }
        if goals_only {
            frame.metrics.retain(|(key, _)| frame.experiment.goals.iter().any(|goal| goal == key));
        }
        let answered = self.ask(project, key, &looked, &frame, Parts::Levels(dimension), false).await?;
        let cells = folded(answered.cells);
        let mut metrics: Vec<MetricBreakdown> = Vec::new();
        if let Some((control, treatments)) = frame.experiment.variations.split_first() {
            for index in 0..frame.metrics.len() {
                let of = treatments.iter().map(|one| frame.levels_of(index, (&control.key, &one.key), &cells));
                metrics.extend(of);
            }
        }
        let p_values: Vec<f64> = metrics.iter().map(|one| one.p_value_alike.unwrap_or(f64::NAN)).collect();
        for (one, adjusted) in metrics.iter_mut().zip(multiplicity::benjamini_hochberg(&p_values)) {
            one.p_value_alike_adjusted = finite(adjusted);
            one.reading = reading(one, dimension);
            if frame.is_bandit() {
                one.reading += POOLED_OF_BANDIT;
            }
        }
        Ok(Breakdown {
            experiment: key.to_owned(),
            phase: looked.number,
            from: looked.phase.started_at,
            until: looked.until,
            dimension,
            metrics,
            sql: answered.sql,
            params: answered.params,
        })
    }
}

/// The cells of the levels with the most people; all others joined.
fn folded(cells: Cells) -> Cells {
    let mut people: BTreeMap<&String, f64> = BTreeMap::new();
    for (_, levels) in cells.iter().filter(|(variation, _)| !variation.is_empty()) {
        levels.iter().for_each(|(level, cell)| *people.entry(level).or_default() += cell.people);
    }
    let mut order: Vec<(&String, f64)> = people.into_iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown: BTreeSet<String> = order.into_iter().take(LEVELS_MAX).map(|(level, _)| level.clone()).collect();
    let fold = |levels: BTreeMap<String, Cell>| {
        let mut folded: BTreeMap<String, Cell> = BTreeMap::new();
        for (level, cell) in levels {
            let name = if shown.contains(&level) { level_name(&level) } else { OTHER.to_owned() };
            let joined = folded.get(&name).map(|known| known.merged(&cell));
            folded.insert(name, joined.unwrap_or(cell));
        }
        folded
    };
    cells.into_iter().map(|(variation, levels)| (variation, fold(levels))).collect()
}

impl Frame<'_> {
    fn levels_of(&self, index: usize, (a, b): (&str, &str), cells: &Cells) -> MetricBreakdown {
        let (key, metric) = self.metrics[index];
        let none = BTreeMap::new();
        let of = |variation: &str| cells.get(variation).unwrap_or(&none);
        let names: BTreeSet<&String> = of(a).keys().chain(of(b).keys()).collect();
        let settings = self.settings(metric);
        let minimum = f64::from(metric.minimum_sample);
        let statistic = |variation: &str, level: &String| {
            let cell = of(variation).get(level)?;
            let known = cell.statistics.get(index).copied().flatten()?;
            Some(known).filter(|known| known.n() >= minimum)
        };
        let mut levels = Vec::new();
        let mut pairs: Vec<(Statistic, Statistic)> = Vec::new();
        for name in names {
            let people = [a, b].map(|variation| of(variation).get(name).map_or(0.0, |cell| cell.people_of(index)));
            let arms = [a, b].map(|variation| statistic(variation, name));
            let pair = arms[0].zip(arms[1]);
            let analysis = pair.map(|pair| analyse(&[pair], &settings));
            pairs.extend(pair);
            let test = analysis.as_ref().and_then(|analysis| analysis.test);
            levels.push(LevelBreakdown {
                level: name.clone(),
                people,
                means: arms.map(|arm| arm.and_then(|arm| finite(arm.unadjusted_mean()))),
                effect: analysis.as_ref().and_then(|one| one.effect.ok()).and_then(|effect| finite(effect.estimate)),
                interval: test.map(|test| Interval::of(test.interval)),
                p_value: test.and_then(|test| finite(test.p_value)),
                p_value_adjusted: None,
            });
        }
        let p_values: Vec<f64> = levels.iter().map(|level| level.p_value.unwrap_or(f64::NAN)).collect();
        let adjusted = multiplicity::benjamini_hochberg(&p_values);
        levels.iter_mut().zip(adjusted).for_each(|(level, adjusted)| level.p_value_adjusted = finite(adjusted));
        levels.sort_by(|x, y| y.people.iter().sum::<f64>().total_cmp(&x.people.iter().sum()));
        let (p_value_alike, alike_by) = match settings.method {
            Method::AlwaysValid { tuning } => {
                let found = alike_at_any_look(&pairs, Difference::Relative, settings.alpha, tuning);
                (found.map(|found| found.p_value), "mixture likelihood ratio of levels that differ, at every look")
            }
            Method::FixedHorizon => {
                let found = heterogeneity(&pairs, Difference::Relative);
                ((found.degrees_of_freedom > 0.0).then_some(found.p_value), "Cochran's Q, at one look")
            }
        };
        MetricBreakdown {
            metric: key.to_owned(),
            variation: b.to_owned(),
            levels,
            p_value_alike: p_value_alike.and_then(finite),
            alike_by,
            p_value_alike_adjusted: None,
            reading: String::new(),
        }
    }
}

fn reading(one: &MetricBreakdown, dimension: Dimension) -> String {
    let by = dimension.words();
    match one.p_value_alike_adjusted {
        None => format!("There are not two values of {by} with enough people to compare."),
        Some(p_value) if p_value >= P_VALUE_DIFFERS => format!(
            "Nothing says that the effect depends on the {by}: what differs below is within chance. Read the effect of all \
             people instead."
        ),
        Some(_) => {
            let told = one.levels.iter().filter(|level| level.effect.is_some());
            let effect = |level: &&LevelBreakdown| level.effect.unwrap_or(0.0);
            let most = told.clone().max_by(|x, y| effect(x).total_cmp(&effect(y)));
            let least = told.min_by(|x, y| effect(x).total_cmp(&effect(y)));
            let named = |level: Option<&LevelBreakdown>| {
                level.map_or_else(String::new, |level| format!("{} ({:+.1} %)", level.level, 100.0 * effect(&level)))
            };
            format!(
                "The effect depends on the {by}: most of all {}, least {}. That is one look among several; a new experiment on \
                 those people would confirm it.",
                named(most),
                named(least)
            )
        }
    }
}
