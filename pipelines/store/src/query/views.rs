//! The public tables, as SQL over the physical ones.

use crate::tables::Table;

/// A public table: its name, and what it is made of.
pub(super) struct View {
    pub name: &'static str,
    /// Shown as it is when no ids are merged, or always when there is no SQL.
    pub table: Option<Table>,
    /// Over the physical tables.
    pub sql: Option<&'static str>,
}

pub(super) const VIEWS: &[View] = &[
    View { name: "activity", table: Some(Table::Activity), sql: Some(ACTIVITY) },
    View { name: "persons", table: None, sql: Some(PERSONS) },
    View { name: "person_ids", table: None, sql: Some(PERSON_IDS) },
    View { name: "person_merges", table: None, sql: Some(PERSON_MERGES) },
    View { name: "sessions", table: None, sql: Some(SESSIONS) },
    View { name: "quarantine", table: None, sql: Some(QUARANTINE) },
];

const ACTIVITY: &str = "SELECT * REPLACE (resolve_person(person_id) AS person_id) FROM activity";

const PERSONS: &str = "
SELECT person_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen, sum(activities) AS activities,
       bool_or(identified) AS identified, fold_traits(traits) AS properties,
       count(DISTINCT distinct_id) AS distinct_id_count, array_sort(array_agg(DISTINCT distinct_id)) AS distinct_ids
FROM (SELECT * REPLACE (resolve_person(person_id) AS person_id) FROM identities)
GROUP BY person_id";

const PERSON_IDS: &str = "
SELECT distinct_id, resolve_person(person_id) AS person_id, person_id AS own_person_id,
       bool_or(identified) AS identified, min(first_seen) AS first_seen, max(last_seen) AS last_seen,
       sum(activities) AS activities
FROM identities
GROUP BY distinct_id, person_id";

const PERSON_MERGES: &str = "
SELECT merges.*, undos.merge_id IS NOT NULL AND merges.kind <> 'undo' AS undone
FROM person_merges AS merges
LEFT JOIN (SELECT DISTINCT merge_id FROM person_merges WHERE kind = 'undo' AND outcome NOT LIKE 'refused%') AS undos
  ON undos.merge_id = merges.merge_id";

/// Parts of one person join while the next starts at most 30 minutes after everything before it has ended.
const SESSIONS: &str = r#"
WITH parts AS (SELECT * REPLACE (resolve_person(person_id) AS person_id) FROM session_parts),
opened AS (
  SELECT *, CASE WHEN start <= max("end") OVER (
      PARTITION BY person_id ORDER BY start, first_message_id, last_message_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + INTERVAL '30 minutes' THEN 0 ELSE 1 END AS opens
  FROM parts),
numbered AS (
  SELECT *, sum(opens) OVER (
      PARTITION BY person_id ORDER BY start, first_message_id, last_message_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
  FROM opened),
joined AS (
  SELECT person_id, min(start) AS start, max("end") AS "end", sum(activities) AS activities,
         sum(pageviews) AS pageviews,
         first_value(entry_event ORDER BY start, first_message_id) AS entry_event,
         first_value(exit_event ORDER BY "end" DESC, last_message_id DESC) AS exit_event,
         first_value(entry_page ORDER BY start, first_message_id) AS entry_page,
         first_value(exit_page ORDER BY "end" DESC, last_message_id DESC) AS exit_page,
         sum(amount) AS amount
  FROM numbered GROUP BY person_id, number)
SELECT session_id(person_id, start) AS session_id, person_id, start, "end",
       (CAST("end" AS BIGINT) - CAST(start AS BIGINT)) / CAST(1000 AS DOUBLE) AS duration_seconds,
       activities, pageviews, entry_event, exit_event, entry_page, exit_page, activities = 1 AS bounce, amount
FROM joined"#;

const QUARANTINE: &str = "
SELECT quarantine.*, resolved.resolved_at
FROM quarantine
LEFT JOIN (SELECT quarantine_id, min(resolved_at) AS resolved_at FROM quarantine_resolved GROUP BY quarantine_id)
  AS resolved ON resolved.quarantine_id = quarantine.quarantine_id";
