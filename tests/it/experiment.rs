//! An experiment on the running program: assigned by PostHog's door, exposed and converted by activity, and its result counted anew.

use std::time::Duration;

use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::accounts::{Person, owner};
use crate::server::Server;
use crate::store;

const PEOPLE: usize = 300;

pub fn of(place: &str) -> String {
    format!("/v1/projects/default/{place}")
}

/// Waits until every process gives out what somebody has just changed of flags: the one that was asked does at once.
pub async fn given_out(team: &Person<'_>) {
    let server = team.server;
    let path = format!("/api/features/{}", server.write_key());
    let tag = async |url: &str| {
        let answer = server.http.send(Method::GET, &format!("{url}{path}"), &[], "").await.expect("an answer");
        answer.headers.get("etag").cloned()
    };
    let changed = team.call(Method::GET, &path, Value::Null).await.headers.get("etag").cloned();
    assert!(changed.is_some(), "no flags are given out");
    for url in server.answering() {
        server.eventually("a change of flags is given out", || async { tag(&url).await == changed }).await;
    }
}

/// Metrics, a boolean feature `checkout`, and a running experiment `exp` of two equal arms that it shows; the metrics are its goals
/// unless `more` of its definition says otherwise.
pub async fn started(team: &Person<'_>, metrics: &[(&str, Value)], more: Value) {
    for (key, metric) in metrics {
        team.post(&of("metrics"), json!({"key": key, "definition": metric})).await;
    }
    let goals: Vec<&str> = metrics.iter().map(|(key, _)| *key).collect();
    let mut experiment = json!({"hypothesis": "A shorter checkout sells more.", "owner": "olga", "goals": goals,
        "variations": [{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]});
    for (member, value) in more.as_object().expect("an object") {
        experiment[member] = value.clone();
    }
    team.post(&of("experiments"), json!({"key": "exp", "definition": experiment})).await;
    let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": "exp", "values": [
        {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
    let feature = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
    team.post(&of("features"), json!({"key": "checkout", "definition": feature})).await;
    let start = team.changing(Method::POST, &of("experiments/exp/start"), json!({"without_review": true})).await;
    assert_eq!(start.status, 200, "{}", start.text());
    given_out(team).await;
}

#[tokio::test]
async fn the_result_has_the_people_and_conversions_that_were_sent() {
    let server = Server::start().await;
    let team = owner(&server).await;
    let metric = json!({"measure": {"conversion": {"source": {"event": "bought"}}}});
    started(&team, &[("bought", metric)], json!({})).await;

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

/// An app that asks OpenFeature's door and tells nobody: the server tells for it, and nobody who does not take part is told of.
#[tokio::test]
async fn whom_a_door_gave_a_variation_is_exposed_where_the_sdk_tells_nobody() {
    let server = Server::start().await;
    let team = owner(&server).await;
    let metric = json!({"measure": {"conversion": {"source": {"event": "bought"}}}});
    let keys = team.get(&of("keys")).await;
    let key = keys["items"].as_array().expect("keys").iter().find(|key| key["kind"] == "write").expect("a write key");
    let connection = of(&format!("sdk-connections/{}", key["id"].as_str().expect("an id")));
    let wanted = json!({"environment": "production", "records_exposures": true});
    assert_eq!(team.changing(Method::PUT, &connection, wanted).await.status, 200);
    // Afterwards: who gives the experiment out knows the connection too.
    started(&team, &[("bought", metric)], json!({"coverage": 0.5})).await;
    let headers = [("x-api-key", server.write_key())];
    let mut told = [0u64; 2];
    // Twice: they are counted once.
    for number in (0..PEOPLE).chain(0..PEOPLE) {
        let context = json!({"context": {"targetingKey": format!("person-{number}")}});
        let flag = server.send("/ofrep/v1/evaluate/flags/checkout", &headers, context.to_string()).await.json();
        match flag["variant"].as_str() {
            Some(variant) if flag["reason"] == "SPLIT" => told[usize::from(variant == "treatment")] += 1,
            _ => assert_eq!(flag["value"], false, "{flag}"),
        }
    }
    let people: Vec<i64> = told.iter().map(|twice| (twice / 2) as i64).collect();
    assert!(people.iter().all(|people| *people > 40) && people.iter().sum::<i64>() < 200, "{people:?}");
    server.until("SELECT count(*) FROM activity", people.iter().sum()).await;
    let report = team.get(&of("experiments/exp/results")).await;
    let seen: Vec<i64> = [0, 1].map(|arm| report["variations"][arm]["people"].as_f64().expect("people") as i64).into();
    assert_eq!(seen, people, "{report}");
    assert_eq!(server.metric("footfall_exposures_lost_total", "").await, 0.0);
    assert_eq!(server.metric("footfall_exposures_told_total", "").await, people.iter().sum::<i64>() as f64);
}

/// A process that is told to stop while it answers: what the answer leaves to do is done before the end.
#[tokio::test]
async fn whom_a_door_answers_at_the_end_is_exposed() {
    let settings = [("FOOTFALL_SERVER_DRAIN", "0s"), ("FOOTFALL_SERVER_SHUTDOWN_TIMEOUT", "60s")];
    let mut server = Server::start_with(&settings).await;
    let team = owner(&server).await;
    let metric = json!({"measure": {"conversion": {"source": {"event": "bought"}}}});
    started(&team, &[("bought", metric)], json!({})).await;
    let keys = team.get(&of("keys")).await;
    let key = keys["items"].as_array().expect("keys").iter().find(|key| key["kind"] == "write").expect("a write key");
    let connection = of(&format!("sdk-connections/{}", key["id"].as_str().expect("an id")));
    let wanted = json!({"environment": "production", "records_exposures": true});
    assert_eq!(team.changing(Method::PUT, &connection, wanted).await.status, 200);

    let address = server.url().trim_start_matches("http://").to_owned();
    let mut asking = TcpStream::connect(&address).await.expect("a connection");
    let body = json!({"context": {"targetingKey": "ada"}}).to_string();
    let head = format!(
        "POST /ofrep/v1/evaluate/flags/checkout HTTP/1.1\r\nhost: {address}\r\nx-api-key: {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        server.write_key(),
        body.len()
    );
    asking.write_all(head.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(asking.read_buf(&mut answer).await.expect("an answer"), 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 100 "), "it waits for the body: {}", String::from_utf8_lossy(&answer));
    server.signal(Signal::TERM);
    // Rarely: it takes whoever comes before its port is closed.
    while TcpStream::connect(&address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    asking.write_all(body.as_bytes()).await.expect("it is sent");
    asking.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("HTTP/1.1 200") && answer.contains("SPLIT"), "{answer}");
    server.stop().await;
    server.restart().await;
    server.until("SELECT count(*) FROM activity WHERE distinct_id = 'ada'", 1).await;
}

/// An exposure of `exp`, and what a person bought before and after it.
fn exposed_buyers(people: usize, days_ago: i64) -> Vec<Value> {
    let day = |days: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)).to_string();
    let mut activity = Vec::new();
    for number in 0..people {
        let (person, treated) = (format!("person-{number}"), number % 2 == 1);
        activity.push(json!({"event": "$feature_flag_called", "distinctId": person,
            "properties": {"$feature_flag": "checkout", "$feature_flag_response": treated, "company": format!("c{}", number / 4 % 40)}}));
        for order in 0..number % 7 {
            activity
                .push(json!({"event": "bought", "distinctId": person, "timestamp": day(days_ago + order as i64 % 3)}));
        }
        if number % 3 == 0 || (treated && number % 5 == 0) {
            activity.push(json!({"event": "bought", "distinctId": person}));
        }
    }
    activity
}

#[tokio::test]
async fn sql_answers_while_the_projection_is_made_and_says_the_same() {
    // So little time that the projection is never there.
    let mut server = Server::start_with(&[("FOOTFALL_INSIGHTS_TIME_MAX", "1ms")]).await;
    let metric = json!({"measure": {"count": {"source": {"event": "bought"}}}});
    let activity = exposed_buyers(PEOPLE, 2);
    let token = {
        let team = owner(&server).await;
        started(&team, &[("orders", metric)], json!({})).await;
        team.token
    };
    assert_eq!(server.post(&json!(activity)).await.json()["accepted"], activity.len());
    server.until("SELECT count(*) FROM activity", activity.len() as i64).await;
    let numbers = async |server: &Server, by: &str| {
        let team = Person { server, token: token.clone() };
        let report = team.get(&of("experiments/exp/results")).await;
        let answers = server.metric("footfall_experiment_answers_total", &format!("by=\"{by}\"")).await;
        assert!(answers >= 1.0, "{by}: {}", server.tracing());
        let comparison = report["metrics"][0]["comparisons"][0].clone();
        (report["metrics"][0]["arms"].clone(), comparison["effect"].clone(), comparison["standard_error"].clone())
    };
    let by_sql = numbers(&server, "sql").await;
    assert!(by_sql.1.is_number(), "{by_sql:?}");
    server.stop().await;
    server.set("FOOTFALL_INSIGHTS_TIME_MAX", "30s");
    server.restart().await;
    let by_engine = numbers(&server, "insights").await;
    let near = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-9;
    assert!(near(&by_sql.1, &by_engine.1) && near(&by_sql.2, &by_engine.2), "{by_sql:?} {by_engine:?}");
    for (sql, engine) in by_sql.0.as_array().unwrap().iter().zip(by_engine.0.as_array().unwrap()) {
        let same = ["people", "mean", "variance", "sum"].iter().all(|name| near(&sql[name], &engine[name]));
        assert!(same, "{sql} {engine}");
    }
}

#[tokio::test]
async fn designs_and_looks_beside_the_result_are_answered_from_the_tables() {
    let server = Server::start().await;
    let team = owner(&server).await;
    let metric = json!({"measure": {"count": {"source": {"event": "bought"}}}});
    started(&team, &[("orders", metric)], json!({"analysis": {"covariate": "prediction"}})).await;
    // The same exposures tell of a second experiment whose clusters are divided, and a third whose times are.
    let arms = json!([{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]);
    team.post(&of("attributes"), json!({"key": "company", "definition": {"type": "string", "identifies": true}})).await;
    let clusters = json!({"kind": "clusters", "property": "company"});
    for (key, more) in [
        ("companies", json!({"hash_attribute": "company", "design": clusters})),
        ("hours", json!({"design": {"kind": "switchback", "window_hours": 1}})),
        ("colour", json!({})),
    ] {
        let mut definition =
            json!({"hypothesis": "It helps.", "owner": "olga", "goals": ["orders"], "variations": arms});
        for (member, value) in more.as_object().unwrap() {
            definition[member] = value.clone();
        }
        team.post(&of("experiments"), json!({"key": key, "definition": definition})).await;
        let rule = json!({"id": "r1", "serve": {"experiment": {"experiment": key, "values": [
            {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}}});
        let feature = json!({"value_type": "boolean", "default_value": false, "rules": [rule]});
        team.post(&of("features"), json!({"key": format!("{key}-feature"), "definition": feature})).await;
        let place = of(&format!("experiments/{key}/start"));
        assert_eq!(team.changing(Method::POST, &place, json!({"without_review": true})).await.status, 200);
    }
    let mut activity = exposed_buyers(PEOPLE, 2);
    for number in 0..PEOPLE {
        for key in ["companies", "hours", "colour"] {
            let company = number / 4 % 40;
            let treated = if key == "companies" { company % 2 } else { number / 2 % 2 };
            activity
                .push(json!({"event": "Experiment Viewed", "distinctId": format!("person-{number}"), "properties": {
                "experimentId": key, "variationId": treated.to_string(), "company": format!("c{company}")}}));
        }
    }
    assert_eq!(server.post(&json!(activity)).await.json()["accepted"], activity.len());
    server.until("SELECT count(*) FROM activity", activity.len() as i64).await;

    let report = team.get(&of("experiments/exp/results")).await;
    let adjusted = &report["metrics"][0]["adjusted_by"];
    assert_eq!(adjusted["covariate"], "prediction", "{report}");
    assert!(adjusted["variance_left"].as_f64().unwrap() < 1.0, "{report}");
    let beside = team.get(&of("experiments/exp/results/interactions")).await;
    assert_eq!(beside["others"][0]["experiment"], "colour", "only people who are divided: {beside}");
    assert_eq!(beside["others"][0]["people"], PEOPLE as f64, "{beside}");
    assert!(beside["others"][0]["metrics"][0]["interval"]["low"].is_number(), "{beside}");
    let differences = team.get(&of("experiments/exp/results/differences")).await;
    assert_eq!(differences["differences"].as_array().map(Vec::len), Some(9), "{differences}");
    let companies = team.get(&of("experiments/companies/results")).await;
    let clusters = companies["variations"].as_array().unwrap().iter().map(|arm| arm["clusters"].as_f64().unwrap());
    assert_eq!(clusters.collect::<Vec<_>>(), [20.0, 20.0], "{companies}");
    assert!(companies["metrics"][0]["comparisons"][0]["standard_error"].is_number(), "{companies}");
    let hours = team.get(&of("experiments/hours/results")).await;
    assert_eq!(hours["switchback"]["pairs"], 0, "the first pair is not over: {hours}");
    let people = hours["variations"].as_array().unwrap().iter().map(|arm| arm["people"].as_f64().unwrap());
    assert_eq!(people.sum::<f64>(), PEOPLE as f64, "{hours}");
    let off = hours["switchback"]["off_schedule"].as_f64().unwrap();
    assert!((0.3..0.7).contains(&off), "half of them were shown the other variation: {hours}");
}

#[tokio::test]
async fn a_broken_guardrail_rolls_back_within_a_minute_and_is_on_record() {
    let mut server = Server::start().await;
    let team = owner(&server).await;
    let of_event = |kind: &str, event: &str| json!({"measure": {kind: {"source": {"event": event}}}, "lower_is_better": kind == "count"});
    let metrics = [("bought", of_event("conversion", "bought")), ("crashes", of_event("count", "crash"))];
    let guardrail = json!({"metric": "crashes", "tolerance": 0.1, "rolls_back": true});
    started(&team, &metrics, json!({"goals": ["bought"], "guardrails": [guardrail]})).await;
    let mut activity = Vec::new();
    for number in 0..PEOPLE {
        let (person, treated) = (format!("person-{number}"), number % 2 == 1);
        activity.push(json!({"event": "$feature_flag_called", "distinctId": person,
            "properties": {"$feature_flag": "checkout", "$feature_flag_response": treated}}));
        // Half a crash for each person of control, three times as many for the others.
        let crashes = (number / 2) % 2 + usize::from(treated);
        activity.extend((0..crashes).map(|_| json!({"event": "crash", "distinctId": person})));
    }
    assert_eq!(server.post(&json!(activity)).await.json()["accepted"], activity.len());
    server
        .eventually("rolled back", || async {
            team.get(&of("experiments/exp")).await["state"]["status"] == "rolled_back"
        })
        .await;
    let state = team.get(&of("experiments/exp")).await["state"].clone();
    assert_eq!(state["decision"]["decided_by"], "system", "{state}");
    let asked = json!({"token": server.write_key(), "distinct_id": "person-1"});
    let flags = async || team.call(Method::POST, "/flags/?v=2", asked.clone()).await.json();
    if store::is_services() {
        // One process has rolled it back; others give that out a moment later.
        let is_off = || async { flags().await["flags"]["checkout"]["enabled"] == false };
        server.eventually("the rollback is given out", is_off).await;
    }
    let flags = flags().await;
    assert_eq!(flags["flags"]["checkout"]["enabled"], false, "{flags}");
    // How long it took is what was recorded: when the last of the harm had come in, and when the experiment was rolled back.
    let sql = "SELECT max(received_at) FROM activity WHERE event IN ('crash', '$feature_flag_called')";
    let came: jiff::Timestamp = server.sql(sql).await[0][0].as_str().expect("a time").parse().expect("a time");
    server.stop().await;
    let exported = String::from_utf8(server.run(&["audit", "export"]).stdout).expect("text");
    let record = exported.lines().find(|line| line.contains("experiment.roll_back")).expect("a record");
    assert!(record.contains("crashes is broken by treatment"), "{record}");
    let record: Value = serde_json::from_str(record).expect("JSON");
    let took = record["at"].as_i64().expect("milliseconds") - came.as_millisecond();
    assert!((0..=60_000).contains(&took), "{took} ms after {came}");
}

#[tokio::test]
async fn the_doors_of_flags_have_a_limit_that_a_header_does_not_lift() {
    let server = Server::start_with(&[("FOOTFALL_LIMITS_FLAGS", "2")]).await;
    let ask = async |elsewhere: &str| server.send("/flags?v=2", &[("x-forwarded-for", elsewhere)], "{}").await.status;
    let first = [ask("192.0.2.1").await, ask("192.0.2.2").await];
    assert!(!first.contains(&429), "{first:?}");
    assert_eq!(ask("192.0.2.3").await, 429, "another address is believed only of a proxy that is trusted");
    server.post(&json!([{"event": "one", "distinctId": "ada"}])).await;
    server.until("SELECT count(*) FROM activity", 1).await;
}
