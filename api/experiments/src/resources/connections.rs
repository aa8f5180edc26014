//! How SDK keys are served: which environment, encrypted or not, evaluated here or there.

use axum::Extension;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use footfall_api_access::KeyKind;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{JsonBody, Page, Paging, Path, Problem, Routes, Told, Unfiltered, get, put};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definitions::InProject;
use super::form::author;
use super::{flags_read, flags_write};
use crate::error::{CHANGES, ExperimentError, READS, problem};
use crate::experiments::Experiments;
use crate::storage::Connection;

/// The settings of one key.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SdkConnection")]
struct Shown {
    key_id: String,
    environment: String,
    /// What the SDK decrypts with; anybody who reads the app's code has it, so it hides, and does not protect.
    encryption_key: Option<String>,
    is_remote: bool,
    records_exposures: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[schemars(length(min = 1, max = 100))]
    environment: String,
    /// Encrypts payloads; a key is made when there is none yet.
    #[serde(default)]
    is_encrypted: bool,
    /// Makes another key to encrypt with. SDKs that have the one before read nothing new until they are given it.
    #[serde(default)]
    rotates_key: bool,
    /// Hands out no payload: users are evaluated here.
    #[serde(default)]
    is_remote: bool,
    /// Tells exposures for SDKs that tell none: whoever OFREP is asked about, one flag at a time, and takes part in an experiment, has called it.
    #[serde(default)]
    records_exposures: bool,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConnectionPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    #[schemars(length(min = 1, max = 64))]
    key_id: String,
}

pub(super) fn routes() -> Routes<Experiments, May> {
    let (all, one) = ("/v1/projects/{project}/sdk-connections", "/v1/projects/{project}/sdk-connections/{key_id}");
    Routes::new(
        "sdk_connections",
        "How SDK keys are served.",
        [
            get(all, flags_read(), list, "Those that were set; every other key is served production, in clear.")
                .raises(READS),
            put(one, flags_write(), replace, "Sets how a client or write key is served.").raises(CHANGES),
        ],
    )
}

fn shown(connection: Connection) -> Shown {
    let Connection { key_id, environment, encryption_key, is_remote, records_exposures, .. } = connection;
    Shown { key_id, environment, encryption_key, is_remote, records_exposures }
}

async fn list(
    State(experiments): State<Experiments>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Shown>, Problem> {
    let found = Connection::of_project(experiments.access().database(), &place.project).await.map_err(problem)?;
    let after = paging.after.clone().unwrap_or_default();
    let found = found.into_iter().filter(|connection| connection.key_id > after).take(paging.limit + 1);
    Ok(Page::of(found.collect(), &paging, |connection| connection.key_id.clone(), shown))
}

async fn replace(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<ConnectionPlace>,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Told<Shown>, Problem> {
    let organisation = experiments.access().organisation_of(&place.project);
    let organisation = organisation.ok_or_else(|| problem(ExperimentError::NotFound("project")))?;
    let keys = experiments.access().organisation_keys(&organisation).await.map_err(|error| problem(error.into()))?;
    let is_own = keys.iter().any(|key| {
        key.id == place.key_id && key.project == place.project && matches!(key.kind, KeyKind::Client | KeyKind::Write)
    });
    if !is_own {
        return Err(problem(ExperimentError::NotFound("client or write key in this project")));
    }
    let author = author(&member, whence, wanted.reason);
    let before = Connection::of_project(experiments.access().database(), &place.project).await.map_err(problem)?;
    let known = before.into_iter().find(|known| known.key_id == place.key_id).and_then(|known| known.encryption_key);
    let encryption_key = match (wanted.is_encrypted, known) {
        (false, _) => None,
        (true, Some(known)) if !wanted.rotates_key => Some(known),
        (true, _) => Some(new_key()?),
    };
    let Wanted { environment, is_remote, records_exposures, .. } = wanted;
    let (key_id, project) = (place.key_id, place.project);
    let revision = 0;
    let connection =
        Connection { key_id, project, environment, encryption_key, is_remote, records_exposures, revision };
    experiments.connect(&connection, &author).await.map_err(problem)?;
    Ok(Told(shown(connection)))
}

fn new_key() -> Result<String, Problem> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(STANDARD.encode(bytes))
}
