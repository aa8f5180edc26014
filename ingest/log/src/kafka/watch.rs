//! A thread that asks the brokers where the partitions end (others append to them too), and commits what readers have released.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::Shared;
use super::clients::{Consumer, away};
use crate::LogError;

pub(super) const INTERVAL: Duration = Duration::from_millis(100);
const ANSWER: Duration = Duration::from_secs(3);
/// A partition without a leader is asked for again after this time, and not waited for long: the others must not wait for it.
const AGAIN: Duration = Duration::from_secs(1);
pub(super) const ANSWER_AGAIN: Duration = Duration::from_millis(500);

/// Asks for every partition once. Blocks.
///
/// # Errors
/// Why none of them could be asked for.
pub(super) fn look(shared: &Arc<Shared>, consumer: &Consumer) -> Result<(), LogError> {
    let mut again = vec![None; shared.options.partitions as usize];
    turn(shared, consumer, &mut again).map_or(Ok(()), Err)
}

/// Asks for the partitions whose time has come; the moment from which one is asked for again stands in `again`. Why none could
/// be asked for, if that is so.
fn turn(shared: &Arc<Shared>, consumer: &Consumer, again: &mut [Option<Instant>]) -> Option<LogError> {
    let (mut all, mut is_looked_up) = (None, false);
    for (partition, again) in (0..shared.options.partitions).zip(again.iter_mut()) {
        let patience = match *again {
            Some(moment) if Instant::now() < moment => continue,
            // Where one does not answer the next may not either.
            None if all.is_none() => ANSWER,
            _ => ANSWER_AGAIN,
        };
        match ask(shared, consumer, partition, patience) {
            Ok(()) => {
                *again = None;
                shared.set_fault(partition, None);
                if let Some(offset) = shared.ends.gap(partition) {
                    shared.skip(partition, offset);
                }
            }
            Err(error) => {
                if !is_looked_up {
                    // The client goes on asking whom it took for the leader, or nobody, until its own look minutes later.
                    is_looked_up = true;
                    drop(consumer.fetch_metadata(Some(&shared.place.topic), ANSWER_AGAIN));
                }
                *again = Some(Instant::now() + AGAIN);
                shared.set_fault(partition, Some(shared.refusals.explain(&error.to_string())));
                all = Some(away(error));
            }
        }
    }
    all.filter(|_| again.iter().all(Option::is_some))
}

/// Asks for one partition, in so much time. Blocks.
pub(super) fn ask(shared: &Shared, consumer: &Consumer, partition: u32, patience: Duration) -> KafkaResult<()> {
    let number = i32::try_from(partition).unwrap_or(i32::MAX);
    let known = shared.ends.end_of(partition);
    let (first, end) = consumer.fetch_watermarks(&shared.place.topic, number, patience)?;
    shared.ends.begins(partition, first.max(0).unsigned_abs());
    if let Some(lost) = shared.ends.answered(partition, known, end.max(0).unsigned_abs()) {
        shared.mourn(partition, lost);
    }
    Ok(())
}

pub(super) fn start(shared: Arc<Shared>, consumer: Arc<Consumer>) -> Result<(), LogError> {
    let weak = Arc::downgrade(&shared);
    let thread = thread::Builder::new().name("log-ends".to_owned()).spawn(move || run(&weak, &consumer));
    thread.map(drop).map_err(|error| LogError::Kafka { doing: "starting a thread", detail: error.to_string() })
}

/// Until the log is closed or gone.
fn run(shared: &Weak<Shared>, consumer: &Consumer) {
    let mut again = Vec::new();
    while let Some(shared) = shared.upgrade() {
        if shared.is_closed.load(Ordering::Acquire) {
            return;
        }
        again.resize(shared.options.partitions as usize, None);
        drop(turn(&shared, consumer, &mut again));
        let released = shared.released.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(released) = released {
            let mut list = TopicPartitionList::new();
            for (partition, offset) in released.iter() {
                let (number, offset) = (i32::try_from(partition), i64::try_from(offset));
                if let (Ok(number), Ok(offset)) = (number, offset) {
                    drop(list.add_partition_offset(&shared.place.topic, number, Offset::Offset(offset)));
                }
            }
            // For Kafka's own tools alone: nobody starts from it.
            if let Err(error) = consumer.commit(&list, CommitMode::Async) {
                tracing::debug!(%error, "what is read was not committed");
            }
        }
        drop(shared);
        thread::sleep(INTERVAL);
    }
}
