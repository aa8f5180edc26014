//! The properties in use on the running program: exactly those of all activity, after late activity, an erasure and a restart.

use serde_json::{Value, json};

use crate::accounts::{Person, owner};
use crate::deletion::forget;
use crate::server::Server;

const SETTINGS: &[(&str, &str)] = &[("FOOTFALL_STORE_FLUSH_AGE", "50ms"), ("FOOTFALL_STORE_REMOVED_GRACE", "0s")];
const PROPERTIES: &str = "/v1/projects/default/properties";
const SQL: &str = "SELECT name, count(*) AS times, CAST(min(timestamp) AS BIGINT), CAST(max(timestamp) AS BIGINT)
    FROM (SELECT timestamp, unnest(json_object_keys(properties)) AS name FROM activity) GROUP BY name ORDER BY times DESC, name";

fn visit(who: &str, id: &str, at: &str, properties: Value) -> Value {
    json!({"event": "visit", "distinctId": who, "messageId": id, "timestamp": at, "properties": properties})
}

/// What the API says is what SQL says, and all of it.
async fn holds(server: &Server, owner: &Person<'_>, moment: &str) {
    let want = server.sql(SQL).await;
    let told = owner.get(PROPERTIES).await;
    assert_eq!((&told["is_exact"], &told["is_cut"]), (&json!(true), &json!(false)), "{moment}: {told}");
    let millis = |time: &Value| {
        let text = time.as_str().expect("a time");
        let sql = format!("SELECT CAST(TIMESTAMPTZ '{text}' AS BIGINT) / 1000000");
        async move { server.number(&sql).await }
    };
    let mut got = Vec::new();
    for one in told["properties"].as_array().expect("a list") {
        let (first, last) = (millis(&one["first_at"]).await, millis(&one["last_at"]).await);
        got.push(vec![one["name"].clone(), one["times"].clone(), json!(first), json!(last)]);
    }
    assert_eq!(got, want, "{moment}");
}

#[tokio::test]
async fn properties_are_counted_over_all_activity() {
    let mut server = Server::start_with(SETTINGS).await;
    let token = {
        let owner = owner(&server).await;
        let many: Vec<Value> = (0..200)
            .map(|n| {
                visit(
                    &format!("p{}", n % 20),
                    &format!("m{n}"),
                    "2026-03-01T10:00:00Z",
                    json!({"page": n, "plan": "pro"}),
                )
            })
            .collect();
        server.post(&json!(many)).await;
        server.until("SELECT count(*) FROM activity", 200).await;
        holds(&server, &owner, "the first").await;
        // Late: the first of all. And a property that one person alone has.
        let late = json!([
            visit("ada", "late", "2025-01-01T00:00:00Z", json!({"page": "first", "diary": "hers"})),
            visit("ben", "new", "2026-03-02T10:00:00Z", json!({"page": "last"})),
        ]);
        server.post(&late).await;
        server.until("SELECT count(*) FROM activity", 202).await;
        holds(&server, &owner, "late activity").await;
        let of_other = owner.get(&format!("{PROPERTIES}?activity=none")).await;
        assert_eq!(of_other["properties"], json!([]));
        forget(&server, "ada").await;
        holds(&server, &owner, "an erasure").await;
        let told = owner.get(PROPERTIES).await.to_string();
        assert!(!told.contains("diary") && !told.contains("2025-01-01"), "{told}");
        owner.token
    };
    server.kill();
    server.restart().await;
    let owner = Person { server: &server, token };
    holds(&server, &owner, "a restart").await;
}
