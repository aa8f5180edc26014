//! The job in numbers.

use arrow::array::AsArray;
use arrow::datatypes::TimestampMillisecondType;
use footfall_ingest_activity::{Checkpoint, Timestamp};
use footfall_pipelines_store::Publication;
use footfall_pipelines_store::tables::Table;

use crate::Tally;

/// A turn's delays are sampled at this many activities, each standing for its share of them.
const DELAY_SAMPLES_MAX: usize = 64;

/// Notes a turn that has become visible at `now`.
pub(crate) fn published(tally: &Tally, publication: &Publication, started: Timestamp, now: Timestamp) {
    metrics::counter!("footfall_committed_total").increment(tally.activities);
    metrics::counter!("footfall_duplicate_total").increment(tally.duplicates);
    metrics::histogram!("footfall_jobs_turn_seconds").record(seconds(now.millis_since(started)));
    let delays = metrics::histogram!("footfall_visible_after_seconds");
    for rows in publication.rows.values().filter_map(|rows| rows.batches.get(&Table::Activity)) {
        let column = rows.column_by_name("received_at");
        let Some(received) = column.and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>()) else {
            continue;
        };
        let stride = received.values().len().div_ceil(DELAY_SAMPLES_MAX).max(1);
        for share in received.values().chunks(stride) {
            let oldest = share.iter().min().map_or(now, |&millis| Timestamp::from_millis(millis));
            delays.record_many(seconds(now.millis_since(oldest)), share.len());
        }
    }
}

/// Notes how far the job is behind the end of the log. Returns the records.
pub(crate) fn lag(end: &Checkpoint, visible: &Checkpoint) -> u64 {
    let mut all = 0;
    for (partition, offset) in end.iter() {
        let behind = offset.saturating_sub(visible.next_offset(partition));
        metrics::gauge!("footfall_log_lag", "partition" => partition.to_string()).set(behind as f64);
        all += behind;
    }
    all
}

fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1000.0
}
