//! People are forgotten in an installation of several processes on a real Kafka, ClickHouse and PostgreSQL: asked of a process that
//! answers, while another fills the tables without pause; without one that does; of one that is killed. Afterwards they are at no door,
//! everybody else is counted exactly, and neither a restart nor the whole log read again brings anybody back.

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::crash::compare;
use crate::deletion::operate;
use crate::scaleout::Installation;
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;
use crate::server::Server;
use crate::store::{drop_parts_soon, tables_but, told};
use crate::stores::insight;

const PERSONS: &str = "/v1/projects/default/persons";
const ERASURES: &str = "/v1/projects/default/erasures";
/// Of each client: there is always something to publish, and few rows all the same.
const PAUSE: Duration = Duration::from_millis(200);

/// Somebody with two ids, whose activities nobody else has.
struct Somebody {
    ids: [String; 2],
    event: String,
    person: String,
}

impl Somebody {
    /// Ten activities, a sign-in that joins the ids, and an item that cannot be read; seen by both that answer.
    async fn lives(name: &str, all: &Installation) -> Somebody {
        let ids = [format!("{name}-lovelace-1815"), format!("{name}-s-telephone")];
        let event = format!("diary of {name}");
        let mut items = Vec::new();
        for n in 0..5 {
            for id in &ids {
                items.push(json!({"event": event, "distinctId": id, "messageId": format!("{id}-{n}"),
                    "timestamp": "2026-03-01T10:00:00Z", "properties": {"page": n}}));
            }
        }
        items.push(
            json!({"type": "identify", "userId": ids[0], "anonymousId": ids[1], "messageId": format!("{name} signs in"),
            "timestamp": "2026-03-01T11:00:00Z", "traits": {"email": format!("{name}@example.org")}}),
        );
        items.push(json!({"distinctId": ids[0], "note": "no event"}));
        let sent = all.ingest[0].post(&json!(items)).await.json();
        assert_eq!((&sent["accepted"], &sent["quarantined"]), (&json!(11), &json!(1)), "{sent}");
        let own = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        let one = format!("SELECT count(*) FROM activity WHERE distinct_id IN ({own})");
        for api in &all.api {
            api.until(&one, 11).await;
            api.until(&format!("SELECT count(*) FROM quarantine WHERE raw LIKE '%{}%'", ids[0]), 1).await;
        }
        let person = format!("SELECT DISTINCT person_id FROM person_ids WHERE distinct_id IN ({own})");
        let persons = all.api[0].sql(&person).await;
        assert_eq!(persons.len(), 1, "one person: {persons:?}");
        let person = persons[0][0].as_str().unwrap().to_owned();
        let somebody = Somebody { ids, event, person };
        for api in &all.api {
            assert_eq!(somebody.in_insights(api).await, 10.0);
        }
        somebody
    }

    /// Their activities as the engine of insights counts them.
    async fn in_insights(&self, api: &Server) -> f64 {
        let scope = json!({"from_ms": 1_769_900_000_000i64, "until_ms": 1_774_000_000_000i64, "zone": "UTC"});
        let question = json!({"scope": scope, "bucket": "day",
            "series": [{"select": {"activities": [self.event]}, "measures": ["count"]}]});
        let answer = insight(api, "trend", &question).await;
        let lines = answer["lines"].as_array().unwrap();
        let counts = lines.iter().flat_map(|line| line["measures"][0].as_array().unwrap());
        counts.map(|count| count.as_f64().unwrap()).sum()
    }

    async fn native(&self, api: &Server, sql: &str) -> Value {
        let bearer = format!("Bearer {}", api.read_key());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = json!({"sql": sql, "dialect": "clickhouse"}).to_string();
        let answer = api.http.send(Method::POST, &format!("{}/v1/sql", api.url()), &headers, body).await.unwrap();
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
        answer.json()["rows"][0][0].clone()
    }

    /// At no door of a process.
    async fn is_nowhere(&self, api: &Server, when: &str) {
        let ids = self.ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        let by_id = format!("distinct_id IN ({ids})");
        let by_claim = format!("from_distinct_id IN ({ids}) OR into_distinct_id IN ({ids})");
        let by_text = format!("raw LIKE '%{}%' OR raw LIKE '%{}%'", self.ids[0], self.ids[1]);
        let by_person = format!("person_id = '{}'", self.person);
        for (table, theirs) in [
            ("activity", &by_id),
            ("activity", &by_person),
            ("persons", &by_person),
            ("person_ids", &by_id),
            ("person_merges", &by_claim),
            ("sessions", &by_person),
            ("quarantine", &by_text),
        ] {
            let sql = format!("SELECT count(*) FROM {table} WHERE {theirs}");
            assert_eq!(api.number(&sql).await, 0, "{sql} {when}");
            let sql = format!("SELECT count() FROM {table} WHERE {theirs}");
            assert_eq!(self.native(api, &sql).await, json!(0), "{sql}, asked of ClickHouse, {when}");
        }
        assert_eq!(self.in_insights(api).await, 0.0, "insights {when}");
        let export = operate(api, Method::POST, &format!("{PERSONS}/{}/export", self.person)).await;
        assert_eq!(export.status, 404, "{when}: {}", export.text());
    }
}

