//! The newest activity for whoever watches, as it becomes visible. It costs nothing while nobody does.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMillisecondType};
use footfall_ingest_activity::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Pulses kept for a slow watcher before it misses some.
const PULSES_KEPT: usize = 256;
/// Longest text of properties in a pulse.
const PROPERTIES_BYTES_MAX: usize = 500;

/// An activity in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LiveActivity {
    pub event: String,
    pub distinct_id: String,
    /// The person that it is now.
    pub person_id: Uuid,
    /// Milliseconds UTC.
    pub timestamp: Timestamp,
    pub received_at: Timestamp,
    pub message_id: String,
    pub os: Option<String>,
    pub browser: Option<String>,
    pub country: Option<String>,
    pub page_path: Option<String>,
    pub screen: Option<String>,
    pub library: Option<String>,
    /// JSON text, cut at 500 bytes.
    pub properties: String,
}

/// What became visible of one project in one turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LivePulse {
    pub project: Arc<str>,
    /// How many activities became visible.
    pub count: u64,
    /// The last of them.
    pub activities: Vec<LiveActivity>,
}

/// Where to watch. Clones share one feed; it carries all projects.
#[derive(Debug, Clone)]
pub struct LiveFeed(broadcast::Sender<Arc<LivePulse>>);

impl Default for LiveFeed {
    fn default() -> Self {
        LiveFeed(broadcast::channel(PULSES_KEPT).0)
    }
}

impl LiveFeed {
    /// Watches from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<LivePulse>> {
        self.0.subscribe()
    }

    /// True while somebody watches.
    pub fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn send(&self, pulse: LivePulse) {
        // An error says that the last watcher has just left.
        drop(self.0.send(Arc::new(pulse)));
    }
}

/// The last rows of a fresh batch of `activity`.
pub(crate) fn pulse(
    project: Arc<str>,
    batch: &RecordBatch,
    activities_max: usize,
    person_of: impl Fn(&str) -> Uuid,
) -> LivePulse {
    let from = batch.num_rows().saturating_sub(activities_max);
    let activities = (from..batch.num_rows())
        .map(|row| {
            let text = |name| text(batch, name, row);
            let distinct_id = text("distinct_id").unwrap_or_default();
            LiveActivity {
                event: text("event").unwrap_or_default().to_owned(),
                distinct_id: distinct_id.to_owned(),
                person_id: person_of(distinct_id),
                timestamp: time(batch, "timestamp", row),
                received_at: time(batch, "received_at", row),
                message_id: text("message_id").unwrap_or_default().to_owned(),
                os: text("os").map(str::to_owned),
                browser: text("browser").map(str::to_owned),
                country: text("country").map(str::to_owned),
                page_path: text("page_path").map(str::to_owned),
                screen: text("screen").map(str::to_owned),
                library: text("library").map(str::to_owned),
                properties: cut(text("properties").unwrap_or("{}")).to_owned(),
            }
        })
        .collect();
    LivePulse { project, count: batch.num_rows() as u64, activities }
}

fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?;
    if column.is_null(row) {
        return None;
    }
    if let Some(texts) = column.as_string_view_opt() {
        return Some(texts.value(row));
    }
    let words = column.as_dictionary_opt::<Int32Type>()?;
    Some(words.values().as_string_opt::<i32>()?.value(words.key(row)?))
}

fn time(batch: &RecordBatch, name: &str, row: usize) -> Timestamp {
    let times = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
    times.map_or_else(Timestamp::default, |times| Timestamp::from_millis(times.value(row)))
}

fn cut(text: &str) -> &str {
    let end = (0..=PROPERTIES_BYTES_MAX.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}
