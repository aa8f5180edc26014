//! Who is behind the numbers of a result: the people of a variation, and those of them whom a metric has anything of. It is
//! the question of the results itself, which knows each person's variation and values.

use schemars::JsonSchema;
use serde::Serialize;

use super::analysis::ResultsAsked;
use super::question::{Parts, plan};
use crate::definition::{Design, Metric};
use crate::error::ExperimentError;
use crate::experiments::Experiments;

/// Which people of a phase, and which page of them.
#[derive(Debug, Clone, Default)]
pub struct ArmAsked {
    pub of: ResultsAsked,
    pub variation: String,
    /// Only people with a value other than 0.
    pub metric: Option<String>,
    pub limit: usize,
    /// Only ids above this one.
    pub after: Option<String>,
}

/// How many there are, and a page of their ids.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArmPeople {
    /// Counted from 0.
    pub phase: usize,
    pub variation: String,
    pub metric: Option<String>,
    /// All of them, whatever is listed: those that the result counts.
    pub people: u64,
    /// Person ids, ascending.
    pub listed: Vec<String>,
    /// `after` of the next page, if there is one.
    pub next: Option<String>,
}

impl Experiments {
    /// The people of a variation, of those who were exposed in one alone, as the result counts them.
    pub async fn arm_people(&self, project: &str, key: &str, asked: &ArmAsked) -> Result<ArmPeople, ExperimentError> {
        let looked = self.looked(project, key, &asked.of).await?;
        let experiment = &looked.item.definition;
        if matches!(experiment.design, Design::Switchback { .. }) {
            let why = "people of a variation: everybody gets every variation of a switchback in turn";
            return Err(ExperimentError::NotFound(why));
        }
        if !experiment.variations.iter().any(|one| one.key == asked.variation) {
            return Err(ExperimentError::NotFound("variation"));
        }
        let metric = |key: &String| looked.catalogue.metrics.get(key).ok_or(ExperimentError::NotFound("metric"));
        let metrics: Vec<&Metric> = asked.metric.iter().map(metric).collect::<Result<_, _>>()?;
        let until = looked.until.to_string();
        let plan = plan(looked.source(key), &metrics, &until, Parts::Days);
        let question = plan.of_arm(&asked.variation, asked.after.as_deref().unwrap_or_default(), asked.limit + 1);
        let facts = self.facts().ok_or_else(|| ExperimentError::Facts("no tables are connected".to_owned()))?;
        let rows = facts.query(project, &question.sql, question.params).await?.rows;
        let people = rows.first().and_then(|row| row.get(1)).and_then(serde_json::Value::as_f64).unwrap_or_default();
        let ids = rows.into_iter().filter_map(|row| row.into_iter().next()?.as_str().map(str::to_owned));
        let mut listed: Vec<String> = ids.collect();
        let is_more = listed.len() > asked.limit;
        listed.truncate(asked.limit);
        Ok(ArmPeople {
            phase: looked.number,
            variation: asked.variation.clone(),
            metric: asked.metric.clone(),
            people: people as u64,
            next: listed.last().filter(|_| is_more).cloned(),
            listed,
        })
    }
}
