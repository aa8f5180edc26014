//! Runs as a snapshot: what was sealed lies in layers that stay for many views, and fresh rows above.

use std::collections::HashMap;
use std::sync::Arc;

use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::projection::{Run, Snapshot, Trait};

use super::Kept;
use crate::runs::Sealed;

/// A run is large if it has more than one in so many of the sealed rows.
const SHARE_OF_LARGE: u64 = 16;

/// Rows that were sealed lately stay above the others while they are no more than this, and than one in so many of all: to merge
/// them with the others copies what questions have had merged of those.
const LATELY_ROWS_MAX: u64 = 500_000;
/// … and than so many runs: questions go through each, and none of them is joined before.
const LATELY_RUNS_MAX: usize = 12;
const SHARE_OF_LATELY: u64 = if cfg!(test) { 2 } else { SHARE_OF_LARGE };

/// Some runs above others as one, and what that depends on.
pub(super) struct Layer {
    runs: Vec<Arc<Run>>,
    below: Option<Arc<Snapshot>>,
    /// Persons who have rows in it or below, and count as others in it.
    relocated: HashMap<u32, u32>,
    /// How many activities had names.
    activities: usize,
    snapshot: Arc<Snapshot>,
}

impl Layer {
    /// Whether it is still one of these runs. More persons may have moved since; none may have moved elsewhere.
    fn is_of(&self, runs: &[Arc<Run>], below: Option<&Arc<Snapshot>>, relocated: &HashMap<u32, u32>) -> bool {
        let same_runs = self.runs.len() == runs.len() && self.runs.iter().zip(runs).all(|(a, b)| Arc::ptr_eq(a, b));
        let same_below = match (&self.below, below) {
            (Some(below), Some(other)) => Arc::ptr_eq(below, other),
            (below, other) => below.is_none() && other.is_none(),
        };
        same_runs && same_below && self.relocated.iter().all(|(own, now)| relocated.get(own) == Some(now))
    }
}

/// A layer as it is now.
struct Below {
    snapshot: Arc<Snapshot>,
    /// Everybody who has rows in it or below, and is somebody else.
    relocated: HashMap<u32, u32>,
    /// Those of them who have become others since it was made.
    moved: HashMap<u32, u32>,
}

/// All sealed rows, as they were in the view before.
pub(super) struct Stack {
    snapshot: Arc<Snapshot>,
    /// Who counts as another in it.
    pub(super) relocated: HashMap<u32, u32>,
    /// The sealed runs in which the same rows lie now.
    pub(super) runs: Vec<Arc<Run>>,
    /// How many activities had names.
    activities: usize,
}

impl Stack {
    fn has(&self, run: &Arc<Run>) -> bool {
        self.runs.iter().any(|known| Arc::ptr_eq(known, run))
    }
}

impl Kept {
    /// The rows as a snapshot. What is sealed is the same for many, the large runs for many more, so that what questions have
    /// had merged of them serves all of those.
    pub fn snapshot(&mut self, traits: Vec<Arc<Trait>>, threads: usize) -> Result<Snapshot, InsightError> {
        if let Some((below, mut runs)) = self.lately() {
            runs.extend(self.fresh.runs().cloned());
            return self.above(runs, traits, Some(below));
        }
        let all: u64 = self.sealed.iter().map(|sealed| sealed.run.rows()).sum();
        let is_large = |run: &Arc<Run>| run.rows() * SHARE_OF_LARGE >= all;
        let (large, small): (Vec<_>, Vec<_>) = self.sealed.iter().map(|sealed| sealed.run.clone()).partition(is_large);
        let below = self.layer(0, large, None)?;
        let below = match small.is_empty() {
            true => {
                self.layers[1] = None;
                below
            }
            false => self.layer(1, small, Some(below))?,
        };
        self.grow(&below, threads)?;
        self.above(self.fresh.runs().cloned().collect(), traits, Some(below))
    }

    /// What was sealed in a view before, and the runs that were sealed since, if they are few.
    fn lately(&self) -> Option<(Below, Vec<Arc<Run>>)> {
        let stack =
            self.stack.as_ref().filter(|stack| stack.activities == self.dictionaries.activities.names().len())?;
        let (known, lately): (Vec<_>, Vec<_>) =
            self.sealed.iter().map(|sealed| sealed.run.clone()).partition(|run| stack.has(run));
        let rows_of = |runs: &[Arc<Run>]| runs.iter().map(|run| run.rows()).sum::<u64>();
        let most = LATELY_ROWS_MAX.min(rows_of(&known) / SHARE_OF_LATELY);
        let is_little = rows_of(&lately) <= most && lately.len() <= LATELY_RUNS_MAX;
        let is_valid = known.len() == stack.runs.len() && self.holds(stack);
        (is_little && is_valid).then(|| (self.below_of(stack), lately))
    }

