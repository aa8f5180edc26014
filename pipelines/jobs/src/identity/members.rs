//! Which ids are one person just now: the state that claims change, without their history.

use std::collections::HashMap;
use std::sync::Arc;

use footfall_ingest_activity::{is_known_bad, person_id_of};
use uuid::Uuid;

use super::claim::{Claim, ClaimKind, Outcome};

/// Own person of an id, and the person that it is now.
pub type PersonChange = (Uuid, Uuid);

#[derive(Debug, Clone)]
struct Member {
    person: Uuid,
    identified: bool,
    /// Place of the id whose own person is the person of all.
    root: usize,
}

/// What a claim would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing that was not so before.
    Nothing,
    Outcome(Outcome),
}

/// Ids that a claim has named, grouped by person.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    places: HashMap<Arc<str>, usize>,
    members: Vec<Member>,
    /// By root: all places of that person. Ids alone are in it too.
    groups: HashMap<usize, Vec<usize>>,
}

impl Members {
    fn place_of(&mut self, project: &str, id: &Arc<str>) -> usize {
        if let Some(&place) = self.places.get(id) {
            return place;
        }
        let place = self.members.len();
        self.places.insert(id.clone(), place);
        self.members.push(Member { person: person_id_of(project, id), identified: false, root: place });
        self.groups.insert(place, vec![place]);
        place
    }

    fn member(&self, id: &str) -> Option<&Member> {
        self.places.get(id).map(|&place| &self.members[place])
    }

    /// The person that `id` is now, if a claim ever named it.
    pub fn person_of(&self, id: &str) -> Option<Uuid> {
        self.member(id).map(|member| self.members[member.root].person)
    }

    fn is_identified(&self, id: &str) -> bool {
        self.member(id).is_some_and(|member| member.identified)
    }

    fn is_one(&self, a: &str, b: &str) -> bool {
        match (self.member(a), self.member(b)) {
            (Some(a), Some(b)) => a.root == b.root,
            _ => a == b,
        }
    }

    /// True when an id of `id`'s person is an identified user.
    fn has_identified(&self, id: &str) -> bool {
        self.member(id)
            .and_then(|member| self.groups.get(&member.root))
            .is_some_and(|group| group.iter().any(|&place| self.members[place].identified))
    }

    /// True when `from` and `into` are one person and nothing is to be learned of `into`.
    pub fn is_settled(&self, kind: ClaimKind, from: &str, into: &str) -> bool {
        self.is_one(from, into) && (kind == ClaimKind::Merge || self.is_identified(into))
    }

    /// True when `claim` is the first to say that its `into` is an identified user.
    pub fn is_first_to_identify(&self, claim: &Claim) -> bool {
        claim.kind != ClaimKind::Merge && !self.is_identified(&claim.into)
    }

    /// What `claim` would do, by the rules of its kind.
    pub fn decide(&self, claim: &Claim) -> Decision {
        let Claim { kind, from, into, .. } = claim;
        let news = self.is_first_to_identify(claim);
        if from == into {
            return match (news, is_known_bad(into)) {
                (false, _) => Decision::Nothing,
                (true, false) => Decision::Outcome(Outcome::Known),
                (true, true) => Decision::Outcome(Outcome::RefusedKnownBad),
            };
        }
        Decision::Outcome(if is_known_bad(from) || is_known_bad(into) {
            Outcome::RefusedKnownBad
        } else if self.is_one(from, into) {
            match news {
                true => Outcome::Already,
                false => return Decision::Nothing,
            }
        } else if *kind != ClaimKind::Merge && self.has_identified(from) {
            Outcome::RefusedIdentified
        } else {
            Outcome::Applied
        })
    }

    /// Makes `claim` so, as decided. Returns the ids whose person changed.
    pub fn apply(&mut self, project: &str, claim: &Claim, outcome: Outcome) -> Vec<PersonChange> {
        let into = self.place_of(project, &claim.into);
        if claim.kind != ClaimKind::Merge && !is_known_bad(&claim.into) {
            self.members[into].identified = true;
        }
        let from = self.place_of(project, &claim.from);
        match outcome {
            Outcome::Applied => self.join(from, into),
            _ => Vec::new(),
        }
    }

    fn join(&mut self, from: usize, into: usize) -> Vec<PersonChange> {
        let (old_root, root) = (self.members[from].root, self.members[into].root);
        let person = self.members[root].person;
        let joining = self.groups.remove(&old_root).unwrap_or_default();
        let mut changes = Vec::with_capacity(joining.len());
        for &place in &joining {
            self.members[place].root = root;
            changes.push((self.members[place].person, person));
        }
        self.groups.entry(root).or_default().extend(joining);
        changes
    }

    /// Every id's own person and the person that it is now.
    pub fn persons(&self) -> impl Iterator<Item = PersonChange> + '_ {
        self.members.iter().map(|member| (member.person, self.members[member.root].person))
    }
}
