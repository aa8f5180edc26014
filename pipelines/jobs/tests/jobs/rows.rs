//! What one turn makes of its records, table by table.

use std::collections::HashSet;
use std::sync::Arc;

use footfall_ingest_activity::{Record, Timestamp, person_id_of};
use footfall_ingest_log::Damage;
use footfall_pipelines_jobs::identity::IdentityGraph;
use footfall_pipelines_jobs::{Built, Graphs, Sources, build};
use footfall_pipelines_store::StoreError;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::traits::Traits;
use serde_json::{Value, json};

use crate::given::{activities, activity, batch, build_once, plain, record};

fn built(records: Vec<Record>) -> Built {
    build_once(&batch(0, records), &mut HashSet::new(), &mut Graphs::new())
}

fn rows(built: &Built, project: &str, table: Table) -> Vec<Value> {
    built.publication.rows.get(project).and_then(|rows| rows.batches.get(&table)).map(plain).unwrap_or_default()
}

#[test]
fn an_activity_keeps_every_field() {
    let payload = activity(
        "m1",
        "u",
        1000,
        json!({
            "kind": "page", "event": "$pageview", "user_id": "u", "anonymous_id": "a", "original_timestamp": 900, "sent_at": 950,
            "common": {"os": "Linux", "country": "NO", "page_path": "/\u{00e9}", "amount": 1.5, "latitude": 59.9, "longitude": 10.7},
            "properties": {"x": [1, {"y": null}]}, "context": {"c": 1}, "groups": {"team": "t"},
        }),
    );
    let row = &rows(&built(activities(&[payload])), "shop", Table::Activity)[0];
    let expected = json!({
        "message_id": "m1", "event": "$pageview", "kind": "page", "person_id": person_id_of("shop", "u").to_string(),
        "distinct_id": "u", "user_id": "u", "anonymous_id": "a", "timestamp": 1000, "original_timestamp": 900,
        "sent_at": 950, "received_at": 1005, "os": "Linux", "country": "NO", "page_path": "/é", "amount": 1.5,
        "latitude": 59.9, "longitude": 10.7, "groups": "{\"team\":\"t\"}", "properties": "{\"x\":[1,{\"y\":null}]}",
        "context": "{\"c\":1}", "dialect": "native",
    });
    for (name, value) in row.as_object().unwrap() {
        assert_eq!(value, expected.get(name).unwrap_or(&Value::Null), "{name}");
    }
}

#[test]
fn words_that_come_and_go_stay_in_their_rows() {
    let words = [None, Some("Linux"), None, None, Some("Plan 9"), Some("Linux"), None];
    let acts: Vec<Value> = (words.iter().enumerate())
        .map(|(n, os)| activity(&n.to_string(), "a", n as i64, json!({"common": {"os": os}})))
        .collect();
    let rows = rows(&built(activities(&acts)), "shop", Table::Activity);
    assert_eq!(rows.iter().map(|row| row["os"].as_str()).collect::<Vec<_>>(), words);
    assert!(rows.iter().all(|row| row["properties"] == "{}"));
}

#[test]
fn projects_have_rows_of_their_own() {
    let acts = [
        activity("m1", "a", 1, json!({})),
        activity("m1", "a", 1, json!({"project": "forum"})),
        activity("m1", "a", 1, json!({})),
    ];
    let built = built(activities(&acts));
    assert_eq!((built.tally.activities, built.tally.duplicates), (2, 1));
    for project in ["shop", "forum"] {
        let rows = rows(&built, project, Table::Activity);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["person_id"], person_id_of(project, "a").to_string());
    }
}

