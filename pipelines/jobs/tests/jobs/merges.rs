//! The identity graph against a model that works everything out anew from the list of rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use footfall_ingest_activity::{Timestamp, is_known_bad, person_id_of};
use footfall_pipelines_jobs::identity::{
    Claim, ClaimKind, IdentityGraph, Made, MergeRow, MergeRowKind, Outcome, merge_rows_from, merge_rows_into,
};
use proptest::prelude::*;
use uuid::Uuid;

const IDS: [&str; 8] = ["anon-1", "anon-2", "anon-3", "user-1", "user-2", "user-3", "null", "guest"];

#[derive(Debug, Clone)]
enum Op {
    Claim(ClaimKind, usize, usize),
    /// Undo of the n-th operation, whatever it was.
    Undo(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(ClaimKind::Identify), Just(ClaimKind::Alias), Just(ClaimKind::Merge)];
    prop_oneof![
        5 => (kind, 0..IDS.len(), 0..IDS.len()).prop_map(|(kind, from, into)| Op::Claim(kind, from, into)),
        1 => (0usize..24).prop_map(Op::Undo),
    ]
}

/// A claim that made a row: its id, kind, both ids, and whether it was applied when it was made.
#[derive(Debug, Clone)]
struct Kept(String, ClaimKind, &'static str, &'static str, Outcome);

#[derive(Default)]
struct Model {
    kept: Vec<Kept>,
}

/// Persons as sets of ids beside the id that all are named after, and the identified users.
#[derive(Default)]
struct World {
    persons: Vec<(&'static str, BTreeSet<&'static str>)>,
    identified: BTreeSet<&'static str>,
    applied: BTreeSet<String>,
}

impl World {
    fn person(&self, id: &'static str) -> (&'static str, BTreeSet<&'static str>) {
        let found = self.persons.iter().find(|(_, ids)| ids.contains(id));
        found.cloned().unwrap_or_else(|| (id, BTreeSet::from([id])))
    }

    fn take(&mut self, merge_id: &str, kind: ClaimKind, from: &'static str, into: &'static str) -> Option<Outcome> {
        let names_user = kind != ClaimKind::Merge;
        let is_news = names_user && !self.identified.contains(into) && !is_known_bad(into);
        let (joining, target) = (self.person(from), self.person(into));
        let outcome = if from == into {
            match (names_user, is_known_bad(into), is_news) {
                (true, true, _) => Some(Outcome::RefusedKnownBad),
                (true, false, true) => Some(Outcome::Known),
                _ => None,
            }
        } else if is_known_bad(from) || is_known_bad(into) {
            Some(Outcome::RefusedKnownBad)
        } else if joining.0 == target.0 {
            is_news.then_some(Outcome::Already)
        } else if names_user && joining.1.iter().any(|id| self.identified.contains(id)) {
            Some(Outcome::RefusedIdentified)
        } else {
            self.persons.retain(|(name, _)| *name != joining.0 && *name != target.0);
            self.persons.push((target.0, joining.1.union(&target.1).copied().collect()));
            self.applied.insert(merge_id.to_owned());
            Some(Outcome::Applied)
        };
        if is_news {
            self.identified.insert(into);
        }
        outcome
    }
}

impl Model {
    fn world(&self) -> World {
        let mut world = World::default();
        for Kept(merge_id, kind, from, into, _) in &self.kept {
            world.take(merge_id, *kind, from, into);
        }
        world
    }

    /// `refused` are the pairs with a row of refusal, undone claims among them.
    fn claim(
        &mut self,
        merge_id: &str,
        (kind, from, into): (ClaimKind, &'static str, &'static str),
        refused: &mut BTreeSet<(&'static str, &'static str)>,
    ) -> Option<Outcome> {
        let mut world = self.world();
        let identified = world.identified.clone();
        let outcome = world.take(merge_id, kind, from, into)?;
        if outcome.is_refusal() && refused.contains(&(from, into)) && identified == world.identified {
            return None;
        }
        if outcome.is_refusal() {
            refused.insert((from, into));
        }
        self.kept.push(Kept(merge_id.to_owned(), kind, from, into, outcome));
        Some(outcome)
    }

    fn undo(&mut self, merge_id: &str) -> Outcome {
        let applied = self.world().applied;
        let is_merge = |kept: &Kept| kept.0 == merge_id && (kept.4 == Outcome::Applied || applied.contains(merge_id));
        match self.kept.iter().position(is_merge) {
            Some(place) => {
                self.kept.remove(place);
                Outcome::Applied
            }
            None => Outcome::RefusedUnknownMerge,
        }
    }
}

fn made() -> Made {
    Made { timestamp: Timestamp::from_millis(1), received_at: Timestamp::from_millis(2) }
}

