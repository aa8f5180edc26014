//! Exposures: what people do after, and before, something first put them into an arm of an experiment.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Selector, Test};

/// People by the arm that their rows tell of, with the moments of what each of them did.
///
/// A row tells of an arm if it is of one of `told_by` and lies in the span. A person's *first* is their first such row. People who are
/// told of in two arms are counted and have no values, unless `counts_first`; people with a telling row that `left_out` holds for are
/// not there at all.
///
/// It is asked by experiments alone, never read from outside.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Exposures {
    pub from_ms: i64,
    /// No row from here on counts for anything.
    pub until_ms: i64,
    pub arms: usize,
    pub told_by: Vec<Telling>,
    /// Which of these rows tell; all where it is absent.
    pub told_where: Option<ToldWhere>,
    /// Properties of telling rows, and what leaves a person out.
    pub left_out: Vec<(String, Test)>,
    /// Which rows values are made of.
    pub sources: Vec<Selector>,
    pub measures: Vec<PersonMeasure>,
    /// Whoever is told of in several arms counts in that of their first row, of rows of one time in the least.
    pub counts_first: bool,
    /// By what of the first row people are counted.
    pub dimensions: Vec<ExposedBy>,
    pub divided_by: DividedBy,
    /// Divides besides by whether a person has rows of parts that end before the first row.
    pub by_activity: bool,
}

/// Rows whose property is this.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ToldWhere {
    pub property: String,
    pub is: String,
    /// And those without it.
    pub or_missing: bool,
}

/// Into what the moments of an arm are divided.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DividedBy {
    /// By the day of the first row.
    Days,
    /// By one of the dimensions.
    Dimension(usize),
    /// By the day of the first row, and by these levels of one of the dimensions, all others together.
    DaysAndLevels { dimension: usize, levels: Vec<String> },
    /// By the last of these times before the first row, ascending, and by the context that the first row tells: the first of these
    /// properties that is there does. Of rows of one time in one arm the least context counts.
    Times { starts_ms: Vec<i64>, contexts: Vec<ContextTelling> },
}

impl DividedBy {
    pub(crate) fn contexts(&self) -> &[ContextTelling] {
        match self {
            DividedBy::Times { contexts, .. } => contexts,
            DividedBy::Days | DividedBy::Dimension(_) | DividedBy::DaysAndLevels { .. } => &[],
        }
    }

    /// How many contexts there are, or levels.
    pub(crate) fn contexts_told(&self) -> usize {
        if let DividedBy::DaysAndLevels { levels, .. } = self {
            return levels.len();
        }
        let told = self.contexts().iter().flat_map(|telling| &telling.contexts);
        told.map(|(_, context)| context + 1).max().unwrap_or(0)
    }
}

/// A property that tells of contexts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ContextTelling {
    pub property: String,
    /// Values, each with its context, counted from 0.
    pub contexts: Vec<(String, usize)>,
}

/// One or two properties, whose values together are a level, with a space between.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExposedBy {
    pub properties: Vec<String>,
    /// Whoever lacks the last has no level.
    pub needs_last: bool,
}

/// Rows that tell of an arm.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Telling {
    pub activity: String,
    /// The first of these properties that is there …
    pub keys: Vec<String>,
    /// … is this.
    pub key: String,
    /// The first of these that is there …
    pub values: Vec<String>,
    /// … is one of these, and stands for its arm.
    pub arms: Vec<(String, usize)>,
}

/// Up to four values of each person, whose means and covariances are wanted together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PersonMeasure {
    pub parts: Vec<PersonPart>,
    /// No value counts for more.
    pub cap: Option<PersonCap>,
    /// Quantiles of the first value, over the people of each arm.
    pub quantiles: Option<QuantileAround>,
    /// People whose first row is less than so many milliseconds before the end have no values.
    pub matures_ms: Option<i64>,
}

/// One value of a person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PersonPart {
    /// Its place in [`Exposures::sources`].
    pub source: usize,
    pub of: PartOf,
    /// Milliseconds after the first row, or before it if negative; inclusive.
    pub after_ms: i64,
    /// Exclusive.
    pub before_ms: Option<i64>,
}

/// What of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartOf {
    Rows,
    /// 1 if there is one.
    Happened,
    Sum(String),
    /// Rows with a number.
    Numbers(String),
    /// Different texts.
    Different(String),
}

/// Where values are cut.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonCap {
    At(f64),
    /// At this quantile of the first value, over the people of all arms.
    Quantile(f64),
}

/// A quantile, and those at ν ± z √(ν(1 − ν)/n) around it for the n people of the arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct QuantileAround {
    pub level: f64,
    pub z: f64,
}

/// Cells by arm and what divides; counts by dimension.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct ExposuresAnswer {
    /// People who were told of in two arms.
    pub several: u64,
    pub cells: Vec<ExposedCell>,
    /// For each dimension its levels; the empty text with the people who have none.
    pub dimensions: Vec<Vec<ExposedLevel>>,
    /// For each measure where it was cut.
    pub caps: Vec<Option<f64>>,
    /// For each measure and arm quantile, lower and upper; empty where none are wanted.
    pub quantiles: Vec<Vec<Option<[f64; 3]>>>,
}

/// People of an arm whose first rows lie in one part.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct ExposedCell {
    pub arm: usize,
    /// Days since 1970 UTC, or the place of the time that divides.
    pub part: i64,
    /// Of the dimension that divides; the empty text where none does, or the property is missing.
    pub level: String,
    /// Where contexts divide, or levels beside days: its place; none is one that is not known, or all other levels.
    pub context: Option<usize>,
    /// Where activity divides: those who have rows before their first.
    pub is_active: bool,
    pub people: f64,
    pub measures: Vec<PersonMoments>,
}

/// Means, and sums of products of deviations: the upper triangle, row by row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct PersonMoments {
    /// Who have values: all but those whose time is not over.
    pub people: f64,
    pub means: Vec<f64>,
    pub scatter: Vec<f64>,
}

/// People with a value of a dimension, by arm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct ExposedLevel {
    pub level: String,
    pub people: Vec<u64>,
}
