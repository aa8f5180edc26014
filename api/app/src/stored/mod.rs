//! What several processes share, and what outlives a restart: the seams of `api/http` over the access layer's database.

mod buckets;
mod idempotency;

pub use buckets::DatabaseBuckets;
pub use idempotency::DatabaseIdempotency;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
