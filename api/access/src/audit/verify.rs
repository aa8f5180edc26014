//! Walks the chain and says which record was changed, removed, inserted or moved.

use super::AuditRecord;
use crate::access::Access;
use crate::database::statement;
use crate::error::{AccessError, Answer};
use crate::vault::Vault;

/// Something wrong with the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    #[error("record {0} was changed")]
    Changed(i64),
    #[error("records {first} to {last} were removed")]
    Removed { first: i64, last: i64 },
    #[error("the record at {found} belongs at {belongs}")]
    Moved { found: i64, belongs: i64 },
    #[error("record {0} does not follow from the one before it")]
    Unchained(i64),
    #[error("the chain's end is noted as record {noted}, and the last record is {last}")]
    End { noted: i64, last: i64 },
}

/// What a walk over the whole chain has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    pub records: u64,
    /// The last record and its hash. Written down elsewhere (a ticket, a mail), it shows later that nothing was cut off and
    /// written anew.
    pub end: (i64, String),
    pub faults: Vec<AuditFault>,
}

/// Broken records that are tried against each other's places.
const MOVED_MAX: usize = 500;

/// Checks records one after the other.
pub struct AuditWalk<'a> {
    vault: &'a Vault,
    report: AuditReport,
    broken: Vec<AuditRecord>,
}

impl<'a> AuditWalk<'a> {
    pub fn new(vault: &'a Vault) -> Self {
        AuditWalk { vault, report: AuditReport::default(), broken: Vec::new() }
    }

    /// Takes the next record, in the order of their sequence.
    pub fn take(&mut self, record: &AuditRecord) {
        let (last, last_hash) = &self.report.end;
        let follows = record.sequence == last + 1;
        if record.sequence > last + 1 {
            self.report.faults.push(AuditFault::Removed { first: last + 1, last: record.sequence - 1 });
        }
        if record.hash_at(record.sequence, self.vault) != record.hash {
            self.broken.push(record.clone());
        } else if follows && record.previous_hash != *last_hash && !self.is_after_broken(record) {
            self.report.faults.push(AuditFault::Unchained(record.sequence));
        }
        self.report.records += 1;
        self.report.end = (record.sequence, record.hash.clone());
    }

    /// Behind a broken record the chain is torn by that one's fault.
    fn is_after_broken(&self, record: &AuditRecord) -> bool {
        self.broken.last().is_some_and(|broken| broken.sequence == record.sequence - 1)
    }

    /// Ends the walk; `noted` is what the database notes as the chain's end.
    pub fn finish(mut self, noted: (i64, String)) -> AuditReport {
        for record in &self.broken {
            let places = self.broken.iter().take(MOVED_MAX).map(|other| other.sequence);
            let belongs = places
                .filter(|place| *place != record.sequence)
                .find(|place| record.hash_at(*place, self.vault) == record.hash);
            self.report.faults.push(match belongs {
                Some(belongs) => AuditFault::Moved { found: record.sequence, belongs },
                None => AuditFault::Changed(record.sequence),
            });
        }
        if noted != self.report.end {
            self.report.faults.push(AuditFault::End { noted: noted.0, last: self.report.end.0 });
        }
        self.report
    }
}

