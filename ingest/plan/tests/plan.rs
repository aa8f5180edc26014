//! Schemas and plans: what is found, what is refused when it is written, and that no check goes on for long.
#![allow(clippy::unwrap_used)]

use footfall_ingest_plan::{OnViolation, Plan, Planned, STEPS_MAX, Schema, Unplanned};
use proptest::prelude::*;
use serde_json::{Value, json};

fn found(schema: Value, properties: Value) -> Vec<(&'static str, String)> {
    let found = Schema::compile(&schema).unwrap().check(&properties);
    found.into_iter().map(|violation| (violation.kind, violation.path)).collect()
}

fn one(kind: &'static str, path: &str) -> Vec<(&'static str, String)> {
    vec![(kind, path.to_owned())]
}

fn fault(schema: Value) -> String {
    Schema::compile(&schema).unwrap_err().to_string()
}

fn with(rules: Value) -> Value {
    json!({"type": "object", "properties": {"a": rules}})
}

#[test]
fn every_keyword_holds_and_does_not_hold() {
    // Keyword, rules, what fits, what does not.
    let cases = [
        ("type", json!({"type": "integer"}), json!(3.0), json!(3.5)),
        ("type", json!({"type": ["string", "null"]}), json!(null), json!(true)),
        ("enum", json!({"enum": ["card", 1]}), json!(1.0), json!("cash")),
        ("const", json!({"const": {"x": [1]}}), json!({"x": [1]}), json!({"x": [2]})),
        ("minimum", json!({"minimum": 0}), json!(0), json!(-1)),
        ("maximum", json!({"maximum": 10.5}), json!(10.5), json!(11)),
        ("exclusiveMinimum", json!({"exclusiveMinimum": 0}), json!(0.1), json!(0)),
        ("exclusiveMaximum", json!({"exclusiveMaximum": 1}), json!(0), json!(1)),
        ("minLength", json!({"minLength": 2}), json!("äö"), json!("ä")),
        ("maxLength", json!({"maxLength": 2}), json!("äö"), json!("abc")),
        ("pattern", json!({"pattern": "^[A-Z]{2}$"}), json!("AT"), json!("at")),
        ("format", json!({"format": "date"}), json!("2026-02-28"), json!("2026-02-30")),
        ("format", json!({"format": "date-time"}), json!("2026-02-28T10:00:00Z"), json!("yesterday")),
        ("format", json!({"format": "email"}), json!("a@b.c"), json!("a b@c")),
        ("format", json!({"format": "uri"}), json!("https://a.example/b?c#d"), json!("no scheme")),
        ("format", json!({"format": "uuid"}), json!("0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f"), json!("0189")),
        ("minItems", json!({"minItems": 1}), json!([1]), json!([])),
        ("maxItems", json!({"maxItems": 1}), json!([1]), json!([1, 2])),
        ("minProperties", json!({"minProperties": 1}), json!({"b": 1}), json!({})),
        ("maxProperties", json!({"maxProperties": 0}), json!({}), json!({"b": 1})),
        ("anyOf", json!({"anyOf": [{"type": "string"}, {"minimum": 5}]}), json!(7), json!(3)),
        ("oneOf", json!({"oneOf": [{"minimum": 5}, {"maximum": 7}]}), json!(3), json!(6)),
        ("not", json!({"not": {"const": "x"}}), json!("y"), json!("x")),
        ("false", json!({"allOf": [false]}), json!(null), json!(1)),
    ];
    for (kind, rules, good, bad) in cases {
        if kind != "false" {
            assert_eq!(found(with(rules.clone()), json!({"a": good})), [], "{kind}");
        }
        assert_eq!(found(with(rules), json!({"a": bad})), one(kind, "/a"), "{kind}");
    }
}

#[test]
fn places_are_told_and_values_are_not() {
    let schema = json!({
        "type": "object", "required": ["price", "a/b"], "additionalProperties": false,
        "properties": {"price": {"type": "number"}, "a/b": true, "items": {"type": "array", "items": {"required": ["sku"], "properties": {"sku": {"type": "string"}}}}},
        "patternProperties": {"^\\$": true},
    });
    assert_eq!(found(schema.clone(), json!({"price": 1, "a/b": 2, "$lib": "x", "items": [{"sku": "1"}]})), []);
    let mut told = found(schema, json!({"price": "secret", "new": 1, "items": [{"sku": 1}, {"sku": 2}, {}]}));
    told.sort();
    let want = [
        ("additionalProperties", "/new"),
        ("required", "/a~1b"),
        ("required", "/items/*/sku"),
        ("type", "/items/*/sku"),
        ("type", "/price"),
    ];
    assert_eq!(told, want.map(|(kind, path)| (kind, path.to_owned())));
}

