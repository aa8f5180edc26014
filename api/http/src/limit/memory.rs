//! Counters in this process: a map of moments in shards, bounded in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use footfall_ingest_activity::Timestamp;

use super::gcra;
use super::{Bucket, Buckets, BucketsError, Level, Quota};

const SHARDS: usize = 64;

/// Buckets of one process. Each takes about 50 bytes.
#[derive(Debug)]
pub struct MemoryBuckets {
    shards: Vec<Mutex<HashMap<Bucket, u64>>>,
    shard_len_max: usize,
}

impl MemoryBuckets {
    /// Room for about `buckets_max` buckets that are not full.
    pub fn new(buckets_max: usize) -> MemoryBuckets {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        MemoryBuckets { shards, shard_len_max: (buckets_max / SHARDS).max(8) }
    }

    /// How many buckets are kept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, bucket: Bucket) -> MutexGuard<'_, HashMap<Bucket, u64>> {
        lock(&self.shards[usize::from(bucket.as_bytes()[0]) % SHARDS])
    }

    /// Forgets full buckets; if none is, the eighth that is nearest to full.
    fn make_room(shard: &mut HashMap<Bucket, u64>, now: u64) {
        let before = shard.len();
        shard.retain(|_, due| *due > now);
        if shard.len() == before {
            let mut moments: Vec<u64> = shard.values().copied().collect();
            let (_, limit, _) = moments.select_nth_unstable(before / 8);
            let limit = *limit;
            shard.retain(|_, due| *due > limit);
        }
    }
}

impl Default for MemoryBuckets {
    fn default() -> Self {
        MemoryBuckets::new(1 << 17)
    }
}

#[async_trait]
impl Buckets for MemoryBuckets {
    async fn take(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<Level, BucketsError> {
        let now = micros(now);
        let mut shard = self.shard(bucket);
        let known = shard.get(&bucket).copied();
        let (due, level) = gcra::take(known.unwrap_or(0), now, quota, cost);
        if due <= now {
            shard.remove(&bucket);
            return Ok(level);
        }
        if known.is_none() && shard.len() >= self.shard_len_max {
            MemoryBuckets::make_room(&mut shard, now);
        }
        shard.insert(bucket, due);
        Ok(level)
    }

    async fn give_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<(), BucketsError> {
        let now = micros(now);
        if let Some(due) = self.shard(bucket).get_mut(&bucket) {
            *due = gcra::give_back(*due, now, quota, cost);
        }
        Ok(())
    }
}

/// A panic elsewhere leaves the map whole: each change of it is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn micros(now: Timestamp) -> u64 {
    u64::try_from(now.millis()).unwrap_or(0).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_contract_holds() {
        crate::limit::contract::suite(&MemoryBuckets::default()).await;
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_emptiest_buckets_are_kept() {
        let (buckets, now) = (MemoryBuckets::new(640), Timestamp::from_millis(1_000_000));
        let quota = Quota::new(10, Duration::from_secs(60));
        let offender = Bucket::of("address", "offender");
        buckets.take(offender, quota, 10, now).await.unwrap();
        for stranger in 0..20_000 {
            buckets.take(Bucket::of("address", &stranger.to_string()), quota, 1, now).await.unwrap();
        }
        assert!(buckets.len() <= 704, "{}", buckets.len());
        assert!(buckets.take(offender, quota, 1, now).await.unwrap().wait.is_some(), "flooding frees nobody");
    }

    #[tokio::test]
    async fn full_buckets_take_no_memory() {
        let (buckets, quota) = (MemoryBuckets::new(640), Quota::new(10, Duration::from_secs(60)));
        for at in 0..5_000 {
            let now = Timestamp::from_millis(at * 60_000);
            buckets.take(Bucket::of("address", &at.to_string()), quota, 10, now).await.unwrap();
        }
        assert!(buckets.len() <= 640, "{}", buckets.len());
    }
}
