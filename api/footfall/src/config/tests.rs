//! Layers, suggestions, quantities, and that the built-in file and the types agree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::time::Duration;

use super::*;

fn given(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Given {
    let pair = |(a, b): &(&str, &str)| (a.to_string(), b.to_string());
    let flag = |(a, b): &(&str, &str)| (a.to_string(), b.to_string(), format!("--set {a}"));
    Given { file: None, environment: environment.iter().map(pair).collect(), flags: flags.iter().map(flag).collect() }
}

#[test]
fn defaults_are_complete() {
    let config = Config::load(&given(&[("FOOTFALL_DATA_DIR", "/nowhere/d")], &[])).unwrap();
    assert_eq!(config.settings.listen, "127.0.0.1:8080");
    assert_eq!(config.settings.log.url, "file:/nowhere/d/log");
    assert_eq!(config.settings.store.dedupe_window.0, Duration::from_secs(32 * 86_400));
    let bare = Config::load(&given(&[], &[("data_dir", "/nowhere")])).unwrap();
    assert_eq!(bare.layers.origin("data_dir"), Origin::Flag { flag: "--set data_dir".into() });
}

#[test]
fn each_layer_covers_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listen = \"1.1.1.1:1\"\n[log]\nsegment_bytes = \"1MiB\"\ndisk_reserve = 0\n[sql]\nconcurrent = 3\n";
    fs::write(folder.path().join("footfall.toml"), text).unwrap();
    let dir = folder.path().to_str().unwrap();
    let environment =
        [("FOOTFALL_DATA_DIR", dir), ("FOOTFALL_LOG__SEGMENT_BYTES", "2MiB"), ("FOOTFALL_SQL_CONCURRENT", "4")];
    let config = Config::load(&given(&environment, &[("sql.concurrent", "5")])).unwrap();
    assert_eq!(config.settings.listen, "1.1.1.1:1");
    assert_eq!(config.settings.log.segment_bytes, ByteCount(2 << 20));
    assert_eq!(config.settings.log.disk_reserve, ByteCount(0));
    assert_eq!(config.settings.sql.concurrent, 5);
    let shown = config.to_toml();
    assert!(shown.contains("footfall.toml:1"), "{shown}");
    assert!(shown.contains("# environment FOOTFALL_LOG__SEGMENT_BYTES"), "{shown}");
    assert!(shown.contains("# flag --set sql.concurrent"), "{shown}");
    // What it prints can be used as a file.
    let file = folder.path().join("again.toml");
    fs::write(&file, &shown).unwrap();
    let again = Config::load(&Given { file: Some(file), ..Given::default() }).unwrap();
    assert_eq!(again.settings.sql.concurrent, 5);
}

#[test]
fn passwords_are_not_shown_wherever_they_stand_in_an_address() {
    let shown = |url: &str| Config::load(&given(&[], &[("database.url", url)])).unwrap().to_toml();
    for url in [
        "postgres://me:hunter2@host/db?sslmode=require",
        "postgres:///db?host=/run/postgres&user=me&password=hunter2&sslmode=require",
    ] {
        let text = shown(url);
        assert!(!text.contains("hunter2") && text.contains("sslmode=require"), "{text}");
    }
}

#[test]
fn unknown_names_get_a_suggestion() {
    let error = |given: &Given| Config::load(given).unwrap_err().to_string();
    let flag = error(&given(&[], &[("log.segment_byte", "1")]));
    assert!(flag.contains("did you mean \"log.segment_bytes\""), "{flag}");
    let variable = error(&given(&[("FOOTFALL_LISTN", "x")], &[]));
    assert!(variable.contains("did you mean \"FOOTFALL_LISTEN\""), "{variable}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.toml");
    fs::write(&path, "[sql]\n\nmemroy = \"1GiB\"\n").unwrap();
    let file = error(&Given { file: Some(path.clone()), ..Given::default() });
    assert!(file.contains("f.toml:3") && file.contains("\"sql.memory\""), "{file}");
    fs::write(&path, "[sql]\nmemory = \"lots\"\n").unwrap();
    let value = error(&Given { file: Some(path.clone()), ..Given::default() });
    assert!(value.contains("f.toml:2") && value.contains("sql.memory") && value.contains("is no size"), "{value}");
    fs::write(&path, "[log]\nkafka_mechanism = \"GSSAPI\"\n").unwrap();
    let mechanism = error(&Given { file: Some(path.clone()), ..Given::default() });
    assert!(mechanism.contains("log.kafka_mechanism") && mechanism.contains("`SCRAM-SHA-512`"), "{mechanism}");
    fs::write(&path, "[sql\n").unwrap();
    assert!(error(&Given { file: Some(path), ..Given::default() }).contains("line 1"));
    assert!(error(&given(&[], &[("store.dedupe_window", "6d")])).contains("at least"));
}

#[test]
fn quantities() {
    let span = |text: &str| text.parse::<Span>().map(|span| span.0.as_millis());
    assert_eq!(span("250ms"), Ok(250));
    assert_eq!(span("1.5h"), Ok(5_400_000));
    assert_eq!(span("32 d"), Ok(32 * 86_400_000));
    assert_eq!(span("0"), Ok(0));
    assert!(span("60").is_err() && span("-1s").is_err() && span("1e400s").is_err() && span("s").is_err());
    let size = |text: &str| text.parse::<ByteCount>().map(|bytes| bytes.0);
    assert_eq!(size("64MiB"), Ok(64 << 20));
    assert_eq!(size("2GB"), Ok(2_000_000_000));
    assert_eq!(size("1.5 KiB"), Ok(1536));
    assert_eq!(size("512"), Ok(512));
    assert!(size("64 MiBs").is_err() && size("").is_err() && size("99999999999TiB").is_err());
}
