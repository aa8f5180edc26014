//! The log on Apache Kafka: a topic whose offsets are the log's (docs/kafka.md).
//!
//! An append is acknowledged when all replicas in sync have its records. Offsets of readers live with what they made of the records, not
//! in Kafka; what they release is committed there too, so that Kafka's own tools show their lag.

mod access;
mod clients;
mod ends;
mod message;
mod place;
mod reader;
mod refusals;
mod skips;
#[cfg(test)]
mod tests;
mod topic;
mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Record};
use futures::future::join_all;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime::Handle;
use tokio::time::Instant;

use self::clients::{Consumer, Producer, fault};
use self::ends::{Ends, placed};
use self::message::Key;
use self::place::Place;
use self::reader::Reader;
use self::refusals::Refusals;
use self::skips::SKIPPED_MAX;
use crate::{ActivityLog, Batch, Damage, LogError, LogOptions, LogStatus, PartitionStatus};

/// Readers that are kept for the next read.
const READERS_KEPT: usize = 4;

/// How long it is waited for what the brokers do not give at once.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// By the start, for partitions that have no leader yet; a lasting fault is told by the state of the log.
    start: Duration,
    /// By a read below the end, for a record, and by readers for those of one partition while others have some.
    read: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { start: Duration::from_secs(3), read: Duration::from_secs(10) }
    }
}

/// What the log shares with its watch.
struct Shared {
    place: Place,
    options: LogOptions,
    patience: Patience,
    ends: Ends,
    refusals: Arc<Refusals>,
    producer: Mutex<Producer>,
    /// Where deliveries are waited for that nobody else waits for.
    runtime: Handle,
    /// What the brokers have lost since the log was opened.
    lost: Mutex<Vec<Damage>>,
    /// Why a partition cannot be asked for just now, by partition.
    faults: Mutex<BTreeMap<u32, String>>,
    /// What readers have released, not yet committed.
    released: Mutex<Option<Checkpoint>>,
    is_closed: AtomicBool,
}

impl Shared {
    /// The producer; another one where it has given up for good, as it does when the brokers have lost what it wrote.
    fn producer(&self) -> Result<Producer, LogError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((code, why)) = producer.client().fatal_error() {
            tracing::error!(%code, "the producer of the log has given up, another takes its place: {why}");
            *producer = clients::producer(&self.place, &self.options, &self.refusals)?;
        }
        Ok(producer.clone())
    }

    fn faults(&self) -> BTreeMap<u32, String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why nothing can be appended, if that is so.
    fn degraded(&self) -> Option<LogError> {
        let mut faults = self.faults();
        let is_away = faults.len() >= self.options.partitions as usize;
        let away = faults.pop_first().filter(|_| is_away).map(|(_, detail)| LogError::Away { detail });
        let lost = || self.ends.lost(SKIPPED_MAX).map(|detail| LogError::Kafka { doing: "appending", detail });
        away.or_else(lost)
    }

    /// What cannot be appended while the rest can.
    fn impaired(&self) -> Option<String> {
        let faults: Vec<String> =
            self.faults().iter().map(|(partition, why)| format!("partition {partition}: {why}")).collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    fn set_fault(&self, partition: u32, why: Option<String>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) if !faults.contains_key(&partition) => {
                tracing::warn!(partition, "a partition of the log cannot be reached: {why}");
                faults.insert(partition, why);
            }
            Some(why) => drop(faults.insert(partition, why)),
            None if faults.remove(&partition).is_some() => {
                tracing::info!(partition, "a partition of the log is reached again");
            }
            None => {}
        }
        metrics::gauge!("footfall_log_partitions_away").set(faults.len() as f64);
    }

    /// What a record was not delivered for.
    fn undelivered(&self, error: &KafkaError) -> LogError {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, MessageTimedOut};
        let detail = self.refusals.explain(&error.to_string());
        match error.rdkafka_error_code() {
            Some(AllBrokersDown | BrokerTransportFailure | MessageTimedOut) => LogError::Away { detail },
            _ => LogError::Kafka { doing: "appending", detail },
        }
    }

    /// Why these records cannot be appended just now, if that is known before they are sent.
    fn refusal(&self, partitions: impl Iterator<Item = i32>) -> Option<String> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.is_empty() {
            return None;
        }
        let mut numbers = partitions.map(i32::unsigned_abs);
        numbers.find_map(|partition| faults.get(&partition).map(|why| format!("partition {partition}: {why}")))
    }
}

