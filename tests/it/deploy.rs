//! The files of `deploy/` and `docs/operations.md`: they can be read, and every metric and setting that they name is the program's.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::fleet::is_door;
use crate::gear::{root, say, script};
use crate::server::{Server, binary};
use crate::store;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Words of a text that begin with `start`.
fn words(text: &str, start: &str) -> BTreeSet<String> {
    let word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    text.split(|sign| !word(sign)).filter(|found| found.starts_with(start)).map(str::to_owned).collect()
}

/// Metrics that the program's text says it counts, its tests aside.
fn in_the_sources() -> BTreeSet<String> {
    let mut open: Vec<_> = ["ingest", "pipelines", "api", "models"].map(|folder| root().join(folder)).into();
    let mut found = BTreeSet::new();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "target", "node_modules", "benches"].contains(&name.as_str()) {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if name.ends_with(".rs") && path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            let quoted =
                text.split('"').skip(1).step_by(2).filter(|quoted| words(quoted, "footfall_").contains(*quoted));
            let ends = [
                "_total",
                "_seconds",
                "_bytes",
                "_files",
                "_activities",
                "_keys",
                "_lag",
                "_failing",
                "_leading",
                "_running",
                "_resting",
                "_away",
                "_records",
                "_streams",
            ];
            found.extend(quoted.filter(|name| ends.iter().any(|end| name.ends_with(end))).map(str::to_owned));
        }
    }
    found
}

/// The metrics that a running program shows, by their names alone.
async fn shown() -> BTreeSet<String> {
    let server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_AGE", "50ms")]).await;
    let items = json!([
        {"event": "one", "messageId": "one", "distinctId": "ada"},
        {"event": "one", "messageId": "one", "distinctId": "ada"},
        {"event": "", "distinctId": "nobody"},
    ]);
    server.post(&items).await;
    server.until("SELECT count(*) FROM activity", 1).await;
    let bad = server.send("/v1/activity", &[("content-type", "application/json")], "[1").await;
    assert_eq!(bad.status, 400, "{}", bad.text());
    if !store::is_clickhouse() {
        server.eventually("a flush", async || server.metric("footfall_lake_flush_total", "").await > 0.0).await;
        server.eventually("its sizes", async || server.metric("footfall_lake_files", "").await > 0.0).await;
    }
    let text = server.get("/metrics").await.text();
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    kinds.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_metric_of_rules_dashboard_and_guide_is_the_programs() {
    let answer = script("deploy.py", &[]).await;
    let (known, shown) = (in_the_sources(), shown().await);
    assert!(known.len() > 25, "{known:?}");
    let strange: Vec<_> = shown.difference(&known).collect();
    assert!(strange.is_empty(), "shown, and not found in the sources: {strange:?}");
    let guide = read("docs/operations.md");
    let documented = words(&guide, "footfall_");
    let mut named: BTreeSet<String> = documented.iter().map(|name| base(name)).collect();
    for (file, metrics) in answer["metrics"].as_object().expect("files") {
        let metrics: BTreeSet<String> = metrics.as_array().unwrap().iter().map(text).collect();
        assert!(metrics.len() > 5, "{file} names few metrics: {metrics:?}");
        let unknown: Vec<_> = metrics.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names metrics that the program has not: {unknown:?}");
        named.extend(metrics);
    }
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "docs/operations.md names metrics that the program has not: {unknown:?}");
    let undocumented: Vec<_> = known.difference(&documented).collect();
    assert!(undocumented.is_empty(), "docs/operations.md says nothing of {undocumented:?}");
    // What only shows in trouble, or on another backend, is in the sources alone.
    let seldom = ["footfall_clickhouse_", "footfall_lake_errors_", "footfall_log_errors_", "footfall_held_"];
    let others = [
        "footfall_lake_compactions_total",
        "footfall_insights_",
        "footfall_experiment_answers_",
        "footfall_exposures_",
        "footfall_jobs_failing",
        "footfall_jobs_leads_given_up_",
        "footfall_bus_",
        "footfall_database_late_reads_",
        "footfall_log_partitions_away",
        "footfall_log_spill",
        "footfall_flag_streams_refused_",
        "footfall_plan_",
        "footfall_sql_questions_",
    ];
    let is_seldom = |name: &str| seldom.iter().chain(&others).any(|start| name.starts_with(start));
    let missing: Vec<_> = named.iter().filter(|name| !shown.contains(*name) && !is_seldom(name)).collect();
    assert!(store::is_clickhouse() || missing.is_empty(), "not shown by a running program: {missing:?}");
    say(&format!("deploy: {} metrics in the sources, {} shown, {} named", known.len(), shown.len(), named.len()));
    for row in answer["runbook"].as_array().expect("rows").iter().map(text) {
        let (file, symptom) = row.split_once(": ").expect("a file and a row");
        assert!(read(file).contains(&format!("| {symptom} |")), "the runbook has no row {symptom:?}");
    }
}

