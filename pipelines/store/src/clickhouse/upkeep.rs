//! What runs in the background: a reader follows the chain; a writer removes rows that were never committed, and changes of
//! persons that others have overtaken.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, UInt64Type};
use tokio::task::AbortHandle;

use super::chain;
use super::clickhouse::Shared;
use super::ddl::{ERASED_ROWS, ERASURES, MESSAGE_KEYS, PUBLICATIONS, SETTLED};
use super::forgotten::Forgotten;
use super::options::Role;
use super::{erase, overrides, rewrite};
use crate::StoreError;
use crate::tables::Table;

/// How often overtaken changes of persons are looked for.
const SQUASH_EVERY: Duration = Duration::from_secs(600);
/// How often a reader looks for steps of erasures that are no publications.
const STEPS_EVERY: Duration = Duration::from_secs(1);
/// Publications that stay in the chain for whoever follows it slowly.
const CHAIN_KEPT: u64 = 200_000;

/// Starts the tasks of a role.
pub(super) fn start(shared: &Arc<Shared>, role: Role) -> Vec<AbortHandle> {
    let weak = Arc::downgrade(shared);
    let spawn = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| shared.database.spawn(work).abort_handle();
    match role {
        Role::Still => Vec::new(),
        Role::Reader => vec![spawn(Box::pin(follow(weak.clone()))), spawn(Box::pin(erase::stand_by(weak)))],
        Role::Writer => vec![
            spawn(Box::pin(settle(weak.clone()))),
            spawn(Box::pin(squash(weak.clone()))),
            spawn(Box::pin(erase::hide_all(weak.clone()))),
            spawn(Box::pin(rewrite::rewrite_all(weak))),
        ],
    }
}

async fn follow(shared: Weak<Shared>) {
    let mut looked = Instant::now();
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let every = shared.database.options().follow_every;
        if let Err(error) = catch_up(&shared, &mut looked).await {
            tracing::debug!(%error, "the chain of publications cannot be read");
        }
        drop(shared);
        tokio::time::sleep(every).await;
    }
}

/// Takes in the publications since the last look.
pub(super) async fn catch_up(shared: &Shared, looked: &mut Instant) -> Result<(), StoreError> {
    let _alone = shared.steps.lock().await;
    let mut next = shared.view();
    let links = chain::after(&shared.database, next.visible.head).await?;
    let Some(last) = links.last() else {
        if looked.elapsed() >= STEPS_EVERY {
            *looked = Instant::now();
            if let Some(rows) = erase::news(shared, false).await? {
                shared.change_view(|view| view.forget(Arc::new(Forgotten::of(rows, view.visible.head))));
            }
        }
        return Ok(());
    };
    let before = next.visible.head;
    if links[0].previous != before {
        // It was halted for so long that links behind it were cleared away: nobody knows what they said.
        let view = shared.read_view().await?;
        shared.change_view(|known| {
            if known.visible.head < view.visible.head {
                *known = view;
            }
        });
        return Ok(());
    }
    if before == 0 || links.iter().any(|link| link.is_barrier) {
        next.visible.void = chain::void(&shared.database).await?;
    }
    next.visible.head = last.publication;
    next.checkpoint = last.checkpoint.clone();
    if let Some(rows) = erase::news(shared, true).await? {
        next.forget(Arc::new(Forgotten::of(rows, next.visible.head)));
    }
    if links.iter().any(|link| !link.merged_projects.is_empty()) {
        for (project, changes) in overrides::load(&shared.database, &next.visible, before).await? {
            next.change_persons(&project, &changes);
        }
    }
    next.projects = Arc::new(shared.read_projects().await?);
    // Whoever has begun to publish meanwhile is further.
    shared.change_view(|view| {
        if view.visible.head < next.visible.head {
            *view = next;
        }
    });
    Ok(())
}

