//! Correlation: which properties and which other activities go with converting in a funnel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Funnel;

/// Everybody who took step 1 of an ordered or strict funnel, in two parts: who converted, and who did not. Each factor
/// divides them once more, into those who have it and those who do not.
///
/// A person is looked at over one *stretch*: of those who converted from the row of step 1 to the row of the last step
/// of the conversion that counts for the time to convert; of all others from their first row of step 1 in the span to
/// the end of the window, or of the span. Factors are:
///
/// - a value of a property of the row where the stretch begins (at equal times the smallest value by bytes, missing first);
/// - a value of a property of the person, as it is now;
/// - another activity strictly within the stretch (of those who did not convert its last moment too). Activities that a
///   step names are none.
///
/// Those who did not convert are mostly looked at for longer: an activity that is only a matter of time goes with not
/// converting. A correlation is no cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correlation {
    /// Without breakdown, cohorts, trend and times.
    pub funnel: Funnel,
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub properties: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub person_properties: Vec<String>,
    /// Whether other activities are factors.
    #[serde(default = "yes")]
    pub activities: bool,
    /// At least so many people must have a factor, and so many not, for it to be tested at all.
    #[serde(default = "ten")]
    #[schemars(range(min = 1))]
    pub people_least: u64,
    /// So many factors are answered.
    #[serde(default = "fifty")]
    #[schemars(range(max = 1_000))]
    pub top: usize,
}

fn yes() -> bool {
    true
}

fn ten() -> u64 {
    10
}

fn fifty() -> usize {
    50
}

/// The factors with the smallest `q`, then the largest odds ratio either way, then by what they are.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CorrelationAnswer {
    /// People who took step 1.
    pub entered: u64,
    /// Of them those who took all steps.
    pub converted: u64,
    /// Factors that were tested, all of which `q` accounts for.
    pub tested: u64,
    pub factors: Vec<Factor>,
}

/// A factor, and what it goes with.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "CorrelationFactor")]
pub struct Factor {
    pub of: FactorOf,
    /// People with it who converted, and who did not.
    pub converted_with: u64,
    pub dropped_with: u64,
    /// People without it.
    pub converted_without: u64,
    pub dropped_without: u64,
    /// Odds of converting with it over those without, one half added to each of the four numbers.
    pub odds_ratio: f64,
    /// Two-sided: the chance of numbers as uneven as these or more if it had nothing to do with converting.
    pub p: f64,
    /// The share of false ones to expect among the factors with this `q` or less (Benjamini and Hochberg), of all tested.
    pub q: f64,
    pub test: FactorTest,
}

/// What divides the people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorOf {
    Property { name: String, value: String },
    PersonProperty { name: String, value: String },
    Activity(String),
}

/// How `p` was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorTest {
    /// Fisher's exact test, where one of the four numbers is expected to be below 5.
    FisherExact,
    /// Pearson's, with one degree of freedom, without a correction.
    ChiSquare,
}
