//! Row filters and masked names in both dialects of SQL, on an installation on services: four roles ask every table, and try every way
//! around what they do not see. Rows are equal in both, and what is hidden is in no answer.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::{Person, owner_told_by};
use crate::http::Answer;
use crate::scaleout::Installation;
use crate::server::Server;
use crate::sql_doors::seer;
use crate::store::told;

/// As requests name them.
const DIALECTS: [&str; 2] = ["standard", "clickhouse"];

/// What stands in rows that the filter hides, in what is masked, and in another project.
const ROW: &str = "hiddenrow";
const MASK: &str = "hiddenmask";
const FOREIGN: &str = "foreignproject";

/// A text that is quoted otherwise in every language.
const ODD: &str = "it's \\ \"é🙂\" %_`";

/// Where names are masked, ClickHouse's dialect shows nothing of these.
const NULL_WHERE_MASKED: [&str; 3] = ["groups", "properties", "context"];

const ACTIVITIES: usize = 48;

fn event(n: usize) -> &'static str {
    ["view", ODD, "save", "salary"][n % 4]
}

fn plan(n: usize) -> Option<&'static str> {
    if n.is_multiple_of(7) { None } else { Some(["pro", ODD, "free"][n % 3]) }
}

fn level(n: usize) -> Value {
    [json!(2), json!("1"), json!(1.0)][n / 4 % 3].clone()
}

/// Whether the row is one that [`filter`] shows: a plan that is missing is not known to be allowed.
fn is_shown(n: usize) -> bool {
    let is_paid = plan(n).is_some_and(|plan| plan != "free");
    is_paid && !["save", "salary"].contains(&event(n)) && level(n) != json!(1.0)
}

fn filter() -> Value {
    let events = json!({"is_not": {"value": {"column": "event"}, "none_of": ["save", "salary"]}});
    let plans = json!({"is": {"value": {"property": "plan"}, "one_of": ["pro", ODD]}});
    let levels = json!({"is_not": {"value": {"property": "level"}, "none_of": ["1.0"]}});
    json!({"all": [events, {"any": [plans, "nothing"]}, levels]})
}

fn masks() -> Value {
    json!(["email", "City", "$ip", "ÄRZTE"])
}

fn activity(n: usize) -> Value {
    let note = if is_shown(n) { "shown" } else { ROW };
    let mut item = json!({
        "event": event(n),
        "messageId": format!("m{n}"),
        "timestamp": format!("2026-03-{:02}T10:{:02}:00Z", 1 + n / 12, n % 12 * 4),
        "properties": {
            "note": format!("{note} {n}"), "level": level(n), "amount": n as f64 / 2.0, "ÄRZTE": MASK,
            "email": format!("{MASK}{n}@example.org"), "deep": [{"Email": format!("{MASK}{n}@example.org"), "n": n}],
        },
        "context": {"country": (["DE", "FR"][n % 2]), "city": format!("{MASK} {n}"), "ip": MASK, "os": {"name": "iOS"}},
    });
    let person = n % 5;
    match n % 3 {
        0 => item["anonymousId"] = json!(format!("anonymous-{person}")),
        _ => item["userId"] = json!(format!("user-{person}")),
    }
    if let Some(plan) = plan(n) {
        item["properties"]["plan"] = json!(plan);
    }
    item
}

/// Two who sign in, and an item that cannot be read.
fn others() -> Vec<Value> {
    let signs_in = |person: usize| {
        json!({
            "type": "identify", "userId": format!("user-{person}"), "anonymousId": format!("anonymous-{person}"),
            "messageId": format!("identify-{person}"), "timestamp": "2026-03-05T09:00:00Z",
            "traits": {"plan": "free", "note": ROW, "email": format!("{MASK}{person}@example.org")},
        })
    };
    vec![signs_in(0), signs_in(1), json!({"distinctId": "user-1", "note": format!("{ROW} {MASK}")})]
}

