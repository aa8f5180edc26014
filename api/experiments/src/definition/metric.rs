//! Metrics: what is measured of each person after exposure, defined once over the table `activity`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Stateless};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

const EVENT_MAX: usize = 200;
const FILTERS_MAX: usize = 20;
const HOURS_MAX: u32 = 24 * 365;

/// A metric. Each change of it is a revision, and results say which one they used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    pub measure: Measure,
    #[serde(default)]
    pub window: Window,
    /// For sums, counts and means: no person counts for more than this.
    #[serde(default)]
    pub cap: Option<Cap>,
    #[serde(default)]
    pub lower_is_better: bool,
    /// People may be compared by strata (post-stratification), as the experiment's analysis says; false for all people at once.
    #[serde(default = "yes", skip_serializing_if = "super::analysis::is_true")]
    pub post_stratifies: bool,
    /// What was thought of effects on it before any data; that of the experiment's analysis where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<MetricPrior>,
    /// With fewer people in an arm nothing is told.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub minimum_sample: u32,
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub owner: String,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
}

const fn yes() -> bool {
    true
}

/// A normal distribution of relative effects: 0.02 is two in a hundred more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricPrior {
    #[serde(default)]
    #[schemars(range(min = -10.0, max = 10.0))]
    pub mean: f64,
    #[schemars(range(min = 0.0, max = 10.0))]
    pub deviation: f64,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// How often it happened.
    Count { source: Source },
    /// The sum of a number.
    Sum { source: Source, operand: Operand },
    /// How many different values of a property.
    Unique {
        source: Source,
        #[schemars(length(min = 1, max = 200))]
        property: String,
    },
    /// Whether it happened at all.
    Conversion { source: Source },
    /// One sum over another, over all people of an arm; people stay the units.
    Ratio { numerator: Aggregate, denominator: Aggregate },
    /// The mean of a number over all that happened; people stay the units.
    Mean { source: Source, operand: Operand },
    /// A quantile of each person's sum, or of the numbers of all that happened; people stay the units.
    Quantile {
        source: Source,
        operand: Operand,
        #[schemars(range(min = 0.001, max = 0.999))]
        level: f64,
        #[serde(default, skip_serializing_if = "QuantileOf::is_person")]
        of: QuantileOf,
    },
    /// Whether it happened between these days after exposure, the first inclusive, the last exclusive.
    Retention {
        source: Source,
        #[schemars(range(min = 0, max = 365))]
        from_day: u32,
        #[schemars(range(min = 1, max = 366))]
        to_day: u32,
    },
}

/// What a quantile is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuantileOf {
    /// Each person's sum; who did nothing has 0.
    #[default]
    Person,
    /// The number of each activity. What one person does hangs together, and the spread allows for that.
    Event,
}

impl QuantileOf {
    fn is_person(&self) -> bool {
        *self == QuantileOf::Person
    }
}

/// Which activities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    #[schemars(length(min = 1, max = 200))]
    pub event: String,
    /// All of them hold.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub filters: Vec<Comparison>,
}

/// A property of the activity compared with a text or number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    #[schemars(length(min = 1, max = 200))]
    pub property: String,
    pub is: Compared,
}

/// How it is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Compared {
    OneOf(#[schemars(length(min = 1, max = 200))] Vec<String>),
    NoneOf(#[schemars(length(min = 1, max = 200))] Vec<String>),
    AtLeast(f64),
    AtMost(f64),
    Set(bool),
}

/// A number of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operand {
    /// The column `amount`.
    Amount,
    /// A property read as a number; what is none counts as nothing.
    Property(#[schemars(length(min = 1, max = 200))] String),
}

/// A side of a ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Aggregate {
    Count { source: Source },
    Sum { source: Source, operand: Operand },
}

/// When after exposure an activity counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Not before so many hours after exposure.
    #[schemars(range(min = 0, max = 8760))]
    pub delay_hours: u32,
    /// For so many hours from then on; until now where it is absent.
    #[schemars(range(min = 1, max = 8760))]
    pub hours: Option<u32>,
}