impl Access {
    /// Walks the whole audit. What was appended after the start is left out.
    pub fn verify_audit(&self) -> Answer<'_, AuditReport> {
        Box::pin(async move {
            const PAGE: i64 = 1_000;
            let head =
                self.database().read_one(statement("SELECT sequence, hash FROM audit_head WHERE id = 1")).await?;
            let head = head.ok_or(AccessError::Damaged("the end of the audit"))?;
            let noted: (i64, String) = (head.get("sequence")?, head.get("hash")?);
            let (mut walk, mut after) = (AuditWalk::new(self.vault()), i64::MIN);
            loop {
                let page = self.audit_after(None, after, PAGE).await?;
                let Some(last) = page.last().map(|record| record.sequence) else { break };
                after = last;
                // Behind the noted end: appended meanwhile, unless the note was turned back, which then shows as missing records.
                for record in page.iter().filter(|record| record.sequence <= noted.0) {
                    walk.take(record);
                }
                if last >= noted.0 {
                    break;
                }
            }
            Ok(walk.finish(noted))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use footfall_ingest_activity::Timestamp;
    use proptest::prelude::*;

    use super::super::{Act, Actor, Origin};
    use super::*;

    fn chain(vault: &Vault, length: i64) -> Vec<AuditRecord> {
        let mut previous = String::new();
        let next = |sequence: i64| {
            let act = Act::new(Actor::Account(format!("a{sequence}")), "session.create", &Origin::default());
            let record = act.into_record(sequence, Timestamp::from_millis(sequence), previous.clone(), vault);
            previous.clone_from(&record.hash);
            record
        };
        (1..=length).map(next).collect()
    }

    fn faults(vault: &Vault, records: &[AuditRecord], noted: &AuditRecord) -> Vec<AuditFault> {
        let mut walk = AuditWalk::new(vault);
        records.iter().for_each(|record| walk.take(record));
        walk.finish((noted.sequence, noted.hash.clone())).faults
    }

    fn vault() -> Vault {
        Vault::with_secret(&[1; 32]).expect("a vault")
    }

    proptest! {
        #[test]
        fn every_kind_of_tampering_is_located(length in 4i64..12, a in 0usize..12, b in 0usize..12, field in 0..6) {
            let vault = vault();
            let whole = chain(&vault, length);
            let (a, b) = (a % whole.len(), b % whole.len());
            let end = whole.last().expect("records").clone();
            prop_assert_eq!(faults(&vault, &whole, &end), vec![]);

            let mut changed = whole.clone();
            let target = &mut changed[a];
            match field {
                0 => target.actor.push('x'),
                1 => target.outcome = "refused".into(),
                2 => target.at = target.at.plus_millis(1),
                3 => target.previous_hash = "00".into(),
                4 => (target.action, target.outcome) = (format!("{}{}", target.action, target.outcome), String::new()),
                _ => target.after_state = "{}".into(),
            }
            prop_assert_eq!(faults(&vault, &changed, &end), vec![AuditFault::Changed(whole[a].sequence)]);

            let mut removed = whole.clone();
            let gone = removed.remove(a).sequence;
            let expected = if gone == end.sequence {
                AuditFault::End { noted: gone, last: gone - 1 }
            } else {
                AuditFault::Removed { first: gone, last: gone }
            };
            prop_assert_eq!(faults(&vault, &removed, &end), vec![expected]);

            if a != b && a + 1 != whole.len() && b + 1 != whole.len() {
                let mut moved = whole.clone();
                moved.swap(a, b);
                let places = (moved[a].sequence, moved[b].sequence);
                (moved[a].sequence, moved[b].sequence) = (places.1, places.0);
                let found = faults(&vault, &moved, &end);
                prop_assert!(found.contains(&AuditFault::Moved { found: places.1, belongs: places.0 }), "{:?}", found);
                prop_assert!(found.contains(&AuditFault::Moved { found: places.0, belongs: places.1 }), "{:?}", found);
            }
        }
    }

    #[test]
    fn a_chain_made_anew_without_the_secret_does_not_fit() {
        let (vault, forger) = (vault(), Vault::with_secret(&[2; 32]).expect("a vault"));
        let forged = chain(&forger, 3);
        let end = forged.last().expect("records").clone();
        assert_eq!(faults(&vault, &forged, &end).len(), 3);
    }

    #[test]
    fn a_record_slipped_in_does_not_follow() {
        let vault = vault();
        let (whole, other) = (chain(&vault, 4), chain(&vault, 1));
        let mut slipped = whole.clone();
        slipped[2] = Act::new(Actor::System, "x", &Origin::default()).into_record(
            3,
            Timestamp::default(),
            other[0].hash.clone(),
            &vault,
        );
        let found = faults(&vault, &slipped, &whole[3]);
        assert!(found.contains(&AuditFault::Unchained(3)), "{found:?}");
    }
}
