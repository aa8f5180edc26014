//! The routes: one for each kind of question, all alike.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{JsonBody, Path, Problem, Query, Routes, Told, post};
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

macro_rules! insights {
    ($($handler:ident $path:literal $question:ident: $asked:ident -> $answer:ident, $about:literal;)+) => {
        /// The routes of all kinds.
        pub fn routes() -> Routes<Desk, May> {
            let read = || May(Permission::InsightsRead);
            Routes::new("insights", "Questions about what people do, answered from the newest activity.", [$(
                post(concat!("/v1/projects/{project}/insights/", $path), read(), $handler, $about)
                    .cost(COST)
                    .body_bytes_max(BODY_BYTES_MAX)
                    .raises(RAISED.iter().copied()),
            )+])
        }

        $(async fn $handler(
            State(desk): State<Desk>,
            Extension(member): Extension<Member>,
            whence: Whence,
            Path(place): Path<InsightPlace>,
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$asked>,
        ) -> Result<Told<Insight<definition::$answer>>, Problem> {
            let question = Question::$question(body);
            let asked = Asked { time_limit_ms: limits.time_limit_ms, age_ms: limits.age_ms };
            let answered = desk.ask(&member, &whence, &place.project, &question, asked).await?;
            match answered.answer.clone() {
                Answer::$question(answer) => Ok(Told(Insight::new(answer, &answered, clickhouse_sql(&question)))),
                _ => Err(Problem::internal("an answer of another kind")),
            }
        })+
    };
}

insights! {
    trend "trend" Trend: Trend -> TrendAnswer, "Counts and measures over time, with breakdowns.";
    funnel "funnel" Funnel: Funnel -> FunnelAnswer, "How many people go through steps.";
    retention "retention" Retention: Retention -> RetentionAnswer, "Who comes back.";
    paths "paths" Paths: Paths -> PathsAnswer, "What people do before or after an activity.";
    lifecycle "lifecycle" Lifecycle: Lifecycle -> LifecycleAnswer, "Who is new, returning, resurrecting and dormant.";
    stickiness "stickiness" Stickiness: Stickiness -> StickinessAnswer, "On how many days people do it.";
    sessions "sessions" Sessions: Sessions -> SessionsAnswer, "Sessions: how many, how long, how they begin and end.";
    cohort "cohort" Cohort: CohortPeople -> CohortAnswer, "Who is in a group of people.";
    distribution "distribution" Distribution: Distribution -> DistributionAnswer, "How a number spreads.";
    active_people "active_people" ActivePeople: ActivePeople -> ActivePeopleAnswer, "Active people by day, week and month.";
    time_between "time_between" TimeBetween: TimeBetween -> TimeBetweenAnswer, "How long from one activity to the next.";
    ranking "ranking" Ranking: Ranking -> RankingAnswer, "Activities and people with most rows.";
}
