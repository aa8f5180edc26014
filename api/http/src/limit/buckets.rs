//! The seam for counters: in this process, or shared by many.

use async_trait::async_trait;
use footfall_ingest_activity::Timestamp;
use sha2::{Digest, Sha256};

use super::{Level, Quota};

/// The name of a bucket: a digest, so that a shared backend learns no addresses and no accounts, and every name is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket([u8; 16]);

impl Bucket {
    /// The bucket of `name` under `policy`.
    pub fn of(policy: &str, name: &str) -> Bucket {
        let digest = Sha256::new().chain_update(policy).chain_update([0]).chain_update(name).finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Bucket(short)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The counters cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the counters of rate limits: {0}")]
pub struct BucketsError(pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps buckets. Two takes at the same time never take the same thing twice. A bucket that is full again may be
/// forgotten; one that is not may be forgotten only for want of memory, the fullest first.
#[async_trait]
pub trait Buckets: Send + Sync + 'static {
    /// Takes `cost` if it is there; a cost of 0 only looks.
    async fn take(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<Level, BucketsError>;

    /// Puts `cost` back, never beyond the quota.
    async fn give_back(&self, bucket: Bucket, quota: Quota, cost: u32, now: Timestamp) -> Result<(), BucketsError>;
}
