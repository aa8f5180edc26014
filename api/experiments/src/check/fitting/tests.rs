//! What is refused for a type tells no values of this type apart, as the evaluator compares, which compares as the SDKs do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::assign::{Condition, SavedGroups};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::check::condition::check;
use crate::definition::{Attribute, AttributeType};
use crate::faults::Faults;

const KINDS: [AttributeType; 6] = [
    AttributeType::String,
    AttributeType::Number,
    AttributeType::Boolean,
    AttributeType::StringList,
    AttributeType::NumberList,
    AttributeType::Version,
];

fn faults(kind: AttributeType, condition: &Value) -> Vec<String> {
    let mut catalogue = Catalogue::default();
    let attribute =
        Attribute { kind, identifies: false, is_personal: false, group_type_index: None, description: String::new() };
    catalogue.attributes.insert("it".into(), attribute);
    let mut faults = Faults::default();
    check(condition, &catalogue, &mut faults);
    faults.into_vec().into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect()
}

fn pointers(kind: AttributeType, wanted: Value) -> Vec<String> {
    let found = faults(kind, &json!({"it": wanted}));
    found.iter().map(|fault| fault.split(' ').next().unwrap().trim_start_matches("/it").to_owned()).collect()
}

/// Values of a type, and nothing.
fn values(kind: AttributeType) -> Vec<Value> {
    let texts =
        ["", "a", "A", "b", "ab", "5", "05", "0", "-1", "1.5", "true", "false", "null", "1.10.0", "1.9.0", " 7 "];
    let numbers = [json!(0), json!(1), json!(-1), json!(5), json!(7), json!(1.5), json!(1e21)];
    let lists = |items: Vec<Value>| {
        let mut all = vec![json!([])];
        all.extend(items.iter().map(|one| json!([one])));
        all.extend(items.windows(2).map(|pair| json!(pair)));
        all.push(Value::Array(items));
        all
    };
    let mut all = match kind {
        AttributeType::String | AttributeType::Version => texts.map(Value::from).to_vec(),
        AttributeType::Number => numbers.to_vec(),
        AttributeType::Boolean => vec![json!(true), json!(false)],
        AttributeType::StringList => lists(texts.map(Value::from).to_vec()),
        AttributeType::NumberList => lists(numbers.to_vec()),
        AttributeType::Json => Vec::new(),
    };
    all.push(Value::Null);
    all
}

/// Whether a condition holds for some of these values and not for others.
fn tells_apart(condition: &Value, values: &[Value]) -> bool {
    let condition = Condition::compile(&FlagValue::from(condition), &SavedGroups::default());
    let holds = |value: &Value| {
        let user = if value.is_null() { json!({}) } else { json!({"it": value}) };
        condition.holds(&FlagValue::from(&user))
    };
    let first = values.first().is_some_and(holds);
    values.iter().any(|value| holds(value) != first)
}

fn operand() -> impl Strategy<Value = Value> {
    let plain = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(5),
        json!(1.5),
        json!("a"),
        json!("A"),
        json!("5"),
        json!("05"),
        json!(""),
        json!("true"),
        json!("x"),
        json!("1.10.0"),
        json!([]),
        json!(["a"]),
        json!([5]),
        json!(["a", 5]),
        json!([true]),
        json!([null]),
        json!({}),
        json!({"a": 1}),
        json!("^[a5t]"),
        json!("5,7"),
        json!("number"),
        json!("array"),
    ];
    select(plain)
}

fn wanted() -> impl Strategy<Value = Value> {
    let operators = vec![
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$veq",
        "$vne",
        "$vgt",
        "$vgte",
        "$vlt",
        "$vlte",
        "$in",
        "$nin",
        "$ini",
        "$nini",
        "$all",
        "$alli",
        "$regex",
        "$regexi",
        "$exists",
        "$type",
        "$size",
        "$not",
        "$elemMatch",
    ];
    let leaf =
        prop_oneof![operand(), (select(operators), operand()).prop_map(|(name, operand)| json!({name: operand}))];
    leaf.prop_recursive(2, 4, 1, |inner| inner.prop_map(|inner| json!({"$not": inner})))
}

/// The two that one SDK tells apart and others do not: they are told how to say it for all.
fn is_otherwise_elsewhere(fault: &str) -> bool {
    fault.contains("not alike in all SDKs") || fault.contains("compares no lists")
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 60_000, ..ProptestConfig::with_cases(6_000) })]

    #[test]
    fn nothing_is_refused_that_tells_values_apart(kind in select(KINDS.to_vec()), wanted in wanted()) {
        let condition = json!({"it": wanted});
        // What is wrong with the form is wrong for every type.
        prop_assume!(faults(AttributeType::Json, &condition).is_empty());
        let found = faults(kind, &condition);
        if !found.is_empty() && !found.iter().any(|fault| is_otherwise_elsewhere(fault)) {
            prop_assert!(!tells_apart(&condition, &values(kind)), "{kind:?} {condition}: {found:?}");
        }
    }
}

