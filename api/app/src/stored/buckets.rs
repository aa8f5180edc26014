//! Counters of the limits in the database, for several processes that serve the same people. Each take is one statement, which
//! locks its bucket's row alone.

use async_trait::async_trait;
use footfall_api_access::{Database, DatabaseError, Row, statement};
use footfall_api_http::limit::{Bucket, Buckets, BucketsError, Level, Quota, look};
use footfall_ingest_activity::Timestamp;

use super::hex;

/// Buckets that all processes of one database share. One process alone is better off with those in memory: these cost a
/// round trip each.
#[derive(Clone)]
pub struct DatabaseBuckets(Database);

impl DatabaseBuckets {
    /// `database` is migrated: that of an open `Access`.
    pub fn new(database: Database) -> DatabaseBuckets {
        DatabaseBuckets(database)
    }
}

/// The rules of `limit::look` where the row is: $1 bucket, $2 now, $3 price, $4 the latest moment that a bucket may be empty
/// until, $5 the latest from which the price is still there. A refusal takes nothing.
const TAKE: &str = "INSERT INTO rate_buckets (name, due, taken) VALUES ($1, $2 + $3, 1)
    ON CONFLICT (name) DO UPDATE SET
        taken = CASE WHEN rate_buckets.due <= $5 THEN 1 ELSE 0 END,
        due = CASE WHEN rate_buckets.due <= $2 THEN $2 + $3
                   WHEN rate_buckets.due <= $5 THEN rate_buckets.due + $3
                   WHEN rate_buckets.due > $4 THEN $4
                   ELSE rate_buckets.due END
    RETURNING due, taken";

const GIVE_BACK: &str =
    "UPDATE rate_buckets SET due = CASE WHEN due - $3 > $2 THEN due - $3 ELSE $2 END WHERE name = $1";

fn unreachable(error: DatabaseError) -> BucketsError {
    BucketsError(Box::new(error))
}

fn micros(now: Timestamp) -> i64 {
    now.millis().max(0).saturating_mul(1000)
}

fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

fn due(row: &Row) -> Result<u64, BucketsError> {
    Ok(u64::try_from(row.get::<i64>("due").map_err(unreachable)?).unwrap_or(0))
}

#[async_trait]
impl Buckets for DatabaseBuckets {
    async fn take(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<Level, BucketsError> {
        let (name, now) = (hex(bucket.as_bytes()), micros(now));
        let moment = u64::try_from(now).unwrap_or(0);
        if cost == 0 {
            let row = self.0.read_one(statement("SELECT due FROM rate_buckets WHERE name = $1").bind(name)).await;
            let known = row.map_err(unreachable)?.map_or(Ok(0), |row| due(&row))?;
            return Ok(look(known, moment, quota, 0));
        }
        let price = signed(quota.price_micros(cost));
        let latest = now.saturating_add(signed(quota.window_micros()));
        let take = statement(TAKE).bind(name).bind(now).bind(price).bind(latest).bind(latest.saturating_sub(price));
        let row = self.0.write_one(take).await.map_err(unreachable)?;
        let row = row.ok_or_else(|| BucketsError("no row came back".into()))?;
        let is_taken = row.get::<i64>("taken").map_err(unreachable)? != 0;
        // What is left is told of the bucket as it is now; how long to wait, of what was asked for.
        Ok(look(due(&row)?, moment, quota, if is_taken { 0 } else { cost }))
    }

    async fn give_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<(), BucketsError> {
        let price = signed(quota.price_micros(cost));
        let back = statement(GIVE_BACK).bind(hex(bucket.as_bytes())).bind(micros(now)).bind(price);
        self.0.execute(back).await.map(drop).map_err(unreachable)
    }
}
