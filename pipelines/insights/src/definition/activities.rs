//! The activities behind one number of an answer: which rows were counted, the newest first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ActivePeople, ActivePeopleCell, ActivePeoplePeople, Distribution, DistributionCell, DistributionPeople, Lifecycle,
    LifecycleCell, LifecyclePeople, PeopleOf, Places, PlacesCell, PlacesPeople, Ranking, RankingCell, RankingPeople,
    Retention, RetentionCell, RetentionPeople, Stickiness, StickinessCell, StickinessPeople, Trend, TrendCell,
    TrendPeople,
};

/// A number of an answer, and a page of the activities behind it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivitiesOf {
    /// The number; its own page is not looked at.
    pub of: PeopleOf,
    pub limit: usize,
    pub after: Option<ActivityPlace>,
}

/// Where the page before ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityPlace {
    pub time_ms: i64,
    pub person_id: String,
    pub activity: String,
    /// So many of just these were listed.
    #[serde(default)]
    #[schemars(range(max = 100_000))]
    pub listed: usize,
}

/// How many there are, and a page of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivitiesAnswer {
    /// All of them, whatever is listed.
    pub activities: u64,
    /// The columns that the question looked at to choose rows.
    pub columns: Vec<CountedColumn>,
    /// The newest first; of one moment by person, then activity, by bytes.
    pub listed: Vec<CountedActivity>,
    pub next: Option<ActivityPlace>,
}

/// A column that a question looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedColumn {
    pub name: String,
    /// What is no number has no value.
    pub is_number: bool,
}

/// A row that was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountedActivity {
    pub time_ms: i64,
    pub person: String,
    pub activity: String,
    /// Its place, from 0, among those of which all of this and the values are the same.
    pub nth: usize,
    /// For each of the columns.
    pub values: Vec<Option<String>>,
}

macro_rules! activities_of {
    ($($(#[$about:meta])* $name:ident $variant:ident $people:ident: $question:ident $(#[$given:meta])* $cell:ident;)+) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                pub question: $question,
                $(#[$given])*
                pub cell: $cell,
                /// At most so many are listed.
                #[serde(default = "hundred")]
                #[schemars(range(max = 1_000))]
                pub limit: usize,
                /// Only those behind this one: `next` of the page before.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub after: Option<ActivityPlace>,
            }

            impl From<$name> for ActivitiesOf {
                fn from(asked: $name) -> ActivitiesOf {
                    let $name { question, cell, limit, after } = asked;
                    let of = PeopleOf::$variant($people { question, cell, limit: 0, after: None });
                    ActivitiesOf { of, limit, after }
                }
            }
        )+
    };
}

activities_of! {
    /// Such rows of one series, in a bucket and under a label.
    TrendActivities Trend TrendPeople: Trend #[serde(default)] TrendCell;
    /// What started people do in the bucket; of those who returned, with what.
    RetentionActivities Retention RetentionPeople: Retention RetentionCell;
    /// What people of a standing do in the bucket; of dormant ones, in the one before.
    LifecycleActivities Lifecycle LifecyclePeople: Lifecycle LifecycleCell;
    /// All such rows of people with rows in so many buckets.
    StickinessActivities Stickiness StickinessPeople: Stickiness StickinessCell;
    /// Rows with a number in the bin; of rows per person, the rows of people in the bin.
    DistributionActivities Distribution DistributionPeople: Distribution #[serde(default)] DistributionCell;
    /// Rows of the days that end with one.
    ActivePeopleActivities ActivePeople ActivePeoplePeople: ActivePeople ActivePeopleCell;
    /// Rows in a place.
    PlacesActivities Places PlacesPeople: Places PlacesCell;
    /// Rows of an activity, a person, or both.
    RankingActivities Ranking RankingPeople: Ranking #[serde(default)] RankingCell;
}

fn hundred() -> usize {
    100
}
