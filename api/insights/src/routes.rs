//! The routes: one for each kind of question, all alike.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{Answering, JsonBody, Path, Problem, Query, Route, Routes, Wished, post, signed_in};
use footfall_pipelines_insights::definition::{self, Answer, PeopleOf, Question};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Insight;
use crate::answering::answer;
use crate::cohorts;
use crate::compared::Compared;
use crate::desk::{Asked, Desk};
use crate::problem::RAISED;

/// A question costs the limits as much as so many plain requests.
pub(crate) const COST: u32 = 5;
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InsightPlace {
    #[schemars(length(min = 1, max = 64))]
    pub project: String,
}

/// Limits of this question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InsightLimits {
    /// It is given up after so many milliseconds; never later than the server's limit.
    #[schemars(range(min = 1, max = 600_000))]
    time_limit_ms: Option<u64>,
    /// The answer may be of a moment so many milliseconds back; 1,000 if absent.
    #[schemars(range(min = 0, max = 3_600_000))]
    age_ms: Option<u64>,
}

impl From<InsightLimits> for Asked {
    fn from(limits: InsightLimits) -> Asked {
        let millis = |millis: Option<u64>| millis.map(Duration::from_millis);
        Asked { time_limit: millis(limits.time_limit_ms), age: millis(limits.age_ms) }
    }
}

macro_rules! insights {
    ($($of_project:ident $of_key:ident $path:literal $body:ident: $question:expr => $kind:ident($answer:ty), $about:literal;)+) => {
        /// The routes of all kinds.
        pub fn routes() -> Routes<Desk, May> {
            let read = || May(Permission::InsightsRead);
            let reason = "The handler asks the policy for the project of the key.";
            let asking = |route: Route<Desk, May>| {
                route
                    .cost(COST)
                    .body_bytes_max(BODY_BYTES_MAX)
                    .raises(RAISED.iter().chain(cohorts::RAISED_OF_BODIES).copied())
            };
            Routes::new("insights", "Questions about what people do, answered from the newest activity.", [$(
                asking(post(concat!("/v1/insights/", $path), signed_in(reason), $of_key, $about)),
                asking(post(concat!("/v1/projects/{project}/insights/", $path), read(), $of_project, $about)),
            )+])
        }

        $(async fn $of_key(
            State(desk): State<Desk>,
            Extension(member): Extension<Member>,
            whence: Whence,
            wished: Wished,
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$body>,
        ) -> Result<Answering<Insight<$answer>>, Problem> {
            let asking = desk.asking(&member, &whence, None, $question(body), limits.into()).await?;
            answer(asking, wished, |answer| match answer {
                Answer::$kind(answer) => Some(answer.into()),
                _ => None,
            })
            .await
        }

        async fn $of_project(
            State(desk): State<Desk>,
            Extension(member): Extension<Member>,
            whence: Whence,
            wished: Wished,
            Path(place): Path<InsightPlace>,
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$body>,
        ) -> Result<Answering<Insight<$answer>>, Problem> {
            let asking = desk.asking(&member, &whence, Some(&place.project), $question(body), limits.into()).await?;
            answer(asking, wished, |answer| match answer {
                Answer::$kind(answer) => Some(answer.into()),
                _ => None,
            })
            .await
        })+
    };
}

/// The question about the people of a number.
fn people<T>(of: fn(T) -> PeopleOf) -> impl FnOnce(T) -> Question {
    move |body| Question::People(of(body))
}

