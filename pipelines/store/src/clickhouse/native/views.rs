//! The public tables of one project at one moment, in ClickHouse's dialect.

use std::collections::BTreeSet;

use super::super::ddl::data_type;
use super::super::filter_sql::{name, quoted};
use super::super::overrides;
use super::super::view::Visible;
use crate::query::{Condition, Policy, QueryError, Subject};
use crate::tables::{Column, ColumnKind, Table};

/// Which rows.
pub(super) struct Scope<'s> {
    pub database: &'s str,
    pub project: &'s str,
    pub visible: &'s Visible,
    /// Some ids are another person now.
    pub merged: bool,
}

/// Conditions are not moved across it.
const FENCE: &str = "LIMIT 18446744073709551615";

/// What ClickHouse writes otherwise than it was sent: `1.50` as `1.5`, and all between the brackets of the others.
const RESPELLED: &str = "'Double', 'Object', 'Array'";

/// The value of a property as text, as `->>` gives it; NULL where ClickHouse cannot give it so.
fn text_of(property: &str) -> String {
    let key = quoted(property);
    format!(
        "multiIf(JSONType(properties, {key}) IN ('Null', {RESPELLED}), NULL, JSONType(properties, {key}) = 'String', \
         JSONExtractString(properties, {key}), JSONExtractRaw(properties, {key}))"
    )
}

/// Names and statements of what the asker may see.
pub(super) fn all(scope: &Scope<'_>, policy: &Policy) -> Result<Vec<(&'static str, String)>, QueryError> {
    let mut views = vec![("activity", scope.activity(policy)?)];
    if policy.rows.is_some() {
        return Ok(views);
    }
    if !policy.masked.is_empty() {
        // Properties of persons, and what sessions hold of pages, are masked by names at any depth: not in this dialect.
        return Ok(views);
    }
    views.push(("persons", scope.persons()));
    views.push(("person_ids", scope.person_ids()));
    views.push(("person_merges", scope.plain(Table::PersonMerges)));
    views.push(("sessions", scope.sessions()));
    views.push(("quarantine", scope.plain(Table::Quarantine)));
    Ok(views)
}

