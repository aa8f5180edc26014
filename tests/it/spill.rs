//! Doors that keep on their own disk what comes in while the brokers are away: acknowledged all the while, a process killed in between,
//! and an exact account when the brokers are back.

use crate::gear::say;
use crate::scaleout::{Installation, is_ready};
use crate::scaleout_load::{Load, Retry};
use crate::seed::Seed;
use crate::server::Server;

async fn waiting(server: &Server) -> f64 {
    server.metric("footfall_log_spilled_records", "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_are_away_hold_nobody_up_and_get_everything() {
    let Some(mut all) = Installation::start_with("spill", &[("FOOTFALL_LOG_SPILL_BYTES", "64MiB")]).await else {
        return;
    };
    let mut seed = Seed::announced("spill");
    let load = Load::on(&all.doors(), all.api[0].write_key(), Retry::Anything, &mut seed);
    load.grows_by(200, "at first").await;
    tokio::task::block_in_place(|| all.broker.does("kill"));
    // Nobody but the disks of the doors can take it.
    load.grows_by(600, "while the broker is away").await;
    for door in &all.ingest {
        door.eventually("it keeps what comes in", || async { waiting(door).await > 0.0 }).await;
        let ready = door.get("/readyz").await;
        assert_eq!(ready.status, 200, "a balancer goes on sending: {}", ready.text());
        assert!(ready.text().contains("wait on this disk"), "{}", ready.text());
    }
    all.ingest[0].kill();
    load.grows_by(200, "with one door").await;
    all.ingest[0].begin();
    tokio::task::block_in_place(|| all.broker.does("start"));
    all.ingest[0].eventually("it is ready", || is_ready(&all.ingest[0])).await;
    for door in &all.ingest {
        door.eventually("the brokers have it", || async { waiting(door).await == 0.0 }).await;
    }
    load.grows_by(200, "after the broker came back").await;
    let known = load.end().await;
    say(&format!("spill: {} acknowledged of {} attempted", known.acknowledged.len(), known.attempted.len()));
    all.account(&known).await;
}
