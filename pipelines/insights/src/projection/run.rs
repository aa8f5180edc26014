//! A run: rows of some persons, sealed in a file or fresh in memory, in the same bytes.
//!
//! `FFRUN1\0\0`, sections that begin at multiples of 64, the directory ([`super::directory`]), and at the end four
//! words: place of the directory, its number of words, XXH3-64 of its bytes, and the magic again.

use std::path::{Path, PathBuf};

use bytemuck::Pod;
use xxhash_rust::xxh3::xxh3_64;

use super::bytes::Bytes;
use super::directory::{self, Chunk, Segment, Times};
use super::layout::split_person;
use super::packed::Packed;
use crate::InsightError;

pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"FFRUN1\0\0");

/// An immutable set of rows.
pub struct Run {
    bytes: Bytes,
    segments: Vec<Segment>,
    columns: usize,
}

/// What the parts of a run take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartBytes {
    pub rows: u64,
    pub sessions: u64,
    /// Sessions: starts, durations, first rows, and those of persons.
    pub timeline_sessions: u64,
    /// One activity code and one gap for each row.
    pub timeline_rows: u64,
    pub postings: u64,
    pub columns: u64,
    /// Directory and padding.
    pub rest: u64,
}

impl Run {
    /// Opens a file of [`Run::write`] or [`super::compact`]. The directory is checked; see [`Run::verify`] for the rest.
    pub fn open(path: &Path) -> Result<Run, InsightError> {
        Run::of(Bytes::map(path)?, path)
    }

    pub(super) fn of_memory(bytes: &[u8]) -> Result<Run, InsightError> {
        Run::of(Bytes::of(bytes), Path::new("memory"))
    }

    fn of(bytes: Bytes, path: &Path) -> Result<Run, InsightError> {
        let format = |problem: &str| InsightError::Format { path: PathBuf::from(path), problem: problem.to_owned() };
        let all = bytes.all();
        let tail = all.len().checked_sub(32).and_then(|at| all.get(at..));
        let tail = tail.ok_or_else(|| format("it is too short"))?;
        let word = |index: usize| tail[index * 8..index * 8 + 8].try_into().map_or(0, u64::from_le_bytes);
        if word(3) != MAGIC || !all.starts_with(&MAGIC.to_le_bytes()) {
            return Err(format("it is no run, or its end is missing"));
        }
        let end = word(1).checked_mul(8).and_then(|length| word(0).checked_add(length));
        let end = end.ok_or_else(|| format("its directory is damaged"))?;
        let directory = all.get(word(0) as usize..end as usize).filter(|bytes| xxh3_64(bytes) == word(2));
        let directory = directory.and_then(|bytes| bytemuck::try_cast_slice::<u8, u64>(bytes).ok());
        let parsed = directory.and_then(|words| directory::decode(words, all.len() as u64));
        let (segments, columns) = parsed.ok_or_else(|| format("its directory is damaged"))?;
        Ok(Run { bytes, segments, columns })
    }

    /// Reads everything and compares it with the checksums.
    pub fn verify(&self, path: &Path) -> Result<(), InsightError> {
        for segment in &self.segments {
            let bytes = self.bytes.all().get(segment.start as usize..segment.end as usize);
            if bytes.map(xxh3_64) != Some(segment.checksum) {
                let problem = format!("segment {} is damaged", segment.index);
                return Err(InsightError::Format { path: path.to_owned(), problem });
            }
        }
        Ok(())
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.rows)).sum()
    }

    /// Whether rows lie under this person.
    pub fn has_person(&self, ordinal: u32) -> bool {
        let (segment, local) = split_person(ordinal);
        let Some(segment) = self.segment(segment) else { return false };
        let ends: &[u32] = self.slice(segment.timeline.person_sessions, segment.timeline.persons as usize + 1);
        let local = usize::from(local);
        ends.get(local).zip(ends.get(local + 1)).is_some_and(|(first, end)| first < end)
    }

    /// Bytes it takes of the process's own memory; mapped pages are not counted.
    pub fn memory_bytes(&self) -> usize {
        match &self.bytes {
            Bytes::Memory(words) => words.len() * 8,
            Bytes::Mapped(_) => 0,
        }
    }

    /// Bytes of each part.
    pub fn part_bytes(&self) -> PartBytes {
        let mut parts = PartBytes::default();
        for segment in &self.segments {
            let (line, rows) = (&segment.timeline, u64::from(segment.rows));
            parts.rows += rows;
            parts.sessions += u64::from(line.sessions);
            let session = 4 + 4 + 4 + u64::from(line.starts.high_bytes);
            parts.timeline_sessions += u64::from(line.sessions) * session + u64::from(line.persons) * 4;
            parts.timeline_rows += rows * (3 + u64::from(line.code_bytes));
            for chunk in &segment.chunks {
                parts.postings += u64::from(chunk.rows) * (6 + u64::from(chunk.times.high_bytes));
                let values = chunk.columns.iter().map(|column| u64::from(column.bytes));
                parts.columns += u64::from(chunk.rows) * values.sum::<u64>();
            }
        }
        let named = parts.timeline_sessions + parts.timeline_rows + parts.postings + parts.columns;
        parts.rest = (self.bytes.all().len() as u64).saturating_sub(named);
        parts
    }

    /// Hot columns in it.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(super) fn segment(&self, index: u32) -> Option<&Segment> {
        let place = self.segments.binary_search_by_key(&index, |segment| segment.index).ok()?;
        self.segments.get(place)
    }

    pub(super) fn slice<T: Pod>(&self, place: u64, count: usize) -> &[T] {
        self.bytes.slice(place, count)
    }

    /// The times at a place.
    pub(super) fn times(&self, times: &Times, count: usize, out: &mut Vec<i64>) {
        Packed::new(self, times, count).unpack(out);
    }
}

impl Segment {
    pub(super) fn chunk(&self, activity: u16) -> Option<&Chunk> {
        let place = self.chunks.binary_search_by_key(&activity, |chunk| chunk.activity).ok()?;
        self.chunks.get(place)
    }
}
