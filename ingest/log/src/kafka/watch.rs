//! A thread that asks the brokers where the partitions end (others append to them too), and commits what readers have released.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::Shared;
use super::clients::{Consumer, fault};
use crate::LogError;

const INTERVAL: Duration = Duration::from_millis(100);
const ANSWER: Duration = Duration::from_secs(3);

/// Asks for every partition once. Blocks.
pub(super) fn look(shared: &Shared, consumer: &Consumer) -> Result<(), LogError> {
    for partition in 0..shared.options.partitions {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let asked = consumer.fetch_watermarks(&shared.place.topic, number, ANSWER);
        let (first, end) = asked.map_err(fault("asking where the topic ends"))?;
        shared.ends.begins(partition, first.max(0).unsigned_abs());
        shared.ends.reached(partition, end.max(0).unsigned_abs());
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
    while let Some(shared) = shared.upgrade() {
        if shared.is_closed.load(Ordering::Acquire) {
            return;
        }
        shared.set_degraded(look(&shared, consumer).err().map(|error| error.to_string()));
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