    /// Whether everybody who counts as another in it does so now.
    fn holds(&self, stack: &Stack) -> bool {
        stack.relocated.iter().all(|(own, now)| self.merged.get(own) == Some(now))
    }

    /// All sealed rows of a view before, as what others lie above.
    fn below_of(&self, stack: &Stack) -> Below {
        let mut moved = self.relocated_in(&stack.runs);
        moved.retain(|own, _| !stack.relocated.contains_key(own));
        Below { snapshot: stack.snapshot.clone(), relocated: HashMap::new(), moved }
    }

    /// Sealed runs, but for those that lie above the others: joined with those they would be merged with them.
    pub fn settled(&self) -> Vec<Sealed> {
        let is_settled = |sealed: &&Sealed| self.stack.as_ref().is_none_or(|stack| stack.has(&sealed.run));
        self.sealed.iter().filter(is_settled).cloned().collect()
    }

    /// Has what was merged of the sealed rows before grow by those that were sealed since, rather than be merged again.
    fn grow(&mut self, below: &Below, threads: usize) -> Result<(), InsightError> {
        let runs: Vec<Arc<Run>> = self.sealed.iter().map(|sealed| sealed.run.clone()).collect();
        let is_there = |run: &Arc<Run>| runs.iter().any(|other| Arc::ptr_eq(other, run));
        let before = self.stack.take().filter(|stack| stack.runs.iter().all(is_there) && self.holds(stack));
        if let Some(stack) = before.filter(|stack| !Arc::ptr_eq(&stack.snapshot, &below.snapshot)) {
            let sealed: Vec<Arc<Run>> = runs.iter().filter(|run| !stack.has(run)).cloned().collect();
            let above = self.above(sealed, Vec::new(), Some(self.below_of(&stack)))?;
            below.snapshot.grow_from(&above, threads);
        }
        let mut relocated = below.relocated.clone();
        relocated.retain(|own, _| !below.moved.contains_key(own));
        let activities = self.dictionaries.activities.names().len();
        self.stack = Some(Stack { snapshot: below.snapshot.clone(), relocated, runs, activities });
        Ok(())
    }

    /// The layer at a place, made if it is not there yet; and who has moved in it since it was made.
    fn layer(&mut self, place: usize, runs: Vec<Arc<Run>>, below: Option<Below>) -> Result<Below, InsightError> {
        let activities = self.dictionaries.activities.names().len();
        let mut relocated = self.relocated_in(&runs);
        relocated.extend(below.iter().flat_map(|below| &below.relocated));
        let under = below.as_ref().map(|below| &below.snapshot);
        let known = self.layers[place].as_ref();
        let known = known.filter(|known| known.activities == activities && known.is_of(&runs, under, &relocated));
        let (snapshot, moved_before) = match known {
            Some(known) => (known.snapshot.clone(), known.relocated.clone()),
            None => {
                let under = under.cloned();
                let snapshot = Arc::new(self.above(runs.clone(), Vec::new(), below)?);
                let layer =
                    Layer { runs, below: under, relocated: relocated.clone(), activities, snapshot: snapshot.clone() };
                self.layers[place] = Some(layer);
                (snapshot, relocated.clone())
            }
        };
        let moved = relocated.iter().filter(|(own, _)| !moved_before.contains_key(*own));
        let moved = moved.map(|(own, now)| (*own, *now)).collect();
        Ok(Below { snapshot, relocated, moved })
    }

    fn above(
        &self,
        runs: Vec<Arc<Run>>,
        traits: Vec<Arc<Trait>>,
        below: Option<Below>,
    ) -> Result<Snapshot, InsightError> {
        let relocated = self.relocated_in(&runs);
        let snapshot = Snapshot::new(self.dictionaries.clone(), runs, &relocated, traits)?;
        match below {
            Some(below) => snapshot.above(below.snapshot, &below.moved),
            None => Ok(snapshot),
        }
    }
}
