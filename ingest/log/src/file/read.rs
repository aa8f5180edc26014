//! Reads records back from segment files, for readers that are behind what the tail cache holds.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::PoisonError;

use super::block::Block;
use super::context::hold;
use super::folder::read_error;
use super::partition::{Partition, Segment};
use super::scan::{Scan, Step, Stretch};
use crate::{Damage, LogError};

/// Frame boundaries of recent reads, so that the next read need not walk the segment from its start.
#[derive(Default)]
pub(super) struct Places {
    /// Offset, first offset of its segment, position in the file.
    boundaries: VecDeque<(u64, u64, u64)>,
    /// The block read last, which small reads come back to.
    last: Option<Block>,
}

const BOUNDARIES_MAX: usize = 16;

impl Places {
    fn add(&mut self, offset: u64, segment: u64, position: u64) {
        self.boundaries.retain(|boundary| boundary.0 != offset);
        if self.boundaries.len() == BOUNDARIES_MAX {
            self.boundaries.pop_front();
        }
        self.boundaries.push_back((offset, segment, position));
    }

    /// The nearest known boundary at or below `offset` in `segment`.
    fn find(&self, offset: u64, segment: u64) -> Option<(u64, u64)> {
        let in_reach = self.boundaries.iter().filter(|(at, of, _)| *of == segment && *at <= offset);
        in_reach.max_by_key(|(at, _, _)| *at).map(|&(at, _, position)| (at, position))
    }
}

/// What was read: blocks and damages in order of offset.
#[derive(Default)]
pub(super) struct Chunk {
    pub blocks: Vec<Block>,
    pub damages: Vec<Damage>,
    /// All below this offset is in `blocks` or `damages`, or was below what was asked for.
    pub next_offset: u64,
    bytes: usize,
}

impl Partition {
    /// Reads from offset `from`, which is below the end, at least one block or damage.
    pub fn read_disk(&self, from: u64, bytes_max: usize) -> Result<Chunk, LogError> {
        let _no_rename = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let mut chunk = Chunk { next_offset: from, ..Chunk::default() };
        if let Some(block) = hold(&self.places).last.clone().filter(|block| block.holds(from)) {
            chunk.next_offset = block.end_offset();
            chunk.blocks.push(block);
            return Ok(chunk);
        }
        let (segments, end_offset) = {
            let state = hold(&self.state);
            (state.segments.clone(), state.end_offset)
        };
        let first = segments.partition_point(|segment| segment.first_offset <= from).saturating_sub(1);
        for (place, segment) in segments.iter().enumerate().skip(first) {
            if chunk.next_offset >= end_offset || chunk.bytes >= bytes_max {
                break;
            }
            if segment.first_offset > chunk.next_offset {
                self.lose(&mut chunk, segment.first_offset, "no longer kept, or the segment file is missing");
                continue; // so that damage and records are not mixed: the next read begins at the segment
            }
            let segment_end = segments.get(place + 1).map_or(end_offset, |next| next.first_offset);
            self.read_segment(segment, segment_end, bytes_max, &mut chunk)?;
        }
        if chunk.blocks.is_empty() && chunk.damages.is_empty() && chunk.next_offset < end_offset {
            self.lose(&mut chunk, end_offset, "no segment file holds these offsets");
        }
        if let Some(block) = chunk.blocks.last() {
            hold(&self.places).last = Some(block.clone());
        }
        Ok(chunk)
    }

    fn read_segment(
        &self,
        segment: &Segment,
        segment_end: u64,
        bytes_max: usize,
        chunk: &mut Chunk,
    ) -> Result<(), LogError> {
        let path = self.path_of(segment.first_offset);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.lose(chunk, segment_end, "the segment file is missing");
                return Ok(());
            }
            Err(error) => return Err(read_error(&path)(error)),
        };
        // A file that was cut from outside is shorter than what was made durable.
        let bytes = segment.bytes.min(file.metadata().map_err(read_error(&path))?.len());
        let mut scan = Scan::new(file, bytes, segment.first_offset, segment_end);
        if let Some((offset, position)) = hold(&self.places).find(chunk.next_offset, segment.first_offset) {
            scan = scan.resumed_at(position, offset);
        }
        scan.skip_below = chunk.next_offset;
        while chunk.bytes < bytes_max {
            match scan.step().map_err(read_error(&path))? {
                Step::Frame { header, stored, position } => match Block::decode(&header, stored) {
                    Ok(block) => chunk.add(block),
                    Err(detail) => {
                        let stretch = Stretch {
                            position,
                            bytes: header.frame_bytes(),
                            from_offset: header.first_offset,
                            to_offset: header.end_offset(),
                            detail,
                        };
                        chunk.damaged(self.context.set_aside(self.index, &path, scan.file(), &stretch));
                    }
                },
                Step::Damaged(stretch) => {
                    chunk.damaged(self.context.set_aside(self.index, &path, scan.file(), &stretch));
                }
                Step::Torn { position, bytes } if scan.expected < segment_end => {
                    let stretch = Stretch {
                        position,
                        bytes,
                        from_offset: scan.expected,
                        to_offset: segment_end,
                        detail: "the end of the segment is damaged",
                    };
                    chunk.damaged(self.context.set_aside(self.index, &path, scan.file(), &stretch));
                    return Ok(());
                }
                Step::Torn { .. } => {}
                Step::End => {
                    self.lose(chunk, segment_end, "the segment ends early, or the one after it is missing");
                    break;
                }
            }
        }
        hold(&self.places).add(scan.expected, segment.first_offset, scan.position);
        Ok(())
    }

    /// Reports everything up to `to_offset` as lost, if there is anything.
    fn lose(&self, chunk: &mut Chunk, to_offset: u64, detail: &str) {
        if chunk.next_offset < to_offset {
            let damage = Damage {
                partition: self.index,
                from_offset: chunk.next_offset,
                to_offset,
                kept_in: String::new(),
                detail: detail.to_owned(),
            };
            self.context.remember(&damage);
            chunk.damaged(damage);
        }
    }
}

impl Block {
    fn holds(&self, offset: u64) -> bool {
        (self.first_offset..self.end_offset()).contains(&offset)
    }
}

impl Chunk {
    fn add(&mut self, block: Block) {
        self.bytes += block.bytes.len();
        self.next_offset = block.end_offset();
        self.blocks.push(block);
    }

    /// Adds the part of a damage that lies beyond what was read already.
    fn damaged(&mut self, damage: Damage) {
        if damage.to_offset > self.next_offset {
            let from_offset = damage.from_offset.max(self.next_offset);
            self.next_offset = damage.to_offset;
            self.damages.push(Damage { from_offset, ..damage });
        }
    }
}
