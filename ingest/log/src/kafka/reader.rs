//! Reads partitions from given offsets. A consumer stays where it is, so that the next read of the same reader goes on without a seek.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_ingest_activity::Checkpoint;
use rdkafka::consumer::Consumer as _;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::clients::{Consumer, fault};
use super::ends::Ends;
use super::message::{Read, read};
use crate::{Batch, Damage, LogError};

const POLL: Duration = Duration::from_millis(100);

/// A consumer and where it stands.
pub(super) struct Reader {
    pub consumer: Arc<Consumer>,
    topic: String,
    /// The next offset that the consumer will give, by partition that it reads.
    stands: BTreeMap<u32, u64>,
    /// Since when nothing has come of a partition that has more.
    waiting: BTreeMap<u32, Instant>,
    /// How long a read below the end may find nothing before it says so, and a partition may give nothing while others do.
    patience: Duration,
}

impl Reader {
    pub fn new(consumer: Arc<Consumer>, topic: String, patience: Duration) -> Reader {
        Reader { consumer, topic, stands: BTreeMap::new(), waiting: BTreeMap::new(), patience }
    }

    /// True when it can go on from `from` without a seek.
    pub fn stands_at(&self, from: &Checkpoint) -> bool {
        self.stands.iter().all(|(partition, offset)| from.next_offset(*partition) == *offset)
    }

    /// True when a partition with more records has given none for long, while others may have: another consumer has to read on.
    pub fn is_starved(&self) -> bool {
        self.waiting.values().any(|since| since.elapsed() > self.patience)
    }

    /// Records of the partitions that have some, until `bytes_max` are there or all that `ends` knew is read. Blocks.
    pub fn gather(&mut self, from: &Checkpoint, bytes_max: usize, ends: &Ends) -> Result<Batch, LogError> {
        let mut batch = Batch { next: from.clone(), ..Batch::default() };
        let mut wanted = BTreeMap::new();
        for (partition, span) in ends.spans().into_iter().enumerate() {
            let partition = partition as u32;
            let mut at = from.next_offset(partition);
            if at < span.first {
                let detail = "the topic's retention had deleted them before they were read";
                batch.damages.push(damage(partition, at, span.first, detail.to_owned()));
                at = span.first;
                batch.next.advance(partition, at);
            }
            if at < span.end {
                wanted.insert(partition, span.end);
            }
        }
        if wanted.is_empty() {
            return Ok(batch);
        }
        self.stand(&batch.next, &wanted)?;
        self.waiting.retain(|partition, _| wanted.contains_key(partition));
        for partition in wanted.keys() {
            self.waiting.entry(*partition).or_insert_with(Instant::now);
        }
        let (mut bytes, mut last) = (0, Instant::now());
        while bytes < bytes_max && wanted.iter().any(|(partition, end)| batch.next.next_offset(*partition) < *end) {
            let Some(message) = self.consumer.poll(POLL) else {
                let has_some = !batch.records.is_empty() || !batch.damages.is_empty();
                if has_some || last.elapsed() > self.patience {
                    break;
                }
                continue;
            };
            let message = message.map_err(fault("reading")).inspect_err(|_| self.stands.clear())?;
            last = Instant::now();
            let (partition, offset) = (message.partition().unsigned_abs(), message.offset().unsigned_abs());
            let expected = batch.next.next_offset(partition);
            if offset < expected {
                continue;
            }
            if offset > expected {
                let detail = "the brokers have no such records any more".to_owned();
                batch.damages.push(damage(partition, expected, offset, detail));
            }
            match read(&message, partition, offset) {
                Read::Record(record) => {
                    bytes += record.payload.len().max(1);
                    batch.records.push(record);
                }
                Read::Lost(detail) => lose(&mut batch.damages, partition, offset, detail),
                // What was read before it is given first.
                Read::OtherVersion(version) => {
                    self.stands.clear();
                    if batch.next != *from {
                        break;
                    }
                    return Err(LogError::OtherVersion { partition, offset, version });
                }
            }
            batch.next.advance(partition, offset + 1);
            self.stands.insert(partition, offset + 1);
            ends.reached(partition, offset + 1);
            match wanted.get(&partition).is_some_and(|end| offset + 1 < *end) {
                true => drop(self.waiting.insert(partition, last)),
                false => drop(self.waiting.remove(&partition)),
            }
        }
        if batch.next == *from {
            self.stands.clear();
            let detail = format!("no record came within {} s from below the end of the topic", self.patience.as_secs());
            return Err(LogError::Kafka { doing: "reading", detail });
        }
        Ok(batch)
    }

    /// Has the consumer read the partitions in `wanted`, and those that it reads already, from where `at` is.
    fn stand(&mut self, at: &Checkpoint, wanted: &BTreeMap<u32, u64>) -> Result<(), LogError> {
        let is_there = wanted.keys().all(|partition| self.stands.get(partition) == Some(&at.next_offset(*partition)));
        if is_there && self.stands_at(at) {
            return Ok(());
        }
        let all: Vec<u32> = self.stands.keys().chain(wanted.keys()).copied().collect();
        let mut list = TopicPartitionList::new();
        self.stands.clear();
        for partition in all {
            let offset = at.next_offset(partition);
            if self.stands.insert(partition, offset).is_none() {
                let place = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
                let number = i32::try_from(partition).unwrap_or(i32::MAX);
                list.add_partition_offset(&self.topic, number, place).map_err(fault("placing a reader"))?;
            }
        }
        self.consumer.assign(&list).map_err(fault("placing a reader"))
    }
}

fn damage(partition: u32, from_offset: u64, to_offset: u64, detail: String) -> Damage {
    Damage { partition, from_offset, to_offset, kept_in: String::new(), detail }
}

/// Neighbours with one reason are one damage.
fn lose(damages: &mut Vec<Damage>, partition: u32, offset: u64, detail: String) {
    match damages.iter_mut().rev().find(|one| one.partition == partition) {
        Some(last) if last.to_offset == offset && last.detail == detail => last.to_offset = offset + 1,
        _ => damages.push(damage(partition, offset, offset + 1, detail)),
    }
}
