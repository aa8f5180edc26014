//! Appending to the audit, in the transaction of the act itself: no act without its record, no record without its act.

use footfall_ingest_activity::Timestamp;

use super::{Act, AuditRecord};
use crate::access::Access;
use crate::database::{Transaction, statement};
use crate::error::{AccessError, Answer};

impl Access {
    /// Records `act` at the end of the chain.
    ///
    /// Do it last before the commit: from here on the end of the chain is locked for others, and the same order everywhere
    /// means no deadlock.
    pub fn record<'a>(&'a self, transaction: &'a mut Transaction, act: Act) -> Answer<'a, ()> {
        Box::pin(async move {
            let next = "UPDATE audit_head SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence, hash";
            let head = transaction.one(statement(next)).await?.ok_or(AccessError::Damaged("the end of the audit"))?;
            let record = act.into_record(head.get("sequence")?, self.now(), head.get("hash")?, self.vault());
            let hash = record.hash.clone();
            insert(transaction, record).await?;
            transaction.execute(statement("UPDATE audit_head SET hash = $1 WHERE id = 1").bind(hash)).await?;
            Ok(())
        })
    }

    /// Records `act` by itself.
    pub fn record_alone(&self, act: Act) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            self.record(&mut transaction, act).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Records after `sequence`, oldest first, at most `limit`; of one organisation unless `organisation` is `None`.
    pub fn audit_after<'a>(
        &'a self,
        organisation: Option<&'a str>,
        sequence: i64,
        limit: i64,
    ) -> Answer<'a, Vec<AuditRecord>> {
        Box::pin(async move {
            let of_all = "SELECT * FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2";
            let of_one = "SELECT * FROM audit WHERE sequence > $1 AND organisation_id = $3 ORDER BY sequence LIMIT $2";
            let query = match organisation {
                None => statement(of_all).bind(sequence).bind(limit),
                Some(organisation) => statement(of_one).bind(sequence).bind(limit).bind(organisation),
            };
            let rows = self.database().read(query).await?;
            Ok(rows.iter().map(AuditRecord::read).collect::<Result<_, _>>()?)
        })
    }

    /// Records since `since`, oldest first, at most `limit`, for the watch.
    pub(crate) async fn audit_since(&self, since: Timestamp, limit: i64) -> Result<Vec<AuditRecord>, AccessError> {
        // The newest `limit`, so that a flood cannot hide behind its own beginning.
        let query = "SELECT * FROM audit WHERE at >= $1 ORDER BY sequence DESC LIMIT $2";
        let rows = self.database().read(statement(query).bind(since).bind(limit)).await?;
        Ok(rows.iter().rev().map(AuditRecord::read).collect::<Result<_, _>>()?)
    }
}

async fn insert(transaction: &mut Transaction, record: AuditRecord) -> Result<(), AccessError> {
    let insert = statement(
        "INSERT INTO audit (sequence, at, actor_kind, actor, action, outcome, object_kind, object, organisation_id,
            project_id, address, device, place, request_id, before_state, after_state, previous_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    );
    let insert = insert.bind(record.sequence).bind(record.at);
    let texts = [
        record.actor_kind,
        record.actor,
        record.action,
        record.outcome,
        record.object_kind,
        record.object,
        record.organisation_id,
        record.project_id,
        record.address,
        record.device,
        record.place,
        record.request_id,
        record.before_state,
        record.after_state,
        record.previous_hash,
        record.hash,
    ];
    transaction.execute(texts.into_iter().fold(insert, |insert, text| insert.bind(text))).await?;
    Ok(())
}