impl Scope<'_> {
    fn rows(&self, table: Table) -> String {
        let condition = self.visible.rows(table, Some(self.project), 0, self.database);
        format!("`{}`.`{}` WHERE project = {} AND {condition}", self.database, table.name(), quoted(self.project))
    }

    fn plain(&self, table: Table) -> String {
        let columns: Vec<String> = table.columns().iter().map(|column| name(column.name)).collect();
        format!("SELECT {} FROM {} {FENCE}", columns.join(", "), self.rows(table))
    }

    /// A table with the person that an id is now.
    fn resolved(&self, table: Table) -> String {
        let columns = |of: &dyn Fn(&Column) -> String| table.columns().iter().map(of).collect::<Vec<_>>().join(", ");
        if !self.merged {
            return format!("SELECT {} FROM {}", columns(&|column| name(column.name)), self.rows(table));
        }
        let latest = overrides::latest(self.visible, 0, Some(self.project), self.database);
        let now = columns(&|column| match column.name {
            "person_id" => {
                "if(now.canonical_person_id = '', own.person_id, now.canonical_person_id) AS person_id".to_owned()
            }
            other => format!("own.{0} AS {0}", name(other)),
        });
        format!(
            "SELECT {now} FROM (SELECT {} FROM {}) AS own LEFT ANY JOIN {latest} AS now ON own.person_id = now.person_id",
            columns(&|column| name(column.name)),
            self.rows(table)
        )
    }

    fn activity(&self, policy: &Policy) -> Result<String, QueryError> {
        let rows = policy.rows.as_ref().map_or(Ok("1".to_owned()), filter)?;
        // Members may hide at any depth.
        let hides_all = |column: &Column| column.kind == ColumnKind::Json && !policy.masked.is_empty();
        let shown = |column: &Column| match policy.hides_column(column.name) || hides_all(column) {
            true => {
                let kind = data_type(&Column { nullable: true, ..*column });
                format!("CAST(NULL AS {kind}) AS {}", name(column.name))
            }
            false => name(column.name),
        };
        let columns: Vec<String> = Table::Activity.columns().iter().map(shown).collect();
        Ok(format!(
            "SELECT {} FROM (SELECT * FROM ({}) WHERE {rows} {FENCE})",
            columns.join(", "),
            self.resolved(Table::Activity)
        ))
    }

    fn person_ids(&self) -> String {
        format!(
            "SELECT own.distinct_id AS distinct_id, own.person_id AS person_id, max(own.identified) AS identified, \
             min(own.first_seen) AS first_seen, max(own.last_seen) AS last_seen, sum(own.activities) AS activities \
             FROM ({}) AS own GROUP BY own.distinct_id, own.person_id {FENCE}",
            self.resolved(Table::Identities)
        )
    }

    fn persons(&self) -> String {
        let identities = self.resolved(Table::Identities);
        // Set and unset beat set once; the latest of the first, the earliest of the other (traits.rs).
        let chosen = format!(
            "SELECT person_id, name, if(countIf(k != 'o') > 0, argMaxIf((k, v), (t, m, k, v), k != 'o'), argMinIf((k, v), (t, m, v), k = 'o')) AS chosen \
             FROM (SELECT person_id, entry.1 AS name, JSONExtractString(entry.2, 'k') AS k, JSONExtractRaw(entry.2, 'v') AS v, \
             JSONExtractInt(entry.2, 't') AS t, JSONExtractUInt(entry.2, 'm') AS m \
             FROM ({identities}) ARRAY JOIN JSONExtractKeysAndValuesRaw(assumeNotNull(traits)) AS entry WHERE traits IS NOT NULL) GROUP BY person_id, name"
        );
        let properties = format!(
            "SELECT person_id, concat('{{', arrayStringConcat(arraySort(groupArrayIf(concat(toJSONString(name), ':', chosen.2), chosen.1 != 'u')), ','), '}}') AS properties \
             FROM ({chosen}) GROUP BY person_id"
        );
        format!(
            "SELECT p.person_id AS person_id, p.first_seen AS first_seen, p.last_seen AS last_seen, p.activities AS activities, p.identified AS identified, \
             if(q.properties = '', '{{}}', q.properties) AS properties, length(p.distinct_ids) AS distinct_id_count, p.distinct_ids AS distinct_ids \
             FROM (SELECT own.person_id AS person_id, min(own.first_seen) AS first_seen, max(own.last_seen) AS last_seen, sum(own.activities) AS activities, \
             max(own.identified) AS identified, arraySort(groupUniqArray(own.distinct_id)) AS distinct_ids FROM ({identities}) AS own GROUP BY own.person_id) AS p \
             LEFT ANY JOIN ({properties}) AS q ON p.person_id = q.person_id {FENCE}"
        )
    }

    /// Without `session_id`, whose hash ClickHouse has not.
    fn sessions(&self) -> String {
        let over = "OVER (PARTITION BY person_id ORDER BY start, first_message_id, last_message_id ROWS BETWEEN UNBOUNDED PRECEDING AND";
        let parts = self.resolved(Table::SessionParts);
        let numbered = format!(
            "SELECT *, sum(opens) {over} CURRENT ROW) AS number FROM (SELECT *, \
             row_number() {over} CURRENT ROW) = 1 OR start > max(end) {over} 1 PRECEDING) + INTERVAL 30 MINUTE AS opens FROM ({parts}))"
        );
        format!(
            "SELECT s.person_id AS person_id, min(s.start) AS start, max(s.end) AS end, \
             (toUnixTimestamp64Milli(max(s.end)) - toUnixTimestamp64Milli(min(s.start))) / 1000 AS duration_seconds, \
             sum(s.activities) AS activities, sum(s.pageviews) AS pageviews, \
             argMin(s.entry_event, (s.start, s.first_message_id)) AS entry_event, argMax(s.exit_event, (s.end, s.last_message_id)) AS exit_event, \
             argMin(tuple(s.entry_page), (s.start, s.first_message_id)).1 AS entry_page, argMax(tuple(s.exit_page), (s.end, s.last_message_id)).1 AS exit_page, \
             sum(s.activities) = 1 AS bounce, sum(s.amount) AS amount FROM ({numbered}) AS s GROUP BY s.person_id, s.number {FENCE}"
        )
    }
}

