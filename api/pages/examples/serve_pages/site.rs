//! Pages and API on one address of loopback, as the example and the tests serve them.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use footfall_api_access::{Access, AccessSettings, Database, Vault};
use footfall_api_app::{App, AppSettings, secret_of};
use footfall_api_http::limit::{Quota, Quotas};
use footfall_api_http::{Secret, ServeSettings, Settings, SignInSettings, serve};
use footfall_ingest_activity::{Clock, SystemClock};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub struct Site {
    pub address: String,
    /// Makes the first owner.
    pub link: String,
    pub mails: PathBuf,
    access: Access,
    router: Router,
    listener: TcpListener,
    /// Gone with the site.
    folder: TempDir,
}

/// Scripts ask far more often than people: without limits.
fn settings(secret: Secret) -> AppSettings {
    let quotas = Quotas { address: None, account: None, key: None };
    let many = Quota::new(1_000_000, Duration::from_secs(1));
    let sign_in =
        SignInSettings { account_in_network: many, network: many, account: many, ..SignInSettings::default() };
    AppSettings { http: Settings { quotas, ..Settings::default() }, sign_in, ..AppSettings::new(secret) }
}

/// As the program says that mails are files.
async fn ready() -> impl IntoResponse {
    let told = r#"{"ready": true, "checks": [{"name": "mails", "ok": true, "detail": "mails are files"}]}"#;
    ([(CONTENT_TYPE, "application/json")], told)
}

impl Site {
    pub async fn open() -> Result<Site, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        // `localhost`: passkeys are bound to names, not to addresses.
        let address = format!("http://localhost:{}", listener.local_addr()?.port());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mails = folder.path().join("mails");
        let access_settings = AccessSettings { sign_up_is_open: true, ..AccessSettings::new(&address, mails.clone()) };
        let database = Database::open(&format!("sqlite:{}", folder.path().join("footfall.db").display())).await?;
        let access = Access::open(database, Vault::open(folder.path())?, access_settings, clock.clone()).await?;
        let link = access.first_owner_link().await?.unwrap_or_default();
        let built = App::build(settings(secret_of(folder.path())?), access.clone(), clock)?;
        let router = footfall_api_pages::router().route("/readyz", get(ready)).fallback_service(built.router);
        Ok(Site { address, link, mails, access, router, listener, folder })
    }

    /// Serves until `stop`.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<dyn Error>> {
        let Site { access, router, listener, folder, .. } = self;
        let (stopping, mut stopped) = tokio::sync::watch::channel(false);
        let upkeep = tokio::spawn(async move { access.run(async move { drop(stopped.changed().await) }).await });
        serve(listener, router, ServeSettings::default(), None, stop).await;
        stopping.send_replace(true);
        upkeep.await?;
        drop(folder);
        Ok(())
    }
}
