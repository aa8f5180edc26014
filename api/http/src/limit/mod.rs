//! Rate limits: GCRA (ITU-T I.371) over buckets by address, account and key, told in the headers of
//! draft-ietf-httpapi-ratelimit-headers-10.

mod buckets;
pub mod contract;
mod gcra;
mod headers;
mod memory;

use std::net::IpAddr;
use std::sync::Arc;

use footfall_ingest_activity::Clock;

use crate::problem::{Problem, kinds};

pub use buckets::{Bucket, Buckets, BucketsError};
pub use gcra::{Level, Quota, look};
pub(crate) use headers::tell;
pub use memory::MemoryBuckets;

/// The quotas; one that is `None` limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Of all requests from one address (IPv6: one /64), refused and anonymous ones included.
    pub address: Option<Quota>,
    /// Of one account, over all its sessions and keys.
    pub account: Option<Quota>,
    /// Of one key or token.
    pub key: Option<Quota>,
}

impl Default for Quotas {
    fn default() -> Quotas {
        let minute = std::time::Duration::from_secs(60);
        Quotas {
            address: Some(Quota::new(1200, minute)),
            account: Some(Quota::new(1200, minute)),
            key: Some(Quota::new(600, minute)),
        }
    }
}

/// What was taken of one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) policy: &'static str,
    pub(crate) quota: Quota,
    pub(crate) level: Level,
}

/// Takes from the buckets and refuses when one is empty. Doors beside HTTP share the buckets and count as it does.
#[derive(Clone)]
pub struct Limits {
    pub(crate) quotas: Quotas,
    pub(crate) buckets: Arc<dyn Buckets>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Limits {
    pub fn new(quotas: Quotas, buckets: Arc<dyn Buckets>, clock: Arc<dyn Clock>) -> Limits {
        Limits { quotas, buckets, clock }
    }

    /// One request from `address`.
    pub async fn request_from(&self, address: IpAddr) -> Result<(), Problem> {
        self.address(address, 1, &mut Vec::new()).await
    }

    /// One request of an account, with the key or token that it used.
    pub async fn request_of(&self, account: &str, key: Option<&str>) -> Result<(), Problem> {
        let mut told = Vec::new();
        if let Some(key) = key {
            self.key(key, 1, &mut told).await?;
        }
        self.account(account, 1, &mut told).await
    }

    pub(crate) async fn address(&self, address: IpAddr, cost: u32, told: &mut Vec<Taken>) -> Result<(), Problem> {
        self.take("address", self.quotas.address, || network(address), cost, told).await
    }

    pub(crate) async fn account(&self, account: &str, cost: u32, told: &mut Vec<Taken>) -> Result<(), Problem> {
        self.take("account", self.quotas.account, || account.to_owned(), cost, told).await
    }

    pub(crate) async fn key(&self, key: &str, cost: u32, told: &mut Vec<Taken>) -> Result<(), Problem> {
        self.take("key", self.quotas.key, || key.to_owned(), cost, told).await
    }

    async fn take(
        &self,
        policy: &'static str,
        quota: Option<Quota>,
        name: impl FnOnce() -> String,
        cost: u32,
        told: &mut Vec<Taken>,
    ) -> Result<(), Problem> {
        let Some(quota) = quota.filter(|_| cost > 0) else { return Ok(()) };
        let bucket = Bucket::of(policy, &name());
        let level = match self.buckets.take(bucket, quota, cost, self.clock.now()).await {
            Ok(level) => level,
            Err(error) => {
                // Without its counters the service is better than no service.
                tracing::warn!(%error, "rate limits are not enforced");
                return Ok(());
            }
        };
        told.push(Taken { policy, quota, level });
        match level.wait {
            None => Ok(()),
            Some(wait) => Err(Problem::retry(&kinds::RATE_LIMITED, wait)
                .detail(format!("The quota of this {policy} is used up. Wait as long as Retry-After says."))),
        }
    }
}

/// What counts as one address: an IPv6 customer has a whole /64.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
