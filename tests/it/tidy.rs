//! The house rules of ARCHITECTURE.md, read from every `Cargo.toml` and every source file. An untested rule is a wish.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Table;

use crate::gear::{root, say};

/// Our packages by level; a package may use only those of a lower level.
const LEVELS: &[(&str, u8)] = &[
    ("ingest/activity", 0),
    ("ingest/plan", 0),
    ("ingest/log", 1),
    ("pipelines/store", 1),
    ("models/experiment", 1),
    ("api/access", 1),
    ("api/http", 1),
    ("ingest/server", 2),
    ("pipelines/jobs", 2),
    ("pipelines/insights", 0),      // knows no store: rows are fed to it
    ("pipelines/insights-feed", 2), // feeds them
    ("api/app", 2),
    ("api/bus", 2), // counts limits as api/http does
    ("api/sql", 2), // what the doors of SQL share
    ("api/server", 3),
    ("api/boards", 3),
    ("api/data", 3),
    ("api/postgres", 3),
    ("api/flight", 3),
    ("api/experiments", 3),
    ("api/pages", 3), // its tests serve the pages together with the API that they ask
    ("api/insights", 3),
    ("api/footfall", 4),
    ("tests", 5),
    ("tests/bench", 6), // measures with the tests' own words
    ("tests/bench/insights", 6),
    ("dev/features", 0), // settles the features of shared crates, has no code of its own
];

/// The program, and what is no part of it, have short names.
const SHORT_NAMES: &[(&str, &str)] =
    &[("api/footfall", "footfall"), ("tests/bench", "footfall-bench"), ("dev/features", "footfall-features")];

/// Engines and the only packages that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("rdkafka", &["ingest/log"]),
    ("clickhouse", &["pipelines/store"]),
    ("datafusion", &["pipelines/store"]),
    (
        "axum",
        &[
            "ingest/server",
            "api/http",
            "api/app",
            "api/insights",
            "api/server",
            "api/pages",
            "api/experiments",
            "api/boards",
            "api/data",
            "api/footfall",
        ],
    ),
    ("sqlx", &["api/access"]),
    ("redis", &["api/bus"]),
    ("linfa", &[]), // what tests compare with (docs/decisions/035)
];

/// What a pure crate may not do.
const IMPURE: &[&str] =
    &["std::fs", "std::net", "std::io", "std::process", "std::thread", "std::env", "tokio", "async fn", "async move"];
const PURE: &[&str] = &["ingest/activity", "ingest/plan", "models"];

const LINES_MAX: usize = 500;
const FORBIDDEN_MODULES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "types"];

/// A package: its folder below the root and its manifest.
struct Package {
    folder: String,
    manifest: Table,
}

/// A source file: its path below the root and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines of code outside tests and comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let lines = self.text[..end].lines().enumerate();
        lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }

    fn is_test(&self) -> bool {
        let in_test_folder =
            |part: &str| self.path.contains(part) || self.path.starts_with(part.trim_start_matches('/'));
        ["/tests/", "/benches/"].into_iter().any(in_test_folder)
            || ["tests.rs", "contract.rs", "build.rs"].iter().any(|name| self.path.ends_with(name))
    }
}

fn packages() -> Vec<Package> {
    let workspace: Table = read(&root().join("Cargo.toml")).parse().expect("Cargo.toml");
    let members = workspace["workspace"]["members"].as_array().expect("members");
    let folder = |member: &toml::Value| member.as_str().expect("a path").to_owned();
    members
        .iter()
        .map(folder)
        .map(|folder| Package {
            manifest: read(&root().join(&folder).join("Cargo.toml")).parse().expect("a manifest"),
            folder,
        })
        .collect()
}

