//! The SDKs that people use, unmodified, against the doors on a real port. `tests/install.sh` installs them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use footfall_api_access::KeyKind;
use footfall_api_http::{ServeSettings, serve};
use footfall_ingest_activity::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::bandits::{Growing, come_in_context};
use crate::gear::{House, house, house_with};
use crate::groups::{expected, furnish_groups};
use crate::results::Dice;
use crate::sign_ins::{half, variant};
use crate::stage::{Stage, skip};

pub fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    std::env::var_os("FOOTFALL_TEST_CACHE").map_or_else(|| home.join(".cache/footfall-tests"), PathBuf::from)
}

fn chromium() -> Option<PathBuf> {
    let given = std::env::var_os("FOOTFALL_CHROMIUM").map(PathBuf::from);
    given.into_iter().chain([PathBuf::from("/usr/bin/chromium")]).find(|path| path.exists())
}

/// What runs a script, or what is missing.
fn interpreter(script: &str) -> Result<PathBuf, &'static str> {
    if script.ends_with(".py") {
        let python = cache().join("venv/bin/python");
        return if python.exists() { Ok(python) } else { Err("no Python packages; run tests/install.sh") };
    }
    if !cache().join("node/node_modules/@growthbook").exists() {
        return Err("no Node packages; run tests/install.sh");
    }
    if script.contains("browser") && chromium().is_none() {
        return Err("no Chromium");
    }
    Ok("node".into())
}

/// A string flag with a condition, a flag by PostHog's filters, a running experiment.
async fn furnish(house: &House) {
    house.make("attributes", "country", json!({"type": "string"})).await;
    let rule = json!({"id": "de", "condition": {"country": "DE"}, "serve": {"force": {"value": "grün"}}});
    house.make("features", "colour", json!({"value_type": "string", "default_value": "blue", "rules": [rule]})).await;
    let filters = json!({
        "groups": [{"properties": [{"key": "plan", "value": ["pro"], "operator": "exact", "type": "person"}], "rollout_percentage": 80}],
        "multivariate": {"variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]},
        "payloads": {"a": "{\"n\":1}", "b": "{\"n\":2}"},
    });
    house
        .make("features", "native", json!({"value_type": "string", "default_value": "", "posthog_filters": filters}))
        .await;
    house.experiment(json!({})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    furnish_groups(house).await;
}

/// What runs a script; `None` when it cannot run here.
pub fn program_of(script: &str) -> Option<PathBuf> {
    interpreter(script).map_err(|missing| skip(script, missing)).ok()
}

/// Runs a script against a server of its own, and reads the line of JSON that it prints; `None` when it cannot run here.
async fn account(script: &str) -> Option<Value> {
    let program = program_of(script)?;
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    furnish(&house).await;
    Some(account_of(program, script, (&stage, &house)).await)
}

async fn account_of(program: PathBuf, script: &str, (stage, house): (&Stage, &House)) -> Value {
    let (_, client) = house.key(KeyKind::Client).await;
    let (encrypted_id, encrypted) = house.key(KeyKind::Client).await;
    let (remote_id, remote) = house.key(KeyKind::Client).await;
    let wanted = json!({"environment": "production", "is_encrypted": true});
    let connection = house.ask("PUT", &format!("sdk-connections/{encrypted_id}"), &[], wanted).await.good().json();
    let wanted = json!({"environment": "production", "is_remote": true});
    house.ask("PUT", &format!("sdk-connections/{remote_id}"), &[], wanted).await.good();
    let (write, read) = (house.key(KeyKind::Write).await.1, house.key(KeyKind::Read).await.1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // SDKs tell payloads apart by their date.
    let clock = stage.clock.clone();
    let time = tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(5));
        loop {
            beat.tick().await;
            clock.set(clock.now().plus_millis(5));
        }
    });
    let server = tokio::spawn(serve(listener, house.router.clone(), ServeSettings::default(), None, async {
        drop(stopped.await);
    }));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk").join(script);
    let mut command = Command::new(program);
    let decryption = connection["encryption_key"].as_str().unwrap();
    let told = [
        ("FLAGS_URL", url.as_str()),
        ("FLAGS_TOKEN", &house.token),
        ("FLAGS_CLIENT", &client),
        ("FLAGS_ENCRYPTED", &encrypted),
        ("FLAGS_DECRYPTION", decryption),
        ("FLAGS_REMOTE", &remote),
        ("FLAGS_WRITE", &write),
        ("FLAGS_READ", &read),
    ];
    command
        .arg(path)
        .envs(told)
        .env("NODE_PATH", cache().join("node/node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(chromium) = chromium() {
        command.env("FOOTFALL_CHROMIUM", chromium);
    }
    let output =
        tokio::time::timeout(Duration::from_secs(900), command.stdin(Stdio::null()).kill_on_drop(true).output());
    let output = output.await.expect("within fifteen minutes").expect("it starts");
    drop(stop);
    time.abort();
    server.abort();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}: {stdout}\n{stderr}");
    serde_json::from_str(stdout.lines().last().unwrap_or_default()).expect("a line of JSON")
}

