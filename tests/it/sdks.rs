//! The client packages that people use, unmodified, against a running server; then the tables are read.

use serde_json::Value;

use crate::gear::{chromium, interpreter, script, skip};
use crate::relay::Relay;
use crate::scaleout::Installation;
use crate::server::Server;

const COUNT: usize = 20;

/// What one SDK did: its own account, and everything it asked of the server.
struct Run {
    account: Value,
    relay: Relay,
}

async fn run(server: &Server, file: &str, person: &str, more: &[(&str, &str)]) -> Run {
    run_through(Relay::to(&server.url()).await, server, file, person, more).await
}

async fn run_through(relay: Relay, server: &Server, file: &str, person: &str, more: &[(&str, &str)]) -> Run {
    let (url, count) = (relay.url(), COUNT.to_string());
    let mut environment = vec![
        ("FOOTFALL_URL", url.as_str()),
        ("FOOTFALL_WRITE_KEY", server.write_key()),
        ("FOOTFALL_PERSON", person),
        ("FOOTFALL_COUNT", count.as_str()),
    ];
    environment.extend_from_slice(more);
    let account = script(file, &environment).await;
    Run { account, relay }
}

impl Run {
    fn sdk(&self) -> &str {
        self.account["sdk"].as_str().expect("a name")
    }

    /// Exact counts, each once; every request answered well; all ids one person.
    async fn check(&self, server: &Server, person: &str) {
        let sdk = self.sdk();
        for exchange in self.relay.exchanges() {
            let path = &exchange.path;
            assert!(
                exchange.status < 400,
                "{sdk}: {} {path}: {} {}",
                exchange.method,
                exchange.status,
                exchange.answer
            );
        }
        assert!(self.relay.exchanges().iter().any(|exchange| exchange.repeated), "{sdk}: no batch was sent twice");
        let own_event = format!("{sdk} step");
        let count = format!("SELECT count(*) FROM activity WHERE event = '{own_event}'");
        let expected = self.account["counts"][&own_event].as_i64().expect("its own event");
        assert_eq!(server.until(&count, expected).await, expected, "{sdk}: {}", self.account);
        let steps = format!("SELECT count(DISTINCT properties->>'step') FROM activity WHERE event = '{own_event}'");
        assert_eq!(server.number(&steps).await, expected, "{sdk}: every step once");
        for id in self.account["ids"].as_array().expect("ids") {
            let id = id.as_str().expect("an id");
            let sql = format!(
                "SELECT count(*) FROM person_ids AS a JOIN person_ids AS b ON a.person_id = b.person_id \
                 WHERE a.distinct_id = '{id}' AND b.distinct_id = '{person}'"
            );
            assert_eq!(server.until(&sql, 1).await, 1, "{sdk}: {id} and {person} are one person");
        }
        let quarantined = server.sql("SELECT reason, detail, raw FROM quarantine").await;
        assert!(quarantined.is_empty(), "{sdk}: {quarantined:?}");
    }

    /// Counts of every event, for an SDK that has the server to itself.
    async fn check_events(&self, server: &Server) {
        for (event, expected) in self.account["counts"].as_object().expect("counts") {
            let sql = format!("SELECT count(*) FROM activity WHERE event = '{event}'");
            assert_eq!(
                server.until(&sql, expected.as_i64().unwrap()).await,
                expected.as_i64().unwrap(),
                "{}: {event}",
                self.sdk()
            );
        }
    }
}

async fn alone(file: &str, more: &[(&str, &str)]) {
    if let Err(missing) = interpreter(file) {
        return skip(file, &missing);
    }
    let server = Server::start().await;
    let run = run(&server, file, "ada", more).await;
    run.check(&server, "ada").await;
    run.check_events(&server).await;
    assert_eq!(server.number("SELECT count(DISTINCT person_id) FROM activity WHERE user_id = 'ada'").await, 1);
    let traits = "SELECT properties FROM persons WHERE array_has(distinct_ids, 'ada')";
    let flag = format!("from_{}", run.sdk().replace('-', "_"));
    let rows = server.sql(traits).await;
    assert!(rows.len() == 1 && rows[0][0].to_string().contains(&flag), "{flag}: {rows:?}");
}

