//! One activity in Footfall's own dialect (docs/ingest-fates.md): Segment's shape, with all of a person's changes in it.

use footfall_ingest_activity::{Draft, Refusal};

use crate::dialect::{Around, Scratch};
use crate::field::{id, last_of, object, raw};
use crate::json::Value;
use crate::segment_item;

const NAMES: [&str; 8] = ["distinctId", "event", "set", "setOnce", "unset", "groups", "sessionId", "deviceId"];

/// Reads an activity. What has no `type` is a track.
pub(crate) fn read<'a>(item: Value<'a>, around: &Around<'a>, scratch: &'a Scratch) -> Result<Draft<'a>, Refusal> {
    let around = Around { call: around.call.or(Some("track")), ..*around };
    let mut draft = segment_item::read(item, &around, scratch)?;
    let [distinct, event, set, set_once, unset, groups, session, device] = last_of(item, &NAMES);
    draft.distinct_id = id("distinctId", distinct)?;
    let named = id("event", event)?;
    draft.set = raw(object("set", set)?).or(draft.set);
    draft.set_once = raw(object("setOnce", set_once)?);
    draft.unset = raw(unset.filter(|names| names.is_array()));
    draft.groups = raw(object("groups", groups)?).or(draft.groups);
    draft.common.session_id = session.and_then(Value::scalar).or(draft.common.session_id);
    draft.common.device_id = device.and_then(Value::scalar).or(draft.common.device_id);
    // Any call may name its event here.
    draft.event = named.filter(|name| !name.trim().is_empty()).or(draft.event);
    Ok(draft)
}