/// A row policy as the condition on rows that are shown: those that meet it, without those of which that cannot be told.
fn filter(rows: &Condition) -> Result<String, QueryError> {
    let mut all = vec![condition(rows)?];
    let mut known = BTreeSet::new();
    is_known(rows, &mut known);
    all.extend(known);
    Ok(all.join(" AND "))
}

/// Conditions under which it can be told whether a property is one of the texts. A text that is a number with a fraction, an
/// object or a list may be that of a value whose spelling ClickHouse does not give.
fn is_known(asked: &Condition, known: &mut BTreeSet<String>) {
    match asked {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| is_known(part, known)),
        Condition::Not(part) => is_known(part, known),
        Condition::OneOf(Subject::Property(property), texts) => {
            let kinds = texts.iter().filter_map(|text| respelled_as(text));
            known.extend(kinds.map(|kind| format!("JSONType(properties, {}) != '{kind}'", quoted(property))));
        }
        Condition::OneOf(Subject::Column(_), _) | Condition::IsSet(_) | Condition::From(_) | Condition::Before(_) => {}
    }
}

/// The type of the values that may have been sent as this text, and that ClickHouse writes otherwise.
fn respelled_as(text: &str) -> Option<&'static str> {
    let is_whole = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    match text.as_bytes().first()? {
        b'{' => Some("Object"),
        b'[' => Some("Array"),
        _ if text.parse::<f64>().is_ok() && !is_whole => Some("Double"),
        _ => None,
    }
}

/// A row policy as a condition that is never NULL.
fn condition(asked: &Condition) -> Result<String, QueryError> {
    let join = |parts: &[Condition], word: &str, none: &str| -> Result<String, QueryError> {
        let parts = parts.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
        Ok(if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(word)) })
    };
    Ok(match asked {
        Condition::All(parts) => join(parts, " AND ", "1")?,
        Condition::Any(parts) => join(parts, " OR ", "0")?,
        Condition::Not(part) => format!("NOT ({})", condition(part)?),
        Condition::OneOf(_, texts) if texts.is_empty() => "0".to_owned(),
        Condition::OneOf(of, texts) => {
            let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("ifNull({} IN ({}), 0)", subject(of)?, texts.join(", "))
        }
        Condition::IsSet(Subject::Property(property)) => {
            format!("JSONType(properties, {}) != 'Null'", quoted(property))
        }
        Condition::IsSet(of) => format!("{} IS NOT NULL", subject(of)?),
        Condition::From(millis) => format!("toUnixTimestamp64Milli(timestamp) >= {millis}"),
        Condition::Before(millis) => format!("toUnixTimestamp64Milli(timestamp) < {millis}"),
    })
}

fn subject(of: &Subject) -> Result<String, QueryError> {
    match of {
        Subject::Property(property) => Ok(text_of(property)),
        Subject::Column(column) => {
            let is_text =
                |known: &&Column| known.name == column && matches!(known.kind, ColumnKind::Text | ColumnKind::Word);
            let known = Table::Activity.columns().iter().find(is_text);
            // A rule that cannot be applied shows nothing.
            known
                .map(|known| name(known.name))
                .ok_or_else(|| QueryError::internal(&"a row policy names no text column"))
        }
    }
}

#[cfg(test)]
mod tests;
