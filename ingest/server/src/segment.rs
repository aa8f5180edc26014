//! Segment's requests: one call by path, or a batch.

use footfall_ingest_activity::Timestamp;

use crate::dialect::Dialect;
use crate::envelope::{BodyFault, Envelope, Item, items_of, lenient_time, text_of, value_of};
use crate::json::Value;

/// The call that a path names: its last part, long or short.
pub(crate) fn call_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "track" | "t" => "track",
        "identify" | "i" => "identify",
        "page" | "p" => "page",
        "screen" | "s" => "screen",
        "group" | "g" => "group",
        "alias" | "a" => "alias",
        "merge" => "merge",
        _ => return None,
    })
}

/// Reads the body of a single call.
pub(crate) fn single<'a>(body: &'a [u8], call: &'static str) -> Result<Envelope<'a>, BodyFault> {
    let value = value_of(text_of(body)?)?;
    let mut envelope = Envelope::new(Dialect::Segment, vec![Item::Json(value)]);
    envelope.key = value.member("writeKey").and_then(Value::scalar);
    envelope.sent_at = value.member("sentAt").and_then(lenient_time);
    envelope.around.call = Some(call);
    Ok(envelope)
}

/// Reads the body of a batch.
pub(crate) fn batch(body: &[u8], items_max: usize) -> Result<Envelope<'_>, BodyFault> {
    let value = value_of(text_of(body)?)?;
    if !value.is_object() {
        return Err(BodyFault::Shape("a batch is an object with an array `batch`"));
    }
    let mut items = None;
    let (mut key, mut sent_at, mut context) = (None, None::<Timestamp>, None);
    for (name, value) in value.members() {
        match &*name {
            "batch" => items = Some(value).filter(|value| value.is_array()),
            "writeKey" => key = value.scalar(),
            "sentAt" => sent_at = lenient_time(value),
            "context" => context = Some(value).filter(|value| value.is_object() && value.text() != "{}"),
            _ => {}
        }
    }
    let array = items.ok_or(BodyFault::Shape("a batch is an object with an array `batch`"))?;
    let mut envelope = Envelope::new(Dialect::Segment, items_of(array, items_max)?);
    let first = || array.elements().next();
    envelope.key = key.or_else(|| first()?.member("writeKey")?.scalar());
    envelope.sent_at = sent_at.or_else(|| first()?.member("sentAt").and_then(lenient_time));
    envelope.around.context = context;
    Ok(envelope)
}
