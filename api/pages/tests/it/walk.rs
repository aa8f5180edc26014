//! A real browser walks through the account pages: `tests/sdk/account_pages.cjs`.
//!
//! Needs Chromium and the Node packages that `tests/install.sh` puts into `~/.cache/footfall-tests`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::site::Site;

/// Says that the test is skipped and why; in CI nothing may be skipped.
fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "the walk cannot be taken: {why} (with CI set, nothing may be skipped)");
    let _ = writeln!(std::io::stderr().lock(), "skipped: account pages in a browser: {why}");
}

/// The Node packages and the browser, or what is missing.
fn found() -> Result<(PathBuf, PathBuf), &'static str> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache =
        std::env::var_os("FOOTFALL_TEST_CACHE").map_or_else(|| home.join(".cache/footfall-tests"), PathBuf::from);
    let modules = cache.join("node/node_modules");
    if !["playwright-core", "axe-core"].iter().all(|name| modules.join(name).exists()) {
        return Err("no Node packages; run tests/install.sh");
    }
    let given = std::env::var_os("FOOTFALL_CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let chromium = given.into_iter().chain(known).find(|path| path.exists()).ok_or("no Chromium")?;
    Ok((modules, chromium))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_walk_through_the_account_pages() {
    let (modules, chromium) = match found() {
        Ok(found) => found,
        Err(missing) => return skip(missing),
    };
    let site = Site::open().await.expect("a site on a new folder");
    let mut script = Command::new("node");
    script
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk/account_pages.cjs"))
        .envs([("PAGES_URL", &site.address), ("PAGES_LINK", &site.link)])
        .env("PAGES_MAILS", &site.mails)
        .env("NODE_PATH", modules)
        .env("FOOTFALL_CHROMIUM", chromium)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let (stop, stopped) = oneshot::channel::<()>();
    let walk = async {
        let output = tokio::time::timeout(Duration::from_secs(1800), script.output()).await;
        drop(stop);
        output.expect("the walk took longer than 600 s").expect("node")
    };
    let (served, output) = tokio::join!(site.serve(async { drop(stopped.await) }), walk);
    served.expect("served to the end");
    let (told, faults) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{faults}");
    let seen: Value = serde_json::from_str(told.lines().last().unwrap_or_default()).expect("a line of JSON");
    assert_eq!(seen, json!({"walked": true, "consoleErrors": [], "pageErrors": []}));
}
