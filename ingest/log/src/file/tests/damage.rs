//! Damage on disk: every lost offset is reported, every other record is still read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::tempdir;

use super::faulty_disk::FaultyDisk;
use super::{FileLog, numbered, open_real, open_with, options, read_all};
use crate::{ActivityLog, Damage, LogOptions};

const RECORDS: usize = 60;

/// A closed log of several segments; its segment files in order.
async fn prepared(folder: &Path) -> Vec<PathBuf> {
    let log = open_with(folder, options(1), Arc::new(FaultyDisk::default())).await.unwrap();
    for start in (0..RECORDS).step_by(3) {
        log.append((start..start + 3).map(numbered).collect()).await.unwrap();
    }
    log.close().await;
    let mut paths: Vec<_> = fs::read_dir(folder.join("p00000")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 3, "{paths:?}");
    paths
}

/// Reads everything: each record is intact, reported as damaged, or cut off with a report.
async fn check(folder: &Path) -> (Vec<Damage>, u64) {
    let log = open_with(folder, options(1), Arc::new(FaultyDisk::default())).await.unwrap();
    let all = read_all(&log).await;
    let again = read_all(&log).await;
    assert_eq!(all.records, again.records, "reading again gives the same");
    assert_eq!(all.damages, again.damages, "damage is reported to every reader");
    for record in &all.records {
        assert_eq!(record.payload[..], numbered(record.offset as usize).payload[..], "offset {}", record.offset);
    }
    let mut seen: Vec<u64> = all.records.iter().map(|record| record.offset).collect();
    for damage in &all.damages {
        seen.extend(damage.from_offset..damage.to_offset);
    }
    seen.sort_unstable();
    let end = log.end().next_offset(0);
    assert_eq!(seen, (0..end).collect::<Vec<_>>(), "each offset is read or reported, once");
    let torn_bytes = log.status().torn_bytes;
    assert!(end as usize == RECORDS || torn_bytes > 0, "an end that was cut is reported");
    // Appending goes on behind it.
    log.append(vec![numbered(end as usize)]).await.unwrap();
    assert_eq!(log.end().next_offset(0), end + 1);
    (all.damages, torn_bytes)
}

fn flip(path: &Path, place: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_flipped_bit_loses_anything_silently(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8u8), 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempdir().unwrap();
        runtime.block_on(async {
            let paths = prepared(folder.path()).await;
            for (file, place, bit) in &flips {
                let path = file.get(&paths);
                flip(path, place.index(fs::metadata(path).unwrap().len() as usize), *bit);
            }
            check(folder.path()).await;
        });
    }
}

#[tokio::test]
async fn a_flip_of_every_byte_of_the_first_frames() {
    let folder = tempdir().unwrap();
    let paths = prepared(folder.path()).await;
    let (first, last) = (fs::read(&paths[0]).unwrap(), fs::read(paths.last().unwrap()).unwrap());
    for place in 0..first.len().min(700) {
        flip(&paths[0], place, (place % 8) as u8);
        let (damages, _) = check(folder.path()).await;
        assert!(place < 64 || !damages.is_empty(), "byte {place}");
        fs::write(&paths[0], &first).unwrap();
        fs::write(paths.last().unwrap(), &last).unwrap();
        for path in fs::read_dir(folder.path().join("p00000")).unwrap().map(|entry| entry.unwrap().path()) {
            if !paths.contains(&path) {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_frame_is_set_aside_and_verify_tells_of_it() {
    let folder = tempdir().unwrap();
    let paths = prepared(folder.path()).await;
    flip(&paths[1], 64 + 48 + 5, 3);
    let report = FileLog::verify(folder.path().to_owned()).await.unwrap();
    assert_eq!(report.damages.len(), 1);
    assert!(!report.is_sound());
    let (damages, _) = check(folder.path()).await;
    assert_eq!(damages.len(), 1);
    assert_eq!(
        (damages[0].from_offset, damages[0].to_offset),
        (report.damages[0].from_offset, report.damages[0].to_offset)
    );
    let kept = fs::read(&damages[0].kept_in).unwrap();
    let segment = fs::read(&paths[1]).unwrap();
    assert_eq!(kept[..], segment[64..64 + kept.len()], "the raw bytes are kept");
}

#[tokio::test]
async fn damage_in_the_last_segment_is_found_when_opening() {
    let folder = tempdir().unwrap();
    let paths = prepared(folder.path()).await;
    let last = paths.last().unwrap();
    flip(last, 64, 0);
    let log = open_real(folder.path(), options(1)).await;
    assert_eq!(log.status().damages.len(), 1);
    assert_eq!(log.end().next_offset(0), RECORDS as u64, "later frames are still there");
    assert_eq!(log.status().torn_bytes, 0);
}

#[tokio::test]
async fn a_missing_segment_is_damage() {
    let folder = tempdir().unwrap();
    let paths = prepared(folder.path()).await;
    fs::remove_file(&paths[1]).unwrap();
    let (damages, _) = check(folder.path()).await;
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(damages.len(), 1);
    assert_eq!((damages[0].from_offset, damages[0].to_offset), (name(&paths[1]), name(&paths[2])));
    let report = FileLog::verify(folder.path().to_owned()).await.unwrap();
    assert_eq!(report.damages.len(), 1);
}

#[tokio::test]
async fn a_segment_cut_short_or_emptied_while_open_is_damage() {
    let folder = tempdir().unwrap();
    let paths = prepared(folder.path()).await;
    let log = open_real(folder.path(), LogOptions { tail_cache_bytes: 0, ..options(1) }).await;
    fs::write(&paths[0], b"").unwrap();
    fs::remove_file(&paths[1]).unwrap();
    let all = read_all(&log).await;
    let lost: u64 = all.damages.iter().map(|damage| damage.to_offset - damage.from_offset).sum();
    assert_eq!(lost + all.records.len() as u64, RECORDS as u64);
    assert_eq!(all.records[0].offset, lost);
}

#[tokio::test]
async fn a_segment_of_another_partition_is_refused() {
    let folder = tempdir().unwrap();
    let paths = prepared(folder.path()).await;
    fs::copy(&paths[0], folder.path().join("p00000/00000000000000009999.log")).unwrap();
    let error = FileLog::open(folder.path().to_owned(), options(1)).await.err().unwrap();
    assert!(error.to_string().contains("moved or renamed"), "{error}");
}