fn base(name: &str) -> String {
    let ends = ["_bucket", "_sum", "_count"];
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_setting_of_the_deployments_is_the_programs() {
    let answer = script("deploy.py", &[]).await;
    let defaults: toml::Table = read("api/footfall/default.toml").parse().expect("default.toml");
    let mut known = BTreeSet::from(["FOOTFALL_CONFIG".to_owned()]);
    for (key, value) in &defaults {
        match value.as_table() {
            Some(section) => known.extend(section.keys().map(|inner| format!("{key}_{inner}"))),
            None => drop(known.insert(key.clone())),
        }
    }
    let known: BTreeSet<String> =
        known.iter().map(|name| format!("FOOTFALL_{}", name.trim_start_matches("FOOTFALL_").to_uppercase())).collect();
    for (file, settings) in answer["settings"].as_object().expect("files") {
        for setting in settings.as_array().unwrap().iter().map(text) {
            assert!(known.contains(&setting), "{file}: {setting} is no setting");
        }
    }
}

/// A path of a router's table, with something in its places.
fn filled(pattern: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Paths that stand in a source file.
fn paths_in(file: &str) -> BTreeSet<String> {
    let text = read(file);
    text.split('"').skip(1).step_by(2).filter(|quoted| quoted.starts_with('/')).map(filled).collect()
}

/// Before several processes: what the doors take goes to `ingest`, all else to `api`.
#[tokio::test]
async fn proxies_know_the_paths_of_all_doors() {
    let mut doors = paths_in("ingest/server/src/routes.rs");
    assert!(doors.remove("/v1/projects/x/settings"), "both answer there, since an ingress cannot tell it apart");
    let document: Value = serde_json::from_str(&read("docs/openapi.json")).expect("JSON");
    let mut others: BTreeSet<String> =
        document["paths"].as_object().expect("paths").keys().map(|key| filled(key)).collect();
    for file in ["api/pages/src/router.rs", "api/experiments/src/doors/mod.rs"] {
        others.extend(paths_in(file));
    }
    assert!(doors.len() > 40 && others.len() > 200, "{doors:?}");
    let paths: Vec<&str> = doors.union(&others).map(String::as_str).collect();
    let answer = script("deploy.py", &[("PATHS", paths.join("\n").as_str())]).await;
    let proxies = answer["roles"].as_object().expect("proxies");
    assert_eq!(proxies.len(), 2);
    for (proxy, roles) in proxies {
        let goes = |path: &&String, role: &str| roles[path.as_str()] == role;
        let unknown: Vec<_> = doors.iter().filter(|path| !goes(path, "ingest")).collect();
        assert!(unknown.is_empty(), "{proxy} does not send these to the doors: {unknown:?}");
        let taken: Vec<_> = others.iter().filter(|path| !goes(path, "api")).collect();
        assert!(taken.is_empty(), "{proxy} does not send these to the API: {taken:?}");
    }
    let unlike: Vec<_> = paths.iter().filter(|path| is_door(path) != doors.contains(**path)).collect();
    assert!(unlike.is_empty(), "the balancer of these tests does otherwise: {unlike:?}");
}

/// A settings file that nothing names is read by nobody.
#[test]
fn the_settings_files_of_the_units_are_named_to_the_program() {
    for unit in ["footfall.service", "footfall@.service", "footfall-backup.service"] {
        let unit = format!("deploy/systemd/{unit}");
        let text = read(&unit);
        let (files, named) =
            (text.matches("/etc/footfall/footfall.toml"), text.matches("FOOTFALL_CONFIG=/etc/footfall/footfall.toml"));
        assert_eq!(files.count(), named.count(), "{unit}");
        assert!(text.contains("EnvironmentFile=-/etc/footfall/environment"), "{unit}");
    }
}

/// Clients of Segment are told to send to the host by whose name they have asked: on which port is a part of it.
#[test]
fn the_proxy_passes_on_the_host_with_its_port() {
    let text = read("deploy/docker/nginx.conf");
    let hosts: Vec<&str> =
        text.lines().map(str::trim).filter(|line| line.starts_with("proxy_set_header Host ")).collect();
    assert_eq!(hosts, ["proxy_set_header Host $http_host;"]);
}

/// The units as systemd reads them, with the program that was built where they expect it.
#[test]
fn systemd_understands_the_units() {
    let Ok(found) = Command::new("systemd-analyze").arg("--version").output() else {
        say("deploy: no systemd-analyze here; the units are not looked at");
        return;
    };
    assert!(found.status.success());
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for entry in std::fs::read_dir(root().join("deploy/systemd")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("/usr/local/bin/footfall", &binary().display().to_string());
        let copy = folder.path().join(path.file_name().unwrap());
        std::fs::write(&copy, text).unwrap();
        units.push(copy);
    }
    assert_eq!(units.len(), 4);
    let output = Command::new("systemd-analyze").arg("verify").args(&units).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("footfall")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    assert!(is_hardened(&read("deploy/systemd/footfall.service"), "footfall"));
    assert!(is_hardened(&read("deploy/systemd/footfall@.service"), "footfall-%i"));
}

fn is_hardened(unit: &str, folder: &str) -> bool {
    let folder = format!("StateDirectory={folder}");
    let wanted = ["DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", folder.as_str()];
    wanted.iter().all(|line| unit.lines().any(|found| found == *line))
}
