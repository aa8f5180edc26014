//! Insights on the running program: answers equal SQL over the same activity, are of what was published a moment ago,
//! follow merges and their undoing, and are the same after a restart.

use hyper::Method;
use serde_json::{Value, json};

use crate::seed::Seed;
use crate::server::Server;
use crate::store;

const DAY: i64 = 86_400_000;
/// 2026-05-04T00:00:00Z, a Monday.
const START: i64 = 1_777_852_800_000;
const WEEK: i64 = 7 * DAY;

/// Asks with the read key for an answer of this moment.
async fn ask(server: &Server, kind: &str, question: &Value) -> Value {
    asked(server, &format!("{kind}?age_ms=0"), question).await
}

/// Asks with the read key.
async fn asked(server: &Server, path: &str, question: &Value) -> Value {
    let bearer = format!("Bearer {}", server.read_key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/v1/insights/{path}", server.url());
    let answer = server.http.send(Method::POST, &url, &headers, question.to_string()).await.expect("an answer");
    assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.text(), server.tracing());
    answer.json()["answer"].clone()
}

/// A list of an app's ids keeps naming the same people when they turn out to be others, in insights, SQL and on dashboards.
#[tokio::test]
async fn an_uploaded_list_follows_merges_and_is_known_everywhere() {
    let server = Server::start().await;
    let owner = crate::accounts::owner(&server).await;
    let items = json!([
        {"event": "view", "anonymousId": "phone-1"}, {"event": "view", "anonymousId": "phone-2"},
        {"event": "view", "distinctId": "ada"}, {"event": "view", "distinctId": "eve"},
    ]);
    assert_eq!(server.post(&items).await.json()["accepted"], 4);
    server.until("SELECT count(*) FROM activity", 4).await;
    let cohorts = "/v1/projects/default/cohorts";
    owner.post(cohorts, json!({"key": "vip", "name": "VIP", "definition": {"listed": []}})).await;
    let bearer = format!("Bearer {}", owner.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
    let url = format!("{}{cohorts}/vip/list?mode=replace&ids=distinct", server.url());
    let csv = "user_id,name\nphone-1,\"a, b\"\n\"phone-2\",c\r\nada\n";
    let done = server.http.send(Method::POST, &url, &headers, csv.to_owned()).await.expect("an answer");
    assert_eq!((done.status, done.json()["people"].clone()), (200, json!(3)), "{}", done.text());
    let vip = json!({"cohort": {"cohort": "vip"}});
    assert_eq!(ask(&server, "cohort", &vip).await["people"], 3);
    // Both phones turn out to be Ada's.
    let links = json!([{"type": "identify", "userId": "ada", "anonymousId": "phone-1"}, {"type": "identify", "userId": "ada", "anonymousId": "phone-2"}]);
    server.post(&links).await;
    server.until("SELECT count(*) FROM person_merges WHERE kind = 'identify'", 2).await;
    assert_eq!(ask(&server, "cohort", &vip).await["people"], 1);
    let sql =
        "SELECT count(*) FROM activity WHERE event = 'view' AND person_id IN (SELECT person_id FROM cohort('vip'))";
    assert_eq!(server.number(sql).await, 3);
    // In flags: the ids of its people, on the way to every client.
    let group = json!({"key": "vips", "definition": {"attribute": "id", "cohort": "vip"}});
    owner.post("/v1/projects/default/saved-groups", group).await;
    let rules = json!([{"id": "r", "condition": {"id": {"$inGroup": "vips"}}, "serve": {"force": {"value": true}}}]);
    let feature = json!({"value_type": "boolean", "default_value": false, "rules": rules});
    owner.post("/v1/projects/default/features", json!({"key": "lounge", "definition": feature})).await;
    let known = async || {
        let group = owner.get("/v1/projects/default/saved-groups/vips").await;
        group["state"]["values"].as_array().map_or(0, Vec::len)
    };
    server.eventually("Ada's three ids are in the group", async || known().await == 3).await;
    let url = format!("{}/api/features/{}", server.url(), server.key("client"));
    let given_out = async || server.http.send(Method::GET, &url, &[], "").await.expect("an answer").json();
    let vips = json!(["ada", "phone-1", "phone-2"]);
    if store::is_services() {
        // One process looks the people up; others give that out a moment later.
        let is_known = || async { given_out().await["savedGroups"]["vips"] == vips };
        server.eventually("the group is given out", is_known).await;
    }
    let told = given_out().await;
    assert_eq!(told["savedGroups"]["vips"], vips, "{told}");
    // A cohort that is not there is said, and nobody goes.
    let lost = json!({"key": "lost", "definition": {"attribute": "id", "cohort": "nobody"}});
    owner.post("/v1/projects/default/saved-groups", lost).await;
    server
        .eventually("the fault is told", async || {
            let group = owner.get("/v1/projects/default/saved-groups/lost").await;
            group["state"]["fault"].as_str().is_some_and(|fault| fault.contains("there is no cohort"))
        })
        .await;
    // On a dashboard as well, as an insight and in SQL.
    let select = json!({"activities": ["view"], "condition": {"cohort": {"cohort": "vip"}}});
    let insight =
        json!({"question": "trend", "bucket": "month", "series": [{"select": select, "measures": ["count"]}]});
    let tile =
        |id: &str, asked: Value| json!({"id": id, "title": id, "x": 0, "y": 0, "width": 6, "height": 4, "ask": asked});
    let mut below = tile("rows", json!({"sql": sql}));
    below["y"] = json!(4);
    let tiles = json!([tile("views", json!({"insight": insight})), below]);
    let dashboard = json!({"footfall": "dashboard/1", "title": "VIP", "tiles": tiles});
    owner.post("/v1/projects/default/dashboards", json!({"key": "vip", "dashboard": dashboard})).await;
    let answers = "/v1/projects/default/dashboards/vip/answers";
    let told = owner.post(answers, json!({"tile": "views"})).await;
    let counts = told["answer"]["lines"][0]["measures"][0].as_array().unwrap().iter();
    assert_eq!(counts.filter_map(Value::as_f64).sum::<f64>(), 3.0, "{told}");
    assert_eq!(owner.post(answers, json!({"tile": "rows"})).await["rows"], json!([[3]]));
}

fn scope() -> Value {
    json!({"from_ms": START, "until_ms": START + 4 * WEEK, "zone": "UTC"})
}

fn named(name: &str) -> Value {
    json!({ "activities": [name] })
}

fn trend() -> Value {
    json!({"scope": scope(), "bucket": "day", "breakdown": {"properties": ["plan"], "top": 2},
        "series": [{"select": named("view"), "measures": ["count", "people", {"sum": "price"}]}]})
}

fn funnel() -> Value {
    json!({"scope": scope(), "steps": [named("view"), named("save"), named("buy")], "window_ms": 2 * DAY})
}

fn retention() -> Value {
    json!({"scope": scope(), "bucket": "week", "kind": "first_time", "start": named("view"), "returning": {}})
}

/// RFC 3339 of a time in May 2026 (the span ends on its 31st).
fn text_of(time: i64) -> String {
    let since = time - START;
    let (day, rest) = (4 + since / DAY, since % DAY);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("2026-05-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

/// Activity of some people over four weeks, times often equal.
fn activity(seed: &mut Seed, count: usize) -> Vec<Value> {
    let one = |number: usize, seed: &mut Seed| {
        let name = ["view", "view", "save", "buy", "open"][seed.below(5) as usize];
        let plan = ["free", "pro", "team"][seed.below(3) as usize];
        let time = START + seed.below(27 * 24 * 4) as i64 * DAY / 96;
        json!({"type": "track", "event": name, "distinctId": format!("p{}", seed.below(40)), "messageId": format!("m{number}"),
            "timestamp": text_of(time), "properties": {"plan": plan, "price": seed.below(16) as f64 / 4.0}})
    };
    (0..count).map(|number| one(number, seed)).collect()
}

/// `(day, plan or "other", rows, people, sum)` with SQL, without empty places.
async fn trend_by_sql(server: &Server) -> Vec<Vec<Value>> {
    let views = "SELECT *, properties->>'plan' AS plan, CAST(timestamp AS BIGINT) / 86400000 AS day FROM activity WHERE event = 'view'";
    let sql = format!(
        "WITH v AS ({views}), top AS (SELECT plan FROM v GROUP BY plan ORDER BY count(*) DESC, plan LIMIT 2)
         SELECT day * 86400000, coalesce(top.plan, 'other') AS label, count(*),
                count(DISTINCT person_id), sum(CAST(properties->>'price' AS DOUBLE))
         FROM v LEFT JOIN top ON v.plan = top.plan GROUP BY day, label ORDER BY day, label"
    );
    server.sql(&sql).await
}

async fn trend_by_insights(server: &Server) -> Vec<Vec<Value>> {
    let answer = ask(server, "trend", &trend()).await;
    let mut rows = Vec::new();
    for line in answer["lines"].as_array().expect("lines") {
        let label = line["label"]["values"][0].as_str().unwrap_or("other");
        let measures = &line["measures"];
        for (place, start) in answer["buckets"].as_array().expect("buckets").iter().enumerate() {
            let whole = |measure: usize| json!(measures[measure][place].as_f64().expect("a number") as i64);
            if whole(0) != 0 {
                rows.push(vec![start.clone(), json!(label), whole(0), whole(1), measures[2][place].clone()]);
            }
        }
    }
    rows.sort_by_key(|row| (row[0].as_i64(), row[1].as_str().map(str::to_owned)));
    rows
}

/// People with at least one, two and three steps: from each `view`, the first later `save` in time, and so on, is enough for
/// the level, because an earlier row of a step leaves more time for the next.
async fn funnel_by_sql(server: &Server) -> Vec<i64> {
    let of = |name: &str| {
        format!("(SELECT person_id AS p, CAST(timestamp AS BIGINT) AS t FROM activity WHERE event = '{name}')")
    };
    let window = 2 * DAY;
    let (view, save, buy) = (of("view"), of("save"), of("buy"));
    let second = format!(
        "SELECT v.p AS p, v.t AS began, s.t AS t FROM {view} v JOIN {save} s ON v.p = s.p AND s.t >= v.t AND s.t - v.t <= {window}"
    );
    let third = format!(
        "SELECT x.p AS p FROM ({second}) x JOIN {buy} b ON x.p = b.p AND b.t >= x.t AND b.t - x.began <= {window}"
    );
    let mut levels = Vec::new();
    for sql in [view, format!("({second})"), format!("({third})")] {
        levels.push(server.number(&format!("SELECT count(DISTINCT p) FROM {sql}")).await);
    }
    levels
}

/// `(week of the first view, weeks after, people)`, without empty places.
async fn retention_by_sql(server: &Server) -> Vec<Vec<Value>> {
    let week = format!("(CAST(timestamp AS BIGINT) - {START}) / {WEEK}");
    let sql = format!(
        "WITH first AS (SELECT person_id, min({week}) AS w FROM activity WHERE event = 'view' GROUP BY person_id),
              active AS (SELECT DISTINCT person_id, {week} AS w FROM activity)
         SELECT first.w, active.w - first.w AS k, count(*) FROM first JOIN active ON first.person_id = active.person_id
         WHERE active.w >= first.w GROUP BY first.w, k ORDER BY first.w, k"
    );
    server.sql(&sql).await
}

async fn retention_by_insights(server: &Server) -> Vec<Vec<Value>> {
    let answer = ask(server, "retention", &retention()).await;
    let mut rows = Vec::new();
    for (week, cohort) in answer["cohorts"].as_array().expect("cohorts").iter().enumerate() {
        for (later, people) in cohort["returned"].as_array().expect("counts").iter().enumerate() {
            if *people != json!(0) {
                rows.push(vec![json!(week), json!(later), people.clone()]);
            }
        }
    }
    rows
}

async fn assert_equal_to_sql(server: &Server, when: &str) {
    assert_eq!(trend_by_insights(server).await, trend_by_sql(server).await, "trend {when}");
    let reached = ask(server, "funnel", &funnel()).await["groups"][0]["reached"].clone();
    assert_eq!(reached, json!(funnel_by_sql(server).await), "funnel {when}");
    assert_eq!(retention_by_insights(server).await, retention_by_sql(server).await, "retention {when}");
}

#[tokio::test]
async fn answers_equal_sql_whatever_has_become_files() {
    let mut seed = Seed::announced("insights");
    let mut server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_ROWS", "200")]).await;
    let items = activity(&mut seed, 900);
    for (number, batch) in items.chunks(150).enumerate() {
        // Resent ones count once.
        for _ in 0..2 {
            assert_eq!(server.post(&json!(batch)).await.json()["accepted"], batch.len());
        }
        server.until("SELECT count(*) FROM activity", (number as i64 + 1) * 150).await;
        assert_equal_to_sql(&server, &format!("after batch {number}")).await;
    }
    let before = ask(&server, "trend", &trend()).await;
    server.stop().await;
    server.restart().await;
    assert_equal_to_sql(&server, "after a restart").await;
    assert_eq!(ask(&server, "trend", &trend()).await, before);
    server.kill();
    server.restart().await;
    assert_eq!(server.until("SELECT count(*) FROM activity", 900).await, 900);
    assert_eq!(ask(&server, "trend", &trend()).await, before);
}

#[tokio::test]
async fn what_sql_sees_the_next_answer_has() {
    let server = Server::start().await;
    let question = json!({"scope": scope(), "bucket": "month", "series": [{"select": {}, "measures": ["count"]}]});
    for number in 1..=20 {
        let item = json!({"event": "view", "distinctId": "ada", "timestamp": text_of(START + number)});
        assert_eq!(server.post(&json!([item])).await.json()["accepted"], 1);
        server.until("SELECT count(*) FROM activity", number).await;
        let answer = ask(&server, "trend", &question).await;
        assert_eq!(answer["lines"][0]["measures"][0][0].as_f64(), Some(number as f64), "{answer}");
    }
}

/// Whoever says nothing of age is answered from what was there a second ago, or later.
#[tokio::test]
async fn what_was_there_a_second_ago_every_answer_has() {
    let server = Server::start().await;
    let question = json!({"scope": scope(), "bucket": "month", "series": [{"select": {}, "measures": ["count"]}]});
    for number in 1..=4 {
        // There is a view of before.
        asked(&server, "trend", &question).await;
        let item = json!({"event": "view", "distinctId": "ada", "timestamp": text_of(START + number)});
        assert_eq!(server.post(&json!([item])).await.json()["accepted"], 1);
        server.until("SELECT count(*) FROM activity", number).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
        let answer = asked(&server, "trend", &question).await;
        assert_eq!(answer["lines"][0]["measures"][0][0].as_f64(), Some(number as f64), "{answer}");
    }
}

#[tokio::test]
async fn a_merge_changes_the_answer_and_its_undoing_changes_it_back() {
    let server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_AGE", "100ms")]).await;
    let track = |who: &str, name: &str, at: i64| json!({"type": "track", "event": name, "anonymousId": who, "messageId": format!("{who}{name}"), "timestamp": text_of(START + at)});
    let items = json!([track("phone", "view", 0), track("laptop", "save", 60_000), track("laptop", "buy", 120_000)]);
    assert_eq!(server.post(&items).await.json()["accepted"], 3);
    server.until("SELECT count(*) FROM activity", 3).await;
    let reached = async || ask(&server, "funnel", &funnel()).await["groups"][0]["reached"].clone();
    assert_eq!(reached().await, json!([1, 0, 0]), "two people");
    let identify = |who: &str| json!({"type": "identify", "userId": "ada", "anonymousId": who, "messageId": format!("i{who}"), "timestamp": text_of(START + 180_000)});
    assert_eq!(server.post(&json!([identify("phone"), identify("laptop")])).await.json()["accepted"], 2);
    server.until("SELECT count(*) FROM activity", 5).await;
    assert_eq!(reached().await, json!([1, 1, 1]), "both are Ada's");
    let merge = "SELECT merge_id FROM person_merges WHERE from_distinct_id = 'laptop' AND outcome = 'applied'";
    let merge = server.sql(merge).await[0][0].as_str().expect("an id").to_owned();
    assert!(server.run(&["identity", "undo", &merge]).status.success());
    server.until("SELECT count(DISTINCT person_id) FROM activity", 2).await;
    assert_eq!(reached().await, json!([1, 0, 0]), "apart again");
}
