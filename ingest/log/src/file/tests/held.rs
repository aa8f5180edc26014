//! A held log is the log of that moment, whatever becomes of its own files; a cut one ended earlier.

use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{FixedClock, Timestamp};
use tempfile::tempdir;

use super::{eventually, numbered, open_real, options, read_all};
use crate::{ActivityLog, LogError, LogOptions, Timeline, cut, set_timeline, timeline_of};

#[tokio::test]
async fn what_is_held_stays_and_grows_no_more() {
    let (folder, held) = (tempdir().unwrap(), tempdir().unwrap());
    let small = LogOptions { retention_bytes: Some(0), retention_age_millis: None, ..options(2) };
    let log = open_real(folder.path(), small).await;
    for number in 0..60 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    let files = log.hold(held.path()).await.unwrap().unwrap();
    for number in 60..120 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    log.release("job", &log.end());
    eventually(|| log.status().partitions.iter().all(|partition| partition.segments == 1)).await;
    for file in &files {
        let copy = std::fs::read(held.path().join(&file.path)).unwrap();
        assert!(copy.len() as u64 >= file.bytes, "{file:?}");
        // The copy is a file of its own, so that nothing is cut from the log's.
        std::fs::remove_file(held.path().join(&file.path)).unwrap();
        std::fs::write(held.path().join(&file.path), &copy[..file.bytes as usize]).unwrap();
    }
    let copy = open_real(held.path(), options(2)).await;
    assert_eq!(read_all(&copy).await.records.len(), 60);
    assert_eq!(copy.status().torn_bytes, 0);
}

#[tokio::test]
async fn a_reader_that_is_forgotten_holds_nothing_back() {
    let folder = tempdir().unwrap();
    let small = LogOptions { retention_bytes: Some(0), retention_age_millis: None, ..options(1) };
    let log = open_real(folder.path(), small).await;
    log.release("backup", &log.end());
    for number in 0..60 {
        log.append(vec![numbered(number)]).await.unwrap();
    }
    log.release("job", &log.end());
    let segments = || log.status().partitions[0].segments;
    assert!(segments() > 1);
    log.forget("backup");
    log.release("job", &log.end());
    eventually(|| segments() == 1).await;
}

#[tokio::test]
async fn a_cut_log_ends_at_the_moment() {
    let folder = tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000)));
    let log = open_real(folder.path(), LogOptions { clock: clock.clone(), ..options(2) }).await;
    for number in 0..80 {
        clock.set(Timestamp::from_millis(1_000 + number as i64));
        log.append(vec![numbered(number)]).await.unwrap();
    }
    let whole = log.end();
    log.close().await;
    drop(log);
    let later = cut(folder.path().to_owned(), Timestamp::from_millis(2_000)).await.unwrap();
    assert_eq!(later, whole, "nothing was later");
    let end = cut(folder.path().to_owned(), Timestamp::from_millis(1_029)).await.unwrap();
    let log = open_real(folder.path(), options(2)).await;
    assert_eq!(log.end(), end);
    let kept = read_all(&log).await;
    assert_eq!((kept.records.len(), kept.damages.len()), (30, 0));
    log.append(vec![numbered(1)]).await.unwrap();
    let again = log.read(&end, 1_000, Duration::from_secs(20)).await.unwrap();
    assert_eq!(again.records.len(), 1, "and it goes on from there");
    log.close().await;
    drop(log);
    let none = cut(folder.path().to_owned(), Timestamp::from_millis(10)).await.unwrap();
    assert_eq!(none.iter().map(|(_, offset)| offset).sum::<u64>(), 0);
}

#[tokio::test]
async fn copies_of_a_log_are_of_its_timeline_and_another_log_is_not() {
    let (folder, other, held) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let told = |folder: &std::path::Path| timeline_of(&folder.join("meta.json")).unwrap();
    assert_eq!(told(folder.path()), None);
    assert!(matches!(set_timeline(folder.path(), Timeline::begin()), Err(LogError::Incompatible { .. })));
    let log = open_real(folder.path(), options(2)).await;
    drop(open_real(other.path(), options(2)).await);
    log.hold(held.path()).await.unwrap().unwrap();
    let first = told(held.path()).unwrap();
    assert_eq!(told(folder.path()).as_ref(), Some(&first));
    assert!(!first.includes(&told(other.path()).unwrap(), Timestamp::from_millis(0)));
    let refused = set_timeline(folder.path(), Timeline::begin());
    assert!(matches!(refused, Err(LogError::InUse { .. })), "{refused:?}");
    log.close().await;
    drop(log);
    // One that an older program made stays without a name; what is written down stays when it is opened.
    let restored = first.restored_to(Timestamp::from_millis(5), Timestamp::from_millis(9));
    for timeline in [Timeline::default(), restored] {
        set_timeline(folder.path(), timeline.clone()).unwrap();
        drop(open_real(folder.path(), options(2)).await);
        assert_eq!(told(folder.path()), Some(timeline));
    }
}