async fn in_browser(file: &str) {
    if let Err(missing) = interpreter(file).and(chromium()) {
        return skip(file, &missing);
    }
    let server = Server::start().await;
    let run = run(&server, file, "ada", &[]).await;
    run.check(&server, "ada").await;
    run.check_events(&server).await;
    assert_eq!(run.account["errors"], serde_json::json!([]), "{}", run.account);
    let lost = |message: &&Value| !message.to_string().contains("503"); // the relay's own doing
    let console: Vec<_> = run.account["consoleErrors"].as_array().unwrap().iter().filter(lost).collect();
    assert!(console.is_empty(), "{console:?}");
    let campaign = "SELECT count(*) FROM activity WHERE campaign_source = 'newsletter' AND campaign_name = 'autumn'";
    server.until(campaign, 1).await;
}

#[tokio::test]
async fn segment_analytics_node() {
    alone("segment_node.cjs", &[]).await;
}

#[tokio::test]
async fn segment_analytics_python() {
    alone("segment_python.py", &[]).await;
}

#[tokio::test]
async fn segment_analytics_python_without_gzip() {
    alone("segment_python.py", &[("FOOTFALL_GZIP", "0")]).await;
}

#[tokio::test]
async fn rudder_sdk_node() {
    alone("rudder_node.cjs", &[]).await;
}

#[tokio::test]
async fn posthog_node_v0() {
    alone("posthog_node.cjs", &[("POSTHOG_CAPTURE_MODE", "v0")]).await;
}

#[tokio::test]
async fn posthog_node_v1() {
    alone("posthog_node.cjs", &[("POSTHOG_CAPTURE_MODE", "v1")]).await;
}

#[tokio::test]
async fn posthog_python_v0() {
    alone("posthog_python.py", &[("POSTHOG_CAPTURE_MODE", "v0")]).await;
}

#[tokio::test]
async fn posthog_python_v1() {
    alone("posthog_python.py", &[("POSTHOG_CAPTURE_MODE", "v1")]).await;
}

#[tokio::test]
async fn posthog_js_in_chromium() {
    in_browser("posthog_js.cjs").await;
}

#[tokio::test]
async fn segment_analytics_next_in_chromium() {
    in_browser("segment_browser.cjs").await;
}

#[tokio::test]
async fn one_person_through_three_sdks_is_one_person() {
    let files = ["segment_node.cjs", "posthog_python.py", "rudder_node.cjs"];
    if let Some(missing) = files.iter().find_map(|file| interpreter(file).err()) {
        return skip("one person through three SDKs", &missing);
    }
    let server = Server::start().await;
    let [segment, posthog, rudder] = files.map(|file| run(&server, file, "grace", &[]));
    for run in [segment.await, posthog.await, rudder.await] {
        run.check(&server, "grace").await;
    }
    let steps = "FROM activity WHERE event LIKE '% step'";
    assert_eq!(server.number(&format!("SELECT count(*) {steps}")).await, 3 * 2 * COUNT as i64);
    assert_eq!(server.number(&format!("SELECT count(DISTINCT person_id) {steps}")).await, 1);
    assert_eq!(server.number("SELECT count(*) FROM persons WHERE array_has(distinct_ids, 'grace')").await, 1);
    assert_eq!(server.number("SELECT count(*) - count(DISTINCT message_id) FROM activity").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_through_five_sdks_and_two_doors_of_six_processes_is_one_person() {
    let files = ["segment_node.cjs", "segment_python.py", "rudder_node.cjs", "posthog_node.cjs", "posthog_python.py"];
    if let Some(missing) = files.iter().find_map(|file| interpreter(file).err()) {
        return skip("SDKs and six processes", &missing);
    }
    let Some(all) = Installation::start("sdks").await else { return };
    let mode = [("POSTHOG_CAPTURE_MODE", "v1")];
    let mut runs = Vec::new();
    for file in files {
        let relay = Relay::among(all.doors(), &all.api[0].url()).await;
        runs.push(run_through(relay, &all.api[0], file, "grace", &mode).await);
    }
    // Whoever is asked says the same.
    for api in &all.api {
        for run in &runs {
            run.check(api, "grace").await;
        }
        let steps = "FROM activity WHERE event LIKE '% step'";
        assert_eq!(api.number(&format!("SELECT count(DISTINCT person_id) {steps}")).await, 1);
        assert_eq!(api.number("SELECT count(*) FROM persons WHERE array_has(distinct_ids, 'grace')").await, 1);
        assert_eq!(api.number("SELECT count(*) - count(DISTINCT message_id) FROM activity").await, 0);
    }
}
