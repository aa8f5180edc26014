//! A log whose end is torn and whose middle is damaged: it starts, says so everywhere, and keeps the rest.

use std::path::PathBuf;

use serde_json::json;

use crate::server::Server;

/// Nothing is flushed to the lake, so that the log alone has the activity.
const SETTINGS: &[(&str, &str)] = &[("FOOTFALL_STORE_FLUSH_AGE", "1h"), ("FOOTFALL_LOG_PARTITIONS", "1")];

async fn with_ten_appends() -> (Server, PathBuf) {
    let mut server = Server::start_with(SETTINGS).await;
    for append in 0..10 {
        let items: Vec<_> = (0..20)
            .map(|item| json!({"event": "torn", "distinctId": "ada", "messageId": format!("{append}-{item}")}))
            .collect();
        assert_eq!(server.post(&json!(items)).await.json()["accepted"], 20);
    }
    server.until("SELECT count(*) FROM activity", 200).await;
    server.kill();
    let folder = server.data().join("log/p00000");
    let mut segments: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    segments.sort();
    let segment = segments.pop().expect("a segment");
    (server, segment)
}

/// The places of the frames in a segment (docs/log-format.md).
fn frames(bytes: &[u8]) -> Vec<usize> {
    let magic = [0xFF, 0xF7, 0xFB, 0xFD];
    (64..bytes.len().saturating_sub(4)).filter(|&at| bytes[at..at + 4] == magic).collect()
}

#[tokio::test]
async fn a_torn_end_is_cut_and_reported() {
    let (mut server, segment) = with_ten_appends().await;
    let bytes = std::fs::read(&segment).unwrap();
    let last = *frames(&bytes).last().expect("frames");
    let half = last + (bytes.len() - last) / 2;
    std::fs::write(&segment, &bytes[..half]).unwrap();

    server.restart().await;
    let left = server.until("SELECT count(*) FROM activity", 180).await;
    assert_eq!(left, 180, "nine of ten appends are whole");
    assert!(server.metric("footfall_log_errors_total", "torn").await >= 1.0, "{}", server.get("/metrics").await.text());
    assert_eq!(server.post(&json!({"event": "later", "distinctId": "ada"})).await.status, 200);
    assert_eq!(server.until("SELECT count(*) FROM activity", 181).await, 181);
}

#[tokio::test]
async fn a_damaged_middle_is_reported_and_the_rest_is_kept() {
    let (mut server, segment) = with_ten_appends().await;
    let mut bytes = std::fs::read(&segment).unwrap();
    let places = frames(&bytes);
    assert!(places.len() >= 10, "each append was answered before the next: {places:?}");
    for byte in &mut bytes[places[4] + 60..places[4] + 70] {
        *byte ^= 0x5A;
    }
    std::fs::write(&segment, &bytes).unwrap();

    let check = server.run(&["check"]);
    let said = format!("{}{}", String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
    assert!(!check.status.success() && said.to_lowercase().contains("damage"), "check says so: {said}");

    server.restart().await;
    let left = server.until("SELECT count(*) FROM activity", 180).await;
    assert_eq!(left, 180, "only the damaged append is missing");
    assert!(
        server.metric("footfall_log_errors_total", "damage").await >= 1.0,
        "{}",
        server.get("/metrics").await.text()
    );
    server.until("SELECT count(*) FROM quarantine WHERE reason = 'log_damaged'", 1).await;
    assert_eq!(server.post(&json!({"event": "later", "distinctId": "ada"})).await.status, 200);
    assert_eq!(server.until("SELECT count(*) FROM activity", 181).await, 181);
    server.stop().await;
    server.restart().await;
    assert_eq!(server.until("SELECT count(*) FROM activity", 181).await, 181);
    assert_eq!(server.number("SELECT count(*) FROM quarantine WHERE reason = 'log_damaged'").await, 1);
}
