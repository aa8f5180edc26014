//! Offsets that brokers have given out and then lost: they are skipped, so that none is given out twice.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use futures::future::join_all;

use super::{Shared, message};
use crate::Damage;

/// Offsets that are skipped at most to get past what was read, or acknowledged, and is not there any more.
pub(super) const SKIPPED_MAX: u64 = 1_000_000;

impl Shared {
    /// Says that brokers have lost what they had acknowledged.
    pub fn mourn(&self, partition: u32, offsets: Range<u64>) {
        let Range { start: from_offset, end: to_offset } = offsets;
        let detail =
            "the brokers have lost it after they had acknowledged it; what was not in the tables by then is gone";
        tracing::error!(partition, from_offset, to_offset, "{detail}");
        metrics::counter!("footfall_log_errors_total", "kind" => "lost").increment(to_offset - from_offset);
        let damage = Damage { partition, from_offset, to_offset, kept_in: String::new(), detail: detail.to_owned() };
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(damage);
    }

    /// Skips what lies between the end of a partition and `offset`, unless that is being done.
    pub fn skip(self: &Arc<Self>, partition: u32, offset: u64) {
        let Some((from, missing)) = self.ends.passed(partition, offset, SKIPPED_MAX) else { return };
        tracing::error!(partition, from, offset, "the brokers have lost records; their offsets are skipped");
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let deliveries: Option<Vec<_>> = self.producer().ok().and_then(|producer| {
            (0..missing).map(|_| producer.send_result(message::skipped(&self.place.topic, number)).ok()).collect()
        });
        let Some(deliveries) = deliveries else { return self.ends.not_skipped(partition) };
        let shared = self.clone();
        self.runtime.spawn(async move {
            for delivered in join_all(deliveries).await {
                match delivered {
                    Ok(Ok(delivery)) if delivery.offset >= 0 => {
                        shared.ends.reached(partition, delivery.offset.unsigned_abs() + 1);
                    }
                    _ => shared.ends.not_skipped(partition),
                }
            }
        });
    }
}
