//! Session parts, joined when read, against sessions worked out from all activity at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use footfall_ingest_activity::person_id_of;
use footfall_pipelines_jobs::Graphs;
use footfall_pipelines_jobs::transform::SESSION_GAP_MILLIS;
use footfall_pipelines_store::tables::Table;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::given::{activities, activity, batch, build_once, plain};

/// One activity: its number is its message id, so that a copy has the same content.
#[derive(Debug, Clone)]
struct Act {
    number: usize,
    id: u8,
    at: i64,
    is_page: bool,
    amount: Option<u8>,
}

/// A session, or a part of one. `first` and `last` order by time, then message id, and carry the page.
#[derive(Debug, Clone, PartialEq)]
struct Session {
    first: (i64, String, Option<String>),
    last: (i64, String, Option<String>),
    activities: i64,
    pageviews: i64,
    amount: f64,
}

impl Session {
    fn joined(self, other: Session) -> Session {
        Session {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            activities: self.activities + other.activities,
            pageviews: self.pageviews + other.pageviews,
            amount: self.amount + other.amount,
        }
    }
}

type ByPerson = BTreeMap<String, Vec<Session>>;

fn message_id(act: &Act) -> String {
    format!("m{:03}", act.number)
}

fn page(act: &Act) -> Option<String> {
    act.is_page.then(|| format!("/{}", act.number))
}

fn payload(act: &Act) -> Value {
    let common = json!({"page_path": page(act), "amount": act.amount});
    let event = if act.is_page { "$pageview" } else { "Paid" };
    activity(&message_id(act), &format!("id-{}", act.id), act.at, json!({"event": event, "common": common}))
}

/// Intervals of a person in order of start; one that begins at most the gap after the end so far belongs to it.
fn coalesced(mut parts: Vec<Session>) -> Vec<Session> {
    parts.sort_by(|a, b| a.first.cmp(&b.first));
    let mut sessions: Vec<Session> = Vec::new();
    for part in parts {
        match sessions.pop() {
            Some(open) if part.first.0 - open.last.0 <= SESSION_GAP_MILLIS => sessions.push(open.joined(part)),
            before => sessions.extend(before.into_iter().chain([part])),
        }
    }
    sessions
}

/// Every activity on its own, each once, put in sessions by walking along in order of time.
fn naive(acts: &[Act], canonical: &dyn Fn(u8) -> String) -> ByPerson {
    let mut by_person: BTreeMap<String, BTreeMap<(i64, String), &Act>> = BTreeMap::new();
    for act in acts {
        by_person.entry(canonical(act.id)).or_default().insert((act.at, message_id(act)), act);
    }
    let sessions = |acts: BTreeMap<(i64, String), &Act>| {
        let mut sessions: Vec<Vec<&Act>> = Vec::new();
        for act in acts.into_values() {
            match sessions.last_mut() {
                Some(open) if act.at - open[open.len() - 1].at <= SESSION_GAP_MILLIS => open.push(act),
                _ => sessions.push(vec![act]),
            }
        }
        let end = |act: &Act| (act.at, message_id(act), page(act));
        let session = |acts: &Vec<&Act>| Session {
            first: end(acts[0]),
            last: end(acts[acts.len() - 1]),
            activities: acts.len() as i64,
            pageviews: acts.iter().filter(|act| act.is_page).count() as i64,
            amount: acts.iter().map(|act| f64::from(act.amount.unwrap_or(0))).sum(),
        };
        sessions.iter().map(session).collect()
    };
    by_person.into_iter().map(|(person, acts)| (person, sessions(acts))).collect()
}

fn part(row: &Value) -> Session {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let number = |name: &str| row[name].as_i64().unwrap();
    Session {
        first: (number("start"), text("first_message_id").unwrap(), text("entry_page")),
        last: (number("end"), text("last_message_id").unwrap(), text("exit_page")),
        activities: number("activities"),
        pageviews: number("pageviews"),
        amount: row["amount"].as_f64().unwrap(),
    }
}

/// A day of five ids with pauses around the length of the gap; then an arrival order with copies, cut into batches.
fn arrivals() -> impl Strategy<Value = (Vec<Act>, Vec<Vec<Act>>)> {
    let pause = prop_oneof![0i64..3, Just(SESSION_GAP_MILLIS), Just(SESSION_GAP_MILLIS + 1), 0..SESSION_GAP_MILLIS];
    let act = (pause, 0u8..5, any::<bool>(), prop::option::of(any::<u8>()));
    prop::collection::vec(act, 1..40)
        .prop_map(|acts| {
            let mut at = 1_700_000_000_000;
            let act = |(number, (pause, id, is_page, amount))| {
                at += pause;
                Act { number, id, at, is_page, amount }
            };
            acts.into_iter().enumerate().map(act).collect::<Vec<Act>>()
        })
        .prop_flat_map(|acts| {
            let copies = prop::collection::vec(prop::sample::select(acts.clone()), 0..10);
            (Just(acts), copies, 1usize..9)
        })
        .prop_flat_map(|(acts, copies, size)| {
            let all: Vec<Act> = acts.iter().chain(&copies).cloned().collect();
            (Just(acts), Just(all).prop_shuffle(), Just(size))
        })
        .prop_map(|(acts, all, size)| (acts, all.chunks(size).map(<[Act]>::to_vec).collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn parts_join_to_sessions((acts, batches) in arrivals(), merged in prop::collection::vec(0u8..5, 5)) {
        // Each id is the person that `merged` says, one step deep, as overrides are.
        let canonical = |id: u8| format!("person-{}", merged[id as usize]);
        let persons: BTreeMap<String, u8> =
            (0..5).map(|id| (person_id_of("shop", &format!("id-{id}")).to_string(), id)).collect();
        let (mut seen, mut graphs) = (HashSet::new(), Graphs::new());
        let mut parts: ByPerson = BTreeMap::new();
        let mut kept = 0;
        for acts in &batches {
            let payloads: Vec<Value> = acts.iter().map(payload).collect();
            let built = build_once(&batch(0, activities(&payloads)), &mut seen, &mut graphs);
            kept += built.tally.activities;
            let Some(rows) = built.publication.rows.get("shop") else { continue };
            for row in plain(&rows.batches[&Table::SessionParts]) {
                let id = persons[row["person_id"].as_str().unwrap()];
                parts.entry(canonical(id)).or_default().push(part(&row));
            }
        }
        let numbers: BTreeSet<usize> = acts.iter().map(|act| act.number).collect();
        prop_assert_eq!(kept as usize, numbers.len());
        let joined: ByPerson = parts.into_iter().map(|(person, parts)| (person, coalesced(parts))).collect();
        prop_assert_eq!(joined, naive(&acts, &canonical));
    }
}

#[test]
fn a_pause_of_exactly_the_gap_does_not_end_a_session() {
    let at = [0, SESSION_GAP_MILLIS, 2 * SESSION_GAP_MILLIS + 1];
    let payloads: Vec<Value> = at.iter().map(|at| activity(&at.to_string(), "a", *at, json!({}))).collect();
    let built = build_once(&batch(0, activities(&payloads)), &mut HashSet::new(), &mut Graphs::new());
    let parts = plain(&built.publication.rows["shop"].batches[&Table::SessionParts]);
    assert_eq!(parts.iter().map(|part| part["activities"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 1]);
}
