//! Serves the app's API and insights on a new folder with made-up activity, for trying out. Prints one line of JSON: the
//! address, the project, and a token of its owner.

#[path = "../tests/it/lake.rs"]
#[allow(clippy::expect_used, reason = "shared with the tests")]
mod lake;

use std::io::Write;
use std::sync::Arc;

use footfall_api_access::{Access, AccessSettings, Database, NewAccount, Origin, Vault};
use footfall_api_app::{App, AppSettings, secret_of};
use footfall_api_http::{ServeSettings, serve};
use footfall_api_insights::{Cohorts, Desk, add};
use footfall_ingest_activity::{Clock, SystemClock};
use footfall_pipelines_insights_feed::{Insights, InsightsOptions};
use footfall_pipelines_store::Store;
use footfall_pipelines_store::query::{Engine, EngineConfig};
use serde_json::json;
use tokio::net::TcpListener;

const PROJECT: &str = "shop";
const DAY: i64 = 86_400_000;
/// Persons and days of the made-up activity.
const PERSONS: i64 = 500;
const DAYS: i64 = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

/// What each person does: most look, fewer keep, some buy; ever fewer come back.
fn lines(now: i64) -> Vec<lake::Line> {
    let mut lines = Vec::new();
    for person in 0..PERSONS {
        let (first, plan) = (person % DAYS, if person % 5 == 0 { "pro" } else { "free" });
        for day in first..DAYS {
            let since = day - first;
            if since > 0 && (person * 7 + day * 13) % (since + 3) != 0 {
                continue;
            }
            let at = now - (DAYS - day) * DAY + (person * 61_000) % (DAY / 2);
            let steps = ["view", "save", "buy"].iter().take(1 + ((person + day) % 4).min(2) as usize);
            for (step, what) in (0i64..).zip(steps) {
                let properties = json!({"plan": plan, "price": (person % 9) as f64 / 2.0}).to_string();
                lines.push((format!("person-{person}"), *what, at + step * 60_000, properties));
            }
        }
    }
    lines
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://localhost:{}", listener.local_addr()?.port());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let access_settings = AccessSettings::new(&address, folder.path().join("mails"));
    let database = Database::open(&format!("sqlite:{}", folder.path().join("footfall.db").display())).await?;
    let access = Access::open(database, Vault::open(folder.path())?, access_settings, clock.clone()).await?;
    let link = access.first_owner_link().await?.unwrap_or_default();
    let secret = link.rsplit('#').next().unwrap_or_default();
    let (new, origin) =
        (NewAccount { name: "Olga".into(), password: "mein Rad hat drei Räder".into() }, Origin::default());
    let tokens = access.finish_first_owner(secret, "owner@example.org", &new, "Example", PROJECT, &origin).await?;
    let lake = lake::open(&folder.path().join("lake"), clock.clone());
    let lines = lines(clock.now().millis());
    let (sealed, fresh) = lines.split_at(lines.len() - lines.len() / 10);
    lake::publish(&lake, PROJECT, sealed, 0).await;
    lake.flush().await?;
    lake::publish(&lake, PROJECT, fresh, sealed.len() as u64).await;
    let options = InsightsOptions::new(folder.path().join("insights"));
    let snapshots = Arc::new(lake::LakeSnapshots(lake.clone()));
    let engine = Arc::new(Engine::new(snapshots.clone(), EngineConfig::new(folder.path().join("spill")))?);
    let insights = Insights::new(snapshots, clock.clone(), options)?;
    let cohorts = Cohorts::open(access.clone(), clock.clone()).await?;
    let desk = Desk::new(access.clone(), Arc::new(insights), engine, cohorts, PROJECT);
    let settings = AppSettings::new(secret_of(folder.path())?);
    let built = App::build_with(settings, access.clone(), clock, |site, _| add(site, desk))?;
    let told = json!({"address": address, "project": PROJECT, "token": tokens.access, "activities": lines.len()});
    writeln!(std::io::stdout(), "{told}")?;
    std::io::stdout().flush()?;
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let mut stop = stopped.clone();
    let upkeep = tokio::spawn(async move { access.run(async move { drop(stop.changed().await) }).await });
    let stop = async move {
        drop(tokio::signal::ctrl_c().await);
        stopping.send_replace(true);
    };
    serve(listener, built.router, ServeSettings::default(), None, stop).await;
    drop(stopped);
    upkeep.await?;
    Ok(())
}
