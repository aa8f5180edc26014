//! The doors as their protocols describe them: shapes, caching, encryption, streams, refusals.

use axum::body::Body;
use footfall_api_access::KeyKind;
use footfall_models_experiment::assign::decrypt;
use futures::StreamExt;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::gear::{House, house, house_limited};
use crate::stage::Stage;

async fn furnished(stage: &Stage) -> House {
    let house = house(stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    let rule = json!({"id": "de", "condition": {"country": "DE"}, "serve": {"force": {"value": "grün"}}});
    house.make("features", "colour", json!({"value_type": "string", "default_value": "blue", "rules": [rule]})).await;
    house.experiment(json!({})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    house
}

#[tokio::test]
async fn growthbook_payload_is_tagged_cached_and_open_to_every_origin() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let path = format!("/api/features/{key}");
    let first = house.raw("GET", &path, &[("origin", "https://app.example")], Value::Null).await.good();
    assert_eq!(first.header("cache-control"), "public, max-age=30, stale-while-revalidate=3600, stale-if-error=36000");
    assert_eq!((first.header("x-sse-support"), first.header("access-control-allow-origin")), ("enabled", "*"));
    assert!(first.header("access-control-expose-headers").contains("x-sse-support"));
    let body = first.json();
    assert_eq!((&body["status"], &body["features"]["colour"]["defaultValue"]), (&json!(200), &json!("blue")));
    let etag = first.header("etag").to_owned();
    let known = house.raw("GET", &path, &[("if-none-match", &format!("W/{etag}"))], Value::Null).await;
    assert_eq!((known.status.as_u16(), known.text.as_str(), known.header("etag")), (304, "", etag.as_str()));
    house.patch("features/colour", json!({"default_value": "red"})).await.good();
    let changed = house.raw("GET", &path, &[("if-none-match", &etag)], Value::Null).await.good();
    assert_eq!(changed.json()["features"]["colour"]["defaultValue"], "red");
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-mine"),
    ];
    let preflight = house.raw("OPTIONS", &format!("/api/eval/{key}"), &preflight, Value::Null).await;
    assert_eq!(
        (preflight.status.as_u16(), preflight.header("access-control-allow-headers")),
        (204, "content-type,x-mine")
    );
    let unknown = house.raw("GET", "/api/features/sdk-abc", &[], Value::Null).await;
    assert_eq!((unknown.status.as_u16(), unknown.header("x-unrecoverable")), (400, "1"));
    assert_eq!(unknown.json(), json!({"status": 400, "error": "Invalid API Key"}));
    let read = house.key(KeyKind::Read).await.1;
    assert_eq!(
        house.raw("GET", &format!("/api/features/{read}"), &[], Value::Null).await.status,
        400,
        "no secret in an address"
    );
}

#[tokio::test]
async fn a_connection_encrypts_and_chooses_the_environment() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    house.make("environments", "staging", json!({})).await;
    house
        .ask("PUT", "features/colour/switch", &[], json!({"is_on": false, "environments": ["production"]}))
        .await
        .good();
    let (id, key) = house.key(KeyKind::Client).await;
    let path = format!("/api/features/{key}");
    let production = house.raw("GET", &path, &[], Value::Null).await.json();
    assert_eq!(production["features"]["colour"], json!({"defaultValue": "blue"}));
    let wrong = house.ask("PUT", &format!("sdk-connections/{id}"), &[], json!({"environment": "moon"})).await;
    assert_eq!(wrong.refusal().2, ["/environment"]);
    let foreign = house.ask("PUT", "sdk-connections/other", &[], json!({"environment": "staging"})).await;
    assert_eq!(foreign.status, 404);
    let wanted = json!({"environment": "staging", "is_encrypted": true});
    let connection = house.ask("PUT", &format!("sdk-connections/{id}"), &[], wanted).await.good().json();
    let secret = connection["encryption_key"].as_str().unwrap();
    let body = house.raw("GET", &path, &[], Value::Null).await.good().json();
    assert_eq!(body["features"], json!({}));
    let plain = decrypt(body["encryptedFeatures"].as_str().unwrap(), secret).unwrap();
    let features: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!(features["colour"]["rules"][0]["force"], "grün", "not switched off in staging");
    let remote = json!({"environment": "staging", "is_remote": true});
    house.ask("PUT", &format!("sdk-connections/{id}"), &[], remote).await.good();
    assert_eq!(house.raw("GET", &path, &[], Value::Null).await.status, 400, "a remote connection hands nothing out");
    let context = json!({"attributes": {"id": "ada", "country": "DE"}});
    let answer = house.raw("POST", &format!("/api/eval/{key}"), &[], context).await.good();
    assert_eq!(
        (&answer.json()["features"]["colour"], answer.header("cache-control")),
        (&json!({"defaultValue": "grün"}), "no-store")
    );
    assert!(!answer.text.contains("country"), "targeting stays here");
    let tracked = answer.json()["features"]["checkout"]["rules"][0]["tracks"][0].clone();
    assert_eq!((&tracked["experiment"]["key"], &tracked["result"]["hashValue"]), (&json!("exp"), &json!("ada")));
}

