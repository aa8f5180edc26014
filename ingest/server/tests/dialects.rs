//! Every dialect's reader on arbitrary and on mutated bodies: it never panics, and every item has exactly one fate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_ingest_activity::{Entry, Limits, Quarantined, Source, Timestamp};
use footfall_ingest_server::{
    BodyKind, Dialect, Encoding, ParsedRequest, Scratch, Setting, decode, parse_body, parse_import, parse_item,
    parse_quarantined, parse_record,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T12:00:00Z").unwrap()
}

/// The account of a request adds up, and its records can be read back.
fn check(parsed: &ParsedRequest, items: Option<usize>) {
    let outcomes = parsed.accepted + parsed.quarantined + parsed.rejected;
    assert_eq!(parsed.received(), outcomes);
    if let Some(items) = items {
        assert_eq!(outcomes, items);
    }
    assert_eq!(parsed.records.len(), parsed.accepted + parsed.quarantined);
    assert_eq!(parsed.fates.len(), parsed.quarantined + parsed.rejected);
    let mut quarantined = 0;
    for record in &parsed.records {
        match Entry::decode(record.kind, &record.payload).unwrap() {
            Entry::Activity(activity) => assert!(!activity.distinct_id.is_empty() && !activity.event.is_empty()),
            Entry::Quarantined(item) => {
                quarantined += 1;
                stays_refused(&item);
            }
            _ => {}
        }
    }
    assert_eq!(quarantined, parsed.quarantined);
}

/// What was quarantined is refused for the same reason when it is read again on its own.
fn stays_refused(item: &Quarantined<'_>) {
    let source =
        Source { sent_at: item.sent_at, ..Source::new(&item.project, &item.dialect, item.received_at, &item.raw) };
    let dialect = Dialect::of(&item.dialect).unwrap();
    let refusal = parse_record(dialect, &item.raw, &source, &Limits::default(), None);
    if item.reason.as_str() != "message_id_invalid" {
        assert_eq!(refusal.unwrap_err().reason.code(), item.reason.as_str(), "{}", item.raw.as_str());
    }
}

fn run(kind: BodyKind, body: &[u8]) {
    let limits = Limits::default();
    let setting = Setting::new("p", now(), &limits);
    if let Ok(parsed) = parse_body(kind, body, &setting, 1000) {
        check(&parsed, None);
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[a-z$]{1,6}".prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => ".{0,8}".prop_map(Value::from),
        2 => Just(json!("2026-11-23T11:00:00Z")),
        1 => prop::collection::vec(0..3, 0..3).prop_map(Value::from),
    ]
}

