//! Sessions and persons over HTTP with late and shuffled arrival, against a naive model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::seed::Seed;
use crate::server::Server;

const GAP_MILLIS: i64 = 30 * 60 * 1000;
/// 2026-05-04T08:00:00Z
const START_MILLIS: i64 = 1_777_881_600_000;

/// Sorted by time, cut wherever more than 30 minutes pass: (start, end, activities) in order.
fn naive_sessions(mut times: Vec<i64>) -> Vec<(i64, i64, i64)> {
    times.sort_unstable();
    let mut sessions: Vec<(i64, i64, i64)> = Vec::new();
    for time in times {
        match sessions.last_mut() {
            Some((_, end, count)) if time - *end <= GAP_MILLIS => (*end, *count) = (time, *count + 1),
            _ => sessions.push((time, time, 1)),
        }
    }
    sessions
}

async fn sessions_of(server: &Server, id: &str) -> Vec<(i64, i64, i64)> {
    let sql = format!(
        "SELECT CAST(start AS BIGINT) AS opened, CAST(\"end\" AS BIGINT) AS closed, activities FROM sessions WHERE person_id = \
         (SELECT person_id FROM person_ids WHERE distinct_id = '{id}') ORDER BY opened"
    );
    let number = |value: &Value| value.as_i64().expect("a number");
    server.sql(&sql).await.iter().map(|row| (number(&row[0]), number(&row[1]), number(&row[2]))).collect()
}

fn track(id: &str, time: i64, number: usize) -> Value {
    json!({"type": "track", "event": "step", "distinctId": id, "messageId": format!("{id}-{number}"), "timestamp": time_text(time)})
}

/// Milliseconds since the epoch as RFC 3339, for the days after START within one month.
fn time_text(millis: i64) -> String {
    let since = millis - START_MILLIS + 8 * 3_600_000;
    let (day, rest) = (4 + since / 86_400_000, since % 86_400_000);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("2026-05-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

#[tokio::test]
async fn sessions_equal_the_naive_model_in_any_order_of_arrival() {
    let mut seed = Seed::announced("sessions");
    let server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_ROWS", "150")]).await;
    let mut times = BTreeMap::<String, Vec<i64>>::new();
    let mut items = Vec::new();
    for person in 0..8 {
        let id = format!("person-{person}");
        let mut time = START_MILLIS;
        for number in 0..60 {
            // Around the gap, and exactly on it.
            time += [1_000, 60_000, GAP_MILLIS - 1, GAP_MILLIS, GAP_MILLIS + 1, 2 * GAP_MILLIS][seed.below(6) as usize];
            times.entry(id.clone()).or_default().push(time);
            items.push(track(&id, time, number));
        }
    }
    seed.shuffle(&mut items);
    let resent: Vec<_> = items.iter().take(items.len() / 5).cloned().collect();
    for batch in items.chunks(37).chain(resent.chunks(11)) {
        assert_eq!(server.post(&json!(batch)).await.json()["accepted"], batch.len());
    }
    server.until("SELECT count(*) FROM activity", items.len() as i64).await;
    for (id, times) in times {
        assert_eq!(sessions_of(&server, &id).await, naive_sessions(times), "{id}");
    }
}

async fn people(server: &Server) -> i64 {
    server.number("SELECT count(DISTINCT person_id) FROM activity").await
}

#[tokio::test]
async fn an_anonymous_visitor_becomes_a_user_across_dialects_and_back() {
    let server = Server::start().await;
    let json_type = [("content-type", "application/json")];
    let web = json!({"batch": [
        {"type": "track", "event": "web", "anonymousId": "anon-web", "messageId": "w1", "timestamp": time_text(START_MILLIS)},
        {"type": "identify", "userId": "ada", "anonymousId": "anon-web", "messageId": "w2", "timestamp": time_text(START_MILLIS + 1000)},
    ]});
    assert_eq!(server.send("/v1/batch", &json_type, web.to_string()).await.status, 200);
    let key = server.write_key();
    let phone = json!({"api_key": key, "batch": [
        {"event": "phone", "distinct_id": "anon-phone", "uuid": "0192f5aa-0000-7000-8000-000000000001", "timestamp": time_text(START_MILLIS + 60_000)},
        {"event": "$identify", "distinct_id": "ada", "uuid": "0192f5aa-0000-7000-8000-000000000002",
         "timestamp": time_text(START_MILLIS + 61_000), "properties": {"$anon_distinct_id": "anon-phone"}},
    ]});
    assert_eq!(server.send("/batch/", &json_type, phone.to_string()).await.status, 200);
    server.until("SELECT count(*) FROM activity", 4).await;
    assert_eq!(people(&server).await, 1, "both devices are Ada");
    assert_eq!(sessions_of(&server, "ada").await, [(START_MILLIS, START_MILLIS + 61_000, 4)]);

    // What an anonymous id does later, and what arrives late from before, belong to the same person.
    server
        .post(&json!([track("anon-web", START_MILLIS + 120_000, 1), track("anon-phone", START_MILLIS - 60_000, 2)]))
        .await;
    server.until("SELECT count(*) FROM activity", 6).await;
    assert_eq!(people(&server).await, 1);
    assert_eq!(sessions_of(&server, "ada").await, [(START_MILLIS - 60_000, START_MILLIS + 120_000, 6)]);

    // Ids that faulty clients give to everybody join nobody.
    let faulty = json!({"batch": [
        {"type": "track", "event": "x", "anonymousId": "null", "messageId": "n1"},
        {"type": "identify", "userId": "bob", "anonymousId": "null", "messageId": "n2"},
        {"type": "identify", "userId": "ada", "anonymousId": "null", "messageId": "n3"},
        {"type": "identify", "userId": "bob", "anonymousId": "anon-web", "messageId": "n4"},
    ]});
    assert_eq!(server.send("/v1/batch", &json_type, faulty.to_string()).await.status, 200);
    server.until("SELECT count(*) FROM activity", 10).await;
    assert_eq!(people(&server).await, 3, "Ada, Bob and «null»");

    let merge = server
        .sql("SELECT merge_id FROM person_merges WHERE from_distinct_id = 'anon-phone' AND outcome = 'applied'")
        .await;
    let undo = server.run(&["identity", "undo", merge[0][0].as_str().unwrap()]);
    assert!(undo.status.success(), "undo: {}", String::from_utf8_lossy(&undo.stderr));
    server.until("SELECT count(DISTINCT person_id) FROM activity", 4).await;
    let alone = "SELECT count(*) FROM activity WHERE person_id = (SELECT person_id FROM person_ids WHERE distinct_id = 'anon-phone')";
    assert_eq!(server.number(alone).await, 2);
    assert_eq!(sessions_of(&server, "anon-phone").await.iter().map(|session| session.2).sum::<i64>(), 2);
}

#[tokio::test]
async fn merges_hold_after_a_kill() {
    let mut server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_AGE", "100ms")]).await;
    for number in 0..20 {
        let (anonymous, user) = (format!("anon-{number}"), format!("user-{}", number % 4));
        let items = json!([
            {"type": "track", "event": "x", "anonymousId": anonymous},
            {"type": "identify", "userId": user, "anonymousId": anonymous},
        ]);
        assert_eq!(server.post(&items).await.json()["accepted"], 2);
    }
    server.kill();
    server.restart().await;
    assert_eq!(server.until("SELECT count(*) FROM activity", 40).await, 40);
    assert_eq!(people(&server).await, 4);
    assert_eq!(server.number("SELECT count(*) FROM persons").await, 4);
}
