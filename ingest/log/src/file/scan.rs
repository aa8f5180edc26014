//! Walks over the frames of one segment file, and over what is damaged between them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crc32c::crc32c;

use super::format::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, SEGMENT_HEADER_BYTES};

/// How much is read at once when looking for the next whole frame.
const WINDOW_BYTES: usize = 1 << 20;

/// What was met next.
#[derive(Debug)]
pub(super) enum Step {
    /// A whole frame; `stored` is its payload as it is on disk.
    Frame {
        header: FrameHeader,
        stored: Vec<u8>,
        position: u64,
    },
    /// Bytes that are no frame, and the offsets that are lost with them (`from == to` when none are).
    Damaged(Stretch),
    /// From here to the end there is no whole frame.
    Torn {
        position: u64,
        bytes: u64,
    },
    End,
}

/// A damaged stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub position: u64,
    pub bytes: u64,
    pub from_offset: u64,
    pub to_offset: u64,
    pub detail: &'static str,
}

/// A walk through a segment file.
pub(super) struct Scan {
    file: File,
    /// Where the next frame begins.
    pub position: u64,
    /// Nothing beyond this many bytes is looked at.
    bytes: u64,
    /// The offset that the next frame should begin with.
    pub expected: u64,
    /// Frames from this offset on belong to the next segment.
    end_offset: u64,
    /// Frames wholly below this offset are stepped over by their headers alone.
    pub skip_below: u64,
}

impl Scan {
    /// A walk from the first frame of a segment that begins with `first_offset`.
    pub fn new(file: File, bytes: u64, first_offset: u64, end_offset: u64) -> Self {
        Scan { file, position: SEGMENT_HEADER_BYTES as u64, bytes, expected: first_offset, end_offset, skip_below: 0 }
    }

    /// Goes on from a frame boundary that is known from an earlier walk.
    pub fn resumed_at(mut self, position: u64, expected: u64) -> Self {
        self.position = position;
        self.expected = expected;
        self
    }

    /// The segment's file, to copy damaged bytes from.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Goes one step on.
    pub fn step(&mut self) -> io::Result<Step> {
        loop {
            if self.position >= self.bytes || self.expected >= self.end_offset {
                return Ok(Step::End);
            }
            let Some(header) = self.header_at(self.position)? else { return self.resynchronise() };
            if header.first_offset > self.expected {
                return Ok(Step::Damaged(self.gap(header.first_offset)));
            }
            if header.end_offset() <= self.skip_below {
                self.pass(&header);
                continue;
            }
            return self.payload(header);
        }
    }

    fn payload(&mut self, header: FrameHeader) -> io::Result<Step> {
        let position = self.position;
        let mut stored = vec![0; header.stored_bytes as usize];
        self.file.read_exact_at(&mut stored, position + FRAME_HEADER_BYTES as u64)?;
        self.pass(&header);
        if crc32c(&stored) == header.payload_checksum {
            return Ok(Step::Frame { header, stored, position });
        }
        Ok(Step::Damaged(Stretch {
            position,
            bytes: header.frame_bytes(),
            from_offset: header.first_offset,
            to_offset: header.end_offset(),
            detail: "the checksum of a frame's payload is wrong",
        }))
    }

    fn pass(&mut self, header: &FrameHeader) {
        self.position += header.frame_bytes();
        self.expected = header.end_offset();
    }

    fn gap(&mut self, to_offset: u64) -> Stretch {
        let from_offset = std::mem::replace(&mut self.expected, to_offset);
        let detail = "offsets are missing between two frames";
        Stretch { position: self.position, bytes: 0, from_offset, to_offset, detail }
    }

    /// The header at `position` if it is whole, in order and its frame lies inside the file.
    fn header_at(&self, position: u64) -> io::Result<Option<FrameHeader>> {
        if position + FRAME_HEADER_BYTES as u64 > self.bytes {
            return Ok(None);
        }
        let mut bytes = [0; FRAME_HEADER_BYTES];
        self.file.read_exact_at(&mut bytes, position)?;
        Ok(FrameHeader::decode(&bytes).filter(|header| {
            header.first_offset >= self.expected
                && header.end_offset() <= self.end_offset
                && position + header.frame_bytes() <= self.bytes
        }))
    }

    /// Looks for the next whole frame behind bytes that are none.
    fn resynchronise(&mut self) -> io::Result<Step> {
        let damaged_from = self.position;
        let Some((position, header)) = self.find_frame(damaged_from + 1)? else {
            self.position = self.bytes;
            return Ok(Step::Torn { position: damaged_from, bytes: self.bytes - damaged_from });
        };
        self.position = position;
        let from_offset = std::mem::replace(&mut self.expected, header.first_offset);
        Ok(Step::Damaged(Stretch {
            position: damaged_from,
            bytes: position - damaged_from,
            from_offset,
            to_offset: header.first_offset,
            detail: "the bytes are no frame",
        }))
    }

    fn find_frame(&self, from: u64) -> io::Result<Option<(u64, FrameHeader)>> {
        let mut start = from;
        while start + FRAME_HEADER_BYTES as u64 <= self.bytes {
            let length = usize::try_from(self.bytes - start).unwrap_or(usize::MAX).min(WINDOW_BYTES);
            let mut window = vec![0; length];
            self.file.read_exact_at(&mut window, start)?;
            for (place, _) in window.windows(FRAME_MAGIC.len()).enumerate().filter(|(_, four)| *four == FRAME_MAGIC) {
                let position = start + place as u64;
                if let Some(header) = self.header_at(position)?
                    && self.payload_is_whole(position, &header)?
                {
                    return Ok(Some((position, header)));
                }
            }
            // The magic may lie across two windows.
            start += (length - (FRAME_MAGIC.len() - 1)) as u64;
        }
        Ok(None)
    }

    fn payload_is_whole(&self, position: u64, header: &FrameHeader) -> io::Result<bool> {
        let mut stored = vec![0; header.stored_bytes as usize];
        self.file.read_exact_at(&mut stored, position + FRAME_HEADER_BYTES as u64)?;
        Ok(crc32c(&stored) == header.payload_checksum)
    }
}
