//! Who is forgotten: the table `erasures` has a row for each step of each erasure, `erased_rows` says which rows of other
//! tables are theirs where `person_id` does not.
//!
//! The step `hidden` is a publication: its row is there before the link of its number, and counts when that number is its
//! writer's. So an erasure is made once, at one place of the chain, whoever tries it and however often.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use footfall_ingest_activity::{Erasure, Erasures, Timestamp};
use uuid::Uuid;

use super::chain::schema;
use super::database::{Database, Setting};
use super::ddl::{ERASED_ROWS, ERASURES, PUBLICATIONS};
use super::filter_sql::quoted;
use crate::tables::Table;
use crate::{ErasureRecord, StoreError};

/// Rows of one statement.
const ROWS_AT_A_TIME: usize = 10_000;

/// A step, as it stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Requested,
    Hidden,
    /// No active part has the rows.
    Rewritten,
    /// No part at all.
    Files,
    Log,
}

impl Step {
    const ALL: [Step; 5] = [Step::Requested, Step::Hidden, Step::Rewritten, Step::Files, Step::Log];

    const fn name(self) -> &'static str {
        match self {
            Step::Requested => "requested",
            Step::Hidden => "hidden",
            Step::Rewritten => "rewritten",
            Step::Files => "files",
            Step::Log => "log",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub id: Uuid,
    pub step: Step,
    pub publication: u64,
    pub at: Timestamp,
    /// Of what was asked for, and of what was hidden.
    pub erasure: Option<Erasure>,
    /// Its publication is in the chain.
    pub is_committed: bool,
}

/// An erasure, and under which number its person is hidden.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub record: ErasureRecord,
    pub publication: Option<u64>,
    /// As it was hidden in a chain that is not this one: of an attempt that failed, or before the database was restored.
    pub noted: Option<Erasure>,
}

/// All of them, as of a moment of the chain.
#[derive(Debug, Clone, Default)]
pub(super) struct Forgotten {
    all: Vec<Known>,
    /// The table as it was read.
    rows: Vec<Row>,
    /// It has rows of publications that are not in the chain yet, if they ever will be.
    is_unsettled: bool,
    /// Those that are hidden.
    pub erasures: Arc<Erasures>,
}

impl Forgotten {
    /// What rows of the table say at the end of the chain, in any order.
    pub fn of(rows: Vec<Row>, head: u64) -> Forgotten {
        let mut by_id: BTreeMap<Uuid, Vec<&Row>> = BTreeMap::new();
        rows.iter().for_each(|row| by_id.entry(row.id).or_default().push(row));
        let is_there = |row: &Row| row.is_committed && row.publication <= head;
        let mut all: Vec<Known> = by_id.values().filter_map(|rows| Known::of(rows, &is_there)).collect();
        let is_unsettled = rows.iter().any(|row| row.step == Step::Hidden && row.publication > head);
        // In the order of the chain, then of the requests.
        all.sort_by_key(|known| {
            (known.publication.unwrap_or(u64::MAX), known.record.erasure.at, known.record.erasure.id)
        });
        let mut erasures = Erasures::default();
        for known in all.iter().filter(|known| known.publication.is_some()) {
            erasures.push(Arc::new(known.record.erasure.clone()));
        }
        Forgotten { all, rows, is_unsettled, erasures: Arc::new(erasures) }
    }

    /// Whether something of an erasure stands under a number, of this chain or of one before the database was restored or emptied:
    /// then steps, keys and mutations of the one would be taken for those of the other.
    pub fn is_used(&self, id: Uuid, publication: u64) -> bool {
        self.rows.iter().any(|row| row.id == id && row.publication == publication)
    }

    /// With a step that was just written down, as of the end of the chain.
    pub fn with(&self, row: Row, head: u64) -> Forgotten {
        Forgotten::of(self.rows.iter().cloned().chain([row]).collect(), head)
    }

    /// Whether the table has to be read again, which has so many rows now; after new links also for what they have settled.
    pub fn is_outdated(&self, rows: u64, has_news: bool) -> bool {
        self.rows.len() as u64 != rows || (has_news && self.is_unsettled)
    }

    /// The oldest request first.
    pub fn records(&self) -> Vec<ErasureRecord> {
        let mut records: Vec<ErasureRecord> = self.all.iter().map(|known| known.record.clone()).collect();
        records.sort_by_key(|record| record.erasure.at);
        records
    }

    pub fn get(&self, id: Uuid) -> Option<&Known> {
        self.all.iter().find(|known| known.record.erasure.id == id)
    }

    /// Those whose person is still in answers.
    pub fn waiting(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().filter(|known| known.publication.is_none())
    }

