//! The product overview on the running program: its tiles say what statements over the same rows say, also of late, resent and
//! merged activity and of one country; and from a number one comes to the activities that it counts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::accounts::{self, Person};
use crate::seed::Seed;
use crate::server::Server;

const DAY: i64 = 86_400_000;
const SENT: usize = 600;
const ANSWERS: &str = "/v1/projects/default/dashboards/product-overview/answers";

fn text_of(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).expect("a time").to_string()
}

/// Of people whose first days are spread over twice the time of the dashboard; a few activities are frequent, many are not.
fn activity(seed: &mut Seed, now: i64) -> Vec<Value> {
    let one = |number: usize, seed: &mut Seed| {
        let name = if seed.below(3) == 0 { seed.below(30) } else { seed.below(4) };
        let person = seed.below(90);
        let age = seed.below(1 + (person * 13) % 55) as i64 * DAY + seed.below(DAY as u64) as i64;
        let country = [Some("DE"), Some("FR"), None][seed.below(3) as usize];
        json!({"type": "track", "event": format!("e{name:02}"), "anonymousId": format!("p{person}"), "messageId": format!("m{number}"),
            "timestamp": text_of(now - age), "properties": {"$geoip_country_code": country, "number": number}})
    };
    (0..SENT).map(|number| one(number, seed)).collect()
}

async fn tile(owner: &Person<'_>, tile: &str, country: Option<&str>) -> Value {
    let variables = country.map_or(json!({}), |country| json!({"country": country}));
    owner.post(ANSWERS, json!({"tile": tile, "variables": variables})).await
}

/// The span of the question that was asked.
fn span_of(told: &Value) -> String {
    let at = |name: &str| text_of(told["question"]["scope"][name].as_i64().expect("a time"));
    format!("timestamp >= '{}' AND timestamp < '{}'", at("from_ms"), at("until_ms"))
}

fn lines(told: &Value) -> Vec<Vec<Value>> {
    let whole = |value: &Value| json!(value.as_f64().expect("a number") as i64);
    let line = |line: &Value| {
        let name = line["label"]["values"][0].clone();
        let of = line["measures"].as_array().expect("measures").iter().map(|values| whole(&values[0]));
        [name].into_iter().chain(of).collect()
    };
    told["answer"]["lines"].as_array().expect("lines").iter().map(line).collect()
}

async fn assert_equal_to_sql(server: &Server, owner: &Person<'_>, country: Option<&str>, when: &str) {
    let told = tile(owner, "top-activities", country).await;
    let of_country = country.map_or("true".to_owned(), |country| format!("country = '{country}'"));
    let rows = format!("FROM activity WHERE {} AND {of_country}", span_of(&told));
    let sql = format!(
        "WITH own AS (SELECT event, person_id {rows}),
              top AS (SELECT event AS label, count(*) AS n FROM own GROUP BY event ORDER BY n DESC, event LIMIT 20)
         SELECT label, count(*), count(DISTINCT person_id) FROM own LEFT JOIN top ON event = label
         GROUP BY label ORDER BY label NULLS LAST"
    );
    assert_eq!(lines(&told), server.sql(&sql).await, "what they do {when}");

    let told = tile(owner, "new-people", country).await;
    let span = span_of(&told).replace("timestamp", "first_seen");
    let sql = format!(
        "SELECT count(*) FROM persons WHERE {span} AND person_id IN (SELECT person_id FROM activity WHERE {of_country})"
    );
    let new = told["answer"]["lines"][0]["measures"][0][0].as_f64().expect("a number") as i64;
    assert_eq!(new, server.number(&sql).await, "new people {when}");
    assert!(new > 0, "new people {when}: {told}");
}

async fn assert_all(server: &Server, owner: &Person<'_>, when: &str) {
    // Tiles may be answered from what is a second old, SQL is not: this has the newest looked at.
    let now = jiff::Timestamp::now().as_millisecond();
    let newest = json!({"scope": {"from_ms": now - DAY, "until_ms": now, "zone": "UTC"}, "bucket": "day",
        "series": [{"select": {}, "measures": ["count"]}]});
    owner.post("/v1/projects/default/insights/trend?age_ms=0", newest).await;
    for country in [None, Some("DE")] {
        assert_equal_to_sql(server, owner, country, &format!("{when}, {country:?}")).await;
    }
}

/// Every page of what is behind a cell.
async fn behind(owner: &Person<'_>, question: &Value, cell: &Value) -> (i64, Vec<Value>) {
    let mut all: Vec<Value> = Vec::new();
    let mut after = Value::Null;
    loop {
        let body = json!({"question": question, "cell": cell, "limit": 7, "after": after});
        let told = owner.post("/v1/projects/default/insights/trend/activities?age_ms=0", body).await["answer"].clone();
        all.extend(told["listed"].as_array().expect("a list").iter().cloned());
        after = told["next"].clone();
        if after.is_null() {
            return (told["activities"].as_i64().expect("a number"), all);
        }
    }
}

