//! `quarantine`: items that could not be taken as they were, whole, until they are replayed.

use super::ColumnKind::{Text, Time, Word};
use super::{Column, column, nullable};

pub(super) const COLUMNS: &[Column] = &[
    column("quarantine_id", Text, "Its key."),
    column("dialect", Word, "How it came."),
    column("reason", Word, "Code of the reason."),
    column("detail", Text, "What was wrong, in words."),
    column("raw", Text, "The item as it was sent."),
    column("received_at", Time, "When the server had it."),
    nullable("sent_at", Time, "When the client sent it, by its own clock."),
];

pub(super) const RESOLVED_COLUMNS: &[Column] = &[
    column("quarantine_id", Text, "Key of the item."),
    column("resolved_at", Time, "When it was replayed into activity."),
];
