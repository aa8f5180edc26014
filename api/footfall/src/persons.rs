//! What members do with people and with what could not be read: join two ids, take a joining back, read the quarantine again.
//!
//! All three become records of the log, like everything else that happens; the audit says who asked for it.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Access, Act, Permission};
use footfall_api_app::{Gatekeeper, May, Member, Whence};
use footfall_api_data::TrackingPlans;
use footfall_api_http::{Fault, JsonBody, Path, Place, Problem, Routes, Site, Told, kinds, post};
use footfall_ingest_activity::{Entry, Limits, Source, Unmerge};
use footfall_ingest_server::{Dialect, parse_record};
use footfall_pipelines_store::query::Question;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::AppError;
use crate::replay::{ReplayArgs, Replayed, replay};
use crate::wiring::Stack;

/// Many items take their time.
const LONG: Duration = Duration::from_secs(600);
const REPLAYED_MAX: u64 = 100_000;

#[derive(Clone)]
struct Persons {
    stack: Arc<Stack>,
    access: Access,
    limits: Limits,
    plans: TrackingPlans,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InProject {
    #[schemars(length(min = 1, max = 64))]
    project: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MergePlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    /// From the table `person_merges`.
    #[schemars(length(min = 1, max = 200))]
    merge: String,
}

/// Two ids that are one person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Joining {
    /// The id that joins.
    #[schemars(length(min = 1, max = 200))]
    from: String,
    /// The id whose person it joins.
    #[schemars(length(min = 1, max = 200))]
    into: String,
}

/// It is in the log; the tables follow within a second.
#[derive(Debug, Serialize, JsonSchema)]
struct Taken {
    merge_id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReplayOf {
    /// Only items with this reason.
    #[schemars(length(min = 1, max = 64))]
    reason: Option<String>,
}

/// Adds the routes.
#[must_use]
pub fn add(
    site: Site<Gatekeeper>,
    stack: Arc<Stack>,
    access: Access,
    limits: Limits,
    plans: TrackingPlans,
) -> Site<Gatekeeper> {
    let persons = || May(Permission::PersonsWrite);
    let routes = [
        post("/v1/projects/{project}/persons/merges", persons(), merge, "Says that two ids are one person."),
        post(
            "/v1/projects/{project}/persons/merges/{merge}/undo",
            persons(),
            undo,
            "Takes a joining back; the ids are again the persons that they would be without it.",
        ),
        post(
            "/v1/projects/{project}/quarantine/replay",
            May(Permission::JobsWrite),
            read_again,
            "Reads quarantined items again with the limits and the tracking plan in force, at most 100,000 at a time.",
        )
        .time_max(LONG),
    ];
    let about = "Who is whom, and what could not be read.";
    site.add(Routes::new("persons", about, routes), Persons { stack, access, limits, plans })
}

impl Persons {
    async fn knows(&self, place: &MergePlace) -> Result<bool, AppError> {
        let sql =
            "SELECT merge_id FROM person_merges WHERE merge_id = $merge AND kind <> 'undo' AND NOT undone LIMIT 1";
        let question = Question::new(sql).with_params(json!({"merge": place.merge}));
        let mut answer = self.stack.engine.query(&place.project, question).await?;
        while let Some(batch) = answer.next().await {
            if batch?.num_rows() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn note(&self, act: Act) -> Result<(), Problem> {
        self.access.record_alone(act).await.map_err(footfall_api_app::problem)
    }

    fn act(&self, name: &'static str, member: &Member, whence: &Whence, project: &str, object: &str) -> Act {
        let organisation = self.access.organisation_of(project).unwrap_or_default();
        Act::new(member.caller.actor.clone(), name, &whence.0)
            .on("person_merge", object)
            .within(&*organisation, project)
    }
}

async fn merge(
    State(persons): State<Persons>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    JsonBody(joining): JsonBody<Joining>,
) -> Result<Told<Taken>, Problem> {
    let id = uuid::Uuid::new_v4().to_string();
    let pair = json!([{"type": "id", "value": joining.into}, {"type": "id", "value": joining.from}]);
    let raw = json!({"type": "merge", "messageId": id, "userId": joining.into, "mergeProperties": pair}).to_string();
    let now = persons.stack.clock.now();
    let source = Source {
        project: &place.project,
        dialect: Dialect::Native.as_str(),
        received_at: now,
        sent_at: None,
        raw: &raw,
        import: None,
        id_of_none: None,
        skew: None,
    };
    let record = parse_record(Dialect::Native, &raw, &source, &persons.limits, None).map_err(|refusal| {
        let fault = Fault::new(Place::Body, "", refusal.to_string());
        Problem::new(&kinds::BODY_INVALID).detail(format!("{refusal}.")).faults(vec![fault])
    })?;
    let act = persons.act("person.merge", &member, &whence, &place.project, &id);
    persons.note(act.after(&json!({"from": joining.from, "into": joining.into}))).await?;
    persons.stack.log.append(vec![record]).await.map_err(Problem::internal)?;
    Ok(Told(Taken { merge_id: id }))
}

async fn undo(
    State(persons): State<Persons>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<MergePlace>,
) -> Result<Told<Taken>, Problem> {
    if !persons.knows(&place).await.map_err(Problem::internal)? {
        return Err(
            Problem::new(&footfall_api_app::NOT_FOUND).detail("There is no such joining that could be taken back.")
        );
    }
    let unmerge = Unmerge {
        project: place.project.as_str().into(),
        merge_id: place.merge.as_str().into(),
        requested_at: persons.stack.clock.now(),
    };
    let record = Entry::Unmerge(unmerge).encode().map_err(Problem::internal)?;
    persons.note(persons.act("person.unmerge", &member, &whence, &place.project, &place.merge)).await?;
    persons.stack.log.append(vec![record]).await.map_err(Problem::internal)?;
    Ok(Told(Taken { merge_id: place.merge }))
}

async fn read_again(
    State(persons): State<Persons>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    JsonBody(of): JsonBody<ReplayOf>,
) -> Result<Told<Replayed>, Problem> {
    let organisation = persons.access.organisation_of(&place.project).unwrap_or_default();
    let act = Act::new(member.caller.actor.clone(), "quarantine.replay", &whence.0).on("project", &place.project);
    persons.note(act.within(&*organisation, &place.project).after(&json!({"reason": of.reason}))).await?;
    let arguments = ReplayArgs { reason: of.reason, limit: REPLAYED_MAX };
    let done = replay(&persons.stack, &place.project, &persons.limits, &persons.plans, &arguments).await;
    done.map(Told).map_err(Problem::internal)
}