#[tokio::test]
async fn tiles_say_what_sql_says_and_lead_to_what_they_count() {
    let mut seed = Seed::announced("overview");
    let server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_ROWS", "150")]).await;
    let owner = accounts::owner(&server).await;
    let now = jiff::Timestamp::now().as_millisecond();
    for (place, batch) in activity(&mut seed, now).chunks(200).enumerate() {
        // Resent ones count once.
        for _ in 0..2 {
            assert_eq!(server.post(&json!(batch)).await.json()["accepted"], batch.len());
        }
        server.until("SELECT count(*) FROM activity", (place as i64 + 1) * 200).await;
    }
    assert_all(&server, &owner, "as they came").await;
    // A third of the people turn out to be somebody else who is known.
    let is = |person: u64| json!({"type": "identify", "userId": format!("u{}", person % 7), "anonymousId": format!("p{person}"), "messageId": format!("i{person}"), "timestamp": text_of(now - DAY)});
    let links: Vec<Value> = (0..90).filter(|person| person % 3 == 0).map(is).collect();
    server.post(&json!(links)).await;
    server.until("SELECT count(*) FROM activity", (SENT + links.len()) as i64).await;
    server.until("SELECT count(*) FROM person_merges WHERE kind = 'identify'", links.len() as i64).await;
    assert_all(&server, &owner, "after merges").await;
    // What happened long ago arrives: some who were new are not any more.
    let late = |person: u64| json!({"type": "track", "event": "e00", "anonymousId": format!("p{person}"), "messageId": format!("l{person}"), "timestamp": text_of(now - 80 * DAY)});
    let late: Vec<Value> = (0..90).filter(|person| person % 4 == 1).map(late).collect();
    server.post(&json!(late)).await;
    server.until("SELECT count(*) FROM activity", (SENT + links.len() + late.len()) as i64).await;
    assert_all(&server, &owner, "after late ones").await;

    for country in [None, Some("FR")] {
        let told = tile(&owner, "top-activities", country).await;
        let rows = lines(&told);
        let (question, line) = (question_of(&told), &rows[0]);
        let cell = json!({"label": {"values": [line[0]]}, "measure": 0});
        let (count, listed) = behind(&owner, &question, &cell).await;
        assert_eq!((json!(count), listed.len() as i64), (line[1].clone(), count), "{country:?}");
        let of_country = country.map_or("true".to_owned(), |country| format!("country = '{country}'"));
        let name = line[0].as_str().expect("a name");
        let sql = format!(
            "SELECT message_id, properties->>'number' FROM activity WHERE {} AND {of_country} AND event = '{name}' ORDER BY 1",
            span_of(&told)
        );
        // Who is told apart by signing in has no number.
        let text = |number: &Value| if number.is_null() { Value::Null } else { json!(number.to_string()) };
        let mut got: Vec<Vec<Value>> =
            listed.iter().map(|one| vec![one["message_id"].clone(), text(&one["properties"]["number"])]).collect();
        got.sort_by_key(|row| row[0].as_str().map(str::to_owned));
        assert_eq!(got, server.sql(&sql).await, "{country:?}");
        let times: Vec<&str> = listed.iter().filter_map(|one| one["timestamp"].as_str()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "the newest first");
        let people: BTreeSet<&str> = listed.iter().filter_map(|one| one["person_id"].as_str()).collect();
        assert_eq!(json!(people.len()), line[2], "the people of the row");
    }
    // Of new people: who they are, and what they did.
    let told = tile(&owner, "new-people", Some("DE")).await;
    let question = question_of(&told);
    let body = json!({"question": question, "cell": {"measure": 0}, "limit": 1000});
    let new = owner.post("/v1/projects/default/insights/trend/people?age_ms=0", body).await["answer"].clone();
    assert_eq!(new["people"].as_f64(), told["answer"]["lines"][0]["measures"][0][0].as_f64());
    let (_, listed) = behind(&owner, &question, &json!({"measure": 0})).await;
    let people: BTreeSet<&str> = listed.iter().filter_map(|one| one["person_id"].as_str()).collect();
    let ids: BTreeSet<&str> = new["listed"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    assert_eq!(people, ids);
}

/// The question as the route takes it: the path says its kind.
fn question_of(told: &Value) -> Value {
    let mut question = told["question"].clone();
    question.as_object_mut().expect("a question").remove("question");
    question
}
