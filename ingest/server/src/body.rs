//! Reads whole bodies without HTTP: for `footfall import`, for tests and for fuzzing.

use footfall_ingest_activity::Timestamp;

use crate::dialect::Dialect;
use crate::envelope::{BodyFault, Envelope, items_of, lenient_time, text_of, value_of};
use crate::intake::{ParsedRequest, Setting, take};
use crate::json::Value;
use crate::{native, posthog_v0, posthog_v1, rudder, segment};

/// The body of which request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// Segment, one call of this name (`track`, `identify` …).
    SegmentCall(&'static str),
    SegmentBatch,
    RudderBatch,
    /// PostHog v0; a `data=` form and base64 are undone.
    PosthogV0,
    PosthogV1,
    Native,
    /// As native, every item in any dialect's shape.
    Import,
    /// The same, an item a line, whatever the first line is.
    ImportLines,
}

impl BodyKind {
    /// Every kind, with one call for the Segment calls.
    pub const ALL: &'static [BodyKind] = &[
        BodyKind::SegmentCall("track"),
        BodyKind::SegmentBatch,
        BodyKind::RudderBatch,
        BodyKind::PosthogV0,
        BodyKind::PosthogV1,
        BodyKind::Native,
        BodyKind::Import,
        BodyKind::ImportLines,
    ];
}

/// Reads a body that is decompressed already. Write keys in it are not looked at.
pub fn parse_body(
    kind: BodyKind,
    body: &[u8],
    setting: &Setting<'_>,
    items_max: usize,
) -> Result<ParsedRequest, BodyFault> {
    let unwrapped;
    let stamp = posthog_v1::Stamp { sdk_info: "posthog/1".to_owned(), sent_at: setting.received_at };
    let envelope = match kind {
        BodyKind::SegmentCall(call) => segment::single(body, call)?,
        BodyKind::SegmentBatch => segment::batch(body, items_max)?,
        BodyKind::RudderBatch => rudder::beacon(body, items_max)?,
        BodyKind::PosthogV0 => {
            unwrapped = posthog_v0::unwrap_body(body.to_vec(), false)?;
            posthog_v0::read(&unwrapped, None, items_max)?
        }
        BodyKind::PosthogV1 => posthog_v1::read(body, &stamp, items_max)?,
        BodyKind::Native => native::read(body, Dialect::Native, false, items_max)?,
        BodyKind::Import => native::read(body, Dialect::Import, false, items_max)?,
        BodyKind::ImportLines => native::read(body, Dialect::Import, true, items_max)?,
    };
    Ok(take(&envelope, setting))
}

/// Reads one JSON text of a file: an item in any dialect's shape, an array of them, or a batch
/// (`{"batch": […], "context": …}`, Segment's or PostHog's).
pub fn parse_import(json: &str, setting: &Setting<'_>) -> Result<ParsedRequest, BodyFault> {
    let value = value_of(text_of(json.as_bytes())?)?;
    let mut envelope = Envelope::new(Dialect::Import, Vec::new());
    if value.is_array() {
        envelope.items = items_of(value, usize::MAX)?;
    } else if let Some(batch) = value.member("batch").filter(|batch| batch.is_array()) {
        envelope.items = items_of(batch, usize::MAX)?;
        envelope.around.context = value.member("context").filter(|context| context.is_object());
        envelope.sent_at = sent_at_of(value);
    } else {
        envelope.items = vec![crate::envelope::Item::Json(value)];
        envelope.sent_at = sent_at_of(value);
    }
    Ok(take(&envelope, setting))
}

fn sent_at_of(value: Value<'_>) -> Option<Timestamp> {
    value.member("sentAt").or_else(|| value.member("sent_at")).and_then(lenient_time)
}
