//! docs/log-format.md names every member of every record, and no other; its examples can be read.

use std::collections::BTreeSet;
use std::path::Path;

use footfall_ingest_activity::{
    Activity, Common, Entry, Kind, Link, LinkKind, Quarantined, Record, Resolved, Timestamp, Unmerge,
};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The part of the document below a heading.
fn section(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/log-format.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}"));
    rest.split("\n##").next().unwrap_or_default().to_owned()
}

/// The members that its table names.
fn documented(heading: &str) -> BTreeSet<String> {
    let text = section(heading);
    let rows: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    let names: BTreeSet<String> = rows.iter().map(|row| row.split('`').next().unwrap().to_owned()).collect();
    assert_eq!(names.len(), rows.len(), "{heading}: a member twice");
    names
}

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// The object of a record that has everything.
fn written(entry: Entry<'_>) -> Value {
    serde_json::from_slice(&entry.encode().unwrap().payload).unwrap()
}

/// What the document says of a kind, by its heading: all members of `entry`, and an example that is a record of the kind.
fn assert_documented(heading: &str, kind: u8, entry: Entry<'_>) {
    assert!(heading.starts_with(&format!("Kind {kind}:")), "{heading}");
    assert_eq!(entry.encode().unwrap().kind, kind);
    assert_eq!(members(&written(entry)), documented(heading), "{heading}");
    let text = section(heading);
    let (_, example) = text.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let named = members(&serde_json::from_str(example).unwrap());
    assert!(named.is_subset(&documented(heading)), "{heading}: {named:?}");
    Entry::decode(kind, example.as_bytes()).unwrap_or_else(|error| panic!("{heading}: {error}"));
}

const AT: Timestamp = Timestamp::from_millis(1_780_000_000_000);

fn full_activity<'a>(object: &'a RawValue, names: &'a RawValue) -> Activity<'a> {
    let mut common = Common { amount: Some(4.5), latitude: Some(52.5), longitude: Some(13.4), ..Common::default() };
    for name in Common::TEXT_COLUMNS {
        *common.text_mut(name).unwrap() = Some((*name).into());
    }
    Activity {
        project: "p".into(),
        message_id: "m".into(),
        kind: Kind::Track,
        event: "e".into(),
        distinct_id: "u".into(),
        user_id: Some("u".into()),
        anonymous_id: Some("a".into()),
        timestamp: AT,
        original_timestamp: Some(AT),
        sent_at: Some(AT),
        received_at: AT,
        dialect: "native".into(),
        common,
        properties: Some(object),
        context: Some(object),
        groups: Some(object),
        set: Some(object),
        set_once: Some(object),
        unset: Some(names),
        link: Some(Link { kind: LinkKind::Identify, from: "a".into(), into: "u".into() }),
        identified: true,
        import: Some("i".into()),
    }
}

#[test]
fn every_member_of_an_activity_is_documented() {
    let (object, names) = (to_raw_value(&serde_json::json!({"x": 1})).unwrap(), to_raw_value(&["x"]).unwrap());
    let activity = full_activity(&object, &names);
    let value = written(Entry::Activity(Box::new(activity.clone())));
    assert_eq!(members(&value["common"]), documented("Common of an activity"));
    assert_eq!(members(&value["link"]), documented("Link of an activity"));
    assert_documented("Kind 1: activity", Record::KIND_ACTIVITY, Entry::Activity(Box::new(activity)));
}

#[test]
fn every_member_of_the_other_records_is_documented() {
    let item = Quarantined {
        quarantine_id: "q".into(),
        project: "p".into(),
        dialect: "native".into(),
        reason: "malformed".into(),
        detail: "d".into(),
        raw: "{}".into(),
        received_at: AT,
        sent_at: Some(AT),
        import: Some("i".into()),
    };
    assert_documented("Kind 2: quarantined item", Record::KIND_QUARANTINED, Entry::Quarantined(item));
    let resolved = Resolved { project: "p".into(), quarantine_id: "q".into(), resolved_at: AT };
    assert_documented("Kind 3: resolved item", Record::KIND_RESOLVED, Entry::Resolved(resolved));
    let unmerge = Unmerge { project: "p".into(), merge_id: "m".into(), requested_at: AT };
    assert_documented("Kind 4: unmerge", Record::KIND_UNMERGE, Entry::Unmerge(unmerge));
    assert!(Entry::Erased.encode().unwrap().payload.is_empty() && section("Kind 5: erased").starts_with("\nNo object"));
    assert_eq!(Record::KIND_ERASED, 5);
}
