//! What every store must do; the tests of each backend call this one suite unchanged.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod erasing;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, StringViewArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimestampMillisecondType};
use footfall_ingest_activity::{Checkpoint, person_id_of};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::query::{Engine, EngineConfig, Question};
use crate::tables::Table;
use crate::{Backend, Publication, Store, TableRows};

/// Runs the suite. `open(name)` opens the store of that name, empty at first; when it is called again with the same name
/// (after `close` and drop, without a flush) it opens the same store as a process that was killed would find it.
///
/// # Panics
/// When the backend breaks a promise of [`Store`].
pub async fn contract_suite(open: impl AsyncFn(&'static str) -> Backend) {
    what_is_published_is_visible_in_all_tables(&open("visible").await).await;
    keys_are_counted_once(&open).await;
    what_is_durable_survives_and_the_rest_is_replayed(&open).await;
    rows_come_back_as_they_were(&open("back").await).await;
    persons_change_and_change_back(&open).await;
    projects_are_apart(&open("apart").await).await;
    a_snapshot_stays_as_it_is(&open("stays").await).await;
    erasing::suite(&open).await;
}

/// Message id of a number.
pub fn message_id(n: u64) -> String {
    format!("message-{n}")
}

/// Its key.
pub fn key(n: u64) -> u128 {
    xxh3_128(message_id(n).as_bytes())
}

/// The checkpoint that covers numbers below `offset`.
pub fn until(offset: u64) -> Checkpoint {
    [(0, offset)].into_iter().collect()
}

/// Rows of `activity`, one a number: odd values of every kind among them.
pub fn activity(numbers: Range<u64>) -> RecordBatch {
    let schema = Table::Activity.fresh_schema();
    let count = (numbers.end - numbers.start) as usize;
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let texts = |of: fn(u64) -> String| -> ArrayRef {
            let plain: ArrayRef = Arc::new(StringArray::from_iter_values(numbers.clone().map(of)));
            cast(&plain, field.data_type()).unwrap()
        };
        let maybe = |of: fn(u64) -> Option<&'static str>| -> ArrayRef {
            let plain: ArrayRef = Arc::new(StringArray::from_iter(numbers.clone().map(of)));
            cast(&plain, field.data_type()).unwrap()
        };
        match (field.name().as_str(), field.data_type()) {
            ("message_id", _) => texts(message_id),
            ("person_id", _) => texts(|n| person_id_of("p", &format!("user-{}", n % 5)).to_string()),
            ("distinct_id", _) => texts(|n| format!("user-{}", n % 5)),
            ("event", _) => texts(|n| ["view", "it's \\ \"odd\"", "größer 🙂", ""][n as usize % 4].to_owned()),
            ("properties", _) => {
                texts(|n| format!(r#"{{"plan":"{}","n":{n},"t":"a\\b'c\u0000"}}"#, ["free", "pro"][n as usize % 2]))
            }
            ("country", _) => maybe(|n| [None, Some("DE"), Some(""), Some("FR")][n as usize % 4]),
            ("amount", _) => Arc::new(arrow::array::Float64Array::from_iter(
                numbers.clone().map(|n| [None, Some(0.1), Some(-2.5e300), Some(f64::from(n as u32))][n as usize % 4]),
            )),
            ("timestamp", _) => {
                let times = numbers.clone().map(|n| 1_700_000_000_000 + (n as i64 * 7_919_113) % 1_000_000_000);
                Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            ("sent_at", _) => {
                let times = numbers.clone().map(|n| (n % 3 > 0).then_some(n as i64 * 86_400_123));
                Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone("UTC"))
            }
            ("received_at", _) => {
                let times = numbers.clone().map(|n| 1_700_000_000_000 + n as i64);
                Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            (_, DataType::Utf8View | DataType::Dictionary(..)) if !field.is_nullable() => texts(|_| "x".to_owned()),
            (_, other) => new_null_array(other, count),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

fn identities(numbers: Range<u64>) -> RecordBatch {
    let times = || -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(numbers.clone().map(|n| n as i64)).with_timezone("UTC"))
    };
    let texts =
        |of: fn(u64) -> String| -> ArrayRef { Arc::new(StringViewArray::from_iter_values(numbers.clone().map(of))) };
    let count = (numbers.end - numbers.start) as usize;
    let columns: Vec<ArrayRef> = vec![
        texts(|n| person_id_of("p", &format!("user-{}", n % 5)).to_string()),
        texts(|n| format!("user-{}", n % 5)),
        times(),
        times(),
        Arc::new(Int64Array::from(vec![1; count])),
        Arc::new(BooleanArray::from_iter(numbers.clone().map(|n| Some(n % 2 == 0)))),
        texts(|n| format!(r#"{{"n":{{"v":{n},"t":{n},"m":1,"k":"s"}}}}"#)),
    ];
    RecordBatch::try_new(Table::Identities.fresh_schema(), columns).unwrap()
}

/// Numbers as a publication of a project.
pub fn publication(project: &str, numbers: Range<u64>) -> Publication {
    let batches = [(Table::Activity, activity(numbers.clone())), (Table::Identities, identities(numbers.clone()))];
    let rows = TableRows { batches: batches.into(), ..TableRows::default() };
    Publication {
        rows: [(Arc::from(project), rows)].into(),
        records: numbers.end - numbers.start,
        message_keys: numbers.clone().map(key).collect(),
        checkpoint: until(numbers.end),
        erasures: 0,
    }
}

async fn ids(store: &dyn Store, project: &str) -> Vec<String> {
    let batches = store.read_all(project, Table::Activity).await.unwrap();
    let ids = batches.iter().flat_map(|batch| batch.column(0).as_string_view().iter().flatten().map(str::to_owned));
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

fn expected(numbers: Range<u64>) -> Vec<String> {
    let mut ids: Vec<String> = numbers.map(message_id).collect();
    ids.sort();
    ids
}

/// An engine over the store, and the folder of what it spills.
pub fn engine(backend: &Backend) -> (Engine, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("footfall-contract-{}", Uuid::new_v4()));
    (Engine::new(backend.snapshots(), EngineConfig::new(&folder)).unwrap(), folder)
}

/// One number of one row.
async fn number(backend: &Backend, project: &str, sql: &str) -> i64 {
    let (engine, folder) = engine(backend);
    let answer = engine.query(project, Question::new(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = answer.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    drop(engine);
    let _ = std::fs::remove_dir_all(folder);
    let column = cast(rows[0].column(0), &DataType::Int64).unwrap();
    column.as_primitive::<Int64Type>().value(0)
}

async fn what_is_published_is_visible_in_all_tables(backend: &Backend) {
    let store = backend.store();
    assert_eq!(store.visible_checkpoint(), Checkpoint::default());
    assert!(store.projects().is_empty());
    store.publish(publication("p", 0..10)).await.unwrap();
    assert_eq!(ids(&*store, "p").await, expected(0..10));
    assert_eq!(store.visible_checkpoint(), until(10));
    assert_eq!(store.projects(), [Arc::from("p")]);
    assert_eq!(number(backend, "p", "SELECT count(*) FROM activity").await, 10);
    assert_eq!(number(backend, "p", "SELECT count(*) FROM persons").await, 5);
    assert_eq!(number(backend, "p", "SELECT count(*) FROM activity WHERE event = 'it''s \\ \"odd\"'").await, 3);
    assert_eq!(
        number(backend, "p", "SELECT count(*) FROM activity WHERE country IS NULL OR country IN ('', 'FR')").await,
        7
    );
    let since = "SELECT count(*) FROM activity WHERE timestamp >= to_timestamp_millis(1700000000000) AND properties->>'plan' = 'pro'";
    assert_eq!(number(backend, "p", since).await, 5);
    assert_eq!(number(backend, "q", "SELECT count(*) FROM activity").await, 0);
    store.flush().await.unwrap();
    assert_eq!(store.durable_checkpoint(), until(10));
    // An empty turn moves the checkpoint all the same.
    store.publish(Publication { checkpoint: until(12), ..Publication::default() }).await.unwrap();
    assert_eq!(store.visible_checkpoint(), until(12));
    assert_eq!(ids(&*store, "p").await, expected(0..10));
}

async fn keys_are_counted_once(open: &impl AsyncFn(&'static str) -> Backend) {
    let mut backend = open("keys").await;
    for part in 0..6u64 {
        let numbers = part * 10..part * 10 + 10;
        let keys: Vec<u128> = numbers.clone().map(key).collect();
        let store = backend.store();
        assert!(store.is_new(&keys).unwrap().iter().all(|&new| new));
        store.publish(publication("p", numbers)).await.unwrap();
        assert!(store.is_new(&keys).unwrap().iter().all(|&new| !new), "after publication {part}");
        if part % 2 == 1 {
            store.flush().await.unwrap();
            drop(store);
            backend.close();
            drop(backend);
            backend = open("keys").await;
        }
    }
    let store = backend.store();
    let all: Vec<u128> = (0..60).map(key).collect();
    assert!(store.is_new(&all).unwrap().iter().all(|&new| !new), "after it was opened again");
    assert_eq!(store.is_new(&[key(500), key(500), key(3)]).unwrap(), [true, false, false]);
}

async fn what_is_durable_survives_and_the_rest_is_replayed(open: &impl AsyncFn(&'static str) -> Backend) {
    let mut end = 0;
    for round in 0..4u64 {
        let backend = open("replay").await;
        let store = backend.store();
        let from = store.durable_checkpoint().next_offset(0);
        assert_eq!(ids(&*store, "p").await, expected(0..from), "round {round}");
        assert_eq!(store.visible_checkpoint(), store.durable_checkpoint());
        // Cut otherwise than before: a job cuts where it happens to be.
        let middle = from + 3 + round;
        store.publish(publication("p", from..middle)).await.unwrap();
        if round % 2 == 0 {
            store.flush().await.unwrap();
        }
        store.publish(publication("p", middle..middle + 5)).await.unwrap();
        end = middle + 5;
        assert_eq!(ids(&*store, "p").await, expected(0..end));
        drop(store);
        backend.close();
    }
    let backend = open("replay").await;
    assert!(backend.store().durable_checkpoint().next_offset(0) <= end);
}

async fn rows_come_back_as_they_were(backend: &Backend) {
    let store = backend.store();
    let sent = publication("p", 0..40);
    store.publish(sent.clone()).await.unwrap();
    for table in [Table::Activity, Table::Identities] {
        let schema = table.schema();
        let back = concat_batches(&schema, &store.read_all("p", table).await.unwrap()).unwrap();
        let sent = &sent.rows["p"].batches[&table];
        assert_eq!(back.schema(), schema, "{table:?}");
        assert_eq!(lines(&back), lines(sent), "{table:?}");
    }
    assert!(store.read_all("p", Table::Quarantine).await.unwrap().is_empty());
}

/// Rows as texts, sorted.
fn lines(batch: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |column: &ArrayRef, row: usize| match column.data_type() {
        _ if column.is_null(row) => "nothing".to_owned(),
        DataType::Float64 => format!("{:?}", column.as_primitive::<arrow::datatypes::Float64Type>().value(row)),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMillisecondType>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        _ => format!("{:?}", cast(column, &DataType::Utf8).unwrap().as_string::<i32>().value(row)),
    };
    let mut lines: Vec<Vec<String>> =
        (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()).collect();
    lines.sort();
    lines
}

async fn persons_change_and_change_back(open: &impl AsyncFn(&'static str) -> Backend) {
    let (one, two) = (person_id_of("p", "user-1"), person_id_of("p", "user-2"));
    let mine = format!("SELECT count(*) FROM activity WHERE person_id = '{two}'");
    let persons = "SELECT count(*) FROM persons";
    let backend = open("persons").await;
    let store = backend.store();
    let mut joined = publication("p", 0..10);
    joined.rows.get_mut("p").unwrap().person_changes.push((one, two));
    store.publish(joined).await.unwrap();
    assert_eq!((number(&backend, "p", &mine).await, number(&backend, "p", persons).await), (4, 4));
    store.flush().await.unwrap();
    drop(store);
    backend.close();
    drop(backend);
    let backend = open("persons").await;
    assert_eq!((number(&backend, "p", &mine).await, number(&backend, "p", persons).await), (4, 4), "opened again");
    let store = backend.store();
    let mut parted = publication("p", 10..11);
    parted.rows.get_mut("p").unwrap().person_changes.push((one, one));
    store.publish(parted).await.unwrap();
    assert_eq!((number(&backend, "p", &mine).await, number(&backend, "p", persons).await), (2, 5));
    store.flush().await.unwrap();
    drop(store);
    backend.close();
    drop(backend);
    assert_eq!(number(&open("persons").await, "p", &mine).await, 2, "opened again");
}

async fn projects_are_apart(backend: &Backend) {
    let store = backend.store();
    let mut both = publication("p", 0..10);
    let other = publication("q", 100..103);
    both.rows.extend(other.rows);
    both.message_keys.extend(other.message_keys);
    store.publish(both).await.unwrap();
    assert_eq!(ids(&*store, "p").await, expected(0..10));
    assert_eq!(ids(&*store, "q").await, expected(100..103));
    assert_eq!(number(backend, "q", "SELECT count(*) FROM activity").await, 3);
    let names: BTreeSet<Arc<str>> = store.projects().into_iter().collect();
    assert_eq!(names, ["p", "q"].map(Arc::from).into());
}

async fn a_snapshot_stays_as_it_is(backend: &Backend) {
    let store = backend.store();
    store.publish(publication("p", 0..10)).await.unwrap();
    let held = backend.snapshots().snapshot("p").unwrap();
    store.publish(publication("p", 10..30)).await.unwrap();
    store.flush().await.unwrap();
    let now = backend.snapshots().snapshot("p").unwrap();
    assert!(now.version > held.version, "what is new has a newer version");
    struct Held(Arc<crate::lake::ProjectSnapshot>);
    impl crate::query::Snapshots for Held {
        fn snapshot(&self, _: &str) -> Option<Arc<crate::lake::ProjectSnapshot>> {
            Some(self.0.clone())
        }
    }
    let folder = std::env::temp_dir().join(format!("footfall-contract-{}", Uuid::new_v4()));
    for (snapshot, rows) in [(held, 10), (now, 30)] {
        let engine = Engine::new(Arc::new(Held(snapshot)), EngineConfig::new(&folder)).unwrap();
        let answer = engine.query("p", Question::new("SELECT message_id FROM activity")).await.unwrap();
        let batches = answer.collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
    }
    let _ = std::fs::remove_dir_all(folder);
}