fn claim(merge_id: &str, kind: ClaimKind, from: &str, into: &str) -> Claim {
    Claim { merge_id: merge_id.into(), kind, from: from.into(), into: into.into() }
}

fn persons(graph: &IdentityGraph) -> BTreeMap<&'static str, Uuid> {
    IDS.iter().map(|id| (*id, graph.person_of(id))).collect()
}

/// The graph from rows that went through Arrow.
fn rebuilt(rows: &[MergeRow]) -> IdentityGraph {
    let mut rows = merge_rows_from(&merge_rows_into(rows).unwrap()).unwrap();
    rows.reverse();
    IdentityGraph::from_rows("shop".into(), rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn agrees_with_the_model(ops in prop::collection::vec(op(), 0..24), restart in 0usize..24) {
        let mut graph = IdentityGraph::new("shop".into());
        let mut model = Model::default();
        let mut refused = BTreeSet::new();
        let mut rows: Vec<MergeRow> = Vec::new();
        let mut overrides: HashMap<Uuid, Uuid> = HashMap::new();
        for (n, op) in ops.iter().enumerate() {
            if n == restart {
                graph = rebuilt(&rows);
            }
            let (row, changes, expected) = match op {
                Op::Claim(kind, from, into) => {
                    let (from, into, merge_id) = (IDS[*from], IDS[*into], format!("m{n}"));
                    let settled = graph.is_settled(*kind, from, into);
                    let (row, changes) = graph.claim(claim(&merge_id, *kind, from, into), made());
                    prop_assert!(!settled || (row.is_none() && changes.is_empty()));
                    (row, changes, model.claim(&merge_id, (*kind, from, into), &mut refused))
                }
                Op::Undo(of) => {
                    let (row, changes) = graph.undo(&format!("m{of}"), made());
                    (Some(row), changes, Some(model.undo(&format!("m{of}"))))
                }
            };
            prop_assert_eq!(row.as_ref().map(|row| row.outcome), expected);
            overrides.extend(changes);
            rows.extend(row);
            let world = model.world();
            for id in IDS {
                prop_assert_eq!(graph.person_of(id), person_id_of("shop", world.person(id).0), "{}", id);
            }
            overrides.retain(|own, now| own != now);
            prop_assert_eq!(&overrides, &graph.overrides());
        }
        let sequence: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
        prop_assert_eq!(sequence, (0..rows.len() as i64).collect::<Vec<_>>());
        prop_assert_eq!(persons(&rebuilt(&rows)), persons(&graph));
    }
}

#[test]
fn repeating_a_claim_makes_no_row() {
    let mut graph = IdentityGraph::new("shop".into());
    let mut outcomes = |merge_id: &str, from: &str, into: &str| {
        let (row, _) = graph.claim(claim(merge_id, ClaimKind::Identify, from, into), made());
        row.map(|row| row.outcome)
    };
    assert_eq!(outcomes("1", "a", "u"), Some(Outcome::Applied));
    assert_eq!(outcomes("2", "a", "u"), None);
    assert_eq!(outcomes("3", "a", "v"), Some(Outcome::RefusedIdentified));
    assert_eq!(outcomes("4", "a", "v"), None);
    assert_eq!(outcomes("5", "undefined", "u"), Some(Outcome::RefusedKnownBad));
    assert_eq!(outcomes("6", "undefined", "u"), None);
    assert_eq!(outcomes("7", "w", "w"), Some(Outcome::Known));
    assert_eq!(outcomes("8", "w", "w"), None);
}

#[test]
fn undoing_a_wrong_merge_lets_the_refused_claim_hold() {
    let mut graph = IdentityGraph::new("shop".into());
    drop(graph.claim(claim("wrong", ClaimKind::Identify, "a", "u"), made()));
    drop(graph.claim(claim("right", ClaimKind::Identify, "a", "v"), made()));
    let (row, changes) = graph.undo("wrong", made());
    assert_eq!((row.kind, row.outcome), (MergeRowKind::Undo, Outcome::Applied));
    assert_eq!(changes, [(person_id_of("shop", "a"), person_id_of("shop", "v"))]);
    let (again, _) = graph.undo("wrong", made());
    assert_eq!(again.outcome, Outcome::RefusedUnknownMerge);
}

#[test]
fn the_root_keeps_its_person_as_more_ids_join() {
    let mut graph = IdentityGraph::new("shop".into());
    for (n, from) in ["a", "b", "c"].into_iter().enumerate() {
        drop(graph.claim(claim(&n.to_string(), ClaimKind::Identify, from, "u"), made()));
        assert_eq!(graph.person_of(from), person_id_of("shop", "u"));
    }
    let project: Arc<str> = "shop".into();
    assert_eq!(graph.person_of("stranger"), person_id_of(&project, "stranger"));
}
