//! One partition as its readers see it: which segments there are, where it ends, and its newest blocks in memory.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

use footfall_ingest_activity::Timestamp;

use super::block::Block;
use super::context::{Context, hold};
use super::format::segment_name;
use super::queue::Queue;
use super::read::Places;
use crate::PartitionStatus;

/// A segment file and how much of it is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub first_offset: u64,
    pub bytes: u64,
    pub created_at: Timestamp,
}

/// The newest blocks, without a hole between them.
#[derive(Default)]
pub(super) struct Tail {
    blocks: VecDeque<Block>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, block: Block, bytes_max: usize) {
        self.bytes += block.bytes.len();
        self.blocks.push_back(block);
        while self.bytes > bytes_max
            && let Some(oldest) = self.blocks.pop_front()
        {
            self.bytes -= oldest.bytes.len();
        }
    }

    /// Blocks from offset `from` on, about `bytes_max` of them; `None` when `from` is no longer here.
    fn from(&self, from: u64, bytes_max: usize) -> Option<Vec<Block>> {
        if self.blocks.front()?.first_offset > from {
            return None;
        }
        let start = self.blocks.partition_point(|block| block.end_offset() <= from);
        let mut left = bytes_max;
        let mut found = Vec::new();
        for block in self.blocks.iter().skip(start) {
            if left == 0 {
                break;
            }
            // Of the first block an unknown part is below `from`: it must not use up the room.
            if !found.is_empty() || block.first_offset >= from {
                left = left.saturating_sub(block.bytes.len());
            }
            found.push(block.clone());
        }
        Some(found)
    }
}

/// What changes while the log is open. Only durable data is in here.
#[derive(Default)]
pub(super) struct State {
    pub segments: Vec<Segment>,
    pub end_offset: u64,
    pub degraded: Option<String>,
    pub tail: Tail,
}

/// Where the next records of a reader are.
pub(super) enum Place {
    AtEnd,
    InMemory(Vec<Block>),
    OnDisk,
}

/// One partition, shared by its writer and its readers.
pub(super) struct Partition {
    pub index: u32,
    pub folder: PathBuf,
    pub context: Arc<Context>,
    pub queue: Queue,
    pub state: Mutex<State>,
    pub places: Mutex<Places>,
    /// Held for reading while segment files are read, for writing while one takes the place of another.
    pub files: RwLock<()>,
}

impl Partition {
    pub fn path_of(&self, first_offset: u64) -> PathBuf {
        self.folder.join(segment_name(first_offset))
    }

    pub fn end_offset(&self) -> u64 {
        hold(&self.state).end_offset
    }

    /// Finds out where the records from `from` on are.
    pub fn locate(&self, from: u64, bytes_max: usize) -> Place {
        let state = hold(&self.state);
        if from >= state.end_offset {
            return Place::AtEnd;
        }
        state.tail.from(from, bytes_max).map_or(Place::OnDisk, Place::InMemory)
    }

    /// Makes durable blocks visible to readers.
    pub fn publish(&self, blocks: Vec<Block>, segment_bytes: u64) {
        let options = &self.context.options;
        let bytes_max = options.tail_cache_bytes / options.partitions.max(1) as usize;
        let mut state = hold(&self.state);
        if let Some(segment) = state.segments.last_mut() {
            segment.bytes = segment_bytes;
        }
        for block in blocks {
            state.end_offset = block.end_offset();
            state.tail.push(block, bytes_max);
        }
        state.degraded = None;
        drop(state);
        self.context.grown.notify_waiters();
    }

    /// Moves the end to `end_offset` without records in between.
    pub fn skip_to(&self, end_offset: u64) {
        let mut state = hold(&self.state);
        state.end_offset = end_offset;
        state.tail = Tail::default();
    }

    /// True when retention could delete the oldest segment.
    pub fn has_retired(&self) -> bool {
        let Some(released) = self.context.released(self.index) else { return false };
        let options = &self.context.options;
        let state = hold(&self.state);
        let [oldest, next, ..] = state.segments.as_slice() else { return false };
        // Every record of a segment is older than the segment after it.
        let age_millis = options.clock.now().millis_since(next.created_at);
        let bytes = state.segments.iter().map(|segment| segment.bytes).sum::<u64>();
        oldest.first_offset < released
            && next.first_offset <= released
            && (options.retention_age_millis.is_some_and(|age_millis_max| age_millis > age_millis_max)
                || options.retention_bytes.is_some_and(|total| bytes > total / u64::from(options.partitions.max(1))))
    }

    pub fn status(&self) -> (PartitionStatus, Option<String>) {
        let state = hold(&self.state);
        let status = PartitionStatus {
            partition: self.index,
            first_offset: state.segments.first().map_or(state.end_offset, |segment| segment.first_offset),
            end_offset: state.end_offset,
            segments: state.segments.len(),
            bytes: state.segments.iter().map(|segment| segment.bytes).sum(),
        };
        (status, state.degraded.clone())
    }
}
