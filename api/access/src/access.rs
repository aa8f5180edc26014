//! The access layer of one running program: the database, the vault, and what is kept in memory for speed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};

use footfall_ingest_activity::{Clock, Timestamp};
use tokio::sync::Mutex;

use crate::changes::POLL_MILLIS;
use crate::database::{Database, statement};
use crate::error::{AccessError, Answer};
use crate::key::KeyRing;
use crate::mail::MailRoute;
use crate::migrations::MIGRATIONS;
use crate::news::News;
use crate::organisation::AccountCache;
use crate::password::{PASSWORD_LENGTH_MIN, PasswordCost, Passwords};
use crate::session::{SigningKeys, VerifiedTokens};
use crate::vault::Vault;
use crate::webhook::WebhookSettings;

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

/// How long a stop waits for what is being sent.
const SENDING_ENDS: std::time::Duration = std::time::Duration::from_secs(5);

fn is_due(beats: u64, seconds: u64) -> bool {
    beats.is_multiple_of(seconds * 1000 / POLL_MILLIS)
}

fn beat() -> tokio::time::Interval {
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(POLL_MILLIS));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat
}

/// What can be set. `public_url` is where people reach this installation; the rest has defaults.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    /// `https://footfall.example.org`, without a slash at its end: the issuer of tokens, the base of links, the passkeys' origin.
    pub public_url: String,
    /// For whom access tokens are.
    pub audience: String,
    /// Whether strangers may make accounts for themselves; else by invitation alone.
    pub sign_up_is_open: bool,
    /// Access tokens live this long (OWASP ASVS 5, V10.4.8 and V7.1.1: short).
    pub access_token_millis: i64,
    /// A session that is not used for this long ends (V7.3.1).
    pub session_idle_millis: i64,
    /// A session ends after this long in any case (V7.3.2).
    pub session_millis: i64,
    pub password_length_min: usize,
    pub password_cost: PasswordCost,
    /// Password hashes computed at once, each 19 MiB.
    pub passwords_at_once: usize,
    pub mail_from: String,
    pub mail_route: MailRoute,
    pub webhooks: WebhookSettings,
}

impl AccessSettings {
    /// The defaults, with mails written into `mail_folder`.
    pub fn new(public_url: &str, mail_folder: PathBuf) -> AccessSettings {
        AccessSettings {
            public_url: public_url.trim_end_matches('/').to_owned(),
            audience: "footfall".to_owned(),
            sign_up_is_open: false,
            access_token_millis: 10 * MINUTE,
            session_idle_millis: 14 * DAY,
            session_millis: 90 * DAY,
            password_length_min: PASSWORD_LENGTH_MIN,
            password_cost: PasswordCost::OWASP,
            passwords_at_once: 4,
            mail_from: "Footfall <footfall@localhost>".to_owned(),
            mail_route: MailRoute::Folder(mail_folder),
            webhooks: WebhookSettings::default(),
        }
    }
}

/// The access layer. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    database: Database,
    vault: Vault,
    settings: AccessSettings,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    memory: Memory,
}

/// What is known without asking the database. [`Access::catch_up`] keeps it true.
pub(crate) struct Memory {
    /// The last change that was applied. Its lock lets one task at a time apply changes.
    pub position: Mutex<i64>,
    pub caught_up_at: AtomicI64,
    /// Sessions that were revoked while a token of theirs may still be in force, and when.
    pub revoked: RwLock<HashMap<String, Timestamp>>,
    pub accounts: AccountCache,
    /// Project to organisation.
    pub projects: RwLock<HashMap<String, Arc<str>>>,
    pub keys: Arc<KeyRing>,
    pub signing: RwLock<Arc<SigningKeys>>,
    pub verified: VerifiedTokens,
    pub news: News,
}

