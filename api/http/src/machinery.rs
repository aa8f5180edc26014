//! What all routes share: settings, the authority, counters, keys.

use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::Clock;
use http::Method;

use crate::authority::Authority;
use crate::body::Pace;
use crate::credentials::SessionSettings;
use crate::idempotency::{Idempotency, IdempotencyStore, MemoryIdempotency};
use crate::limit::{Buckets, Limits, MemoryBuckets, Quotas};
use crate::problem::kinds;
use crate::secret::Secret;
use crate::stack::{Cors, Proxies};
use crate::table::{Access, Operation};

/// What becomes of an answer that the document does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undeclared {
    /// It goes out, and the tracing says so.
    #[default]
    Trace,
    /// It becomes a 500: for tests.
    Refuse,
}

/// What the operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest body, where the route says nothing else.
    pub body_bytes_max: usize,
    /// How slowly a body may arrive.
    pub pace: Pace,
    /// Longest time until an answer begins, where the route says nothing else.
    pub time_max: Duration,
    /// All names and values of the headers together.
    pub header_bytes_max: usize,
    pub uri_bytes_max: usize,
    pub quotas: Quotas,
    pub session: SessionSettings,
    pub cors: Cors,
    pub proxies: Proxies,
    /// How long browsers shall insist on TLS; told under TLS alone.
    pub hsts: Option<Duration>,
    pub undeclared: Undeclared,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            body_bytes_max: 1 << 20,
            pace: Pace::default(),
            time_max: Duration::from_secs(30),
            header_bytes_max: 16 << 10,
            uri_bytes_max: 8 << 10,
            quotas: Quotas::default(),
            session: SessionSettings::default(),
            cors: Cors::default(),
            proxies: Proxies::default(),
            hsts: Some(Duration::from_secs(365 * 24 * 3600)),
            undeclared: Undeclared::default(),
        }
    }
}

/// Everything behind the guard.
pub struct Machinery<A> {
    pub(crate) authority: Arc<A>,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) idempotency: Arc<dyn IdempotencyStore>,
    pub(crate) secret: Secret,
}

impl<A: Authority> Machinery<A> {
    /// With counters and keys in this process.
    pub fn new(authority: Arc<A>, settings: Settings, secret: Secret, clock: Arc<dyn Clock>) -> Machinery<A> {
        let limits = Limits { quotas: settings.quotas, buckets: Arc::new(MemoryBuckets::default()), clock };
        let idempotency = Arc::new(MemoryIdempotency::default());
        Machinery { authority, settings, limits, idempotency, secret }
    }

    /// Other counters, as ones that processes share.
    #[must_use]
    pub fn with_buckets(mut self, buckets: Arc<dyn Buckets>) -> Self {
        self.limits.buckets = buckets;
        self
    }

    /// Another store of idempotency keys, as the database.
    #[must_use]
    pub fn with_idempotency(mut self, store: Arc<dyn IdempotencyStore>) -> Self {
        self.idempotency = store;
        self
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.settings.cors.check()
    }

    /// What the guard and the stack may answer before the handler is asked.
    pub(crate) fn describe_guard(
        &self,
        operation: &mut Operation<'_>,
        method: &Method,
        access: Access<A::Permission>,
        idempotency: Idempotency,
    ) {
        let always = [
            &kinds::QUERY_INVALID,
            &kinds::URI_TOO_LONG,
            &kinds::HEADERS_TOO_LARGE,
            &kinds::INTERNAL,
            &kinds::TIME_LIMIT,
        ];
        always.into_iter().for_each(|kind| operation.raises(kind));
        let Quotas { address, account, key } = self.settings.quotas;
        if address.or(account).or(key).is_some() {
            operation.raises(&kinds::RATE_LIMITED);
        }
        if !matches!(access, Access::Public(_)) {
            operation.raises(&kinds::CREDENTIALS_MISSING);
            operation.raises(&kinds::CREDENTIALS_AMBIGUOUS);
            self.authority.problems().iter().for_each(|kind| operation.raises(kind));
            if !operation.placeholders.is_empty() {
                operation.raises(&kinds::PATH_INVALID);
            }
            if !method.is_safe() {
                operation.raises(&kinds::CSRF_REFUSED);
            }
        }
        if idempotency != Idempotency::None {
            let required = idempotency == Idempotency::Required;
            let pattern = "^([!#-\\[\\]-~]{1,255}|\"[!#-\\[\\]-~]{1,255}\")$";
            let schema = serde_json::json!({"type": "string", "pattern": pattern});
            let about =
                "The same for every try of one request: then it is done once, and the first answer is given again.";
            operation.header("Idempotency-Key", required, schema, about);
            let own = [&kinds::IDEMPOTENCY_KEY_INVALID, &kinds::IDEMPOTENCY_KEY_REUSED, &kinds::IDEMPOTENCY_RUNNING];
            own.into_iter().for_each(|kind| operation.raises(kind));
            if required {
                operation.raises(&kinds::IDEMPOTENCY_KEY_MISSING);
            }
        }
    }
}
