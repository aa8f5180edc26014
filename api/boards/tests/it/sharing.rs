//! What the public sees, and for how long.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_app::DatabaseBuckets;
use footfall_api_http::limit::{Bucket, Buckets, BucketsError, Level, Quota};
use footfall_ingest_activity::Timestamp;
use serde_json::{Value, json};

use crate::gear::{Answer, House, SALES, house};
use crate::stage::Stage;

const DAY: i64 = 86_400_000;

async fn open(house: &House, body: Value) -> Answer {
    house.raw("POST", "/v1/shared/dashboards", &[], body).await
}

async fn tile(house: &House, token: &str, tile: &str, variables: Value) -> Answer {
    let body = json!({"token": token, "tile": tile, "variables": variables});
    house.raw("POST", "/v1/shared/answers", &[], body).await
}

/// Counters that nobody reaches.
struct Away;

#[async_trait]
impl Buckets for Away {
    async fn take(&self, _: Bucket, _: Quota, _: u32, _: Timestamp) -> Result<Level, BucketsError> {
        Err(BucketsError("away".into()))
    }

    async fn give_back(&self, _: Bucket, _: Quota, _: u32, _: Timestamp) -> Result<(), BucketsError> {
        Err(BucketsError("away".into()))
    }
}

/// A link's id and secret.
async fn link(house: &House, more: Value) -> (String, String) {
    let mut body = json!({"kind": "link", "name": "For the wall"});
    footfall_api_http::merge(&mut body, more);
    let made = house.post("dashboards/sales/shares", body).await.good().json();
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with("https://footfall.example/shared#"), "{url}");
    (made["id"].as_str().unwrap().to_owned(), url.rsplit('#').next().unwrap().to_owned())
}

mod scenes {
    use super::*;

    pub async fn a_link_shows_one_dashboard_and_no_question(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        let (id, secret) = link(&house, json!({"expires_in_days": 7})).await;
        let seen = open(&house, json!({"secret": secret})).await.good();
        for hidden in ["SELECT", "secret", "condition", "least"] {
            assert!(!seen.json()["dashboard"].to_string().contains(hidden), "{hidden}: {}", seen.text);
        }
        assert_eq!(seen.json()["dashboard"]["variables"][0]["name"], "plan");
        let token = seen.json()["token"].as_str().unwrap().to_owned();
        let answer = tile(&house, &token, "buyers", json!({"plan": "pro"})).await.good();
        assert!(!answer.text.contains("secret") && !answer.text.contains("condition"), "{}", answer.text);
        assert_eq!(
            house.asked()["series"][0]["select"]["condition"]["all"][1]["property"]["test"],
            json!({"is": ["pro"]})
        );
        // Only variables with options, and only these options.
        assert_eq!(tile(&house, &token, "rows", json!({"least": 1})).await.refusal().2, ["/variables/least"]);
        assert_eq!(tile(&house, &token, "rows", json!({"plan": "x"})).await.refusal().2, ["/variables/plan"]);
        assert_eq!(tile(&house, &token, "none", json!({})).await.refusal().1, "share_refused");
        for body in [
            json!({"token": token, "tile": "rows", "sql": "SELECT 1"}),
            json!({"token": token, "tile": "rows", "days": 900}),
        ] {
            assert_eq!(house.raw("POST", "/v1/shared/answers", &[], body).await.status, 400);
        }
        // It is no credential for anything else.
        let bearer = format!("Bearer {token}");
        let other = house.raw("GET", "/v1/projects/shop/dashboards", &[("authorization", &bearer)], Value::Null).await;
        assert_eq!(other.status, 401);
        assert_eq!(tile(&house, &format!("{token}A"), "rows", json!({})).await.refusal().1, "share_refused");
        assert_eq!(open(&house, json!({"secret": "wrong"})).await.refusal().1, "share_refused");
        // An hour, then the link again; and after its days nothing.
        stage.pass(61 * 60_000);
        assert_eq!(tile(&house, &token, "rows", json!({})).await.refusal().1, "share_refused");
        let token = open(&house, json!({"secret": secret})).await.good().json()["token"].as_str().unwrap().to_owned();
        house.ask("DELETE", &format!("dashboards/sales/shares/{id}"), &[], Value::Null).await.good();
        assert_eq!(
            tile(&house, &token, "rows", json!({})).await.refusal().1,
            "share_refused",
            "revoked is revoked at once"
        );
        let (_, second) = link(&house, json!({"expires_in_days": 7})).await;
        open(&house, json!({"secret": second})).await.good();
        stage.pass(8 * DAY);
        assert_eq!(open(&house, json!({"secret": second})).await.refusal().1, "share_refused");
        // Another dashboard under the key is not what was shared.
        let (_, third) = link(&house, json!({})).await;
        house.delete("dashboards/sales").await.good();
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        assert_eq!(open(&house, json!({"secret": third})).await.refusal().1, "share_refused");
    }