#[test]
fn an_id_is_one_row_of_identities() {
    let acts = [
        activity("1", "a", 50, json!({"set": {"plan": "free"}, "set_once": {"first": 1}})),
        activity("2", "b", 10, json!({})),
        activity("3", "a", 20, json!({"set": {"plan": "old"}, "identified": true})),
    ];
    let rows = rows(&built(activities(&acts)), "shop", Table::Identities);
    assert_eq!(rows.len(), 2);
    let a = &rows[0];
    assert_eq!(
        (&a["distinct_id"], &a["first_seen"], &a["last_seen"], &a["activities"], &a["identified"]),
        (&json!("a"), &json!(20), &json!(50), &json!(2), &json!(true))
    );
    let properties = Traits::from_state(a["traits"].as_str().unwrap()).to_properties();
    assert_eq!(properties, r#"{"first":1,"plan":"free"}"#);
    assert_eq!(rows[1]["traits"], Value::Null);
}

#[test]
fn a_claim_is_a_row_and_a_change_of_person() {
    let link = json!({"kind": "identify", "from": "a", "into": "u"});
    let acts = [
        activity("1", "a", 1, json!({})),
        activity("2", "u", 2, json!({"kind": "identify", "link": link, "identified": true})),
        activity("3", "u", 3, json!({"link": link, "identified": true})),
        activity("4", "w", 4, json!({"kind": "identify", "identified": true})),
    ];
    let (mut seen, mut graphs) = (HashSet::new(), Graphs::new());
    let built = build_once(&batch(0, activities(&acts)), &mut seen, &mut graphs);
    let merges = rows(&built, "shop", Table::PersonMerges);
    let outcomes: Vec<_> = merges.iter().map(|row| (row["merge_id"].as_str(), row["outcome"].as_str())).collect();
    assert_eq!(outcomes, [(Some("2"), Some("applied")), (Some("4"), Some("known"))]);
    let (a, u) = (person_id_of("shop", "a"), person_id_of("shop", "u"));
    assert_eq!(built.publication.rows["shop"].person_changes, [(a, u)]);

    let undo = record(Record::KIND_UNMERGE, &json!({"project": "shop", "merge_id": "2", "requested_at": 9}));
    let built = build_once(&batch(4, vec![undo]), &mut seen, &mut graphs);
    assert_eq!(built.publication.rows["shop"].person_changes, [(a, a)]);
    assert_eq!(rows(&built, "shop", Table::PersonMerges)[0]["sequence"], 2);
}

#[test]
fn an_id_that_only_a_claim_names_is_known_without_activity() {
    let link = json!({"kind": "alias", "from": "new-name", "into": "u"});
    let built = built(activities(&[activity("1", "u", 7, json!({"kind": "alias", "link": link}))]));
    let rows = rows(&built, "shop", Table::Identities);
    let found = rows.iter().find(|row| row["distinct_id"] == "new-name").unwrap();
    assert_eq!((&found["activities"], &found["first_seen"]), (&json!(0), &json!(7)));
}

#[test]
fn what_cannot_be_read_is_quarantined_whole() {
    let records = vec![
        Record { kind: Record::KIND_ACTIVITY, partition_key: 0, payload: b"{\"project\":\"shop\"}".to_vec() },
        Record { kind: 77, partition_key: 0, payload: vec![0xff, b'x'] },
    ];
    let built = built(records);
    assert_eq!(built.tally.quarantined, 2);
    let shop = &rows(&built, "shop", Table::Quarantine)[0];
    assert_eq!((&shop["reason"], &shop["raw"]), (&json!("malformed"), &json!("{\"project\":\"shop\"}")));
    let unknown = &rows(&built, "default", Table::Quarantine)[0];
    assert_eq!(unknown["raw"], "\u{fffd}x");
    assert!(unknown["detail"].as_str().unwrap().contains("record kind 77"));
}

#[test]
fn damage_of_the_log_is_told_once_to_every_project() {
    let damage = Damage {
        partition: 3,
        from_offset: 10,
        to_offset: 20,
        kept_in: "damaged-1".to_owned(),
        detail: "checksum".to_owned(),
    };
    let mut seen = HashSet::new();
    let read = |seen: &mut HashSet<u128>| {
        let mut batch = batch(0, activities(&[activity("m", "a", 1, json!({}))]));
        batch.damages = vec![damage.clone(), damage.clone()];
        build_once(&batch, seen, &mut Graphs::new())
    };
    let built = read(&mut seen);
    let rows = rows(&built, "shop", Table::Quarantine);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["reason"], "log_damaged");
    assert!(rows[0]["detail"].as_str().unwrap().contains("partition 3, offsets 10 to 20"));
    let again = read(&mut seen);
    assert!(again.publication.rows.is_empty() && again.publication.message_keys.is_empty());
}

#[test]
fn a_poisoned_record_is_quarantined_unread() {
    let batch = batch(5, activities(&[activity("1", "a", 1, json!({})), activity("2", "a", 2, json!({}))]));
    let sources = Sources {
        is_new: &|keys| Ok::<_, StoreError>(vec![true; keys.len()]),
        graph: &|project| Ok(IdentityGraph::new(project.clone())),
        projects: vec![Arc::from("shop")],
        now: Timestamp::from_millis(99),
        poisoned: HashSet::from([(0, 6)]),
        erasures: Default::default(),
        live_activities_max: 0,
    };
    let built = build(&batch, &sources, &mut Graphs::new()).unwrap();
    assert_eq!((built.tally.activities, built.tally.quarantined), (1, 1));
}

#[test]
fn quarantined_and_replayed_items_come_through() {
    let item = json!({
        "quarantine_id": "q1", "project": "shop", "dialect": "segment", "reason": "event_missing", "detail": "no event",
        "raw": "{}", "received_at": 5, "sent_at": 4, "import": "run-1",
    });
    let resolved = json!({"project": "shop", "quarantine_id": "q1", "resolved_at": 8});
    let records = vec![
        record(Record::KIND_QUARANTINED, &item),
        record(Record::KIND_RESOLVED, &resolved),
        record(Record::KIND_RESOLVED, &resolved),
    ];
    let built = built(records);
    let quarantine = rows(&built, "shop", Table::Quarantine);
    assert_eq!((&quarantine[0]["quarantine_id"], &quarantine[0]["sent_at"]), (&json!("q1"), &json!(4)));
    let resolved = rows(&built, "shop", Table::QuarantineResolved);
    assert_eq!(resolved, [json!({"quarantine_id": "q1", "resolved_at": 8})]);
    assert_eq!(built.tally.imports[0].1.quarantined, 1);
}
