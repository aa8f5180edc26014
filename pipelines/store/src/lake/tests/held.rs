//! A held lake is the lake of that moment, whatever becomes of its own files.

use super::rows::publication;
use super::{message_ids, open, until};
use crate::Store;
use crate::lake::verify;
use crate::tables::Table;

#[tokio::test]
async fn a_held_lake_opens_as_it_was() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lake = open(folder.path());
    for part in 0..12u64 {
        lake.publish(publication(part * 5..part * 5 + 5, until(part * 5 + 5))).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.publish(publication(60..70, until(70))).await.unwrap();
    let into = copies.path().join("one");
    let held = lake.hold(&into).unwrap();
    assert_eq!(held.checkpoint, until(60), "fresh rows are the log's");
    let rows: u64 = held.data.iter().filter(|file| file.table == Table::Activity).map(|file| file.rows).sum();
    assert_eq!(rows, 60);
    assert_eq!(held.others.last().map(String::as_str), Some("manifest.json"));
    lake.flush().await.unwrap();
    assert!(lake.compact().await.unwrap() > 0);
    lake.compact().await.unwrap();
    for file in held.data.iter().map(|file| &file.path).chain(&held.others) {
        assert!(into.join(file).exists(), "{file}");
    }
    let report = verify(&into).unwrap();
    assert_eq!((report.problems, report.activities, report.orphans), (Vec::new(), 60, 0));
    let copy = open(&into);
    assert_eq!(message_ids(&copy).await.len(), 60);
    assert_eq!(copy.durable_checkpoint(), until(60));
}
