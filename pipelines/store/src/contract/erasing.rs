//! A person is forgotten: in answers at once, in what lies on disk soon, after a kill too; nobody else is touched.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, StringViewArray, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use footfall_ingest_activity::{Erasure, Timestamp, person_id_of};
use uuid::Uuid;

use super::{activity, identities, key, message_id, number, until};
use crate::lake::Overrides;
use crate::tables::Table;
use crate::{Backend, ErasureRecord, Publication, Store, StoreError, TableRows};

const PATIENCE: Duration = Duration::from_secs(240);

/// Who of the store at this moment is how often there.
type Counts = BTreeMap<String, usize>;

pub(super) async fn suite(open: &impl AsyncFn(&'static str) -> Backend) {
    a_person_leaves_all_answers_and_comes_as_somebody_new(open).await;
    all_ids_of_a_person_go_and_what_others_are_stays(open).await;
    counts_are_as_without_them(open).await;
    whom_another_store_has_forgotten_is_forgotten_here(open).await;
}

fn person(id: &str) -> Uuid {
    person_id_of("p", id)
}

/// A request to forget the person of an id.
fn asked(id: &str) -> Erasure {
    let at = Timestamp::from_millis(0);
    Erasure { id: Uuid::new_v4(), project: "p".into(), person: person(id), persons: Default::default(), at }
}

/// Rows of a small table: texts by column, all else the same in each.
fn rows_of(table: Table, rows: &[&[(&str, String)]]) -> RecordBatch {
    let schema = table.fresh_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let texts = rows.iter().map(|row| {
            let said = row.iter().find(|(name, _)| name == field.name()).map(|(_, text)| text.clone());
            said.unwrap_or_else(|| "x".to_owned())
        });
        match field.data_type() {
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(0..rows.len() as i64)),
            DataType::Float64 => Arc::new(Float64Array::from(vec![1.0; rows.len()])),
            DataType::Timestamp(..) => {
                Arc::new(TimestampMillisecondArray::from(vec![1_700_000_000_000; rows.len()]).with_timezone("UTC"))
            }
            other => cast(&(Arc::new(StringArray::from_iter_values(texts)) as ArrayRef), other).unwrap(),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

/// Numbers, in all tables that have people in them: an item that names one of them, and one that names nobody.
fn publication(store: &dyn Store, numbers: Range<u64>) -> Publication {
    let id = |n: u64| format!("user-{}", n % 5);
    let sessions: Vec<Vec<(&str, String)>> = numbers
        .clone()
        .map(|n| vec![("person_id", person(&id(n)).to_string()), ("first_message_id", message_id(n))])
        .collect();
    let item = |raw: String| vec![("quarantine_id", format!("item {raw} {}", numbers.start)), ("raw", raw)];
    let items = [item(r#"{"userId": "user-2", "event": 7}"#.to_owned()), item(r#"{"userId": "user-22"}"#.to_owned())];
    let sessions: Vec<&[(&str, String)]> = sessions.iter().map(Vec::as_slice).collect();
    let items: Vec<&[(&str, String)]> = items.iter().map(Vec::as_slice).collect();
    let batches = [
        (Table::Activity, activity(numbers.clone())),
        (Table::Identities, identities(numbers.clone())),
        (Table::SessionParts, rows_of(Table::SessionParts, &sessions)),
        (Table::Quarantine, rows_of(Table::Quarantine, &items)),
    ];
    let rows = TableRows { batches: batches.into(), ..TableRows::default() };
    Publication {
        rows: [(Arc::from("p"), rows)].into(),
        records: numbers.end - numbers.start,
        message_keys: numbers.clone().map(key).collect(),
        checkpoint: until(numbers.end),
        erasures: store.erasures().version(),
    }
}

/// Activities by distinct id.
async fn by_id(backend: &Backend) -> Counts {
    let mut counts = Counts::new();
    for batch in backend.store().read_all("p", Table::Activity).await.unwrap() {
        for id in batch.column_by_name("distinct_id").unwrap().as_string_view().iter().flatten() {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    }
    let all = number(backend, "p", "SELECT count(*) FROM activity").await;
    assert_eq!(counts.values().sum::<usize>() as i64, all, "as those who ask in SQL see them");
    counts
}

fn expected(numbers: impl Iterator<Item = u64>) -> Counts {
    let mut counts = Counts::new();
    numbers.for_each(|n| *counts.entry(format!("user-{}", n % 5)).or_default() += 1);
    counts
}

/// Rows of a table whose text has `text` in it.
async fn with_text(backend: &Backend, table: Table, column: &str, text: &str) -> usize {
    let batches = backend.store().read_all("p", table).await.unwrap();
    let texts =
        batches.iter().flat_map(|batch| batch.column_by_name(column).unwrap().as_string_view().iter().flatten());
    texts.filter(|found| found.contains(text)).count()
}

async fn done(backend: &Backend) -> ErasureRecord {
    let begun = Instant::now();
    loop {
        backend.compact().await.unwrap();
        let records = backend.store().erasure_records();
        if records.iter().all(|record| record.done_at().is_some()) {
            return records[0].clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{records:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_person_leaves_all_answers_and_comes_as_somebody_new(open: &impl AsyncFn(&'static str) -> Backend) {
    let backend = open("erased").await;
    let store = backend.store();
    store.publish(publication(&*store, 0..40)).await.unwrap();
    store.flush().await.unwrap();
    store.publish(publication(&*store, 40..60)).await.unwrap();
    let late = publication(&*store, 60..65);
    assert_eq!(with_text(&backend, Table::Quarantine, "raw", r#""user-2""#).await, 2);
    let record = store.erase(asked("user-2")).await.unwrap();
    assert_eq!(record.erasure.persons, [person("user-2")].into());
    assert!(record.hidden_at.is_some());
    let others = || (0..60).filter(|n| n % 5 != 2);
    let gone = async |backend: &Backend, when: &str| {
        assert_eq!(by_id(backend).await, expected(others()), "{when}");
        assert_eq!(number(backend, "p", "SELECT count(*) FROM persons").await, 4, "{when}");
        assert_eq!(number(backend, "p", "SELECT sum(activities) FROM person_ids").await, 48, "{when}");
        assert_eq!(number(backend, "p", "SELECT count(*) FROM person_ids WHERE distinct_id = 'user-2'").await, 0);
        assert_eq!(number(backend, "p", "SELECT count(DISTINCT person_id) FROM sessions").await, 4, "{when}");
        let person = person("user-2").to_string();
        assert_eq!(with_text(backend, Table::SessionParts, "person_id", &person).await, 0, "{when}");
        assert_eq!(with_text(backend, Table::Quarantine, "raw", r#""user-2""#).await, 0, "{when}");
        assert_eq!(with_text(backend, Table::Quarantine, "raw", "user-22").await, 2, "{when}");
    };
    gone(&backend, "at once").await;
    assert_eq!((store.erasures().version(), store.erasures().count_of("p")), (1, 1));
    assert_eq!(backend.snapshots().snapshot("p").unwrap().erasures, 1);
    assert_eq!(store.is_new(&[key(2)]).unwrap(), [false], "the same activity cannot be sent again");
    assert!(matches!(store.publish(late).await, Err(StoreError::Outdated)), "made before it");
    drop(store);
    backend.close();
    drop(backend);

    let backend = open("erased").await;
    let store = backend.store();
    gone(&backend, "opened again").await;
    store.note_log_erased(record.erasure.id).await.unwrap();
    let noted = done(&backend).await;
    assert_eq!((noted.erasure.id, noted.erasure.persons), (record.erasure.id, record.erasure.persons));
    gone(&backend, "when no row is left on disk").await;
    store.publish(publication(&*store, 60..70)).await.unwrap();
    let with_somebody_new = expected(others().chain(60..70));
    assert_eq!(by_id(&backend).await, with_somebody_new, "who comes again is somebody new");
    store.flush().await.unwrap();
    drop(store);
    backend.close();
    drop(backend);
    assert_eq!(by_id(&open("erased").await).await, with_somebody_new, "opened again");
}

/// Kind, from, into, outcome.
type Claim = (String, String, String, String);

fn claim(kind: &str, from: &str, into: &str, outcome: &str) -> Claim {
    (kind.to_owned(), from.to_owned(), into.to_owned(), outcome.to_owned())
}

fn merges(claims: &[Claim]) -> RecordBatch {
    let rows: Vec<Vec<(&str, String)>> = claims
        .iter()
        .map(|(kind, from, into, outcome)| {
            let id = format!("merge of {from} into {into}");
            vec![
                ("kind", kind.clone()),
                ("from_distinct_id", from.clone()),
                ("into_distinct_id", into.clone()),
                ("outcome", outcome.clone()),
                ("merge_id", id),
            ]
        })
        .collect();
    rows_of(Table::PersonMerges, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

async fn claims(store: &dyn Store) -> Vec<Claim> {
    let mut rows = Vec::new();
    for batch in store.read_all("p", Table::PersonMerges).await.unwrap() {
        let column = |name: &str| -> StringViewArray { batch.column_by_name(name).unwrap().as_string_view().clone() };
        let (kind, from) = (column("kind"), column("from_distinct_id"));
        let (into, outcome) = (column("into_distinct_id"), column("outcome"));
        rows.extend(
            (0..batch.num_rows())
                .map(|row| claim(kind.value(row), from.value(row), into.value(row), outcome.value(row))),
        );
    }
    rows.sort();
    rows
}

async fn all_ids_of_a_person_go_and_what_others_are_stays(open: &impl AsyncFn(&'static str) -> Backend) {
    let backend = open("erased_ids").await;
    let store = backend.store();
    let mut sent = publication(&*store, 0..20);
    let rows = sent.rows.get_mut("p").unwrap();
    rows.batches.insert(
        Table::PersonMerges,
        merges(&[
            claim("identify", "user-2", "user-3", "applied"),
            claim("identify", "user-3", "user-4", "refused_identified"),
            claim("identify", "user-0", "user-1", "applied"),
        ]),
    );
    rows.person_changes = vec![(person("user-2"), person("user-3")), (person("user-0"), person("user-1"))];
    store.publish(sent).await.unwrap();
    let record = store.erase(asked("user-3")).await.unwrap();
    assert_eq!(record.erasure.persons, [person("user-2"), person("user-3")].into());
    let kept = [
        claim("identify", "user-0", "user-1", "applied"),
        // That user-4 is an identified user was learned from the person, and is still so.
        claim("identify", "user-4", "user-4", "known"),
    ];
    let left: Overrides = [(person("user-0"), person("user-1"))].into();
    let others = expected((0..20).filter(|n| ![2, 3].contains(&(n % 5))));
    assert_eq!((*backend.overrides("p")).clone(), left);
    assert_eq!(claims(&*store).await, kept);
    assert_eq!(by_id(&backend).await, others);
    assert_eq!(number(&backend, "p", "SELECT count(*) FROM persons").await, 2);
    // Who is forgotten and merged anew is merged from then on.
    let mut again = publication(&*store, 20..25);
    again.rows.get_mut("p").unwrap().person_changes = vec![(person("user-2"), person("user-1"))];
    store.publish(again).await.unwrap();
    let later: Overrides = [(person("user-0"), person("user-1")), (person("user-2"), person("user-1"))].into();
    assert_eq!((*backend.overrides("p")).clone(), later);
    store.flush().await.unwrap();
    backend.compact().await.unwrap();
    drop(store);
    backend.close();
    drop(backend);
    let backend = open("erased_ids").await;
    assert_eq!((*backend.overrides("p")).clone(), later, "opened again");
    assert_eq!(claims(&*backend.store()).await, kept, "opened again");
    assert_eq!(number(&backend, "p", "SELECT count(*) FROM persons").await, 3);
}

/// Whatever is done in whatever order: counts are those of a world in which the forgotten never were.
async fn counts_are_as_without_them(open: &impl AsyncFn(&'static str) -> Backend) {
    let mut seed = 0x5eed_u64;
    let mut below = |limit: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % limit
    };
    let mut backend = open("erased_often").await;
    let (mut next, mut model) = (0, Vec::new());
    for step in 0..40 {
        match below(10) {
            0..5 => {
                let (store, rows) = (backend.store(), 1 + below(20));
                store.publish(publication(&*store, next..next + rows)).await.unwrap();
                model.extend(next..next + rows);
                next += rows;
            }
            5..8 => {
                let who = below(5);
                backend.store().erase(asked(&format!("user-{who}"))).await.unwrap();
                model.retain(|n| n % 5 != who);
            }
            8 => {
                backend.compact().await.unwrap();
            }
            _ => {
                backend.store().flush().await.unwrap();
                backend.close();
                drop(backend);
                backend = open("erased_often").await;
            }
        }
        assert_eq!(by_id(&backend).await, expected(model.iter().copied()), "after step {step}");
    }
}

/// A store becomes a copy of another that has forgotten somebody, or is one of the time before.
async fn whom_another_store_has_forgotten_is_forgotten_here(open: &impl AsyncFn(&'static str) -> Backend) {
    let at = Timestamp::from_millis(1_700_000_000_020);
    // Two ids that were one person there, which this store knows nothing of.
    let found = Erasure { persons: [person("user-2"), person("user-3")].into(), at, ..asked("user-3") };
    let record = ErasureRecord { hidden_at: Some(at), files_at: Some(at), ..ErasureRecord::new(found.clone()) };
    let is_noted = |store: &dyn Store, when: &str| {
        let records = store.erasure_records();
        assert_eq!((records.len(), &records[0].erasure), (1, &found), "{when}");
        let later = Timestamp::from_millis(at.millis() + 1);
        assert!(store.erasures().covers("p", "user-2", at) && !store.erasures().covers("p", "user-2", later), "{when}");
    };

    // Rows that come after it are of who came later.
    let backend = open("learned_first").await;
    let store = backend.store();
    store.learn_erasures(vec![record.clone()]).await.unwrap();
    store.publish(publication(&*store, 0..20)).await.unwrap();
    store.learn_erasures(vec![record.clone()]).await.unwrap();
    assert_eq!(by_id(&backend).await, expected(0..20));
    is_noted(&*store, "before there were rows");
    store.flush().await.unwrap();
    drop(store);
    backend.close();
    drop(backend);
    let backend = open("learned_first").await;
    is_noted(&*backend.store(), "opened again");
    assert_eq!(by_id(&backend).await, expected(0..20), "opened again");

    // Rows that are there are theirs.
    let backend = open("learned").await;
    let store = backend.store();
    store.publish(publication(&*store, 0..20)).await.unwrap();
    let early = publication(&*store, 20..25);
    store.learn_erasures(vec![record.clone()]).await.unwrap();
    let others = || (0..20).filter(|n| ![2, 3].contains(&(n % 5)));
    assert_eq!(by_id(&backend).await, expected(others()));
    assert!(matches!(store.publish(early).await, Err(StoreError::Outdated)), "made before it");
    store.publish(publication(&*store, 20..25)).await.unwrap();
    store.learn_erasures(vec![record]).await.unwrap();
    is_noted(&*store, "learned again");
    let with_somebody_new = expected(others().chain(20..25));
    assert_eq!(by_id(&backend).await, with_somebody_new, "who comes again is somebody new");

    // Somebody who was only asked for there.
    store.learn_erasures(vec![ErasureRecord::new(asked("user-4"))]).await.unwrap();
    let left = || expected(others().chain(20..25).filter(|n| n % 5 != 4));
    assert_eq!(by_id(&backend).await, left());
    assert_eq!(store.erasures().version(), 2);
    store.flush().await.unwrap();
    drop(store);
    backend.close();
    drop(backend);
    assert_eq!(by_id(&open("learned").await).await, left(), "opened again");
}
