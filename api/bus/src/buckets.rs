//! Counters of limits in Redis, which all processes share. While Redis is away others count in their place.
//!
//! They go by the clock of Redis: of processes whose clocks are apart, one would refuse what the other has just let through.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use footfall_api_http::limit::{Bucket, Buckets, BucketsError, Level, Quota, look};
use footfall_ingest_activity::Timestamp;
use redis::aio::ConnectionManager;
use redis::{RedisError, Script};

/// The rules of `limit::look` where the moment is. ARGV: now, price, window, all in microseconds. The moment comes back, whether
/// the price was taken, and what time it is; a refusal takes nothing. Numbers are below 2^53, so Lua's are exact.
const TAKE: &str = r"
    local now, price, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    if now < 0 then
        local time = redis.call('TIME')
        now = tonumber(time[1]) * 1000000 + tonumber(time[2])
    end
    local due = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now), now + window)
    local told = string.format('%.0f', now)
    if due + price > now + window then return {string.format('%.0f', due), 0, told} end
    due = due + price
    if due > now then
        redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000)
    end
    return {string.format('%.0f', due), 1, told}
";

/// In place of a moment: what Redis takes for the time.
const BY_REDIS: i64 = -1;

/// ARGV: now, price.
const GIVE_BACK: &str = r"
    local now = tonumber(ARGV[1])
    if now < 0 then
        local time = redis.call('TIME')
        now = tonumber(time[1]) * 1000000 + tonumber(time[2])
    end
    local due = tonumber(redis.call('GET', KEYS[1]) or '0') - tonumber(ARGV[2])
    if due <= now then redis.call('DEL', KEYS[1])
    else redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000) end
    return 1
";

/// After a failure nobody waits for Redis for so long.
const REST: Duration = Duration::from_secs(1);

/// Makes buckets in one Redis.
#[derive(Clone)]
pub struct Counters {
    connection: ConnectionManager,
    prefix: String,
    rests_until: Arc<Mutex<Option<Instant>>>,
    goes_by_told: bool,
}

impl Counters {
    pub(crate) fn new(connection: ConnectionManager, installation: &str) -> Counters {
        let prefix = format!("footfall:{installation}:limit:");
        Counters { connection, prefix, rests_until: Arc::default(), goes_by_told: false }
    }

    /// The same by the moments that callers tell, where those are of one clock.
    #[must_use]
    pub fn by_told_moments(self) -> Counters {
        Counters { goes_by_told: true, ..self }
    }

    /// Buckets that all processes share; those of `instead` count while Redis is away.
    pub fn or_else(&self, instead: Arc<dyn Buckets>) -> Arc<dyn Buckets> {
        Arc::new(RedisBuckets {
            counters: self.clone(),
            take: Script::new(TAKE),
            give_back: Script::new(GIVE_BACK),
            instead,
        })
    }

    fn key(&self, bucket: Bucket) -> Vec<u8> {
        [self.prefix.as_bytes(), bucket.as_bytes()].concat()
    }

    fn rests(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// One that did not answer is left alone for a while: a request must not wait for it again and again.
    fn heard<T>(&self, answer: Result<T, RedisError>) -> Option<T> {
        let failed = answer.as_ref().err();
        if let Some(error) = failed {
            tracing::debug!(%error, "limits are not counted in Redis");
        }
        let until = failed.map(|_| Instant::now() + REST);
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        answer.ok()
    }
}

/// Buckets in Redis. They run out by themselves.
struct RedisBuckets {
    counters: Counters,
    take: Script,
    give_back: Script,
    instead: Arc<dyn Buckets>,
}

impl RedisBuckets {
    /// Until when it is empty, whether the price was taken, and what time it is, in microseconds.
    async fn taken(&self, bucket: Bucket, quota: Quota, cost: u32, now: i64) -> Option<(u64, bool, u64)> {
        if self.counters.rests() {
            return None;
        }
        let mut invocation = self.take.prepare_invoke();
        let (price, window) = (quota.price_micros(cost), quota.window_micros());
        invocation.key(self.counters.key(bucket)).arg(now).arg(price).arg(window);
        let answer: Result<(String, u8, String), _> =
            invocation.invoke_async(&mut self.counters.connection.clone()).await;
        let (due, is_taken, now) = self.counters.heard(answer)?;
        Some((due.parse().unwrap_or(0), is_taken == 1, now.parse().unwrap_or(0)))
    }

    /// What the scripts take for the time, in microseconds.
    fn moment(&self, told: Timestamp) -> i64 {
        if self.counters.goes_by_told { told.millis().max(0).saturating_mul(1000) } else { BY_REDIS }
    }

    async fn given_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: i64) -> Option<u8> {
        if self.counters.rests() {
            return None;
        }
        let mut invocation = self.give_back.prepare_invoke();
        invocation.key(self.counters.key(bucket)).arg(now).arg(quota.price_micros(cost));
        let answer = invocation.invoke_async(&mut self.counters.connection.clone()).await;
        self.counters.heard(answer)
    }
}

#[async_trait]
impl Buckets for RedisBuckets {
    async fn take(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<Level, BucketsError> {
        match self.taken(bucket, quota, cost, self.moment(now)).await {
            // What is left is told of the bucket as it is now; how long to wait, of what was asked for.
            Some((due, is_taken, moment)) => Ok(look(due, moment, quota, if is_taken { 0 } else { cost })),
            None => {
                metrics::counter!("footfall_bus_limits_elsewhere_total").increment(1);
                self.instead.take(bucket, quota, cost, now).await
            }
        }
    }

    async fn give_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<(), BucketsError> {
        match self.given_back(bucket, quota, cost, self.moment(now)).await {
            Some(_) => Ok(()),
            None => self.instead.give_back(bucket, quota, cost, now).await,
        }
    }
}