/// Where extreme values are cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cap {
    At(#[schemars(range(min = 0.0))] f64),
    /// At this quantile of all people's values.
    Quantile(#[schemars(range(min = 0.5, max = 0.9999))] f64),
}

impl Metric {
    /// The same before exposure takes variance away.
    pub fn has_covariate(&self) -> bool {
        !matches!(self.measure, Measure::Retention { .. } | Measure::Quantile { .. })
    }

    /// So many days after exposure it is known of somebody; who was exposed later has no value yet.
    pub fn matures_days(&self) -> Option<u32> {
        match self.measure {
            Measure::Retention { to_day, .. } => Some(to_day),
            _ => None,
        }
    }

    /// A quantile of the numbers of all that happened.
    pub fn is_of_events(&self) -> bool {
        matches!(self.measure, Measure::Quantile { of: QuantileOf::Event, .. })
    }
}

impl Measure {
    /// The activities that it reads.
    pub fn sources(&self) -> Vec<&Source> {
        match self {
            Measure::Count { source }
            | Measure::Sum { source, .. }
            | Measure::Unique { source, .. }
            | Measure::Conversion { source }
            | Measure::Mean { source, .. }
            | Measure::Quantile { source, .. }
            | Measure::Retention { source, .. } => vec![source],
            Measure::Ratio { numerator, denominator } => vec![numerator.source(), denominator.source()],
        }
    }
}

impl Aggregate {
    pub fn source(&self) -> &Source {
        match self {
            Aggregate::Count { source } | Aggregate::Sum { source, .. } => source,
        }
    }
}

impl Source {
    fn check(&self, faults: &mut Faults) {
        if self.event.is_empty() || self.event.len() > EVENT_MAX {
            faults.at("event", format!("must have 1 to {EVENT_MAX} bytes"));
        }
        faults.count("filters", self.filters.len(), FILTERS_MAX);
        faults.each("filters", &self.filters, |faults, _, filter| {
            if filter.property.is_empty() {
                faults.at("property", "must not be empty");
            }
            faults.line("property", &filter.property);
            match &filter.is {
                Compared::OneOf(values) | Compared::NoneOf(values) if values.is_empty() || values.len() > 200 => {
                    faults.at("is", "must list 1 to 200 values");
                }
                Compared::AtLeast(bound) | Compared::AtMost(bound) if !bound.is_finite() => {
                    faults.at("is", "must be a number");
                }
                _ => {}
            }
        });
    }
}

impl Definition for Metric {
    const KIND: Kind = Kind::Metric;
    type State = Stateless;

    fn check(&self, _: &str, _: &Stateless, _: &Catalogue, faults: &mut Faults) {
        faults.line("owner", &self.owner);
        faults.text("description", &self.description);
        faults.within("measure", |faults| self.measure.sources().iter().for_each(|source| source.check(faults)));
        match &self.measure {
            Measure::Quantile { level, .. } if !(0.001..=0.999).contains(level) => {
                faults.within("measure", |faults| faults.at("quantile", "level must be between 0.001 and 0.999"));
            }
            Measure::Retention { from_day, to_day, .. } if from_day >= to_day || *to_day > 366 => {
                faults
                    .within("measure", |faults| faults.at("retention", "from_day must be before to_day, at most 366"));
            }
            _ => {}
        }
        if self.window.delay_hours > HOURS_MAX || self.window.hours.is_some_and(|hours| hours == 0 || hours > HOURS_MAX)
        {
            faults.at("window", "must be within a year, and have at least an hour");
        }
        if let Some(prior) = &self.prior {
            faults.within("prior", |faults| {
                if !(-10.0..=10.0).contains(&prior.mean) {
                    faults.at("mean", "must be between -10 and 10");
                }
                if !(prior.deviation > 0.0 && prior.deviation <= 10.0) {
                    faults.at("deviation", "must be more than 0 and at most 10");
                }
            });
        }
        let may_cap = matches!(self.measure, Measure::Count { .. } | Measure::Sum { .. } | Measure::Unique { .. });
        match self.cap {
            Some(_) if !may_cap => faults.at("cap", "goes with count, sum and unique alone"),
            Some(Cap::At(level)) if !(level.is_finite() && level >= 0.0) => faults.at("cap", "must be at least 0"),
            Some(Cap::Quantile(level)) if !(0.5..=0.9999).contains(&level) => {
                faults.at("cap", "must be between 0.5 and 0.9999");
            }
            _ => {}
        }
    }

    fn put(self, key: &str, _: Stateless, catalogue: &mut Catalogue) {
        catalogue.metrics.insert(key.to_owned(), self);
    }

    fn take(key: &str, catalogue: &mut Catalogue) {
        catalogue.metrics.remove(key);
    }
}