fn object(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec((prop::sample::select(names), scalar()), 0..6)
        .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

const TYPES: &[&str] = &["track", "identify", "page", "screen", "group", "alias", "merge", "unmerge", "resolve", "x"];
const FIELDS: &[&str] = &[
    "event",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "messageId",
    "timestamp",
    "originalTimestamp",
    "distinctId",
    "distinct_id",
    "$distinct_id",
    "uuid",
    "offset",
    "name",
    "api_key",
    "writeKey",
    "sentAt",
    "mergeId",
    "unset",
    "session_id",
];
const OBJECTS: &[&str] =
    &["properties", "traits", "context", "set", "setOnce", "groups", "$set", "$set_once", "options", "mergeProperties"];
const INNER: &[&str] = &[
    "$anon_distinct_id",
    "alias",
    "distinct_id",
    "$groups",
    "$set",
    "revenue",
    "$os",
    "page",
    "os",
    "ip",
    "token",
    "$unset",
    "$group_type",
    "$group_key",
    "latitude",
    "groupId",
];

/// Items in no dialect's shape and every dialect's.
fn item() -> impl Strategy<Value = Value> {
    let typed = prop::option::of(prop::sample::select(TYPES));
    let inner = prop_oneof![4 => object(INNER), 1 => scalar()];
    let objects = prop::collection::vec((prop::sample::select(OBJECTS), inner), 0..4);
    let built = (typed, object(FIELDS), objects).prop_map(|(typed, mut item, objects)| {
        if let Some(typed) = typed {
            item["type"] = json!(typed);
        }
        for (name, value) in objects {
            item[name] = value;
        }
        item
    });
    prop_oneof![9 => built, 1 => scalar()]
}

fn batch() -> impl Strategy<Value = (usize, Value)> {
    (prop::collection::vec(item(), 0..6), prop::option::of(object(INNER))).prop_map(|(items, context)| {
        let count = items.len();
        let mut body = json!({"batch": items, "sentAt": "2026-11-23T11:59:00Z", "api_key": "k"});
        if let Some(context) = context {
            body["context"] = context;
        }
        (count, body)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn arbitrary_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for kind in BodyKind::ALL {
            run(*kind, &body);
        }
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd] {
            if let Ok(Some(decoded)) = decode(&body, encoding, 4096, &mut |_| true) {
                assert!(decoded.len() <= 4096);
            }
        }
    }

    #[test]
    fn every_item_has_one_fate((count, body) in batch()) {
        let limits = Limits::default();
        let setting = Setting::new("p", now(), &limits);
        let text = body.to_string();
        for kind in [BodyKind::SegmentBatch, BodyKind::RudderBatch] {
            check(&parse_body(kind, text.as_bytes(), &setting, 1000).unwrap(), Some(count));
        }
        check(&parse_import(&text, &setting).unwrap(), Some(count));
        for kind in [BodyKind::PosthogV0, BodyKind::PosthogV1] {
            if let Ok(parsed) = parse_body(kind, text.as_bytes(), &setting, 1000) {
                check(&parsed, Some(count));
            }
        }
        let array = body["batch"].to_string();
        let lines: String = body["batch"].as_array().unwrap().iter().map(|item| format!("{item}\n")).collect();
        for kind in [BodyKind::Native, BodyKind::Import] {
            check(&parse_body(kind, array.as_bytes(), &setting, 1000).unwrap(), Some(count));
            // One line that is an array is a body that is an array: its elements are the items.
            let is_one_array = count == 1 && body["batch"][0].is_array();
            if let Ok(parsed) = parse_body(kind, lines.as_bytes(), &setting, 1000) {
                check(&parsed, Some(count).filter(|_| !is_one_array));
            }
        }
    }

    #[test]
    fn mutated_bodies((_, body) in batch(), cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = body.to_string().into_bytes();
        for (place, byte) in cuts {
            let at = place.index(bytes.len());
            match byte % 4 {
                0 => bytes.truncate(at + 1),
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => bytes[at] = byte,
            }
            if bytes.is_empty() {
                break;
            }
        }
        for kind in BodyKind::ALL {
            run(*kind, &bytes);
        }
    }

    #[test]
    fn single_items(item in item()) {
        let raw = item.to_string();
        for dialect in Dialect::ALL {
            let scratch = Scratch::default();
            let source = Source::new("p", dialect.as_str(), now(), &raw);
            let _ = parse_item(*dialect, &raw, &source, &Limits::default(), &scratch);
        }
        run(BodyKind::SegmentCall("identify"), raw.as_bytes());
    }
}

fn imported(json: &str) -> Value {
    let limits = Limits::default();
    let parsed = parse_import(json, &Setting::new("p", now(), &limits)).unwrap();
    assert_eq!(parsed.received(), 1);
    serde_json::from_slice(&parsed.records[0].payload).unwrap()
}

#[test]
fn imports_recognise_every_shape() {
    let segment =
        imported(r#"{"type":"track","event":"e","userId":"u","messageId":"m","timestamp":"2014-06-25T14:29:32.000Z"}"#);
    assert_eq!((&segment["event"], &segment["message_id"]), (&json!("e"), &json!("m")));
    assert_eq!(segment["timestamp"], 1_403_706_572_000i64);
    let native = imported(r#"{"event":"e","distinctId":"d","set":{"a":1}}"#);
    assert_eq!((&native["distinct_id"], &native["set"]), (&json!("d"), &json!({"a": 1})));
    let captured = imported(r#"{"event":"$identify","properties":{"distinct_id":"u","$anon_distinct_id":"a"}}"#);
    assert_eq!(captured["link"], json!({"kind": "identify", "from": "a", "into": "u"}));
    let exported = imported(
        r#"{"uuid":"x","event":"e","properties":"{\"$os\":\"Mac\",\"n\":1}","distinct_id":"u","timestamp":"2024-01-01 00:00:00.123000"}"#,
    );
    assert_eq!((&exported["common"]["os"], &exported["properties"]["n"]), (&json!("Mac"), &json!(1)));
    assert_eq!((&exported["message_id"], &exported["timestamp"]), (&json!("x"), &json!(1_704_067_200_123i64)));
    let batched =
        imported(r#"{"batch":[{"type":"identify","userId":"u","traits":{"a":1}}],"context":{"ip":"1.2.3.4"}}"#);
    assert_eq!((&batched["common"]["ip"], &batched["set"]), (&json!("1.2.3.4"), &json!({"a": 1})));
}

/// What a key of another environment brings says so, whoever's dialect it is; what names its environment itself stays as it was sent.
#[test]
fn activity_has_the_environment_of_its_key() {
    let limits = Limits::default();
    let setting = Setting { environment: Some("staging"), ..Setting::new("p", now(), &limits) };
    let track = |properties: &str| {
        format!(
            r#"[{{"type":"track","event":"bought","userId":"ada","properties":{properties}}},{{"type":"page","userId":"ada"}}]"#
        )
    };
    let sent = |properties: &str, setting: &Setting<'_>| -> Vec<String> {
        let parsed = parse_body(BodyKind::Native, track(properties).as_bytes(), setting, 1000).unwrap();
        let read =
            |record: &footfall_ingest_activity::Record| match Entry::decode(record.kind, &record.payload).unwrap() {
                Entry::Activity(activity) => activity.properties.map_or("", |properties| properties.get()).to_owned(),
                _ => panic!("no activity"),
            };
        parsed.records.iter().map(read).collect()
    };
    let named = |text: &str| serde_json::from_str::<Value>(text).unwrap()["$environment"].clone();
    let told = sent(r#"{ "price": 5 }"#, &setting);
    assert_eq!(told[0], r#"{"$environment":"staging", "price": 5 }"#);
    assert_eq!(told.iter().map(|text| named(text)).collect::<Vec<_>>(), [json!("staging"), json!("staging")]);
    assert_eq!(sent("{ }", &setting)[0], r#"{"$environment":"staging" }"#);
    assert_eq!(named(&sent(r#"{"$environment":"qa"}"#, &setting)[0]), json!("qa"));
    assert_eq!(sent(r#"{"price":5}"#, &Setting::new("p", now(), &limits))[0], r#"{"price":5}"#);
}

/// What is kept aside knows the environment of its key. Read again it is as it was sent, in that environment.
#[test]
fn what_was_quarantined_keeps_the_environment_of_its_key() {
    let (limits, shallow) = (Limits::default(), Limits { depth_max: 4, ..Limits::default() });
    let sent = |properties: &str, setting: &Setting<'_>| {
        // Without an id of its own its bytes make one: they have to be those that were sent.
        let rest = r#""type":"track","event":"bought","userId":"ada","timestamp":"2026-11-23T11:00:00Z""#;
        let item = format!("[{{{rest},\"properties\":{properties}}}]");
        parse_body(BodyKind::Native, item.as_bytes(), setting, 1000).unwrap().records.remove(0)
    };
    let read = |record: &footfall_ingest_activity::Record| match Entry::decode(record.kind, &record.payload).unwrap() {
        Entry::Activity(activity) => {
            let properties = activity.properties.map_or("", |properties| properties.get());
            (activity.message_id.as_str().to_owned(), properties.to_owned())
        }
        other => panic!("{other:?}"),
    };
    let again = |record: &footfall_ingest_activity::Record| match Entry::decode(record.kind, &record.payload).unwrap() {
        Entry::Quarantined(item) => {
            let source = Source::new(&item.project, &item.dialect, item.received_at, &item.raw);
            read(&parse_quarantined(Dialect::Native, &source, &limits, None).unwrap())
        }
        other => panic!("{other:?}"),
    };
    for environment in [None, Some("staging")] {
        let strict = Setting { environment, ..Setting::new("p", now(), &shallow) };
        let lenient = Setting { environment, ..Setting::new("p", now(), &limits) };
        for properties in [r#"{"d":[[[[1]]]]}"#, r#"{ "$environment":"qa", "d":[[[[1]]]] }"#] {
            let replayed = again(&sent(properties, &strict));
            assert_eq!(replayed, read(&sent(properties, &lenient)), "as if it had been taken at once");
        }
    }
    let staging = Setting { environment: Some("staging"), ..Setting::new("p", now(), &shallow) };
    let (_, properties) = again(&sent(r#"{"d":[[[[1]]]]}"#, &staging));
    assert_eq!(properties, r#"{"$environment":"staging","d":[[[[1]]]]}"#);
    let production = sent(r#"{"d":[[[[1]]]]}"#, &Setting::new("p", now(), &shallow));
    assert_eq!(again(&production).1, r#"{"d":[[[[1]]]]}"#, "and so it is of what was kept before");
}
