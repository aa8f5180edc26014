//! Other people's code agrees: PyJWT verifies our tokens by our JWKS, pyotp reads our enrolment and makes codes that we take.
//!
//! Needs the Python packages that `tests/install.sh` puts into `~/.cache/footfall-tests`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use footfall_ingest_activity::Clock;
use serde_json::{Value, json};

use crate::house::*;
use crate::stage::{Stage, skip};

fn python() -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache =
        std::env::var_os("FOOTFALL_TEST_CACHE").map_or_else(|| home.join(".cache/footfall-tests"), PathBuf::from);
    let python = cache.join("venv/bin/python");
    let has_packages =
        Command::new(&python).args(["-c", "import jwt, pyotp, cryptography"]).stderr(Stdio::null()).status();
    match has_packages {
        Ok(status) if status.success() => Ok(python),
        _ => Err("no PyJWT and pyotp; run tests/install.sh".to_owned()),
    }
}

fn ask(python: &Path, question: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk/access_tokens.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    child.stdin.take().expect("piped").write_all(question.to_string().as_bytes()).expect("asked");
    let output = child.wait_with_output().expect("answered");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn pyjwt_and_pyotp_agree() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skip("PyJWT and pyotp", &why),
    };
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let access = process(&stage).await;
    let tokens = sign_up(&access, &stage, "ada+test@example.org").await;
    let enrolment = access.begin_totp(&tokens.account).await.expect("begun");
    let question = json!({
        "jwks": access.jwks(),
        "token": tokens.access,
        "issuer": access.settings().public_url,
        "audience": access.settings().audience,
        "now": stage.clock.now().millis() / 1000,
        "otpauth_url": enrolment.otpauth_url,
    });
    let answer = ask(&python, &question);
    assert_eq!(answer["claims"]["sub"], json!(tokens.account));
    assert_eq!(answer["claims"]["sid"], json!(tokens.session));
    let code = answer["code"].as_str().expect("a code");
    access.confirm_totp(&tokens.account, code, &origin()).await.expect("pyotp's code is taken");
}
