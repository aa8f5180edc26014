//! One tracked record: who did what, when, where, with which properties.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Common, Text, Timestamp};

/// What sort of call made the activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Track,
    Identify,
    Page,
    Screen,
    Group,
    Alias,
    Merge,
}

impl Kind {
    /// The word in the `kind` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Track => "track",
            Kind::Identify => "identify",
            Kind::Page => "page",
            Kind::Screen => "screen",
            Kind::Group => "group",
            Kind::Alias => "alias",
            Kind::Merge => "merge",
        }
    }

    /// The event name of calls that carry none; a track must name its own.
    pub const fn default_event(self) -> Option<&'static str> {
        match self {
            Kind::Track => None,
            Kind::Identify => Some("$identify"),
            Kind::Page => Some("$pageview"),
            Kind::Screen => Some("$screen"),
            Kind::Group => Some("$groupidentify"),
            Kind::Alias => Some("$create_alias"),
            Kind::Merge => Some("$merge"),
        }
    }
}

/// How firmly a link joins two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// An anonymous id turned out to be this user. Refused when the anonymous id belongs to another identified user already.
    Identify,
    /// Another name for this user. Refused when the other name is an identified user of its own.
    Alias,
    /// Join two persons whatever they are. Refused only for known-bad ids.
    Merge,
}

/// A claim that two distinct ids are one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link<'a> {
    /// How firmly.
    pub kind: LinkKind,
    /// The id that joins (anonymous or previous).
    #[serde(borrow)]
    pub from: Text<'a>,
    /// The id whose person it joins.
    #[serde(borrow)]
    pub into: Text<'a>,
}

/// One activity, checked and with its times settled. Made by [`Activity::parse`](crate::Activity::parse) alone;
/// read back from the log by [`Entry::decode`](crate::Entry::decode).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Activity<'a> {
    /// The project whose write key brought it.
    #[serde(borrow)]
    pub project: Text<'a>,
    /// The client's id of the activity, or one derived from its content: it is counted once per project and id.
    #[serde(borrow)]
    pub message_id: Text<'a>,
    pub kind: Kind,
    /// Event name; calls other than track have `$pageview`, `$screen`, `$identify`, `$groupidentify`, `$create_alias`, `$merge`.
    #[serde(borrow)]
    pub event: Text<'a>,
    /// The user id if there is one, else the anonymous id.
    #[serde(borrow)]
    pub distinct_id: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<Text<'a>>,
    /// When it happened: the client's time corrected for its clock.
    pub timestamp: Timestamp,
    /// The client's own time, uncorrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_timestamp: Option<Timestamp>,
    /// When the client sent the request, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When the server had the request.
    pub received_at: Timestamp,
    /// The wire dialect: `segment`, `posthog`, `rudder`, `native`, `import` …
    #[serde(borrow)]
    pub dialect: Text<'a>,
    #[serde(borrow, default)]
    pub common: Common<'a>,
    /// The properties as sent: a JSON object, byte for byte.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<&'a RawValue>,
    /// The dialect's context object as sent, where it has one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub context: Option<&'a RawValue>,
    /// Group type to group key, a JSON object.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<&'a RawValue>,
    /// Person properties to set (last writer by time wins): a JSON object.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub set: Option<&'a RawValue>,
    /// Person properties to set only where none is set (first writer by time wins): a JSON object.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub set_once: Option<&'a RawValue>,
    /// Names of person properties to remove: a JSON array of strings.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub unset: Option<&'a RawValue>,
    /// Ids that this activity says are one person.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link<'a>>,
    /// True when the distinct id names a known user rather than an anonymous visitor.
    #[serde(default)]
    pub identified: bool,
    /// The run of `footfall import` that brought it, so that the run can give its account.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub import: Option<Text<'a>>,
}
