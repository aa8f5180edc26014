//! The server's own numbers, from `/metrics`.

use std::net::SocketAddr;

use crate::error::BenchError;
use crate::http;

/// One reading of all metrics.
#[derive(Debug, Default)]
pub struct Metrics {
    text: String,
}

impl Metrics {
    pub async fn read(address: SocketAddr) -> Result<Metrics, BenchError> {
        let (_, text) = http::get(address, "/metrics").await?;
        Ok(Metrics { text })
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.text.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            (labels.is_empty() || labels.starts_with('{')).then_some((labels, value.parse().ok()?))
        })
    }

    /// The sum of a metric over those of its labels that have a text in them.
    pub fn labelled(&self, name: &str, label: &str) -> f64 {
        self.lines(name).filter(|(labels, _)| labels.contains(label)).map(|(_, value)| value).sum()
    }

    /// The sum of a metric over all its labels.
    pub fn sum(&self, name: &str) -> f64 {
        self.lines(name).map(|(_, value)| value).sum()
    }

    /// Entries of the log that are not visible yet.
    pub fn lag(&self) -> f64 {
        self.sum("footfall_log_lag")
    }

    /// The quantile in seconds of a histogram for what came after `earlier`, straight lines within its buckets.
    pub fn quantile(&self, name: &str, earlier: &Metrics, share: f64) -> Option<f64> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for ((labels, now), (_, before)) in
            self.lines(&name).zip(earlier.lines(&name).chain(std::iter::repeat(("", 0.0))))
        {
            let bound = labels.split_once("le=\"")?.1.split('"').next()?;
            buckets.push((if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? }, now - before));
        }
        let rank = buckets.last()?.1 * share;
        let (mut low, mut seen) = (0.0, 0.0);
        for (bound, count) in buckets {
            if count >= rank && count > 0.0 {
                let part = (rank - seen) / (count - seen).max(1.0);
                return Some(if bound.is_finite() { low + (bound - low) * part } else { bound });
            }
            (low, seen) = (bound, count);
        }
        None
    }
}