/// What a log writes and asks with.
struct Clients {
    producer: Producer,
    asking: Arc<Consumer>,
    refusals: Arc<Refusals>,
}

impl Clients {
    fn new(place: &Place, options: &LogOptions) -> Result<Clients, LogError> {
        let refusals = Arc::new(Refusals::default());
        let producer = clients::producer(place, options, &refusals)?;
        let asking = clients::consumer(place, options, &refusals)?;
        Ok(Clients { producer, asking, refusals })
    }
}

/// A log in a topic of Apache Kafka.
pub(crate) struct KafkaLog {
    shared: Arc<Shared>,
    /// Asks the brokers where partitions end, as the watch does.
    asking: Arc<Consumer>,
    /// Payload bytes that wait for the brokers.
    waiting_bytes: AtomicUsize,
    readers: Mutex<Vec<Reader>>,
}

impl KafkaLog {
    /// Opens the topic that `rest` (what follows `kafka:`) names, and makes it if it is not there.
    pub async fn open(rest: &str, options: LogOptions) -> Result<KafkaLog, LogError> {
        let place = Place::parse(rest)?;
        if options.partitions == 0 {
            return Err(LogError::Kafka { doing: "opening the topic", detail: "log.partitions is 0".to_owned() });
        }
        access::check(&options.kafka)?;
        access::warn_if_open(&place, &options.kafka);
        let clients = Clients::new(&place, &options)?;
        topic::settle(&place, &options, &clients.asking, &clients.refusals).await?;
        KafkaLog::on(place, options, clients, Patience::default()).await
    }

    /// The log in a topic that is there.
    async fn on(place: Place, options: LogOptions, clients: Clients, patience: Patience) -> Result<KafkaLog, LogError> {
        let Clients { producer, asking, refusals } = clients;
        let shared = Arc::new(Shared {
            ends: Ends::new(options.partitions),
            refusals,
            producer: Mutex::new(producer),
            runtime: Handle::current(),
            lost: Mutex::default(),
            place,
            options,
            patience,
            faults: Mutex::default(),
            released: Mutex::default(),
            is_closed: AtomicBool::new(false),
        });
        let asked = (shared.clone(), asking.clone());
        blocking(move || watch::look(&asked.0, &asked.1)).await??;
        watch::start(shared.clone(), asking.clone())?;
        // Partitions of a topic that was just made have no leader for a moment: whoever appends at once need not hear of it.
        let settled = Instant::now() + patience.start;
        while !shared.faults().is_empty() && Instant::now() < settled {
            tokio::time::sleep(watch::INTERVAL).await;
        }
        Ok(KafkaLog { shared, asking, waiting_bytes: AtomicUsize::new(0), readers: Mutex::default() })
    }

    fn partition_of(&self, key: u64) -> i32 {
        // Fewer than 2³¹, as the settings bound them.
        (key % u64::from(self.shared.options.partitions)) as i32
    }

    /// Hands records to the producer, in order; the deliveries are to be waited for.
    fn hand_over(&self, records: &[Record]) -> Result<Vec<rdkafka::producer::DeliveryFuture>, LogError> {
        let topic = &self.shared.place.topic;
        let producer = self.shared.producer()?;
        let mut deliveries = Vec::with_capacity(records.len());
        for record in records {
            let key: Key = record.partition_key.to_be_bytes();
            let message = message::message(topic, self.partition_of(record.partition_key), &key, record);
            deliveries.push(self.send(&producer, message)?);
        }
        Ok(deliveries)
    }

