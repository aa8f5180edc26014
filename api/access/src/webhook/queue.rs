//! The queue of webhooks: written with the alert, sent afterwards, again and again with longer pauses.

use footfall_ingest_activity::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::manage::secret_context;
use super::send::{SendError, post};
use super::{address, sign_webhook};
use crate::access::Access;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::secret::new_id;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// A process that takes a delivery has it to itself for this long.
const LEASE_MILLIS: i64 = MINUTE;
/// After these pauses it is given up: three days in all (Standard Webhooks 1.0, «Deliverability and reliability»).
const PAUSES: &[i64] =
    &[5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const AT_ONCE: i64 = 20;

impl Access {
    /// Queues `data` for every webhook of an organisation that is switched on.
    pub(crate) async fn announce(
        &self,
        transaction: &mut Transaction,
        organisation: &str,
        kind: &'static str,
        data: &Value,
    ) -> Result<(), AccessError> {
        let webhooks = statement("SELECT id FROM webhooks WHERE organisation_id = $1 AND is_enabled = 1 ORDER BY id");
        for row in transaction.all(webhooks.bind(organisation)).await? {
            self.queue_delivery(transaction, &row.get::<String>("id")?, kind, data).await?;
        }
        Ok(())
    }

    /// Queues `data` for one webhook of an organisation; false when there is no such, or it is switched off.
    pub async fn announce_to(
        &self,
        transaction: &mut Transaction,
        organisation: &str,
        webhook: &str,
        kind: &'static str,
        data: &Value,
    ) -> Result<bool, AccessError> {
        let query = "SELECT id FROM webhooks WHERE id = $1 AND organisation_id = $2 AND is_enabled = 1";
        if transaction.one(statement(query).bind(webhook).bind(organisation)).await?.is_none() {
            return Ok(false);
        }
        self.queue_delivery(transaction, webhook, kind, data).await?;
        Ok(true)
    }

    pub(super) async fn queue_delivery(
        &self,
        transaction: &mut Transaction,
        webhook: &str,
        kind: &'static str,
        data: &Value,
    ) -> Result<(), AccessError> {
        let now = self.now();
        let body = json!({ "type": kind, "timestamp": now.to_rfc3339(), "data": data }).to_string();
        let insert = "INSERT INTO webhook_deliveries (id, webhook_id, kind, body, created_at, next_try_at)
                      VALUES ($1, $2, $3, $4, $5, $5)";
        let insert = statement(insert).bind(new_id()).bind(webhook).bind(kind).bind(body).bind(now);
        transaction.execute(insert).await?;
        Ok(())
    }

    /// Sends what is due, side by side; returns how many arrived.
    pub fn send_webhooks(&self) -> Answer<'_, usize> {
        Box::pin(async move {
            let due = "SELECT id FROM webhook_deliveries WHERE next_try_at <= $1 ORDER BY next_try_at LIMIT $2";
            let due = self.database().read(statement(due).bind(self.now()).bind(AT_ONCE)).await?;
            let mut under_way = JoinSet::new();
            for row in due {
                let (access, id) = (self.clone(), row.get::<String>("id")?);
                under_way.spawn(async move { access.send_delivery(&id).await });
            }
            let (mut sent, mut failed) = (0, None);
            // To the end of all: one that was broken off after it had arrived would be sent again.
            while let Some(done) = under_way.join_next().await {
                match done.map_err(|_| AccessError::Damaged("a webhook's delivery")).flatten() {
                    Ok(arrived) => sent += usize::from(arrived),
                    Err(error) => failed = Some(error),
                }
            }
            failed.map_or(Ok(sent), Err)
        })
    }

    async fn send_delivery(&self, id: &str) -> Result<bool, AccessError> {
        let now = self.now();
        // One atomic step decides which process sends it.
        let lease =
            "UPDATE webhook_deliveries SET next_try_at = $1, tries = tries + 1 WHERE id = $2 AND next_try_at <= $3
                     RETURNING webhook_id, body, tries";
        let lease = statement(lease).bind(now.plus_millis(LEASE_MILLIS)).bind(id).bind(now);
        let Some(taken) = self.database().write_one(lease).await? else { return Ok(false) };
        let (webhook, tries) = (taken.get::<String>("webhook_id")?, taken.get::<i64>("tries")?);
        let find = statement("SELECT url, sealed FROM webhooks WHERE id = $1 AND is_enabled = 1").bind(&webhook);
        let Some(target) = self.database().read_one(find).await? else {
            self.finish((id, tries), None, None, Some("the webhook is switched off")).await?;
            return Ok(false);
        };
        match self.try_delivery(id, &taken, &webhook, &target, now).await? {
            Ok(status) => {
                let done = "UPDATE webhook_deliveries SET sent_at = $1, next_try_at = NULL, status = $2, failure = NULL
                            WHERE id = $3";
                let done = statement(done).bind(self.now()).bind(i64::from(status)).bind(id);
                self.database().execute(done).await?;
                Ok(true)
            }
            Err(error) => {
                self.note_failure(id, &webhook, tries, &error).await?;
                Ok(false)
            }
        }
    }

    async fn try_delivery(
        &self,
        id: &str,
        taken: &Row,
        webhook: &str,
        target: &Row,
        now: Timestamp,
    ) -> Result<Result<u16, SendError>, AccessError> {
        let settings = self.settings().webhooks;
        let secret = self.vault().unseal(&secret_context(webhook), &target.get::<String>("sealed")?);
        let secret = secret.ok().and_then(|secret| String::from_utf8(secret).ok());
        let (body, seconds) = (taken.get::<String>("body")?, now.millis().div_euclid(SECOND));
        let Some(signature) = secret.and_then(|secret| sign_webhook(&secret, id, seconds, &body)) else {
            return Ok(Err(SendError::Secret));
        };
        // The rules may have become stricter since it was made.
        let Ok(url) = address::read_address(&target.get::<String>("url")?, settings) else {
            return Ok(Err(SendError::Private));
        };
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        Ok(post(&url, &headers, body, settings).await.map(|status| status.as_u16()))
    }

    async fn note_failure(&self, id: &str, webhook: &str, tries: i64, error: &SendError) -> Result<(), AccessError> {
        let status = match error {
            SendError::Status(status) => Some(i64::from(status.as_u16())),
            _ => None,
        };
        if status == Some(410) {
            // The receiver wants no more.
            let off = "UPDATE webhooks SET is_enabled = 0, version = version + 1 WHERE id = $1 AND is_enabled = 1";
            self.database().execute(statement(off).bind(webhook)).await?;
            return self.finish((id, tries), None, status, Some(&error.to_string())).await;
        }
        let pause = usize::try_from(tries - 1).ok().and_then(|at| PAUSES.get(at));
        tracing::warn!(webhook, delivery = id, %error, gives_up = pause.is_none(), "a webhook was not delivered");
        let next = pause.map(|pause| self.now().plus_millis(*pause));
        self.finish((id, tries), next, status, Some(&error.to_string())).await
    }

    /// Of the delivery at its so manieth try: another process may have taken it for lost, and done it.
    async fn finish(
        &self,
        (id, tries): (&str, i64),
        next: Option<Timestamp>,
        status: Option<i64>,
        failure: Option<&str>,
    ) -> Result<(), AccessError> {
        let update = "UPDATE webhook_deliveries SET next_try_at = $1, status = $2, failure = $3
                      WHERE id = $4 AND tries = $5";
        let update = statement(update).bind(next).bind(status).bind(failure).bind(id).bind(tries);
        self.database().execute(update).await?;
        Ok(())
    }
}
