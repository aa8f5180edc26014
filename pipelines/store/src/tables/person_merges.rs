//! `person_merges`: every claim that two ids are one person, in the order in which it was decided.

use super::ColumnKind::{Integer, Text, Time, Word};
use super::{Column, column};

pub(super) const COLUMNS: &[Column] = &[
    column("sequence", Integer, "Order of the decisions, from 0."),
    column(
        "merge_id",
        Text,
        "Id of the claim: that of its activity; an undo carries the id of the merge it takes back.",
    ),
    column("kind", Word, "identify, alias, merge, or undo."),
    column("from_distinct_id", Text, "The id that joins."),
    column("into_distinct_id", Text, "The id whose person it joins."),
    column("timestamp", Time, "When it happened."),
    column("received_at", Time, "When the server had it."),
    column(
        "outcome",
        Word,
        "applied, already (nothing to do), known (an identify that names no second id), or refused_… with the reason.",
    ),
];
