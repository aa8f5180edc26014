//! OpenFeature's remote evaluation protocol (OFREP 0.3): one flag, all flags, and the stream that says when to ask again.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footfall_api_http::Time;
use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::posthog::Subject;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::evaluation::{self, Answer, Reason};
use super::growthbook::knows;
use super::key::{Served, Unserved};
use super::posthog::moment;
use super::{Doors, stream};
use crate::catalogue::Catalogue;
use crate::definition::Feature;
use crate::payloads::{Compiled, ProjectPayloads};
use crate::sighting::Sighting;
use crate::storage::Connection;

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
    let body: FlagValue = serde_json::from_slice(body).map_err(|_| ("PARSE_ERROR", "The body is not JSON."))?;
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
    let id = context.id.as_deref().filter(|_| served.payloads.catalogue.keeps_anybody());
    if let Some(id) = id {
        let known = doors.experiments.hash_id(&served.project, id, None).await;
        context.subject.hash_id = known.map_err(Unserved::Failed)?;
    }
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
    if evaluation::needs_id(feature) && context.id.is_none() {
        return failed(StatusCode::BAD_REQUEST, Some(key), "TARGETING_KEY_MISSING", "This flag needs a targetingKey.");
    }
    if let Err(failure) = look_up(&doors, &served, &mut context).await {
        return unserved(failure);
    }
    let answer = evaluation::evaluate(&served, key, feature, &context.user, &context.subject);
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

pub(super) async fn all(State(doors): State<Doors>, headers: HeaderMap, body: Bytes) -> Response {
    let key = key_of(&headers).unwrap_or_default().to_owned();
    let served = match doors.served(&key).await {
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
        if evaluation::needs_id(feature) && context.id.is_none() {
            return json!({"key": key, "errorCode": "TARGETING_KEY_MISSING", "errorDetails": "This flag needs a targetingKey."});
        }
        success(key, evaluation::evaluate(&served, key, feature, &context.user, &context.subject))
    };
    let flags: Vec<Value> = evaluation::flags(&served).map(flag).collect();
    let body = json!({
        "flags": flags,
        "metadata": {"environment": served.connection.environment},
        "eventStreams": [{
            "type": "sse", "endpoint": {"requestUri": format!("/ofrep/v1/events/{key}")},
            "inactivityDelaySec": INACTIVITY_SECONDS,
        }],
    });
    let digest = Sha256::digest(body.to_string().as_bytes());
    let etag: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{etag}\"");
    let mut response =
        if knows(&headers, &etag) { StatusCode::NOT_MODIFIED.into_response() } else { told(StatusCode::OK, &body) };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The key stands in the address, because browsers' event streams send no headers; such keys are public.
pub(super) async fn events(State(doors): State<Doors>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let served = match doors.served(&key).await {
        Ok(served) => served,
        Err(refusal) => return unserved(refusal),
    };
    // The state at the beginning is what the client has just asked for.
    let present = served.compiled.tag_for(&served.connection).trim_matches('"').to_owned();
    let known = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map_or(present, str::to_owned);
    stream::stream(&doors, key, served, Some(&known), render)
}

fn render(compiled: &Compiled, payloads: &ProjectPayloads, connection: &Connection) -> Option<Vec<Bytes>> {
    let tag = compiled.tag_for(connection);
    let etag = tag.trim_matches('"');
    let data = json!({"type": "refetchEvaluation", "etag": etag, "lastModified": Time::from(payloads.changed_at)});
    Some(stream::event(etag, "", Bytes::from(data.to_string())))
}