    /// Those whose rows are hidden, and not all gone yet.
    pub fn unfinished(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().filter(|known| known.publication.is_some() && known.record.files_at.is_none())
    }

    /// What readers leave out.
    pub fn hidden(&self) -> Arc<[Hidden]> {
        let open = self.all.iter().filter(|known| known.record.rewritten_at.is_none());
        open.filter_map(Known::hidden).collect()
    }
}

impl Known {
    fn of(rows: &[&Row], is_there: &dyn Fn(&Row) -> bool) -> Option<Known> {
        let of = |step: Step| rows.iter().filter(move |row| row.step == step);
        // The first counts, whoever has tried it again.
        let hidden = of(Step::Hidden).filter(|row| is_there(row)).min_by_key(|row| row.publication);
        let requested = of(Step::Requested).next();
        let noted = of(Step::Hidden).filter(|row| !is_there(row)).min_by_key(|row| row.publication);
        let noted = noted.and_then(|row| row.erasure.clone());
        let erasure = hidden.or(requested).and_then(|row| row.erasure.clone()).or_else(|| noted.clone())?;
        let publication = hidden.map(|row| row.publication);
        let done = |step: Step| {
            let of_it = of(step).filter(|row| Some(row.publication) == publication);
            of_it.map(|row| row.at).min()
        };
        let log_at = of(Step::Log).map(|row| row.at).min();
        let record = ErasureRecord {
            hidden_at: hidden.map(|row| row.at),
            rewritten_at: done(Step::Rewritten),
            files_at: done(Step::Files),
            log_at,
            ..ErasureRecord::new(erasure)
        };
        Some(Known { record, publication, noted })
    }

    pub fn hidden(&self) -> Option<Hidden> {
        let Erasure { id, project, .. } = &self.record.erasure;
        Some(Hidden { id: *id, project: project.clone(), publication: self.publication? })
    }
}

/// A person whose rows are still in the tables, and in no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    pub id: Uuid,
    pub project: Arc<str>,
    /// Rows before this one are theirs; what comes later is somebody new.
    pub publication: u64,
}

/// What `erased_rows` says of.
pub(super) const PERSON: &str = "person";
pub(super) const CLAIM: &str = "claim";
pub(super) const ITEM: &str = "item";

impl Hidden {
    /// The condition that a row of the table is theirs; none for a table that has nothing of persons.
    pub fn rows(&self, table: Table, database: &str) -> Option<String> {
        let (column, kind, key) = match table {
            Table::Activity | Table::Identities | Table::SessionParts | Table::PersonOverrides => {
                ("person_id", PERSON, "key")
            }
            Table::PersonMerges => ("sequence", CLAIM, "toInt64(key)"),
            Table::Quarantine => ("quarantine_id", ITEM, "key"),
            Table::QuarantineResolved => return None,
        };
        let Hidden { id, project, publication } = self;
        Some(format!(
            "project = {} AND publication < {publication} AND {column} IN (SELECT {key} FROM `{database}`.{ERASED_ROWS} \
             WHERE erasure = '{id}' AND publication = {publication} AND kind = '{kind}')",
            quoted(project),
        ))
    }
}

/// How many rows the table of steps has.
pub(super) async fn count(database: &Database) -> Result<u64, StoreError> {
    let batches =
        database.batches(&format!("SELECT count() FROM {ERASURES}"), &schema(&[("count", DataType::UInt64)])).await?;
    Ok(batches.iter().flat_map(|batch| batch.column(0).as_primitive::<UInt64Type>().values()).sum())
}

/// All steps.
pub(super) async fn load(database: &Database) -> Result<Vec<Row>, StoreError> {
    let schema = schema(&[
        ("id", DataType::Utf8),
        ("step", DataType::Utf8),
        ("publication", DataType::UInt64),
        ("at", DataType::Int64),
        ("erasure", DataType::Utf8),
        ("is_committed", DataType::Boolean),
    ]);
    let sql = format!(
        "SELECT id, step, publication, toUnixTimestamp64Milli(at), erasure, toBool((publication, writer) IN (SELECT publication, writer \
         FROM {PUBLICATIONS} WHERE publication IN (SELECT publication FROM {ERASURES}))) FROM {ERASURES}"
    );
    let unreadable = |what: &dyn std::fmt::Display| StoreError::Task(format!("an erasure: {what}"));
    let mut rows = Vec::new();
    for batch in database.batches(&sql, &schema).await? {
        let text = |column: usize, row| batch.column(column).as_string::<i32>().value(row);
        for row in 0..batch.num_rows() {
            let (step, erasure) = (text(1, row), text(4, row));
            // One of a newer version.
            let Some(step) = Step::ALL.into_iter().find(|known| known.name() == step) else { continue };
            let erasure = match erasure {
                "" => None,
                erasure => Some(serde_json::from_str(erasure).map_err(|error| unreadable(&error))?),
            };
            rows.push(Row {
                id: Uuid::parse_str(text(0, row)).map_err(|error| unreadable(&error))?,
                step,
                publication: batch.column(2).as_primitive::<UInt64Type>().value(row),
                at: Timestamp::from_millis(batch.column(3).as_primitive::<Int64Type>().value(row)),
                erasure,
                is_committed: batch.column(5).as_boolean().value(row),
            });
        }
    }
    Ok(rows)
}

