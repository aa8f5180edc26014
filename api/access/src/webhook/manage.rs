//! Making, changing and removing webhooks, and what became of their deliveries.

use footfall_ingest_activity::Timestamp;
use serde_json::json;

use super::address::read_address;
use super::signature::new_secret;
use crate::access::Access;
use crate::account::sign_up::check_name;
use crate::audit::{Act, Origin};
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{Permission, Scope};
use crate::secret::new_id;
use crate::session::Caller;

/// Where alerts are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: String,
    pub organisation: String,
    pub name: String,
    pub url: String,
    pub is_enabled: bool,
    pub created_at: Timestamp,
    pub version: i64,
}

/// A webhook that is to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub name: String,
    pub url: String,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: String,
    /// As `alert.raised`.
    pub kind: String,
    pub created_at: Timestamp,
    pub tries: i64,
    /// `None`: it has arrived or was given up.
    pub next_try_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    /// Of the last answer, if one came.
    pub status: Option<i64>,
    pub failure: Option<String>,
}

const WEBHOOKS_MAX: i64 = 20;
const GONE: AccessError = AccessError::NotFound("webhook");

pub(super) fn secret_context(id: &str) -> String {
    format!("webhooks/{id}")
}

impl Access {
    /// Makes a webhook; its secret is shown this once.
    pub fn create_webhook<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        new: &'a NewWebhook,
        origin: &'a Origin,
    ) -> Answer<'a, (Webhook, String)> {
        Box::pin(async move {
            self.authorise(caller, Permission::AlertsWrite, Scope::Organisation(organisation), origin).await?;
            check_name(&new.name)?;
            let url = read_address(&new.url, self.settings().webhooks)?;
            let (id, secret) = (new_id(), new_secret()?);
            let sealed = self.vault().seal(&secret_context(&id), secret.as_bytes())?;
            let mut transaction = self.database().write().await?;
            check_room(&mut transaction, organisation).await?;
            let insert = "INSERT INTO webhooks (id, organisation_id, name, url, sealed, created_at)
                          VALUES ($1, $2, $3, $4, $5, $6)";
            let insert = statement(insert).bind(&id).bind(organisation).bind(new.name.trim()).bind(url.as_str());
            transaction.execute(insert.bind(sealed).bind(self.now())).await?;
            let act = Act::new(caller.actor.clone(), "webhook.create", origin).on("webhook", &id);
            let act = act.within(organisation, "").after(&json!({ "name": new.name.trim(), "url": url.as_str() }));
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            Ok((self.webhook(organisation, &id).await?, secret))
        })
    }

    /// Changes a webhook, when it still has `version`.
    pub fn change_webhook<'a>(
        &'a self,
        caller: &'a Caller,
        wanted: &'a Webhook,
        origin: &'a Origin,
    ) -> Answer<'a, Webhook> {
        Box::pin(async move {
            let organisation = wanted.organisation.as_str();
            self.authorise(caller, Permission::AlertsWrite, Scope::Organisation(organisation), origin).await?;
            check_name(&wanted.name)?;
            let before = self.webhook(organisation, &wanted.id).await?;
            // One that stays is not judged anew: it could neither be renamed nor switched off once the rules are stricter.
            let url = match wanted.url == before.url {
                true => before.url.clone(),
                false => read_address(&wanted.url, self.settings().webhooks)?.into(),
            };
            let mut transaction = self.database().write().await?;
            let update = "UPDATE webhooks SET name = $1, url = $2, is_enabled = $3, version = version + 1
                          WHERE id = $4 AND organisation_id = $5 AND version = $6";
            let update = statement(update).bind(wanted.name.trim()).bind(url.as_str());
            let update = update.bind(i64::from(wanted.is_enabled)).bind(&wanted.id).bind(organisation);
            if transaction.execute(update.bind(wanted.version)).await? == 0 {
                return Err(AccessError::Conflict("it was changed meanwhile; read it again"));
            }
            let state = |webhook: &Webhook, url: &str| json!({ "name": webhook.name.trim(), "url": url, "is_enabled": webhook.is_enabled });
            let act = Act::new(caller.actor.clone(), "webhook.change", origin).on("webhook", &wanted.id);
            let act = act.before(&state(&before, &before.url)).after(&state(wanted, url.as_str()));
            self.record(&mut transaction, act.within(organisation, "")).await?;
            self.commit(transaction).await?;
            self.webhook(organisation, &wanted.id).await
        })
    }

    /// Gives a webhook another secret, shown this once; the old one signs nothing any more.
    pub fn renew_webhook_secret<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        id: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, String> {
        Box::pin(async move {
            self.authorise(caller, Permission::AlertsWrite, Scope::Organisation(organisation), origin).await?;
            let secret = new_secret()?;
            let sealed = self.vault().seal(&secret_context(id), secret.as_bytes())?;
            let mut transaction = self.database().write().await?;
            let update =
                "UPDATE webhooks SET sealed = $1, version = version + 1 WHERE id = $2 AND organisation_id = $3";
            let update = statement(update).bind(sealed).bind(id).bind(organisation);
            if transaction.execute(update).await? == 0 {
                return Err(GONE);
            }
            let act = Act::new(caller.actor.clone(), "webhook.renew_secret", origin).on("webhook", id);
            self.record(&mut transaction, act.within(organisation, "")).await?;
            self.commit(transaction).await?;
            Ok(secret)
        })
    }

    /// Removes a webhook, with what still waits for it, when it still has `version`; whatever it has without one.
    pub fn delete_webhook<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        id: &'a str,
        version: Option<i64>,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.authorise(caller, Permission::AlertsWrite, Scope::Organisation(organisation), origin).await?;
            let mut transaction = self.database().write().await?;
            let delete = "DELETE FROM webhooks
                          WHERE id = $1 AND organisation_id = $2 AND version = COALESCE($3, version)";
            if transaction.execute(statement(delete).bind(id).bind(organisation).bind(version)).await? == 0 {
                drop(transaction);
                self.webhook(organisation, id).await?;
                return Err(AccessError::Conflict("it was changed meanwhile; read it again"));
            }
            let act = Act::new(caller.actor.clone(), "webhook.delete", origin).on("webhook", id);
            self.record(&mut transaction, act.within(organisation, "")).await?;
            self.commit(transaction).await
        })
    }

    /// Queues a message of the kind `test` for one webhook.
    pub fn test_webhook<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        id: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.authorise(caller, Permission::AlertsWrite, Scope::Organisation(organisation), origin).await?;
            if !self.webhook(organisation, id).await?.is_enabled {
                return Err(AccessError::Conflict("the webhook is switched off"));
            }
            let mut transaction = self.database().write().await?;
            self.queue_delivery(&mut transaction, id, "test", &json!({ "organisation_id": organisation })).await?;
            let act = Act::new(caller.actor.clone(), "webhook.test", origin).on("webhook", id);
            self.record(&mut transaction, act.within(organisation, "")).await?;
            self.commit(transaction).await
        })
    }

    /// The webhooks of an organisation.
    pub fn webhooks<'a>(&'a self, organisation: &'a str) -> Answer<'a, Vec<Webhook>> {
        Box::pin(async move {
            let query = statement("SELECT * FROM webhooks WHERE organisation_id = $1 ORDER BY id").bind(organisation);
            self.database().read(query).await?.iter().map(webhook).collect()
        })
    }

    /// One webhook.
    pub fn webhook<'a>(&'a self, organisation: &'a str, id: &'a str) -> Answer<'a, Webhook> {
        Box::pin(async move {
            let query = statement("SELECT * FROM webhooks WHERE id = $1 AND organisation_id = $2");
            webhook(&self.database().read_one(query.bind(id).bind(organisation)).await?.ok_or(GONE)?)
        })
    }

    /// The newest deliveries of a webhook, the newest first.
    pub fn webhook_deliveries<'a>(
        &'a self,
        organisation: &'a str,
        id: &'a str,
        limit: i64,
    ) -> Answer<'a, Vec<Delivery>> {
        Box::pin(async move {
            self.webhook(organisation, id).await?;
            let query =
                "SELECT id, kind, created_at, tries, next_try_at, sent_at, status, failure FROM webhook_deliveries
                         WHERE webhook_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2";
            self.database().read_late(statement(query).bind(id).bind(limit)).await?.iter().map(delivery).collect()
        })
    }
}

