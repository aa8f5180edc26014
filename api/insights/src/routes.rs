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

macro_rules! insights {
    ($($kind:ident $path:literal $of_project:literal $question:ident: $asked:ident -> $answer:ident, $about:literal;)+) => {
        /// The routes of all kinds.
        pub fn routes() -> Routes<Desk, May> {
            let read = || May(Permission::InsightsRead);
            let reason = "The handler asks the policy for the project of the key.";
            let asking = |route: Route<Desk, May>| {
                route.cost(COST).body_bytes_max(BODY_BYTES_MAX).raises(RAISED.iter().copied())
            };
            Routes::new("insights", "Questions about what people do, answered from the newest activity.", [$(
                asking(post($path, signed_in(reason), $kind::of_key, $about)),
                asking(post($of_project, read(), $kind::of_project, $about)),
            )+])
        }

        $(mod $kind {
            use super::*;

            type Outcome = Result<Told<Insight<definition::$answer>>, Problem>;

            pub(super) async fn of_key(
                State(desk): State<Desk>,
                Extension(member): Extension<Member>,
                whence: Whence,
                Query(limits): Query<InsightLimits>,
                JsonBody(body): JsonBody<definition::$asked>,
            ) -> Outcome {
                answer(desk, member, whence, None, limits, body).await
            }

            pub(super) async fn of_project(
                State(desk): State<Desk>,
                Extension(member): Extension<Member>,
                whence: Whence,
                Path(place): Path<InsightPlace>,
                Query(limits): Query<InsightLimits>,
                JsonBody(body): JsonBody<definition::$asked>,
            ) -> Outcome {
                answer(desk, member, whence, Some(place.project), limits, body).await
            }

            async fn answer(
                desk: Desk,
                member: Member,
                whence: Whence,
                project: Option<String>,
                limits: InsightLimits,
                body: definition::$asked,
            ) -> Outcome {
                let question = Question::$question(body);
                let asked = Asked { time_limit_ms: limits.time_limit_ms, age_ms: limits.age_ms };
                let answered = desk.ask(&member, &whence, project.as_deref(), &question, asked).await?;
                match answered.answer.clone() {
                    Answer::$question(answer) => Ok(Told(Insight::new(answer, &answered, clickhouse_sql(&question)))),
                    _ => Err(Problem::internal("an answer of another kind")),
                }
            }
        })+
    };
}

insights! {
    trend "/v1/insights/trend" "/v1/projects/{project}/insights/trend" Trend: Trend -> TrendAnswer, "Counts and measures over time, with breakdowns.";
    funnel "/v1/insights/funnel" "/v1/projects/{project}/insights/funnel" Funnel: Funnel -> FunnelAnswer, "How many people go through steps.";
    retention "/v1/insights/retention" "/v1/projects/{project}/insights/retention" Retention: Retention -> RetentionAnswer, "Who comes back.";
    paths "/v1/insights/paths" "/v1/projects/{project}/insights/paths" Paths: Paths -> PathsAnswer, "What people do before or after an activity.";
    lifecycle "/v1/insights/lifecycle" "/v1/projects/{project}/insights/lifecycle" Lifecycle: Lifecycle -> LifecycleAnswer, "Who is new, returning, resurrecting and dormant.";
    stickiness "/v1/insights/stickiness" "/v1/projects/{project}/insights/stickiness" Stickiness: Stickiness -> StickinessAnswer, "On how many days people do it.";
    sessions "/v1/insights/sessions" "/v1/projects/{project}/insights/sessions" Sessions: Sessions -> SessionsAnswer, "Sessions: how many, how long, how they begin and end.";
    cohort "/v1/insights/cohort" "/v1/projects/{project}/insights/cohort" Cohort: CohortPeople -> CohortAnswer, "Who is in a group of people.";
    distribution "/v1/insights/distribution" "/v1/projects/{project}/insights/distribution" Distribution: Distribution -> DistributionAnswer, "How a number spreads.";
    active_people "/v1/insights/active_people" "/v1/projects/{project}/insights/active_people" ActivePeople: ActivePeople -> ActivePeopleAnswer, "Active people by day, week and month.";
    time_between "/v1/insights/time_between" "/v1/projects/{project}/insights/time_between" TimeBetween: TimeBetween -> TimeBetweenAnswer, "How long from one activity to the next.";
    ranking "/v1/insights/ranking" "/v1/projects/{project}/insights/ranking" Ranking: Ranking -> RankingAnswer, "Activities and people with most rows.";
}
