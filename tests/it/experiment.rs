//! An experiment on the running program: assigned by PostHog's door, exposed and converted by activity, and its result counted anew.

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::owner;
use crate::server::Server;

const PEOPLE: usize = 300;

#[tokio::test]
async fn the_result_has_the_people_and_conversions_that_were_sent() {
    let server = Server::start().await;
    let team = owner(&server).await;
    let of = |place: &str| format!("/v1/projects/default/{place}");
    let metric = json!({"measure": {"conversion": {"source": {"event": "bought"}}}});
    team.post(&of("metrics"), json!({"key": "bought", "definition": metric})).await;
    let experiment = json!({"hypothesis": "A shorter checkout sells more.", "owner": "olga", "goals": ["bought"],
        "variations": [{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]});
    team.post(&of("experiments"), json!({"key": "exp", "definition": experiment})).await;
    let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": "exp", "values": [
        {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
    let feature = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
    team.post(&of("features"), json!({"key": "checkout", "definition": feature})).await;
    let bearer = format!("Bearer {}", team.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("if-match", "*")];
    let url = format!("{}{}", server.url(), of("experiments/exp/start"));
    let started =
        server.http.send(Method::POST, &url, &headers, r#"{"without_review": true}"#).await.expect("an answer");
    assert_eq!(started.status, 200, "{}", started.text());

    // Control's people and buyers, then treatment's.
    let (mut counted, mut activity) = ([[0u64; 2]; 2], Vec::new());
    for number in 0..PEOPLE {
        let person = format!("person-{number}");
        let asked = json!({"token": server.write_key(), "distinct_id": person});
        let flags = team.call(Method::POST, "/flags/?v=2", asked).await.json();
        let treated = flags["flags"]["checkout"]["enabled"].as_bool().expect("an answer");
        counted[usize::from(treated)][0] += 1;
        activity.push(json!({"event": "$feature_flag_called", "distinctId": person,
            "properties": {"$feature_flag": "checkout", "$feature_flag_response": treated}}));
        if number % 5 == 0 || (treated && number % 3 == 0) {
            counted[usize::from(treated)][1] += 1;
            activity.push(json!({"event": "bought", "distinctId": person}));
        }
    }
    let sent = activity.len() as i64;
    assert_eq!(server.post(&json!(activity)).await.json()["accepted"], sent);
    server.until("SELECT count(*) FROM activity", sent).await;
    let report = team.get(&of("experiments/exp/results")).await;
    let arms = report["metrics"][0]["arms"].as_array().expect("arms");
    let seen = |arm: &Value, name: &str| arm[name].as_f64().expect("a number").round() as u64;
    let seen: Vec<[u64; 2]> = arms.iter().map(|arm| [seen(arm, "people"), seen(arm, "sum")]).collect();
    assert_eq!(seen, counted, "{report}");
    assert_eq!(report["sample_ratio"]["is_off"], false, "{report}");
}
