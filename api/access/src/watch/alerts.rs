//! Alerts: findings that somebody has to see. Kept once each, mailed to the owners, acknowledged in the API.

use footfall_ingest_activity::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Finding, Thresholds, detect};
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::mail::Mail;
use crate::secret::new_id;

/// How far back the watch looks at each turn, and how many records.
const LOOK_BACK_MILLIS: i64 = 2 * 60 * 60 * 1000;
const RECORDS_MAX: i64 = 20_000;

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    pub id: String,
    pub kind: String,
    /// Empty where there was none yet.
    pub organisation: String,
    pub subject: String,
    pub detail: String,
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub created_at: Timestamp,
    pub acknowledged_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
}

impl Access {
    /// Looks over the last hours of the audit; returns how many new alerts there are.
    pub fn watch(&self) -> Answer<'_, usize> {
        Box::pin(async move {
            let records = self.audit_since(self.now().plus_millis(-LOOK_BACK_MILLIS), RECORDS_MAX).await?;
            let mut raised = 0;
            for finding in detect(&records, &Thresholds::default()) {
                let mut transaction = self.database().write().await?;
                let mut is_new = false;
                for organisation in concerned(&mut transaction, &finding).await? {
                    is_new |= self.raise(&mut transaction, &finding, &organisation).await?;
                }
                if is_new {
                    raised += 1;
                    transaction.commit().await?;
                }
            }
            Ok(raised)
        })
    }

    /// Keeps a finding as an alert of `organisation`, and tells its owners and webhooks; false where it is known.
    async fn raise(
        &self,
        transaction: &mut Transaction,
        finding: &Finding,
        organisation: &str,
    ) -> Result<bool, AccessError> {
        let insert = "INSERT INTO alerts (id, fingerprint, kind, organisation_id, subject, detail, first_sequence,
                          last_sequence, created_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (fingerprint) DO NOTHING";
        let (id, now) = (new_id(), self.now());
        let fingerprint = format!("{}@{organisation}", finding.fingerprint);
        let insert = statement(insert).bind(&id).bind(fingerprint).bind(finding.kind.name()).bind(organisation);
        let insert = insert.bind(&finding.subject).bind(&finding.detail);
        let insert = insert.bind(finding.first_sequence).bind(finding.last_sequence).bind(now);
        if transaction.execute(insert).await? == 0 {
            return Ok(false);
        }
        let owners = "SELECT DISTINCT email FROM members JOIN accounts ON accounts.id = account_id
                      WHERE role = 'owner' AND project_id = '' AND disabled_at IS NULL AND organisation_id = $1";
        let title = finding.kind.name().replace('_', " ");
        let mail = Mail::Alert { title, detail: finding.detail.clone() };
        for row in transaction.all(statement(owners).bind(organisation)).await? {
            self.enqueue(transaction, &row.get::<String>("email")?, &mail).await?;
        }
        let data = json!({
            "id": id, "kind": finding.kind.name(), "organisation_id": organisation, "subject": finding.subject,
            "detail": finding.detail, "created_at": now.to_rfc3339(),
            "first_sequence": finding.first_sequence, "last_sequence": finding.last_sequence,
        });
        self.announce(transaction, organisation, "alert.raised", &data).await?;
        Ok(true)
    }

    /// Alerts of an organisation, the newest first; of `""` those that came before there was any.
    pub fn alerts<'a>(&'a self, organisation: &'a str, limit: i64) -> Answer<'a, Vec<Alert>> {
        Box::pin(async move {
            let query = "SELECT * FROM alerts WHERE organisation_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2";
            let alert = |row: &Row| {
                Ok(Alert {
                    id: row.get("id")?,
                    kind: row.get("kind")?,
                    organisation: row.get("organisation_id")?,
                    subject: row.get("subject")?,
                    detail: row.get("detail")?,
                    first_sequence: row.get("first_sequence")?,
                    last_sequence: row.get("last_sequence")?,
                    created_at: row.time("created_at")?,
                    acknowledged_at: row.time_if_any("acknowledged_at")?,
                    acknowledged_by: row.get("acknowledged_by")?,
                })
            };
            self.database()
                .read_late(statement(query).bind(organisation).bind(limit))
                .await?
                .iter()
                .map(alert)
                .collect()
        })
    }

    /// Marks an alert as seen, by the account, key or operator `by`.
    pub fn acknowledge_alert<'a>(
        &'a self,
        organisation: &'a str,
        id: &'a str,
        by: &'a str,
        actor: Actor,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let update = "UPDATE alerts SET acknowledged_at = $1, acknowledged_by = $2
                          WHERE id = $3 AND organisation_id = $4 AND acknowledged_at IS NULL";
            let update = statement(update).bind(self.now()).bind(by).bind(id).bind(organisation);
            if transaction.execute(update).await? == 0 {
                return Err(AccessError::NotFound("alert that is open"));
            }
            let act = Act::new(actor, "alert.acknowledge", origin).on("alert", id);
            self.record(&mut transaction, act.within(organisation, "")).await?;
            Ok(transaction.commit().await?)
        })
    }
}

/// Who is told of a finding: its organisation. One about an account concerns the organisations that the account belongs to, and
/// one about nobody in particular the oldest organisation, which is the operator's. Others' owners learn nothing.
async fn concerned(transaction: &mut Transaction, finding: &Finding) -> Result<Vec<String>, AccessError> {
    if !finding.organisation.is_empty() {
        return Ok(vec![finding.organisation.clone()]);
    }
    let of_account = statement("SELECT DISTINCT organisation_id AS id FROM members WHERE account_id = $1 ORDER BY id");
    let mut rows = transaction.all(of_account.bind(&finding.subject)).await?;
    if rows.is_empty() {
        rows = transaction.all(statement("SELECT id FROM organisations ORDER BY created_at, id LIMIT 1")).await?;
    }
    let ids = rows.iter().map(|row| Ok(row.get("id")?)).collect::<Result<Vec<String>, AccessError>>()?;
    Ok(if ids.is_empty() { vec![String::new()] } else { ids })
}
