//! An activity as a dialect read it, and the checks that make it an [`Activity`].

use serde_json::value::RawValue;
use uuid::{NoContext, Uuid};
use xxhash_rust::xxh3::Xxh3;

use crate::{Activity, Common, Kind, Link, Reason, Refusal, Skew, Text, Timestamp, depth, has_lone_surrogate};

/// Limits on one activity.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest event name, in characters.
    pub event_chars_max: usize,
    /// Longest user, anonymous or previous id, in characters.
    pub id_chars_max: usize,
    /// Longest message id, in characters.
    pub message_id_chars_max: usize,
    /// Deepest nesting of objects and arrays in one item.
    pub depth_max: usize,
    /// Largest item, in bytes.
    pub item_bytes_max: usize,
    /// Times further ahead of the server than this become the time of receipt, in milliseconds.
    pub future_millis_max: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            event_chars_max: 200,
            id_chars_max: 400,
            message_id_chars_max: 200,
            depth_max: 64,
            item_bytes_max: 1 << 20,
            future_millis_max: 23 * 3_600_000,
        }
    }
}

/// Where the item came from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub project: &'a str,
    pub dialect: &'a str,
    pub received_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// The item's own bytes: its content id is made from them when the client gave none.
    pub raw: &'a str,
    pub import: Option<&'a str>,
    /// The message id of an item that has neither an id nor a time, where it may be read again; else each reading gives it a new one.
    pub id_of_none: Option<&'a str>,
    /// What is known of the devices' clocks; without it each request stands alone.
    pub skew: Option<&'a Skew>,
}

impl<'a> Source<'a> {
    /// A source with neither send time, import run nor clock knowledge.
    pub fn new(project: &'a str, dialect: &'a str, received_at: Timestamp, raw: &'a str) -> Self {
        Source { project, dialect, received_at, sent_at: None, raw, import: None, id_of_none: None, skew: None }
    }
}

/// What a dialect found in an item.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    pub kind: Kind,
    pub event: Option<Text<'a>>,
    /// The id of dialects that have just one; else the user id is taken, else the anonymous id.
    pub distinct_id: Option<Text<'a>>,
    pub user_id: Option<Text<'a>>,
    pub anonymous_id: Option<Text<'a>>,
    pub message_id: Option<Text<'a>>,
    pub timestamp: Option<Text<'a>>,
    /// The client's time is right as it is: no clock correction.
    pub keep_clock: bool,
    pub common: Common<'a>,
    pub properties: Option<&'a RawValue>,
    pub context: Option<&'a RawValue>,
    pub groups: Option<&'a RawValue>,
    pub set: Option<&'a RawValue>,
    pub set_once: Option<&'a RawValue>,
    pub unset: Option<&'a RawValue>,
    pub link: Option<Link<'a>>,
    pub identified: bool,
}

impl Draft<'_> {
    /// A draft of `kind` with nothing in it.
    pub fn new(kind: Kind) -> Self {
        Draft {
            kind,
            event: None,
            distinct_id: None,
            user_id: None,
            anonymous_id: None,
            message_id: None,
            timestamp: None,
            keep_clock: false,
            common: Common::default(),
            properties: None,
            context: None,
            groups: None,
            set: None,
            set_once: None,
            unset: None,
            link: None,
            identified: false,
        }
    }
}

impl<'a> Activity<'a> {
    /// Checks a draft and settles its times. The only way an activity is made.
    pub fn parse(draft: Draft<'a>, source: &Source<'a>, limits: &Limits) -> Result<Activity<'a>, Refusal> {
        check_size(source.raw, limits)?;
        check_depth(source.raw, limits)?;
        // What does not stand in the item as it is, as the context of its batch or properties written as a text, nests no deeper.
        let parts = [draft.properties, draft.context, draft.groups, draft.set, draft.set_once, draft.unset];
        for part in parts.into_iter().flatten().map(RawValue::get).filter(|part| !lies_in(part, source.raw)) {
            check_depth(part, limits)?;
        }
        let user_id = present(draft.user_id);
        let anonymous_id = present(draft.anonymous_id);
        let distinct_id = present(draft.distinct_id)
            .or_else(|| user_id.clone())
            .or_else(|| anonymous_id.clone())
            .ok_or_else(|| Refusal::new(Reason::DistinctIdMissing, "send a user id or an anonymous id"))?;
        let event = event_of(draft.kind, draft.event)?;
        check_event(&event, source.raw, limits)?;
        for id in [Some(&distinct_id), user_id.as_ref(), anonymous_id.as_ref()].into_iter().flatten() {
            check_id(id, source.raw, limits)?;
        }
        let link = draft.link.filter(|link| link.from != link.into);
        for id in link.iter().flat_map(|link| [&link.from, &link.into]) {
            check_id(id, source.raw, limits)?;
        }
        let message_id = message_id_of(present(draft.message_id), draft.timestamp.is_some(), source, limits)?;
        let original_timestamp = original_of(draft.timestamp.as_deref())?;
        let sent_at = if draft.keep_clock { None } else { source.sent_at };
        let device = draft.common.device_id.as_ref().or(anonymous_id.as_ref()).unwrap_or(&distinct_id);
        let timestamp = settle(original_timestamp, sent_at, device, source, limits)?;
        Ok(Activity {
            project: source.project.into(),
            message_id,
            kind: draft.kind,
            event,
            distinct_id,
            user_id,
            anonymous_id,
            timestamp,
            original_timestamp,
            sent_at: source.sent_at,
            received_at: source.received_at,
            dialect: source.dialect.into(),
            common: draft.common,
            properties: draft.properties,
            context: draft.context,
            groups: draft.groups,
            set: draft.set,
            set_once: draft.set_once,
            unset: draft.unset,
            link,
            identified: draft.identified,
            import: source.import.map(Text::from),
        })
    }
}

