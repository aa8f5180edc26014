//! Other people's code agrees: PyJWT verifies a token of an answer by the JWKS that is served.
//!
//! Needs the Python packages that `tests/install.sh` puts into `~/.cache/footfall-tests`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use footfall_ingest_activity::Clock;
use serde_json::{Value, json};

use crate::gear::*;
use crate::stage::{Stage, skip};

fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache =
        std::env::var_os("FOOTFALL_TEST_CACHE").map_or_else(|| home.join(".cache/footfall-tests"), PathBuf::from);
    let python = cache.join("venv/bin/python");
    let packages = Command::new(&python).args(["-c", "import jwt, pyotp, cryptography"]).stderr(Stdio::null()).status();
    packages.is_ok_and(|status| status.success()).then_some(python)
}

#[tokio::test]
async fn pyjwt_verifies_by_the_served_key_set() {
    let Some(python) = python() else { return skip("PyJWT", "not there; run tests/install.sh") };
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let token = house.sign_up("ada@example.org").await.text("/access_token");
    let enrolment = house.post(&token, "/v1/account/factors/totp", Value::Null).await.good();
    let question = json!({
        "jwks": house.get("", "/.well-known/jwks.json").await.good().json(),
        "token": token,
        "issuer": "https://footfall.example",
        "audience": "footfall",
        "now": stage.clock.now().millis() / 1000,
        "otpauth_url": enrolment.text("/otpauth_url"),
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk/access_tokens.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
    child.stdin.take().expect("piped").write_all(question.to_string().as_bytes()).expect("asked");
    let output = child.wait_with_output().expect("answered");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let account = house.get(&token, "/v1/account").await.good().text("/id");
    assert_eq!(answer["claims"]["sub"], json!(account));
    let code = json!({"code": answer["code"]});
    house.post(&token, "/v1/account/factors/totp/confirmation", code).await.good();
}
