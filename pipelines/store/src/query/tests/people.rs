//! Persons, ids, merges, sessions and quarantine, against models that do it the slow way.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::fixture::{Fixture, person};
use crate::query::session_id::session_id_of;
use crate::tables::Table;
use crate::traits::{Traits, Written};

const HALF_HOUR_MS: i64 = 30 * 60_000;

/// An id number to that of the person it is now: no chains, as the jobs write it.
type Merges = BTreeMap<u8, u8>;

fn merges() -> impl Strategy<Value = Merges> {
    prop::collection::btree_map(0u8..6, 0u8..6, 0..4).prop_map(|merges| {
        let targets: BTreeSet<u8> = merges.values().copied().collect();
        merges.into_iter().filter(|(own, now)| own != now && !targets.contains(own)).collect()
    })
}

fn id(number: u8) -> String {
    format!("u{number}")
}

fn now(merges: &Merges, number: u8) -> String {
    person(&id(merges.get(&number).copied().unwrap_or(number)))
}

/// Puts rows into files and fresh batches at random.
fn fixture(table: Table, rows: &[(Value, u8)], merges: &Merges) -> Fixture {
    let mut fixture = Fixture::new();
    for place in 0..4u8 {
        let here: Vec<Value> = rows.iter().filter(|(_, to)| to % 4 == place).map(|(row, _)| row.clone()).collect();
        match (here.is_empty(), place) {
            (true, _) => &mut fixture,
            (false, 0 | 1) => fixture.file(table, &here, &[]),
            (false, _) => fixture.fresh(table, &here),
        };
    }
    for (own, now) in merges {
        fixture.merged(&id(*own), &id(*now));
    }
    fixture
}

#[derive(Debug, Clone)]
struct Part {
    owner: u8,
    start: i64,
    length: i64,
    page: Option<u8>,
}

fn parts() -> impl Strategy<Value = Vec<(Part, u8)>> {
    let minute = 60_000;
    let part = (0u8..6, 0i64..40, 0i64..30, prop::option::of(0u8..5), any::<u8>()).prop_map(
        move |(owner, start, length, page, to)| {
            (Part { owner, start: start * 10 * minute, length: length * 2 * minute, page }, to)
        },
    );
    prop::collection::vec(part, 0..40)
}

fn part_row(number: usize, part: &Part) -> Value {
    let activities = if part.length == 0 { 1 } else { 2 };
    json!({
        "person_id": person(&id(part.owner)), "start": part.start, "end": part.start + part.length,
        "activities": activities, "pageviews": u8::from(part.page.is_some()),
        "first_message_id": format!("m{number:03}a"), "last_message_id": format!("m{number:03}z"),
        "entry_event": format!("in{number}"), "exit_event": format!("out{number}"),
        "entry_page": part.page.map(|page| format!("/{page}")), "exit_page": part.page.map(|page| format!("/x{page}")),
        "amount": 0.5,
    })
}

fn time(millis: i64) -> Value {
    let mut fields = [0i64; 3];
    let seconds = millis / 1000;
    fields[0] = seconds / 3600;
    fields[1] = seconds / 60 % 60;
    fields[2] = seconds % 60;
    json!(format!("1970-01-01T{:02}:{:02}:{:02}Z", fields[0], fields[1], fields[2]))
}

/// Sessions of every person by a walk over sorted parts.
fn sessions_by_hand(parts: &[(Part, u8)], merges: &Merges) -> Vec<Map<String, Value>> {
    let mut by_person: BTreeMap<String, Vec<(usize, &Part)>> = BTreeMap::new();
    for (number, (part, _)) in parts.iter().enumerate() {
        by_person.entry(now(merges, part.owner)).or_default().push((number, part));
    }
    let mut sessions = Vec::new();
    for (person, mut parts) in by_person {
        parts.sort_by_key(|(number, part)| (part.start, *number));
        let mut groups: Vec<Vec<(usize, &Part)>> = Vec::new();
        for (number, part) in parts {
            let end = groups.last().and_then(|group| group.iter().map(|(_, part)| part.start + part.length).max());
            match (groups.last_mut(), end) {
                (Some(group), Some(end)) if part.start - end <= HALF_HOUR_MS => group.push((number, part)),
                _ => groups.push(vec![(number, part)]),
            }
        }
        sessions.extend(groups.iter().map(|group| session_by_hand(&person, group)));
    }
    sessions.sort_by_key(|session| session["session_id"].as_str().unwrap().to_owned());
    sessions
}