fn sources_of(folder: &str) -> Vec<Source> {
    let (mut sources, mut open) = (Vec::new(), vec![root().join(folder)]);
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A package in a package's folder is its own.
        if path.is_dir() && path.join("Cargo.toml").exists() && path != root().join(folder) {
            continue;
        }
        if path.is_dir() && !["target", "node_modules", "fuzz"].contains(&name.as_str()) {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if name.ends_with(".rs") && path.is_file() {
            let below = path.strip_prefix(root()).expect("below the root").display().to_string();
            sources.push(Source { path: below, text: read(&path) });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn all_sources() -> Vec<Source> {
    packages().iter().flat_map(|package| sources_of(&package.folder)).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn level(folder: &str) -> u8 {
    let known = LEVELS.iter().find(|(known, _)| *known == folder);
    known.unwrap_or_else(|| panic!("{folder} has no level yet: give it one in tests/it/tidy.rs")).1
}

fn name_of(folder: &str) -> String {
    let short = SHORT_NAMES.iter().find(|(known, _)| *known == folder);
    short.map_or_else(|| format!("footfall-{}", folder.replace('/', "-")), |(_, name)| (*name).to_owned())
}

/// Names of everything a manifest depends on; with development dependencies if asked.
fn dependencies(manifest: &Table, with_dev: bool) -> Vec<String> {
    let kinds = ["dependencies", "build-dependencies", "dev-dependencies"];
    let kinds = kinds.iter().take(if with_dev { 3 } else { 2 });
    kinds.filter_map(|kind| manifest.get(*kind)?.as_table()).flat_map(|table| table.keys().cloned()).collect()
}

fn none(rule: &str, breaches: Vec<String>) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

#[test]
fn package_names_are_their_paths() {
    let named = |package: &Package| package.manifest["package"]["name"].as_str().map(str::to_owned);
    let packages = packages();
    let wrong = packages.iter().filter(|package| named(package) != Some(name_of(&package.folder)));
    none("a package is named after its path", wrong.map(|package| package.folder.clone()).collect());
}

#[test]
fn dependencies_point_strictly_downward() {
    let folders: BTreeMap<String, String> = packages().iter().map(|p| (name_of(&p.folder), p.folder.clone())).collect();
    let mut breaches = Vec::new();
    for package in packages() {
        for dependency in dependencies(&package.manifest, true) {
            if let Some(below) = folders.get(&dependency).filter(|below| level(below) >= level(&package.folder)) {
                breaches.push(format!("{} uses {below}", package.folder));
            }
        }
    }
    none("dependencies point strictly downward, never sideways", breaches);
}

#[test]
fn imports_are_what_the_manifests_say() {
    let mut breaches = Vec::new();
    for package in packages() {
        let own = name_of(&package.folder).replace('-', "_");
        let allowed: Vec<_> = dependencies(&package.manifest, true).iter().map(|name| name.replace('-', "_")).collect();
        for source in sources_of(&package.folder) {
            for (line, code) in source.code().filter(|(_, code)| code.trim_start().starts_with("use footfall")) {
                let krate = code.trim_start()[4..].split([':', ';', ' ']).next().unwrap_or_default();
                if krate != own && !allowed.iter().any(|name| name == krate) {
                    breaches.push(format!("{}:{line}: {}", source.path, code.trim()));
                }
            }
        }
    }
    none("a `use` names only packages of the manifest", breaches);
}

#[test]
fn engines_stay_in_their_homes() {
    let is_of = |dependency: &str, engine: &str| dependency == engine || dependency.starts_with(&format!("{engine}-"));
    let mut breaches = Vec::new();
    // What settles the features of all crates has to name them all.
    for package in packages().into_iter().filter(|package| package.folder != "dev/features") {
        for dependency in dependencies(&package.manifest, false) {
            let homes = HOMES.iter().filter(|(engine, _)| is_of(&dependency, engine));
            let strangers = homes.filter(|(_, homes)| !homes.contains(&package.folder.as_str()));
            breaches.extend(strangers.map(|_| format!("{} depends on {dependency}", package.folder)));
        }
    }
    none("an engine is named in its home alone", breaches);
}

#[test]
fn pure_crates_do_no_io_and_nothing_async() {
    let mut breaches = Vec::new();
    for folder in PURE.iter().filter(|folder| root().join(folder).exists()) {
        for source in sources_of(folder).iter().filter(|source| !source.is_test()) {
            for (line, code) in source.code() {
                let found = IMPURE.iter().filter(|word| code.contains(**word));
                breaches.extend(found.map(|word| format!("{}:{line}: {word}", source.path)));
            }
        }
    }
    none("no I/O and no async in a pure crate", breaches);
}

#[test]
fn only_the_clock_asks_for_the_time() {
    breaches_outside(
        "time is asked for in the clock alone",
        &["SystemTime::now", "Utc::now", "Timestamp::now()", "Zoned::now"],
        |path| path == "ingest/activity/src/clock.rs",
    );
}

#[test]
fn only_wiring_and_config_read_the_environment() {
    breaches_outside("the environment is read in wiring and config alone", &["env::var", "env::vars"], |path| {
        path == "api/footfall/src/wiring.rs" || path.starts_with("api/footfall/src/config/")
    });
}

#[test]
fn what_is_not_run_on_services_exists_and_has_a_reason() {
    let mut listed = 0;
    for line in read(&root().join("tests/services.txt")).lines().filter(|line| !line.starts_with('#')) {
        let (name, why) = line.split_once(' ').expect("a name and a reason");
        let (module, test) = name.split_once("::").expect("a module");
        let source = read(&root().join(format!("tests/it/{module}.rs")));
        assert!(source.contains(&format!("fn {test}")), "{name} is no test");
        assert!(why.trim().len() > 10, "{name}: why?");
        listed += 1;
    }
    assert!(listed > 10, "{listed}");
}

#[test]
fn openssl_is_inside_librdkafka_alone() {
    let lock: Table = read(&root().join("Cargo.lock")).parse().expect("Cargo.lock");
    let packages = lock["package"].as_array().expect("packages");
    let name = |package: &toml::Value| package["name"].as_str().expect("a name").to_owned();
    let users = |of: &str| -> Vec<String> {
        let named = |dependency: &toml::Value| dependency.as_str().and_then(|text| text.split(' ').next()) == Some(of);
        let uses = |package: &&toml::Value| {
            package.get("dependencies").and_then(toml::Value::as_array).is_some_and(|all| all.iter().any(named))
        };
        packages.iter().filter(uses).map(name).collect()
    };
    assert_eq!(users("openssl-sys"), ["rdkafka-sys"], "everything else speaks TLS by rustls");
    assert_eq!(users("openssl-src"), ["openssl-sys"]);
    for other in ["openssl", "native-tls", "aws-lc-sys", "boring-sys"] {
        assert!(!packages.iter().any(|package| name(package) == other), "{other} is another TLS");
    }
}

fn breaches_outside(rule: &str, words: &[&str], home: fn(&str) -> bool) {
    let mut breaches = Vec::new();
    for source in all_sources().iter().filter(|source| !source.is_test() && !home(&source.path)) {
        for (line, code) in source.code() {
            if words.iter().any(|word| code.contains(word)) {
                breaches.push(format!("{}:{line}: {}", source.path, code.trim()));
            }
        }
    }
    none(rule, breaches);
}

#[test]
fn every_file_says_what_it_is() {
    let silent = all_sources().into_iter().filter(|source| !source.text.starts_with("//!"));
    none("a file opens with //!", silent.map(|source| source.path).collect());
}

#[test]
fn files_are_short_and_well_named() {
    let mut breaches = Vec::new();
    for source in all_sources() {
        let path = Path::new(&source.path);
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            breaches.push(format!("{}: {lines} lines, at most {LINES_MAX}", source.path));
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let vague = FORBIDDEN_MODULES.iter().find(|name| **name == stem || (stem == "mod" && **name == folder));
        if let Some(vague) = vague.filter(|_| source.path != "ingest/activity/src/common.rs") {
            breaches.push(format!("{}: «{vague}» says nothing", source.path));
        }
    }
    none("files are short and named after their subject", breaches);
}

#[test]
fn crate_roots_are_documentation_and_reexports() {
    let mut breaches = Vec::new();
    for source in all_sources().iter().filter(|source| source.path.ends_with("src/lib.rs")) {
        let items = ["fn ", "pub fn ", "struct ", "pub struct ", "enum ", "pub enum ", "impl ", "trait ", "pub trait "];
        let found = source.code().filter(|(_, code)| items.iter().any(|item| code.starts_with(item)));
        breaches.extend(found.map(|(line, code)| format!("{}:{line}: {}", source.path, code.trim())));
    }
    none("lib.rs holds documentation and re-exports", breaches);
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_ignored() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ign", "ore")];
    let mut breaches = Vec::new();
    for source in all_sources() {
        for (index, line) in
            source.text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)))
        {
            breaches.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
        }
    }
    none("no marks of unfinished work", breaches);
}

#[test]
fn architecture_fits_on_its_pages() {
    let path: PathBuf = root().join("ARCHITECTURE.md");
    let lines = read(&path).lines().count();
    assert!(lines <= 200, "ARCHITECTURE.md has {lines} lines, at most 200");
    say(&format!("tidy: {} source files looked at", all_sources().len()));
}
