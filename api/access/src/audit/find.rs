//! Looking something up in the audit: from either end, and by words.

use super::AuditRecord;
use crate::access::Access;
use crate::database::statement;
use crate::error::{AccessError, Answer};

/// So many are read at once while words are looked for.
const READ: i64 = 500;

/// Which records of an organisation are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditWanted {
    pub is_newest_first: bool,
    /// All of them have to occur, in whatever case.
    pub words: Vec<String>,
    /// Records that come after this one in the order that is wanted.
    pub after: Option<i64>,
    pub limit: usize,
}

impl Access {
    /// Records of an organisation.
    pub fn audit_found<'a>(&'a self, organisation: &'a str, wanted: AuditWanted) -> Answer<'a, Vec<AuditRecord>> {
        Box::pin(async move {
            let words: Vec<String> = wanted.words.iter().map(|word| word.to_lowercase()).collect();
            let read = if words.is_empty() { i64::try_from(wanted.limit).unwrap_or(READ) } else { READ };
            let mut after = wanted.after;
            let mut found = Vec::new();
            while found.len() < wanted.limit {
                let records = match wanted.is_newest_first {
                    true => self.audit_before(organisation, after.unwrap_or(i64::MAX), read).await?,
                    false => self.audit_after(Some(organisation), after.unwrap_or(0), read).await?,
                };
                let is_end = (records.len() as i64) < read;
                after = records.last().map(|record| record.sequence).or(after);
                found.extend(records.into_iter().filter(|record| record.has(&words)));
                if is_end {
                    break;
                }
            }
            found.truncate(wanted.limit);
            Ok(found)
        })
    }

    /// Records before `sequence`, newest first, at most `limit`.
    async fn audit_before(
        &self,
        organisation: &str,
        sequence: i64,
        limit: i64,
    ) -> Result<Vec<AuditRecord>, AccessError> {
        let query = "SELECT * FROM audit WHERE sequence < $1 AND organisation_id = $3 ORDER BY sequence DESC LIMIT $2";
        let query = statement(query).bind(sequence).bind(limit).bind(organisation);
        let rows = self.database().read_late(query).await?;
        Ok(rows.iter().map(AuditRecord::read).collect::<Result<_, _>>()?)
    }
}

impl AuditRecord {
    /// Each of the words, in small letters, stands somewhere in it.
    fn has(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let text = [
            &self.actor_kind,
            &self.actor,
            &self.action,
            &self.outcome,
            &self.object_kind,
            &self.object,
            &self.project_id,
            &self.address,
            &self.device,
            &self.place,
            &self.request_id,
            &self.before_state,
            &self.after_state,
        ];
        let text = text.map(|part| part.to_lowercase()).join("\n");
        words.iter().all(|word| text.contains(word.as_str()))
    }
}
