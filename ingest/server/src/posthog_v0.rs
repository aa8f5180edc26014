//! PostHog capture, version 0: one event, an array, or a batch; sometimes base64 in a form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use footfall_ingest_activity::{Text, Timestamp};

use crate::dialect::Dialect;
use crate::envelope::{BodyFault, Envelope, Item, items_of, lenient_time, text_of, value_of};
use crate::json::Value;

/// Unwraps `data=` forms and base64; the outer compression is gone already.
pub(crate) fn unwrap_body(body: Vec<u8>, base64: bool) -> Result<Vec<u8>, BodyFault> {
    let Some(data) = form_data(&body) else {
        return if base64 && !looks_like_json(&body) { decoded(&body) } else { Ok(body) };
    };
    let data = data.into_bytes();
    if looks_like_json(&data) { Ok(data) } else { decoded(&data) }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn form_data(body: &[u8]) -> Option<String> {
    let form = body.trim_ascii_start();
    if looks_like_json(form) || !(form.starts_with(b"data=") || memchr::memmem::find(form, b"&data=").is_some()) {
        return None;
    }
    url::form_urlencoded::parse(form).find(|(name, _)| name == "data").map(|(_, value)| value.into_owned())
}

fn decoded(text: &[u8]) -> Result<Vec<u8>, BodyFault> {
    // A `+` that was not escaped arrives as a blank.
    let restored = text.trim_ascii().iter().map(|byte| if *byte == b' ' { b'+' } else { *byte });
    let clean: Vec<u8> = restored.filter(|byte| !matches!(byte, b'\n' | b'\r' | b'=')).collect();
    STANDARD_NO_PAD.decode(&clean).map_err(|_| BodyFault::Undecodable("neither JSON nor base64".to_owned()))
}

/// Reads a body. `sent_at` is the query's, which the body's beats.
pub(crate) fn read(body: &[u8], sent_at: Option<Timestamp>, items_max: usize) -> Result<Envelope<'_>, BodyFault> {
    let value = value_of(text_of(body)?)?;
    let mut envelope = Envelope::new(Dialect::Posthog, Vec::new());
    envelope.sent_at = sent_at;
    if value.is_array() {
        envelope.items = items_of(value, items_max)?;
    } else if value.is_object() {
        let mut batch = None;
        for (name, value) in value.members() {
            match &*name {
                "batch" => batch = Some(value).filter(|value| value.is_array()),
                "sent_at" => envelope.sent_at = lenient_time(value).or(envelope.sent_at),
                _ => {}
            }
        }
        envelope.items = match batch {
            Some(batch) => items_of(batch, items_max)?,
            None => vec![Item::Json(value)],
        };
    } else {
        return Err(BodyFault::Shape("the body is neither an event, an array nor a batch"));
    }
    if envelope.items.is_empty() {
        return Err(BodyFault::Empty);
    }
    envelope.key = key_of(value, &envelope.items)?;
    Ok(envelope)
}

/// The one token of the request.
fn key_of<'a>(body: Value<'a>, items: &[Item<'a>]) -> Result<Option<Text<'a>>, BodyFault> {
    let mut key = if body.is_object() { token_in(body, true) } else { None };
    // Where the request says its token, a property of that name is the app's own: that of a device, say.
    let in_properties = key.is_none();
    for item in items {
        let Item::Json(value) = item else { continue };
        let Some(token) = token_in(*value, in_properties) else { continue };
        match &key {
            Some(known) if *known != token => return Err(BodyFault::MixedKeys),
            Some(_) => {}
            None => key = Some(token),
        }
    }
    if key.as_ref().is_some_and(|key| key.starts_with("phx_")) {
        return Err(BodyFault::PersonalKey);
    }
    Ok(key)
}

/// The token beside the properties of an event or a batch, else the one among them if that is asked for.
fn token_in(object: Value<'_>, in_properties: bool) -> Option<Text<'_>> {
    let mut nested = None;
    let mut token = None;
    for (name, value) in object.members() {
        match &*name {
            "api_key" | "token" | "$token" => token = value.scalar().filter(|token| !token.is_empty()).or(token),
            "properties" if in_properties => nested = Some(value),
            _ => {}
        }
    }
    token.or_else(|| nested?.member("token")?.scalar().filter(|token| !token.is_empty()))
}