/// Somebody with a role.
struct Seer<'a> {
    server: &'a Server,
    name: &'static str,
    token: String,
    is_filtered: bool,
    is_masked: bool,
}

impl Seer<'_> {
    /// The answer, once it is seen that nothing hidden is in it.
    async fn ask(&self, dialect: &str, sql: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers =
            [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", "application/json")];
        let url = format!("{}/v1/projects/default/sql", self.server.url());
        let body = json!({"sql": sql, "dialect": dialect}).to_string();
        let answer = self.server.http.send(Method::POST, &url, &headers, body).await.unwrap();
        let text = answer.text().to_lowercase();
        for (hidden, is_hidden) in [(FOREIGN, true), (ROW, self.is_filtered), (MASK, self.is_masked)] {
            assert!(!(is_hidden && text.contains(hidden)), "{} in {dialect}: {sql}: {text}", self.name);
        }
        answer
    }

    async fn rows(&self, dialect: &str, sql: &str) -> Vec<String> {
        let answer = self.ask(dialect, sql).await;
        let tracing = if answer.status >= 500 { self.server.tracing() } else { String::new() };
        assert_eq!(answer.status, 200, "{} in {dialect}: {sql}: {}\n{tracing}", self.name, answer.text());
        rows(&answer)
    }

    fn sees(&self, table: &str, dialect: &str) -> bool {
        match table {
            "activity" => true,
            "audit" => false,
            "quarantine" => !self.is_filtered && !self.is_masked,
            // Names within their properties and pages are masked in the standard dialect alone.
            _ => !self.is_filtered && (!self.is_masked || dialect == "standard"),
        }
    }

    /// How many rows of `activity` there are for them.
    fn count(&self) -> usize {
        let signed_in = 2;
        if self.is_filtered { (0..ACTIVITIES).filter(|n| is_shown(*n)).count() } else { ACTIVITIES + signed_in }
    }
}

/// Rows in one spelling and order: truth is a number in ClickHouse, and members of JSON have no order.
fn rows(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let rows = answer["rows"].as_array().unwrap_or_else(|| panic!("no rows: {answer}"));
    let mut rows: Vec<String> = rows.iter().map(|row| canonical(row).to_string()).collect();
    rows.sort();
    rows
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Bool(truth) => json!(f64::from(u8::from(*truth))),
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(canonical).collect(),
        Value::Object(members) => {
            let sorted: BTreeMap<&String, Value> =
                members.iter().map(|(name, value)| (name, canonical(value))).collect();
            json!(sorted)
        }
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or_else(|_| value.clone(), |inside| canonical(&inside))
        }
        other => other.clone(),
    }
}

fn columns(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let columns = answer["columns"].as_array().unwrap_or_else(|| panic!("no columns: {answer}"));
    columns.iter().map(|column| column["name"].as_str().unwrap().to_owned()).collect()
}

