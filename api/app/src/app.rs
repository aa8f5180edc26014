//! Puts the resources together.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Access;
use footfall_api_http::idempotency::Keeping;
use footfall_api_http::limit::{Buckets, MemoryBuckets, Quota};
use footfall_api_http::{About, Built, Machinery, Secret, Settings, SignInSettings, Site, TableError};
use footfall_ingest_activity::Clock;

use crate::authority::Gatekeeper;
use crate::browser::Browsers;
use crate::gate::Gate;
use crate::guessing::Guessing;
use crate::operator::OperatorToken;
use crate::resources;
use crate::stored::DatabaseIdempotency;

/// What can be set.
#[derive(Clone)]
pub struct AppSettings {
    pub http: Settings,
    pub sign_in: SignInSettings,
    /// Mails of one kind that strangers can have sent to one address.
    pub mails_to_address: Quota,
    /// Behind cursors, CSRF tokens and device cookies; see [`crate::secret_of`].
    pub secret: Secret,
    /// Counters of the limits; [`crate::DatabaseBuckets`] where several processes serve the same people.
    pub buckets: Arc<dyn Buckets>,
    /// Who has it may everything that no account is needed for. Without one, nobody is the operator.
    pub operator: Option<OperatorToken>,
}

impl AppSettings {
    /// The defaults, with counters in this process.
    pub fn new(secret: Secret) -> AppSettings {
        AppSettings {
            http: Settings::default(),
            sign_in: SignInSettings::default(),
            mails_to_address: Quota::new(5, Duration::from_secs(3600)),
            secret,
            buckets: Arc::new(MemoryBuckets::default()),
            operator: None,
        }
    }
}

const ABOUT: About = About {
    title: "Footfall",
    version: "1",
    description: "Questions on activity; accounts, sessions, organisations, projects, roles, keys, audit and alerts.",
};

/// The API of the app.
pub struct App;

impl App {
    /// Router, OpenAPI document and list of routes of everything here.
    pub fn build(settings: AppSettings, access: Access, clock: Arc<dyn Clock>) -> Result<Built, TableError> {
        App::build_with(settings, access, clock, |site, _| site)
    }

    /// A process without the app's resources: what `more` adds, and nothing else.
    pub fn build_plain(
        settings: AppSettings,
        access: Access,
        clock: Arc<dyn Clock>,
        more: impl FnOnce(Site<Gatekeeper>) -> Site<Gatekeeper>,
    ) -> Result<Built, TableError> {
        let AppSettings { http, secret, buckets, operator, .. } = settings;
        let gatekeeper = Arc::new(Gatekeeper::new(access, operator));
        let machinery = Machinery::new(gatekeeper, http, secret, clock).with_buckets(buckets);
        more(Site::new(ABOUT, machinery)).build_plain()
    }

    /// The same with further resources, as `|site, gate| site.add(places::routes(), …)`.
    pub fn build_with(
        settings: AppSettings,
        access: Access,
        clock: Arc<dyn Clock>,
        more: impl FnOnce(Site<Gatekeeper>, &Gate) -> Site<Gatekeeper>,
    ) -> Result<Built, TableError> {
        let AppSettings { http, sign_in, mails_to_address, secret, buckets, operator } = settings;
        let public_url = &access.settings().public_url;
        let browsers = Browsers::new(http.session.clone(), secret.clone(), public_url, clock.clone());
        let guessing = Guessing::new(sign_in, mails_to_address, secret.clone(), buckets.clone(), clock.clone());
        let gatekeeper = Arc::new(Gatekeeper::new(access.clone(), operator));
        let keys = Arc::new(DatabaseIdempotency::new(access.database().clone(), Keeping::default()));
        let machinery = Machinery::new(gatekeeper, http, secret, clock).with_buckets(buckets).with_idempotency(keys);
        let gate = Gate { access, guessing: Arc::new(guessing), browsers: Arc::new(browsers) };
        let site = resources::add(Site::new(ABOUT, machinery), &gate);
        more(site, &gate).build()
    }
}
