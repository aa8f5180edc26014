//! Latencies in buckets at most 1.6 % wide, from 1 µs to hours.

use std::time::Duration;

const STEPS: u64 = 64;

/// Counts by latency.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub fn record(&mut self, latency: Duration) {
        let place = place_of(latency.as_micros() as u64);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.total += 1;
    }

    /// The latency in milliseconds that `share` of all stay within; nothing without any.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let rank = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(end_of(place) as f64 / 1000.0);
            }
        }
        None
    }
}

/// Below `STEPS` every microsecond has its bucket, above every power of two has `STEPS / 2`.
fn place_of(micros: u64) -> usize {
    let shift = (64 - micros.leading_zeros()).saturating_sub(STEPS.trailing_zeros());
    (u64::from(shift) * (STEPS / 2) + (micros >> shift)) as usize
}

fn end_of(place: usize) -> u64 {
    let (place, half) = (place as u64, STEPS / 2);
    let shift = (place / half).saturating_sub(1);
    ((place - shift * half + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_latency_is_in_a_bucket_that_ends_little_above_it() {
        for micros in (0..5_000).chain([65_535, 65_536, 1_000_003, 3_600_000_000]) {
            let end = end_of(place_of(micros));
            assert!(end >= micros && end - micros <= micros / 32, "{micros} ends at {end}");
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.5), None);
        (1..=50).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        assert_eq!(histogram.quantile_ms(0.5), Some(0.025));
        assert_eq!(histogram.quantile_ms(1.0), Some(0.05));
    }
}