/// Ways around, in either dialect; most are refused. `{db}` is the database.
const ATTEMPTS: &[&str] = &[
    "SELECT event, properties, context, city FROM (SELECT * FROM (SELECT * FROM activity) AS a) AS b",
    "WITH everything AS (SELECT * FROM activity) SELECT a.properties, b.event, b.city FROM everything AS a JOIN everything AS b ON a.message_id = b.message_id",
    "SELECT event FROM activity UNION ALL SELECT properties FROM activity UNION ALL SELECT city FROM activity",
    "SELECT a.properties, b.context FROM activity AS a LEFT JOIN activity AS b ON a.person_id = b.person_id",
    "SELECT max(event), min(city), max(ip), max(properties), min(context), count(*) FROM activity",
    "SELECT DISTINCT city, ip, event FROM activity WHERE message_id IN (SELECT message_id FROM activity)",
    "SELECT (SELECT max(properties) FROM activity) AS most, (SELECT min(city) FROM activity) AS least",
    "SELECT max(city) OVER (PARTITION BY event) AS city, lag(properties) OVER (ORDER BY timestamp) AS before FROM activity",
    "SELECT event AS city, city AS event, properties AS note FROM activity AS persons",
    "SELECT CAST(event AS BIGINT) FROM activity",
    "SELECT CAST(city AS BIGINT) FROM activity",
    "SELECT CAST(properties AS BIGINT) FROM activity",
    "SELECT * FROM activity WHERE 1 = 1 OR event = 'save'",
    "SELECT * FROM activity ORDER BY city, properties LIMIT 1000",
    "SELECT p.*, a.properties FROM persons AS p JOIN activity AS a ON a.person_id = p.person_id",
    "SELECT entry_event FROM sessions UNION ALL SELECT raw FROM quarantine",
    "SELECT count(*) FROM activity WHERE EXISTS (SELECT 1 FROM persons)",
    "WITH persons AS (SELECT * FROM persons) SELECT * FROM persons",
    "SELECT * FROM identities",
    "SELECT * FROM session_parts",
    "SELECT * FROM person_overrides",
    "SELECT * FROM quarantine_resolved",
    "SELECT * FROM erased_rows",
    "SELECT * FROM public.activity",
    "SELECT * FROM footfall.public.activity",
    "SELECT * FROM footfall.public.persons",
    "SELECT * FROM {db}.activity",
    "SELECT * FROM `{db}`.`activity`",
    "SELECT * FROM \"{db}\".identities",
    "SELECT * FROM \"{db}.activity\"",
    "SELECT * FROM activity AS a, {db}.activity AS b",
    "SELECT event FROM activity UNION ALL SELECT event FROM {db}.activity",
    "SELECT 1 WHERE 'save' IN (SELECT event FROM {db}.activity)",
    "SELECT {db}.activity.properties FROM activity",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM information_schema.views",
    "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM system.tables",
    "SELECT * FROM system.parts_columns",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system . query_thread_log",
    "EXPLAIN SELECT * FROM activity",
    "EXPLAIN VERBOSE SELECT properties FROM activity WHERE city IS NOT NULL",
    "EXPLAIN ANALYZE SELECT * FROM activity",
    "EXPLAIN SYNTAX SELECT * FROM activity",
    "EXPLAIN QUERY TREE SELECT * FROM activity",
    "SELECT * FROM (EXPLAIN SELECT * FROM activity)",
    "SHOW TABLES",
    "SHOW CREATE TABLE activity",
    "DESCRIBE activity",
    "SELECT * FROM merge('{db}', 'activity')",
    "SELECT * FROM cluster('default', '{db}', 'activity')",
    "SELECT * FROM remote('127.0.0.1', '{db}', 'activity')",
    "SELECT * FROM view(SELECT * FROM {db}.activity)",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))",
    "SELECT * FROM url('http://127.0.0.1/')",
    "SELECT * FROM file('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM numbers(3)",
    "SELECT * FROM cohort('everybody')",
    "SELECT * FROM activity; SELECT * FROM {db}.activity",
    "SELECT 1) UNION ALL (SELECT properties FROM {db}.activity",
];

