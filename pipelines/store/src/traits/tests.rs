//! The laws of folding, and agreement with sorting all writes by time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{Traits, Written};

#[derive(Debug, Clone)]
enum Op {
    Set(u8, u8),
    SetOnce(u8, u8),
    Unset(u8),
}

/// An operation and when: `(time, tiebreak)`.
type Stamped = (Op, i64, u64);

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap()
}

fn apply(traits: &mut Traits, (op, at_ms, tiebreak): &Stamped) {
    let written = Written { at_ms: *at_ms, tiebreak: *tiebreak };
    match op {
        Op::Set(name, value) => traits.set(&raw(format!("{{\"p{name}\": {value}}}")), written),
        Op::SetOnce(name, value) => traits.set_once(&raw(format!("{{\"p{name}\": {value}}}")), written),
        Op::Unset(name) => traits.unset(&raw(format!("[\"p{name}\", 7]")), written),
    }
}

fn state_of(ops: &[Stamped]) -> Traits {
    let mut traits = Traits::default();
    ops.iter().for_each(|op| apply(&mut traits, op));
    traits
}

/// Sorts by time; a set or unset overwrites, a set once writes only where nothing stands and no set or unset ever comes.
fn naive(ops: &[Stamped]) -> BTreeMap<String, u8> {
    let mut ops = ops.to_vec();
    ops.sort_by_key(|(_, at, tiebreak)| (*at, *tiebreak));
    let mut firm: BTreeMap<String, Option<u8>> = BTreeMap::new();
    let mut once: BTreeMap<String, u8> = BTreeMap::new();
    for (op, ..) in &ops {
        match op {
            Op::Set(name, value) => drop(firm.insert(format!("p{name}"), Some(*value))),
            Op::Unset(name) => drop(firm.insert(format!("p{name}"), None)),
            Op::SetOnce(name, value) => drop(once.entry(format!("p{name}")).or_insert(*value)),
        }
    }
    once.retain(|name, _| !firm.contains_key(name));
    once.extend(firm.into_iter().filter_map(|(name, value)| Some((name, value?))));
    once
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0u8..4, any::<u8>()).prop_map(|(name, value)| Op::Set(name, value)),
        (0u8..4, any::<u8>()).prop_map(|(name, value)| Op::SetOnce(name, value)),
        (0u8..4).prop_map(Op::Unset),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Stamped>> {
    prop::collection::vec((op(), -3i64..12, 0u64..3), 0..24)
}

/// Every operation at a moment of its own.
fn distinct_ops() -> impl Strategy<Value = Vec<Stamped>> {
    prop::collection::vec((op(), 0i64..6), 0..24)
        .prop_map(|ops| ops.into_iter().enumerate().map(|(n, (op, at))| (op, at, n as u64)).collect())
}

proptest! {
    #[test]
    fn agrees_with_sorting_by_time(ops in distinct_ops(), shuffled in any::<prop::sample::Index>()) {
        let mut arrival = ops.clone();
        let turn = if arrival.is_empty() { 0 } else { shuffled.index(arrival.len()) };
        arrival.rotate_left(turn);
        arrival.reverse();
        let properties: BTreeMap<String, u8> = serde_json::from_str(&state_of(&arrival).to_properties()).unwrap();
        prop_assert_eq!(properties, naive(&ops));
    }

    #[test]
    fn merging_obeys_the_laws(a in ops(), b in ops(), c in ops()) {
        let (a, b, c) = (state_of(&a), state_of(&b), state_of(&c));
        let merged = |x: &Traits, y: &Traits| { let mut z = x.clone(); z.merge(y.clone()); z };
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &a), a.clone());
        prop_assert_eq!(merged(&a, &Traits::default()), a);
    }

    #[test]
    fn parts_fold_to_the_whole(ops in ops(), cut in any::<prop::sample::Index>()) {
        let cut = if ops.is_empty() { 0 } else { cut.index(ops.len()) };
        let mut folded = Traits::default();
        folded.merge_state(&state_of(&ops[cut..]).to_state());
        folded.merge_state(&state_of(&ops[..cut]).to_state());
        prop_assert_eq!(folded, state_of(&ops));
    }

    #[test]
    fn state_survives_writing_and_reading(ops in ops()) {
        let state = state_of(&ops);
        prop_assert_eq!(Traits::from_state(&state.to_state()), state);
    }

    #[test]
    fn garbage_is_nothing(text in ".{0,60}") {
        drop(Traits::from_state(&text));
    }
}

#[test]
fn names_and_values_come_back_as_they_were_sent() {
    let mut traits = Traits::default();
    let properties = raw(r#"{"b\"\u00e9": 1.50, "a": null, "c": {"x": [1, 2]}}"#.to_owned());
    traits.set(&properties, Written { at_ms: 5, tiebreak: u64::MAX });
    let traits = Traits::from_state(&traits.to_state());
    assert_eq!(traits.to_properties(), r#"{"a":null,"b\"é":1.50,"c":{"x": [1, 2]}}"#);
}

#[test]
fn one_unreadable_entry_spoils_no_other() {
    let traits = Traits::from_state(r#"{"a":{"v":1,"t":5,"m":1,"k":"s"},"b":{"t":"never"},"c":7}"#);
    assert_eq!(traits.to_properties(), r#"{"a":1}"#);
}

#[test]
fn what_is_no_object_writes_nothing() {
    let mut traits = Traits::default();
    traits.set(&raw("[1]".to_owned()), Written { at_ms: 1, tiebreak: 1 });
    traits.unset(&raw("{}".to_owned()), Written { at_ms: 1, tiebreak: 1 });
    assert!(traits.is_empty());
}
