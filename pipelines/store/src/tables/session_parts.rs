//! `session_parts`: stretches of one id's activity without a gap of more than 30 minutes. Parts of one person that
//! lie within 30 minutes of each other join into a session when they are read.

use super::ColumnKind::{Float, Integer, Text, Time};
use super::{Column, column, nullable};

pub(super) const COLUMNS: &[Column] = &[
    column("person_id", Text, "Own person of the id."),
    column("start", Time, "Time of the first activity."),
    column("end", Time, "Time of the last activity."),
    column("activities", Integer, "Activities in the part."),
    column("pageviews", Integer, "Of these, $pageview and $screen."),
    column("first_message_id", Text, "The first activity, by time then message id."),
    column("last_message_id", Text, "The last activity, by time then message id."),
    column("entry_event", Text, "Event of the first activity."),
    column("exit_event", Text, "Event of the last activity."),
    nullable("entry_page", Text, "Path or screen of the first activity."),
    nullable("exit_page", Text, "Path or screen of the last activity."),
    column("amount", Float, "Sum of the amounts."),
];