/// The same in ClickHouse's dialect alone.
const ATTEMPTS_NATIVE: &[&str] = &[
    "SELECT * EXCEPT (event) FROM activity",
    "SELECT * REPLACE (concat(event, toString(properties), toString(city)) AS event) FROM activity",
    "SELECT COLUMNS('.*') FROM activity",
    "SELECT * APPLY(toString) FROM activity",
    "SELECT groupArray(tuple(*)) FROM activity",
    "SELECT arrayJoin([toString(event), toString(city), toString(properties)]) FROM activity",
    "SELECT JSONExtractKeysAndValuesRaw(assumeNotNull(properties)) FROM activity ARRAY JOIN [1, 2] AS twice",
    "SELECT assumeNotNull(city), assumeNotNull(ip), assumeNotNull(properties), assumeNotNull(context) FROM activity",
    "SELECT toInt64(event) FROM activity",
    "SELECT toInt64(city) FROM activity",
    "SELECT _table, _database, * FROM activity",
    "SELECT publication, project, * FROM activity",
    "SELECT * FROM activity PREWHERE 1",
    "SELECT * FROM activity FINAL",
    "SELECT * FROM activity(1)",
    "SELECT * FROM activity SETTINGS additional_result_filter = '1'",
    "SELECT 1 FORMAT JSON",
    "WITH activity AS (SELECT * FROM activity) SELECT * FROM activity",
    "WITH RECURSIVE again AS (SELECT * FROM activity) SELECT * FROM again",
    "SELECT * FROM {x:Identifier}",
    "SELECT throwIf(event = 'save', 'it is there') FROM activity",
    "SELECT dictGet('x', 'y', 1)",
];

/// What stands before a question and gives names to what the views are made of; the answer is as without it.
const RENAMINGS: &[&str] = &[
    "(a, b) -> 1 AS equals",
    "(a, b) -> true AS ifNull",
    "lambda(tuple(a, b), 1) AS ifNull",
    "(a, b) -> 1 AS `in`",
    "(a, b) -> 0 AS notIn",
    "(a, b) -> 1 AS lessOrEquals",
    "(a, b) -> 1 AS notEquals",
    "(a, b) -> 1 AS `and`",
    "(a, b, c) -> 1 AS `and`",
    "a -> 1 AS `not`",
    "(a, b) -> 'Null' AS JSONType",
    "(a, b) -> 'pro' AS JSONExtractString",
    "a -> 1 AS one, one AS isNotNull, one AS `not`",
    "'other' AS project, 'other' AS `activity.project`",
    "100000000 AS publication, 'view' AS event, 'pro' AS properties",
    "`{db}.settled_publications` AS (SELECT 0 AS publication)",
    "`{db}.activity` AS (SELECT 1 AS one)",
    "`{db}.erased_rows` AS (SELECT 1 AS one)",
];

async fn compare(seer: &Seer<'_>, table: &str) {
    let shown = seer.ask("clickhouse", &format!("SELECT * FROM {table}")).await;
    let is_compared = |name: &String| !seer.is_masked || !NULL_WHERE_MASKED.contains(&name.as_str());
    let names: Vec<String> =
        columns(&shown).into_iter().filter(is_compared).map(|name| format!("\"{name}\"")).collect();
    let sql = format!("SELECT {} FROM {table}", names.join(", "));
    let (one, other) = (seer.rows("standard", &sql).await, seer.rows("clickhouse", &sql).await);
    let differ = one.iter().zip(&other).find(|(one, other)| one != other);
    assert!(one == other, "{}: {table}: {} and {} rows, {differ:#?}", seer.name, one.len(), other.len());
    assert!(!one.is_empty(), "{}: {table}", seer.name);
}

