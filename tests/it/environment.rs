//! Two environments with a key each: flags, exposures and conversions of both, and results that count the people of one.

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::{Person, owner};
use crate::experiment::{of, started};
use crate::http::Answer;
use crate::server::Server;

/// A new write key of an environment, which is made. Every door knows so after the next start, and by itself within a second.
async fn key_of(server: &Server, team: &Person<'_>, environment: &str) -> String {
    team.post(&of("environments"), json!({"key": environment, "definition": {}})).await;
    let key = server.key("write");
    let hint = &key[key.len() - 4..];
    let keys = team.get(&of("keys")).await;
    let made = keys["items"].as_array().expect("keys").iter().find(|one| one["hint"] == hint).expect("the new key");
    let connection = of(&format!("sdk-connections/{}", made["id"].as_str().expect("an id")));
    let answer = team.changing(Method::PUT, &connection, json!({"environment": environment})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    key
}

/// The owner makes a key of `staging` beside that of production, after `set_up`, and every door knows it: a token of the owner, the key of
/// production, that of `staging`.
pub async fn with_staging(server: &mut Server, set_up: impl AsyncFnOnce(&Person<'_>)) -> (String, String, String) {
    let (token, staging) = {
        let team = owner(server).await;
        set_up(&team).await;
        let staging = key_of(server, &team, "staging").await;
        (team.token, staging)
    };
    server.stop().await;
    server.restart().await;
    (token, server.write_key().to_owned(), staging)
}

/// Posts activity with a key to the native door.
pub async fn post_with(server: &Server, key: &str, items: &Value) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/v1/activity", server.url());
    server.http.send(Method::POST, &url, &headers, items.to_string()).await.expect("an answer")
}

/// People and buyers of control, then of the treatment.
type Arms = [[u64; 2]; 2];

/// The arms of a report.
fn arms(report: &Value) -> Arms {
    let number = |arm: usize, name: &str| {
        let value = &report["metrics"][0]["arms"][arm][name];
        value.as_f64().unwrap_or_else(|| panic!("{name} of {arm}: {report}")).round() as u64
    };
    [0, 1].map(|arm| ["people", "sum"].map(|name| number(arm, name)))
}

#[tokio::test]
async fn results_count_the_people_of_one_environment() {
    let mut server = Server::start().await;
    let set_up = async |team: &Person<'_>| {
        let metric = json!({"measure": {"conversion": {"source": {"event": "bought"}}}});
        started(team, &[("bought", metric)], json!({})).await;
    };
    let (token, own, staging) = with_staging(&mut server, set_up).await;
    let team = Person { server: &server, token };

    // Forty people are in both. What they buy in one is nothing that they bought in the other.
    let mut expected: [Arms; 2] = Default::default();
    let mut sent = 0;
    for (arms, (key, people, buys_each)) in expected.iter_mut().zip([(&own, 0..120_usize, 3), (&staging, 80..180, 2)]) {
        let mut activity = Vec::new();
        for number in people {
            let person = format!("person-{number}");
            let asked = json!({"token": key, "distinct_id": person});
            let flags = team.call(Method::POST, "/flags/?v=2", asked).await.json();
            let treated = flags["flags"]["checkout"]["enabled"].as_bool().expect("an answer");
            let arm = &mut arms[usize::from(treated)];
            arm[0] += 1;
            activity.push(json!({"event": "$feature_flag_called", "distinctId": person,
                "properties": {"$feature_flag": "checkout", "$feature_flag_response": treated}}));
            if number % buys_each == 0 {
                arm[1] += 1;
                activity.push(json!({"event": "bought", "distinctId": person}));
            }
        }
        sent += activity.len() as i64;
        let account = post_with(&server, key, &json!(activity)).await.json();
        assert_eq!(account["accepted"], activity.len(), "{account}");
    }
    server.until("SELECT count(*) FROM activity", sent).await;

    let of_definition = team.get(&of("experiments/exp/results")).await;
    assert_eq!((&of_definition["environment"], arms(&of_definition)), (&json!("production"), expected[0]));
    for (environment, expected) in ["production", "staging"].into_iter().zip(expected) {
        let report = team.get(&of(&format!("experiments/exp/results?environment={environment}"))).await;
        assert_eq!((&report["environment"], arms(&report)), (&json!(environment), expected), "{report}");
        assert_eq!(report["people_in_several"], 0.0, "{report}");
        let place =
            format!("experiments/exp/results/people?environment={environment}&variation=treatment&metric=bought");
        assert_eq!(team.get(&of(&place)).await["people"], expected[1][1], "{environment}");
    }
    let unknown = team.call(Method::GET, &of("experiments/exp/results?environment=nowhere"), Value::Null).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("definition_unknown")), "{}", unknown.text());

    // An experiment that is about staging says so in its definition.
    let definition = json!({"definition": {"analysis": {"environment": "staging"}}});
    let changed = team.changing(Method::PATCH, &of("experiments/exp"), definition).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let of_definition = team.get(&of("experiments/exp/results")).await;
    assert_eq!((&of_definition["environment"], arms(&of_definition)), (&json!("staging"), expected[1]));
}
