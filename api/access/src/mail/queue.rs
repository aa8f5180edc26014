//! The queue: a mail is written with the act that causes it, and sent afterwards, again and again with longer pauses.

use footfall_ingest_activity::Timestamp;

use super::transport::deliver;
use super::{Letter, Mail, MailError};
use crate::access::Access;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::secret::new_id;

const MINUTE: i64 = 60 * 1000;
/// A process that takes a mail has it to itself for this long; another then takes it for lost and tries again.
const LEASE_MILLIS: i64 = 5 * MINUTE;
/// After these pauses in minutes a mail is given up: about a day in all (RFC 5321, 4.5.4.1 is for servers; links here live
/// for hours).
const PAUSES_MINUTES: &[i64] = &[1, 2, 5, 15, 30, 60, 120, 240, 480, 480];
const AT_ONCE: i64 = 20;

impl Access {
    /// Puts a mail into the queue as part of `transaction`.
    pub async fn enqueue(&self, transaction: &mut Transaction, to: &str, mail: &Mail) -> Result<(), AccessError> {
        let id = new_id();
        let letter = serde_json::to_vec(&mail.letter()).map_err(|_| AccessError::Damaged("a mail"))?;
        let sealed = self.vault().seal(&context(&id), &letter)?;
        let insert = "INSERT INTO mails (id, recipient, template, sealed, created_at, next_try_at)
                      VALUES ($1, $2, $3, $4, $5, $5)";
        let insert = statement(insert).bind(&id).bind(to).bind(mail.template()).bind(sealed).bind(self.now());
        transaction.execute(insert).await?;
        Ok(())
    }

    /// Sends what is due; returns how many were sent.
    pub fn send_mails(&self) -> Answer<'_, usize> {
        Box::pin(async move {
            let due = "SELECT id FROM mails WHERE next_try_at <= $1 ORDER BY next_try_at LIMIT $2";
            let due = self.database().read(statement(due).bind(self.now()).bind(AT_ONCE)).await?;
            let mut sent = 0;
            for row in due {
                let id: String = row.get("id")?;
                // One atomic step decides which process sends it.
                let lease = "UPDATE mails SET next_try_at = $1, tries = tries + 1 WHERE id = $2 AND next_try_at <= $3
                             RETURNING recipient, sealed, tries";
                let now = self.now();
                let lease = statement(lease).bind(now.plus_millis(LEASE_MILLIS)).bind(&id).bind(now);
                let mut transaction = self.database().write().await?;
                let taken = transaction.one(lease).await?;
                transaction.commit().await?;
                if let Some(row) = taken {
                    sent += usize::from(self.send_one(&id, &row).await?);
                }
            }
            Ok(sent)
        })
    }

    async fn send_one(&self, id: &str, row: &Row) -> Result<bool, AccessError> {
        let (settings, now) = (self.settings(), self.now());
        let (recipient, sealed): (String, String) = (row.get("recipient")?, row.get("sealed")?);
        let sent = match self.open_letter(id, &sealed) {
            Some(letter) => deliver(&settings.mail_route, &settings.mail_from, &recipient, &letter, id, now).await,
            // As one that its server does not take: it must not hold up the others, nor be tried for ever.
            None => Err(MailError::Sealed),
        };
        match sent {
            Ok(()) => {
                // Its content is not kept: a link in it may be valid still.
                let done =
                    "UPDATE mails SET sent_at = $1, next_try_at = NULL, sealed = '', failure = NULL WHERE id = $2";
                self.database().execute(statement(done).bind(now).bind(id)).await?;
                Ok(true)
            }
            Err(error) => {
                let tries = row.get::<i64>("tries")?;
                let next = next_try(now, tries);
                tracing::warn!(mail = id, %error, gives_up = next.is_none(), "a mail was not sent");
                // Another process may have taken it for lost, and sent it.
                let failed = "UPDATE mails SET next_try_at = $1, failure = $2 WHERE id = $3 AND tries = $4";
                let failure: String = error.to_string().chars().take(500).collect();
                self.database().execute(statement(failed).bind(next).bind(failure).bind(id).bind(tries)).await?;
                Ok(false)
            }
        }
    }

    fn open_letter(&self, id: &str, sealed: &str) -> Option<Letter> {
        serde_json::from_slice(&self.vault().unseal(&context(id), sealed).ok()?).ok()
    }
}

fn next_try(now: Timestamp, tries: i64) -> Option<Timestamp> {
    let pause = usize::try_from(tries - 1).ok().and_then(|at| PAUSES_MINUTES.get(at))?;
    Some(now.plus_millis(pause * MINUTE))
}

fn context(id: &str) -> String {
    format!("mails/{id}")
}