    /// Whatever kind a question is of, nobody outside learns what it looks for, or who somebody is.
    pub async fn no_question_tells_viewers_its_conditions(stage: &Stage) {
        let house = house(stage).await;
        let is = |property: &str| json!({"property": property, "test": {"is": ["ada@hidden.example"]}});
        let who = json!({"all": [{"person": is("email")}]});
        let select =
            json!({"activities": ["buy"], "condition": {"any": [{"property": is("plan")}, {"sql": "x = 'hidden'"}]}});
        let series = json!([{"select": select, "measures": ["people", {"sum": "price"}]}]);
        let segments = json!([{"name": "Pro", "cohort": who}, {"name": "Others", "cohort": {"not": who}}]);
        let of_company = json!({"property": {"group": {"group": "company", "property": "title"}}, "step": 1,
            "attribution": "first_touch"});
        let questions = [
            json!({"question": "compare", "segments": segments, "of": {"converts": {"steps": [select, select], "window_ms": 60_000}}}),
            json!({"question": "trend", "bucket": "day", "series": series, "cohorts": [{"name": "Pro", "cohort": who}]}),
            json!({"question": "retention", "bucket": "day", "kind": "recurring", "start": select, "returning": select}),
            json!({"question": "time_between", "from": select, "to": select, "window_ms": 60_000, "ranks": [0.5]}),
            json!({"question": "funnel", "steps": [select, select], "window_ms": 60_000,
                "exclusions": [{"select": select, "after": 1, "before": 2}]}),
            json!({"question": "distribution", "select": select, "of": {"property": "price"}, "edges": [1.0], "ranks": [0.5]}),
            json!({"question": "ranking", "select": select, "by": "activity", "top": 5}),
            json!({"question": "funnel", "steps": [select, select], "window_ms": 60_000, "breakdown": of_company}),
            json!({"question": "sessions", "bucket": "day", "measure": "bounce_rate"}),
        ];
        let tiles: Vec<Value> = questions
            .iter()
            .enumerate()
            .map(|(at, insight)| {
                json!({"id": format!("t{at}"), "x": 0, "y": at, "width": 6, "height": 1, "ask": {"insight": insight}})
            })
            .chain(["person", "activity_and_person"].iter().enumerate().map(|(at, by)| {
                json!({"id": *by, "x": 6, "y": at, "width": 6, "height": 1,
                    "ask": {"insight": {"question": "ranking", "select": {}, "by": by, "top": 5}}})
            }))
            .collect();
        let board = json!({"footfall": "dashboard/1", "title": "Sales", "days": 7, "zone": "UTC", "tiles": tiles});
        house.post("dashboards", json!({"key": "sales", "dashboard": board})).await.good();
        let (_, secret) = link(&house, json!({})).await;
        let token = open(&house, json!({"secret": secret})).await.good().json()["token"].as_str().unwrap().to_owned();
        for (at, question) in questions.iter().enumerate() {
            let answer = tile(&house, &token, &format!("t{at}"), json!({})).await.good();
            for hidden in ["hidden", "email", "plan", "condition", "person"] {
                assert!(!answer.text.contains(hidden), "{hidden} of {}: {}", question["question"], answer.text);
            }
            let shown = &answer.json()["question"];
            assert_eq!(shown["question"], question["question"], "what it is drawn by stays");
        }
        let drawn = tile(&house, &token, "t1", json!({})).await.good().json()["question"].clone();
        assert_eq!(drawn["series"][0]["select"], json!({"activities": ["buy"]}));
        assert_eq!(drawn["series"][0]["measures"], json!(["people", {"sum": "price"}]));
        assert_eq!(drawn["cohorts"], json!([{"name": "Pro"}]));
        // What the parts are by, and what is drawn of sessions.
        let drawn = async |at: &str| tile(&house, &token, at, json!({})).await.good().json()["question"].clone();
        assert_eq!(drawn("t7").await["breakdown"], of_company);
        assert_eq!(drawn("t8").await["measure"], "bounce_rate");
        for by in ["person", "activity_and_person"] {
            assert_eq!(tile(&house, &token, by, json!({})).await.refusal().1, "question_refused", "{by}");
        }
    }

