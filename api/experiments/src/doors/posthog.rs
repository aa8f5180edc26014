//! PostHog's flags: `/flags` in all its versions, and the definitions for evaluation in the SDK.

use std::collections::{HashMap, HashSet};

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footfall_api_access::{Caller, Origin, Permission, Scope};
use footfall_api_http::Time;
use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::posthog::Subject;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::evaluation::{self, Answer, BEFORE, Reason};
use super::growthbook::knows;
use super::key::{Served, Unserved};
use super::{Doors, decoding};
use crate::compile::posthog::{reason_of, seen};

/// Longest distinct id that is read; as the rest of the product cuts it.
const ID_MAX: usize = 1_000;

fn told(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}

fn refused(status: StatusCode, kind: &str, code: &str, detail: &str) -> Response {
    told(status, &json!({"type": kind, "code": code, "detail": detail, "attr": null}))
}

fn unserved(unserved: Unserved) -> Response {
    match unserved {
        Unserved::Refused => {
            let detail = "The project's token is unknown, expired or revoked.";
            refused(StatusCode::UNAUTHORIZED, "authentication_error", "invalid_api_key", detail)
        }
        Unserved::Failed(error) => {
            tracing::error!(%error, "payloads could not be read");
            refused(StatusCode::SERVICE_UNAVAILABLE, "server_error", "unavailable", "Flags cannot be read now.")
        }
    }
}

/// Now, as rules with dates need it.
pub(super) fn moment(doors: &Doors) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(doors.experiments.now().millis()).unwrap_or_default()
}

/// In which shape flags are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The keys of those that are on.
    Keys,
    /// The values of those that are on.
    On,
    /// All values, and payloads.
    Values,
    /// Each flag with its reason and metadata.
    Details,
}

impl Shape {
    /// `/flags` has had details since its second version, and what was before it `/decide`, whose versions count on their own.
    const fn of(is_decide: bool, version: Option<u32>) -> Shape {
        match (is_decide, version) {
            (true, Some(1)) => Shape::Keys,
            (true, Some(2)) => Shape::On,
            (true, Some(4..)) | (false, Some(2..)) => Shape::Details,
            _ => Shape::Values,
        }
    }
}

pub(super) async fn flags(
    State(doors): State<Doors>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    told_as(&doors, Shape::of(false, version(&query)), &body).await
}

pub(super) async fn decide(
    State(doors): State<Doors>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    told_as(&doors, Shape::of(true, version(&query)), &body).await
}

fn version(query: &HashMap<String, String>) -> Option<u32> {
    query.get("v").and_then(|version| version.parse().ok())
}

async fn told_as(doors: &Doors, shape: Shape, body: &[u8]) -> Response {
    let Some(request) = decoding::json(body).filter(|request| request.as_object().is_some()) else {
        return refused(StatusCode::BAD_REQUEST, "validation_error", "invalid_payload", "The body is not JSON.");
    };
    let token = ["token", "api_key", "$token"].into_iter().find_map(|name| request.get(name)?.as_str());
    let served = match doors.served(token.unwrap_or_default()).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    let mut subject = Subject::read(&request, true, moment(doors));
    if subject.distinct_id.is_empty() || subject.distinct_id.len() > ID_MAX {
        let detail = "distinct_id has to be there, with at most 1000 bytes.";
        return refused(StatusCode::BAD_REQUEST, "validation_error", "missing_distinct_id", detail);
    }
    evaluation::complete(&mut subject);
    let before = request.get(BEFORE).and_then(FlagValue::as_str);
    let mut are_left_out = false;
    if served.payloads.catalogue.keeps_anybody() {
        match doors.experiments.hash_id(&served.project, &subject.distinct_id, before).await {
            Ok(hash_id) => subject.hash_id = hash_id,
            // The client has the id for as long as it is refused.
            Err(error) if before.is_some() => return unserved(Unserved::Failed(error)),
            Err(error) => {
                tracing::error!(%error, "flags that keep at sign-in are left out: who signed in could not be read");
                are_left_out = true;
            }
        }
    }
    let mut answers = answers(&served, &request, &subject);
    if are_left_out {
        let features = &served.payloads.catalogue.features;
        answers.retain(|(_, key, _)| features.get(key).is_some_and(|feature| !feature.keeps_at_sign_in));
    }
    told(StatusCode::OK, &dressed(doors, answers, shape, are_left_out))
}

fn answers(served: &Served, request: &FlagValue, subject: &Subject) -> Vec<(usize, String, Answer)> {
    let mut user = evaluation::user(&subject.properties, Some(&subject.distinct_id));
    if let FlagValue::Object(attributes) = &mut user.attributes {
        if let Some(device) = &subject.device_id {
            attributes.insert("device_id", device.as_str());
        }
        // Rules see the key of a group as an attribute.
        for (_, name) in served.payloads.catalogue.group_types() {
            if let Some(key) = subject.groups.get(name) {
                attributes.insert(name, key.as_str());
            }
        }
    }
    // Who asks for the settings alone wants no flags.
    if request.get("disable_flags").and_then(FlagValue::as_bool) == Some(true) {
        return Vec::new();
    }
    let wanted = request.get("flag_keys_to_evaluate").and_then(FlagValue::as_array);
    let wanted: Option<HashSet<&str>> = wanted.map(|wanted| wanted.iter().filter_map(FlagValue::as_str).collect());
    let is_wanted = |key: &str| wanted.as_ref().is_none_or(|wanted| wanted.contains(key));
    let flags = evaluation::flags(served).enumerate().filter(|(_, (key, _))| is_wanted(key));
    flags
        .map(|(index, (key, feature))| {
            (index + 1, key.to_owned(), evaluation::evaluate(served, key, feature, &user, subject))
        })
        .collect()
}

