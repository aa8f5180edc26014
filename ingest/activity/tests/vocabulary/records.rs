//! Records, checkpoints, ids and texts.

use footfall_ingest_activity::{
    Activity, COMMON_TEXTS, Checkpoint, Common, Draft, Entry, Kind, Limits, Link, LinkKind, Loose, Quarantined, Reason,
    Record, Resolved, Source, Text, Timestamp, Unmerge, is_known_bad, person_id_of,
};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::borrow::Cow;

fn activity<'a>(id: &'a str, properties: &'a RawValue) -> Activity<'a> {
    let mut draft = Draft::new(Kind::Track);
    draft.event = Some("e".into());
    draft.user_id = Some(id.into());
    draft.message_id = Some("m".into());
    draft.timestamp = Some("2026-11-23T12:00:00Z".into());
    draft.properties = Some(properties);
    draft.link = Some(Link { kind: LinkKind::Identify, from: "a".into(), into: id.into() });
    draft.common = Common { os: Some("Linux".into()), amount: Some(1.5), ..Common::default() };
    let source = Source::new("p", "native", Timestamp::from_millis(1_795_435_200_000), "{}");
    Activity::parse(draft, &source, &Limits::default()).unwrap()
}

proptest! {
    #[test]
    fn an_activity_survives_the_record(id in "[^\0]{0,30}[a-z]", text in ".*") {
        let properties = serde_json::value::to_raw_value(&serde_json::json!({ "x": text })).unwrap();
        let activity = activity(&id, &properties);
        let record = Entry::Activity(Box::new(activity.clone())).encode().unwrap();
        prop_assert_eq!(record.partition_key, Record::key_of("p", &id));
        let Entry::Activity(read) = Entry::decode(record.kind, &record.payload).unwrap() else { panic!("no activity") };
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), serde_json::to_string(&activity).unwrap());
        prop_assert_eq!(read.properties.unwrap().get(), properties.get());
    }

    #[test]
    fn checkpoints_are_a_lattice(a in prop::collection::vec((0u32..6, 0u64..9), 0..8), b in prop::collection::vec((0u32..6, 0u64..9), 0..8)) {
        let (a, b) = (Checkpoint::from_iter(a), Checkpoint::from_iter(b));
        let mut both = a.clone();
        both.merge(&b);
        let met = a.meet(&b);
        prop_assert!(both.covers(&a) && both.covers(&b) && a.covers(&met) && b.covers(&met));
        for partition in 0..6 {
            prop_assert_eq!(both.next_offset(partition), a.next_offset(partition).max(b.next_offset(partition)));
            prop_assert_eq!(met.next_offset(partition), a.next_offset(partition).min(b.next_offset(partition)));
        }
    }

    #[test]
    fn texts_are_what_serde_reads(text in ".*") {
        let json = serde_json::to_string(&text).unwrap();
        let read = serde_json::from_str::<Text>(&json).unwrap();
        prop_assert_eq!(read.as_str(), &text);
        prop_assert_eq!(serde_json::from_str::<Loose>(&json).unwrap().0, Some(read));
    }
}

#[test]
fn a_checkpoint_never_goes_back() {
    let mut checkpoint = Checkpoint::default();
    checkpoint.advance(1, 5);
    checkpoint.advance(1, 3);
    assert_eq!((checkpoint.next_offset(1), checkpoint.next_offset(2)), (5, 0));
    assert_eq!(serde_json::to_string(&checkpoint).unwrap(), r#"{"1":5}"#);
}

#[test]
fn other_records_survive_too() {
    let at = Timestamp::from_millis(7);
    let quarantined = Quarantined {
        quarantine_id: "q".into(),
        project: "p".into(),
        dialect: "native".into(),
        reason: Reason::TooDeep.code().into(),
        detail: "d\"".into(),
        raw: "{\"a\":[]}".into(),
        received_at: at,
        sent_at: Some(at),
        import: None,
    };
    let resolved = Resolved { project: "p".into(), quarantine_id: "q".into(), resolved_at: at };
    let unmerge = Unmerge { project: "p".into(), merge_id: "m".into(), requested_at: at };
    let record = Entry::Quarantined(quarantined.clone()).encode().unwrap();
    assert!(
        matches!(Entry::decode(record.kind, &record.payload).unwrap(), Entry::Quarantined(read) if read == quarantined)
    );
    let resolving = Entry::Resolved(resolved.clone()).encode().unwrap();
    assert_eq!(resolving.partition_key, record.partition_key);
    assert!(
        matches!(Entry::decode(resolving.kind, &resolving.payload).unwrap(), Entry::Resolved(read) if read == resolved)
    );
    let record = Entry::Unmerge(unmerge.clone()).encode().unwrap();
    assert!(matches!(Entry::decode(record.kind, &record.payload).unwrap(), Entry::Unmerge(read) if read == unmerge));
    assert!(Entry::decode(99, b"{}").is_err());
    assert!(Entry::decode(1, b"{").is_err());
}

#[test]
fn texts_borrow_where_they_can() {
    assert!(matches!(serde_json::from_str::<Text>(r#""plain""#).unwrap().0, Cow::Borrowed("plain")));
    assert!(matches!(serde_json::from_str::<Text>(r#""a\nb""#).unwrap().0, Cow::Owned(_)));
    let loose = |json| serde_json::from_str::<Loose>(json).unwrap().0.map(|text| text.as_str().to_owned());
    assert_eq!(loose("7").as_deref(), Some("7"));
    assert_eq!(loose("true").as_deref(), Some("true"));
    assert_eq!((loose("null"), loose("[1,{}]"), loose(r#"{"a":[]}"#)), (None, None, None));
}

#[test]
fn persons_follow_from_project_and_id() {
    assert_eq!(person_id_of("p", "u"), person_id_of("p", "u"));
    assert_ne!(person_id_of("p", "u"), person_id_of("q", "u"));
    assert_ne!(person_id_of("p", "qu"), person_id_of("pq", "u"));
    assert_eq!(person_id_of("p", "u").get_version_num(), 8);
}

#[test]
fn nobody_is_nobody_in_any_spelling() {
    for id in ["", "  ", "null", "NULL", "\"undefined\"", "[object Object]", "0", "Anonymous", " guest "] {
        assert!(is_known_bad(id), "{id:?}");
    }
    for id in ["u1", "00", "nullify", "a@b"] {
        assert!(!is_known_bad(id), "{id:?}");
    }
}

#[test]
fn columns_have_their_names() {
    assert_eq!(Common::TEXT_COLUMNS.len(), COMMON_TEXTS);
    let mut common = Common::default();
    for name in Common::TEXT_COLUMNS {
        *common.text_mut(name).unwrap() = Some((*name).into());
    }
    assert_eq!(common.texts().map(Option::unwrap), *Common::TEXT_COLUMNS);
    assert!(common.text_mut("nope").is_none());
}
