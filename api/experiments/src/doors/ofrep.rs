//! OpenFeature's remote evaluation protocol (OFREP 0.3): one flag, all flags, and the stream that says when to ask again.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footfall_api_http::Time;
use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::posthog::Subject;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Doors;
use super::evaluation::{self, Answer, Reason};
use super::growthbook::knows;
use super::key::{Served, Unserved};
use super::limit::AskedFrom;
use super::posthog::moment;
use super::stream::{self, Ending};
use crate::catalogue::Catalogue;
use crate::definition::Feature;
use crate::payloads::{Compiled, ProjectPayloads};
use crate::sighting::Sighting;
use crate::storage::Connection;

/// The state that a stream has told its listener of, in the question that follows.
const CONFIG_TAG: &str = "flagConfigEtag";
/// The state that who opens a stream has been served.
const KNOWN: &str = "known";
const KEY_MISSING: &str = "TARGETING_KEY_MISSING";
const KEY_MISSING_DETAILS: &str = "The value of this flag goes by the targetingKey.";
/// How long a client that hears nothing keeps its stream.
const INACTIVITY_SECONDS: u32 = 120;

fn told(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    ];
    (status, headers, body.to_string()).into_response()
}

fn failed(status: StatusCode, key: Option<&str>, code: &str, details: &str) -> Response {
    let mut body = json!({"errorCode": code, "errorDetails": details});
    if let Some(key) = key {
        body["key"] = json!(key);
    }
    told(status, &body)
}

fn unserved(unserved: Unserved) -> Response {
    match unserved {
        Unserved::Refused => {
            let mut response =
                told(StatusCode::UNAUTHORIZED, &json!({"errorDetails": "The key is unknown, expired or revoked."}));
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
        Unserved::Failed(error) => {
            tracing::error!(%error, "payloads could not be read");
            told(StatusCode::INTERNAL_SERVER_ERROR, &json!({"errorDetails": "The flags cannot be read now."}))
        }
    }
}

/// The key of `Authorization: Bearer` or `X-API-Key`.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer =
        bearer.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    bearer.map(|(_, key)| key.trim()).or_else(|| headers.get("x-api-key")?.to_str().ok())
}

/// For whom it is asked.
struct Context {
    user: footfall_models_experiment::assign::User,
    subject: Subject,
    id: Option<String>,
}

fn context(doors: &Doors, catalogue: &Catalogue, body: &[u8]) -> Result<Context, (&'static str, &'static str)> {
    let body: Option<FlagValue> = serde_json::from_slice(body).ok();
    let body = body.filter(|body| body.as_object().is_some());
    let body = body.ok_or(("PARSE_ERROR", "The body has to be an object in JSON."))?;
    let context = match body.get("context") {
        None | Some(FlagValue::Null) => FlagValue::Object(Default::default()),
        Some(context) if context.as_object().is_some() => context.clone(),
        Some(_) => return Err(("INVALID_CONTEXT", "context has to be an object.")),
    };
    let id = match context.get("targetingKey") {
        None | Some(FlagValue::Null) => None,
        Some(FlagValue::String(id)) => Some(id.to_string()).filter(|id| !id.is_empty()),
        Some(_) => return Err(("INVALID_CONTEXT", "targetingKey has to be a text.")),
    };
    let user = evaluation::user(&context, id.as_deref());
    let subject = evaluation::subject(catalogue, &user, id.as_deref(), moment(doors));
    Ok(Context { user, subject, id })
}

/// Who signed in is looked up where some flag keeps what they had before.
async fn look_up(doors: &Doors, served: &Served, context: &mut Context) -> Result<(), Unserved> {
    let known = evaluation::hash_id(doors, served, &context.user.attributes).await;
    context.subject.hash_id = known.map_err(Unserved::Failed)?;
    Ok(())
}

pub(super) async fn one(
    State(doors): State<Doors>,
    Path(flag): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let served = match doors.served(key_of(&headers).unwrap_or_default()).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    let mut context = match context(&doors, &served.payloads.catalogue, &body) {
        Ok(context) => context,
        Err((code, details)) => return failed(StatusCode::BAD_REQUEST, Some(&flag), code, details),
    };
    let Some((key, feature)) = evaluation::flags(&served).find(|(key, _)| *key == flag) else {
        return failed(StatusCode::NOT_FOUND, Some(&flag), "FLAG_NOT_FOUND", "There is no such flag.");
    };
    if let Err(failure) = look_up(&doors, &served, &mut context).await {
        return unserved(failure);
    }
    let answer = evaluation::evaluate(&served, key, feature, &context.user, &context.subject);
    if answer.lacks_id {
        return failed(StatusCode::BAD_REQUEST, Some(key), KEY_MISSING, KEY_MISSING_DETAILS);
    }
    if served.connection.records_exposures
        && let (Some(witness), Some(id)) = (doors.experiments.witness(), &context.id)
        && let Some(sighting) = Sighting::of(
            (&served.project, &served.connection.environment, &served.payloads.catalogue),
            key,
            id,
            &answer,
        )
    {
        witness.saw(sighting);
    }
    told(StatusCode::OK, &success(key, answer))
}