#[test]
fn what_cannot_be_checked_is_refused_with_its_place() {
    assert!(fault(with(json!({"$ref": "https://example.org/schema"}))).starts_with("/properties/a/$ref: references"));
    assert!(fault(json!({"$defs": {}})).contains("references"));
    assert!(fault(with(json!({"multipleOf": 3}))).starts_with("/properties/a/multipleOf: this keyword"));
    assert!(fault(with(json!({"pattern": "(a)\\1"}))).contains("linear time"));
    assert!(fault(with(json!({"pattern": "(?:a{1000}){1000}"}))).contains("bounded memory"));
    assert!(fault(with(json!({"format": "ipv4"}))).contains("date-time"));
    assert!(fault(json!({"type": "array"})).starts_with("/type: properties are an object"));
    assert!(fault(json!([])).contains("an object"));
    assert!(fault(with(json!({"type": "text"}))).contains("JSON's types"));
    assert!(fault(json!({"anyOf": []})).contains("at least one"));
    let deep = (0..20).fold(json!(true), |inner, _| json!({"not": inner}));
    assert!(fault(deep).contains("deeper than 16"));
    let wide: serde_json::Map<_, _> = (0..1_001).map(|n| (format!("p{n}"), json!(true))).collect();
    assert!(fault(json!({"properties": wide})).contains("more than 1000 parts"));
    let large: Vec<String> = (0..10_000).map(|n| format!("value {n}")).collect();
    assert!(fault(with(json!({"enum": large}))).contains("larger than"));
}

#[test]
fn a_check_that_would_take_long_ends_and_says_so() {
    let parts: Vec<Value> = (0..200).map(|n| json!({"minimum": n})).collect();
    let schema = with(json!({"type": "array", "items": {"anyOf": parts}}));
    let items = vec![json!(-1); STEPS_MAX];
    assert!(found(schema, json!({"a": items})).contains(&("not_checked", String::new())));
    let long = "a".repeat(1 << 20);
    assert_eq!(found(with(json!({"pattern": "^a*$"})), json!({"a": long})), one("not_checked", "/a"));
}

#[test]
fn a_plan_counts_refuses_and_lets_pass() {
    let schema = Schema::compile(&json!({"required": ["price"]})).unwrap();
    let planned = |on_violation| Planned { schema: Some(schema.clone()), on_violation };
    let activities = [
        ("buy".to_owned(), planned(OnViolation::Count)),
        ("pay".to_owned(), planned(OnViolation::Refuse)),
        ("free".to_owned(), Planned::default()),
    ];
    let mut plan = Plan { unplanned: Unplanned::Allow, activities: activities.into() };
    let told = |plan: &Plan, name: &str, properties: Option<&str>| {
        let verdict = plan.judge(name, properties);
        (verdict.violations.len(), verdict.refuses)
    };
    assert_eq!(told(&plan, "buy", None), (1, false));
    assert_eq!(told(&plan, "pay", Some("{}")), (1, true));
    assert_eq!(told(&plan, "pay", Some(r#"{"price":1}"#)), (0, false));
    assert_eq!(told(&plan, "free", Some(r#"{"x":1}"#)), (0, false));
    assert_eq!(told(&plan, "new", None), (0, false));
    plan.unplanned = Unplanned::Refuse;
    assert_eq!(told(&plan, "new", None), (1, true));
    assert_eq!(told(&plan, "$pageview", None), (0, false));
    assert_eq!(plan.judge("new", None).detail(), "otherwise than planned: it is not in the tracking plan");
    assert_eq!(plan.judge("pay", None).detail(), "otherwise than planned: /price required");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-c$/~]{0,2}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Nothing panics, and a thing fits a schema or its `not`, never both and never neither.
    #[test]
    fn a_schema_and_its_opposite_divide_everything(rules in any_json(), value in any_json()) {
        let types = ["null", "boolean", "object", "array", "number", "string"];
        let pick = |seed: &Value| types[seed.to_string().len() % types.len()];
        let rules = json!({"anyOf": [{"type": pick(&rules)}, {"const": rules}]});
        let fits = found(with(rules.clone()), json!({"a": value.clone()})).is_empty();
        let opposite = found(with(json!({"not": rules})), json!({"a": value})).is_empty();
        prop_assert!(fits != opposite);
    }

    #[test]
    fn any_text_of_a_schema_is_read_or_refused(schema in any_json()) {
        if let Ok(schema) = Schema::compile(&schema) {
            schema.check(&json!({}));
        }
    }
}