#[tokio::test]
async fn what_is_known_in_clear_is_not_known_encrypted() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let (id, key) = house.key(KeyKind::Client).await;
    let path = format!("/api/features/{key}");
    let get = async |known: &str| house.raw("GET", &path, &[("if-none-match", known)], Value::Null).await;
    let set = async |wanted: Value| house.ask("PUT", &format!("sdk-connections/{id}"), &[], wanted).await.good().json();
    let plain = get("").await.good().header("etag").to_owned();
    assert_eq!(get(&plain).await.status, 304);
    let first = set(json!({"environment": "production", "is_encrypted": true})).await;
    let answer = get(&plain).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["features"]), (200, &json!({})), "the tag of what is in clear");
    let encrypted = answer.header("etag").to_owned();
    assert_eq!(get(&encrypted).await.status, 304);
    let second = set(json!({"environment": "production", "is_encrypted": true, "rotates_key": true})).await;
    assert_ne!(first["encryption_key"], second["encryption_key"]);
    let answer = get(&encrypted).await;
    assert_eq!(answer.status, 200, "the tag of another key");
    let text = answer.json()["encryptedFeatures"].as_str().unwrap().to_owned();
    assert!(decrypt(&text, second["encryption_key"].as_str().unwrap()).is_ok());
    let again = set(json!({"environment": "production", "is_encrypted": true})).await;
    assert_eq!(again["encryption_key"], second["encryption_key"], "it stays unless told");
    set(json!({"environment": "production"})).await;
    assert_eq!(get(answer.header("etag")).await.status, 200, "the tag of what was encrypted");
}

