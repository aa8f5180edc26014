//! Counters of limits in Redis, which all processes share. While Redis is away those of the database count.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_http::limit::{Bucket, Buckets, BucketsError, Level, Quota, look};
use footfall_ingest_activity::Timestamp;
use redis::aio::ConnectionManager;
use redis::{RedisError, Script};

/// The rules of `limit::look` where the moment is. ARGV: now, price, window, all in microseconds. The moment comes back, and whether
/// the price was taken; a refusal takes nothing. Numbers are below 2^53, so Lua's are exact.
const TAKE: &str = r"
    local now, price, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local due = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now), now + window)
    if due + price > now + window then return {string.format('%.0f', due), 0} end
    due = due + price
    if due > now then
        redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000)
    end
    return {string.format('%.0f', due), 1}
";

/// ARGV: now, price.
const GIVE_BACK: &str = r"
    local now = tonumber(ARGV[1])
    local due = tonumber(redis.call('GET', KEYS[1]) or '0') - tonumber(ARGV[2])
    if due <= now then redis.call('DEL', KEYS[1])
    else redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000) end
    return 1
";

/// Buckets in Redis. They run out by themselves.
pub struct RedisBuckets {
    connection: ConnectionManager,
    prefix: String,
    take: Script,
    give_back: Script,
    instead: Arc<dyn Buckets>,
}

impl RedisBuckets {
    pub(crate) fn new(connection: ConnectionManager, installation: &str, instead: Arc<dyn Buckets>) -> RedisBuckets {
        let prefix = format!("footfall:{installation}:limit:");
        RedisBuckets { connection, prefix, take: Script::new(TAKE), give_back: Script::new(GIVE_BACK), instead }
    }

    fn key(&self, bucket: Bucket) -> Vec<u8> {
        [self.prefix.as_bytes(), bucket.as_bytes()].concat()
    }

    async fn taken(&self, bucket: Bucket, quota: Quota, cost: u32, now: i64) -> Result<(u64, bool), RedisError> {
        let mut invocation = self.take.prepare_invoke();
        invocation.key(self.key(bucket)).arg(now).arg(quota.price_micros(cost)).arg(quota.window_micros());
        let (due, is_taken): (String, u8) = invocation.invoke_async(&mut self.connection.clone()).await?;
        Ok((due.parse().unwrap_or(0), is_taken == 1))
    }
}

fn micros(now: Timestamp) -> i64 {
    now.millis().max(0).saturating_mul(1000)
}

#[async_trait]
impl Buckets for RedisBuckets {
    async fn take(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<Level, BucketsError> {
        let moment = micros(now);
        match self.taken(bucket, quota, cost, moment).await {
            // What is left is told of the bucket as it is now; how long to wait, of what was asked for.
            Ok((due, is_taken)) => {
                Ok(look(due, moment.unsigned_abs(), quota, if is_taken { 0 } else { cost }))
            }
            Err(error) => {
                tracing::debug!(%error, "limits are counted in the database");
                self.instead.take(bucket, quota, cost, now).await
            }
        }
    }

    async fn give_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<(), BucketsError> {
        let mut invocation = self.give_back.prepare_invoke();
        invocation.key(self.key(bucket)).arg(micros(now)).arg(quota.price_micros(cost));
        let back: Result<u8, RedisError> = invocation.invoke_async(&mut self.connection.clone()).await;
        match back {
            Ok(_) => Ok(()),
            Err(_) => self.instead.give_back(bucket, quota, cost, now).await,
        }
    }
}