    fn send(
        &self,
        producer: &Producer,
        message: FutureRecord<'_, Key, [u8]>,
    ) -> Result<rdkafka::producer::DeliveryFuture, LogError> {
        producer.send_result(message).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                LogError::Saturated { waiting_bytes: self.waiting_bytes.load(Ordering::Relaxed) }
            }
            error => fault("appending")(error),
        })
    }

    /// A reader that stands at `from`, or one that can be placed there.
    fn reader(&self, from: &Checkpoint) -> Result<Reader, LogError> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let place = readers.iter().position(|reader| reader.stands_at(from));
        match place.map(|place| readers.swap_remove(place)) {
            Some(reader) => Ok(reader),
            None => {
                let Shared { place, options, refusals, patience, .. } = &*self.shared;
                let consumer = clients::consumer(place, options, refusals)?;
                Ok(Reader::new(consumer, place.topic.clone(), patience.read))
            }
        }
    }

    async fn gather(&self, from: &Checkpoint, bytes_max: usize) -> Result<Batch, LogError> {
        let (mut reader, shared, from) = (self.reader(from)?, self.shared.clone(), from.clone());
        let (reader, batch) = blocking(move || {
            let batch = reader.gather(&from, bytes_max, &shared.ends);
            (reader, batch)
        })
        .await?;
        let superfluous = match batch.is_ok() && !reader.is_starved() {
            true => {
                let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
                readers.push(reader);
                (readers.len() > READERS_KEPT).then(|| readers.remove(0))
            }
            false => Some(reader),
        };
        superfluous.map_or(Ok(()), leave)?;
        batch
    }

    /// Moves the ends of partitions that a reader has passed, so that no offset below is given out again.
    ///
    /// What this process knows of an end is as old as its last look, and a reader elsewhere may have read meanwhile what others have
    /// appended: the brokers are asked once more before anything is taken for lost. It blocks for that.
    fn pass(&self, checkpoint: &Checkpoint) {
        let Shared { ends, options, .. } = &*self.shared;
        let mut is_answered = true;
        for (partition, offset) in checkpoint.iter().filter(|(partition, _)| *partition < options.partitions) {
            if ends.is_before(partition, offset) {
                // Where one does not answer the next may not either, and nobody should wait for all of them.
                is_answered =
                    is_answered && watch::ask(&self.shared, &self.asking, partition, watch::ANSWER_AGAIN).is_ok();
                if !is_answered {
                    ends.read_to(partition, offset);
                    continue;
                }
            }
            self.shared.skip(partition, offset);
        }
    }
}

#[async_trait]
impl ActivityLog for KafkaLog {
    async fn append(&self, records: Vec<Record>) -> Result<Checkpoint, LogError> {
        if self.shared.is_closed.load(Ordering::Acquire) {
            return Err(LogError::Closed);
        }
        if let Some(error) = self.shared.degraded() {
            return Err(error);
        }
        let touched = records.iter().map(|record| self.partition_of(record.partition_key));
        if let Some(detail) = self.shared.refusal(touched) {
            return Err(LogError::Away { detail });
        }
        let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
        let bytes_max = self.shared.options.append_bytes_max;
        if bytes > bytes_max {
            return Err(LogError::AppendTooLarge { bytes, bytes_max });
        }
        let waiting_bytes = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let _leaves = Leaves(&self.waiting_bytes, bytes);
        if waiting_bytes > self.shared.options.waiting_bytes_max {
            return Err(LogError::Saturated { waiting_bytes });
        }
        let (floors, mut covering, mut failed) = (self.shared.ends.spans(), Checkpoint::default(), None);
        for delivered in join_all(self.hand_over(&records)?).await {
            match delivered {
                Ok(Ok(delivery)) => match placed(&floors, delivery.partition, delivery.offset) {
                    Ok((partition, next)) => {
                        covering.advance(partition, next);
                        self.shared.ends.reached(partition, next);
                    }
                    Err(detail) => failed = Some(LogError::Kafka { doing: "appending", detail }),
                },
                Ok(Err((error, _))) => failed = Some(self.shared.undelivered(&error)),
                Err(_) => failed = Some(fault("appending")(KafkaError::Canceled)),
            }
        }
        failed.map_or(Ok(covering), Err)
    }

