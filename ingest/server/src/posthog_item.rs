//! One PostHog event, of capture v0, capture v1 or a row of an export.

use footfall_ingest_activity::{Draft, Kind, Link, LinkKind, Reason, Refusal, Source, Text};
use serde_json::value::RawValue;

use crate::columns;
use crate::dialect::{Around, Scratch};
use crate::field::{object, raw, time};
use crate::json::{Value, merged, quoted};

/// PostHog cuts distinct ids at this many characters.
const ID_CHARS_MAX: usize = 200;

/// Fields of the event, as they stand.
#[derive(Default)]
struct Event<'a> {
    event: Option<Text<'a>>,
    uuid: Option<Text<'a>>,
    distinct_id: Option<Text<'a>>,
    timestamp: Option<Text<'a>>,
    offset_millis: Option<i64>,
    session_id: Option<Text<'a>>,
    properties: Option<Value<'a>>,
    set: Option<Value<'a>>,
    set_once: Option<Value<'a>>,
    unset: Option<Value<'a>>,
    sdk_info: Option<Text<'a>>,
    keep_clock: bool,
}

/// The properties that mean something beyond a column.
#[derive(Default)]
struct Meanings<'a> {
    distinct_id: Option<Text<'a>>,
    anonymous_id: Option<Text<'a>>,
    user_id: Option<Text<'a>>,
    alias: Option<Text<'a>>,
    groups: Option<Value<'a>>,
    group_type: Option<Text<'a>>,
    group_key: Option<Text<'a>>,
    set: Option<Value<'a>>,
    set_once: Option<Value<'a>>,
    unset: Option<Value<'a>>,
    identified: bool,
    keep_clock: bool,
}

fn fields<'a>(item: Value<'a>, scratch: &'a Scratch) -> Result<Event<'a>, Refusal> {
    let mut event = Event::default();
    let mut found = None;
    for (key, value) in item.members() {
        match &*key {
            "event" => event.event = value.scalar(),
            "uuid" => event.uuid = value.scalar(),
            "distinct_id" | "$distinct_id" => event.distinct_id = stringified(value),
            "timestamp" => event.timestamp = time(value),
            "offset" => event.offset_millis = value.number().map(|millis| millis as i64),
            "session_id" => event.session_id = value.scalar(),
            "properties" => found = Some(value),
            "$set" => event.set = Some(value),
            "$set_once" => event.set_once = Some(value),
            "$unset" => event.unset = Some(value),
            "sdk_info" => event.sdk_info = value.scalar(),
            "options" => event.keep_clock = value.member("disable_skew_correction").is_some_and(Value::is_true),
            _ => {}
        }
    }
    event.properties = found.map(|value| properties(value, scratch)).transpose()?.flatten();
    (event.set, event.set_once) = (object("$set", event.set)?, object("$set_once", event.set_once)?);
    Ok(event)
}

/// Exports write the properties as a string that holds an object.
fn properties<'a>(value: Value<'a>, scratch: &'a Scratch) -> Result<Option<Value<'a>>, Refusal> {
    if !value.text().starts_with('"') {
        return object("properties", Some(value));
    }
    let inner = value.scalar().map(|text| text.into_owned().0.into_owned()).unwrap_or_default();
    match Value::check(scratch.unescaped(inner)) {
        Ok(inner) if inner.is_object() => Ok(Some(inner)),
        _ => Err(Refusal::new(Reason::NotAnObject, "`properties` must be an object")),
    }
}

