//! The people of one number of an answer: who reached step 2, who dropped there, who came back in week 3.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ActivePeople, CohortPeople, Compare, Correlation, Distribution, FactorOf, Funnel, Label, Lifecycle, Paths, Places,
    Question, Ranking, Retention, Sessions, Stickiness, TimeBetween, Trend,
};

macro_rules! people_of {
    ($($name:ident $variant:ident: $question:ident $(#[$given:meta])* $cell:ident;)+) => {
        $(
            /// A question, and the place of a number in its answer.
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                pub question: $question,
                $(#[$given])*
                pub cell: $cell,
                /// At most so many ids are listed.
                #[serde(default = "hundred")]
                #[schemars(range(max = 10_000))]
                pub limit: usize,
                /// Only ids above this one by bytes: `next` of the page before.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub after: Option<String>,
            }
        )+

        /// A number of an answer.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum PeopleOf {
            $($variant($name),)+
        }

        impl PeopleOf {
            /// The question.
            pub fn question(&self) -> Question {
                match self {
                    $(PeopleOf::$variant(asked) => Question::$variant(asked.question.clone()),)+
                }
            }

            /// How many are listed, and after which id.
            pub fn page(&self) -> (usize, Option<&str>) {
                match self {
                    $(PeopleOf::$variant(asked) => (asked.limit, asked.after.as_deref()),)+
                }
            }
        }
    };
}

people_of! {
    TrendPeople Trend: Trend #[serde(default)] TrendCell;
    FunnelPeople Funnel: Funnel #[serde(default)] FunnelCell;
    RetentionPeople Retention: Retention RetentionCell;
    PathsPeople Paths: Paths PathsCell;
    LifecyclePeople Lifecycle: Lifecycle LifecycleCell;
    StickinessPeople Stickiness: Stickiness StickinessCell;
    SessionsPeople Sessions: Sessions #[serde(default)] SessionsCell;
    CohortsPeople Cohort: CohortPeople #[serde(default)] CohortCell;
    DistributionPeople Distribution: Distribution #[serde(default)] DistributionCell;
    ActivePeoplePeople ActivePeople: ActivePeople ActivePeopleCell;
    TimeBetweenPeople TimeBetween: TimeBetween #[serde(default)] TimeBetweenCell;
    PlacesPeople Places: Places PlacesCell;
    RankingPeople Ranking: Ranking #[serde(default)] RankingCell;
    CorrelationPeople Correlation: Correlation #[serde(default)] CorrelationCell;
    ComparePeople Compare: Compare #[serde(default)] CompareCell;
}

fn hundred() -> usize {
    100
}

fn yes() -> bool {
    true
}

/// How many there are, and a page of their ids.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PeopleAnswer {
    /// All of them, whatever is listed.
    pub people: u64,
    /// Person ids, ascending by bytes.
    pub listed: Vec<String>,
    /// `after` of the next page, if there is one.
    pub next: Option<String>,
}

/// People with such rows of one series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrendCell {
    /// Counted from 0.
    pub series: usize,
    /// The bucket in which this time lies; the whole span if absent.
    pub bucket_ms: Option<i64>,
    /// One line of a breakdown; all if absent.
    pub label: Label,
    /// Of the span before.
    pub previous: bool,
    /// Which of the series' measures it is, counted from 0: people of `new_people` are the new ones, and activities of a
    /// property those that have the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<usize>,
}

/// People who took `step`, or took it and not the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FunnelCell {
    /// Counted from 1.
    pub step: usize,
    pub standing: FunnelStanding,
    /// One group of a breakdown; all if absent.
    pub label: Label,
    /// Of the trend: attempts that begin in the bucket in which this time lies.
    pub bucket_ms: Option<i64>,
}

impl Default for FunnelCell {
    fn default() -> FunnelCell {
        FunnelCell { step: 1, standing: FunnelStanding::Reached, label: Label::Everything, bucket_ms: None }
    }
}

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FunnelStanding {
    /// At least this step.
    #[default]
    Reached,
    /// Exactly this step.
    Dropped,
}

/// People who started in a bucket, and of them those who returned, or did not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionCell {
    /// They started in the bucket in which this time lies.
    pub start_ms: i64,
    /// So many buckets after; all who started if absent.
    #[serde(default)]
    pub after: Option<usize>,
    /// False: those who did not return then.
    #[serde(default = "yes")]
    pub returned: bool,
    /// One group of a breakdown; all if absent.
    #[serde(default)]
    pub label: Label,
}

/// People with an occurrence of a path, or of an edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PathsCell {
    /// The whole path, as the answer has it.
    Path(Vec<String>),
    Edge {
        place: usize,
        from: String,
        to: String,
    },
}

/// People of one standing in a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LifecycleCell {
    /// The bucket in which this time lies.
    pub bucket_ms: i64,
    pub standing: LifecycleStanding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStanding {
    New,
    Returning,
    Resurrecting,
    Dormant,
}

/// People with such rows in exactly so many buckets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StickinessCell {
    /// 1 or more.
    pub buckets: usize,
}

/// People with a session that meets all of this.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionsCell {
    /// It began in the bucket in which this time lies.
    pub bucket_ms: Option<i64>,
    /// It has one row; or more than one.
    pub bounced: Option<bool>,
    /// The activity that it begins with.
    pub entry: Option<String>,
    /// The activity that it ends with.
    pub exit: Option<String>,
    /// One part of a breakdown; all if absent.
    pub label: Label,
}

/// Everybody in the group.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CohortCell {}

/// People with a value in one bin of the histogram.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DistributionCell {
    /// Counted from 0, as the answer's histogram; any value if absent.
    pub bin: Option<usize>,
}

/// People active in the days that end with one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivePeopleCell {
    /// The day in which this time lies.
    pub day_ms: i64,
    pub period: ActivePeriod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivePeriod {
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl ActivePeriod {
    /// How many days that end with one.
    pub(crate) fn days(self) -> usize {
        match self {
            ActivePeriod::Day => 1,
            ActivePeriod::Week => 7,
            ActivePeriod::Month => 30,
        }
    }
}

/// People with such a time within these bounds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeBetweenCell {
    pub at_least_ms: Option<i64>,
    pub at_most_ms: Option<i64>,
}

/// People who were in a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlacesCell {
    /// In this H3 cell, as the answer names it.
    Cell {
        cell: String,
        /// Only those with two visits or more.
        #[serde(default)]
        again: bool,
    },
    /// Within so many rings of the question's catchment.
    Within { rings: u32 },
}

/// People with such rows of an activity.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RankingCell {
    /// Any of the question's if absent.
    pub activity: Option<String>,
    /// The person of the row; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// Of those who took step 1 of a correlation's funnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CorrelationCell {
    /// Those who converted, or those who did not; both if absent.
    pub converted: Option<bool>,
    /// A factor of the question, as the answer names it, with any number of people.
    pub factor: Option<FactorOf>,
    /// Those who have the factor; with `false` those who do not.
    pub has: bool,
}

impl Default for CorrelationCell {
    fn default() -> CorrelationCell {
        CorrelationCell { converted: None, factor: None, has: true }
    }
}

/// People of a comparison.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompareCell {
    /// Of this segment alone, counted from 0; those who are in both if absent.
    pub segment: Option<usize>,
}