    async fn read(&self, from: &Checkpoint, bytes_max: usize, wait: Duration) -> Result<Batch, LogError> {
        let deadline = Instant::now() + wait;
        let mut bell = self.shared.ends.listen();
        loop {
            bell.mark_unchanged();
            if !from.covers(&self.shared.ends.end()) {
                return self.gather(from, bytes_max).await;
            }
            if tokio::time::timeout_at(deadline, bell.changed()).await.is_err() {
                return Ok(Batch { next: from.clone(), ..Batch::default() });
            }
        }
    }

    fn end(&self) -> Checkpoint {
        self.shared.ends.end()
    }

    async fn whole_end(&self) -> Result<Checkpoint, LogError> {
        let deadline = Instant::now() + Duration::from_millis(self.shared.place.timeout_ms.into());
        // The watch goes on asking for what is missing.
        while let Some(partition) = self.shared.ends.unknown() {
            if Instant::now() >= deadline {
                let why = self.shared.faults().remove(&partition);
                let why = why.unwrap_or_else(|| "nobody says where it ends".to_owned());
                return Err(LogError::Away { detail: format!("partition {partition}: {why}") });
            }
            tokio::time::sleep(watch::INTERVAL).await;
        }
        Ok(self.shared.ends.end())
    }

    fn release(&self, _reader: &str, checkpoint: &Checkpoint) {
        self.pass(checkpoint);
        let mut released = self.shared.released.lock().unwrap_or_else(PoisonError::into_inner);
        *released = Some(released.take().map_or_else(|| checkpoint.clone(), |before| before.meet(checkpoint)));
    }

    fn status(&self) -> LogStatus {
        let spans = self.shared.ends.spans().into_iter().enumerate();
        let partition = |(index, span): (usize, ends::Span)| PartitionStatus {
            partition: index as u32,
            first_offset: span.first,
            end_offset: span.end,
            // The brokers' own.
            segments: 0,
            bytes: 0,
        };
        LogStatus {
            partitions: spans.map(partition).collect(),
            degraded: self.shared.degraded().map(|error| error.to_string()),
            impaired: self.shared.impaired(),
            damages: self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..LogStatus::default()
        }
    }

    async fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        let producer = self.shared.producer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let patience = Duration::from_millis(u64::from(self.shared.place.timeout_ms));
        // What is under way is told to whoever waits for it.
        drop(blocking(move || producer.flush(patience)).await);
        let readers = std::mem::take(&mut *self.readers.lock().unwrap_or_else(PoisonError::into_inner));
        readers.into_iter().for_each(|reader| drop(leave(reader)));
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
    }
}

/// Bytes that no longer wait, however the append ends.
struct Leaves<'a>(&'a AtomicUsize, usize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LogError> {
    let panicked = |error: tokio::task::JoinError| LogError::Kafka { doing: "waiting", detail: error.to_string() };
    tokio::task::spawn_blocking(work).await.map_err(panicked)
}

/// Ends a reader in a thread of its own: its client takes leave of the brokers, which takes long where they give it nothing, and for ever where
/// librdkafka waits for what never comes. Nobody waits for it.
fn leave(reader: Reader) -> Result<(), LogError> {
    let thread = std::thread::Builder::new().name("log-leaving".to_owned()).spawn(move || drop(reader));
    thread.map(drop).map_err(|error| LogError::Kafka { doing: "starting a thread", detail: error.to_string() })
}
