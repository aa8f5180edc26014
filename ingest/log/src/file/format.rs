//! The bytes of a segment file: its header and the headers of its frames (docs/log-format.md).

use crc32c::crc32c;
use footfall_ingest_activity::Timestamp;

pub(super) const FORMAT_VERSION: u32 = 1;
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
pub(super) const FRAME_HEADER_BYTES: usize = 48;
/// Kind (1 byte) and payload length (4 bytes) before each record.
pub(super) const RECORD_HEADER_BYTES: usize = 5;
/// Largest stored or uncompressed frame that is believed.
pub(super) const FRAME_BYTES_MAX: usize = 1 << 31;

const SEGMENT_MAGIC: [u8; 8] = *b"FOOTFLOG";
/// Bytes that no UTF-8 text contains, so that no client can write a frame into a record.
pub(super) const FRAME_MAGIC: [u8; 4] = [0xFF, 0xF7, 0xFB, 0xFD];

/// The first 64 bytes of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub version: u32,
    pub partition: u32,
    pub first_offset: u64,
    pub created_at: Timestamp,
}

impl SegmentHeader {
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[12..16].copy_from_slice(&self.version.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.partition.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.created_at.millis().to_le_bytes());
        let checksum = crc32c(&bytes[12..]);
        bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` when the bytes are no segment header or were changed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.get(0..8)? != SEGMENT_MAGIC || u32_at(bytes, 8)? != crc32c(bytes.get(12..SEGMENT_HEADER_BYTES)?) {
            return None;
        }
        Some(SegmentHeader {
            version: u32_at(bytes, 12)?,
            partition: u32_at(bytes, 16)?,
            first_offset: u64_at(bytes, 24)?,
            created_at: Timestamp::from_millis(u64_at(bytes, 32)?.cast_signed()),
        })
    }
}

/// How the payload of a frame is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Plain = 0,
    Lz4 = 1,
}

/// The 48 bytes before each frame's payload. Its own checksum makes lengths and offsets trustworthy
/// even where the payload is damaged, so that a damaged frame is stepped over exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub payload_checksum: u32,
    pub stored_bytes: u32,
    pub plain_bytes: u32,
    pub records: u32,
    pub first_offset: u64,
    pub appended_at: Timestamp,
    pub codec: Codec,
}

impl FrameHeader {
    pub fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&FRAME_MAGIC);
        bytes[8..12].copy_from_slice(&self.payload_checksum.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.stored_bytes.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.plain_bytes.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.records.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.appended_at.millis().to_le_bytes());
        bytes[40] = self.codec as u8;
        let checksum = crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` when the bytes are no frame header or were changed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.get(0..4)? != FRAME_MAGIC || u32_at(bytes, 4)? != crc32c(bytes.get(8..FRAME_HEADER_BYTES)?) {
            return None;
        }
        let codec = match bytes[40] {
            0 => Codec::Plain,
            1 => Codec::Lz4,
            _ => return None,
        };
        let header = FrameHeader {
            payload_checksum: u32_at(bytes, 8)?,
            stored_bytes: u32_at(bytes, 12)?,
            plain_bytes: u32_at(bytes, 16)?,
            records: u32_at(bytes, 20)?,
            first_offset: u64_at(bytes, 24)?,
            appended_at: Timestamp::from_millis(u64_at(bytes, 32)?.cast_signed()),
            codec,
        };
        let sane = header.records > 0
            && (header.stored_bytes as usize) <= FRAME_BYTES_MAX
            && (header.plain_bytes as usize) <= FRAME_BYTES_MAX
            && header.first_offset.checked_add(u64::from(header.records)).is_some();
        sane.then_some(header)
    }

    /// The offset after the last record of the frame.
    pub fn end_offset(&self) -> u64 {
        self.first_offset + u64::from(self.records)
    }

    /// Header and payload together.
    pub fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.stored_bytes)
    }
}

/// The name of the segment that begins at `first_offset`.
pub(super) fn segment_name(first_offset: u64) -> String {
    format!("{first_offset:020}.log")
}

/// The first offset that a segment's name tells.
pub(super) fn first_offset_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

pub(super) fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(place..place + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(place..place + 8)?.try_into().ok()?))
}
