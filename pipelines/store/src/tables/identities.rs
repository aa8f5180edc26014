//! `identities`: parts of what is known of a distinct id; `persons` and `person_ids` are made from it.

use super::ColumnKind::{Boolean, Integer, Json, Text, Time};
use super::{Column, column, nullable};

pub(super) const COLUMNS: &[Column] = &[
    column("person_id", Text, "The id's own person, before merges."),
    column("distinct_id", Text, "The id."),
    column("first_seen", Time, "Time of its earliest activity in this part."),
    column("last_seen", Time, "Time of its latest activity in this part."),
    column("activities", Integer, "Activities in this part."),
    column("identified", Boolean, "True when it named a known user."),
    nullable("traits", Json, "Person properties with the times at which they were set, see traits.rs."),
];
