//! Detections: pure functions from audit records to findings (OWASP ASVS 5, V16.3 and V6.3.5; MITRE ATT&CK T1110, T1528, T1078).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::audit::AuditRecord;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Many accounts tried from one address (T1110.004): lists of leaked passwords.
    CredentialStuffing,
    /// A few tries each on many accounts, from many addresses (T1110.003): one common password.
    PasswordSpraying,
    /// Two sign-ins farther apart than anybody travels.
    ImpossibleTravel,
    /// A refresh token in two hands (T1528).
    TokenReuse,
    /// Somebody became owner or admin, or a role grew (T1098).
    PrivilegeChange,
    /// More exports than one makes by hand (T1567).
    ExportVolume,
}

impl FindingKind {
    pub const fn name(self) -> &'static str {
        match self {
            FindingKind::CredentialStuffing => "credential_stuffing",
            FindingKind::PasswordSpraying => "password_spraying",
            FindingKind::ImpossibleTravel => "impossible_travel",
            FindingKind::TokenReuse => "token_reuse",
            FindingKind::PrivilegeChange => "privilege_change",
            FindingKind::ExportVolume => "export_volume",
        }
    }
}

/// A finding. Two with the same fingerprint are the same and told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub organisation: String,
    /// The address or account that it is about.
    pub subject: String,
    pub detail: String,
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub fingerprint: String,
}

/// From when on something is unusual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Failed accounts from one address within an hour.
    pub stuffed_accounts: usize,
    /// Failed accounts in all within an hour, when most were tried three times or less.
    pub sprayed_accounts: usize,
    pub travel_km_per_hour: f64,
    /// Places nearer than this are one place: addresses are located that roughly.
    pub travel_km_min: f64,
    /// Exports by one account within an hour.
    pub exports: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            stuffed_accounts: 10,
            sprayed_accounts: 20,
            travel_km_per_hour: 1_000.0,
            travel_km_min: 200.0,
            exports: 20,
        }
    }
}

const HOUR: i64 = 60 * 60 * 1000;

/// All findings in `records` (oldest first).
pub fn detect(records: &[AuditRecord], limits: &Thresholds) -> Vec<Finding> {
    let mut findings = guessing(records, limits);
    findings.extend(travel(records, limits));
    findings.extend(single_acts(records));
    findings.extend(exports(records, limits));
    findings
}

fn is(record: &AuditRecord, action: &str, outcome: &str) -> bool {
    record.action == action && record.outcome == outcome
}

/// Failed sign-ins by hour: one address against many accounts is stuffing; many accounts tried a little, from many addresses, is
/// spraying.
fn guessing(records: &[AuditRecord], limits: &Thresholds) -> Vec<Finding> {
    let failed =
        records.iter().filter(|record| is(record, "session.create", "refused") && record.object_kind == "email");
    let mut hours: BTreeMap<i64, Vec<&AuditRecord>> = BTreeMap::new();
    failed.for_each(|record| hours.entry(record.at.millis().div_euclid(HOUR)).or_default().push(record));
    let mut findings = Vec::new();
    for (hour, failed) in hours {
        let mut by_address: BTreeMap<&str, Vec<&AuditRecord>> = BTreeMap::new();
        failed.iter().for_each(|record| by_address.entry(&record.address).or_default().push(record));
        for (address, tries) in &by_address {
            let accounts = tries.iter().map(|record| &record.object).collect::<BTreeSet<_>>().len();
            if accounts >= limits.stuffed_accounts {
                let detail = format!("{accounts} accounts were tried from {address} within an hour");
                findings.push(finding(FindingKind::CredentialStuffing, address, detail, tries, hour));
            }
        }
        let mut by_account: HashMap<&str, usize> = HashMap::new();
        failed.iter().for_each(|record| *by_account.entry(&record.object).or_default() += 1);
        let gentle = by_account.values().filter(|tries| **tries <= 3).count();
        if gentle >= limits.sprayed_accounts && by_address.len() > 1 && 2 * gentle > by_account.len() {
            let detail = format!(
                "{gentle} accounts were tried a few times each within an hour, from {} addresses",
                by_address.len()
            );
            findings.push(finding(FindingKind::PasswordSpraying, "", detail, &failed, hour));
        }
    }
    findings
}