#[test]
fn what_a_type_can_never_be_is_refused() {
    use AttributeType::{Boolean, Number, NumberList, String, StringList, Version};
    for (kind, wanted, pointer) in [
        (Number, json!("old"), ""),
        (Number, json!({"$eq": "5"}), "/$eq"),
        (Number, json!({"$ne": "5"}), "/$ne"),
        (Number, json!({"$in": ["5", "6"]}), "/$in"),
        (Number, json!({"$gt": "old"}), "/$gt"),
        (Number, json!({"$elemMatch": {"$eq": 5}}), "/$elemMatch"),
        (String, json!(["DE"]), ""),
        (String, json!({"$eq": 5}), "/$eq"),
        (String, json!({"$not": {"$in": [1, 2]}}), "/$not/$in"),
        (String, json!({"$size": 2}), "/$size"),
        (String, json!({"$all": ["a"]}), "/$all"),
        (Boolean, json!("yes"), ""),
        (Boolean, json!(2), ""),
        (Boolean, json!({"$eq": "true"}), "/$eq"),
        (Boolean, json!({"$gt": 1}), "/$gt"),
        (Boolean, json!({"$regex": "^y"}), "/$regex"),
        (StringList, json!("beta"), ""),
        (StringList, json!({"$eq": ["beta"]}), "/$eq"),
        (StringList, json!({"$in": [5]}), "/$in"),
        (StringList, json!({"$elemMatch": {"$eq": 5}}), "/$elemMatch/$eq"),
        (StringList, json!({"$elemMatch": {"name": "x"}}), "/$elemMatch"),
        (StringList, json!({"$all": ["a", ["b"]]}), "/$all/1"),
        (NumberList, json!({"$size": {"$gt": "many"}}), "/$size/$gt"),
        (NumberList, json!({"$gt": 5}), "/$gt"),
        (Version, json!({"$veq": 2}), "/$veq"),
    ] {
        assert_eq!(pointers(kind, wanted.clone()), [pointer], "{kind:?} {wanted}");
    }
    assert_eq!(faults(String, &json!({"it.code": "DE"})), ["/it.code has no \"code\": the attribute is a text"]);
    assert_eq!(faults(StringList, &json!({"it.length": {"$eq": "2"}})).len(), 1);
}

#[test]
fn what_the_sdks_take_is_taken() {
    use AttributeType::{Boolean, Json, Number, NumberList, String, StringList, Version};
    for (kind, wanted) in [
        // JavaScript's == of texts and numbers, which authors rely on.
        (Number, json!("5")),
        (Number, json!(true)),
        (Number, json!({"$gt": "5"})),
        (Number, json!({"$regex": "^1"})),
        (Number, json!({"$in": [1, "1"]})),
        (Number, json!({"$vgt": "1.0.0"})),
        (String, json!(5)),
        (String, json!(true)),
        (String, json!({"$gt": 5})),
        (String, json!({"$in": ["a", 5]})),
        (String, json!({"$in": []})),
        (String, json!({"$exists": false})),
        (String, json!({"$type": "number"})),
        (String, json!(null)),
        (Boolean, json!(1)),
        (Boolean, json!("true")),
        (Boolean, json!({"$ne": true})),
        (Boolean, json!({"$in": [true]})),
        (StringList, json!({"$in": ["a"]})),
        (StringList, json!({"$elemMatch": {"$regex": "^a"}})),
        (StringList, json!({"$all": ["a", {"$ne": "b"}]})),
        (StringList, json!(["a", "b"])),
        (StringList, json!({"$regex": "beta"})),
        (NumberList, json!({"$size": {"$gt": 2}})),
        (NumberList, json!({"$elemMatch": {"$gt": 5}})),
        (Version, json!({"$vgte": "1.2.0"})),
        (Version, json!("1.2.0")),
        (Json, json!({"$elemMatch": {"name": {"$eq": 5}}})),
    ] {
        assert_eq!(pointers(kind, wanted.clone()), [""; 0], "{kind:?} {wanted}");
    }
    assert_eq!(faults(StringList, &json!({"it.length": {"$gt": 2}, "it.0": "a"})), [""; 0]);
    assert_eq!(faults(Json, &json!({"it.a.b": 5})), [""; 0]);
}