/// The answers in the shape that the version of the protocol has.
fn dressed(doors: &Doors, answers: Vec<(usize, String, Answer)>, shape: Shape, are_some_left_out: bool) -> Value {
    let request_id = uuid::Uuid::now_v7().to_string();
    let now = doors.experiments.now();
    let mut common = json!({
        "errorsWhileComputingFlags": are_some_left_out, "requestId": request_id, "evaluatedAt": now.millis(),
        "supportedCompression": ["gzip", "gzip-js"], "sessionRecording": false, "config": {"enable_collect_everything": true},
        "toolbarParams": {}, "isAuthenticated": false, "siteApps": [],
    });
    let mut flags = Map::new();
    let (mut values, mut payloads, mut on) = (Map::new(), Map::new(), Vec::new());
    for (id, key, answer) in answers {
        let (is_on, variant, payload) = seen(&answer.value, answer.value_type, answer.variation.as_deref());
        let payload = payload.or_else(|| answer.payload.as_ref().map(payload_text));
        let value = variant.clone().map_or(Value::Bool(is_on), Value::String);
        if shape == Shape::Details {
            flags.insert(key.clone(), flag(id, &key, is_on, variant, &payload, &answer));
            continue;
        }
        if is_on {
            on.push(key.clone());
        }
        if let Some(payload) = payload.filter(|_| is_on) {
            payloads.insert(key.clone(), Value::String(payload));
        }
        if is_on || shape != Shape::On {
            values.insert(key, value);
        }
    }
    match shape {
        Shape::Details => common["flags"] = Value::Object(flags),
        Shape::Keys => common["featureFlags"] = json!(on),
        Shape::On => common["featureFlags"] = Value::Object(values),
        Shape::Values => {
            common["featureFlags"] = Value::Object(values);
            common["featureFlagPayloads"] = Value::Object(payloads);
        }
    }
    common
}

/// Payloads travel as texts that hold JSON.
fn payload_text(payload: &Value) -> String {
    payload.as_str().map_or_else(|| payload.to_string(), str::to_owned)
}

fn flag(
    id: usize,
    key: &str,
    is_on: bool,
    variant: Option<String>,
    payload: &Option<String>,
    answer: &Answer,
) -> Value {
    let (code, index, description) = match &answer.reason {
        Reason::Off => ("flag_disabled", None, "The flag is switched off"),
        Reason::Default => ("no_condition_match", None, "No rule applies"),
        Reason::Rule => ("condition_match", None, "A rule applies"),
        Reason::Split => ("condition_match", None, "The user falls into a share"),
        Reason::Prerequisite => ("no_condition_match", None, "A prerequisite is not met"),
        Reason::PostHog(code, index) => (*code, *index, "By the flag's own conditions"),
    };
    // SDKs tell the description with an exposure: results know by it who took part.
    let description = match (&answer.experiment, &answer.variation) {
        (Some(experiment), Some(variation)) if answer.takes_part => {
            reason_of(experiment, variation, answer.leaf.as_deref())
        }
        _ => description.to_owned(),
    };
    json!({
        "key": key, "enabled": is_on, "variant": variant,
        "reason": {"code": code, "condition_index": index, "description": description},
        "metadata": {"id": id, "version": 1, "description": null, "payload": payload},
    })
}

/// The definitions, for those who hold a secret: a key that may read flags.
pub(super) async fn definitions(
    State(doors): State<Doors>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let token = query.get("token").map(String::as_str).unwrap_or_default();
    let served = match doors.served(token).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    if !may_read(&doors, &served, &headers).await {
        let detail = "A key that may read the flags of this project is needed as Bearer token.";
        return refused(StatusCode::UNAUTHORIZED, "authentication_error", "authentication_failed", detail);
    }
    let etag = &served.compiled.definitions_etag;
    let mut response = if knows(&headers, etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        ];
        (headers, served.compiled.definitions.clone()).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    if let Ok(at) = HeaderValue::from_str(&Time::from(served.payloads.changed_at).to_string()) {
        response.headers_mut().insert("x-changed-at", at);
    }
    response
}

async fn may_read(doors: &Doors, served: &Served, headers: &HeaderMap) -> bool {
    let access = doors.experiments.access();
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(secret) = bearer.and_then(|text| text.strip_prefix("Bearer ")) else { return false };
    let Ok(caller): Result<Caller, _> = access.authenticate(secret.trim()).await else { return false };
    let Some(organisation) = access.organisation_of(&served.project) else { return false };
    let scope = Scope::Project { organisation: &organisation, project: &served.project };
    access.authorise(&caller, Permission::FlagsRead, scope, &Origin::default()).await.is_ok()
}
