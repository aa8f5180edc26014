//! What the page of results shows.

use crate::definition::Covariate;
use footfall_api_http::Time;
use footfall_models_experiment::statistics::{Moments, Statistic};
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
    /// Exposures of this environment count.
    pub environment: String,
    pub from: Time,
    pub until: Time,
    pub variations: Vec<VariationReport>,
    /// People who were seen in more than one variation, or whose cluster was; they are in none of the numbers.
    pub people_in_several: f64,
    /// People of whom no exposure names a cluster, where clusters are divided; they are in none of the numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_without_cluster: Option<f64>,
    /// Of a contextual bandit: people whose exposure tells no context; they are in no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_without_context: Option<f64>,
    /// Of a contextual bandit each context, all others last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<ContextReport>,
    /// Where times are divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switchback: Option<SwitchbackReport>,
    pub sample_ratio: SampleRatio,
    pub before_exposure: BeforeExposure,
    pub metrics: Vec<MetricReport>,
    /// The question in SQL, and its parameters: asked of `/v1/sql` it gives the numbers below all of this.
    pub sql: String,
    pub params: serde_json::Value,
}

/// One context of a bandit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ContextReport {
    /// Null is that of all others.
    pub context: Option<String>,
    /// By which exposures tell it.
    pub leaf: String,
    pub arms: Vec<ContextArm>,
}

/// A variation in a context.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ContextArm {
    pub variation: String,
    pub people: f64,
    /// Of the first goal, over periods of equal weights; null as long as an arm has too few people.
    pub mean: Option<f64>,
    pub standard_error: Option<f64>,
    /// That hold now.
    pub weight: f64,
    /// To be the best in this context, as known when these weights began.
    pub chance: Option<f64>,
}

/// The windows of a switchback. A person counts once in each window in which they were exposed.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct SwitchbackReport {
    /// That are over.
    pub windows: usize,
    /// Both of whose windows are over and have people.
    pub pairs: usize,
    /// The share of people who were shown something else than the window's variation; they count by the window.
    pub off_schedule: f64,
}

/// One arm.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VariationReport {
    pub key: String,
    pub people: f64,
    pub weight: f64,
    /// Where clusters are divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<f64>,
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
    /// Of a retention: people who were exposed so late that their days are not over yet; they are in none of its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_not_mature: Option<f64>,
    /// What was known before took variance away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_by: Option<Adjustment>,
    pub arms: Vec<Arm>,
    /// Each treatment against control.
    pub comparisons: Vec<TreatmentReport>,
}

/// How variance was taken away.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Adjustment {
    pub covariate: Covariate,
    /// The variance of the first treatment's difference from control, as a share of what it is without.
    pub variance_left: f64,
}

/// People compared by strata of what was known before (post-stratification).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StratumSummary {
    /// The variance of the difference, as a share of what it is when all people are compared at once.
    pub variance_left: Option<f64>,
    pub strata: Vec<StratumReport>,
}

/// One stratum; it weighs as many people as it has.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StratumReport {
    pub stratum: String,
    /// Of control and of the treatment.
    pub people: [f64; 2],
    /// All that the formulas are made of.
    pub moments: [Option<ArmMoments>; 2],
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
    /// All that the formulas are made of; null of quantiles and without people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moments: Option<ArmMoments>,
}

/// The sufficient statistics of an arm, over people, or over clusters where those are divided.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArmMoments {
    pub n: f64,
    /// Of the value, of a ratio numerator and denominator; then of the same as it was known before exposure.
    pub means: Vec<f64>,
    /// Sums of products of deviations from these means, row by row.
    pub scatter: Vec<Vec<f64>>,
}

impl ArmMoments {
    pub(super) fn of(statistic: &Statistic) -> Option<ArmMoments> {
        match statistic {
            Statistic::Mean(values) => Some(ArmMoments::from(&values.moments)),
            Statistic::Ratio(values) | Statistic::Adjusted { values, .. } => Some(ArmMoments::from(&values.moments)),
            Statistic::AdjustedRatio { values, .. } => Some(ArmMoments::from(&values.moments)),
            Statistic::Quantile(_) => None,
        }
    }
}

impl<const D: usize> From<&Moments<D>> for ArmMoments {
    fn from(moments: &Moments<D>) -> ArmMoments {
        let scatter = moments.scatter.iter().map(|row| row.to_vec()).collect();
        ArmMoments { n: moments.n, means: moments.means.to_vec(), scatter }
    }
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
    /// The interval that goes with Holm's p-value; what is said of a goal or secondary metric is said by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_holm: Option<Interval>,
    /// Of a switchback, at one look: the share of all divisions of its pairs that would have shown as much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value_by_division: Option<f64>,
    pub chance_to_win: Option<f64>,
    pub expected_loss: Option<f64>,
    pub credible_interval: Option<Interval>,
    /// The formula's name.
    pub method: String,
    /// Where people were compared by strata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_stratified: Option<StratumSummary>,
    pub instead: Option<Instead>,
    /// Where control's mean is zero, so that nothing is a share of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute: Option<AbsoluteDifference>,
    /// What a guardrail is judged by.
    #[serde(skip)]
    pub watched: Option<Watched>,
    /// The effect by the days of exposure so far.
    pub curve: Vec<CurvePoint>,
    /// The least relative effect that this method sees with a power of 0.8 among so many people.
    pub minimum_detectable_effect: Option<f64>,
    /// Of goals of an experiment with a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerNow>,
    pub can_be_said: String,
    pub cannot_be_said: String,
}

/// An interval; null is no bound.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Interval {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Whether the least effect that the plan wants to see would be seen, by the spread that there is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct PowerNow {
    /// The plan's, relative to control.
    pub effect: f64,
    /// Of a test at this moment.
    pub now: f64,
    /// So many more people give a power of 0.8; null where no number would do.
    pub additional_people: Option<f64>,
}

/// The treatment's mean less control's, in units of the metric.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct AbsoluteDifference {
    pub estimate: f64,
    pub interval: Option<Interval>,
    pub p_value: Option<f64>,
}

/// An interval that holds at every look, whatever the analysis wants: guardrails are looked at twice a minute.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    pub interval: Interval,
    /// Of the difference itself, since nothing is a share of control's zero.
    pub is_absolute: bool,
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