/// Non-strings become strings, as PostHog does it.
fn stringified(value: Value<'_>) -> Option<Text<'_>> {
    if value.is_null() { None } else { Some(value.scalar().unwrap_or_else(|| value.text().into())) }
}

fn meanings(properties: Value<'_>) -> Result<Meanings<'_>, Refusal> {
    let mut found = Meanings::default();
    for (key, value) in properties.members() {
        match &*key {
            "distinct_id" | "$distinct_id" => found.distinct_id = stringified(value),
            "$anon_distinct_id" => found.anonymous_id = value.scalar(),
            "$user_id" => found.user_id = value.scalar().filter(|id| !id.trim().is_empty()),
            "alias" => found.alias = value.scalar(),
            "$groups" => found.groups = Some(value).filter(|value| value.is_object()),
            "$group_type" => found.group_type = value.scalar(),
            "$group_key" => found.group_key = value.scalar(),
            "$set" => found.set = Some(value),
            "$set_once" => found.set_once = Some(value),
            "$unset" => found.unset = Some(value),
            "$is_identified" => found.identified = value.is_true(),
            "$ignore_sent_at" => found.keep_clock = value.is_true(),
            _ => {}
        }
    }
    (found.set, found.set_once) = (object("$set", found.set)?, object("$set_once", found.set_once)?);
    Ok(found)
}

fn kind_of(event: &str) -> Kind {
    match event {
        "$identify" => Kind::Identify,
        "$pageview" => Kind::Page,
        "$screen" => Kind::Screen,
        "$groupidentify" => Kind::Group,
        "$create_alias" => Kind::Alias,
        "$merge_dangerously" => Kind::Merge,
        _ => Kind::Track,
    }
}

/// Reads an event.
pub(crate) fn read<'a>(
    item: Value<'a>,
    around: &Around<'a>,
    source: &Source<'a>,
    scratch: &'a Scratch,
) -> Result<Draft<'a>, Refusal> {
    let event = fields(item, scratch)?;
    let mut meant = event.properties.map(meanings).transpose()?.unwrap_or_default();
    let name = event.event.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| Refusal::new(Reason::EventMissing, "an event needs a name in `event`"))?;
    let mut draft = Draft::new(kind_of(&name));
    if let Some(properties) = event.properties {
        columns::from_properties(&mut draft.common, properties);
    }
    draft.common.session_id = event.session_id.or(draft.common.session_id.take());
    if let Some(sdk_info) = around.sdk_info {
        columns::from_sdk_info(&mut draft.common, sdk_info);
    } else if let Some(Text(std::borrow::Cow::Borrowed(sdk_info))) = event.sdk_info {
        columns::from_sdk_info(&mut draft.common, sdk_info);
    }
    let distinct_id = event.distinct_id.filter(|id| !id.trim().is_empty()).or(meant.distinct_id.take()).map(cut);
    draft.link = link(draft.kind, distinct_id.as_ref(), &meant)?;
    draft.identified = meant.identified || meant.user_id.is_some() || draft.kind == Kind::Identify;
    draft.user_id = meant.user_id.map(cut).or_else(|| distinct_id.clone().filter(|_| draft.identified));
    draft.anonymous_id = meant.anonymous_id.map(cut);
    draft.distinct_id = distinct_id;
    draft.groups = match (raw(meant.groups), meant.group_type, meant.group_key) {
        (None, Some(group_type), Some(group_key)) => {
            scratch.groups(format!("{{{}:{}}}", quoted(&group_type), quoted(&group_key)))
        }
        (groups, ..) => groups,
    };
    draft.set = both(meant.set, event.set, |json| scratch.set(json));
    draft.set_once = both(meant.set_once, event.set_once, |json| scratch.set_once(json));
    draft.unset = unset(meant.unset, event.unset, scratch);
    draft.properties = raw(event.properties);
    draft.message_id = event.uuid;
    draft.keep_clock = event.keep_clock || meant.keep_clock;
    draft.timestamp = event.timestamp;
    if let (None, Some(offset_millis)) = (&draft.timestamp, event.offset_millis) {
        // Old clients say how long ago it was; that needs no clock.
        draft.keep_clock = true;
        draft.timestamp = Some(source.received_at.plus_millis(offset_millis.saturating_neg()).to_rfc3339().into());
    }
    draft.event = Some(name);
    Ok(draft)
}

/// What an event changes of the person may stand among its properties and beside them, which then wins.
fn both<'a>(
    inside: Option<Value<'a>>,
    beside: Option<Value<'a>>,
    keep: impl FnOnce(String) -> Option<&'a RawValue>,
) -> Option<&'a RawValue> {
    match (inside, beside) {
        (Some(inside), Some(beside)) => Some(merged(inside, beside)).filter(|json| json != "{}").and_then(keep),
        (inside, beside) => raw(inside.or(beside)),
    }
}

/// The names to forget of a person, as an array: they may come as the keys of an object too.
fn unset<'a>(inside: Option<Value<'a>>, beside: Option<Value<'a>>, scratch: &'a Scratch) -> Option<&'a RawValue> {
    match (inside, beside) {
        (Some(names), None) | (None, Some(names)) if names.is_array() => raw(Some(names)),
        (inside, beside) => {
            let mut names = Vec::new();
            for value in [inside, beside].into_iter().flatten() {
                names.extend(value.elements().map(|name| name.text().to_owned()));
                names.extend(value.members().map(|(name, _)| quoted(&name)));
            }
            (!names.is_empty()).then(|| format!("[{}]", names.join(","))).and_then(|json| scratch.unset(json))
        }
    }
}

fn cut(id: Text<'_>) -> Text<'_> {
    match id.char_indices().nth(ID_CHARS_MAX) {
        Some((end, _)) => id.get(..end).unwrap_or_default().to_owned().into(),
        None => id,
    }
}

fn link<'a>(kind: Kind, id: Option<&Text<'a>>, meant: &Meanings<'a>) -> Result<Option<Link<'a>>, Refusal> {
    let present = |id: &Option<Text<'a>>| id.clone().filter(|id| !id.trim().is_empty()).map(cut);
    let (link_kind, from) = match kind {
        Kind::Identify => (LinkKind::Identify, present(&meant.anonymous_id)),
        Kind::Alias => (LinkKind::Alias, present(&meant.alias)),
        Kind::Merge => (LinkKind::Merge, present(&meant.alias)),
        _ => return Ok(None),
    };
    match (from, id) {
        (Some(from), Some(into)) => Ok(Some(Link { kind: link_kind, from, into: into.clone() })),
        _ if kind == Kind::Identify => Ok(None),
        _ => Err(Refusal::new(Reason::AliasIncomplete, "needs `distinct_id` and `properties.alias`")),
    }
}
