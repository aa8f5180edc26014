//! What the page of results shows.

use footfall_api_http::Time;
use schemars::JsonSchema;
use serde::Serialize;

/// The result of one phase of an experiment, as it is at this moment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentResults")]
pub struct Report {
    pub experiment: String,
    pub revision: i64,
    /// Counted from 0.
    pub phase: usize,
    pub from: Time,
    pub until: Time,
    pub variations: Vec<VariationReport>,
    /// People who were seen in more than one variation; they are in none of the numbers.
    pub people_in_several: f64,
    pub sample_ratio: SampleRatio,
    pub before_exposure: BeforeExposure,
    pub metrics: Vec<MetricReport>,
    /// The question in SQL, and its parameters: asked of `/v1/sql` it gives the numbers below all of this.
    pub sql: String,
    pub params: serde_json::Value,
}

/// One arm.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VariationReport {
    pub key: String,
    pub people: f64,
    pub weight: f64,
}

/// Whether the arms have the people that they should have.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SampleRatio {
    pub p_value: f64,
    /// True whenever one looks.
    pub p_value_always_valid: f64,
    pub is_off: bool,
    /// Days of exposure and levels of dimensions whose people are off, the strongest first.
    pub suspects: Vec<SampleSuspect>,
    pub reading: String,
}

/// A level of a dimension whose people are off.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SampleSuspect {
    pub dimension: String,
    pub level: String,
    pub people: f64,
    /// Benjamini and Hochberg's over all levels of all dimensions.
    pub p_value_adjusted: f64,
    /// Observed over planned share of each arm, less one.
    pub deviations: Vec<f64>,
    /// Of everybody else: where it is not small, the cause is here.
    pub p_value_of_rest: f64,
}

/// Whether the arms were alike before anybody was exposed: an A/A test on the people of the experiment itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BeforeExposure {
    pub comparisons: Vec<BeforeComparison>,
    pub is_off: bool,
    pub reading: String,
}

/// One metric in the days before exposure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BeforeComparison {
    pub metric: String,
    pub variation: String,
    /// Of the treatment's mean less control's.
    pub difference: f64,
    /// True whenever one looks.
    pub p_value: f64,
    /// Holm's over all metrics and treatments.
    pub p_value_holm: f64,
}

/// What a metric is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Goal,
    Secondary,
    Guardrail,
}

/// One metric.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MetricReport {
    pub key: String,
    /// Of its definition.
    pub revision: i64,
    pub role: Role,
    pub lower_is_better: bool,
    pub arms: Vec<Arm>,
    /// Each treatment against control.
    pub comparisons: Vec<TreatmentReport>,
}

/// What one arm comes to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Arm {
    pub variation: String,
    pub people: f64,
    /// Null without people.
    pub mean: Option<f64>,
    pub variance: Option<f64>,
    /// The sum over all people, of a ratio its numerator.
    pub sum: Option<f64>,
    /// With what was known before taken into account.
    pub adjusted_mean: Option<f64>,
}

/// A treatment against control. Effects are relative to control's mean.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TreatmentReport {
    pub variation: String,
    /// Null where the usual method has no answer; `instead` may have one.
    pub effect: Option<f64>,
    pub standard_error: Option<f64>,
    pub interval: Option<Interval>,
    pub p_value: Option<f64>,
    /// Holm's over all goals, secondary metrics and treatments.
    pub p_value_holm: Option<f64>,
    /// Benjamini and Hochberg's over the same.
    pub p_value_false_discovery: Option<f64>,
    pub chance_to_win: Option<f64>,
    pub expected_loss: Option<f64>,
    pub credible_interval: Option<Interval>,
    /// The formula's name.
    pub method: String,
    pub instead: Option<Instead>,
    /// The effect by the days of exposure so far.
    pub curve: Vec<CurvePoint>,
    /// The least relative effect that a fixed look would see with a power of 0.8.
    pub minimum_detectable_effect: Option<f64>,
    pub can_be_said: String,
    pub cannot_be_said: String,
}

/// An interval; null is no bound.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Interval {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// What can be said where the usual method has no answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Instead {
    pub method: String,
    pub estimate: f64,
    pub p_value: f64,
}

/// The effect among people exposed until the end of a day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CurvePoint {
    pub day: String,
    pub people: f64,
    pub effect: Option<f64>,
    pub interval: Option<Interval>,
}

impl Interval {
    pub fn of((low, high): (f64, f64)) -> Interval {
        let bound = |value: f64| value.is_finite().then_some(value);
        Interval { low: bound(low), high: bound(high) }
    }
}

/// A number, if it is one.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