/// Removes rows under numbers that were left out, once nothing should be on its way to them, and what came after that all the same.
async fn settle(shared: Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let due = strong.view().visible.void;
        let wait = strong.database.options().settle_after;
        drop(strong);
        tokio::time::sleep(wait).await;
        let Some(strong) = shared.upgrade() else { return };
        if let Err(error) = tidy(&strong, &due).await {
            tracing::warn!(%error, "rows that were never committed cannot be removed yet");
        }
    }
}

/// What is done each time, whether numbers were left out or not.
pub(super) async fn tidy(shared: &Shared, void: &[u64]) -> Result<(), StoreError> {
    remove(shared, void).await?;
    remove_late(shared).await?;
    trim(shared).await
}

async fn remove(shared: &Shared, void: &[u64]) -> Result<(), StoreError> {
    if void.is_empty() {
        return Ok(());
    }
    for table in tables() {
        delete(shared, table, void).await?;
    }
    let rows: Vec<String> = void.iter().map(|number| format!("({number})")).collect();
    shared.database.execute(&format!("INSERT INTO {SETTLED} VALUES {}", rows.join(", ")), &[]).await?;
    // The one that publishes may have left out others meanwhile.
    shared.change_view(|view| {
        let left: Arc<[u64]> = view.visible.void.iter().copied().filter(|number| !void.contains(number)).collect();
        view.visible.void = left;
    });
    Ok(())
}

/// Tables whose rows carry the number of their publication.
fn tables() -> impl Iterator<Item = &'static str> {
    Table::ALL.iter().map(|table| table.name()).chain([MESSAGE_KEYS, ERASURES, ERASED_ROWS])
}

async fn delete(shared: &Shared, table: &str, publications: &[u64]) -> Result<(), StoreError> {
    let (own, on) = (shared.layout.own(table), shared.layout.on_cluster());
    let numbers: Vec<String> = publications.iter().map(u64::to_string).collect();
    let sql = format!("ALTER TABLE `{own}`{on} DELETE WHERE publication IN ({})", numbers.join(", "));
    shared.database.execute(&sql, &[("mutations_sync", "2".to_owned())]).await
}

/// Removes rows that came when their number was settled, from whoever was halted for that long: nobody sees them, and they would only
/// take room.
async fn remove_late(shared: &Shared) -> Result<(), StoreError> {
    let schema = chain::schema(&[("publication", DataType::UInt64)]);
    for table in tables() {
        let sql = format!(
            "SELECT DISTINCT publication FROM `{table}` WHERE publication IN (SELECT publication FROM {SETTLED})"
        );
        let found = shared.database.batches(&sql, &schema).await?;
        let late: Vec<u64> =
            found.iter().flat_map(|batch| batch.column(0).as_primitive::<UInt64Type>().values().to_vec()).collect();
        if !late.is_empty() {
            tracing::warn!(table, publications = ?late, "rows came long after another process had taken over: they are removed");
            delete(shared, table, &late).await?;
        }
    }
    Ok(())
}

/// Keeps the chain short: what lies far behind its end is asked for by nobody.
async fn trim(shared: &Shared) -> Result<(), StoreError> {
    let horizon = shared.view().visible.head.saturating_sub(CHAIN_KEPT);
    if horizon == 0 {
        return Ok(());
    }
    let (own, on) = (shared.layout.own(PUBLICATIONS), shared.layout.on_cluster());
    let sql = format!(
        "ALTER TABLE `{own}`{on} DELETE WHERE publication < {horizon} AND (NOT is_barrier OR publication - 1 IN (SELECT publication FROM {SETTLED})) \
         AND publication NOT IN (SELECT publication FROM {ERASURES})"
    );
    shared.database.execute(&sql, &[]).await
}

async fn squash(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(SQUASH_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let own = shared.layout.own(Table::PersonOverrides.name());
        let visible = shared.view().visible;
        match overrides::squash(&shared.database, &own, &shared.layout.on_cluster(), &visible).await {
            Ok(true) => tracing::info!("overtaken changes of persons were removed"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "overtaken changes of persons cannot be removed yet"),
        }
    }
}
