//! Exposures that the doors of flags see, on their way into the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use footfall_api_experiments::{Sighting, Witness};
use footfall_api_http::Time;
use footfall_ingest_activity::{Clock, Limits, Record, Source};
use footfall_ingest_log::ActivityLog;
use footfall_ingest_server::{Dialect, parse_record};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

/// Told and written to the log.
const TOLD: &str = "footfall_exposures_told_total";
/// Not written: too many at once, or the log refused.
const LOST: &str = "footfall_exposures_lost_total";

/// That wait at most.
const WAITING_MAX: usize = 20_000;
const BATCH_MAX: usize = 1_000;
/// So many are known to have been told, so that a flag asked for again and again is not written again and again.
const KNOWN_MAX: usize = 200_000;
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// What the doors tell. It never waits: what finds no room is lost, and counted.
pub struct Teller(mpsc::Sender<Sighting>);

impl Witness for Teller {
    fn saw(&self, sighting: Sighting) {
        if self.0.try_send(sighting).is_err() {
            metrics::counter!(LOST).increment(1);
        }
    }
}

/// Writes what was told into the log.
pub struct Told {
    waiting: mpsc::Receiver<Sighting>,
    known: HashSet<u128>,
    log: Arc<dyn ActivityLog>,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

/// Both ends.
pub fn open(log: Arc<dyn ActivityLog>, limits: Limits, clock: Arc<dyn Clock>) -> (Teller, Told) {
    let (teller, waiting) = mpsc::channel(WAITING_MAX);
    metrics::counter!(TOLD).absolute(0);
    metrics::counter!(LOST).absolute(0);
    (Teller(teller), Told { waiting, known: HashSet::new(), log, limits, clock })
}

impl Told {
    /// Until `stop` resolves; what waits then is written first.
    pub async fn carry(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = &mut stop => break,
                told = self.waiting.recv_many(&mut batch, BATCH_MAX) => {
                    // Nobody is there who could tell.
                    if told == 0 {
                        break;
                    }
                }
            }
            self.write(&mut batch).await;
        }
        self.waiting.close();
        while self.waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.write(&mut batch).await;
        }
    }

    async fn write(&mut self, batch: &mut Vec<Sighting>) {
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
        }
        let records: Vec<Record> = batch.drain(..).filter_map(|sighting| self.record(&sighting)).collect();
        if records.is_empty() {
            return;
        }
        let count = records.len() as u64;
        for tried in 1..=TRIES {
            match self.log.append(records.clone()).await {
                Ok(_) => return metrics::counter!(TOLD).increment(count),
                Err(error) if tried == TRIES => {
                    tracing::error!(%error, count, "exposures could not be written and are lost");
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        // Whoever is seen again is told again.
        self.known.clear();
        metrics::counter!(LOST).increment(count);
    }

    /// Of who was not told yet.
    fn record(&mut self, sighting: &Sighting) -> Option<Record> {
        let Sighting { project, person, occasion, event, properties } = sighting;
        let digest = Sha256::digest(format!("{project}\0{person}\0{occasion}"));
        let id = digest.iter().take(16).fold(0u128, |id, byte| id << 8 | u128::from(*byte));
        if !self.known.insert(id) {
            return None;
        }
        let now = self.clock.now();
        let raw = serde_json::json!({
            "distinctId": person, "event": event, "messageId": format!("exposure-{id:032x}"),
            "timestamp": Time::from(now), "properties": properties,
        });
        let raw = raw.to_string();
        let source = Source::new(project, Dialect::Native.as_str(), now, &raw);
        match parse_record(Dialect::Native, &raw, &source, &self.limits, None) {
            Ok(record) => Some(record),
            // An id that no door takes either.
            Err(refusal) => {
                tracing::warn!(%refusal, project = &**project, "an exposure was refused");
                metrics::counter!(LOST).increment(1);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use footfall_ingest_activity::{Checkpoint, SystemClock};
    use footfall_ingest_log::LogOptions;
    use serde_json::json;

    use super::*;

    fn sighting(person: &str, occasion: &str) -> Sighting {
        let properties = json!({"$feature_flag": "checkout", "$feature_flag_response": true});
        let (project, person, occasion) = ("shop".into(), person.into(), occasion.into());
        Sighting { project, person, occasion, event: "$feature_flag_called", properties }
    }

    #[tokio::test]
    async fn who_is_seen_again_is_told_once_and_nobody_who_waits_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file:{}", folder.path().display());
        let log = footfall_ingest_log::open(&url, LogOptions { partitions: 1, ..LogOptions::default() }).await.unwrap();
        let (teller, told) = open(log.clone(), Limits::default(), Arc::new(SystemClock));
        for person in ["ada", "bob", "ada"] {
            teller.saw(sighting(person, "checkout 1 treatment"));
        }
        teller.saw(sighting("ada", "checkout 2 treatment"));
        // It is told to stop before it looked at anything.
        told.carry(std::future::ready(())).await;
        let batch = log.read(&Checkpoint::default(), 1 << 20, Duration::ZERO).await.unwrap();
        let payloads = batch.records.iter().map(|one| String::from_utf8(one.payload.to_vec()).unwrap());
        let payloads: Vec<String> = payloads.collect();
        assert_eq!(payloads.len(), 3, "{payloads:?}");
        assert_eq!(payloads.iter().filter(|payload| payload.contains("ada")).count(), 2, "{payloads:?}");
        assert!(payloads.iter().all(|payload| payload.contains("exposure-")), "{payloads:?}");
        log.close().await;
    }
}
