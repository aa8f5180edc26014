//! What a test finds on this machine (Node, Python, Chromium, root) and what it says when something is missing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// Writes a line that is seen even when the test passes (libtest holds back only what the print macros write).
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Says that a test is skipped and why. In CI nothing may be skipped, so there it fails.
pub fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: {why} (with CI set, nothing may be skipped)");
    say(&format!("skipped: {test}: {why}"));
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

/// Where `tests/install.sh` put the packages.
pub fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    std::env::var_os("FOOTFALL_TEST_CACHE").map_or_else(|| home.join(".cache/footfall-tests"), PathBuf::from)
}

/// The program that runs `script`, or what is missing.
pub fn interpreter(script: &str) -> Result<PathBuf, String> {
    if script.ends_with(".py") {
        let python = cache().join("venv/bin/python");
        return python.exists().then_some(python).ok_or("no Python packages; run tests/install.sh".to_owned());
    }
    if !cache().join("node/node_modules/playwright-core").exists() {
        return Err("no Node packages; run tests/install.sh".to_owned());
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|path| path.join("node")).find(|node| node.exists()).ok_or("no node".to_owned())
}

/// Chromium, or that it is missing.
pub fn chromium() -> Result<PathBuf, String> {
    let given = std::env::var_os("FOOTFALL_CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    given.into_iter().chain(known).find(|path| path.exists()).ok_or("no Chromium".to_owned())
}

/// Runs a script of `tests/sdk` and reads the line of JSON that it ends with.
pub async fn script(name: &str, environment: &[(&str, &str)]) -> Value {
    let program = interpreter(name).unwrap_or_else(|missing| panic!("{name}: {missing}"));
    let mut command = Command::new(program);
    command
        .arg(root().join("tests/sdk").join(name))
        .env("NODE_PATH", cache().join("node/node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Ok(chromium) = chromium() {
        command.env("FOOTFALL_CHROMIUM", chromium);
    }
    let output = tokio::time::timeout(Duration::from_secs(900), command.output())
        .await
        .unwrap_or_else(|_| panic!("{name} took longer than 900 s"))
        .unwrap_or_else(|error| panic!("{name} did not start: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{stdout}\n{stderr}", output.status);
    let last = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{name} printed no JSON ({error}):\n{stdout}\n{stderr}"))
}
