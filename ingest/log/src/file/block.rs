//! A block: the uncompressed records of one frame, shared between the tail cache and readers.

use bytes::Bytes;
use crc32c::crc32c;
use footfall_ingest_activity::{Record, Timestamp};

use super::format::{Codec, FRAME_HEADER_BYTES, FrameHeader, RECORD_HEADER_BYTES, u32_at};
use crate::LogRecord;

/// Below this, compression costs more than it saves.
const COMPRESSED_FROM_BYTES: usize = 96;

/// Records `first_offset .. first_offset + records`, as `kind u8, length u32, payload` one after another.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub first_offset: u64,
    pub records: u32,
    pub bytes: Bytes,
}

impl Block {
    pub fn end_offset(&self) -> u64 {
        self.first_offset + u64::from(self.records)
    }

    /// Decodes the stored payload of a frame whose checksums were right; `Err` says what is wrong nevertheless.
    pub fn decode(header: &FrameHeader, stored: Vec<u8>) -> Result<Block, &'static str> {
        let plain = match header.codec {
            Codec::Plain => stored,
            Codec::Lz4 => {
                let mut plain = vec![0; header.plain_bytes as usize];
                let bytes = lz4_flex::block::decompress_into(&stored, &mut plain).map_err(|_| "not valid lz4")?;
                plain.truncate(bytes);
                plain
            }
        };
        if plain.len() != header.plain_bytes as usize {
            return Err("the uncompressed length is not as stated");
        }
        let block = Block { first_offset: header.first_offset, records: header.records, bytes: plain.into() };
        block.is_whole().then_some(block).ok_or("the records do not fill the frame")
    }

    fn is_whole(&self) -> bool {
        let mut place = 0;
        for _ in 0..self.records {
            let Some(length) = u32_at(&self.bytes, place + 1) else { return false };
            place += RECORD_HEADER_BYTES + length as usize;
        }
        place == self.bytes.len()
    }

    /// Shows every record, in order.
    pub fn each(&self, mut show: impl FnMut(u8, &[u8])) {
        let mut place = 0;
        for _ in 0..self.records {
            let Some(length) = u32_at(&self.bytes, place + 1) else { return };
            let (start, end) = (place + RECORD_HEADER_BYTES, place + RECORD_HEADER_BYTES + length as usize);
            show(self.bytes[place], &self.bytes[start..end]);
            place = end;
        }
    }

    /// Gives out records from offset `from` on while `budget` (payload bytes) lasts, at least one if `out` is empty.
    /// Returns the offset after the last one given.
    pub fn take(&self, partition: u32, from: u64, budget: &mut usize, out: &mut Vec<LogRecord>) -> u64 {
        let mut place = 0;
        for offset in self.first_offset..self.end_offset() {
            let Some(length) = u32_at(&self.bytes, place + 1) else { return offset };
            let (start, end) = (place + RECORD_HEADER_BYTES, place + RECORD_HEADER_BYTES + length as usize);
            if offset >= from {
                if *budget == 0 {
                    return offset;
                }
                *budget = budget.saturating_sub((length as usize).max(1));
                out.push(LogRecord {
                    partition,
                    offset,
                    kind: self.bytes[place],
                    payload: self.bytes.slice(start..end),
                });
            }
            place = end;
        }
        self.end_offset()
    }
}

/// Bytes that `records` fill in a block.
pub(super) fn block_bytes(records: &[Record]) -> usize {
    records.iter().map(|record| RECORD_HEADER_BYTES + record.payload.len()).sum()
}

/// Collects the records of one frame.
pub(super) struct BlockBuilder {
    first_offset: u64,
    records: u32,
    bytes: Vec<u8>,
}

impl BlockBuilder {
    pub fn new(first_offset: u64, bytes: usize) -> Self {
        BlockBuilder { first_offset, records: 0, bytes: Vec::with_capacity(bytes) }
    }

    pub fn push(&mut self, record: &Record) {
        self.bytes.push(record.kind);
        // An append is limited to 1 GiB, so that its lengths fit.
        self.bytes.extend_from_slice(&(record.payload.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&record.payload);
        self.records += 1;
    }

    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn end_offset(&self) -> u64 {
        self.first_offset + u64::from(self.records)
    }

    /// Writes the frame to the end of `out` and keeps the block.
    pub fn finish(self, appended_at: Timestamp, out: &mut Vec<u8>) -> Block {
        let header_at = out.len();
        out.resize(header_at + FRAME_HEADER_BYTES, 0);
        let codec = store(&self.bytes, out, header_at + FRAME_HEADER_BYTES);
        let stored = &out[header_at + FRAME_HEADER_BYTES..];
        let header = FrameHeader {
            payload_checksum: crc32c(stored),
            stored_bytes: stored.len() as u32,
            plain_bytes: self.bytes.len() as u32,
            records: self.records,
            first_offset: self.first_offset,
            appended_at,
            codec,
        };
        out[header_at..header_at + FRAME_HEADER_BYTES].copy_from_slice(&header.encode());
        Block { first_offset: self.first_offset, records: self.records, bytes: self.bytes.into() }
    }
}

/// Appends `plain` to `out` (which ends at `at`), compressed if that makes it smaller.
fn store(plain: &[u8], out: &mut Vec<u8>, at: usize) -> Codec {
    if plain.len() >= COMPRESSED_FROM_BYTES {
        out.resize(at + lz4_flex::block::get_maximum_output_size(plain.len()), 0);
        if let Ok(bytes) = lz4_flex::block::compress_into(plain, &mut out[at..])
            && bytes < plain.len()
        {
            out.truncate(at + bytes);
            return Codec::Lz4;
        }
        out.truncate(at);
    }
    out.extend_from_slice(plain);
    Codec::Plain
}
