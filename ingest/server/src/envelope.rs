//! What a request body turned out to be: its items, and what it says about all of them. Nothing of HTTP here.

use footfall_ingest_activity::{Reason, Text, Timestamp};

use crate::dialect::{Around, Dialect};
use crate::json::Value;

/// A body, read but for its items.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) items: Vec<Item<'a>>,
    /// The write key, where the body has one.
    pub(crate) key: Option<Text<'a>>,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) around: Around<'a>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn new(dialect: Dialect, items: Vec<Item<'a>>) -> Self {
        Envelope { dialect, items, key: None, sent_at: None, around: Around::default() }
    }

    /// How many bytes the items grow by when each is given what stands around all of them.
    pub(crate) fn copied_bytes(&self) -> usize {
        let context = self.around.context.map_or(0, |context| context.text().len());
        let sdk_info = self.around.sdk_info.map_or(0, str::len);
        (context + sdk_info).saturating_mul(self.items.len())
    }
}

/// One item, or what stands in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'a> {
    Json(Value<'a>),
    /// Valid JSON with a fault that is known already.
    Faulty(Value<'a>, Reason, &'static str),
    /// A line that is no JSON.
    NotJson,
    /// A line that is no UTF-8.
    NotUtf8,
}

/// Why a body as a whole cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body is empty")]
    Empty,
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("{0}")]
    Shape(&'static str),
    #[error("the body has {items} items; the limit is {items_max}")]
    TooManyItems { items: usize, items_max: usize },
    #[error("all events of a request must have the same token")]
    MixedKeys,
    #[error("a personal API key is no project token")]
    PersonalKey,
    #[error("the uuid {0} stands twice in the batch")]
    RepeatedId(String),
    #[error("{0}")]
    Header(&'static str),
    #[error("the body cannot be decoded: {0}")]
    Undecodable(String),
}

impl BodyFault {
    /// The stable code of the fault in answers, and the reason in metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            BodyFault::Empty => "empty_body",
            BodyFault::NotUtf8 => "not_utf8",
            BodyFault::NotJson(_) => "not_json",
            BodyFault::Shape(_) => "malformed",
            BodyFault::TooManyItems { .. } => "too_many_items",
            BodyFault::MixedKeys => "mixed_keys",
            BodyFault::PersonalKey => "personal_key",
            BodyFault::RepeatedId(_) => "message_id_invalid",
            BodyFault::Header(_) => "header_invalid",
            BodyFault::Undecodable(_) => "undecodable",
        }
    }
}

/// The body's text, without a byte order mark.
pub(crate) fn text_of(body: &[u8]) -> Result<&str, BodyFault> {
    let text = std::str::from_utf8(body).map_err(|_| BodyFault::NotUtf8)?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.trim().is_empty() { Err(BodyFault::Empty) } else { Ok(text) }
}

/// The body's one JSON value.
pub(crate) fn value_of(text: &str) -> Result<Value<'_>, BodyFault> {
    Value::check(text).map_err(|error| BodyFault::NotJson(error.to_string()))
}

/// The elements of an array as items, unless there are too many.
pub(crate) fn items_of(array: Value<'_>, items_max: usize) -> Result<Vec<Item<'_>>, BodyFault> {
    bounded(array.elements().map(Item::Json), items_max)
}

/// The items, unless there are too many: those are counted and not kept, since `0,` takes two bytes and an item many more.
pub(crate) fn bounded<'a>(
    mut items: impl Iterator<Item = Item<'a>>,
    items_max: usize,
) -> Result<Vec<Item<'a>>, BodyFault> {
    let kept: Vec<_> = items.by_ref().take(items_max).collect();
    match items.count() {
        0 => Ok(kept),
        more => Err(BodyFault::TooManyItems { items: kept.len() + more, items_max }),
    }
}

/// A time that may be missing or unreadable: then there is none.
pub(crate) fn lenient_time(value: Value<'_>) -> Option<Timestamp> {
    value.scalar().and_then(|text| Timestamp::parse(&text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_items_are_counted() {
        let refused = bounded(std::iter::repeat_n(Item::NotJson, 5), 3);
        assert!(matches!(refused, Err(BodyFault::TooManyItems { items: 5, items_max: 3 })));
        assert!(bounded(std::iter::repeat_n(Item::NotUtf8, 3), 3).is_ok_and(|items| items.len() == 3));
    }
}
