//! Each detection on what it is for, and silent on what looks like it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_ingest_activity::Timestamp;

use super::*;

fn record(sequence: i64, minute: i64, action: &str, outcome: &str) -> AuditRecord {
    AuditRecord {
        sequence,
        at: Timestamp::from_millis(minute * 60_000),
        actor_kind: "account".into(),
        actor: "ada".into(),
        action: action.into(),
        outcome: outcome.into(),
        object_kind: String::new(),
        object: String::new(),
        organisation_id: String::new(),
        project_id: String::new(),
        address: "192.0.2.1".into(),
        device: String::new(),
        place: String::new(),
        request_id: String::new(),
        before_state: String::new(),
        after_state: String::new(),
        previous_hash: String::new(),
        hash: String::new(),
    }
}

fn failed(sequence: i64, minute: i64, email: usize, address: usize) -> AuditRecord {
    AuditRecord {
        object_kind: "email".into(),
        object: format!("{email}@example.org"),
        address: format!("192.0.2.{address}"),
        ..record(sequence, minute, "session.create", "refused")
    }
}

fn signed_in(sequence: i64, minute: i64, place: &str) -> AuditRecord {
    AuditRecord { place: place.into(), ..record(sequence, minute, "session.create", "done") }
}

fn kinds(records: &[AuditRecord]) -> Vec<FindingKind> {
    detect(records, &Thresholds::default()).iter().map(|finding| finding.kind).collect()
}

#[test]
fn many_accounts_from_one_address() {
    let stuffing: Vec<_> = (0..10).map(|at| failed(at as i64, 1, at, 1)).collect();
    assert_eq!(kinds(&stuffing), [FindingKind::CredentialStuffing]);
    let forgetful: Vec<_> = (0..50).map(|at| failed(at, 1, 1, 1)).collect();
    assert_eq!(kinds(&forgetful), [], "one person who has forgotten");
    let slow: Vec<_> = (0..10).map(|at| failed(at as i64, at as i64 * 60, at, 1)).collect();
    assert_eq!(kinds(&slow), [], "over ten hours");
}

#[test]
fn a_few_tries_on_many_accounts() {
    let spraying: Vec<_> = (0..40).map(|at| failed(at as i64, 1, at / 2, at % 7)).collect();
    assert_eq!(kinds(&spraying), [FindingKind::PasswordSpraying]);
    let few: Vec<_> = (0..10).map(|at| failed(at as i64, 1, at, at)).collect();
    assert_eq!(kinds(&few), []);
}

#[test]
fn nobody_travels_that_fast() {
    let (berlin, potsdam, tokyo) = ("52.52,13.40", "52.39,13.06", "35.68,139.69");
    assert_eq!(kinds(&[signed_in(1, 0, berlin), signed_in(2, 60, tokyo)]), [FindingKind::ImpossibleTravel]);
    assert_eq!(kinds(&[signed_in(1, 0, berlin), signed_in(2, 60 * 14, tokyo)]), [], "there are aeroplanes");
    assert_eq!(kinds(&[signed_in(1, 0, berlin), signed_in(2, 1, potsdam)]), [], "addresses are located roughly");
    assert_eq!(
        kinds(&[signed_in(1, 0, berlin), signed_in(2, 1, ""), signed_in(3, 1, "nowhere"), signed_in(4, 1, "99,0")]),
        []
    );
    // Berlin to Tokyo along the great circle is 8,918 km.
    assert!((distance_km((52.52, 13.405), (35.6762, 139.6503)) - 8_918.0).abs() < 20.0);
}

#[test]
fn reuse_privilege_and_exports() {
    assert_eq!(kinds(&[record(1, 0, "refresh_token.reuse", "refused")]), [FindingKind::TokenReuse]);
    let role = |before: &str, after: &str| AuditRecord {
        before_state: format!("{{\"role\":\"{before}\"}}"),
        after_state: format!("{{\"role\":\"{after}\"}}"),
        ..record(1, 0, "member.change_role", "done")
    };
    assert_eq!(kinds(&[role("viewer", "owner")]), [FindingKind::PrivilegeChange]);
    assert_eq!(kinds(&[role("owner", "viewer")]), []);
    let exports = |count: i64| (0..count).map(|at| record(at, 0, "activity.export", "done")).collect::<Vec<_>>();
    assert_eq!((kinds(&exports(20)), kinds(&exports(19))), (vec![FindingKind::ExportVolume], vec![]));
}

#[test]
fn the_same_finding_has_the_same_fingerprint() {
    let stuffing: Vec<_> = (0..12).map(|at| failed(at as i64, 1, at, 1)).collect();
    let first = detect(&stuffing[..10], &Thresholds::default());
    let later = detect(&stuffing, &Thresholds::default());
    assert_eq!(first[0].fingerprint, later[0].fingerprint);
}