fn success(key: &str, answer: Answer) -> Value {
    let Answer { value, variation, experiment, rule, reason, payload, leaf, .. } = answer;
    let name = match &reason {
        Reason::Off => "DISABLED",
        Reason::Default => "STATIC",
        Reason::Rule | Reason::Prerequisite => "TARGETING_MATCH",
        Reason::Split => "SPLIT",
        Reason::PostHog("condition_match", _) if variation.is_some() => "SPLIT",
        Reason::PostHog("flag_disabled", _) => "DISABLED",
        Reason::PostHog(..) => "TARGETING_MATCH",
    };
    let mut answer = json!({"key": key, "reason": name, "metadata": {}});
    // Without a value the code's default applies.
    if !value.is_null() {
        answer["value"] = value;
    }
    if let Some(variation) = variation {
        answer["variant"] = json!(variation);
    }
    let details = [("experiment", experiment), ("rule", Some(rule).filter(|rule| !rule.is_empty())), ("leafId", leaf)];
    for (name, detail) in details {
        if let Some(detail) = detail {
            answer["metadata"][name] = json!(detail);
        }
    }
    if let Some(payload) = payload {
        answer["metadata"]["payload"] = json!(payload.to_string());
    }
    answer
}

pub(super) async fn all(
    State(doors): State<Doors>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = key_of(&headers).unwrap_or_default().to_owned();
    let served = match doors.served(&key).await {
        Ok(served) => told_of(&doors, &key, served, query.get(CONFIG_TAG)).await,
        Err(refusal) => Err(refusal),
    };
    let served = match served {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    let mut context = match context(&doors, &served.payloads.catalogue, &body) {
        Ok(context) => context,
        Err((code, details)) => return failed(StatusCode::BAD_REQUEST, None, code, details),
    };
    if let Err(failure) = look_up(&doors, &served, &mut context).await {
        return unserved(failure);
    }
    let flag = |(key, feature): (&str, &Feature)| {
        let answer = evaluation::evaluate(&served, key, feature, &context.user, &context.subject);
        if answer.lacks_id {
            return json!({"key": key, "errorCode": KEY_MISSING, "errorDetails": KEY_MISSING_DETAILS});
        }
        success(key, answer)
    };
    let flags: Vec<Value> = evaluation::flags(&served).map(flag).collect();
    let mut body = json!({"flags": flags, "metadata": {"environment": served.connection.environment}});
    let digest = Sha256::digest(body.to_string().as_bytes());
    let etag: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{etag}\"");
    // Who listens from here on has heard of everything up to this state, and of nothing after it.
    let known = served.compiled.tag_for(&served.connection);
    let address = format!("/ofrep/v1/events/{key}?{KNOWN}={}", known.trim_matches('"'));
    body["eventStreams"] = json!([
        {"type": "sse", "endpoint": {"requestUri": address}, "inactivityDelaySec": INACTIVITY_SECONDS},
    ]);
    let mut response =
        if knows(&headers, &etag) { StatusCode::NOT_MODIFIED.into_response() } else { told(StatusCode::OK, &body) };
    // Weak: the address of the stream may be another while the values are the same.
    if let Ok(etag) = HeaderValue::from_str(&format!("W/{etag}")) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// What is served to a client whom a stream has told of a state: by another process, which may have heard of a change before this one has.
async fn told_of(doors: &Doors, key: &str, served: Served, tag: Option<&String>) -> Result<Served, Unserved> {
    let has = served.compiled.tag_for(&served.connection);
    if tag.is_none_or(|tag| tag.trim_matches('"') == has.trim_matches('"')) {
        return Ok(served);
    }
    if let Err(error) = doors.experiments.payloads().hear(&served.project).await {
        tracing::warn!(%error, "changes that a client was told of cannot be read; it is served what is known");
        return Ok(served);
    }
    doors.served(key).await
}

/// The key stands in the address, because browsers' event streams send no headers; such keys are public.
pub(super) async fn events(
    State(doors): State<Doors>,
    Extension(AskedFrom(address)): Extension<AskedFrom>,
    ending: Ending,
    Path(key): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let served = match doors.served(&key).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    let seat = match doors.seats.take(&served.key, address) {
        Ok(seat) => seat,
        Err(full) => {
            return stream::sent_away(full, |status| told(status, &json!({"errorDetails": full.sentence()})));
        }
    };
    // Where nothing is said the state at the beginning is what the client has just asked for.
    let present = served.compiled.tag_for(&served.connection).trim_matches('"').to_owned();
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let known = last.or_else(|| query.get(KNOWN).cloned()).unwrap_or(present);
    stream::stream(&doors, key, served, seat, Some(&known), (render, stream::COMMENT), ending)
}

fn render(compiled: &Compiled, payloads: &ProjectPayloads, connection: &Connection) -> Option<Vec<Bytes>> {
    let tag = compiled.tag_for(connection);
    let etag = tag.trim_matches('"');
    let data = json!({"type": "refetchEvaluation", "etag": etag, "lastModified": Time::from(payloads.changed_at)});
    Some(stream::event(etag, "", Bytes::from(data.to_string())))
}
