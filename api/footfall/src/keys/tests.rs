//! Keys: their kinds, their file, and changes that the server follows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::fs::PermissionsExt;

use footfall_ingest_activity::FixedClock;

use super::*;

#[test]
fn a_key_does_one_thing_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000_000)));
    let file = KeyFile::in_folder(folder.path());
    let ring = KeyRing::open(folder.path(), "ffo_0123456789abcdef", "default", clock.clone()).unwrap();
    let write = file.create(KeyKind::Write, "shop", "web", &*clock).unwrap();
    let read = file.create(KeyKind::Read, "shop", "", &*clock).unwrap();
    assert!(write.starts_with("ffw_") && write.len() == 47 && read.starts_with("ffr_"));
    assert_eq!(ring.resolve(&write), Some(Caller { project: "shop".into(), operator: false }));
    assert_eq!(ring.reader(&read), Some(Reader { project: "shop".into() }));
    assert!(ring.resolve(&read).is_none() && ring.reader(&write).is_none());
    assert!(ring.resolve("ffo_0123456789abcdef").unwrap().operator);
    assert_eq!(&*ring.reader("ffo_0123456789abcdef@other").unwrap().project, "other");
    assert!(ring.reader("ffo_0123456789abcdeX").is_none());

    let listed = file.list().unwrap();
    file.revoke(&listed[0].id, &*clock).unwrap();
    clock.set(Timestamp::from_millis(1_000_700));
    assert!(ring.resolve(&write).is_none() && ring.reader(&read).is_some());
    let text = fs::read_to_string(folder.path().join("keys.json")).unwrap();
    assert!(!text.contains(&write) && !text.contains(&read), "a key is kept in the clear");
    let mode = fs::metadata(folder.path().join("keys.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(file.revoke("key_none", &*clock).is_err());
}

#[test]
fn concurrent_changes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FixedClock::at(Timestamp::from_millis(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    KeyFile::in_folder(folder.path()).create(KeyKind::Write, "p", "", &clock).unwrap();
                }
            });
        }
    });
    assert_eq!(KeyFile::in_folder(folder.path()).list().unwrap().len(), 40);
}