#[tokio::test]
async fn visitors_are_sent_in_the_environments_that_are_named() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    house.make("environments", "staging", json!({})).await;
    let redirects = |environments: Value| {
        json!({"pages": [{"by": "simple", "pattern": "https://shop.example/start*"}],
            "addresses": {"treatment": "https://shop.example/new"}, "environments": environments})
    };
    let pages = |environments: Value| {
        let variations = json!([{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]);
        json!({"hypothesis": "The new page sells more.", "owner": "olga", "goals": ["bought"], "variations": variations,
            "redirects": redirects(environments)})
    };
    let refused =
        house.post("experiments", json!({"key": "moon", "definition": pages(json!(["moon"]))})).await.refusal();
    assert_eq!((refused.0, refused.2), (422, vec!["/definition/redirects/environments/0".to_owned()]));
    for (key, environments) in [("staged", json!(["staging"])), ("nowhere", json!([])), ("everywhere", Value::Null)] {
        house.make("experiments", key, pages(environments)).await;
        house.post(&format!("experiments/{key}/start"), json!({"without_review": true})).await.good();
    }
    let (id, key) = house.key(KeyKind::Client).await;
    let sent = async || -> Vec<String> {
        let served = house.raw("GET", &format!("/api/features/{key}"), &[], Value::Null).await.good().json();
        let keys = served["experiments"].as_array().unwrap().iter();
        keys.map(|one| one["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(sent().await, ["everywhere"]);
    let connection = json!({"environment": "staging"});
    house.ask("PUT", &format!("sdk-connections/{id}"), &[], connection).await.good();
    assert_eq!(sent().await, ["everywhere", "staged"]);
    let remote = json!({"environment": "staging", "is_remote": true});
    house.ask("PUT", &format!("sdk-connections/{id}"), &[], remote).await.good();
    let context = json!({"attributes": {"id": "ada"}, "url": "https://shop.example/elsewhere"});
    let told = house.raw("POST", &format!("/api/eval/{key}"), &[], context).await.good().json();
    let told = told["experiments"].as_array().unwrap();
    assert_eq!(told.len(), 2, "the SDK compares addresses: {told:?}");
    for one in told {
        let variations = one["variations"].as_array().unwrap();
        let shown =
            variations.iter().filter(|one| one["urlRedirect"].as_str().is_some_and(|url| !url.is_empty())).count();
        assert!(shown <= 1 && one["urlPatterns"].is_array() && one.get("condition").is_none(), "{one}");
    }
    let kept = house.ask("DELETE", "environments/staging", &[("if-match", "*")], Value::Null).await;
    assert!(kept.status == 409 && kept.text.contains("experiment staged"), "{}", kept.text);
}

#[tokio::test]
async fn the_stream_pushes_replays_and_pings_and_ends_with_its_key() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let (id, key) = house.key(KeyKind::Client).await;
    let open = |last: Option<String>| {
        let mut request = Request::builder().uri(format!("/sub/{key}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        house.router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    async fn until(
        stream: &mut (impl StreamExt<Item = Result<bytes::Bytes, axum::Error>> + Unpin),
        wanted: &str,
    ) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(120), stream.next()).await;
            text += std::str::from_utf8(&chunk.expect("in time").expect("more").unwrap()).unwrap();
        }
        text
    }
    let response = open(None).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let first = until(&mut stream, "data:\n\n").await;
    assert!(
        first.starts_with("retry: 5000\n\n")
            && first.contains("event: features\ndata: {")
            && first.contains("\"blue\""),
        "{first}"
    );
    let last = first.split("id: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    let mut again = open(Some(last.clone())).await.unwrap().into_body().into_data_stream();
    assert!(!until(&mut again, "data:\n\n").await.contains("features"), "nothing was missed");
    house.patch("features/colour", json!({"default_value": "red"})).await.good();
    assert!(until(&mut stream, "\"red\"").await.contains("event: features"));
    until(&mut again, "\"red\"").await;
    let mut late = open(Some(last)).await.unwrap().into_body().into_data_stream();
    assert!(until(&mut late, "}\n\n").await.contains("\"red\""), "what was missed is replayed");
    house.access.revoke_key(&house.owner, &id, &Default::default()).await.unwrap();
    while stream.next().await.is_some() {}
    assert_eq!(open(None).await.unwrap().status(), 400);
}

/// Who listens reads the data of every event as JSON, so that a sign of life is none.
#[tokio::test]
async fn ofreps_stream_tells_of_nothing_but_changes() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let request = Request::builder().uri(format!("/ofrep/v1/events/{key}")).body(Body::empty()).unwrap();
    let mut stream = house.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut text = String::new();
    while !text.ends_with(":\n\n") {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(120), stream.next()).await;
        text += std::str::from_utf8(&chunk.expect("in time").expect("more").unwrap()).unwrap();
    }
    assert_eq!(text, "retry: 5000\n\n:\n\n");
}