    /// A link for each day does not use up the room for links.
    pub async fn links_that_are_over_leave_room(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        for _ in 0..200 {
            link(&house, json!({"expires_in_days": 1})).await;
        }
        let one_more = json!({"kind": "link", "name": "For the wall"});
        let refused = house.post("dashboards/sales/shares", one_more.clone()).await;
        assert_eq!(refused.refusal().1, "too_many_items");
        stage.pass(2 * DAY);
        house.post("dashboards/sales/shares", one_more).await.good();
    }

    pub async fn passwords_are_asked_and_counted(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        let (_, secret) = link(&house, json!({"password": "open sesame"})).await;
        assert_eq!(open(&house, json!({"secret": secret})).await.refusal().1, "share_password_needed");
        open(&house, json!({"secret": secret, "password": "open sesame"})).await.good();
        let mut refused = Vec::new();
        for _ in 0..40 {
            refused.push(open(&house, json!({"secret": secret, "password": "open says me"})).await.status.as_u16());
        }
        assert!(refused[..29].iter().all(|status| *status == 404), "{refused:?}");
        assert!(refused[30..].iter().all(|status| *status == 429), "{refused:?}");
        assert_eq!(open(&house, json!({"secret": secret, "password": "open sesame"})).await.status, 429);
        stage.pass(11 * 60_000);
        open(&house, json!({"secret": secret, "password": "open sesame"})).await.good();
        let listed = house.get("dashboards/sales/shares").await.json();
        assert_eq!(
            (listed["items"][0]["has_password"].clone(), listed["items"][0].get("secret_hash")),
            (json!(true), None)
        );
        for (body, pointer) in [
            (json!({"kind": "link", "name": "x", "origins": ["https://a.example"]}), "/origins"),
            (json!({"kind": "embed", "name": "x"}), "/origins"),
            (json!({"kind": "embed", "name": "x", "origins": ["https://a.example; script-src *"]}), "/origins/0"),
        ] {
            assert_eq!(house.post("dashboards/sales/shares", body).await.refusal().2, [pointer]);
        }
    }

    pub async fn passwords_count_together_in_all_processes(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        let (_, secret) = link(&house, json!({"password": "open sesame"})).await;
        let shared = || Arc::new(DatabaseBuckets::new(house.access.database().clone()));
        let (here, there) = (house.beside(stage, shared()).await, house.beside(stage, shared()).await);
        let wrong = json!({"secret": secret, "password": "open says me"});
        let mut refused = Vec::new();
        for round in 0..34 {
            let process = if round % 2 == 0 { &here } else { &there };
            refused.push(open(process, wrong.clone()).await.status.as_u16());
        }
        assert!(refused[..30].iter().all(|status| *status == 404), "{refused:?}");
        assert_eq!(refused[30..], [429; 4], "{refused:?}");
        // Nobody guesses while nobody counts.
        let right = json!({"secret": secret, "password": "open sesame"});
        let uncounted = house.beside(stage, Arc::new(Away)).await;
        assert_eq!(open(&uncounted, right.clone()).await.refusal().1, "boards_busy");
        open(&house, right).await.good();
    }

