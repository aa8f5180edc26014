//! How far a reader has come: the next offset of every partition of the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The next offset to read, by partition. A partition that is not named starts at 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(BTreeMap<u32, u64>);

impl Checkpoint {
    /// The next offset to read in `partition`.
    pub fn next_offset(&self, partition: u32) -> u64 {
        self.0.get(&partition).copied().unwrap_or(0)
    }

    /// Moves `partition` forward to `next_offset`; never backward.
    pub fn advance(&mut self, partition: u32, next_offset: u64) {
        let slot = self.0.entry(partition).or_insert(0);
        *slot = (*slot).max(next_offset);
    }

    /// Moves every partition forward to where `other` is.
    pub fn merge(&mut self, other: &Checkpoint) {
        for (&partition, &offset) in &other.0 {
            self.advance(partition, offset);
        }
    }

    /// The lowest of both in every partition: what two readers have both passed.
    pub fn meet(&self, other: &Checkpoint) -> Checkpoint {
        Checkpoint(
            self.0.iter().map(|(&partition, &offset)| (partition, offset.min(other.next_offset(partition)))).collect(),
        )
    }

    /// True when everything below `other` is below `self` too.
    pub fn covers(&self, other: &Checkpoint) -> bool {
        other.0.iter().all(|(&partition, &offset)| self.next_offset(partition) >= offset)
    }

    /// Partitions and their next offsets, in order of partition.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.0.iter().map(|(&partition, &offset)| (partition, offset))
    }
}

impl FromIterator<(u32, u64)> for Checkpoint {
    fn from_iter<I: IntoIterator<Item = (u32, u64)>>(offsets: I) -> Self {
        let mut checkpoint = Checkpoint::default();
        for (partition, offset) in offsets {
            checkpoint.advance(partition, offset);
        }
        checkpoint
    }
}
