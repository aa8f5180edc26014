//! The history of claims of one project, and the state that it adds up to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use footfall_ingest_activity::{Timestamp, is_known_bad, person_id_of};
use uuid::Uuid;

use super::claim::{Claim, ClaimKind, Outcome};
use super::members::{Decision, Members, PersonChange};
use super::rows::{MergeRow, MergeRowKind};

/// When a claim was made and when the server had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub timestamp: Timestamp,
    pub received_at: Timestamp,
}

#[derive(Debug, Clone)]
struct Recorded {
    claim: Claim,
    /// As it was decided when it came.
    outcome: Outcome,
    /// In effect in the present state: an undo can turn a refusal into a merge, and the other way round.
    in_effect: bool,
    undone: bool,
}

/// Which ids of one project are one person.
///
/// - `identify(from, into)`: `into` is an identified user from then on; the person of `from` joins that of `into`, unless
///   it has an identified user already. `alias` likewise. `merge` joins whatever they are. Known-bad ids never join.
/// - The person of all is the own person of the root of the `into` side, so it stays the same as more ids join.
/// - `undo(merge_id)`: the state becomes the fold of all other recorded claims, each decided anew.
#[derive(Debug, Clone, Default)]
pub struct IdentityGraph {
    project: Arc<str>,
    recorded: Vec<Recorded>,
    /// Latest recorded claim of an id that is not undone.
    by_merge_id: HashMap<Arc<str>, usize>,
    /// Pairs with a recorded refusal: a client that repeats itself makes no more rows.
    refused: HashSet<(Arc<str>, Arc<str>)>,
    members: Members,
    next_sequence: i64,
}

impl IdentityGraph {
    /// A project without claims.
    pub fn new(project: Arc<str>) -> Self {
        IdentityGraph { project, ..IdentityGraph::default() }
    }

    /// The state that `rows` of `person_merges` add up to, in whatever order they are given.
    pub fn from_rows(project: Arc<str>, mut rows: Vec<MergeRow>) -> Self {
        rows.sort_by_key(|row| row.sequence);
        let mut graph = IdentityGraph::new(project);
        for row in rows {
            graph.next_sequence = row.sequence.saturating_add(1);
            match row.kind {
                MergeRowKind::Claim(kind) => {
                    let MergeRow { merge_id, from, into, outcome, .. } = row;
                    graph.record(Claim { merge_id, kind, from, into }, outcome);
                }
                MergeRowKind::Undo if row.outcome == Outcome::Applied => graph.mark_undone(&row.merge_id),
                MergeRowKind::Undo => {}
            }
        }
        graph.refold();
        graph
    }

    /// The person that `distinct_id` is now.
    pub fn person_of(&self, distinct_id: &str) -> Uuid {
        self.members.person_of(distinct_id).unwrap_or_else(|| person_id_of(&self.project, distinct_id))
    }

    /// Every id that a claim named whose person is not its own.
    pub fn overrides(&self) -> HashMap<Uuid, Uuid> {
        self.members.persons().filter(|(own, now)| own != now).collect()
    }

    /// True when a claim would change nothing and make no row: the two are one person already. Asks for no memory, as
    /// many clients repeat their claim with each activity.
    pub fn is_settled(&self, kind: ClaimKind, from: &str, into: &str) -> bool {
        self.members.is_settled(kind, from, into)
    }

    /// Decides a claim. Returns the row to keep of it, if any, and the ids whose person changed.
    pub fn claim(&mut self, claim: Claim, made: Made) -> (Option<MergeRow>, Vec<PersonChange>) {
        let Decision::Outcome(outcome) = self.members.decide(&claim) else { return (None, Vec::new()) };
        let is_repeated = self.refused.contains(&(claim.from.clone(), claim.into.clone()))
            && (is_known_bad(&claim.into) || !self.members.is_first_to_identify(&claim));
        if outcome.is_refusal() && is_repeated {
            return (None, Vec::new());
        }
        let changes = self.members.apply(&self.project, &claim, outcome);
        let row = self.row(MergeRowKind::Claim(claim.kind), &claim, made, outcome);
        self.record(claim, outcome);
        (Some(row), changes)
    }

    /// Takes a merge back. Returns the row to keep of it, and the ids whose person changed.
    pub fn undo(&mut self, merge_id: &str, made: Made) -> (MergeRow, Vec<PersonChange>) {
        let merge = self.by_merge_id.get(merge_id).map(|&place| &self.recorded[place]);
        let claim = match merge {
            Some(merge) if merge.in_effect || merge.outcome == Outcome::Applied => merge.claim.clone(),
            _ => {
                let nobody: Arc<str> = "".into();
                let claim =
                    Claim { merge_id: merge_id.into(), kind: ClaimKind::Merge, from: nobody.clone(), into: nobody };
                return (self.row(MergeRowKind::Undo, &claim, made, Outcome::RefusedUnknownMerge), Vec::new());
            }
        };
        let before: Vec<PersonChange> = self.members.persons().collect();
        self.mark_undone(merge_id);
        self.refold();
        let after: HashMap<Uuid, Uuid> = self.members.persons().collect();
        let now = |own: Uuid| after.get(&own).copied().unwrap_or(own);
        let changes = before.iter().filter(|(own, was)| now(*own) != *was).map(|&(own, _)| (own, now(own))).collect();
        (self.row(MergeRowKind::Undo, &claim, made, Outcome::Applied), changes)
    }

    fn row(&mut self, kind: MergeRowKind, claim: &Claim, made: Made, outcome: Outcome) -> MergeRow {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        MergeRow {
            sequence,
            merge_id: claim.merge_id.clone(),
            kind,
            from: claim.from.clone(),
            into: claim.into.clone(),
            timestamp: made.timestamp,
            received_at: made.received_at,
            outcome,
        }
    }

    fn record(&mut self, claim: Claim, outcome: Outcome) {
        if outcome.is_refusal() {
            self.refused.insert((claim.from.clone(), claim.into.clone()));
        }
        self.by_merge_id.insert(claim.merge_id.clone(), self.recorded.len());
        let in_effect = outcome == Outcome::Applied;
        self.recorded.push(Recorded { claim, outcome, in_effect, undone: false });
    }

    fn mark_undone(&mut self, merge_id: &str) {
        if let Some(place) = self.by_merge_id.remove(merge_id) {
            self.recorded[place].undone = true;
        }
    }

    /// Decides every recorded claim anew, without those that are undone.
    fn refold(&mut self) {
        self.members = Members::default();
        for recorded in &mut self.recorded {
            let decision = if recorded.undone { Decision::Nothing } else { self.members.decide(&recorded.claim) };
            recorded.in_effect = decision == Decision::Outcome(Outcome::Applied);
            if let Decision::Outcome(outcome) = decision {
                self.members.apply(&self.project, &recorded.claim, outcome);
            }
        }
    }
}