/// A project that nobody of the others sees, with one activity.
async fn foreign(all: &Installation, owner: &Person<'_>, organisation: &str) {
    owner.post(&format!("/v1/organisations/{organisation}/projects"), json!({"id": "other", "name": "Other"})).await;
    let key = owner.post("/v1/projects/other/keys", json!({"kind": "write", "name": "other"})).await;
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let door = &all.ingest[0];
    let sends = || async {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let item =
            json!([{"event": FOREIGN, "distinctId": FOREIGN, "messageId": FOREIGN, "properties": {"plan": FOREIGN}}]);
        let url = format!("{}/v1/activity", door.url());
        door.http.send(Method::POST, &url, &headers, item.to_string()).await.is_ok_and(|answer| answer.status == 200)
    };
    door.eventually("it knows the other project's key", sends).await;
    let sql = "SELECT count() FROM activity WHERE project = 'other'";
    door.eventually("it is in the table", || async { told(&all.store, sql).await.trim() == "1" }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_dialects_show_a_role_the_same_and_nothing_that_is_hidden() {
    let Some(all) = Installation::start("policies").await else { return };
    let (server, senders) = (&all.api[0], [&all.api[0], &all.api[1]]);
    let owner = owner_told_by(server, &senders).await;
    let organisation = owner.get("/v1/organisations").await["items"][0]["id"].as_str().unwrap().to_owned();
    foreign(&all, &owner, &organisation).await;
    let items: Vec<Value> = (0..ACTIVITIES).map(activity).chain(others()).collect();
    let sent = all.ingest[0].post(&json!(items)).await.json();
    assert_eq!((&sent["accepted"], &sent["quarantined"]), (&json!(ACTIVITIES + 2), &json!(1)), "{sent}");
    server.until("SELECT count(*) FROM activity", ACTIVITIES as i64 + 2).await;
    server.until("SELECT count(*) FROM quarantine", 1).await;
    server.until("SELECT count(*) FROM person_merges WHERE outcome = 'applied'", 2).await;

    let mut seers = Vec::new();
    for (name, is_filtered, is_masked) in
        [("Everything", false, false), ("Rows", true, false), ("Masks", false, true), ("Both", true, true)]
    {
        let rows = if is_filtered { filter() } else { json!("everything") };
        let masks = if is_masked { masks() } else { json!([]) };
        let token = seer(&owner, &senders, &organisation, (name, &rows, &masks)).await;
        seers.push(Seer { server, name, token, is_filtered, is_masked });
    }
    let listed = owner.get("/v1/tables").await;
    let tables: Vec<&str> =
        listed["tables"].as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert!(tables.len() >= 7 && tables.contains(&"activity") && tables.contains(&"persons"), "{tables:?}");

    for seer in &seers {
        for table in &tables {
            for dialect in DIALECTS {
                let answer = seer.ask(dialect, &format!("SELECT * FROM {table}")).await;
                let expected = if seer.sees(table, dialect) { 200 } else { 400 };
                assert_eq!(answer.status, expected, "{} in {dialect}: {table}: {}", seer.name, answer.text());
            }
            if seer.sees(table, "clickhouse") {
                compare(seer, table).await;
            }
        }
        let ids = "SELECT message_id FROM activity";
        let shown = seer.rows("standard", ids).await;
        assert_eq!(shown.len(), seer.count(), "{}", seer.name);
        for names in RENAMINGS {
            let names = names.replace("{db}", all.store.rsplit('/').next().unwrap());
            assert_eq!(seer.rows("clickhouse", &format!("WITH {names} {ids}")).await, shown, "{}: {names}", seer.name);
        }
        if seer.is_masked {
            let nothing = "SELECT count(*) FROM activity WHERE city IS NOT NULL OR ip IS NOT NULL";
            let no_json = "SELECT count(properties) + count(context) + count(groups) FROM activity";
            assert_eq!(seer.rows("standard", nothing).await, ["[0.0]"]);
            assert_eq!(seer.rows("clickhouse", nothing).await, ["[0.0]"]);
            assert_eq!(seer.rows("clickhouse", no_json).await, ["[0.0]"]);
        }
    }
    for dialect in DIALECTS {
        let text = seers[0].ask(dialect, "SELECT * FROM activity").await.text();
        assert!(text.contains(ROW) && text.contains(MASK), "whoever sees everything sees it: {text}");
    }
    for seer in &seers[1..] {
        for attempt in ATTEMPTS.iter().chain(ATTEMPTS_NATIVE) {
            let sql = attempt.replace("{db}", all.store.rsplit('/').next().unwrap());
            seer.ask("clickhouse", &sql).await;
            if !ATTEMPTS_NATIVE.contains(attempt) {
                seer.ask("standard", &sql).await;
            }
        }
    }
}
