//! Who restores an earlier moment, goes on, and restores again gets what one timeline has, and nothing of another.
#![allow(clippy::unwrap_used)]

use footfall_ingest_activity::{Checkpoint, FixedClock, Record};
use footfall_ingest_log::{ActivityLog, LogOptions, open, timeline_of};
use tempfile::TempDir;

use super::*;
use crate::backup::held::id_at;
use crate::backup::manifest::{FORMAT_OF_FILES, Places};
use crate::config::{Config, Given};

const LOG_FILES: [&str; 2] = ["meta.json", "p00000/00000000000000000000.log"];

/// A place for backups, and folders beside it that are restored to.
struct Site {
    root: TempDir,
}

async fn opened(log: &Path, clock: Arc<dyn Clock>) -> Arc<dyn ActivityLog> {
    let options = LogOptions { disk_reserve_bytes: 0, clock, ..LogOptions::default() };
    open(&format!("file:{}", log.display()), options).await.unwrap()
}

/// The log gets a record at each of these moments, which it names.
async fn goes_on(log: &Path, moments: &[i64]) {
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(0)));
    let log = opened(log, clock.clone()).await;
    for moment in moments {
        clock.set(Timestamp::from_millis(*moment));
        let record = Record { kind: 1, partition_key: 0, payload: moment.to_string().into_bytes() };
        log.append(vec![record]).await.unwrap();
    }
    log.close().await;
}

/// All that is in it.
async fn records(log: &Path) -> Vec<String> {
    let log = opened(log, Arc::new(FixedClock::at(Timestamp::from_millis(0)))).await;
    let (mut from, mut all) = (Checkpoint::default(), Vec::new());
    loop {
        let batch = log.read(&from, 1 << 20, std::time::Duration::ZERO).await.unwrap();
        assert!(batch.damages.is_empty(), "{:?}", batch.damages);
        if batch.records.is_empty() {
            break;
        }
        all.extend(batch.records.iter().map(|record| String::from_utf8_lossy(&record.payload).into_owned()));
        from = batch.next;
    }
    log.close().await;
    all
}

impl Site {
    fn place(&self) -> PathBuf {
        self.root.path().join("place")
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.root.path().join(name).join("log")
    }

    /// Makes a backup of a log that is not open; its id. The tables have nothing yet.
    fn back_up(&self, name: &str, held_at: i64) -> String {
        let (place, log) = (Place::open(&self.place()).unwrap(), self.log_of(name));
        let put = |file: &Path, path: String| {
            let bytes = fs::metadata(file).unwrap().len();
            Item { path, bytes, sha256: place.put(file, bytes).unwrap().0 }
        };
        let mut items: Vec<Item> = LOG_FILES.iter().map(|file| put(&log.join(file), format!("log/{file}"))).collect();
        let table = self.root.path().join("table");
        fs::write(&table, "nothing").unwrap();
        items.push(put(&table, "lake/table".to_owned()));
        let held_at = Timestamp::from_millis(held_at);
        let backup = Backup {
            format: FORMAT_OF_FILES,
            id: id_at(held_at),
            held_at,
            program: "1".into(),
            places: Places { log: "".into(), store: "".into(), database: "".into(), usual: true },
            checkpoint: Checkpoint::default(),
            rows: BTreeMap::new(),
            items,
            services: None,
        };
        place.finish(&backup).unwrap();
        backup.id
    }

    fn arguments(&self) -> RestoreArgs {
        RestoreArgs { from: self.place(), backup: None, until: None, log: None, erasures: Vec::new() }
    }

    /// Restores into a folder of that name, when it is `now`.
    async fn restore(&self, name: &str, now: i64, arguments: RestoreArgs) -> Result<(), AppError> {
        let data_dir = self.root.path().join(name).display().to_string();
        let given = Given { environment: vec![("FOOTFALL_DATA_DIR".to_owned(), data_dir)], ..Given::default() };
        let settings = Config::load(&given).unwrap().settings;
        restore(arguments, settings, Arc::new(FixedClock::at(Timestamp::from_millis(now)))).await
    }

    /// What there is when it is restored so.
    async fn restored(&self, name: &str, now: i64, arguments: RestoreArgs) -> Vec<String> {
        self.restore(name, now, arguments).await.unwrap();
        records(&self.log_of(name)).await
    }
}

fn until(millis: i64) -> Option<String> {
    Some(Timestamp::from_millis(millis).to_rfc3339())
}

