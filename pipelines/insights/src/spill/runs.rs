//! Runs of records, ascending by their keys: written behind each other, read together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::marker::PhantomData;
use std::sync::Arc;

use super::file::SpillFile;
use super::record::Record;
use super::room::Room;
use crate::InsightError;

const WRITTEN_AT_ONCE: usize = 64 << 10;

/// The runs of one thread.
pub(super) struct Runs<K, V> {
    file: Option<SpillFile>,
    /// Where each begins, and how many records it has.
    spans: Vec<(u64, u64)>,
    records: PhantomData<(K, V)>,
}

/// What is merged.
pub(super) enum Source<K, V> {
    /// Ascending.
    Memory(Vec<(K, V)>),
    File {
        file: Arc<SpillFile>,
        at: u64,
        count: u64,
    },
}

impl<K: Record + Ord, V: Record> Runs<K, V> {
    pub fn new() -> Runs<K, V> {
        Runs { file: None, spans: Vec::new(), records: PhantomData }
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Writes a run. Where there are more than can be merged with the room that there is, they become one.
    pub fn write(&mut self, room: Room<'_>, ascending: impl Iterator<Item = (K, V)>) -> Result<(), InsightError> {
        let Some(folder) = room.folder() else { return Ok(()) };
        let mut file = match self.file.take() {
            Some(file) => file,
            None => SpillFile::new(folder)?,
        };
        let span = written(&mut file, ascending.map(Ok))?;
        self.spans.push(span);
        self.file = Some(file);
        if self.spans.len() >= room.runs() {
            let all = std::mem::replace(self, Runs::new()).sources();
            let mut merge = Merge::new(room, &all)?;
            let mut file = SpillFile::new(folder)?;
            let span = written(&mut file, std::iter::from_fn(|| merge.next().transpose()))?;
            (self.file, self.spans) = (Some(file), vec![span]);
        }
        Ok(())
    }

    pub fn sources(self) -> Vec<Source<K, V>> {
        let Some(file) = self.file.map(Arc::new) else { return Vec::new() };
        self.spans.into_iter().map(|(at, count)| Source::File { file: file.clone(), at, count }).collect()
    }
}

fn written<K: Record, V: Record>(
    file: &mut SpillFile,
    records: impl Iterator<Item = Result<(K, V), InsightError>>,
) -> Result<(u64, u64), InsightError> {
    let (at, mut count) = (file.length(), 0);
    let mut bytes = Vec::with_capacity(WRITTEN_AT_ONCE + K::BYTES + V::BYTES);
    for record in records {
        let (key, value) = record?;
        key.put(&mut bytes);
        value.put(&mut bytes);
        count += 1;
        if bytes.len() >= WRITTEN_AT_ONCE {
            file.append(&bytes)?;
            bytes.clear();
        }
    }
    file.append(&bytes)?;
    Ok((at, count))
}

/// Records of several sources by their keys; equal ones one after the other.
pub(super) struct Merge<'s, K, V> {
    cursors: Vec<Cursor<'s, K, V>>,
    heads: BinaryHeap<Reverse<(K, usize)>>,
}

impl<'s, K: Record + Ord, V: Record> Merge<'s, K, V> {
    pub fn new(room: Room<'_>, sources: &'s [Source<K, V>]) -> Result<Merge<'s, K, V>, InsightError> {
        let record = K::BYTES + V::BYTES;
        let at_once = room.buffer(sources.len()) / record.max(1) * record;
        let mut merge = Merge { cursors: Vec::with_capacity(sources.len()), heads: BinaryHeap::new() };
        for (place, source) in sources.iter().enumerate() {
            let mut cursor = Cursor { source, next: 0, bytes: Vec::new(), first: 0, at_once, head: None };
            cursor.advance()?;
            if let Some((key, _)) = cursor.head {
                merge.heads.push(Reverse((key, place)));
            }
            merge.cursors.push(cursor);
        }
        Ok(merge)
    }

    pub fn next(&mut self) -> Result<Option<(K, V)>, InsightError> {
        let Some(mut top) = self.heads.peek_mut() else { return Ok(None) };
        let cursor = &mut self.cursors[top.0.1];
        let record = cursor.head;
        cursor.advance()?;
        match cursor.head {
            Some((key, _)) => top.0.0 = key,
            None => {
                PeekMut::pop(top);
            }
        }
        Ok(record)
    }
}

struct Cursor<'s, K, V> {
    source: &'s Source<K, V>,
    /// The record that is read next.
    next: u64,
    bytes: Vec<u8>,
    /// The record with which the bytes begin.
    first: u64,
    at_once: usize,
    head: Option<(K, V)>,
}

impl<K: Record, V: Record> Cursor<'_, K, V> {
    fn advance(&mut self) -> Result<(), InsightError> {
        let place = self.next;
        self.next += 1;
        self.head = match self.source {
            Source::Memory(all) => all.get(place as usize).copied(),
            Source::File { count, .. } if place >= *count => None,
            Source::File { file, at, count } => {
                let record = K::BYTES + V::BYTES;
                let mut offset = (place - self.first) as usize * record;
                if offset >= self.bytes.len() {
                    let rest = (count - place).saturating_mul(record as u64);
                    self.bytes.resize(rest.min(self.at_once.max(record) as u64) as usize, 0);
                    file.read(&mut self.bytes, at + place * record as u64)?;
                    (self.first, offset) = (place, 0);
                }
                let (key, value) = self.bytes[offset..offset + record].split_at(K::BYTES);
                Some((K::take(key), V::take(value)))
            }
        };
        Ok(())
    }
}
