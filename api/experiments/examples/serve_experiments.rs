//! Serves the configuration's API and the doors on a new folder, for SDKs to be tried. Prints one line of JSON: the address, the first
//! owner's token, and keys of the project `shop`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{
    Access, AccessSettings, Database, KeyKind, NewAccount, NewKey, Origin, PermissionSet, Scope, Vault,
};
use footfall_api_app::{App, AppSettings, secret_of};
use footfall_api_experiments::{DoorSettings, Experiments, add, doors};
use footfall_api_http::limit::Quotas;
use footfall_api_http::{ServeSettings, Settings, Undeclared, serve};
use footfall_ingest_activity::{Clock, SystemClock};
use serde_json::json;
use tokio::net::TcpListener;

const PROJECT: &str = "shop";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = AccessSettings::new(&address, folder.path().join("mails"));
    let database = Database::open(&format!("sqlite:{}", folder.path().join("footfall.db").display())).await?;
    let access = Access::open(database, Vault::open(folder.path())?, settings, clock.clone()).await?;
    let link = access.first_owner_link().await?.unwrap_or_default();
    let (new, origin) =
        (NewAccount { name: "Olga".into(), password: "mein Rad hat drei Räder".into() }, Origin::default());
    let secret = link.rsplit('#').next().unwrap_or_default();
    let tokens = access.finish_first_owner(secret, "owner@example.org", &new, "Example", PROJECT, &origin).await?;
    let owner = access.authenticate(&tokens.access).await?;
    let organisation = access.organisation_of(PROJECT).unwrap_or_default();
    let scope = Scope::Project { organisation: &organisation, project: PROJECT };
    let mut keys = serde_json::Map::new();
    for (name, kind) in [
        ("client", KeyKind::Client),
        ("encrypted", KeyKind::Client),
        ("remote", KeyKind::Client),
        ("write", KeyKind::Write),
        ("read", KeyKind::Read),
    ] {
        let wanted = NewKey { kind, name: name.into(), scopes: PermissionSet::NONE, expires_at: None };
        let (id, key) = access.create_key(&owner, scope, &wanted, &origin).await?;
        keys.insert(name.into(), json!({"id": id, "key": key}));
    }
    let experiments = Experiments::open(access.clone(), clock.clone(), None).await?;
    let quotas = Quotas { address: None, account: None, key: None };
    let http = Settings { quotas, undeclared: Undeclared::Refuse, ..Settings::default() };
    let app = AppSettings { http, ..AppSettings::new(secret_of(folder.path())?) };
    let built = App::build_with(app, access.clone(), clock, |site, _| add(site, &experiments))?;
    let doors = doors(&experiments, DoorSettings { ping: Duration::from_secs(1), ..DoorSettings::default() }, None);
    let router = doors.fallback_service(built.router);
    let told = json!({"address": address, "token": tokens.access, "project": PROJECT, "keys": keys});
    writeln!(std::io::stdout(), "{told}")?;
    std::io::stdout().flush()?;
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let stop = |mut stopped: tokio::sync::watch::Receiver<bool>| async move { drop(stopped.changed().await) };
    let (upkeep_stop, listen_stop, work_stop) = (stop(stopped.clone()), stop(stopped.clone()), stop(stopped));
    let upkeep = {
        let access = access.clone();
        tokio::spawn(async move { access.run(upkeep_stop).await })
    };
    let work = {
        let experiments = experiments.clone();
        tokio::spawn(async move {
            tokio::join!(experiments.listen(listen_stop), experiments.work(work_stop));
        })
    };
    let end = async move {
        drop(tokio::signal::ctrl_c().await);
        stopping.send_replace(true);
    };
    serve(listener, router, ServeSettings { connections: 12_000, ..ServeSettings::default() }, None, end).await;
    upkeep.await?;
    work.await?;
    Ok(())
}
