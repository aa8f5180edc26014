//! Taking records out of segments: each becomes an empty one of its own kind, so that offsets stay what they are.
//!
//! A segment is written anew beside the old one and put in its place by a rename. Whoever is killed on the way leaves the
//! old segment, or the new one, and does it again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use footfall_ingest_activity::Record;
use tokio::sync::oneshot;

use super::block::{Block, BlockBuilder};
use super::context::hold;
use super::disk::OpenFile;
use super::folder::{read_error, write_error};
use super::format::{FORMAT_VERSION, FrameHeader, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::partition::{Partition, Segment};
use super::scan::{Scan, Step};
use crate::{IsErased, LogError};

/// What is collected before it is written.
const WRITE_BYTES: usize = 4 << 20;

impl Partition {
    /// Takes records out of everything that was appended before; how many. It waits for the disk.
    pub fn erase(&self, is_erased: &IsErased) -> Result<u64, LogError> {
        let (answer, answered) = oneshot::channel();
        if !self.queue.roll(answer) {
            return Err(LogError::Closed);
        }
        let until = answered.blocking_recv().map_err(|_| LogError::Closed)??;
        let segments = hold(&self.state).segments.clone();
        let mut erased = 0;
        for (place, segment) in segments.iter().enumerate().filter(|(_, segment)| segment.first_offset < until) {
            let end = segments.get(place + 1).map_or(until, |next| next.first_offset);
            erased += self.erase_segment(segment, end, is_erased)?;
        }
        if erased == 0 {
            // An earlier try may have come to its last rename, and not to this.
            self.context.disk.sync_dir(&self.folder).map_err(write_error(&self.folder))?;
        }
        Ok(erased)
    }

    fn erase_segment(&self, segment: &Segment, end: u64, is_erased: &IsErased) -> Result<u64, LogError> {
        let path = self.path_of(segment.first_offset);
        let found = match File::open(&path) {
            Ok(file) => count(scan_of(file, segment, end).map_err(read_error(&path))?, is_erased),
            // Retention was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => Err(error),
        };
        let found = found.map_err(read_error(&path))?;
        if found == 0 {
            return Ok(0);
        }
        let next = path.with_extension("next");
        let written = self.write_without(segment, end, &path, &next, is_erased);
        let bytes = match written {
            Ok(bytes) => bytes,
            Err(error) => {
                // Best effort: it is removed when the log is opened.
                let _ = self.context.disk.remove(&next);
                return Err(error);
            }
        };
        // Nobody reads a segment now, so that no place in the old file is looked up in the new one.
        let _nobody_reads = self.files.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.queue.is_closed() {
            // Somebody else may have the log open by now. What was written is removed when it is opened.
            return Err(LogError::Closed);
        }
        let mut state = hold(&self.state);
        let Some(known) = state.segments.iter_mut().find(|known| known.first_offset == segment.first_offset) else {
            let _ = self.context.disk.remove(&next);
            return Ok(0);
        };
        let disk = &self.context.disk;
        disk.rename(&next, &path).map_err(write_error(&path))?;
        // From here on the new file is read, whatever else fails: places in the old one would be taken for damage.
        known.bytes = bytes;
        state.tail = Default::default();
        *hold(&self.places) = Default::default();
        disk.sync_dir(&self.folder).map_err(write_error(&path))?;
        Ok(found)
    }

    /// Writes the segment without the records; how long it is.
    fn write_without(
        &self,
        segment: &Segment,
        end: u64,
        path: &Path,
        next: &Path,
        is_erased: &IsErased,
    ) -> Result<u64, LogError> {
        let disk = &self.context.disk;
        let file = File::open(path).map_err(read_error(path))?;
        let header = header_of(&file, segment, self.index).map_err(read_error(path))?;
        let mut scan = scan_of(file, segment, end).map_err(read_error(path))?;
        let output = disk.create(next).map_err(write_error(next))?;
        let (mut buffer, mut bytes) = (header.encode().to_vec(), 0);
        loop {
            match scan.step().map_err(read_error(path))? {
                Step::Frame { header, stored, .. } => put(&mut buffer, &header, stored, is_erased),
                // As a reader does; the offsets are missing from then on, which is told to readers as damage too.
                Step::Damaged(stretch) => drop(self.context.set_aside(self.index, path, scan.file(), &stretch)),
                Step::Torn { .. } | Step::End => break,
            }
            if buffer.len() >= WRITE_BYTES {
                bytes += self.write(&output, &mut buffer, bytes).map_err(write_error(next))?;
            }
        }
        bytes += self.write(&output, &mut buffer, bytes).map_err(write_error(next))?;
        disk.sync(&output).map_err(write_error(next))?;
        Ok(bytes)
    }

    fn write(&self, output: &OpenFile, buffer: &mut Vec<u8>, place: u64) -> io::Result<u64> {
        self.context.disk.write(output, buffer, place)?;
        let bytes = buffer.len() as u64;
        buffer.clear();
        Ok(bytes)
    }
}

fn scan_of(file: File, segment: &Segment, end: u64) -> io::Result<Scan> {
    let bytes = segment.bytes.min(file.metadata()?.len());
    Ok(Scan::new(file, bytes, segment.first_offset, end))
}

/// The segment's header, made anew where it is damaged: its age is what retention goes by.
fn header_of(mut file: &File, segment: &Segment, partition: u32) -> io::Result<SegmentHeader> {
    let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    file.by_ref().take(SEGMENT_HEADER_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(SegmentHeader::decode(&bytes).unwrap_or(SegmentHeader {
        version: FORMAT_VERSION,
        partition,
        first_offset: segment.first_offset,
        created_at: segment.created_at,
    }))
}

/// How many records are to be taken out.
fn count(mut scan: Scan, is_erased: &IsErased) -> io::Result<u64> {
    let mut found = 0;
    loop {
        match scan.step()? {
            Step::Frame { header, stored, .. } => {
                if let Ok(block) = Block::decode(&header, stored) {
                    block.each(|kind, payload| found += u64::from(is_erased(kind, payload)));
                }
            }
            Step::Damaged(_) => {}
            Step::Torn { .. } | Step::End => return Ok(found),
        }
    }
}

/// Writes a frame: as it was, if none of its records is to be taken out.
fn put(buffer: &mut Vec<u8>, header: &FrameHeader, stored: Vec<u8>, is_erased: &IsErased) {
    let as_it_was = (header.encode(), stored.clone());
    if let Ok(block) = Block::decode(header, stored) {
        let mut builder = BlockBuilder::new(header.first_offset, block.bytes.len());
        let mut erased = false;
        block.each(|kind, payload| {
            let is_theirs = is_erased(kind, payload);
            erased |= is_theirs;
            builder.push(&match is_theirs {
                true => Record { kind: Record::KIND_ERASED, partition_key: 0, payload: Vec::new() },
                false => Record { kind, partition_key: 0, payload: payload.to_vec() },
            });
        });
        if erased {
            drop(builder.finish(header.appended_at, buffer));
            return;
        }
    }
    buffer.extend_from_slice(&as_it_was.0);
    buffer.extend_from_slice(&as_it_was.1);
}
