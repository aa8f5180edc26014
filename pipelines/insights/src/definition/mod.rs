//! Questions and answers: what can be asked, with the exact meaning of every field. One file per question.

mod active;
mod activities;
mod bounds;
mod buckets;
mod by;
mod cohort;
mod compare;
mod correlation;
mod distribution;
mod exposures;
mod formula;
mod funnel;
mod funnel_times;
mod lately;
mod lifecycle;
mod needs;
mod parts;
mod paths;
mod people;
mod places;
mod ranking;
mod retention;
mod scope;
mod select;
mod sessions;
mod stickiness;
mod test;
mod time_between;
mod trend;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use active::{ActiveDay, ActivePeople, ActivePeopleAnswer};
pub use activities::{
    ActivePeopleActivities, ActivitiesAnswer, ActivitiesOf, ActivityPlace, CountedActivity, CountedColumn,
    DistributionActivities, LifecycleActivities, PlacesActivities, RankingActivities, RetentionActivities,
    StickinessActivities, TrendActivities,
};
pub(crate) use buckets::zone;
pub use buckets::{Bucket, Buckets};
pub use by::{By, ByGroup, ByOf, ByProperty, BySession, EVENT_COLUMN};
pub(crate) use by::{bin, bins};
pub use cohort::{Cohort, CohortAnswer, CohortPeople, NamedCohort};
pub use compare::{Compare, CompareAnswer, CompareOf, CompareSegment};
pub use correlation::{Correlation, CorrelationAnswer, Factor, FactorOf, FactorTest};
pub use distribution::{Distribution, DistributionAnswer, DistributionOf};
pub use exposures::{
    ContextTelling, DividedBy, ExposedBy, ExposedCell, ExposedLevel, Exposures, ExposuresAnswer, PartOf, PersonCap,
    PersonMeasure, PersonMoments, PersonPart, QuantileAround, Telling, ToldWhere,
};
pub use formula::{Formula, Sign};
pub(crate) use funnel::RANKS;
pub use funnel::{
    Attribution, Exclusion, Funnel, FunnelAnswer, FunnelBreakdown, FunnelBucket, FunnelGroup, FunnelOrder,
};
pub use funnel_times::{FunnelTimes, FunnelTimesAnswer, StepTimes};
pub use lately::{Lately, LatelyOf, settle};
pub use lifecycle::{Lifecycle, LifecycleAnswer, LifecycleBucket};
pub use needs::Needs;
pub(crate) use parts::Part;
pub use paths::{Anchor, AnchorRow, PathCount, PathEdge, PathName, Paths, PathsAnswer, Pattern};
pub use people::{
    ActivePeopleCell, ActivePeoplePeople, ActivePeriod, CohortCell, CohortsPeople, CompareCell, ComparePeople,
    CorrelationCell, CorrelationPeople, DistributionCell, DistributionPeople, FunnelCell, FunnelPeople, FunnelStanding,
    LifecycleCell, LifecyclePeople, LifecycleStanding, PathsCell, PathsPeople, PeopleAnswer, PeopleOf, PlacesCell,
    PlacesPeople, RankingCell, RankingPeople, RetentionCell, RetentionPeople, SessionsCell, SessionsPeople,
    StickinessCell, StickinessPeople, TimeBetweenCell, TimeBetweenPeople, TrendCell, TrendPeople,
};
pub use places::{Catchment, CatchmentRing, Place, Places, PlacesAnswer};
pub use ranking::{RankBy, RankedRow, Ranking, RankingAnswer};
pub use retention::{Retention, RetentionAnswer, RetentionCohort, RetentionGroup, RetentionKind};
pub use scope::Scope;
pub(crate) use scope::{is_sampled, sample_bound};
pub(crate) use select::sql_column;
pub use select::{
    Comparison, Condition, GROUP_COLUMN, GroupComparison, SQL_COLUMN, Selector, SessionComparison, SessionProperty,
};
pub use sessions::{SessionBucket, SessionGroup, SessionMeasure, Sessions, SessionsAnswer};
pub use stickiness::{Stickiness, StickinessAnswer};
pub use test::{Test, Tester};
pub(crate) use test::{moment, number, regex};
pub use time_between::{TimeBetween, TimeBetweenAnswer};
pub use trend::{
    Breakdown, Label, Measure, PersonStatistic, PersonValue, Running, Series, Trend, TrendAnswer, TrendLine,
};

/// Any question. The tag is not `kind`, which a retention has of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    Trend(Trend),
    Funnel(Funnel),
    Retention(Retention),
    Paths(Paths),
    Lifecycle(Lifecycle),
    Stickiness(Stickiness),
    Sessions(Sessions),
    Cohort(CohortPeople),
    Distribution(Distribution),
    ActivePeople(ActivePeople),
    TimeBetween(TimeBetween),
    Ranking(Ranking),
    Correlation(Correlation),
    Compare(Compare),
    Places(Places),
    /// The people of one number of another's answer.
    People(PeopleOf),
    /// The activities of one number of another's answer.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Activities(ActivitiesOf),
    /// Asked by the program alone.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Exposures(Exposures),
}

/// The answer to a [`Question`] of the same kind.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Answer {
    Trend(TrendAnswer),
    Funnel(FunnelAnswer),
    Retention(RetentionAnswer),
    Paths(PathsAnswer),
    Lifecycle(LifecycleAnswer),
    Stickiness(StickinessAnswer),
    Sessions(SessionsAnswer),
    Cohort(CohortAnswer),
    Distribution(DistributionAnswer),
    ActivePeople(ActivePeopleAnswer),
    TimeBetween(TimeBetweenAnswer),
    Ranking(RankingAnswer),
    Correlation(CorrelationAnswer),
    Compare(CompareAnswer),
    Places(PlacesAnswer),
    People(PeopleAnswer),
    #[schemars(skip)]
    Activities(ActivitiesAnswer),
    #[schemars(skip)]
    Exposures(ExposuresAnswer),
}
