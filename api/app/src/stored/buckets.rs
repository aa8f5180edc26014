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
pub struct DatabaseBuckets {
    database: Database,
    goes_by_server: bool,
}

impl DatabaseBuckets {
    /// By the moments that callers tell, which have to be of one clock. `database` is migrated: that of an open `Access`.
    pub fn new(database: Database) -> DatabaseBuckets {
        DatabaseBuckets { database, goes_by_server: false }
    }

    /// By the clock of the database's server, where it has one: of processes whose clocks are apart, one would refuse what the other
    /// has just let through.
    #[must_use]
    pub fn by_server_clock(self) -> DatabaseBuckets {
        DatabaseBuckets { goes_by_server: self.database.is_server(), ..self }
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

/// [`TAKE`] by the clock of PostgreSQL, which stands still for a statement: $1 bucket, $2 price, $3 window - price, $4 window - 2 price.
/// `excluded.due` is now + price.
const TAKE_BY_SERVER: &str = "INSERT INTO rate_buckets (name, due, taken)
    VALUES ($1, (EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT + $2, 1)
    ON CONFLICT (name) DO UPDATE SET
        taken = CASE WHEN rate_buckets.due <= excluded.due + $4 THEN 1 ELSE 0 END,
        due = CASE WHEN rate_buckets.due <= excluded.due - $2 THEN excluded.due
                   WHEN rate_buckets.due <= excluded.due + $4 THEN rate_buckets.due + $2
                   WHEN rate_buckets.due > excluded.due + $3 THEN excluded.due + $3
                   ELSE rate_buckets.due END
    RETURNING due, taken, (EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT AS moment";

const LOOK_BY_SERVER: &str = "SELECT (EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT AS moment,
    (SELECT due FROM rate_buckets WHERE name = $1) AS due";

const GIVE_BACK_BY_SERVER: &str = "UPDATE rate_buckets
    SET due = GREATEST(due - $2, (EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT) WHERE name = $1";

fn unreachable(error: DatabaseError) -> BucketsError {
    BucketsError(Box::new(error))
}

fn micros(now: Timestamp) -> i64 {
    now.millis().max(0).saturating_mul(1000)
}

fn signed(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

fn moment_of(row: &Row, column: &str) -> Result<u64, BucketsError> {
    let moment = row.get::<Option<i64>>(column).map_err(unreachable)?;
    Ok(u64::try_from(moment.unwrap_or(0)).unwrap_or(0))
}

/// What came of a take; `moment` is what counted for the time. What is left is told of the bucket as it is now; how long to wait, of
/// what was asked for.
fn taken(row: Option<Row>, moment: Option<u64>, quota: Quota, cost: u32) -> Result<Level, BucketsError> {
    let row = row.ok_or_else(|| BucketsError("no row came back".into()))?;
    let moment = moment.map_or_else(|| moment_of(&row, "moment"), Ok)?;
    let is_taken = row.get::<i64>("taken").map_err(unreachable)? != 0;
    Ok(look(moment_of(&row, "due")?, moment, quota, if is_taken { 0 } else { cost }))
}

impl DatabaseBuckets {
    async fn look(&self, bucket: Bucket, quota: Quota, now: Timestamp) -> Result<Level, BucketsError> {
        let name = hex(bucket.as_bytes());
        if self.goes_by_server {
            let row = self.database.read_one(statement(LOOK_BY_SERVER).bind(name)).await.map_err(unreachable)?;
            let row = row.ok_or_else(|| BucketsError("no row came back".into()))?;
            return Ok(look(moment_of(&row, "due")?, moment_of(&row, "moment")?, quota, 0));
        }
        let row = self.database.read_one(statement("SELECT due FROM rate_buckets WHERE name = $1").bind(name)).await;
        let known = row.map_err(unreachable)?.map_or(Ok(0), |row| moment_of(&row, "due"))?;
        Ok(look(known, micros(now).unsigned_abs(), quota, 0))
    }
}

#[async_trait]
impl Buckets for DatabaseBuckets {
    async fn take(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<Level, BucketsError> {
        if cost == 0 {
            return self.look(bucket, quota, now).await;
        }
        let (name, price, window) =
            (hex(bucket.as_bytes()), signed(quota.price_micros(cost)), signed(quota.window_micros()));
        if self.goes_by_server {
            let take = statement(TAKE_BY_SERVER).bind(name).bind(price);
            let take = take.bind(window.saturating_sub(price)).bind(window.saturating_sub(price).saturating_sub(price));
            let row = self.database.write_one(take).await.map_err(unreachable)?;
            return taken(row, None, quota, cost);
        }
        let now = micros(now);
        let latest = now.saturating_add(window);
        let take = statement(TAKE).bind(name).bind(now).bind(price).bind(latest).bind(latest.saturating_sub(price));
        let row = self.database.write_one(take).await.map_err(unreachable)?;
        taken(row, Some(now.unsigned_abs()), quota, cost)
    }

    async fn give_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<(), BucketsError> {
        let (name, price) = (hex(bucket.as_bytes()), signed(quota.price_micros(cost)));
        let back = match self.goes_by_server {
            true => statement(GIVE_BACK_BY_SERVER).bind(name).bind(price),
            false => statement(GIVE_BACK).bind(name).bind(micros(now)).bind(price),
        };
        self.database.execute(back).await.map(drop).map_err(unreachable)
    }
}