async fn states(api: &Server) -> Vec<(String, String)> {
    let told = operate(api, Method::GET, ERASURES).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told["erasures"].as_array().unwrap().iter().map(|one| (text(&one["person_id"]), text(&one["state"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_wherever_it_is_asked_and_whoever_is_killed() {
    let Some(mut all) = Installation::start_with("erased", &[]).await else { return };
    drop_parts_soon(&all.store).await;
    let mut seed = Seed::announced("erase in parts");
    let load = Load::paced(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed, PAUSE);
    load.grows_by(100, "at first").await;
    let (ada, bob, eve) =
        (Somebody::lives("ada", &all).await, Somebody::lives("bob", &all).await, Somebody::lives("eve", &all).await);

    // While the tables are filled without pause, asked of one and looked for at both.
    let asked = operate(&all.api[1], Method::DELETE, &format!("{PERSONS}/{}", ada.person)).await;
    assert_eq!(asked.status, 200, "{}\n{}", asked.text(), all.api[1].tracing());
    assert_eq!(asked.json()["log_by_retention"], true);
    for api in &all.api {
        ada.is_nowhere(api, "at once").await;
    }
    load.grows_by(50, "after the first").await;

    // Whoever fills the tables is killed, and nobody does when it is asked.
    all.jobs.iter_mut().for_each(Server::kill);
    let asked = operate(&all.api[0], Method::DELETE, &format!("{PERSONS}/{}", bob.person)).await;
    assert_eq!(asked.status, 200, "{}\n{}", asked.text(), all.api[0].tracing());
    for api in &all.api {
        ada.is_nowhere(api, "without a leader").await;
        bob.is_nowhere(api, "without a leader").await;
    }
    for jobs in &mut all.jobs {
        jobs.restart().await;
    }
    load.grows_by(50, "after the second").await;

    // Whoever was asked is killed before it answers.
    let path = format!("{PERSONS}/{}", eve.person);
    let noted = || async { states(&all.api[1]).await.len() == 3 };
    tokio::select! {
        asked = operate(&all.api[0], Method::DELETE, &path) => assert_eq!(asked.status, 200, "{}", asked.text()),
        () = all.api[1].eventually("it is noted", noted) => {}
    }
    all.api[0].kill();
    all.api[0].restart().await;
    for api in &all.api {
        let hidden = || async { states(api).await.iter().filter(|(_, state)| state != "requested").count() == 3 };
        api.eventually("all are hidden", hidden).await;
    }
    let leader = all.leader(&[0, 1]).await;
    all.jobs[leader].kill();
    all.leader(&[1 - leader]).await;
    all.jobs[leader].restart().await;
    load.grows_by(50, "after the third").await;
    let known = load.end().await;
    let done = || async { states(&all.api[1]).await.iter().filter(|(_, state)| state == "done").count() == 3 };
    all.api[1].eventually("no part holds their rows", done).await;
    all.account(&known).await;
    for api in &all.api {
        for somebody in [&ada, &bob, &eve] {
            somebody.is_nowhere(api, "in the end").await;
        }
    }
    let theirs: BTreeSet<&str> =
        [&ada, &bob, &eve].into_iter().flat_map(|one| one.ids.iter().map(String::as_str)).collect();
    for id in &theirs {
        let rows = told(&all.store, &format!("SELECT count() FROM activity WHERE distinct_id = '{id}'")).await;
        assert_eq!(rows.trim(), "0", "{id} is in the table itself");
    }

    // Everything is read again from the log, and of the tables nothing is there but the list.
    for server in all.jobs.iter_mut().chain(&mut all.api) {
        server.stop().await;
    }
    for table in tables_but(&all.store, &["erasures", "migrations"]).await {
        told(&all.store, &format!("TRUNCATE TABLE {table}")).await;
    }
    for server in all.jobs.iter_mut().chain(&mut all.api) {
        server.restart().await;
    }
    compare(&all.api[0], &known).await;
    for api in &all.api {
        api.eventually("all are hidden again", || async {
            states(api).await.iter().all(|(_, state)| state != "requested")
        })
        .await;
        for somebody in [&ada, &bob, &eve] {
            somebody.is_nowhere(api, "from the log alone").await;
        }
    }
    all.account(&known).await;

    // Who comes again is somebody new.
    let again = json!([{"event": "visit", "distinctId": ada.ids[0], "messageId": "afterwards"}]);
    assert_eq!(all.ingest[1].post(&again).await.json()["accepted"], 1);
    let of_her = format!("SELECT count(*) FROM activity WHERE distinct_id = '{}'", ada.ids[0]);
    all.api[0].until(&of_her, 1).await;
    let sql = format!(
        "SELECT activities FROM persons WHERE person_id = (SELECT person_id FROM person_ids WHERE distinct_id = '{}')",
        ada.ids[0]
    );
    assert_eq!(all.api[0].sql(&sql).await, [[json!(1)]]);
}