/// Writes a step down. `writer` and `publication` are those of the chain where it is a part of it.
pub(super) async fn note(database: &Database, row: &Row, writer: &str) -> Result<(), StoreError> {
    let Row { id, step, publication, at, erasure, .. } = row;
    let erasure = match erasure {
        Some(erasure) => serde_json::to_string(erasure).map_err(|error| StoreError::Task(error.to_string()))?,
        None => String::new(),
    };
    let step = step.name();
    let sql = format!(
        "INSERT INTO {ERASURES} (id, step, publication, writer, at, erasure) \
         VALUES ('{id}', '{step}', {publication}, {}, fromUnixTimestamp64Milli(toInt64({}), 'UTC'), {})",
        quoted(writer),
        at.millis(),
        quoted(&erasure),
    );
    database.execute(&sql, &once(format!("{id} {step} {publication} {writer}"))).await
}

/// Which rows are theirs where `person_id` does not say so, and who they are.
pub(super) async fn note_rows(
    database: &Database,
    hidden: &Hidden,
    writer: &str,
    keys: &[(&str, Vec<String>)],
) -> Result<(), StoreError> {
    let Hidden { id, publication, .. } = hidden;
    let row = |(kind, key): (&str, &String)| format!("('{id}', {publication}, '{kind}', {})", quoted(key));
    let rows = keys.iter().flat_map(|(kind, keys)| keys.iter().map(move |key| (*kind, key)));
    let rows: Vec<String> = rows.map(row).collect();
    for (part, rows) in rows.chunks(ROWS_AT_A_TIME).enumerate() {
        let sql = format!("INSERT INTO {ERASED_ROWS} (erasure, publication, kind, key) VALUES {}", rows.join(", "));
        database.execute(&sql, &once(format!("{id} rows {publication} {writer} {part}"))).await?;
    }
    Ok(())
}

/// Settings with which a statement that is sent twice is taken once.
fn once(token: String) -> [Setting; 3] {
    let on = || "1".to_owned();
    [("insert_deduplication_token", token), ("insert_deduplicate", on()), ("async_insert", "0".to_owned())]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn row(step: Step, publication: u64, is_committed: bool) -> Row {
        let at = Timestamp::from_millis(100 + i64::try_from(publication).unwrap());
        let persons = [Uuid::from_u128(u128::from(publication))].into();
        let erasure = Erasure { id: Uuid::nil(), project: "p".into(), person: Uuid::nil(), persons, at };
        let erasure = matches!(step, Step::Requested | Step::Hidden).then_some(erasure);
        Row { id: Uuid::nil(), step, publication, at, erasure, is_committed }
    }

    #[test]
    fn the_first_publication_of_the_chain_counts() {
        let rows = vec![
            row(Step::Hidden, 9, true),
            row(Step::Hidden, 4, false),
            row(Step::Requested, 0, false),
            row(Step::Hidden, 6, true),
            row(Step::Rewritten, 9, false),
        ];
        let before = Forgotten::of(rows.clone(), 5);
        assert_eq!((before.waiting().count(), before.erasures.version(), before.hidden().len()), (1, 0, 0));
        assert_eq!(before.waiting().next().unwrap().noted.as_ref().unwrap().at.millis(), 104);
        assert!(before.is_outdated(5, true) && !before.is_outdated(5, false) && before.is_outdated(6, false));
        let after = Forgotten::of(rows, 9);
        assert_eq!((after.waiting().count(), after.erasures.version()), (0, 1));
        assert_eq!(after.hidden().iter().map(|hidden| hidden.publication).collect::<Vec<_>>(), [6]);
        assert!(!after.is_outdated(5, true), "nothing of it can change any more");
        let record = &after.records()[0];
        assert_eq!((record.hidden_at.unwrap().millis(), record.rewritten_at), (106, None), "of another chain");
        let done = after.with(row(Step::Rewritten, 6, false), 9).with(row(Step::Files, 6, false), 9);
        assert_eq!((done.hidden().len(), done.unfinished().count(), done.erasures.version()), (0, 0, 1));
    }
}
