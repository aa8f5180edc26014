//! Footfall's own requests: one object, an array, or NDJSON.

use crate::dialect::Dialect;
use crate::envelope::{BodyFault, Envelope, Item, bounded, items_of, lenient_time, text_of};
use crate::json::Value;

/// Reads a body. `lines` says that the client called it NDJSON; else it is found out.
pub(crate) fn read(body: &[u8], dialect: Dialect, lines: bool, items_max: usize) -> Result<Envelope<'_>, BodyFault> {
    if lines {
        return by_line(body, dialect, items_max);
    }
    let text = match text_of(body) {
        Err(BodyFault::NotUtf8) if first_line_is_json(body) => return by_line(body, dialect, items_max),
        text => text?,
    };
    match Value::check(text) {
        Ok(value) if value.is_array() => Ok(several(items_of(value, items_max)?, dialect)),
        Ok(value) => Ok(single(value, dialect)),
        Err(_) if first_line_is_json(text.as_bytes()) => by_line(text.as_bytes(), dialect, items_max),
        Err(error) => Err(BodyFault::NotJson(error.to_string())),
    }
}

fn single(value: Value<'_>, dialect: Dialect) -> Envelope<'_> {
    let mut envelope = Envelope::new(dialect, vec![Item::Json(value)]);
    envelope.sent_at = value.member("sentAt").and_then(lenient_time);
    envelope
}

/// The first line is a JSON object by itself, and there are more lines.
fn first_line_is_json(body: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', body) else { return false };
    let line = std::str::from_utf8(body.get(..end).unwrap_or_default()).unwrap_or_default();
    Value::check(line).is_ok_and(Value::is_object)
}

fn by_line(body: &[u8], dialect: Dialect, items_max: usize) -> Result<Envelope<'_>, BodyFault> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let items = bounded(lines.map(item_of), items_max)?;
    if items.is_empty() {
        return Err(BodyFault::Empty);
    }
    Ok(several(items, dialect))
}

/// The items of one request; the first says when it was sent.
fn several(items: Vec<Item<'_>>, dialect: Dialect) -> Envelope<'_> {
    let mut envelope = Envelope::new(dialect, items);
    if let Some(Item::Json(first)) = envelope.items.first() {
        envelope.sent_at = first.member("sentAt").and_then(lenient_time);
    }
    envelope
}

fn item_of(line: &[u8]) -> Item<'_> {
    match std::str::from_utf8(line) {
        Err(_) => Item::NotUtf8,
        Ok(line) => Value::check(line).map_or(Item::NotJson, Item::Json),
    }
}
