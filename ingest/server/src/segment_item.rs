//! One Segment call: track, identify, page, screen, group, alias; and RudderStack's merge, which has the same shape.

use footfall_ingest_activity::{Draft, Kind, Link, LinkKind, Reason, Refusal, Text};

use crate::columns;
use crate::dialect::{Around, Scratch};
use crate::field::{id, last_of, object, raw, time};
use crate::json::{Value, merged, quoted};

/// The fields of a call, checked.
struct Call<'a> {
    kind: Option<Text<'a>>,
    event: Option<Text<'a>>,
    name: Option<Text<'a>>,
    user_id: Option<Text<'a>>,
    anonymous_id: Option<Text<'a>>,
    previous_id: Option<Text<'a>>,
    group_id: Option<Text<'a>>,
    message_id: Option<Text<'a>>,
    timestamp: Option<Text<'a>>,
    properties: Option<Value<'a>>,
    traits: Option<Value<'a>>,
    context: Option<Value<'a>>,
    merge: Option<Value<'a>>,
}

const NAMES: [&str; 14] = [
    "type",
    "event",
    "name",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "messageId",
    "timestamp",
    "originalTimestamp",
    "properties",
    "traits",
    "context",
    "mergeProperties",
];

fn fields(item: Value<'_>) -> Result<Call<'_>, Refusal> {
    // Collected first and checked then, so that of duplicates only the last counts.
    let found = last_of(item, &NAMES);
    let [
        kind,
        event,
        name,
        user,
        anonymous,
        previous,
        group,
        message,
        time,
        original,
        properties,
        traits,
        context,
        merge,
    ] = found;
    Ok(Call {
        kind: id("type", kind)?,
        event: id("event", event)?,
        name: name.and_then(Value::scalar),
        user_id: somebody(id("userId", user)?),
        anonymous_id: somebody(id("anonymousId", anonymous)?),
        previous_id: somebody(id("previousId", previous)?),
        group_id: id("groupId", group)?,
        message_id: id("messageId", message)?,
        timestamp: time.and_then(self::time).or(original.and_then(self::time)),
        properties: object("properties", properties)?,
        traits: object("traits", traits)?,
        context: object("context", context)?,
        merge,
    })
}

/// An id that names somebody: clients write `"userId": ""` for whoever has none.
fn somebody(id: Option<Text<'_>>) -> Option<Text<'_>> {
    id.filter(|id| !id.trim().is_empty())
}

/// The kind that a `type` names.
pub(crate) fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "track" => Kind::Track,
        "identify" => Kind::Identify,
        "page" => Kind::Page,
        "screen" => Kind::Screen,
        "group" => Kind::Group,
        "alias" => Kind::Alias,
        "merge" => Kind::Merge,
        _ => return None,
    })
}

/// Reads a call.
pub(crate) fn read<'a>(item: Value<'a>, around: &Around<'a>, scratch: &'a Scratch) -> Result<Draft<'a>, Refusal> {
    let mut call = fields(item)?;
    let named = call.kind.as_deref().or(around.call).unwrap_or_default();
    let kind = kind_of(named).ok_or_else(|| {
        let shown: String = named.chars().take(40).collect();
        Refusal::new(
            Reason::UnknownType,
            format!("type {shown:?} is none of track, identify, page, screen, group, alias"),
        )
    })?;
    let mut draft = Draft::new(kind);
    context(&mut draft, call.context, around.context, scratch);
    let payload = match kind {
        Kind::Identify => traits(&call),
        Kind::Group => call.traits.or(call.properties),
        _ => call.properties,
    };
    if let Some(payload) = payload {
        if kind == Kind::Page {
            columns::from_page_properties(&mut draft.common, payload);
        }
        columns::from_properties(&mut draft.common, payload);
    }
    match kind {
        Kind::Track => draft.event = call.event.take(),
        Kind::Identify => draft.set = raw(payload),
        Kind::Page => draft.common.page_title = draft.common.page_title.take().or(call.name.take()),
        Kind::Screen => draft.common.screen = draft.common.screen.take().or(call.name.take()),
        _ => {}
    }
    if kind == Kind::Group && call.group_id.is_none() {
        return Err(Refusal::new(Reason::Malformed, "a group call needs a `groupId`"));
    }
    let context_group = || call.context.and_then(|context| context.member("groupId")).and_then(Value::scalar);
    if let Some(group_id) = somebody(call.group_id.take()).or_else(|| somebody(context_group())) {
        draft.groups = scratch.groups(format!("{{\"group\":{}}}", quoted(&group_id)));
    }
    draft.link = link(kind, &call)?;
    if let (Kind::Merge, None, None) = (kind, &call.user_id, &call.anonymous_id) {
        draft.distinct_id = draft.link.as_ref().map(|link| link.into.clone());
    }
    draft.properties = raw(payload);
    draft.identified = call.user_id.is_some();
    draft.user_id = call.user_id;
    draft.anonymous_id = call.anonymous_id;
    draft.message_id = call.message_id;
    draft.timestamp = call.timestamp;
    Ok(draft)
}

/// What an identify says of the person. RudderStack's browser and mobile clients have it in the context alone.
fn traits<'a>(call: &Call<'a>) -> Option<Value<'a>> {
    let of_context = || call.context?.member("traits").filter(|traits| traits.is_object());
    let said = [call.traits, call.properties];
    said.into_iter().flatten().find(|traits| traits.text() != "{}").or_else(of_context)
}

/// The item's context within that of its batch.
fn context<'a>(draft: &mut Draft<'a>, own: Option<Value<'a>>, outer: Option<Value<'a>>, scratch: &'a Scratch) {
    for context in [outer, own].into_iter().flatten() {
        columns::from_context(&mut draft.common, context);
    }
    draft.context = match (own, outer) {
        (Some(own), Some(outer)) => scratch.context(merged(outer, own)),
        (own, outer) => raw(own.or(outer)),
    };
}

fn link<'a>(kind: Kind, call: &Call<'a>) -> Result<Option<Link<'a>>, Refusal> {
    let incomplete = |detail: &str| Refusal::new(Reason::AliasIncomplete, detail);
    match kind {
        // Without a previous id the browser's client means the visitor that it has known until now.
        Kind::Alias => match (call.previous_id.as_ref().or(call.anonymous_id.as_ref()), &call.user_id) {
            (Some(from), Some(into)) => {
                Ok(Some(Link { kind: LinkKind::Alias, from: from.clone(), into: into.clone() }))
            }
            _ => Err(incomplete("an alias needs `previousId` and `userId`")),
        },
        Kind::Merge => {
            let mut ids = call
                .merge
                .into_iter()
                .flat_map(Value::elements)
                .filter_map(|pair| pair.member("value").and_then(Value::scalar).filter(|id| !id.trim().is_empty()));
            match (ids.next(), ids.next()) {
                (Some(into), Some(from)) => Ok(Some(Link { kind: LinkKind::Merge, from, into })),
                _ => Err(incomplete("a merge needs two `mergeProperties` with a `value` each")),
            }
        }
        _ => Ok(call.anonymous_id.clone().zip(call.user_id.clone()).map(|(from, into)| Link {
            kind: LinkKind::Identify,
            from,
            into,
        })),
    }
}
