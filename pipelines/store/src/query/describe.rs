//! The public tables in words.

use serde::Serialize;

use super::views::VIEWS;
use crate::tables::ColumnKind::{Boolean, Float, Integer, Json, Text, Time, Word};
use crate::tables::{Column, ColumnKind, Table};

/// A table that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableAbout {
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    pub columns: Vec<ColumnAbout>,
}

/// A column of such a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnAbout {
    pub name: &'static str,
    /// The word that answers use: string, integer, float, boolean, timestamp, list.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub nullable: bool,
    pub about: &'static str,
}

/// Every table that can be asked, with its columns in order.
pub fn tables() -> Vec<TableAbout> {
    VIEWS
        .iter()
        .map(|view| TableAbout { name: view.name, about: about(view.name), columns: columns(view.name) })
        .collect()
}

/// Names of the tables.
pub(super) fn names() -> Vec<&'static str> {
    VIEWS.iter().map(|view| view.name).collect()
}

fn about(table: &str) -> &'static str {
    match table {
        "activity" => "One row for each activity: who did what, when, where, with which properties.",
        "persons" => "One row for each person, with the properties as they are now.",
        "person_ids" => "Which person each distinct id belongs to.",
        "person_merges" => "Every claim that two ids are one person, and what became of it.",
        "sessions" => "Stretches of one person's activity without a gap of more than 30 minutes.",
        "quarantine" => "Items that could not be taken as they were, with the reason.",
        _ => "",
    }
}

fn columns(table: &str) -> Vec<ColumnAbout> {
    match table {
        "activity" => physical(Table::Activity),
        "persons" => PERSONS.to_vec(),
        "person_ids" => PERSON_IDS.to_vec(),
        "person_merges" => with(Table::PersonMerges, text("undone", Boolean, "True when an undo has taken it back.")),
        "sessions" => SESSIONS.to_vec(),
        "quarantine" => {
            with(Table::Quarantine, maybe("resolved_at", Time, "When it was replayed into activity; null while open."))
        }
        _ => Vec::new(),
    }
}

fn physical(table: Table) -> Vec<ColumnAbout> {
    table.columns().iter().map(of).collect()
}

fn with(table: Table, more: ColumnAbout) -> Vec<ColumnAbout> {
    table.columns().iter().map(of).chain([more]).collect()
}

fn of(column: &Column) -> ColumnAbout {
    ColumnAbout { nullable: column.nullable, ..text(column.name, column.kind, column.about) }
}

const fn text(name: &'static str, kind: ColumnKind, about: &'static str) -> ColumnAbout {
    let kind = match kind {
        Text | Word | Json => "string",
        Time => "timestamp",
        Integer => "integer",
        Float => "float",
        Boolean => "boolean",
    };
    ColumnAbout { name, kind, nullable: false, about }
}

const fn maybe(name: &'static str, kind: ColumnKind, about: &'static str) -> ColumnAbout {
    let ColumnAbout { kind, .. } = text(name, kind, about);
    ColumnAbout { name, kind, nullable: true, about }
}

const PERSONS: &[ColumnAbout] = &[
    text("person_id", Text, "The person, a UUID."),
    text("first_seen", Time, "Time of the earliest activity."),
    text("last_seen", Time, "Time of the latest activity."),
    text("activities", Integer, "Number of activities."),
    text("identified", Boolean, "True when one of the ids names a known user."),
    text("properties", Json, "The person's properties, a JSON object; ask for one as properties->>'name'."),
    text("distinct_id_count", Integer, "Number of distinct ids."),
    ColumnAbout { name: "distinct_ids", kind: "list", nullable: false, about: "The distinct ids, sorted." },
];

const PERSON_IDS: &[ColumnAbout] = &[
    text("distinct_id", Text, "The id."),
    text("person_id", Text, "The person it belongs to."),
    text("own_person_id", Text, "The person it was before merges."),
    text("identified", Boolean, "True when it names a known user."),
    text("first_seen", Time, "Time of its earliest activity."),
    text("last_seen", Time, "Time of its latest activity."),
    text("activities", Integer, "Number of its activities."),
];

const SESSIONS: &[ColumnAbout] = &[
    text("session_id", Text, "A UUID made from person and start."),
    text("person_id", Text, "The person."),
    text("start", Time, "Time of the first activity."),
    text("end", Time, "Time of the last activity; write it \"end\", it is a word of SQL."),
    text("duration_seconds", Float, "Seconds from start to end."),
    text("activities", Integer, "Number of activities."),
    text("pageviews", Integer, "Of these, $pageview and $screen."),
    text("entry_event", Text, "Event of the first activity."),
    text("exit_event", Text, "Event of the last activity."),
    maybe("entry_page", Text, "Path or screen of the first activity."),
    maybe("exit_page", Text, "Path or screen of the last activity."),
    text("bounce", Boolean, "True when it was a single activity."),
    text("amount", Float, "Sum of the amounts."),
];
