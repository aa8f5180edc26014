//! The check against schemas: what it finds, where, and that it agrees with the types' own parsers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Meeting {
    #[schemars(length(min = 1, max = 5))]
    title: String,
    #[schemars(range(min = 1, max = 9))]
    seats: u8,
    tags: Option<Vec<String>>,
    place: Option<Place2>,
    #[serde(default)]
    limits: BTreeMap<String, i32>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Place2 {
    Room { number: u16 },
    Link { url: String },
}

fn shape() -> Shape {
    Schemas::new().shape::<Meeting>(Place::Body)
}

fn told(value: &Value) -> Vec<(String, String)> {
    shape().faults(value).into_iter().map(|fault| (fault.pointer, fault.detail)).collect()
}

#[test]
fn all_faults_are_told_at_once_by_pointer() {
    let value = json!({"title": "", "seats": 10, "tags": ["a", 3], "more": 1, "limits": {"a/b": 2.5},
        "place": {"kind": "room", "number": -1}});
    let told = told(&value);
    let at: Vec<&str> = told.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(at, ["/limits/a~1b", "/more", "/place/number", "/seats", "/tags/1", "/title"]);
    assert_eq!(told[5].1, "must have at least 1 characters, and has 0");
    assert!(told[1].1.contains("known are limits, place, seats, tags, title"), "{}", told[1].1);
    assert_eq!(told_of(&json!({"seats": 1})), ["/title: is missing"]);
    assert_eq!(told_of(&json!([])), [": must be an object, and is an array"]);
}

fn told_of(value: &Value) -> Vec<String> {
    told(value).into_iter().map(|(at, detail)| format!("{at}: {detail}")).collect()
}

#[test]
fn integers_have_the_bounds_of_their_types() {
    let schema = Schemas::new().request::<u16>();
    assert_eq!(schema, json!({"type": "integer", "minimum": 0, "maximum": 65535}));
    let shape = Schemas::new().shape::<u64>(Place::Query);
    assert!(shape.faults(&json!(u64::MAX)).is_empty());
    assert_eq!(shape.faults(&json!(-1)).len(), 1);
    assert_eq!(shape.faults(&json!(1e30)).len(), 1);
}

#[test]
fn keywords_that_nobody_enforces_are_found() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Odd {
        #[schemars(extend("multipleOf" = 3))]
        third: u8,
    }
    assert_eq!(Schemas::new().shape::<Odd>(Place::Body).unenforced(), ["multipleOf"]);
    assert!(shape().unenforced().is_empty());
}

#[test]
fn patterns_are_enforced_and_broken_ones_found() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Named {
        #[schemars(regex(pattern = "^[a-z]+$"))]
        name: String,
        #[schemars(regex(pattern = "^[a-z]+$"), length(max = 3))]
        nick: Option<String>,
    }
    let shape = Schemas::new().shape::<Named>(Place::Body);
    assert!(shape.unenforced().is_empty());
    assert_eq!(shape.faults(&json!({"name": "ada", "nick": null})), vec![]);
    let faults = shape.faults(&json!({"name": "ada\n", "nick": "Adas"}));
    let at: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(at, ["/name", "/nick", "/nick"]);

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Broken {
        #[schemars(regex(pattern = "(?=a)"))]
        name: String,
    }
    assert_eq!(Schemas::new().shape::<Broken>(Place::Body).unenforced(), ["pattern"]);
}

#[test]
fn a_type_with_two_shapes_under_one_name_is_refused() {
    let mut schemas = Schemas::new();
    schemas.request::<Meeting>();
    schemas.answer::<Meeting>();
    assert_eq!(schemas.finish(), Err(SchemaClash("Meeting".into())));
}

#[test]
fn parameters_become_values_by_their_schema() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Asked {
        count: Option<u32>,
        ids: Option<Vec<i64>>,
        exact: bool,
        text: String,
    }
    let shape = Schemas::new().shape::<Asked>(Place::Query);
    let gather = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        shape.gather(&pairs)
    };
    let all = [("count", "7"), ("ids", "1"), ("ids", "-2"), ("exact", "true"), ("text", "12")];
    assert_eq!(gather(&all), json!({"count": 7, "ids": [1, -2], "exact": true, "text": "12"}));
    assert_eq!(gather(&[("count", "7x"), ("exact", "yes")]), json!({"count": "7x", "exact": "yes"}));
    assert_eq!(gather(&[("count", "1"), ("count", "2")]), json!({"count": ["1", "2"]}));
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code)]
enum Tagged {
    Not { of: Box<Tagged> },
    Surely { of: Box<Tagged> },
    Never { of: Box<Tagged> },
    Leaf { value: u8 },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    Not { of: Box<Untagged>, a: Option<u8> },
    Surely { of: Box<Untagged>, b: Option<u8> },
    Never { of: Box<Untagged>, c: Option<u8> },
    Leaf { value: u8 },
}

#[test]
fn forms_within_forms_are_bounded_work() {
    let nested = |leaf: Value| (0..60).fold(leaf, |of, _| json!({"is": "not", "of": of}));
    let shape = Schemas::new().shape::<Tagged>(Place::Body);
    assert_eq!(shape.faults(&nested(json!({"is": "leaf", "value": 7}))), vec![]);
    let wrong = shape.faults(&nested(json!({"is": "leaf", "value": "seven"})));
    assert_eq!((wrong.len(), wrong[0].pointer.ends_with("/of/value")), (1, true), "{wrong:?}");

    let nested = (0..60).fold(json!({"value": "seven"}), |of, _| json!({"of": of}));
    let shape = Schemas::new().shape::<Untagged>(Place::Body);
    assert_eq!(shape.faults(&nested).len(), 1, "refused, and soon");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..300).prop_map(Value::from),
        "[a-z]{0,7}".prop_map(Value::from),
        Just(json!("room")),
    ];
    let names =
        || prop::sample::select(vec!["title", "seats", "tags", "place", "limits", "kind", "number", "url", "x"]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names().prop_map(str::to_owned), inner, 0..7)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn near_meeting() -> impl Strategy<Value = Value> {
    let part = |value: Value| prop_oneof![3 => Just(value), 1 => any_json()];
    (part(json!("abc")), part(json!(3)), part(json!(["a"])), part(json!({"kind": "link", "url": ""})), part(json!({"a": 1})))
        .prop_map(|(title, seats, tags, place, limits)| {
            json!({"title": title, "seats": seats, "tags": tags, "place": place, "limits": limits})
        })
}

proptest! {
    #[test]
    fn what_the_check_lets_through_the_type_accepts(value in prop_oneof![any_json(), near_meeting()]) {
        if shape().faults(&value).is_empty() {
            let parsed: Result<Meeting, _> = serde_json::from_value(value.clone());
            prop_assert!(parsed.is_ok(), "{value}: {parsed:?}");
        }
    }

    #[test]
    fn what_the_type_made_the_check_lets_through(
        title in "[a-z]{1,5}", seats in 1u8..=9, tags in prop::option::of(prop::collection::vec(".*", 0..3)),
        number in any::<u16>(), limits in prop::collection::btree_map(".*", any::<i32>(), 0..3),
    ) {
        let meeting = Meeting { title, seats, tags, place: Some(Place2::Room { number }), limits };
        prop_assert_eq!(shape().faults(&serde_json::to_value(&meeting).unwrap()), vec![]);
    }
}
