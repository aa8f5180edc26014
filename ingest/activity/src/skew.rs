//! What is known of the clocks of devices: one correction per device instead of one per request (docs/ingest-fates.md).

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use crate::Timestamp;

/// A smaller offset is adopted when it is better by at least this much; below it is jitter.
const BETTER_MILLIS_MIN: i64 = 20;
/// A larger offset counts as a sign of a clock set back when it is larger by more than this.
const WORSE_MILLIS_MIN: i64 = 1000;
/// So many requests in a row must show it …
const RUN_LENGTH: usize = 5;
/// … over at least this time.
const RUN_MILLIS_MIN: i64 = 60_000;
/// Pieces of one device's map from client time to corrected time. When all are used no further estimate is adopted.
const PIECES_MAX: usize = 8;
const SHARDS: usize = 64;

/// Clock offsets of the devices seen last.
///
/// An offset is `received_at − sent_at`: what the server's clock is ahead of the device's (the skew) plus how long the
/// request took. The delay is never negative, so the smallest offset seen is the best estimate of the skew.
///
/// - The first request of a device is corrected by its own offset: Segment's formula.
/// - A larger offset than the known one is delay, and ignored.
/// - A smaller one (by 20 ms or more) is adopted for client times after the newest one that the device has sent; earlier
///   ones keep the offset they had. The corrected time never falls below that of the newest, so the order of a device's
///   activities by corrected time is never the reverse of their order by client time, whatever the delays.
/// - Five requests in a row over a minute or more, all with an offset larger by over a second: the offset has changed. If
///   they were all sent, by the client's clock, after everything before them, the smallest of them is adopted for later
///   client times, as above. If they were all sent before something that had arrived already, in order, and with offsets
///   within a second of each other, then the device's clock was set back: the device starts anew.
///
/// Only client times up to the send time of their request take part; a later one is no reading of the device's clock.
/// Memory is bounded: devices not heard of for longest are forgotten.
pub struct Skew {
    shards: Vec<Mutex<Shard>>,
}

impl fmt::Debug for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skew").field("devices", &self.len()).finish()
    }
}

impl Default for Skew {
    fn default() -> Self {
        Skew::with_capacity(100_000)
    }
}

impl Skew {
    /// Remembers at most about `devices_max` devices.
    pub fn with_capacity(devices_max: usize) -> Self {
        let each_max = (devices_max / SHARDS / 2).max(1);
        Skew { shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(each_max))).collect() }
    }

    /// How many devices are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| held(shard)).map(|shard| shard.young.len() + shard.old.len()).sum()
    }

    /// True when no device is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The corrected time of `client_time`, which came in a request sent at `sent_at` by the same clock.
    pub fn correct(
        &self,
        project: &str,
        device: &str,
        client_time: Timestamp,
        sent_at: Timestamp,
        received_at: Timestamp,
    ) -> Timestamp {
        let key = key_of(project, device);
        let seen = Seen { sent_at: sent_at.millis(), received_at: received_at.millis() };
        let shard = self.shards.get(key as usize % SHARDS).or(self.shards.first());
        let Some(mut shard) = shard.map(held) else { return client_time.plus_millis(seen.offset()) };
        let clock = shard.clock(key, &seen);
        clock.observe(&seen);
        clock.correct(client_time.millis(), &seen)
    }
}

/// No invariant spans a panic here, so a poisoned lock is as good as any.
fn held(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key_of(project: &str, device: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(project.as_bytes());
    hasher.update(&[0]);
    hasher.update(device.as_bytes());
    hasher.digest()
}

/// The keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0.rotate_right(6)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

type Clocks = HashMap<u64, DeviceClock, BuildHasherDefault<AsItIs>>;

/// Two generations: when the young one is full it becomes the old one, and what was old and not asked for is forgotten.
struct Shard {
    young: Clocks,
    old: Clocks,
    each_max: usize,
}

impl Shard {
    fn new(each_max: usize) -> Self {
        Shard { young: Clocks::default(), old: Clocks::default(), each_max }
    }

    fn clock(&mut self, key: u64, seen: &Seen) -> &mut DeviceClock {
        if !self.young.contains_key(&key) {
            let known = self.old.remove(&key);
            if self.young.len() >= self.each_max {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, known.unwrap_or_else(|| DeviceClock::new(seen)));
        }
        self.young.entry(key).or_insert_with(|| DeviceClock::new(seen))
    }
}

/// What one request shows of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    sent_at: i64,
    received_at: i64,
}

