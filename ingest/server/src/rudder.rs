//! RudderStack's own ways in: the pixel, whose call is in the query, and the beacon. All else it shares with Segment.

use crate::dialect::Dialect;
use crate::envelope::{BodyFault, Envelope};
use crate::json::quoted;
use crate::segment;

/// The JSON of the call that a pixel's query makes: `properties.x` and `context.x` are nested, unknown names are properties.
pub(crate) fn pixel_body(query: &str, call: &str) -> String {
    let (mut top, mut properties, mut context) = (String::new(), String::new(), String::new());
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let (target, name) = match &*name {
            "writeKey" => continue,
            "userId" | "anonymousId" | "event" | "name" | "messageId" | "timestamp" | "originalTimestamp"
            | "sentAt" => (&mut top, &*name),
            dotted if dotted.starts_with("context.") => (&mut context, dotted.trim_start_matches("context.")),
            other => (&mut properties, other.strip_prefix("properties.").unwrap_or(other)),
        };
        target.push_str(&format!(",{}:{}", quoted(name), quoted(&value)));
    }
    let inner = |members: &str| members.strip_prefix(',').unwrap_or_default().to_owned();
    format!(
        "{{\"type\":{}{top},\"properties\":{{{}}},\"context\":{{{}}}}}",
        quoted(call),
        inner(&properties),
        inner(&context)
    )
}

/// Reads the body that [`pixel_body`] made.
pub(crate) fn pixel<'a>(body: &'a [u8], call: &'static str) -> Result<Envelope<'a>, BodyFault> {
    segment::single(body, call).map(|envelope| Envelope { dialect: Dialect::Rudder, ..envelope })
}

/// Reads a beacon's batch.
pub(crate) fn beacon(body: &[u8], items_max: usize) -> Result<Envelope<'_>, BodyFault> {
    segment::batch(body, items_max).map(|envelope| Envelope { dialect: Dialect::Rudder, ..envelope })
}
