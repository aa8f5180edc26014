//! Serves the pages and the API of the app on a new folder, for tests from outside. Prints one line of JSON: the address, the link of
//! the first owner, and the folder that mails go to.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{Access, AccessSettings, Database, Vault};
use footfall_api_app::{App, AppSettings, secret_of};
use footfall_api_http::limit::{Quota, Quotas};
use footfall_api_http::{Secret, ServeSettings, Settings, SignInSettings, serve};
use footfall_ingest_activity::{Clock, SystemClock};
use serde_json::json;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

/// Scripts ask far more often than people: without limits, but for those on guessing.
fn settings(secret: Secret) -> AppSettings {
    let quotas = Quotas { address: None, account: None, key: None };
    let many = Quota::new(1_000_000, Duration::from_secs(1));
    let sign_in =
        SignInSettings { account_in_network: many, network: many, account: many, ..SignInSettings::default() };
    AppSettings { http: Settings { quotas, ..Settings::default() }, sign_in, ..AppSettings::new(secret) }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // `localhost`: passkeys are bound to names, not to addresses.
    let address = format!("http://localhost:{}", listener.local_addr()?.port());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mails = folder.path().join("mails");
    let access_settings = AccessSettings { sign_up_is_open: true, ..AccessSettings::new(&address, mails.clone()) };
    let database = Database::open(&format!("sqlite:{}", folder.path().join("footfall.db").display())).await?;
    let access = Access::open(database, Vault::open(folder.path())?, access_settings, clock.clone()).await?;
    let link = access.first_owner_link().await?;
    let built = App::build(settings(secret_of(folder.path())?), access.clone(), clock)?;
    let router = footfall_api_pages::router().fallback_service(built.router);
    writeln!(std::io::stdout(), "{}", json!({"address": address, "link": link, "mails": mails}))?;
    std::io::stdout().flush()?;
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let upkeep = tokio::spawn(async move { access.run(async move { drop(stopped.changed().await) }).await });
    let stop = async move {
        drop(tokio::signal::ctrl_c().await);
        stopping.send_replace(true);
    };
    serve(listener, router, ServeSettings::default(), None, stop).await;
    upkeep.await?;
    Ok(())
}
