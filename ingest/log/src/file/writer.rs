//! The thread that writes one partition. Whatever arrived while the disk was busy becomes the next group:
//! one write, one fdatasync, then every request of the group is answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::Timestamp;

use super::block::{Block, BlockBuilder};
use super::context::hold;
use super::disk::OpenFile;
use super::folder::write_error;
use super::format::{FORMAT_VERSION, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::partition::{Partition, Segment};
use super::queue::{Answer, Request};
use crate::{Damage, LogError};

/// A frame is closed when it has this many bytes, so that readers need not decompress too much at once.
const FRAME_BYTES: usize = 1 << 20;
/// While appends are refused the writer looks this often whether they could go on.
const PROBE_EVERY: Duration = Duration::from_millis(200);
const FREE_BYTES_VALID_MILLIS: i64 = 200;

/// Writes one partition.
pub(super) struct Writer {
    partition: Arc<Partition>,
    active: Option<OpenFile>,
    /// Durable length of the active segment.
    bytes: u64,
    /// Offset of the next record.
    next_offset: u64,
    pending: VecDeque<Request>,
    /// The frames of the group; kept to be used again.
    buffer: Vec<u8>,
    free_bytes: Option<(Timestamp, u64)>,
    degraded: bool,
    /// Offsets below this are not to be given out.
    jump_to: u64,
}

/// What is written and answered together.
struct Group {
    blocks: Vec<Block>,
    answers: Vec<(Answer, u64)>,
    bytes: usize,
}

impl Writer {
    pub fn new(partition: Arc<Partition>, active: Option<OpenFile>) -> Self {
        let (bytes, next_offset) = {
            let state = hold(&partition.state);
            (state.segments.last().map_or(0, |segment| segment.bytes), state.end_offset)
        };
        Writer {
            partition,
            active,
            bytes,
            next_offset,
            pending: VecDeque::new(),
            buffer: Vec::new(),
            free_bytes: None,
            degraded: false,
            jump_to: 0,
        }
    }

    /// Works until the log is closed and all that waited is answered.
    pub fn run(mut self) {
        while let Some(work) = self.partition.queue.take(self.degraded.then_some(PROBE_EVERY)) {
            self.jump_to = self.jump_to.max(work.jump_to);
            self.pending.extend(work.requests);
            if work.retire {
                self.retire();
            }
            if self.pending.is_empty() && (self.degraded || self.jump_to > self.next_offset) {
                self.probe();
            }
            while !self.pending.is_empty() {
                self.commit_group();
            }
            for answer in work.rolls {
                // Who went away needs no answer.
                let _ = answer.send(self.roll());
            }
        }
    }

    fn commit_group(&mut self) {
        let ready = self.check_free_bytes().and_then(|()| self.jump());
        let group = self.collect();
        let records = group.blocks.last().map_or(0, |block| block.end_offset() - self.next_offset);
        let outcome = ready.and_then(|()| self.store());
        self.partition.context.answered(group.bytes);
        match outcome {
            Ok(()) => {
                self.next_offset += records;
                self.bytes += self.buffer.len() as u64;
                self.degraded = false;
                self.partition.publish(group.blocks, self.bytes);
                for (answer, end_offset) in group.answers {
                    // A caller that went away needs no answer.
                    let _ = answer.send(Ok(end_offset));
                }
                metrics::counter!("footfall_appended_total").increment(records);
                self.show_bytes();
            }
            Err(error) => {
                self.degrade(&error);
                for (answer, _) in group.answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// Moves waiting requests into frames, as many as make a group.
    fn collect(&mut self) -> Group {
        let context = &self.partition.context;
        let now = context.options.clock.now();
        let mut group = Group { blocks: Vec::new(), answers: Vec::with_capacity(self.pending.len()), bytes: 0 };
        let mut next_offset = self.next_offset;
        self.buffer.clear();
        // One unusually large group should not hold its memory for good.
        self.buffer.shrink_to(2 * context.options.group_bytes_max);
        while let Some(first) = self.pending.front() {
            if !group.answers.is_empty() && group.bytes + first.bytes > context.options.group_bytes_max {
                break;
            }
            let mut builder = BlockBuilder::new(next_offset, self.frame_bytes(group.bytes));
            while let Some(request) = self.pending.pop_front() {
                request.records.iter().for_each(|record| builder.push(record));
                group.bytes += request.bytes;
                group.answers.push((request.answer, builder.end_offset()));
                let fits = |next: &Request| {
                    builder.bytes() + next.bytes <= FRAME_BYTES
                        && group.bytes + next.bytes <= context.options.group_bytes_max
                };
                if !self.pending.front().is_some_and(fits) {
                    break;
                }
            }
            next_offset = builder.end_offset();
            group.blocks.push(builder.finish(now, &mut self.buffer));
        }
        group
    }

    /// Bytes that the next frame will have.
    fn frame_bytes(&self, group_bytes: usize) -> usize {
        let group_left = self.partition.context.options.group_bytes_max.saturating_sub(group_bytes);
        let mut bytes = 0;
        for request in &self.pending {
            if bytes > 0 && bytes + request.bytes > FRAME_BYTES.min(group_left) {
                break;
            }
            bytes += request.bytes;
        }
        bytes
    }

    /// Makes the buffer durable at the end of the active segment, or leaves the segment as it was.
    fn store(&mut self) -> Result<(), LogError> {
        self.ensure_segment()?;
        let Some(active) = &self.active else { return Err(LogError::Closed) };
        let context = &self.partition.context;
        if let Err(error) = context.disk.write(active, &self.buffer, self.bytes) {
            let error = write_error(&active.path)(error);
            if context.disk.truncate(active, self.bytes).is_err() {
                self.abandon_segment();
            }
            return Err(error);
        }
        if let Err(error) = self.sync(active) {
            // After a failed fdatasync the page cache may claim what the disk does not hold: never sync this file again.
            let error = write_error(&active.path)(error);
            self.abandon_segment();
            return Err(error);
        }
        Ok(())
    }

    fn sync(&self, file: &OpenFile) -> std::io::Result<()> {
        let context = &self.partition.context;
        let started = context.options.clock.ticks_micros();
        let outcome = context.disk.sync(file);
        let micros = context.options.clock.ticks_micros().saturating_sub(started);
        metrics::histogram!("footfall_log_fsync_seconds").record(micros as f64 / 1e6);
        metrics::counter!("footfall_log_fsync_total").increment(1);
        outcome
    }

    fn check_free_bytes(&mut self) -> Result<(), LogError> {
        let options = &self.partition.context.options;
        let now = options.clock.now();
        let free_bytes = match self.free_bytes {
            Some((asked_at, bytes)) if (0..FREE_BYTES_VALID_MILLIS).contains(&now.millis_since(asked_at)) => bytes,
            _ => {
                let folder = &self.partition.folder;
                let bytes = self.partition.context.disk.free_bytes(folder).map_err(write_error(folder))?;
                self.free_bytes = Some((now, bytes));
                bytes
            }
        };
        if free_bytes < options.disk_reserve_bytes { Err(LogError::DiskFull) } else { Ok(()) }
    }

    /// Begins a segment when there is none to write to, or when it is full.
    fn ensure_segment(&mut self) -> Result<(), LogError> {
        let is_full =
            self.bytes >= self.partition.context.options.segment_bytes_max && self.bytes > SEGMENT_HEADER_BYTES as u64;
        if self.active.is_some() && !is_full {
            return Ok(());
        }
        self.begin_segment(self.next_offset)?;
        if is_full {
            self.retire();
        }
        Ok(())
    }

    /// Leaves the active segment to whoever rewrites it, unless it is empty.
    fn roll(&mut self) -> Result<u64, LogError> {
        if self.active.is_some() && self.bytes > SEGMENT_HEADER_BYTES as u64 {
            self.begin_segment(self.next_offset)?;
        }
        Ok(self.next_offset)
    }

    fn begin_segment(&mut self, first_offset: u64) -> Result<(), LogError> {
        let created_at = self.partition.context.options.clock.now();
        let disk = &self.partition.context.disk;
        let path = self.partition.path_of(first_offset);
        let header =
            SegmentHeader { version: FORMAT_VERSION, partition: self.partition.index, first_offset, created_at };
        let begin = || {
            let file = disk.create(&path)?;
            disk.write(&file, &header.encode(), 0)?;
            disk.sync(&file)?;
            disk.sync_dir(&self.partition.folder)?;
            Ok(file)
        };
        let file = begin().map_err(|error| {
            // Half a segment may be there; the next try replaces it.
            let _ = disk.remove(&path);
            write_error(&path)(error)
        })?;
        self.active = Some(file);
        self.bytes = SEGMENT_HEADER_BYTES as u64;
        let mut state = hold(&self.partition.state);
        state.segments.retain(|segment| segment.first_offset != first_offset);
        state.segments.push(Segment { first_offset, bytes: self.bytes, created_at });
        Ok(())
    }

    /// Leaves the active segment at its durable length for good; the next group begins a new one.
    fn abandon_segment(&mut self) {
        let Some(active) = self.active.take() else { return };
        let disk = &self.partition.context.disk;
        let mut state = hold(&self.partition.state);
        if state.segments.last().is_some_and(|segment| segment.first_offset == self.next_offset) {
            // Nothing of it was ever durable. The next segment has the same name.
            state.segments.pop();
            let _ = disk.remove(&active.path);
        } else {
            // If this fails too, what lies behind the durable length is ignored, as the next segment begins there.
            let _ = disk.truncate(&active, self.bytes);
        }
        self.bytes = 0;
    }

    /// A reader has already passed offsets that this log does not have (its end was lost): they are not given out again.
    fn jump(&mut self) -> Result<(), LogError> {
        let (from_offset, to_offset) = (self.next_offset, self.jump_to);
        if to_offset <= from_offset {
            return Ok(());
        }
        self.begin_segment(to_offset)?;
        {
            let mut state = hold(&self.partition.state);
            let empty = state.segments.iter().position(|segment| segment.first_offset == from_offset);
            if let Some(place) = empty {
                state.segments.remove(place);
                let _ = self.partition.context.disk.remove(&self.partition.path_of(from_offset));
            }
        }
        self.next_offset = to_offset;
        self.partition.skip_to(to_offset);
        self.partition.context.remember(&Damage {
            partition: self.partition.index,
            from_offset,
            to_offset,
            kept_in: String::new(),
            detail: "a reader has passed these offsets, but the log does not hold them".to_owned(),
        });
        Ok(())
    }

    /// Deletes segments that every reader has released and that are too old or too many.
    fn retire(&mut self) {
        while self.partition.has_retired() {
            let oldest = hold(&self.partition.state).segments.first().copied();
            let Some(oldest) = oldest else { return };
            let path = self.partition.path_of(oldest.first_offset);
            // Held, so that nobody puts a file in the place of one that is gone.
            let mut state = hold(&self.partition.state);
            match self.partition.context.disk.remove(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), "a retired segment could not be deleted: {error}");
                    return;
                }
                _ => state.segments.retain(|kept| kept.first_offset != oldest.first_offset),
            }
            drop(state);
            tracing::info!(partition = self.partition.index, first_offset = oldest.first_offset, "segment retired");
        }
        self.show_bytes();
    }

    fn show_bytes(&self) {
        let (status, _) = self.partition.status();
        metrics::gauge!("footfall_log_bytes", "partition" => status.partition.to_string()).set(status.bytes as f64);
    }

    fn degrade(&mut self, error: &LogError) {
        let kind = if matches!(error, LogError::DiskFull) { "disk_full" } else { "write" };
        metrics::counter!("footfall_log_errors_total", "kind" => kind).increment(1);
        if !std::mem::replace(&mut self.degraded, true) {
            tracing::error!(partition = self.partition.index, "appends are refused: {error}");
        }
        hold(&self.partition.state).degraded = Some(error.to_string());
    }

    /// Looks whether appends could go on, for whoever waits for health before sending more.
    fn probe(&mut self) {
        self.free_bytes = None;
        let outcome = self.check_free_bytes().and_then(|()| self.jump()).and_then(|()| self.ensure_segment());
        match outcome {
            Ok(()) => {
                self.degraded = false;
                hold(&self.partition.state).degraded = None;
            }
            Err(error) => self.degrade(&error),
        }
    }
}
