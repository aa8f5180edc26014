//! The census against SQL over all rows: late rows, forgotten people, joined files, restarts, damage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use footfall_ingest_activity::{Erasure, FixedClock, Timestamp, person_id_of};
use uuid::Uuid;

use super::{PropertiesCounted, PropertyCensus, PropertyCount};
use crate::lake::tests::rows::publication;
use crate::lake::{Lake, LakeOptions};
use crate::query::{Engine, EngineConfig, Question};
use crate::tables::Table;
use crate::{Backend, Publication, Store, StoreError};

const ALL: Duration = Duration::from_secs(60);

struct Stage {
    lake: Arc<Lake>,
    engine: Engine,
    census: PropertyCensus,
    next: u64,
}

impl Stage {
    fn open(folder: &Path, next: u64) -> Stage {
        let options = LakeOptions {
            flush_age_millis: 3_600_000,
            compact: false,
            removed_grace_millis: 0,
            ..LakeOptions::default()
        };
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000)));
        // The engine of the stage before ends beside this, and holds the lake until then.
        let begun = std::time::Instant::now();
        let lake = loop {
            match Lake::open_folder(&folder.join("lake"), options.clone(), clock.clone()) {
                Err(StoreError::InUse { .. }) if begun.elapsed() < ALL => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let tables = Backend::Lake(lake.clone());
        let config = EngineConfig { threads: 2, ..EngineConfig::new(folder.join("spill")) };
        let engine = Engine::new(tables.snapshots(), config).unwrap();
        Stage { lake, engine, census: PropertyCensus::new(tables.snapshots(), folder.join("census")), next }
    }

    async fn publish(&mut self, count: u64) {
        let numbers = self.next..self.next + count;
        self.next += count;
        let erasures = self.lake.erasures().version();
        let checkpoint = [(0, numbers.end)].into_iter().collect();
        self.lake.publish(Publication { erasures, ..publication(numbers, checkpoint) }).await.unwrap();
    }

    async fn sql(&self, activity: Option<&str>) -> Vec<(String, PropertyCount)> {
        let narrowed = activity.map_or(String::new(), |activity| format!("WHERE event = '{activity}'"));
        let sql = format!(
            "SELECT name, count(*) AS times, CAST(min(timestamp) AS BIGINT) AS first, CAST(max(timestamp) AS BIGINT) AS last
             FROM (SELECT timestamp, unnest(json_object_keys(properties)) AS name FROM activity {narrowed})
             GROUP BY name ORDER BY times DESC, name"
        );
        let answer = self.engine.query("p", Question::new(sql)).await.unwrap().collect().await.unwrap();
        let mut found = Vec::new();
        for batch in answer {
            let names = cast(batch.column(0), &DataType::Utf8).unwrap();
            let number = |column: usize, row| batch.column(column).as_primitive::<Int64Type>().value(row);
            for row in 0..batch.num_rows() {
                let times = u64::try_from(number(1, row)).unwrap();
                let count = PropertyCount { times, first_ms: number(2, row), last_ms: number(3, row) };
                found.push((names.as_string::<i32>().value(row).to_owned(), count));
            }
        }
        found
    }

    async fn ask(&self, activity: Option<&str>) -> PropertiesCounted {
        self.census.ask("p", activity, ALL).await.unwrap()
    }

    /// The census says what SQL says, of all activities and of one.
    async fn holds(&self, moment: &str) {
        for activity in [None, Some("event 1"), Some("none")] {
            let counted = self.ask(activity).await;
            assert!(counted.is_exact && counted.rows == counted.rows_counted, "{moment}: {counted:?}");
            assert_eq!(counted.properties, self.sql(activity).await, "{moment}, {activity:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_what_sql_over_all_rows_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(folder.path(), 0);
    assert_eq!(stage.ask(None).await, PropertiesCounted { is_exact: true, ..Default::default() });
    stage.publish(50).await;
    stage.holds("fresh rows").await;
    stage.lake.flush().await.unwrap();
    stage.holds("a file").await;
    // Their times lie among those before.
    stage.publish(70).await;
    stage.holds("late rows").await;
    stage.lake.flush().await.unwrap();
    stage.publish(7).await;
    stage.lake.flush().await.unwrap();
    stage.holds("three files").await;
    let person = person_id_of("p", "user-1");
    let at = Timestamp::from_millis(0);
    let erasure = Erasure { id: Uuid::new_v4(), project: "p".into(), person, persons: Default::default(), at };
    let before = stage.ask(None).await.rows;
    stage.lake.erase(erasure).await.unwrap();
    stage.holds("a person is forgotten").await;
    assert!(stage.ask(None).await.rows < before);
    stage.publish(20).await;
    stage.lake.flush().await.unwrap();
    stage.lake.compact().await.unwrap();
    stage.holds("files are joined").await;
    let next = stage.next;
    drop(stage);
    let stage = Stage::open(folder.path(), next);
    stage.holds("a restart").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_kept_and_what_is_damaged_is_counted_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(folder.path(), 0);
    for _ in 0..3 {
        stage.publish(30).await;
        stage.lake.flush().await.unwrap();
    }
    stage.holds("three files").await;
    let kept = || -> Vec<_> {
        let projects = std::fs::read_dir(folder.path().join("census")).unwrap().map(|entry| entry.unwrap().path());
        projects.flat_map(|project| std::fs::read_dir(project).unwrap()).map(|entry| entry.unwrap().path()).collect()
    };
    assert_eq!(kept().len(), 3);
    let next = stage.next;
    drop(stage);
    // The counts of one file say something else than they said, which its sum tells.
    let damaged = &kept()[0];
    let text = std::fs::read_to_string(damaged).unwrap().replace("\"times\":", "\"times\":7");
    std::fs::write(damaged, text).unwrap();
    let stage = Stage::open(folder.path(), next);
    stage.holds("a damaged file of counts").await;
    // Nothing is read again of what was kept: without its rows a file is still counted.
    let (snapshot, next) = (stage.lake.snapshot("p"), stage.next);
    let files = snapshot.table(Table::Activity).files.clone();
    let hidden: Vec<_> = files.iter().map(|file| folder.path().join("lake").join(&file.path)).collect();
    let wanted = stage.sql(None).await;
    hidden.iter().for_each(|path| std::fs::rename(path, path.with_extension("away")).unwrap());
    let tables = Backend::Lake(stage.lake.clone());
    let census = PropertyCensus::new(tables.snapshots(), folder.path().join("census"));
    assert_eq!(census.ask("p", None, ALL).await.unwrap().properties, wanted);
    hidden.iter().for_each(|path| std::fs::rename(path.with_extension("away"), path).unwrap());
    // What compaction joins is the sum; only then are counts of files that have gone removed.
    let mut stage = Stage { next, ..stage };
    stage.publish(30).await;
    stage.lake.flush().await.unwrap();
    stage.holds("a fourth file").await;
    while stage.lake.compact().await.unwrap() > 0 {}
    stage.holds("joined").await;
    let left = stage.lake.snapshot("p").table(Table::Activity).files.len();
    assert_eq!(kept().len(), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_time_it_says_how_much_was_counted_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(folder.path(), 0);
    stage.publish(300).await;
    stage.lake.flush().await.unwrap();
    stage.publish(5).await;
    let counted = stage.census.ask("p", None, Duration::ZERO).await.unwrap();
    assert_eq!((counted.rows, counted.is_exact), (305, counted.rows_counted == 305));
    assert!(counted.rows_counted == 5 || counted.is_exact);
    stage.holds("with time").await;
}
