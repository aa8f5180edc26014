//! The keys under which the store knows what it has: an activity, a quarantined item, a replay.

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

/// Longest key text that is put together without asking for memory.
const INLINE_BYTES: usize = 512;

fn key(project: &str, separator: u8, id: &str) -> u128 {
    let (project, id) = (project.as_bytes(), id.as_bytes());
    let length = project.len() + 1 + id.len();
    let mut inline = [0u8; INLINE_BYTES];
    match inline.get_mut(..length) {
        Some(text) => {
            text[..project.len()].copy_from_slice(project);
            text[project.len()] = separator;
            text[project.len() + 1..].copy_from_slice(id);
            xxh3_128(text)
        }
        None => xxh3_128(&[project, &[separator], id].concat()),
    }
}

/// Key of an activity: XXH3-128 of project, NUL, message id. An activity is counted once per key.
pub fn message_key(project: &str, message_id: &str) -> u128 {
    key(project, 0, message_id)
}

/// Key of a row of `quarantine`; never that of an activity, as no project has a control character in its name.
pub fn quarantine_key(project: &str, quarantine_id: &str) -> u128 {
    key(project, 1, quarantine_id)
}

/// Key of the note that a quarantined item was replayed.
pub fn resolved_key(project: &str, quarantine_id: &str) -> u128 {
    key(project, 2, quarantine_id)
}

/// Quarantine id of a stretch of the log, the same each time it is read.
pub fn log_quarantine_id(project: &str, partition: u32, from_offset: u64, to_offset: u64) -> Uuid {
    let mut place = Vec::with_capacity(project.len() + 21);
    place.extend_from_slice(project.as_bytes());
    place.push(3);
    place.extend_from_slice(&partition.to_be_bytes());
    place.extend_from_slice(&from_offset.to_be_bytes());
    place.extend_from_slice(&to_offset.to_be_bytes());
    Uuid::new_v8(xxh3_128(&place).to_be_bytes())
}

/// Tie-break of person properties written in one millisecond.
pub(crate) fn tiebreak(message_id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(message_id.as_bytes())
}