impl Seen {
    fn offset(&self) -> i64 {
        self.received_at.saturating_sub(self.sent_at)
    }
}

/// For client times after `after`: `max(client time + offset, floor)`.
#[derive(Debug, Clone, Copy)]
struct Piece {
    after: i64,
    offset: i64,
    floor: i64,
}

impl Piece {
    fn first(offset: i64) -> Self {
        Piece { after: i64::MIN, offset, floor: i64::MIN }
    }

    fn map(&self, client_time: i64) -> i64 {
        client_time.saturating_add(self.offset).max(self.floor)
    }
}

#[derive(Debug)]
struct DeviceClock {
    /// The newest piece; `earlier` holds the others, oldest first.
    newest: Piece,
    earlier: Vec<Piece>,
    /// Newest client time corrected so far.
    client_time_max: i64,
    /// Newest send time, by the device's clock, before the present run.
    sent_at_max: i64,
    last: Seen,
    run: VecDeque<Seen>,
}

impl DeviceClock {
    fn new(seen: &Seen) -> Self {
        DeviceClock {
            newest: Piece::first(seen.offset()),
            earlier: Vec::new(),
            client_time_max: i64::MIN,
            sent_at_max: seen.sent_at,
            last: *seen,
            run: VecDeque::new(),
        }
    }

    /// Learns from a request, once however many items it has.
    fn observe(&mut self, seen: &Seen) {
        if *seen == self.last {
            return;
        }
        self.last = *seen;
        if seen.offset() <= self.newest.offset.saturating_add(WORSE_MILLIS_MIN) {
            self.run.clear();
            self.sent_at_max = self.sent_at_max.max(seen.sent_at);
            if seen.offset() <= self.newest.offset.saturating_sub(BETTER_MILLIS_MIN) {
                self.adopt(seen.offset());
            }
            return;
        }
        // The run keeps its first request for its length in time, and the last few to judge by.
        if self.run.len() > RUN_LENGTH {
            self.run.remove(1);
        }
        self.run.push_back(*seen);
        self.judge_run();
    }

    fn judge_run(&mut self) {
        let long = self.run.front().is_some_and(|first| self.last.received_at - first.received_at >= RUN_MILLIS_MIN);
        if self.run.len() < RUN_LENGTH || !long {
            return;
        }
        let recent = || self.run.iter().rev().take(RUN_LENGTH);
        let smallest = recent().map(Seen::offset).min().unwrap_or(self.newest.offset);
        let largest = recent().map(Seen::offset).max().unwrap_or(self.newest.offset);
        if recent().all(|seen| seen.sent_at > self.sent_at_max) {
            self.adopt(smallest);
            self.end_run();
        } else if recent().all(|seen| seen.sent_at <= self.sent_at_max)
            && recent().zip(recent().skip(1)).all(|(later, earlier)| later.sent_at > earlier.sent_at)
            && largest - smallest <= WORSE_MILLIS_MIN
        {
            let last = self.last;
            *self = DeviceClock { newest: Piece::first(smallest), ..DeviceClock::new(&last) };
        }
    }

    fn end_run(&mut self) {
        self.run.clear();
        self.sent_at_max = self.sent_at_max.max(self.last.sent_at);
    }

    /// Uses `offset` for client times after the newest one seen.
    fn adopt(&mut self, offset: i64) {
        let after = self.client_time_max;
        if self.newest.after == after {
            // Nothing was corrected by the newest piece yet.
            self.newest.offset = offset;
        } else if self.earlier.len() + 1 < PIECES_MAX {
            let floor = self.newest.map(after);
            self.earlier.push(self.newest);
            self.newest = Piece { after, offset, floor };
        }
    }

    fn correct(&mut self, client_time: i64, seen: &Seen) -> Timestamp {
        if client_time <= seen.sent_at {
            self.client_time_max = self.client_time_max.max(client_time);
        }
        let mut pieces = std::iter::once(&self.newest).chain(self.earlier.iter().rev());
        let piece = pieces.find(|piece| client_time > piece.after || piece.after == i64::MIN).unwrap_or(&self.newest);
        Timestamp::from_millis(piece.map(client_time))
    }
}
