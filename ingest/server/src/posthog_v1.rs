//! PostHog capture, version 1: a batch whose items each get their own result.

use std::collections::HashSet;

use footfall_ingest_activity::{Reason, Timestamp};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::envelope::{BodyFault, Envelope, Item, text_of, value_of};
use crate::json::Value;

/// What the required headers say.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) sdk_info: String,
    pub(crate) sent_at: Timestamp,
}

impl Stamp {
    /// Checks the headers; `get` gives a header's value by its lower-case name.
    pub(crate) fn read<'h>(get: impl Fn(&str) -> Option<&'h str>) -> Result<Stamp, BodyFault> {
        let sdk_info = get("posthog-sdk-info").filter(|info| !info.is_empty());
        let sdk_info = sdk_info.ok_or(BodyFault::Header("PostHog-Sdk-Info is missing"))?;
        let attempt = get("posthog-attempt").and_then(|attempt| attempt.trim().parse::<u32>().ok());
        if attempt.is_none_or(|attempt| attempt == 0) {
            return Err(BodyFault::Header("PostHog-Attempt must be a number from 1"));
        }
        let request_id = get("posthog-request-id").and_then(|id| Uuid::parse_str(id.trim()).ok());
        request_id.ok_or(BodyFault::Header("PostHog-Request-Id must be a UUID"))?;
        let sent_at = get("posthog-request-timestamp").and_then(|time| Timestamp::parse(time).ok());
        let sent_at = sent_at.ok_or(BodyFault::Header("PostHog-Request-Timestamp must be a time"))?;
        Ok(Stamp { sdk_info: sdk_info.to_owned(), sent_at })
    }
}

/// Reads a body.
pub(crate) fn read<'a>(body: &'a [u8], stamp: &'a Stamp, items_max: usize) -> Result<Envelope<'a>, BodyFault> {
    let value = value_of(text_of(body)?)?;
    let batch = value.member("batch").filter(|batch| batch.is_array());
    let batch = batch.ok_or(BodyFault::Shape("the body must be an object with an array `batch`"))?;
    let mut seen = HashSet::new();
    let mut items = Vec::new();
    for item in batch.elements() {
        if items.len() == items_max {
            return Err(BodyFault::TooManyItems { items: batch.elements().count(), items_max });
        }
        let id = item.member("uuid").and_then(Value::scalar);
        if let Some(id) = id.as_ref().filter(|id| !seen.insert(id.to_lowercase())) {
            return Err(BodyFault::RepeatedId(id.chars().take(64).collect()));
        }
        items.push(item_of(item, id.as_deref()));
    }
    if items.is_empty() {
        return Err(BodyFault::Empty);
    }
    let mut envelope = Envelope::new(Dialect::Posthog, items);
    envelope.sent_at = Some(stamp.sent_at);
    envelope.around.sdk_info = Some(&stamp.sdk_info);
    Ok(envelope)
}

fn item_of<'a>(item: Value<'a>, id: Option<&str>) -> Item<'a> {
    if id.is_none_or(|id| Uuid::parse_str(id).is_err()) && item.is_object() {
        return Item::Faulty(item, Reason::MessageIdInvalid, "every event needs a `uuid`");
    }
    Item::Json(item)
}
