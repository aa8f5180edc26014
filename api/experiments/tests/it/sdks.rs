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

use crate::gear::{House, house};
use crate::stage::{Stage, skip};

fn cache() -> PathBuf {
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
}

/// Runs a script against a server of its own, and reads the line of JSON that it prints; `None` when it cannot run here.
async fn account(script: &str) -> Option<Value> {
    let program = match interpreter(script) {
        Ok(program) => program,
        Err(missing) => {
            skip(script, missing);
            return None;
        }
    };
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    furnish(&house).await;
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
        tokio::time::timeout(Duration::from_secs(120), command.stdin(Stdio::null()).kill_on_drop(true).output());
    let output = output.await.expect("within two minutes").expect("it starts");
    drop(stop);
    time.abort();
    server.abort();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}: {stdout}\n{stderr}");
    Some(serde_json::from_str(stdout.lines().last().unwrap_or_default()).expect("a line of JSON"))
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
