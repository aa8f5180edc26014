//! Asking: the insights engine answers in one pass; where it cannot, the same is asked in SQL.

use std::collections::BTreeMap;

use footfall_models_experiment::statistics::Statistic;

use crate::definition::{Covariate, Experiment, Metric};
use crate::error::ExperimentError;
use crate::experiments::Experiments;

use super::analysis::{Answered, Frame, Looked};
use super::dimensions::{self, Dimension, Level};
use super::division::Division;
use super::events;
use super::exposures::ExposureSource;
use super::prediction::{self, Predictions};
use super::projected::{self, Projected};
use super::question::{Parts, Plan, plan};
use super::samples::{self, Shape};
use super::strata;

impl Experiments {
    /// People of each arm by level of each dimension.
    pub(super) async fn levels(
        &self,
        project: &str,
        key: &str,
        looked: &Looked,
    ) -> Result<Vec<Level>, ExperimentError> {
        let facts = self.facts().ok_or_else(|| ExperimentError::Facts("no tables are connected".to_owned()))?;
        let question = dimensions::question(looked.source(key), &looked.until.to_string());
        let rows = facts.query(project, &question.sql, question.params).await?;
        dimensions::levels(&rows, looked.item.definition.variations.len())
    }

    pub(super) async fn ask(
        &self,
        project: &str,
        key: &str,
        looked: &Looked,
        frame: &Frame<'_>,
        parts: Parts<'_>,
        seeks_causes: bool,
    ) -> Result<Answered, ExperimentError> {
        let facts = self.facts().ok_or_else(|| ExperimentError::Facts("no tables are connected".to_owned()))?;
        let metrics: Vec<&Metric> = frame.metrics.iter().map(|(_, metric)| *metric).collect();
        let (source, until) = (looked.source(key), looked.until.to_string());
        let fresh = || -> Plan<'_> { plan(source, &metrics, &until, parts) };
        let division = Division::of(source, parts, seeks_causes);
        let mut projected = None;
        if let Some(division) = division.filter(|_| is_plain(frame.experiment)) {
            let asked = projected::exposures(source, &metrics, looked.until.into(), &division);
            let answer = facts.exposures(project, &asked).await?;
            projected = answer.map(|answer| Projected::of(answer, &asked, &division));
        }
        let caps = match (&projected, fresh().caps()) {
            (Some(projected), _) => projected.caps.clone(),
            (None, Some(question)) => {
                samples::caps(&facts.query(project, &question.sql, question.params).await?, metrics.len())
            }
            (None, None) => vec![None; metrics.len()],
        };
        let predictions = match fresh().folds(&caps) {
            Some(question) => {
                let rows = facts.query(project, &question.sql, question.params).await?;
                let Plan { features, measured, .. } = fresh();
                prediction::fitted(&rows, features, &measured)?
            }
            None => Predictions::default(),
        };
        let question = fresh().moments(&caps, &predictions);
        let (rows, known, levels) = match projected {
            Some(Projected { moments, quantiles, levels, .. }) => (moments, Some(quantiles), levels),
            None => (facts.query(project, &question.sql, question.params.clone()).await?, None, None),
        };
        let Plan { measured, has_clusters, .. } = fresh();
        let cells = samples::cells(&rows, &measured, Shape { has_clusters, predictions: &predictions })?;
        let (cells, strata) = match parts {
            Parts::Strata(strata) => {
                let (cells, strata) = strata::split(cells, strata);
                (cells, Some(strata))
            }
            _ => (cells, None),
        };
        let people =
            |variation: &str| cells.get(variation).map_or(0.0, |days| days.values().map(|cell| cell.people).sum());
        let arms: Vec<(String, f64)> =
            frame.experiment.variations.iter().map(|one| (one.key.clone(), people(&one.key))).collect();
        let wanted =
            (!matches!(parts, Parts::Levels(_) | Parts::Beside(_))).then(|| fresh().quantiles(&arms)).flatten();
        let mut quantiles = match (known, wanted) {
            (Some(rows), _) => samples::quantiles(&rows, &measured, &arms)?,
            (None, Some(question)) => {
                let rows = facts.query(project, &question.sql, question.params).await?;
                samples::quantiles(&rows, &measured, &arms)?
            }
            (None, None) => BTreeMap::new(),
        };
        if !matches!(parts, Parts::Levels(_) | Parts::Beside(_)) {
            self.ask_of_events(project, source, &metrics, &until, &mut quantiles).await?;
        }
        Ok(Answered { cells, quantiles, strata, levels, sql: question.sql, params: question.params })
    }

    /// Quantiles of the numbers of all that happened, in SQL.
    async fn ask_of_events(
        &self,
        project: &str,
        source: ExposureSource<'_>,
        metrics: &[&Metric],
        until: &str,
        quantiles: &mut BTreeMap<String, Vec<Option<Statistic>>>,
    ) -> Result<(), ExperimentError> {
        let facts = self.facts().ok_or_else(|| ExperimentError::Facts("no tables are connected".to_owned()))?;
        for (index, metric) in metrics.iter().enumerate().filter(|(_, metric)| metric.is_of_events()) {
            let question = events::quantiles(source, metric, until);
            let found = events::found(&facts.query(project, &question.sql, question.params).await?)?;
            if found.is_empty() {
                continue;
            }
            let question = events::spreads(source, metric, until, &found);
            let rows = facts.query(project, &question.sql, question.params).await?;
            for (variation, statistic) in events::statistics(&rows, metric, &found)? {
                let of_arm = quantiles.entry(variation).or_default();
                of_arm.resize(metrics.len(), None);
                of_arm[index] = Some(statistic);
            }
        }
        Ok(())
    }

    /// The levels of a dimension with the most people, those first.
    pub(super) async fn largest_levels(
        &self,
        project: &str,
        key: &str,
        looked: &Looked,
        dimension: Dimension,
    ) -> Result<Vec<String>, ExperimentError> {
        let frame = Frame { metrics: Vec::new(), ..looked.frame() };
        let answered = self.ask(project, key, looked, &frame, Parts::Levels(dimension), false).await?;
        let mut people: BTreeMap<String, f64> = BTreeMap::new();
        for (_, levels) in answered.cells.into_iter().filter(|(variation, _)| !variation.is_empty()) {
            levels.into_iter().for_each(|(level, cell)| *people.entry(level).or_default() += cell.people);
        }
        let mut levels: Vec<(String, f64)> = people.into_iter().collect();
        levels.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(levels.into_iter().take(strata::LEVELS_MAX).map(|(level, _)| level).collect())
    }
}

/// True for what the insights engine is made for: people, and the same measure before exposure.
fn is_plain(experiment: &Experiment) -> bool {
    experiment.design.is_people() && experiment.analysis.covariate == Covariate::SameMeasure
}