/// Two sign-ins of one account, one after the other, whose distance needs a faster aeroplane than there is.
fn travel(records: &[AuditRecord], limits: &Thresholds) -> Vec<Finding> {
    let mut last: HashMap<&str, (&AuditRecord, (f64, f64))> = HashMap::new();
    let mut findings = Vec::new();
    for record in records.iter().filter(|record| is(record, "session.create", "done")) {
        let Some(place) = read_place(&record.place) else { continue };
        if let Some((before, from)) = last.insert(&record.actor, (record, place)) {
            let distance_km = distance_km(from, place);
            let hours = record.at.millis_since(before.at).max(1) as f64 / HOUR as f64;
            if distance_km >= limits.travel_km_min && distance_km / hours > limits.travel_km_per_hour {
                let detail = format!("signed in {distance_km:.0} km apart within {:.0} minutes", hours * 60.0);
                findings.push(finding(
                    FindingKind::ImpossibleTravel,
                    &record.actor,
                    detail,
                    &[before, record],
                    record.sequence,
                ));
            }
        }
    }
    findings
}

/// Acts that are worth a look each time.
fn single_acts(records: &[AuditRecord]) -> Vec<Finding> {
    let powerful = |record: &AuditRecord| {
        let grown = ["member.change_role", "member.accept"].contains(&record.action.as_str());
        grown
            && ["\"owner\"", "\"admin\""]
                .iter()
                .any(|role| record.after_state.contains(role) && !record.before_state.contains(role))
    };
    let look = |record: &AuditRecord| match record.action.as_str() {
        "refresh_token.reuse" => Some((
            FindingKind::TokenReuse,
            record.actor.clone(),
            "a refresh token was used twice; the session was ended".to_owned(),
        )),
        "role.change" => {
            Some((FindingKind::PrivilegeChange, record.object.clone(), "a custom role was changed".to_owned()))
        }
        _ if record.outcome == "done" && powerful(record) => {
            Some((FindingKind::PrivilegeChange, record.object.clone(), format!("became {}", record.after_state)))
        }
        _ => None,
    };
    let found = records.iter().filter_map(|record| look(record).map(|found| (record, found)));
    found.map(|(record, (kind, subject, detail))| finding(kind, &subject, detail, &[record], record.sequence)).collect()
}

/// More exports by one actor in an hour than a person makes by hand.
fn exports(records: &[AuditRecord], limits: &Thresholds) -> Vec<Finding> {
    let mut hours: BTreeMap<(&str, i64), Vec<&AuditRecord>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.action.ends_with(".export") && record.outcome == "done") {
        hours.entry((&record.actor, record.at.millis().div_euclid(HOUR))).or_default().push(record);
    }
    let many = hours.into_iter().filter(|(_, exports)| exports.len() >= limits.exports);
    many.map(|((actor, hour), exports)| {
        finding(FindingKind::ExportVolume, actor, format!("{} exports within an hour", exports.len()), &exports, hour)
    })
    .collect()
}

fn finding(kind: FindingKind, subject: &str, detail: String, records: &[&AuditRecord], occasion: i64) -> Finding {
    Finding {
        kind,
        organisation: records.last().map(|record| record.organisation_id.clone()).unwrap_or_default(),
        subject: subject.to_owned(),
        detail,
        first_sequence: records.first().map_or(0, |record| record.sequence),
        last_sequence: records.last().map_or(0, |record| record.sequence),
        fingerprint: format!("{}/{subject}/{occasion}", kind.name()),
    }
}

/// `latitude,longitude` in degrees.
fn read_place(text: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = text.split_once(',')?;
    let place: (f64, f64) = (latitude.trim().parse().ok()?, longitude.trim().parse().ok()?);
    (place.0.abs() <= 90.0 && place.1.abs() <= 180.0).then_some(place)
}

/// Along the great circle, by the haversine formula.
fn distance_km(from: (f64, f64), to: (f64, f64)) -> f64 {
    const EARTH_RADIUS_KM: f64 = 6_371.0;
    let (latitude_a, latitude_b) = (from.0.to_radians(), to.0.to_radians());
    let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
    let chord = half(from.0, to.0) + latitude_a.cos() * latitude_b.cos() * half(from.1, to.1);
    2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests;
