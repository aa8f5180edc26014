//! Saved cohorts: made, named in questions and by each other, changed, and only removed when nothing needs them.

use footfall_ingest_activity::Timestamp;
use serde_json::{Value, json};

use crate::asking::{DAY, START, at, house, lines, scope, trend};
use crate::gear::{House, OWNER, PROJECT};
use crate::lake;
use crate::stage::Stage;

fn all() -> String {
    format!("/v1/projects/{PROJECT}/cohorts")
}

fn one(key: &str) -> String {
    format!("{}/{key}", all())
}

fn draft(key: &str, definition: Value) -> Value {
    json!({"key": key, "name": format!("the {key}"), "definition": definition})
}

fn listed(whom: &[&str]) -> Value {
    let id = |who: &&str| footfall_ingest_activity::person_id_of(PROJECT, who).to_string();
    json!({"listed": whom.iter().map(id).collect::<Vec<_>>()})
}

async fn put(house: &House<'_>, who: &str, key: &str, tag: &str, definition: Value) -> crate::gear::Answer {
    let body = json!({"name": key, "definition": definition});
    house.ask(who, "PUT", &one(key), &[("if-match", tag)], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_cohort_is_counted_named_and_kept_from_loops() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let views = json!({"select": {"activities": ["view"]}, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2});
    let made = house.post(&owner, &all(), draft("keen", json!({"did": views}))).await.good();
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"r1\""));
    assert_eq!(made.header("location"), one("keen"));
    let shown = house.get(&owner, &one("keen")).await.good();
    assert_eq!((shown.json()["people"].clone(), shown.header("etag")), (json!(1), "\"r1\""));
    let again = house.ask(&owner, "GET", &one("keen"), &[("if-none-match", "\"r1\"")], Value::Null).await;
    assert_eq!((again.status.as_u16(), again.header("cache-control")), (200, "no-store"), "how many changes by itself");
    // Bob alone viewed twice; with Ada they are two.
    house.post(&owner, &all(), draft("both", json!({"any": [{"cohort": "keen"}, listed(&["ada"])]}))).await.good();
    let people = house.get(&owner, &format!("{}/people?list=5", one("both"))).await.good().json();
    assert_eq!((people["people"].clone(), people["listed"].as_array().map(Vec::len)), (json!(2), Some(2)));
    let mut question = trend();
    question["scope"]["people"] = json!({"not": {"cohort": "both"}});
    let answer = house.post(&owner, &at("trend"), question).await.good().json();
    assert_eq!(
        answer["answer"]["lines"][0]["measures"][1].as_array().unwrap()[..3],
        [json!(0.0), json!(0.0), json!(1.0)]
    );
    let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": "both"}})).await.good().json();
    assert_eq!(answer["answer"]["people"], json!(2));
    // What it is defined by stays, and does not come to be defined by it.
    assert_eq!(
        house.ask(&owner, "DELETE", &one("keen"), &[("if-match", "*")], Value::Null).await.code(),
        "cohort_in_use"
    );
    let looped = put(&house, &owner, "keen", "*", json!({"not": {"cohort": "both"}})).await;
    assert_eq!(looped.code(), "cohort_invalid");
    assert!(looped.text.contains("keen → both → keen"), "{}", looped.text);
    assert_eq!(put(&house, &owner, "keen", "*", json!({"cohort": "nobody"})).await.code(), "cohort_invalid");
    assert_eq!(put(&house, &owner, "keen", "\"r7\"", listed(&["eve"])).await.code(), "revision_stale");
    let changed = put(&house, &owner, "keen", "\"r1\"", listed(&["ada", "bob", "eve"])).await.good();
    assert_eq!(changed.header("etag"), "\"r2\"");
    let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": "both"}})).await.good().json();
    assert_eq!(answer["answer"]["people"], json!(3));
    let listed_keys: Vec<Value> = house.get(&owner, &all()).await.good().json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["key"].clone())
        .collect();
    assert_eq!(listed_keys, [json!("both"), json!("keen")]);
    for key in ["both", "keen"] {
        house.ask(&owner, "DELETE", &one(key), &[("if-match", "*")], Value::Null).await.good();
    }
    assert_eq!(house.get(&owner, &one("keen")).await.code(), "cohort_unknown");
    let unknown = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": "keen"}})).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (422, "cohort_invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_a_cohort_is_who_meets_it_now() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let views = json!({"select": {"activities": ["view"]}, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2});
    house.post(&owner, &all(), draft("keen", json!({"did": views}))).await.good();
    house.post(&owner, &all(), draft("others", json!({"not": {"cohort": "keen"}}))).await.good();
    let count = async |key: &str| {
        let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": key}})).await.good().json();
        answer["answer"]["people"].as_u64().unwrap()
    };
    let views_by_day = async || {
        let mut question = trend();
        question["scope"]["people"] = json!({"cohort": "keen"});
        let answer = house.post(&owner, &at("trend"), question).await.good().json();
        json!(answer["answer"]["lines"][0]["measures"][0].as_array().unwrap()[..3])
    };
    assert_eq!((count("keen").await, count("others").await), (1, 2), "Bob; Ada and Eve");
    assert_eq!(views_by_day().await, json!([1.0, 0.0, 1.0]));
    // Eve has viewed before as well, as is told late, and somebody is new.
    let told = |who: &str, what| (who.to_owned(), what, START + DAY + DAY / 2, "{}".to_owned());
    lake::publish(&lake, PROJECT, &[told("eve", "view"), told("liz", "buy")], 5).await;
    assert_eq!((count("keen").await, count("others").await), (2, 2), "Bob and Eve; Ada and Liz");
    assert_eq!(views_by_day().await, json!([1.0, 1.0, 2.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_moves_with_the_day_on_which_it_is_asked() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let lately = |last: u32, before: u32, at_least: u64, at_most: Value| {
        let mut did = json!({"select": {"activities": ["view"]}, "at_least": at_least});
        if at_most != Value::Null {
            did["at_most"] = at_most;
        }
        json!({"lately": {"last": last, "unit": "day", "zone": "Europe/Berlin", "before": before, "of": {"did": did}}})
    };
    house.post(&owner, &all(), draft("viewers", lately(2, 0, 1, Value::Null))).await.good();
    house.post(&owner, &all(), draft("gone", lately(2, 0, 0, json!(0)))).await.good();
    house
        .post(&owner, &all(), draft("back", json!({"all": [{"cohort": "viewers"}, lately(1, 2, 1, Value::Null)]})))
        .await
        .good();
    let asked = async |day: i64| {
        stage.clock.set(Timestamp::from_millis(START + day * DAY + DAY / 3));
        // A session does not last that long.
        let owner = house.sign_in(OWNER).await;
        let mut counts = Vec::new();
        for key in ["viewers", "gone", "back"] {
            let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": key}})).await.good().json();
            counts.push(answer["answer"]["people"].as_u64().unwrap());
            let shown = house.get(&owner, &one(key)).await.good().json();
            assert_eq!(shown["people"].as_u64(), counts.last().copied(), "{key}");
        }
        counts
    };
    // Ada and Bob viewed on the first day, Bob and Eve on the third.
    assert_eq!(asked(0).await, [2, 1, 0]);
    assert_eq!(asked(1).await, [2, 1, 0]);
    assert_eq!(asked(2).await, [2, 1, 1], "Bob was there two days before");
    assert_eq!(asked(3).await, [2, 1, 0]);
    assert_eq!(asked(4).await, [0, 3, 0]);
    let owner = house.sign_in(OWNER).await;
    // Its definition stays as it was written, and what has no span is refused.
    let shown = house.get(&owner, &one("viewers")).await.good().json();
    assert_eq!(shown["definition"]["lately"]["last"], json!(2));
    let mut nowhere = lately(1, 0, 1, Value::Null);
    nowhere["lately"]["zone"] = json!("Atlantis");
    let refused = put(&house, &owner, "viewers", "*", nowhere).await;
    assert_eq!(refused.code(), "cohort_invalid", "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_uploaded_added_to_and_taken_from() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    house.post(&owner, &all(), draft("vip", listed(&["ada"]))).await.good();
    house.post(&owner, &all(), draft("rest", json!({"not": {"cohort": "vip"}}))).await.good();
    let upload = async |query: &str, ids: Value| house.post(&owner, &format!("{}/list?{query}", one("vip")), ids).await;
    let told = async |query: &str, ids: Value| {
        let done = upload(query, ids).await.good().json();
        ["people", "added", "removed", "revision"].map(|name| done[name].as_i64().unwrap())
    };
    let count = async |key: &str| {
        let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": key}})).await.good().json();
        answer["answer"]["people"].as_u64().unwrap()
    };
    let person = footfall_ingest_activity::person_id_of(PROJECT, "ada").to_string();
    // What was listed is where the list begins; who never did anything is in the list and in no answer.
    assert_eq!(told("mode=add&ids=distinct", json!(["bob", "bob", "nobody"])).await, [3, 2, 0, 2]);
    assert_eq!((count("vip").await, count("rest").await), (2, 1));
    assert_eq!(told("mode=add&ids=distinct", json!(["bob"])).await, [3, 0, 0, 2], "the same again is no change");
    assert_eq!(told("mode=remove", json!([person])).await, [2, 0, 1, 3]);
    assert_eq!((count("vip").await, count("rest").await), (1, 2));
    assert_eq!(told("mode=replace&ids=distinct", json!(["ada", "bob", "eve"])).await, [3, 2, 1, 4]);
    assert_eq!((count("vip").await, count("rest").await), (3, 0));
    let mut question = trend();
    question["scope"]["people"] = json!({"cohort": "vip"});
    house.post(&owner, &at("trend"), question).await.good();
    // A name or description is changed without the list being sent.
    let saved = house.get(&owner, &one("vip")).await.good().json();
    let name = saved["definition"]["uploaded"].as_str().unwrap();
    assert!(name.starts_with("vip@4."), "{name}");
    put(&house, &owner, "vip", "\"r4\"", saved["definition"].clone()).await.good();
    assert_eq!(count("vip").await, 3);
    assert_eq!(told("mode=remove&ids=distinct", json!(["eve"])).await, [2, 0, 1, 6]);

    let refused = upload("mode=add", json!(["ada"])).await;
    assert_eq!(
        (refused.code().as_str(), refused.text.contains("ids=distinct")),
        ("body_invalid", true),
        "{}",
        refused.text
    );
    assert_eq!(upload("mode=add&ids=distinct", json!({"ids": []})).await.code(), "body_syntax");
    assert_eq!(upload("mode=grow", json!([])).await.code(), "query_invalid");
    let to_rest = house.post(&owner, &format!("{}/list?mode=add", one("rest")), json!([])).await;
    assert_eq!(to_rest.code(), "cohort_no_list");
    let direct = house.post(&owner, &at("cohort"), json!({"cohort": {"uploaded": "vip@6"}})).await;
    assert_eq!(direct.code(), "cohort_invalid", "a list is named by its cohort");
    let copied = house.post(&owner, &all(), draft("copy", json!({"uploaded": "vip@6"}))).await;
    assert_eq!(copied.code(), "cohort_invalid");
    let viewer = house.member(&owner, &organisation, "v@example.org", "viewer", Some(PROJECT)).await;
    let path = format!("{}/list?mode=add", one("vip"));
    assert_eq!(house.post(&viewer, &path, json!([])).await.code(), "permission_missing");
    // Given another definition, it has no list any more.
    put(&house, &owner, "vip", "*", listed(&["ada"])).await.good();
    assert_eq!(count("vip").await, 1);
    assert_eq!(told("mode=add&ids=distinct", json!(["bob"])).await, [2, 1, 0, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_under_a_key_that_was_free_again_is_its_own() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let make = async |people: Value| {
        house.post(&owner, &all(), draft("vip", listed(&[]))).await.good();
        let path = format!("{}/list?mode=replace&ids=distinct", one("vip"));
        let done = house.post(&owner, &path, people).await.good().json();
        assert_eq!(done["revision"], 2);
    };
    let count = async || {
        let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": "vip"}})).await.good().json();
        answer["answer"]["people"].as_u64().unwrap()
    };
    make(json!(["ada"])).await;
    assert_eq!(count().await, 1);
    house.ask(&owner, "DELETE", &one("vip"), &[("if-match", "*")], Value::Null).await.good();
    make(json!(["ada", "bob", "eve"])).await;
    assert_eq!(count().await, 3, "of the list of the same key and revision before it nothing is kept");
    // A list of nobody is one under another name of its cohort, too.
    house.ask(&owner, "DELETE", &one("vip"), &[("if-match", "*")], Value::Null).await.good();
    make(json!([])).await;
    let saved = house.get(&owner, &one("vip")).await.good().json();
    put(&house, &owner, "vip", "*", saved["definition"].clone()).await.good();
    assert_eq!(count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_room_for_a_million() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake) = house(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    house.post(&owner, &all(), draft("all", listed(&[]))).await.good();
    let path = format!("{}/list?mode=add&ids=distinct", one("all"));
    let many: Vec<String> = (0..999_999).map(|n| format!("user-{n}")).chain(["ada".to_owned()]).collect();
    let done = house.post(&owner, &path, json!(many)).await.good().json();
    assert_eq!(done["people"], 1_000_000);
    let answer = house.post(&owner, &at("cohort"), json!({"cohort": {"cohort": "all"}})).await.good().json();
    assert_eq!(answer["answer"]["people"], 1);
    assert_eq!(house.post(&owner, &path, json!(["one more"])).await.code(), "cohort_people_too_many");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_once_and_viewers_change_nothing() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, _lake) = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    house.post(&owner, &all(), draft("a", listed(&[]))).await.good();
    assert_eq!(house.post(&owner, &all(), draft("a", listed(&[]))).await.code(), "cohort_key_taken");
    assert_eq!(house.post(&owner, &all(), draft("a b", listed(&[]))).await.code(), "body_invalid");
    let viewer = house.member(&owner, &organisation, "v@example.org", "viewer", Some(PROJECT)).await;
    house.get(&viewer, &one("a")).await.good();
    assert_eq!(house.post(&viewer, &all(), draft("b", listed(&[]))).await.code(), "permission_missing");
    let audit = house.get(&owner, &format!("/v1/organisations/{organisation}/audit")).await.good();
    assert!(audit.text.contains("cohort.create"), "{}", audit.text);
    // Too large when what it names is counted in.
    let nested = (0..20).fold(json!({"cohort": "a"}), |inner, _| json!({"not": inner}));
    let refused = house.post(&owner, &all(), draft("deep", nested)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "cohort_invalid"), "{}", refused.text);
    let _ = scope();
}
