//! Serves the API on a new folder, for tests from outside. Prints one line of JSON: the address, and the tokens and password of the
//! first owner.

use std::io::Write;
use std::sync::Arc;

use axum::response::Html;
use axum::routing::get;
use footfall_api_access::{Access, AccessSettings, Database, NewAccount, Origin, Vault};
use footfall_api_app::{App, AppSettings, secret_of};
use footfall_api_http::limit::{Quota, Quotas};
use footfall_api_http::{ServeSettings, Settings, SignInSettings, Undeclared, serve};
use footfall_ingest_activity::{Clock, SystemClock};
use serde_json::json;
use tokio::net::TcpListener;

const EMAIL: &str = "owner@example.org";
const PASSWORD: &str = "mein Rad hat drei Räder";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

/// Machines ask far more often than people: without limits, but for those on guessing.
fn settings(secret: footfall_api_http::Secret) -> AppSettings {
    let quotas = Quotas { address: None, account: None, key: None };
    let many = Quota::new(1_000_000, std::time::Duration::from_secs(1));
    let sign_in =
        SignInSettings { account_in_network: many, network: many, account: many, ..SignInSettings::default() };
    let http = Settings { quotas, undeclared: Undeclared::Refuse, ..Settings::default() };
    AppSettings { http, sign_in, ..AppSettings::new(secret) }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // `localhost`: passkeys are bound to names, not to addresses.
    let address = format!("http://localhost:{}", listener.local_addr()?.port());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let access_settings =
        AccessSettings { sign_up_is_open: true, ..AccessSettings::new(&address, folder.path().join("mails")) };
    let database = Database::open(&format!("sqlite:{}", folder.path().join("footfall.db").display())).await?;
    let access = Access::open(database, Vault::open(folder.path())?, access_settings, clock.clone()).await?;
    let link = access.first_owner_link().await?.unwrap_or_default();
    let secret = link.rsplit('#').next().unwrap_or_default();
    let (new, origin) = (NewAccount { name: "Olga".into(), password: PASSWORD.into() }, Origin::default());
    let tokens = access.finish_first_owner(secret, EMAIL, &new, "Example", "shop", &origin).await?;
    let built = App::build(settings(secret_of(folder.path())?), access.clone(), clock)?;
    // A page of this origin, for browsers to act from.
    let page = get(|| async { Html("<!doctype html><title>Test</title>") });
    let router = axum::Router::new().route("/page", page).fallback_service(built.router);
    let told = json!({"address": address, "token": tokens.access, "refresh": tokens.refresh, "email": EMAIL, "password": PASSWORD});
    writeln!(std::io::stdout(), "{told}")?;
    std::io::stdout().flush()?;
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let mut stop = stopped.clone();
    let upkeep = tokio::spawn(async move { access.run(async move { drop(stop.changed().await) }).await });
    let stop = async move {
        drop(tokio::signal::ctrl_c().await);
        stopping.send_replace(true);
    };
    serve(listener, router, ServeSettings::default(), None, stop).await;
    drop(stopped);
    upkeep.await?;
    Ok(())
}
