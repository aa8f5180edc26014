//! Where an effect differs between people: every dimension at once, with how many looks that is.

use footfall_api_http::Time;
use footfall_models_experiment::statistics::multiplicity;
use schemars::JsonSchema;
use serde::Serialize;

use super::analysis::ResultsAsked;
use super::breakdown::MetricBreakdown;
use super::dimensions::Dimension;
use super::reading::POOLED_OF_BANDIT;
use super::report::finite;
use crate::error::ExperimentError;
use crate::experiments::Experiments;

/// Below this, over everything that was looked at, an effect differs.
const P_VALUE_DIFFERS: f64 = 0.05;

/// All dimensions of a phase, those first whose levels differ most surely.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentDifferences")]
pub struct Differences {
    pub experiment: String,
    /// Counted from 0.
    pub phase: usize,
    pub from: Time,
    pub until: Time,
    pub differences: Vec<Difference>,
    /// Tests over which p-values are corrected.
    pub tests: usize,
    pub reading: String,
}

/// One goal and treatment by one dimension.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference {
    pub dimension: Dimension,
    pub metric: String,
    pub variation: String,
    /// With enough people to compare.
    pub levels: usize,
    /// Of "the effect is the same at all levels", at every look where the analysis is sequential.
    pub p_value: Option<f64>,
    /// The formula's name.
    pub alike_by: &'static str,
    /// Holm's over all dimensions, goals and treatments.
    pub p_value_holm: Option<f64>,
    /// Benjamini and Hochberg's over the same.
    pub p_value_false_discovery: Option<f64>,
    /// The level with the greatest effect, as it was seen; of the extremes of many levels some is chance.
    pub greatest: Option<LevelEffect>,
    pub least: Option<LevelEffect>,
}

/// A level and its effect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LevelEffect {
    pub level: String,
    pub people: f64,
    /// Relative to control's mean.
    pub effect: f64,
}

impl Experiments {
    /// The goals of a phase by every dimension.
    pub async fn differences(
        &self,
        project: &str,
        key: &str,
        asked: &ResultsAsked,
    ) -> Result<Differences, ExperimentError> {
        let is_bandit = self.looked(project, key, asked).await?.frame().is_bandit();
        let mut found: Vec<Difference> = Vec::new();
        let mut span = None;
        for dimension in Dimension::ALL {
            let broken = self.breakdown_of(project, key, asked, dimension, true).await?;
            span = Some((broken.phase, broken.from, broken.until));
            found.extend(broken.metrics.iter().map(|metric| difference(dimension, metric)));
        }
        let p_values: Vec<f64> = found.iter().map(|one| one.p_value.unwrap_or(f64::NAN)).collect();
        let (holm, discovery) = (multiplicity::holm(&p_values), multiplicity::benjamini_hochberg(&p_values));
        for ((one, holm), discovery) in found.iter_mut().zip(holm).zip(discovery) {
            (one.p_value_holm, one.p_value_false_discovery) = (finite(holm), finite(discovery));
        }
        found.sort_by(|a, b| a.p_value.unwrap_or(2.0).total_cmp(&b.p_value.unwrap_or(2.0)));
        let tests = p_values.iter().filter(|p_value| p_value.is_finite()).count();
        let (phase, from, until) = span.ok_or(ExperimentError::NotFound("phase"))?;
        let mut reading = reading(&found, tests);
        if is_bandit {
            reading += POOLED_OF_BANDIT;
        }
        Ok(Differences { experiment: key.to_owned(), phase, from, until, differences: found, tests, reading })
    }
}

fn difference(dimension: Dimension, metric: &MetricBreakdown) -> Difference {
    let told = metric.levels.iter().filter_map(|level| {
        let (effect, people) = (level.effect?, level.people.iter().sum());
        Some(LevelEffect { level: level.level.clone(), people, effect })
    });
    let mut told: Vec<LevelEffect> = told.collect();
    told.sort_by(|a, b| a.effect.total_cmp(&b.effect));
    let differs = metric.p_value_alike.is_some();
    Difference {
        dimension,
        metric: metric.metric.clone(),
        variation: metric.variation.clone(),
        levels: told.len(),
        p_value: metric.p_value_alike,
        alike_by: metric.alike_by,
        p_value_holm: None,
        p_value_false_discovery: None,
        least: told.first().filter(|_| differs).cloned(),
        greatest: told.pop().filter(|_| differs),
    }
}

fn reading(found: &[Difference], tests: usize) -> String {
    let Some(first) = found.first().filter(|_| tests > 0) else {
        return "No dimension has two values with enough people to compare.".to_owned();
    };
    let is_sure = first.p_value_holm.is_some_and(|p_value| p_value < P_VALUE_DIFFERS);
    if !is_sure {
        return format!(
            "Nothing says that an effect depends on who people are: of {tests} looks none is beyond chance. The effect of all people \
             is what can be read."
        );
    }
    let named = |level: &Option<LevelEffect>| {
        level.as_ref().map_or_else(String::new, |level| format!("{} ({:+.1} %)", level.level, 100.0 * level.effect))
    };
    format!(
        "The effect of {} on {} depends on the {}: most of all {}, least {}. It was found among {tests} looks, and the extremes of what is \
         found look greater than they are: a new experiment on those people would confirm it.",
        first.variation,
        first.metric,
        first.dimension.words(),
        named(&first.greatest),
        named(&first.least)
    )
}
