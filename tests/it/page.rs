//! The first page in a real browser: the key, live arrivals, a question and its answer; no error on the console.

use serde_json::json;

use crate::gear::{chromium, interpreter, script, skip};
use crate::server::Server;

#[tokio::test]
async fn the_page_shows_arrivals_and_answers_sql() {
    if let Err(missing) = interpreter("page.cjs").and(chromium()) {
        return skip("first page", &missing);
    }
    let server = Server::start().await;
    let items: Vec<_> = (0..30).map(|n| json!({"event": "before", "distinctId": format!("p{}", n % 7)})).collect();
    assert_eq!(server.post(&json!(items)).await.status, 200);
    server.until("SELECT count(*) FROM activity", 30).await;

    let (url, processes) = (server.url(), server.answering().join(" "));
    let environment = [
        ("FOOTFALL_URL", url.as_str()),
        ("FOOTFALL_PROCESSES", processes.as_str()),
        ("FOOTFALL_READ_KEY", server.read_key()),
        ("FOOTFALL_WRITE_KEY", server.write_key()),
        ("FOOTFALL_PERSON", "ada"),
        ("FOOTFALL_COUNT", "1"),
    ];
    let seen = script("page.cjs", &environment).await;
    assert_eq!(seen["consoleErrors"], json!([]), "{seen}");
    assert_eq!(seen["errors"], json!([]), "{seen}");
    assert_eq!(seen["live"], true, "the arriving activity was seen: {seen}");
    assert!(seen["answer"].as_str().is_some_and(|text| text.contains("31")), "{seen}");
    assert!(seen["refused"].as_str().is_some_and(|text| !text.is_empty()), "a wrong key is told so: {seen}");
}

#[tokio::test]
async fn pages_of_embedded_dashboards_count_for_their_address() {
    let server = Server::start_with(&[("FOOTFALL_LIMITS_ADDRESS", "100")]).await;
    let mut statuses = Vec::new();
    // One address gets 100 at once, and then not two a second.
    while statuses.len() < 400 && statuses.last() != Some(&429) {
        statuses.push(server.get("/embedded/0192f0c1e5a07c3f8a4b0d6e2f9c1b7a").await.status);
    }
    assert_eq!(statuses.first(), Some(&200));
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}