    pub async fn embeddings_have_tokens_that_settle_variables(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        let body = json!({"kind": "embed", "name": "Intranet", "origins": ["https://intranet.example"]});
        let made = house.post("dashboards/sales/shares", body).await.good().json();
        let id = made["id"].as_str().unwrap();
        assert_eq!(made["url"], format!("https://footfall.example/embedded/{id}"));
        assert_eq!(house.boards.frame_ancestors(id).await.unwrap().as_deref(), Some("https://intranet.example"));
        assert_eq!(house.boards.frame_ancestors("nothing").await.unwrap(), None);
        let tokens = format!("dashboards/sales/shares/{id}/tokens");
        let made =
            house.post(&tokens, json!({"minutes": 30, "variables": {"plan": "pro", "least": 8}})).await.good().json();
        let token = made["token"].as_str().unwrap();
        let seen = open(&house, json!({"token": token})).await.good().json();
        assert_eq!(seen["dashboard"]["variables"], json!([]), "what is settled is not to be chosen");
        tile(&house, token, "rows", json!({})).await.good();
        assert_eq!(
            (house.asked()["params"]["plan"].clone(), house.asked()["params"]["least"].clone()),
            (json!("pro"), json!(8))
        );
        assert_eq!(tile(&house, token, "rows", json!({"plan": "free"})).await.refusal().2, ["/variables/plan"]);
        assert_eq!(
            house.post(&tokens, json!({"minutes": 30, "variables": {"plan": "x"}})).await.refusal().2,
            ["/variables/plan"]
        );
        assert_eq!(house.post(&tokens, json!({"minutes": 9_999})).await.status, 400);
        // A token that nobody could use is not given out.
        let text = |at: usize| json!({"name": format!("v{at}")});
        let variables: Vec<Value> = (0..10).map(text).collect();
        let board = json!({"footfall": "dashboard/1", "title": "Long", "variables": variables, "tiles": []});
        house.post("dashboards", json!({"key": "long", "dashboard": board})).await.good();
        let body = json!({"kind": "embed", "name": "Intranet", "origins": ["https://intranet.example"]});
        let long = house.post("dashboards/long/shares", body).await.good().json();
        let tokens_of_long = format!("dashboards/long/shares/{}/tokens", long["id"].as_str().unwrap());
        let settled = |chars: usize| {
            let variables = (0..10).map(|at| (format!("v{at}"), json!("x".repeat(chars))));
            let variables: serde_json::Map<String, Value> = variables.collect();
            json!({"minutes": 30, "variables": variables})
        };
        house.post(&tokens_of_long, settled(500)).await.good();
        assert_eq!(house.post(&tokens_of_long, settled(1_000)).await.refusal().2, ["/variables"]);
        stage.pass(31 * 60_000);
        assert_eq!(tile(&house, token, "rows", json!({})).await.refusal().1, "share_refused");
        house.ask("DELETE", &format!("dashboards/sales/shares/{id}"), &[], Value::Null).await.good();
        assert_eq!(house.boards.frame_ancestors(id).await.unwrap(), None);
        assert_eq!(house.post(&tokens, json!({"minutes": 1})).await.refusal().1, "board_item_unknown");
    }
}

on_both!(
    a_link_shows_one_dashboard_and_no_question,
    no_question_tells_viewers_its_conditions,
    links_that_are_over_leave_room,
    passwords_are_asked_and_counted,
    passwords_count_together_in_all_processes,
    embeddings_have_tokens_that_settle_variables,
);
