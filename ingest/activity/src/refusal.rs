//! Why an activity could not be taken as it was. Every reason has a stable code.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// The reason an item is quarantined or rejected. The code is part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* #[serde(rename = $code)] $name,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),+];

            /// The stable code, as it stands in answers and in the `quarantine` table.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)+ }
            }
        }
    };
}

reasons! {
    /// The item is JSON but not an object, or a field has a type that cannot be read.
    Malformed = "malformed",
    /// The item's `type` is none that we know.
    UnknownType = "unknown_type",
    /// A track without an event name.
    EventMissing = "event_missing",
    /// The event name is longer than the limit.
    EventTooLong = "event_too_long",
    /// Neither a user nor an anonymous id.
    DistinctIdMissing = "distinct_id_missing",
    /// An id is longer than the limit.
    DistinctIdTooLong = "distinct_id_too_long",
    /// The message id is longer than the limit.
    MessageIdTooLong = "message_id_too_long",
    /// A PostHog v1 uuid that is none, or that stands twice in one batch.
    MessageIdInvalid = "message_id_invalid",
    /// A NUL character in an event name or id.
    NulCharacter = "nul_character",
    /// The client's time cannot be read.
    TimestampInvalid = "timestamp_invalid",
    /// The client's time lies before 1970.
    TimestampTooEarly = "timestamp_too_early",
    /// Objects or arrays nested deeper than the limit.
    TooDeep = "too_deep",
    /// `properties`, `context` or `traits` is not an object.
    NotAnObject = "not_an_object",
    /// An alias without both of its ids.
    AliasIncomplete = "alias_incomplete",
    /// Otherwise than the project's tracking plan says, which refuses it.
    PlanViolated = "plan_violated",
    /// The item is larger than the limit: rejected, not kept.
    TooLarge = "too_large",
    /// The line is not JSON at all: rejected, not kept.
    NotJson = "not_json",
    /// The bytes are not UTF-8: rejected, not kept.
    NotUtf8 = "not_utf8",
    /// The item is an operator's command, and the key is none of an operator: rejected, not kept.
    OperatorOnly = "operator_only",
    /// A stretch of the log was damaged on disk; the raw bytes are kept beside the log.
    LogDamaged = "log_damaged",
}

/// A refusal: the reason, and a sentence that says what to fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.code())]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// What was wrong and what to send instead. Never contains secrets.
    pub detail: String,
}

impl Refusal {
    /// A refusal for `reason` with its explanation.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Refusal { reason, detail: detail.into() }
    }

    /// True when the item is not kept at all (too large, or not readable as JSON text).
    pub fn is_rejection(&self) -> bool {
        matches!(self.reason, Reason::TooLarge | Reason::NotJson | Reason::NotUtf8 | Reason::OperatorOnly)
    }
}