impl Access {
    /// Migrates the database and reads what is kept in memory.
    pub fn open(
        database: Database,
        vault: Vault,
        settings: AccessSettings,
        clock: Arc<dyn Clock>,
    ) -> Answer<'static, Access> {
        Box::pin(async move {
            database.migrate(MIGRATIONS, &*clock).await?;
            let passwords = Passwords::new(settings.password_cost, settings.passwords_at_once)?;
            let memory = Memory {
                position: Mutex::new(0),
                caught_up_at: AtomicI64::new(i64::MIN),
                revoked: RwLock::default(),
                accounts: AccountCache::default(),
                projects: RwLock::default(),
                keys: Arc::new(KeyRing::new(clock.clone())),
                signing: RwLock::default(),
                verified: VerifiedTokens::default(),
                news: News::default(),
            };
            let access = Access(Arc::new(Inner { database, vault, settings, clock, passwords, memory }));
            access.first_signing_key().await?;
            // The position is read before what it stands for, so that nothing falls between the two.
            let head = access.database().read_one(statement("SELECT sequence FROM change_head WHERE id = 1")).await?;
            let head = head.ok_or(AccessError::Damaged("the list of changes"))?;
            *access.memory().position.lock().await = head.get("sequence")?;
            access.load_all().await?;
            access.catch_up().await?;
            Ok(access)
        })
    }

    /// Reads all that is kept in memory anew.
    pub(crate) async fn load_all(&self) -> Result<(), AccessError> {
        self.load_signing_keys().await?;
        self.load_projects().await?;
        self.load_keys().await?;
        self.memory().accounts.forget_all();
        let since = self.now().plus_millis(-2 * self.settings().access_token_millis);
        let query = statement("SELECT id, revoked_at FROM sessions WHERE revoked_at >= $1").bind(since);
        let rows = self.database().read(query).await?;
        let revoked = rows.iter().map(|row| Ok((row.get("id")?, row.time("revoked_at")?)));
        let revoked: HashMap<String, Timestamp> = revoked.collect::<Result<_, AccessError>>()?;
        *self.memory().revoked.write().unwrap_or_else(PoisonError::into_inner) = revoked;
        Ok(())
    }

    /// [`Access::keep_fresh`] and [`Access::work`], for a process that is alone.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let (told, mut stopped) = tokio::sync::watch::channel(());
        let fresh = self.keep_fresh(async move {
            stop.await;
            drop(told);
        });
        let work = self.work(async move { drop(stopped.changed().await) });
        tokio::join!(fresh, work);
    }

    /// Keeps what this process remembers fresh and notes uses of keys, until `stop` resolves. Every process does that.
    pub async fn keep_fresh(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = beat();
        let mut beats = 0u64;
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = beat.tick() => {}
            }
            beats += 1;
            let fresh = async {
                if self.is_time_to_look() {
                    self.catch_up().await?;
                }
                if is_due(beats, 30) { self.note_key_uses().await.map(drop) } else { Ok(()) }
            };
            if let Err(error) = fresh.await {
                tracing::error!(%error, "what others have changed cannot be read; it is tried again");
            }
        }
        if let Err(error) = self.note_key_uses().await {
            tracing::error!(%error, "the last uses of keys were not noted");
        }
    }

    /// Sends mails and webhooks, watches and tidies, until `stop` resolves. One process of a database does that.
    pub async fn work(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = beat();
        let mut beats = 0u64;
        // In a task of its own: a mail server or receiver that is slow must not hold up the watch.
        let mut sending = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = beat.tick() => {}
            }
            beats += 1;
            while sending.try_join_next().is_some() {}
            if is_due(beats, 2) && sending.is_empty() {
                let access = self.clone();
                sending.spawn(async move { access.send_all().await });
            }
            if let Err(error) = self.watch_and_tidy(beats).await {
                tracing::error!(%error, "the access layer's upkeep failed; it is tried again");
            }
        }
        // What is half sent comes to its end; what still waits is in the database.
        drop(tokio::time::timeout(SENDING_ENDS, sending.join_next()).await);
    }

    async fn send_all(&self) {
        // A mail server that answers nobody must not hold up webhooks.
        let (mails, webhooks) = tokio::join!(self.send_mails(), self.send_webhooks());
        for sent in [mails, webhooks] {
            if let Err(error) = sent {
                tracing::error!(%error, "mails or webhooks cannot be sent; it is tried again");
            }
        }
    }

    async fn watch_and_tidy(&self, beats: u64) -> Result<(), AccessError> {
        if is_due(beats, 60) {
            self.watch().await?;
        }
        if is_due(beats, 600) {
            self.prune().await?;
        }
        Ok(())
    }

    /// Removes what has run out: links, challenges, sessions, old changes.
    pub fn prune(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.prune_changes().await?;
            let now = self.now();
            for sql in [
                "DELETE FROM links WHERE expires_at < $1",
                "DELETE FROM challenges WHERE expires_at < $1",
                "DELETE FROM sessions WHERE expires_at < $1",
                "DELETE FROM mails WHERE sent_at < $1",
                // Given up: somebody's address, and what was written to them.
                "DELETE FROM mails WHERE sent_at IS NULL AND next_try_at IS NULL AND created_at < $1",
                "DELETE FROM webhook_deliveries WHERE next_try_at IS NULL AND created_at < $1",
            ] {
                // A week longer, so that what somebody asks about can still be looked up.
                self.database().execute(statement(sql).bind(now.plus_millis(-7 * DAY))).await?;
            }
            self.database().execute(statement("DELETE FROM idempotency_keys WHERE ends_at <= $1").bind(now)).await?;
            let full = statement("DELETE FROM rate_buckets WHERE due <= $1").bind(now.millis().saturating_mul(1000));
            self.database().execute(full).await?;
            Ok(())
        })
    }

    pub fn database(&self) -> &Database {
        &self.0.database
    }

    pub fn settings(&self) -> &AccessSettings {
        &self.0.settings
    }

    /// The ring of keys, for doors that check keys without waiting.
    pub fn keys(&self) -> Arc<KeyRing> {
        self.0.memory.keys.clone()
    }

    /// The pool that computes password hashes.
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}