/// Size of the item's own text: what is too large is refused before anything else is done with it.
pub fn check_size(raw: &str, limits: &Limits) -> Result<(), Refusal> {
    if raw.len() > limits.item_bytes_max {
        let detail = format!("the item has {} bytes; the limit is {}", raw.len(), limits.item_bytes_max);
        return Err(Refusal::new(Reason::TooLarge, detail));
    }
    Ok(())
}

/// True when `part` is a slice of `whole`.
fn lies_in(part: &str, whole: &str) -> bool {
    whole.as_bytes().as_ptr_range().contains(&part.as_ptr())
}

fn check_depth(raw: &str, limits: &Limits) -> Result<(), Refusal> {
    if depth::exceeds(raw, limits.depth_max) {
        let detail = format!("objects and arrays may be nested {} deep", limits.depth_max);
        return Err(Refusal::new(Reason::TooDeep, detail));
    }
    Ok(())
}

fn present(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.trim().is_empty())
}

fn event_of(kind: Kind, event: Option<Text<'_>>) -> Result<Text<'_>, Refusal> {
    match (present(event), kind.default_event()) {
        (Some(event), _) => Ok(event),
        (None, Some(event)) => Ok(event.into()),
        (None, None) => Err(Refusal::new(Reason::EventMissing, "a track needs an event name")),
    }
}

fn check_event(event: &str, raw: &str, limits: &Limits) -> Result<(), Refusal> {
    if longer_than(event, limits.event_chars_max) {
        let detail = format!("an event name may have {} characters", limits.event_chars_max);
        return Err(Refusal::new(Reason::EventTooLong, detail));
    }
    check_characters(event, raw)
}

fn check_id(id: &str, raw: &str, limits: &Limits) -> Result<(), Refusal> {
    if longer_than(id, limits.id_chars_max) {
        let detail = format!("an id may have {} characters", limits.id_chars_max);
        return Err(Refusal::new(Reason::DistinctIdTooLong, detail));
    }
    check_characters(id, raw)
}

fn check_characters(text: &str, raw: &str) -> Result<(), Refusal> {
    if text.as_bytes().contains(&0) {
        return Err(Refusal::new(Reason::NulCharacter, "event names and ids may not contain the NUL character"));
    }
    // Lone surrogates were read as U+FFFD: in an id this could make two persons one.
    if text.contains('\u{FFFD}') && has_lone_surrogate(raw) {
        return Err(Refusal::new(Reason::Malformed, "an event name or id contains half of a surrogate pair"));
    }
    Ok(())
}

fn longer_than(text: &str, chars_max: usize) -> bool {
    text.len() > chars_max && text.chars().count() > chars_max
}

/// The client's id; else one of the content, when the content says when it happened (so that sending a file twice
/// counts once); else the one that is kept for it, or a new one.
fn message_id_of<'a>(
    given: Option<Text<'a>>,
    has_time: bool,
    source: &Source<'a>,
    limits: &Limits,
) -> Result<Text<'a>, Refusal> {
    match given {
        Some(id) if longer_than(&id, limits.message_id_chars_max) => {
            let detail = format!("a message id may have {} characters", limits.message_id_chars_max);
            Err(Refusal::new(Reason::MessageIdTooLong, detail))
        }
        Some(id) => Ok(id),
        None if has_time => Ok(format!("c-{:032x}", content_hash(source.project, source.raw)).into()),
        None => Ok(match source.id_of_none {
            Some(id) => id.into(),
            None => new_id(source.received_at).to_string().into(),
        }),
    }
}

/// 128-bit XXH3 of project, NUL and the item's bytes.
pub fn content_hash(project: &str, raw: &str) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(project.as_bytes());
    hasher.update(&[0]);
    hasher.update(raw.as_bytes());
    hasher.digest128()
}

/// A new UUID (version 7) of the moment `at`.
pub fn new_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos))
}

fn original_of(text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    match Timestamp::parse(text) {
        Ok(timestamp) => Ok(Some(timestamp)),
        Err(error) => Err(Refusal::new(Reason::TimestampInvalid, error.to_string())),
    }
}

/// The corrected time, not before 1970 and not far ahead of the server.
fn settle(
    original: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    device: &str,
    source: &Source<'_>,
    limits: &Limits,
) -> Result<Timestamp, Refusal> {
    let received_at = source.received_at;
    let corrected = match (original, sent_at, source.skew) {
        (None, ..) => return Ok(received_at),
        (Some(original), None, _) => original,
        (Some(original), Some(sent_at), None) => original.plus_millis(received_at.millis_since(sent_at)),
        (Some(original), Some(sent_at), Some(skew)) => {
            skew.correct(source.project, device, original, sent_at, received_at)
        }
    };
    if corrected.millis() < 0 {
        let detail = format!("{} lies before 1970", corrected.to_rfc3339());
        return Err(Refusal::new(Reason::TimestampTooEarly, detail));
    }
    let ahead_millis = corrected.millis_since(received_at);
    Ok(if ahead_millis > limits.future_millis_max { received_at } else { corrected })
}
