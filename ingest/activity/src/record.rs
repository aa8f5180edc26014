//! What the log keeps: a kind and one JSON object (docs/log-format.md).

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Activity, Text, Timestamp};

/// One record of the log. `payload` is one JSON object whose shape `kind` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the payload is: one of the `KIND_*` numbers of [`Record`].
    pub kind: u8,
    /// Records with one key keep their order. Made from project and distinct id.
    pub partition_key: u64,
    /// The JSON object.
    pub payload: Vec<u8>,
}

impl Record {
    /// The payload is an [`Activity`].
    pub const KIND_ACTIVITY: u8 = 1;
    /// The payload is a [`Quarantined`].
    pub const KIND_QUARANTINED: u8 = 2;
    /// The payload is a [`Resolved`].
    pub const KIND_RESOLVED: u8 = 3;
    /// The payload is an [`Unmerge`].
    pub const KIND_UNMERGE: u8 = 4;

    /// There was a record, and its person is forgotten. The payload is empty.
    pub const KIND_ERASED: u8 = 5;

    /// The partition key of a person's activity.
    pub fn key_of(project: &str, distinct_id: &str) -> u64 {
        xxh3_64(distinct_id.as_bytes()) ^ xxh3_64(project.as_bytes()).rotate_left(1)
    }
}

/// An item that could not be taken as it was: kept whole, with the reason, until it is replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined<'a> {
    /// A UUID, its key in the `quarantine` table.
    #[serde(borrow)]
    pub quarantine_id: Text<'a>,
    #[serde(borrow)]
    pub project: Text<'a>,
    #[serde(borrow)]
    pub dialect: Text<'a>,
    /// The code of a [`Reason`](crate::Reason).
    #[serde(borrow)]
    pub reason: Text<'a>,
    #[serde(borrow)]
    pub detail: Text<'a>,
    /// The item as it was sent.
    #[serde(borrow)]
    pub raw: Text<'a>,
    pub received_at: Timestamp,
    /// The client's send time of the request, which the replay needs for the clock correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub import: Option<Text<'a>>,
}

/// A quarantined item was replayed: it has become activity, so it leaves the list of open ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved<'a> {
    #[serde(borrow)]
    pub project: Text<'a>,
    #[serde(borrow)]
    pub quarantine_id: Text<'a>,
    pub resolved_at: Timestamp,
}

/// Takes a merge back: from now on the ids are the persons that they would be had `merge_id` never been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmerge<'a> {
    #[serde(borrow)]
    pub project: Text<'a>,
    /// `merge_id` in the table `person_merges`.
    #[serde(borrow)]
    pub merge_id: Text<'a>,
    pub requested_at: Timestamp,
}

/// A record, read.
#[derive(Debug, Clone)]
pub enum Entry<'a> {
    Activity(Box<Activity<'a>>),
    Quarantined(Quarantined<'a>),
    Resolved(Resolved<'a>),
    Unmerge(Unmerge<'a>),
    /// What was here is forgotten.
    Erased,
}

/// The record is none that this version can read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("record kind {0} is unknown to this version")]
    UnknownKind(u8),
    #[error("record payload: {0}")]
    Payload(#[from] serde_json::Error),
}

impl<'a> Entry<'a> {
    /// Reads a record of `kind`; strings borrow from `payload`.
    pub fn decode(kind: u8, payload: &'a [u8]) -> Result<Entry<'a>, EntryError> {
        Ok(match kind {
            Record::KIND_ACTIVITY => Entry::Activity(Box::new(serde_json::from_slice(payload)?)),
            Record::KIND_QUARANTINED => Entry::Quarantined(serde_json::from_slice(payload)?),
            Record::KIND_RESOLVED => Entry::Resolved(serde_json::from_slice(payload)?),
            Record::KIND_UNMERGE => Entry::Unmerge(serde_json::from_slice(payload)?),
            Record::KIND_ERASED => Entry::Erased,
            other => return Err(EntryError::UnknownKind(other)),
        })
    }

    /// Writes the record.
    pub fn encode(&self) -> Result<Record, EntryError> {
        let (kind, partition_key, payload) = match self {
            Entry::Activity(activity) => (
                Record::KIND_ACTIVITY,
                Record::key_of(&activity.project, &activity.distinct_id),
                activity_json(activity)?,
            ),
            Entry::Quarantined(item) => (
                Record::KIND_QUARANTINED,
                Record::key_of(&item.project, &item.quarantine_id),
                serde_json::to_vec(item)?,
            ),
            Entry::Resolved(item) => {
                (Record::KIND_RESOLVED, Record::key_of(&item.project, &item.quarantine_id), serde_json::to_vec(item)?)
            }
            Entry::Unmerge(item) => {
                (Record::KIND_UNMERGE, Record::key_of(&item.project, &item.merge_id), serde_json::to_vec(item)?)
            }
            Entry::Erased => (Record::KIND_ERASED, 0, Vec::new()),
        };
        Ok(Record { kind, partition_key, payload })
    }
}

/// Room for everything but the texts as sent: growing the buffer step by step would copy them each time.
const FRAME_BYTES: usize = 640;

fn activity_json(activity: &Activity<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let sent =
        [activity.properties, activity.context, activity.groups, activity.set, activity.set_once, activity.unset];
    let sent_bytes: usize = sent.into_iter().flatten().map(|raw| raw.get().len()).sum();
    let mut json = Vec::with_capacity(FRAME_BYTES + sent_bytes);
    serde_json::to_writer(&mut json, activity)?;
    Ok(json)
}