#[tokio::test]
async fn ofrep_answers_one_and_all() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let bearer = format!("Bearer {key}");
    let by = [("authorization", bearer.as_str())];
    let one = |flag: &'static str, context: Value| {
        let house = &house;
        async move { house.raw("POST", &format!("/ofrep/v1/evaluate/flags/{flag}"), &by, json!({"context": context})).await }
    };
    let german = one("colour", json!({"targetingKey": "ada", "country": "DE"})).await.good().json();
    assert_eq!(
        german,
        json!({"key": "colour", "value": "grün", "reason": "TARGETING_MATCH", "metadata": {"rule": "de"}})
    );
    assert_eq!(one("colour", json!({})).await.good().json()["reason"], "STATIC");
    let split = one("checkout", json!({"targetingKey": "ada"})).await.good().json();
    assert_eq!((&split["reason"], &split["metadata"]["experiment"]), (&json!("SPLIT"), &json!("exp")));
    assert!(["control", "treatment"].contains(&split["variant"].as_str().unwrap()));
    let keyless = one("checkout", json!({})).await;
    assert_eq!((keyless.status.as_u16(), &keyless.json()["errorCode"]), (400, &json!("TARGETING_KEY_MISSING")));
    let unknown = one("nothing", json!({"targetingKey": "ada"})).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["errorCode"]), (404, &json!("FLAG_NOT_FOUND")));
    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/colour"] {
        let wrong = house.raw("POST", path, &by, json!([{"targetingKey": "ada"}])).await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["errorCode"]), (400, &json!("PARSE_ERROR")), "{path}");
    }
    let wrong = house.raw("POST", "/ofrep/v1/evaluate/flags/colour", &by, json!({"context": []})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["errorCode"]), (400, &json!("INVALID_CONTEXT")));
    assert_eq!(house.raw("POST", "/ofrep/v1/evaluate/flags", &[], json!({})).await.status, 401);

    let body = json!({"context": {"targetingKey": "ada"}});
    let by_header = [("x-api-key", key.as_str())];
    let all = house.raw("POST", "/ofrep/v1/evaluate/flags", &by_header, body.clone()).await.good();
    assert_eq!(all.json()["flags"].as_array().unwrap().len(), 2);
    let stream = all.json()["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned();
    assert!(stream.starts_with(&format!("/ofrep/v1/events/{key}?known=")), "{stream}");
    let known = [("x-api-key", key.as_str()), ("if-none-match", all.header("etag"))];
    assert_eq!(house.raw("POST", "/ofrep/v1/evaluate/flags", &known, body.clone()).await.status, 304);
    house.patch("features/colour", json!({"default_value": "red"})).await.good();
    assert_eq!(house.raw("POST", "/ofrep/v1/evaluate/flags", &known, body).await.status, 200);
}

#[tokio::test]
async fn posthog_flags_in_every_version() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let filters = json!({"groups": [{"properties": [{"key": "plan", "value": ["pro"], "operator": "exact", "type": "person"}], "rollout_percentage": 100}],
        "multivariate": {"variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]}, "payloads": {"a": "{\"n\":1}", "b": "{\"n\":2}"}});
    house
        .make("features", "native", json!({"value_type": "string", "default_value": "", "posthog_filters": filters}))
        .await;
    house.make("features", "dark", json!({"value_type": "boolean", "default_value": false})).await;
    let needs = json!({"value_type": "boolean", "default_value": true, "prerequisites": [{"feature": "dark"}]});
    house.make("features", "needs", needs).await;
    let (_, key) = house.key(KeyKind::Write).await;
    let request = json!({"token": key, "distinct_id": "ada", "person_properties": {"country": "DE", "plan": "pro"}});
    let ask = |path: &'static str| {
        let (house, request) = (&house, request.clone());
        async move { house.raw("POST", path, &[], request).await.good().json() }
    };
    let second = ask("/flags/?v=2").await;
    let colour = &second["flags"]["colour"];
    assert_eq!(
        (&colour["enabled"], &colour["variant"], &colour["reason"]["code"]),
        (&json!(true), &json!("grün"), &json!("condition_match"))
    );
    let native = second["flags"]["native"].clone();
    assert_eq!((&native["enabled"], &native["reason"]["condition_index"]), (&json!(true), &json!(0)));
    let expected = if native["variant"] == "a" { "{\"n\":1}" } else { "{\"n\":2}" };
    assert_eq!(native["metadata"]["payload"], expected);
    assert!(second["flags"]["checkout"]["variant"].is_null() && second["flags"]["checkout"]["enabled"].is_boolean());
    assert_eq!(second["errorsWhileComputingFlags"], false);
    let (unmet, reason) = (&second["flags"]["needs"], &second["flags"]["needs"]["reason"]);
    assert_eq!((&unmet["enabled"], &reason["code"]), (&json!(false), &json!("no_condition_match")), "{unmet}");
    assert_eq!(reason["description"], "A prerequisite is not met");
    let older = ask("/decide/?v=3").await;
    assert_eq!(
        (&older["featureFlags"]["colour"], &older["featureFlags"]["native"]),
        (&json!("grün"), &native["variant"])
    );
    assert_eq!(older["featureFlagPayloads"]["native"], expected);
    assert_eq!(older["featureFlags"]["dark"], false);
    assert!(ask("/decide?v=1").await["featureFlags"].as_array().unwrap().contains(&json!("colour")));
    // As PostHog's service does it: `/decide` told what is on in its second version, and details in its fourth; `/flags` never told keys alone.
    let on = ask("/decide/?v=2").await;
    assert_eq!((&on["featureFlags"]["colour"], &on["featureFlags"]["native"]), (&json!("grün"), &native["variant"]));
    let told = ["dark", "flags", "featureFlagPayloads"].map(|name| on["featureFlags"].get(name).or(on.get(name)));
    assert_eq!(told, [None; 3]);
    for path in ["/decide/?v=4", "/flags?v=3"] {
        assert_eq!(ask(path).await["flags"]["colour"]["variant"], "grün", "{path}");
    }
    for path in ["/flags/?v=1", "/flags/", "/decide/"] {
        assert_eq!(ask(path).await["featureFlags"]["colour"], "grün", "{path}");
    }
    let settings = json!({"token": key, "distinct_id": "ada", "disable_flags": true});
    let settings = house.raw("POST", "/flags/?v=2", &[], settings).await.good().json();
    assert_eq!((&settings["flags"], &settings["errorsWhileComputingFlags"]), (&json!({}), &json!(false)));
    let wrong = house.raw("POST", "/flags/?v=2", &[], json!({"token": "phc_x", "distinct_id": "ada"})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["code"]), (401, &json!("invalid_api_key")));
    for nobody in [json!({"token": key}), json!({"token": key, "distinct_id": null})] {
        assert_eq!(house.raw("POST", "/flags/?v=2", &[], nobody).await.status, 400);
    }

    let path = format!("/flags/definitions?token={key}&send_cohorts");
    assert_eq!(house.raw("GET", &path, &[], Value::Null).await.status, 401);
    let public = format!("Bearer {key}");
    assert_eq!(
        house.raw("GET", &path, &[("authorization", &public)], Value::Null).await.status,
        401,
        "a public key is no secret"
    );
    let secret = format!("Bearer {}", house.key(KeyKind::Read).await.1);
    let given = house.raw("GET", &path, &[("authorization", &secret)], Value::Null).await.good();
    let flags = given.json()["flags"].clone();
    let of = |key: &str| flags.as_array().unwrap().iter().find(|flag| flag["key"] == key).unwrap().clone();
    assert_eq!(
        (of("native")["filters"].clone(), of("native")["ensure_experience_continuity"].clone()),
        (filters, json!(false))
    );
    assert_eq!(of("checkout")["ensure_experience_continuity"], true, "the server decides");
    let known = [("authorization", secret.as_str()), ("if-none-match", given.header("etag"))];
    assert_eq!(house.raw("GET", &path, &known, Value::Null).await.status, 304);
}