/// A log of which two backups are there; it is restored to a moment before the later one, goes on, and is backed up.
async fn given() -> (Site, [String; 3]) {
    let site = Site { root: tempfile::tempdir().unwrap() };
    let first = site.log_of("first");
    goes_on(&first, &[1_000]).await;
    let oldest = site.back_up("first", 1_500);
    goes_on(&first, &[2_000, 3_000, 3_300]).await;
    let left = site.back_up("first", 3_500);
    let arguments = RestoreArgs { until: until(2_500), ..site.arguments() };
    assert_eq!(site.restored("second", 4_000, arguments).await, ["1000", "2000"]);
    goes_on(&site.log_of("second"), &[5_000]).await;
    let newest = site.back_up("second", 6_000);
    (site, [oldest, left, newest])
}

#[tokio::test]
async fn a_second_restore_has_nothing_of_what_the_first_left_behind() {
    let (site, _) = given().await;
    let upto = |moment| RestoreArgs { until: until(moment), ..site.arguments() };
    assert_eq!(site.restored("third", 8_000, upto(5_500)).await, ["1000", "2000", "5000"]);
    assert_eq!(site.restored("newest", 8_000, site.arguments()).await, ["1000", "2000", "5000"]);
    assert_eq!(site.restored("before", 8_000, upto(1_700)).await, ["1000"]);
    assert_eq!(site.restored("between", 8_000, upto(3_200)).await, ["1000", "2000"], "it had no more of that then");
    // And so on.
    goes_on(&site.log_of("third"), &[9_000]).await;
    site.back_up("third", 9_500);
    assert_eq!(site.restored("fourth", 10_000, upto(9_200)).await, ["1000", "2000", "5000", "9000"]);
    let timeline = timeline_of(&site.log_of("fourth").join("meta.json")).unwrap().unwrap();
    let untils: Vec<i64> = timeline.restored.iter().map(|restored| restored.until.millis()).collect();
    assert_eq!(untils, [2_500, 5_500, 9_200]);
}

#[tokio::test]
async fn what_was_left_behind_comes_back_when_it_is_named() {
    let (site, [_, left, _]) = given().await;
    let of_it = |moment| RestoreArgs { backup: Some(left.clone()), until: until(moment), ..site.arguments() };
    assert_eq!(site.restored("left", 8_000, of_it(3_200)).await, ["1000", "2000", "3000"]);
    let all = RestoreArgs { backup: Some(left.clone()), ..site.arguments() };
    assert_eq!(site.restored("all", 8_000, all).await, ["1000", "2000", "3000", "3300"]);
    assert_eq!(site.restored("later", 8_000, of_it(5_500)).await, ["1000", "2000", "3000", "3300"]);
}

#[tokio::test]
async fn a_log_that_outlived_its_machine_goes_with_backups_of_its_timeline() {
    let (site, [_, left, newest]) = given().await;
    goes_on(&site.log_of("first"), &[3_600]).await;
    goes_on(&site.log_of("second"), &[7_000]).await;
    let with = |name| RestoreArgs { log: Some(site.log_of(name)), ..site.arguments() };
    assert_eq!(site.restored("one", 8_000, with("first")).await, ["1000", "2000", "3000", "3300", "3600"]);
    assert_eq!(site.restored("other", 8_000, with("second")).await, ["1000", "2000", "5000", "7000"]);
    for (log, backup) in [("first", &newest), ("second", &left)] {
        let mixed = RestoreArgs { backup: Some(backup.clone()), ..with(log) };
        let refused = site.restore("mixed", 8_000, mixed).await;
        assert!(matches!(refused, Err(AppError::Backup(BackupError::OtherTimeline(..)))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_folder_that_was_begun_anew_is_another_timeline() {
    let site = Site { root: tempfile::tempdir().unwrap() };
    goes_on(&site.log_of("first"), &[1_000, 2_000, 3_000]).await;
    site.back_up("first", 3_500);
    goes_on(&site.log_of("anew"), &[4_000]).await;
    site.back_up("anew", 4_500);
    goes_on(&site.log_of("anew"), &[5_000, 5_200]).await;
    site.back_up("anew", 6_000);
    let upto = |moment| RestoreArgs { until: until(moment), ..site.arguments() };
    assert_eq!(site.restored("later", 8_000, upto(5_100)).await, ["4000", "5000"]);
    let early = site.restore("early", 8_000, upto(3_700)).await;
    assert!(matches!(early, Err(AppError::Backup(BackupError::Until { .. }))), "{early:?}");
}
