//! What each dialect's clients are told, in the words on which they retry or give up.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde_json::json;

use crate::fault::Fault;
use crate::intake::{Fate, Outcome, ParsedRequest};

type Taken = Result<ParsedRequest, Fault>;

pub(crate) fn text(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn json(status: u16, body: &impl Serialize) -> Response {
    text(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
}

fn with_retry(mut response: Response, seconds: Option<u32>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Logs a fault once, here, and says what of it a client may know.
fn told(fault: &Fault) -> String {
    match fault {
        Fault::Log(error) => tracing::error!(%error, "the log refused an append"),
        Fault::Internal => tracing::error!("a request could not be processed"),
        _ => tracing::debug!(code = fault.code(), %fault, "a request was not taken"),
    }
    fault.to_string()
}

/// Segment's clients take 413 for a final answer of the wrong kind, so what is too large is 400.
pub(crate) fn segment(taken: Taken) -> Response {
    match taken {
        Ok(_) => json(200, &json!({"success": true})),
        Err(fault) => {
            let status = match fault.status() {
                413 | 415 => 400,
                status => status,
            };
            let body = json!({"success": false, "code": fault.code(), "message": told(&fault)});
            with_retry(json(status, &body), fault.retry_after_seconds())
        }
    }
}

/// A transparent picture of one pixel, for RudderStack's pixel.
pub(crate) fn pixel(taken: Taken) -> Response {
    const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\
        \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
    match taken {
        Ok(_) => text(200, "image/gif", GIF),
        fault => segment(fault),
    }
}

/// RudderStack's gateway says `OK`.
pub(crate) fn rudder(taken: Taken) -> Response {
    match taken {
        Ok(_) => text(200, "text/plain; charset=utf-8", "OK"),
        Err(fault @ (Fault::TooLarge { .. } | Fault::CopiesTooLarge { .. })) => {
            json(413, &json!({"success": false, "code": fault.code(), "message": told(&fault)}))
        }
        fault => segment(fault),
    }
}

/// PostHog v0. A request of which nothing could be read is 400, though its items are kept in quarantine.
pub(crate) fn posthog_v0(taken: Taken) -> Response {
    let refused = |status: u16, code: &str, detail: String| {
        let body = json!({"type": "validation_error", "code": code, "detail": detail, "attr": null});
        json(status, &body)
    };
    match taken {
        Ok(parsed) if parsed.accepted == 0 => match parsed.fates.into_iter().find_map(|fate| fate.refusal) {
            Some(refusal) => refused(400, refusal.reason.code(), refusal.detail),
            None => json(200, &json!({"status": "Ok"})),
        },
        Ok(_) => json(200, &json!({"status": "Ok"})),
        Err(fault) => {
            let status = if fault.status() == 415 { 400 } else { fault.status() };
            with_retry(refused(status, fault.code(), told(&fault)), fault.retry_after_seconds())
        }
    }
}

/// PostHog v1: a result for every uuid.
pub(crate) fn posthog_v1(taken: Taken) -> Response {
    match taken {
        Ok(parsed) => {
            let results = parsed.fates.iter().filter_map(|fate| Some((fate.message_id.clone()?, result_of(fate))));
            let results: serde_json::Map<_, _> = results.collect();
            json(200, &json!({"results": results}))
        }
        Err(fault) => {
            let body = json!({"error": fault.code(), "error_description": told(&fault), "error_uri": null});
            with_retry(json(fault.status(), &body), fault.retry_after_seconds())
        }
    }
}

fn result_of(fate: &Fate) -> serde_json::Value {
    match &fate.refusal {
        None => json!({"result": "ok"}),
        Some(refusal) => json!({"result": "drop", "details": refusal.to_string()}),
    }
}

#[derive(Serialize)]
struct Account<'a> {
    accepted: usize,
    quarantined: usize,
    rejected: usize,
    items: Vec<ItemFate<'a>>,
}

#[derive(Serialize)]
struct ItemFate<'a> {
    index: usize,
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
}

/// The native dialect: the account, and problem details (RFC 9457) with a stable code.
pub(crate) fn native(taken: Taken, verbose: bool) -> Response {
    match taken {
        Ok(parsed) => {
            let shown = parsed.fates.iter().filter(|fate| verbose || fate.outcome != Outcome::Accepted);
            let account = Account {
                accepted: parsed.accepted,
                quarantined: parsed.quarantined,
                rejected: parsed.rejected,
                items: shown.map(item_fate).collect(),
            };
            json(200, &account)
        }
        Err(fault) => problem(&fault),
    }
}

fn item_fate(fate: &Fate) -> ItemFate<'_> {
    ItemFate {
        index: fate.index,
        fate: fate.outcome.as_str(),
        reason: fate.refusal.as_ref().map(|refusal| refusal.reason.code()),
        detail: fate.refusal.as_ref().map(|refusal| refusal.detail.as_str()),
        message_id: fate.message_id.as_deref(),
    }
}

fn problem(fault: &Fault) -> Response {
    let status = fault.status();
    let title = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let body = json!({
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": fault.code(),
        "detail": told(fault),
    });
    let body = serde_json::to_vec(&body).unwrap_or_default();
    with_retry(text(status, "application/problem+json", body), fault.retry_after_seconds())
}
