//! How the results of an experiment are judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Experiment, PRODUCTION};
use crate::catalogue::Catalogue;
use crate::faults::Faults;
use crate::results::Dimension;

/// How results are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestMethod {
    /// True at every look.
    #[default]
    Sequential,
    /// True at one look that was fixed beforehand.
    FixedHorizon,
}

/// What takes variance away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Covariate {
    /// The same measure before exposure (CUPED).
    #[default]
    SameMeasure,
    /// What a model says of each person by what they did before exposure, fitted on other people (CUPAC).
    Prediction,
}

impl Covariate {
    pub(super) fn is_same_measure(&self) -> bool {
        *self == Covariate::SameMeasure
    }
}

/// Settings of the analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Analysis {
    pub method: TestMethod,
    #[schemars(range(min = 0.0001, max = 0.5))]
    pub alpha: f64,
    /// Users at which sequential intervals are tightest.
    #[schemars(range(min = 100.0, max = 1_000_000_000.0))]
    pub tuning: f64,
    /// Days before exposure whose values take variance away (CUPED); 0 for none.
    #[schemars(range(min = 0, max = 90))]
    pub covariate_days: u32,
    /// What is made of these days.
    #[serde(skip_serializing_if = "Covariate::is_same_measure")]
    pub covariate: Covariate,
    /// Compares people of each value of this dimension among themselves, as they were at their first exposure (post-stratification).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratified_by: Option<Dimension>,
    /// Standard deviation of a prior on relative effects, with mean 0; none where absent.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub prior_deviation: Option<f64>,
    /// Leaves out people whose user agent or property says that they are bots.
    pub excludes_bots: bool,
    /// A property that marks people of one's own, who are left out when it is true.
    #[schemars(length(max = 100))]
    pub internal_property: Option<String>,
    /// Exposures count that keys of this environment bring.
    #[serde(skip_serializing_if = "is_production")]
    #[schemars(length(min = 1, max = 100))]
    pub environment: String,
    /// Compares people who did anything that metrics measure in the days before exposure, and all others, each among themselves.
    #[serde(skip_serializing_if = "is_true")]
    pub post_stratifies: bool,
}

fn is_production(environment: &str) -> bool {
    environment == PRODUCTION
}

pub(super) fn is_true(value: &bool) -> bool {
    *value
}

impl Default for Analysis {
    fn default() -> Self {
        Analysis {
            method: TestMethod::Sequential,
            alpha: 0.05,
            tuning: 5_000.0,
            covariate_days: 14,
            covariate: Covariate::SameMeasure,
            stratified_by: None,
            prior_deviation: None,
            excludes_bots: true,
            internal_property: None,
            environment: PRODUCTION.to_owned(),
            post_stratifies: true,
        }
    }
}

impl Analysis {
    pub(super) fn check(&self, experiment: &Experiment, catalogue: &Catalogue, faults: &mut Faults) {
        catalogue.check_environment("environment", &self.environment, faults);
        if !(0.0001..=0.5).contains(&self.alpha) {
            faults.at("alpha", "must be between 0.0001 and 0.5");
        }
        if !(100.0..=1e9).contains(&self.tuning) {
            faults.at("tuning", "must be between 100 and a billion users");
        }
        if self.covariate == Covariate::Prediction && self.covariate_days == 0 {
            faults.at("covariate", "a prediction needs days before exposure to predict from");
        }
        if self.stratified_by.is_some() && (experiment.bandit.is_some() || !experiment.design.is_people()) {
            faults.at("stratified_by", "goes with people who are divided by weights that stay what they are");
        }
        if self.covariate_days > 90 {
            faults.at("covariate_days", "must be at most 90");
        }
        if self.prior_deviation.is_some_and(|deviation| !(0.0..=10.0).contains(&deviation) || deviation == 0.0) {
            faults.at("prior_deviation", "must be more than 0 and at most 10");
        }
        if let Some(property) = &self.internal_property {
            faults.line("internal_property", property);
        }
    }
}
