//! Reads a record of the log; what cannot be read becomes an item for the quarantine.

use std::sync::Arc;

use footfall_ingest_activity::{Entry, Quarantined, Reason, Text, Timestamp};
use footfall_ingest_log::{Damage, LogRecord};
use serde::Deserialize;

use crate::keys::{log_quarantine_id, message_key, quarantine_key, resolved_key};

/// Where items go whose project nobody knows.
const PROJECT_UNKNOWN: &str = "default";
/// The dialect of what the log itself quarantines.
const DIALECT: &str = "log";

/// Reads `record`, or says why it cannot be read.
pub(super) fn entry_of(record: &LogRecord, is_poisoned: bool, now: Timestamp) -> Entry<'_> {
    if is_poisoned {
        return unreadable(record, "the transform fails on this record; please report it".to_owned(), now);
    }
    match Entry::decode(record.kind, &record.payload) {
        Ok(entry) => entry,
        Err(error) => unreadable(record, error.to_string(), now),
    }
}

#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    project: Text<'a>,
}

fn unreadable(record: &LogRecord, error: String, now: Timestamp) -> Entry<'static> {
    let LogRecord { partition, offset, kind, payload } = record;
    let addressed: Option<Addressed<'_>> = serde_json::from_slice(payload).ok();
    let project = addressed.map_or_else(|| PROJECT_UNKNOWN.to_owned(), |addressed| addressed.project.to_string());
    let detail = format!("log record of kind {kind} at partition {partition}, offset {offset}: {error}");
    let raw = String::from_utf8_lossy(payload).into_owned();
    from_log(&project, (*partition, *offset, offset.saturating_add(1)), Reason::Malformed, detail, raw, now)
}

/// One item for each project that may have lost something.
pub(super) fn damage_entries(damage: &Damage, projects: &[Arc<str>], now: Timestamp) -> Vec<Entry<'static>> {
    let Damage { partition, from_offset, to_offset, kept_in, detail } = damage;
    let unknown = [Arc::from(PROJECT_UNKNOWN)];
    let projects = if projects.is_empty() { &unknown[..] } else { projects };
    projects
        .iter()
        .map(|project| {
            let detail = format!(
                "partition {partition}, offsets {from_offset} to {to_offset} (exclusive) are lost; \
                 the damaged bytes are kept in {kept_in}: {detail}"
            );
            let place = (*partition, *from_offset, *to_offset);
            from_log(project, place, Reason::LogDamaged, detail, String::new(), now)
        })
        .collect()
}

fn from_log(
    project: &str,
    (partition, from_offset, to_offset): (u32, u64, u64),
    reason: Reason,
    detail: String,
    raw: String,
    now: Timestamp,
) -> Entry<'static> {
    Entry::Quarantined(Quarantined {
        quarantine_id: log_quarantine_id(project, partition, from_offset, to_offset).to_string().into(),
        project: project.to_owned().into(),
        dialect: DIALECT.into(),
        reason: reason.code().into(),
        detail: detail.into(),
        raw: raw.into(),
        received_at: now,
        sent_at: None,
        import: None,
    })
}

/// The key under which the store knows the entry. An unmerge has none: the checkpoint alone keeps it from being read twice.
pub(super) fn key_of(entry: &Entry<'_>) -> Option<u128> {
    match entry {
        Entry::Activity(activity) => Some(message_key(&activity.project, &activity.message_id)),
        Entry::Quarantined(item) => Some(quarantine_key(&item.project, &item.quarantine_id)),
        Entry::Resolved(item) => Some(resolved_key(&item.project, &item.quarantine_id)),
        Entry::Unmerge(_) | Entry::Erased => None,
    }
}