/// Every SDK gives each user the variation that the evaluator gives.
fn check_variations(variations: &Value) {
    use footfall_models_experiment::assign::{HashVersion, bucket};
    let variations = variations.as_object().expect("variations");
    assert!(variations.len() >= 100);
    for (user, variation) in variations {
        let expected = if bucket("exp", user, HashVersion::Two).unwrap() < 0.5 { "control" } else { "treatment" };
        assert_eq!(variation, expected, "{user}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growthbook_in_node() {
    let Some(account) = account("experiments_growthbook.cjs").await else { return };
    let answers = &account["answers"];
    assert_eq!(
        (&answers["colour"], &answers["french"], &answers["encrypted"]),
        (&json!("grün"), &json!("blue"), &json!("grün"))
    );
    assert_eq!(answers["remote"], "grün");
    assert_eq!(account["viewed"], json!(["exp", answers["checkout"], "ada"]), "remote evaluation tracks");
    assert!(account["pushed_ms"].is_number(), "the stream brought the change: {account}");
    check_variations(&account["variations"]);
}

/// A bandit whose weights differ in each context, after it was turned once.
async fn furnish_contexts(house: &House, stage: &Stage) {
    house.make("attributes", "device", json!({"type": "string"})).await;
    let contexts = json!([{"key": "mobile", "condition": {"device": "mobile"}}, {"key": "tablet", "condition": {"device": {"$in": ["tablet"]}}}]);
    let bandit = json!({"every_hours": 24, "people_min": 100, "floor": 0.05, "contexts": contexts});
    house.experiment(json!({"bandit": bandit, "analysis": {"covariate_days": 0}})).await;
    house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    stage.pass(24 * 3_600_000);
    assert_eq!(house.experiments.turn_bandits().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growthbook_assigns_in_contexts_as_the_doors_do() {
    let script = "experiments_contexts.cjs";
    let Some(program) = program_of(script) else { return };
    let (mut dice, mut all) = (Dice(11), Vec::new());
    for (leaf, buy) in [("1", [10, 18]), ("2", [10, 12]), ("-1", [20, 12])] {
        come_in_context(&mut dice, &mut all, (1, 900, leaf), 5_000, buy);
    }
    let stage = Stage::sqlite().await.unwrap();
    let house = house_with(&stage, Some(Growing::of(&all, true))).await;
    furnish_contexts(&house, &stage).await;
    let account = account_of(program, script, (&stage, &house)).await;
    assert_eq!(account["errors"], json!([]));

    let period = house.get("experiments/exp").await.good().json()["state"]["phases"][0]["periods"][0].clone();
    let weights_of = |leaf: i64| match leaf {
        -1 => period["weights"].clone(),
        leaf => period["contexts"][leaf as usize - 1]["weights"].clone(),
    };
    let (_, key) = house.key(KeyKind::Client).await;
    let mut seen = std::collections::BTreeSet::new();
    let assigned = |way: &str| account[way].as_array().expect("assignments").clone();
    assert_eq!((assigned("plain").len(), assigned("encrypted").len()), (1_200, 200));
    for one in assigned("plain").into_iter().chain(assigned("encrypted")) {
        let mut context = json!({"targetingKey": one["id"]});
        if let Some(device) = one["device"].as_str() {
            context["device"] = json!(device);
        }
        let headers = [("x-api-key", key.as_str())];
        let asked = json!({"context": context});
        let answer = house.raw("POST", "/ofrep/v1/evaluate/flags/checkout", &headers, asked).await.good().json();
        let leaf = one["leafId"].as_i64().expect("a leaf");
        let expected = match one["device"].as_str() {
            Some("mobile") => 1,
            Some("tablet") => 2,
            _ => -1,
        };
        assert_eq!((leaf, &answer["metadata"]["leafId"]), (expected, &json!(expected.to_string())), "{one} {answer}");
        assert_eq!((&one["value"], &one["variation"]), (&answer["value"], &answer["variant"]), "{one} {answer}");
        assert_eq!((&one["weights"], &one["version"]), (&weights_of(leaf), &json!(1)), "{one} {period}");
        seen.insert((leaf, one["value"] == true));
    }
    assert_eq!(seen.len(), 6, "both variations in each context: {seen:?}");
    let moved = assigned("plain").chunks(4).filter(|of_one| of_one[0]["value"] != of_one[2]["value"]).count();
    assert!(moved > 100, "the context decides of {moved} in 300");
    let remote = assigned("plain").into_iter().find(|one| one["id"] == "user 1" && one["device"] == "mobile").unwrap();
    assert_eq!(account["remote"], remote["value"]);
    let told = json!([{"experiment": "exp", "variation": remote["variation"], "leafId": 1}]);
    assert_eq!(account["tracked"], told, "remote evaluation tells the context too");
}

/// An experiment on pages: visitors of the start page fall to `control`, who stay, or to `other`, who are sent away.
async fn furnish_pages(house: &House) {
    let pages = json!([
        {"by": "simple", "pattern": "https://shop.example/start*"},
        {"by": "regex", "pattern": "/start/legal$", "excludes": true}]);
    let redirects =
        json!({"pages": pages, "addresses": {"other": "https://shop.example/new?from=start"}, "keeps_query": true});
    let variations = json!([{"key": "control", "weight": 0.5}, {"key": "other", "weight": 0.5}]);
    house.make("metrics", "bought", json!({"measure": {"conversion": {"source": {"event": "bought"}}}})).await;
    let mut pages = json!({"hypothesis": "The new page sells more.", "owner": "olga", "goals": ["bought"],
        "variations": variations, "redirects": redirects});
    house.make("experiments", "pages", pages.clone()).await;
    house.post("experiments/pages/start", json!({"without_review": true})).await.good();
    pages["redirects"] = json!({"pages": [{"by": "regex", "pattern": "("}], "addresses": {"third": "javascript:1"}});
    pages["sticky"] = json!({"min_bucket_version": 2});
    let refused = house.post("experiments", json!({"key": "pages2", "definition": pages})).await.refusal();
    let pointers = [
        "redirects/pages/0/pattern",
        "redirects/addresses/third",
        "redirects/addresses/third",
        "sticky/min_bucket_version",
    ];
    assert_eq!((refused.0, refused.2), (422, pointers.map(|place| format!("/definition/{place}")).to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growthbook_redirects_and_sticks_as_configured() {
    use footfall_models_experiment::Value as FlagValue;
    use footfall_models_experiment::assign::{Evaluator, Payload, User, redirects};
    let script = "experiments_pages.cjs";
    let Some(program) = program_of(script) else { return };
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    furnish_pages(&house).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let served = house.raw("GET", &format!("/api/features/{key}"), &[], Value::Null).await.good().json();
    let payload = Payload::compile(&FlagValue::from(&served));
    let account = account_of(program, script, (&stage, &house)).await;

    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for visit in account["visits"].as_array().unwrap() {
        let (id, url) = (visit["id"].as_str().unwrap(), visit["url"].as_str().unwrap());
        let user = User { url: url.to_owned(), ..User::new(FlagValue::from(&json!({"id": id}))) };
        let found = redirects(Evaluator::new(&payload, &user));
        assert_eq!(visit["sent_to"], found.url.clone().unwrap_or_default(), "{visit}");
        let told = found.exposures.iter();
        let told: Vec<[String; 2]> = told
            .map(|it| [it.experiment.key.to_string(), it.experiment.variation_key(it.variation).into_owned()])
            .collect();
        assert_eq!(visit["tracked"], json!(told), "{visit}");
        *seen.entry(format!("{url} {}", visit["sent_to"])).or_default() += 1;
    }
    let start = "https://shop.example/start?utm=mail";
    let sent = seen[&format!("{start} \"https://shop.example/new?from=start&utm=mail\"")];
    assert!((15..45).contains(&sent) && seen[&format!("{start} \"\"")] == 60 - sent, "{seen:?}");
    // The query of the page may say which variation is to be seen.
    assert_eq!(seen["https://shop.example/start?pages=1 \"https://shop.example/new?from=start&pages=1\""], 60);
    assert_eq!(seen["https://shop.example/start?pages=0 \"\""], 60);
    assert_eq!(seen.len(), 6, "nobody is sent from the other pages: {seen:?}");
    let of_user = account["visits"].as_array().unwrap().iter().find(|visit| visit["id"] == "user 1").unwrap();
    assert_eq!(account["encrypted"]["sent_to"], of_user["sent_to"], "encrypted");

    let visited = account["visits"].as_array().unwrap();
    for remote in account["remote"].as_array().unwrap() {
        let plain = visited.iter().find(|one| one["id"] == remote["id"] && one["url"] == remote["url"]).unwrap();
        assert_eq!(remote, plain, "evaluated by the server");
    }
    assert!(account["remote"].as_array().unwrap().iter().any(|one| one["sent_to"] != ""), "{}", account["remote"]);

    let sticky = account["sticky"].as_array().unwrap();
    assert_eq!(sticky[0], sticky[1], "who had a variation keeps it when weights change");
    for variation in ["control", "other"] {
        assert!(sticky[0].as_object().unwrap().values().any(|one| one == variation), "{sticky:?}");
    }
    assert!(
        sticky[2].as_object().unwrap().values().all(Value::is_null),
        "of an earlier version nobody takes part: {sticky:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growthbook_in_chromium() {
    let Some(account) = account("experiments_browser.cjs").await else { return };
    assert_eq!((&account["colour"], &account["errors"]), (&json!("blue"), &json!([])));
    assert!(account["pushed_ms"].is_number(), "the stream brought the change: {account}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growthbook_in_python() {
    let Some(account) = account("experiments_growthbook.py").await else { return };
    let answers = &account["answers"];
    assert_eq!((&answers["colour"], &answers["encrypted"]), (&json!("grün"), &json!("grün")));
    assert_eq!(account["viewed"], json!(["exp", answers["checkout"], "ada"]));
    check_variations(&account["variations"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openfeature_in_node() {
    let Some(account) = account("experiments_openfeature.cjs").await else { return };
    assert_eq!(
        (&account["colour"]["value"], &account["colour"]["reason"]),
        (&json!("grün"), &json!("TARGETING_MATCH"))
    );
    assert_eq!(
        (&account["checkout"]["reason"], &account["checkout"]["flagMetadata"]["experiment"]),
        (&json!("SPLIT"), &json!("exp"))
    );
    for (case, code) in
        [("missing", "FLAG_NOT_FOUND"), ("keyless", "TARGETING_KEY_MISSING"), ("wrong_type", "TYPE_MISMATCH")]
    {
        assert_eq!(account[case]["errorCode"], code, "{account}");
    }
    assert_eq!((&account["refused"]["value"], account["refused"]["errorCode"].is_null()), (&json!("none"), false));
    check_variations(&account["variations"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posthog_in_node() {
    let Some(account) = account("experiments_posthog.cjs").await else { return };
    assert_eq!(account["all"]["featureFlags"]["colour"], "grün");
    assert_eq!((&account["ready"], &account["falls_back"]), (&json!(true), &json!("grün")));
    assert_eq!(account["alone"], Value::Null, "what the server decides is not guessed");
    check_natives(&account["natives"]);
    check_groups(&account["groups"]);
    for (user, is_on) in account["checkouts"].as_object().unwrap() {
        use footfall_models_experiment::assign::{HashVersion, bucket};
        assert_eq!(
            *is_on,
            json!(bucket("exp", user, HashVersion::Two).unwrap() >= 0.5),
            "{user}: as in GrowthBook's SDKs"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posthog_in_python() {
    let Some(account) = account("experiments_posthog.py").await else { return };
    assert_eq!((&account["colour"], &account["falls_back"]), (&json!("grün"), &json!("grün")));
    assert!(account["payload"].to_string().contains('n') || account["payload"].is_null());
    check_natives(&account["natives"]);
    check_groups(&account["groups"]);
}

/// What the SDK works out is what the server answers, and all three outcomes come up.
fn check_natives(natives: &Value) {
    let natives = natives.as_object().unwrap();
    for (user, pair) in natives {
        assert_eq!(pair[0], pair[1], "{user}");
    }
    for outcome in [json!("a"), json!("b"), json!(false)] {
        assert!(natives.values().any(|pair| pair[0] == outcome), "{outcome}");
    }
}

/// Flags by groups, cohorts and other flags are what they should be, asked of the server and worked out by the SDK.
fn check_groups(groups: &Value) {
    let groups = groups.as_array().unwrap();
    assert_eq!(groups.len(), 80);
    for (user, told) in groups.iter().enumerate() {
        let wanted = expected(user as u32);
        for (flag, wanted) in wanted.as_object().unwrap() {
            assert_eq!((&told["remote"][flag], &told["local"][flag]), (wanted, wanted), "user {user} {flag}: {told}");
        }
    }
}

/// A visitor who signs in, in posthog-js: the flag that keeps stays, for most of ten visitors the other one would have flipped somewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posthog_in_chromium_keeps_a_flag_at_sign_in() {
    let script = "experiments_posthog_browser.cjs";
    let Some(program) = program_of(script) else { return };
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.post("features", half("kept", true)).await.good();
    house.post("features", half("plain", false)).await.good();
    let account = account_of(program, script, (&stage, &house)).await;
    let visits = account["visits"].as_array().unwrap();
    assert_eq!(visits.len(), 10, "{account}");
    for visit in visits {
        let (anonymous, id) = (visit["anonymous"].as_str().unwrap(), visit["id"].as_str().unwrap());
        assert_ne!(anonymous, id);
        let seen = [&visit["before"], &visit["after"]].map(|flags| flags["kept"].as_str().unwrap());
        assert_eq!(seen, [variant("kept", anonymous); 2], "{visit}");
        assert_eq!(visit["before"]["plain"], variant("plain", anonymous), "{visit}");
        assert_eq!(visit["after"]["plain"], variant("plain", id), "{visit}");
    }
}