fn session_by_hand(person: &str, group: &[(usize, &Part)]) -> Map<String, Value> {
    let (first, entry) = group[0];
    let (last, exit) = group.iter().max_by_key(|(number, part)| (part.start + part.length, *number)).unwrap();
    let (start, end) = (entry.start, exit.start + exit.length);
    let activities: i64 = group.iter().map(|(_, part)| if part.length == 0 { 1 } else { 2 }).sum();
    let session = json!({
        "session_id": session_id_of(person, start).to_string(), "person_id": person,
        "start": time(start), "end": time(end), "duration_seconds": (end - start) as f64 / 1000.0,
        "activities": activities, "pageviews": group.iter().filter(|(_, part)| part.page.is_some()).count(),
        "entry_event": format!("in{first}"), "exit_event": format!("out{last}"),
        "entry_page": entry.page.map(|page| format!("/{page}")), "exit_page": exit.page.map(|page| format!("/x{page}")),
        "bounce": activities == 1, "amount": group.len() as f64 * 0.5,
    });
    without_nulls(session)
}

/// Arrow's JSON leaves nulls out.
fn without_nulls(row: Value) -> Map<String, Value> {
    row.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[derive(Debug, Clone)]
struct Identity {
    number: u8,
    seen: (i64, i64),
    activities: i64,
    identified: bool,
    set: Option<(u8, u8)>,
}

fn identities() -> impl Strategy<Value = Vec<(Identity, u8)>> {
    let identity =
        (0u8..6, 0i64..100, 0i64..100, 1i64..9, any::<bool>(), prop::option::of((0u8..3, 0u8..9)), any::<u8>());
    let identity = identity.prop_map(|(number, from, length, activities, identified, set, to)| {
        (Identity { number, seen: (from * 1000, (from + length) * 1000), activities, identified, set }, to)
    });
    prop::collection::vec(identity, 0..30)
}

fn traits_of(place: usize, identity: &Identity) -> Option<Traits> {
    let (name, value) = identity.set?;
    let mut traits = Traits::default();
    let properties = RawValue::from_string(format!("{{\"p{name}\": {value}}}")).unwrap();
    traits.set(&properties, Written { at_ms: identity.seen.0, tiebreak: place as u64 });
    Some(traits)
}

fn identity_row(place: usize, identity: &Identity) -> Value {
    json!({
        "person_id": person(&id(identity.number)), "distinct_id": id(identity.number),
        "first_seen": identity.seen.0, "last_seen": identity.seen.1, "activities": identity.activities,
        "identified": identity.identified, "traits": traits_of(place, identity).map(|traits| traits.to_state()),
    })
}

fn persons_by_hand(identities: &[(Identity, u8)], merges: &Merges) -> Vec<Map<String, Value>> {
    let mut by_person: BTreeMap<String, Vec<(usize, &Identity)>> = BTreeMap::new();
    for (place, (identity, _)) in identities.iter().enumerate() {
        by_person.entry(now(merges, identity.number)).or_default().push((place, identity));
    }
    let fold = |(person, parts): (String, Vec<(usize, &Identity)>)| {
        let ids: BTreeSet<String> = parts.iter().map(|(_, part)| id(part.number)).collect();
        let mut traits = Traits::default();
        parts.iter().filter_map(|(place, part)| traits_of(*place, part)).for_each(|part| traits.merge(part));
        without_nulls(json!({
            "person_id": person, "first_seen": time(parts.iter().map(|(_, part)| part.seen.0).min().unwrap()),
            "last_seen": time(parts.iter().map(|(_, part)| part.seen.1).max().unwrap()),
            "activities": parts.iter().map(|(_, part)| part.activities).sum::<i64>(),
            "identified": parts.iter().any(|(_, part)| part.identified),
            "properties": traits.to_properties(), "distinct_id_count": ids.len(), "distinct_ids": ids,
        }))
    };
    by_person.into_iter().map(fold).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sessions_join_parts(parts in parts(), merges in merges()) {
        let rows: Vec<(Value, u8)> = parts.iter().enumerate().map(|(n, (part, to))| (part_row(n, part), *to)).collect();
        let fixture = fixture(Table::SessionParts, &rows, &merges);
        let runtime = Runtime::new().unwrap();
        let expected = sessions_by_hand(&parts, &merges);
        prop_assert_eq!(runtime.block_on(fixture.ask("SELECT * FROM sessions ORDER BY session_id")), expected.clone());
        let who = now(&merges, 2);
        let own: Vec<_> = expected.into_iter().filter(|session| session["person_id"] == json!(who)).collect();
        let sql = format!("SELECT * FROM sessions WHERE person_id = '{who}' ORDER BY session_id");
        prop_assert_eq!(runtime.block_on(fixture.ask(&sql)), own);
    }

    #[test]
    fn persons_fold_their_ids(identities in identities(), merges in merges()) {
        let rows: Vec<(Value, u8)> =
            identities.iter().enumerate().map(|(n, (identity, to))| (identity_row(n, identity), *to)).collect();
        let fixture = fixture(Table::Identities, &rows, &merges);
        let runtime = Runtime::new().unwrap();
        let expected = persons_by_hand(&identities, &merges);
        prop_assert_eq!(runtime.block_on(fixture.ask("SELECT * FROM persons ORDER BY person_id")), expected.clone());
        let ids = runtime.block_on(fixture.ask("SELECT * FROM person_ids ORDER BY distinct_id"));
        let numbers: BTreeSet<u8> = identities.iter().map(|(identity, _)| identity.number).collect();
        prop_assert_eq!(ids.len(), numbers.len());
        for (row, number) in ids.iter().zip(numbers) {
            prop_assert_eq!(&row["person_id"], &json!(now(&merges, number)));
            prop_assert_eq!(&row["own_person_id"], &json!(person(&id(number))));
        }
    }

    #[test]
    fn comparisons_of_persons_see_merges(
        owners in prop::collection::vec((0u8..6, any::<u8>()), 0..40), merges in merges(), asked in 0u8..6, other in 0u8..6,
    ) {
        let row = |number: usize, owner: u8| super::fixture::activity(number, &id(owner), "e", number as i64, "{}");
        let rows: Vec<(Value, u8)> = owners.iter().enumerate().map(|(n, (owner, to))| (row(n, *owner), *to)).collect();
        let fixture = fixture(Table::Activity, &rows, &merges);
        let runtime = Runtime::new().unwrap();
        let (a, b) = (person(&id(asked)), person(&id(other)));
        let count = |holds: &dyn Fn(&str) -> bool| owners.iter().filter(|(owner, _)| holds(&now(&merges, *owner))).count();
        let cases: Vec<(String, usize)> = vec![
            (format!("person_id = '{a}'"), count(&|who| who == a)),
            (format!("'{a}' <> person_id"), count(&|who| who != a)),
            (format!("person_id IN ('{a}', '{b}', 'nobody')"), count(&|who| who == a || who == b)),
            (format!("person_id NOT IN ('{a}', '{b}')"), count(&|who| who != a && who != b)),
            (format!("NOT (person_id = '{a}' OR upper(person_id) = upper('{b}'))"), count(&|who| who != a && who != b)),
            (format!("person_id = '{}'", a.to_uppercase()), 0),
            (format!("person_id >= '{a}'"), count(&|who| who >= a.as_str())),
        ];
        for (filter, expected) in cases {
            let found = runtime.block_on(fixture.value(&format!("SELECT count(*) FROM activity WHERE {filter}")));
            prop_assert_eq!(found, json!(expected), "{}", filter);
        }
        let persons: BTreeSet<String> = owners.iter().map(|(owner, _)| now(&merges, *owner)).collect();
        let distinct = runtime.block_on(fixture.ask("SELECT DISTINCT person_id AS p FROM activity ORDER BY 1"));
        prop_assert_eq!(distinct.iter().map(|row| row["p"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            persons.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn one_merged_person_is_looked_up_by_stored_ids() {
    let rows: Vec<Value> =
        (0..500).map(|n| super::fixture::activity(n, &format!("u{}", n % 9), "e", n as i64, "{}")).collect();
    let mut fixture = Fixture::new();
    fixture.file(Table::Activity, &rows, &[]).merged("u1", "u2");
    let plan = fixture.plan(&format!("SELECT event FROM activity WHERE person_id = '{}'", person("u2"))).await;
    assert!(plan.contains(&person("u1")) && !plan.contains("resolve_person"), "{plan}");
    assert!(plan.contains("pruning_predicate"), "{plan}");
}

#[tokio::test]
async fn merges_say_whether_they_were_undone() {
    let claim = |sequence: i64, id: &str, kind: &str, outcome: &str| json!({"sequence": sequence, "merge_id": id, "kind": kind, "outcome": outcome});
    let mut fixture = Fixture::new();
    fixture.file(Table::PersonMerges, &[claim(0, "a", "identify", "applied"), claim(1, "b", "alias", "applied")], &[]);
    fixture.fresh(Table::PersonMerges, &[claim(2, "a", "undo", "applied"), claim(3, "b", "undo", "refused_unknown")]);
    let rows = fixture.ask("SELECT sequence, undone FROM person_merges ORDER BY sequence").await;
    let undone: Vec<bool> = rows.iter().map(|row| row["undone"].as_bool().unwrap()).collect();
    assert_eq!(undone, [true, false, false, false]);
}

#[tokio::test]
async fn quarantine_says_what_is_open() {
    let item = |id: &str| json!({"quarantine_id": id, "reason": "malformed", "raw": "{", "received_at": 1000});
    let mut fixture = Fixture::new();
    fixture.file(Table::Quarantine, &[item("q1"), item("q2")], &[]).fresh(Table::Quarantine, &[item("q3")]);
    fixture.fresh(Table::QuarantineResolved, &[json!({"quarantine_id": "q2", "resolved_at": 5000})]);
    let open = fixture.ask("SELECT quarantine_id AS q FROM quarantine WHERE resolved_at IS NULL ORDER BY 1").await;
    assert_eq!(json!(open), json!([{"q": "q1"}, {"q": "q3"}]));
    let done = "SELECT quarantine_id AS q, resolved_at AS t FROM quarantine WHERE resolved_at > '1970-01-01'";
    assert_eq!(json!(fixture.ask(done).await), json!([{"q": "q2", "t": "1970-01-01T00:00:05Z"}]));
}

#[tokio::test]
async fn descriptions_match_the_tables() {
    for merged in [false, true] {
        let mut fixture = Fixture::new();
        if merged {
            fixture.merged("u1", "u2");
        }
        for table in crate::query::tables() {
            fixture.publish();
            let question = crate::query::Question::new(format!("SELECT * FROM {}", table.name));
            let answer = fixture.engine.query(super::fixture::PROJECT, question).await.unwrap();
            let columns: Vec<(&str, &str)> = answer
                .schema()
                .fields()
                .iter()
                .map(|field| (field.name().as_str(), crate::query::kind_of(field.data_type())))
                .collect();
            let described: Vec<(&str, &str)> = table.columns.iter().map(|column| (column.name, column.kind)).collect();
            assert_eq!(columns, described, "{}", table.name);
            assert!(!table.about.is_empty() && table.columns.iter().all(|column| !column.about.is_empty()));
        }
    }
}