/// Under the organisation's lock, so that many at once do not make more than there may be.
async fn check_room(transaction: &mut Transaction, organisation: &str) -> Result<(), AccessError> {
    let lock = statement("UPDATE organisations SET version = version WHERE id = $1").bind(organisation);
    if transaction.execute(lock).await? == 0 {
        return Err(AccessError::NotFound("organisation"));
    }
    let count = statement("SELECT COUNT(*) AS present FROM webhooks WHERE organisation_id = $1").bind(organisation);
    let present = transaction.one(count).await?.map_or(Ok(0), |row| row.get::<i64>("present"))?;
    if present < WEBHOOKS_MAX { Ok(()) } else { Err(AccessError::Conflict("an organisation has at most 20 webhooks")) }
}

fn webhook(row: &Row) -> Result<Webhook, AccessError> {
    Ok(Webhook {
        id: row.get("id")?,
        organisation: row.get("organisation_id")?,
        name: row.get("name")?,
        url: row.get("url")?,
        is_enabled: row.get::<i64>("is_enabled")? != 0,
        created_at: row.time("created_at")?,
        version: row.get("version")?,
    })
}

fn delivery(row: &Row) -> Result<Delivery, AccessError> {
    Ok(Delivery {
        id: row.get("id")?,
        kind: row.get("kind")?,
        created_at: row.time("created_at")?,
        tries: row.get("tries")?,
        next_try_at: row.time_if_any("next_try_at")?,
        sent_at: row.time_if_any("sent_at")?,
        status: row.get("status")?,
        failure: row.get("failure")?,
    })
}