insights! {
    trend trend_of_key "trend" Trend: Question::Trend => Trend(definition::TrendAnswer), "Counts and measures over time, with breakdowns.";
    funnel funnel_of_key "funnel" Funnel: Question::Funnel => Funnel(definition::FunnelAnswer), "How many people go through steps.";
    retention retention_of_key "retention" Retention: Question::Retention => Retention(definition::RetentionAnswer), "Who comes back.";
    paths paths_of_key "paths" Paths: Question::Paths => Paths(definition::PathsAnswer), "What people do before or after an activity.";
    lifecycle lifecycle_of_key "lifecycle" Lifecycle: Question::Lifecycle => Lifecycle(definition::LifecycleAnswer), "Who is new, returning, resurrecting and dormant.";
    stickiness stickiness_of_key "stickiness" Stickiness: Question::Stickiness => Stickiness(definition::StickinessAnswer), "On how many days people do it.";
    sessions sessions_of_key "sessions" Sessions: Question::Sessions => Sessions(definition::SessionsAnswer), "Sessions: how many, how long, how they begin and end.";
    cohort cohort_of_key "cohort" CohortPeople: Question::Cohort => Cohort(definition::CohortAnswer), "Who is in a group of people.";
    distribution distribution_of_key "distribution" Distribution: Question::Distribution => Distribution(definition::DistributionAnswer), "How a number spreads.";
    active_people active_people_of_key "active_people" ActivePeople: Question::ActivePeople => ActivePeople(definition::ActivePeopleAnswer), "Active people by day, week and month.";
    time_between time_between_of_key "time_between" TimeBetween: Question::TimeBetween => TimeBetween(definition::TimeBetweenAnswer), "How long from one activity to the next.";
    ranking ranking_of_key "ranking" Ranking: Question::Ranking => Ranking(definition::RankingAnswer), "Activities and people with most rows.";
    correlation correlation_of_key "correlation" Correlation: Question::Correlation => Correlation(definition::CorrelationAnswer), "What goes with converting in a funnel.";
    compare compare_of_key "compare" Compare: Question::Compare => Compare(Compared), "Whether two groups of people differ.";
    places places_of_key "places" Places: Question::Places => Places(definition::PlacesAnswer), "Where people do it.";
    trend_people trend_people_of_key "trend/people" TrendPeople: people(PeopleOf::Trend) => People(definition::PeopleAnswer), "The people of one number of a trend.";
    funnel_people funnel_people_of_key "funnel/people" FunnelPeople: people(PeopleOf::Funnel) => People(definition::PeopleAnswer), "Who reached a step, or dropped there.";
    retention_people retention_people_of_key "retention/people" RetentionPeople: people(PeopleOf::Retention) => People(definition::PeopleAnswer), "Who started, and returned or not.";
    paths_people paths_people_of_key "paths/people" PathsPeople: people(PeopleOf::Paths) => People(definition::PeopleAnswer), "Who took a path, or an edge.";
    lifecycle_people lifecycle_people_of_key "lifecycle/people" LifecyclePeople: people(PeopleOf::Lifecycle) => People(definition::PeopleAnswer), "Who has a standing in a bucket.";
    stickiness_people stickiness_people_of_key "stickiness/people" StickinessPeople: people(PeopleOf::Stickiness) => People(definition::PeopleAnswer), "Who did it on so many days.";
    sessions_people sessions_people_of_key "sessions/people" SessionsPeople: people(PeopleOf::Sessions) => People(definition::PeopleAnswer), "Who had such a session.";
    cohort_people cohort_people_of_key "cohort/people" CohortsPeople: people(PeopleOf::Cohort) => People(definition::PeopleAnswer), "Who is in a group, page by page.";
    distribution_people distribution_people_of_key "distribution/people" DistributionPeople: people(PeopleOf::Distribution) => People(definition::PeopleAnswer), "Who has a value in a bin.";
    active_people_people active_people_people_of_key "active_people/people" ActivePeoplePeople: people(PeopleOf::ActivePeople) => People(definition::PeopleAnswer), "Who was active in a period.";
    time_between_people time_between_people_of_key "time_between/people" TimeBetweenPeople: people(PeopleOf::TimeBetween) => People(definition::PeopleAnswer), "Who needed so long.";
    correlation_people correlation_people_of_key "correlation/people" CorrelationPeople: people(PeopleOf::Correlation) => People(definition::PeopleAnswer), "Who entered the funnel, with or without a factor.";
    compare_people compare_people_of_key "compare/people" ComparePeople: people(PeopleOf::Compare) => People(definition::PeopleAnswer), "Who is in a group, or in both.";
    places_people places_people_of_key "places/people" PlacesPeople: people(PeopleOf::Places) => People(definition::PeopleAnswer), "Who was in a place.";
    ranking_people ranking_people_of_key "ranking/people" RankingPeople: people(PeopleOf::Ranking) => People(definition::PeopleAnswer), "Who has rows of an activity.";
}
