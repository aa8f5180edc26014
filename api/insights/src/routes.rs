//! The routes: one for each kind of question, all alike.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{JsonBody, Path, Problem, Query, Route, Routes, Told, post, signed_in};
use footfall_pipelines_insights::clickhouse_sql;
use footfall_pipelines_insights::definition::{self, Answer, Question};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Insight;
use crate::desk::{Asked, Desk};
use crate::problem::RAISED;

/// A question costs the limits as much as so many plain requests.
const COST: u32 = 5;
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InsightPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
}

/// Limits of this question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InsightLimits {
    /// It is given up after so many milliseconds; never later than the server's limit.
    #[schemars(range(min = 1, max = 600_000))]
    time_limit_ms: Option<u64>,
    /// The answer may be of a moment so many milliseconds back; 500 if absent.
    #[schemars(range(min = 0, max = 3_600_000))]
    age_ms: Option<u64>,
}

impl From<InsightLimits> for Asked {
    fn from(limits: InsightLimits) -> Asked {
        Asked { time_limit_ms: limits.time_limit_ms, age_ms: limits.age_ms }
    }
}

macro_rules! insights {
    ($($of_project:ident $of_key:ident $path:literal $question:ident: $asked:ident -> $answer:ident, $about:literal;)+) => {
        /// The routes of all kinds.
        pub fn routes() -> Routes<Desk, May> {
            let read = || May(Permission::InsightsRead);
            let reason = "The handler asks the policy for the project of the key.";
            let asking = |route: Route<Desk, May>| {
                route.cost(COST).body_bytes_max(BODY_BYTES_MAX).raises(RAISED.iter().copied())
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
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$asked>,
        ) -> Result<Told<Insight<definition::$answer>>, Problem> {
            let question = Question::$question(body);
            let answered = desk.ask(&member, &whence, None, &question, limits.into()).await?;
            match answered.answer.clone() {
                Answer::$question(answer) => Ok(Told(Insight::new(answer, &answered, clickhouse_sql(&question)))),
                _ => Err(Problem::internal("an answer of another kind")),
            }
        }

        async fn $of_project(
            State(desk): State<Desk>,
            Extension(member): Extension<Member>,
            whence: Whence,
            Path(place): Path<InsightPlace>,
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$asked>,
        ) -> Result<Told<Insight<definition::$answer>>, Problem> {
            let question = Question::$question(body);
            let answered = desk.ask(&member, &whence, Some(&place.project), &question, limits.into()).await?;
            match answered.answer.clone() {
                Answer::$question(answer) => Ok(Told(Insight::new(answer, &answered, clickhouse_sql(&question)))),
                _ => Err(Problem::internal("an answer of another kind")),
            }
        })+
    };
}

insights! {
    trend trend_of_key "trend" Trend: Trend -> TrendAnswer, "Counts and measures over time, with breakdowns.";
    funnel funnel_of_key "funnel" Funnel: Funnel -> FunnelAnswer, "How many people go through steps.";
    retention retention_of_key "retention" Retention: Retention -> RetentionAnswer, "Who comes back.";
    paths paths_of_key "paths" Paths: Paths -> PathsAnswer, "What people do before or after an activity.";
    lifecycle lifecycle_of_key "lifecycle" Lifecycle: Lifecycle -> LifecycleAnswer, "Who is new, returning, resurrecting and dormant.";
    stickiness stickiness_of_key "stickiness" Stickiness: Stickiness -> StickinessAnswer, "On how many days people do it.";
    sessions sessions_of_key "sessions" Sessions: Sessions -> SessionsAnswer, "Sessions: how many, how long, how they begin and end.";
    cohort cohort_of_key "cohort" Cohort: CohortPeople -> CohortAnswer, "Who is in a group of people.";
    distribution distribution_of_key "distribution" Distribution: Distribution -> DistributionAnswer, "How a number spreads.";
    active_people active_people_of_key "active_people" ActivePeople: ActivePeople -> ActivePeopleAnswer, "Active people by day, week and month.";
    time_between time_between_of_key "time_between" TimeBetween: TimeBetween -> TimeBetweenAnswer, "How long from one activity to the next.";
    ranking ranking_of_key "ranking" Ranking: Ranking -> RankingAnswer, "Activities and people with most rows.";
}
