//! DuckDB, Polars and delta-rs (from PyPI) read the files of the lake directly, and agree with SQL.

use serde_json::json;

use crate::gear::{interpreter, root, script, skip};
use crate::server::Server;

#[tokio::test]
async fn duckdb_and_polars_agree_with_sql() {
    if let Err(missing) = interpreter("lake_readers.py") {
        return skip("lake readers", &missing);
    }
    let settings = [("FOOTFALL_STORE_FLUSH_ROWS", "800"), ("FOOTFALL_STORE_FLUSH_AGE", "100ms")];
    let mut server = Server::start_with(&settings).await;
    let sample = root().join("tests/data/commits_sample.ndjson.gz");
    let import = server.run(&["import", sample.to_str().unwrap()]);
    assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    let person = "dev_e679a0b54286"; // the first in the file; another id of the same person joins by merge
    server
        .post(&json!([
            {"type": "track", "event": "looked", "anonymousId": "anon-1"},
            {"type": "identify", "userId": person, "anonymousId": "anon-1"},
        ]))
        .await;
    let total = server.until("SELECT count(*) FROM activity", 5_002).await;
    let people = server.number("SELECT count(DISTINCT person_id) FROM activity").await;
    let events = server.counts("SELECT event, count(*) FROM activity GROUP BY event").await;
    let repos = server.counts("SELECT coalesce(properties->>'repo', ''), count(*) FROM activity GROUP BY 1").await;
    let month = "SELECT CAST(date_trunc('month', timestamp) AS DATE)::VARCHAR, count(*) FROM activity GROUP BY 1";
    let months = server.counts(month).await;
    server.stop().await; // everything is in files now

    let lake = server.data().join("lake");
    let read = script("lake_readers.py", &[("FOOTFALL_LAKE", lake.to_str().unwrap())]).await;
    for reader in ["duckdb", "polars", "delta_polars", "delta_duckdb"] {
        let read = &read[reader];
        assert_eq!(read["total"], total, "{reader}");
        assert_eq!(read["people"], people, "{reader}");
        assert_eq!(read["events"], json!(events), "{reader}");
        assert_eq!(read["months"], json!(months), "{reader}");
        if reader.contains("duckdb") {
            assert_eq!(read["repos"], json!(repos), "{reader}");
        }
    }
}
