//! Which person an id is before anything else is known, and which ids are nobody.

use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

/// The person that `distinct_id` is on its own: a UUID (version 8) of the 128-bit XXH3 of project, NUL and id.
/// Merges map it to another person when they are read; the id itself never changes.
pub fn person_id_of(project: &str, distinct_id: &str) -> Uuid {
    let mut hasher = Xxh3::new();
    hasher.update(project.as_bytes());
    hasher.update(&[0]);
    hasher.update(distinct_id.as_bytes());
    Uuid::new_v8(hasher.digest128().to_be_bytes())
}

const KNOWN_BAD: &[&str] = &[
    "anonymous",
    "guest",
    "distinctid",
    "distinct_id",
    "id",
    "not_authenticated",
    "email",
    "undefined",
    "true",
    "false",
    "null",
    "none",
    "nil",
    "nan",
    "unknown",
    "user",
    "userid",
    "user_id",
    "anonymousid",
    "anonymous_id",
    "0",
    "-1",
    "[object object]",
    "{}",
    "[]",
    "\"\"",
    "''",
    "00000000-0000-0000-0000-000000000000",
];

/// True for ids that faulty clients give to everybody. Their activity is kept, but they never merge with another id.
pub fn is_known_bad(distinct_id: &str) -> bool {
    let trimmed = distinct_id.trim().trim_matches(['"', '\'']).trim();
    trimmed.is_empty() || KNOWN_BAD.iter().any(|bad| trimmed.eq_ignore_ascii_case(bad))
}