#[tokio::test]
async fn another_process_hears_of_a_switch_within_a_beat() {
    let stage = Stage::sqlite().await.unwrap();
    let house = furnished(&stage).await;
    let (_, key) = house.key(KeyKind::Client).await;
    // A second service on the same database stands for another process.
    let clock: std::sync::Arc<dyn footfall_ingest_activity::Clock> = stage.clock.clone();
    let other = footfall_api_experiments::Experiments::open(house.access.clone(), clock, None).await.unwrap();
    let doors = footfall_api_experiments::doors(&other, Default::default(), None);
    let ask =
        || doors.clone().oneshot(Request::builder().uri(format!("/api/features/{key}")).body(Body::empty()).unwrap());
    let before = ask().await.unwrap().headers()["etag"].clone();
    house.ask("PUT", "features/colour/switch", &[], json!({"is_on": false})).await.good();
    other.payloads().catch_up().await.unwrap();
    assert_ne!(ask().await.unwrap().headers()["etag"], before);
}

#[tokio::test]
async fn one_address_asks_so_often_and_pages_can_read_that() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_limited(&stage, None, Some(3)).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let path = format!("/api/features/{key}");
    let ask = async || house.raw("GET", &path, &[("origin", "https://app.example")], Value::Null).await;
    for _ in 0..3 {
        ask().await.good();
    }
    let refused = ask().await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (429, &json!("rate_limited")), "{}", refused.text);
    assert_eq!((refused.header("retry-after"), refused.header("access-control-allow-origin")), ("20", "*"));
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    assert_eq!(
        house.raw("OPTIONS", &path, &preflight, Value::Null).await.status,
        204,
        "asking whether one may is free"
    );
    stage.pass(20_000);
    ask().await.good();
}
