//! What must hold of every body, whatever its bytes: no panic, and one fate for each item.

use footfall_ingest_activity::{Entry, Limits, Timestamp};
use footfall_ingest_server::{BodyKind, Setting, parse_body};

/// Reads `body` and checks the account.
pub fn body(kind: BodyKind, body: &[u8]) {
    let limits = Limits::default();
    let setting = Setting::new("p", Timestamp::from_millis(1_795_435_200_000), &limits);
    let Ok(parsed) = parse_body(kind, body, &setting, 10_000) else { return };
    assert_eq!(parsed.records.len(), parsed.accepted + parsed.quarantined);
    assert_eq!(parsed.fates.len(), parsed.quarantined + parsed.rejected);
    for record in &parsed.records {
        assert!(Entry::decode(record.kind, &record.payload).is_ok());
    }
}
