//! One line of a file: Segment's, PostHog's or our own shape, told apart by its fields.

use footfall_ingest_activity::{Draft, Refusal, Source};

use crate::dialect::{Around, Scratch};
use crate::json::Value;
use crate::{native_item, posthog_item};

/// Reads an item of any shape. Times in files are right as they are.
pub(crate) fn read<'a>(
    item: Value<'a>,
    around: &Around<'a>,
    source: &Source<'a>,
    scratch: &'a Scratch,
) -> Result<Draft<'a>, Refusal> {
    let mut draft = if is_posthog(item) {
        posthog_item::read(item, around, source, scratch)?
    } else {
        native_item::read(item, around, scratch)?
    };
    draft.keep_clock = true;
    Ok(draft)
}

/// PostHog's events have a `distinct_id`, in the event or among the properties; the other shapes spell it otherwise.
fn is_posthog(item: Value<'_>) -> bool {
    let mut nested = false;
    for (key, value) in item.members() {
        match &*key {
            "distinct_id" | "$distinct_id" => return true,
            "userId" | "anonymousId" | "distinctId" | "messageId" => return false,
            "properties" => nested = value.member("distinct_id").is_some() || value.text().starts_with('"'),
            _ => {}
        }
    }
    nested
}
