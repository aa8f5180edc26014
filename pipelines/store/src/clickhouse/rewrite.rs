//! Deleting the rows of persons who are hidden: mutations that are begun and looked after, and then the parts that they have
//! replaced. What is under way is found in the database, whoever has begun it.

use std::sync::Weak;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Int64Type, UInt64Type};
use footfall_ingest_activity::Timestamp;

use super::chain::schema;
use super::clickhouse::Shared;
use super::ddl::{ERASED_ROWS, Layout};
use super::filter_sql::quoted;
use super::forgotten::{self, Hidden, Known, Row, Step};
use crate::StoreError;
use crate::tables::Table;

const LOOK: Duration = Duration::from_secs(1);
/// Persons whose rows one mutation deletes.
const AT_A_TIME: usize = 100;

/// Of whoever publishes: deletes the rows of everybody who is hidden.
pub(super) async fn rewrite_all(shared: Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = shared.rewrite().await {
            tracing::warn!(%error, "the rows of people who are forgotten are still in the tables; it is tried again");
        }
        drop(shared);
        tokio::time::sleep(LOOK).await;
    }
}

/// A mutation of a table.
struct Mutation {
    command: String,
    is_done: bool,
}

impl Mutation {
    fn is_of(&self, hidden: &Hidden) -> bool {
        let has = |text: String| self.command.contains(&text);
        has(hidden.id.to_string()) && has(format!("publication = {})", hidden.publication))
    }
}

impl Shared {
    async fn rewrite(&self) -> Result<(), StoreError> {
        let unfinished: Vec<Known> = self.view().forgotten.unfinished().cloned().collect();
        let (rewritten, open): (Vec<Known>, Vec<Known>) =
            unfinished.into_iter().partition(|known| known.record.rewritten_at.is_some());
        let open: Vec<Hidden> = open.iter().filter_map(Known::hidden).collect();
        for hidden in self.delete(&open).await? {
            // By the clock of the database, as the times of its parts are.
            let now = self.number::<Int64Type>("SELECT toUnixTimestamp64Milli(now64(3))", DataType::Int64).await?;
            let (id, publication, at) = (hidden.id, hidden.publication, Timestamp::from_millis(now));
            let row = Row { id, step: Step::Rewritten, publication, at, erasure: None, is_committed: false };
            forgotten::note(&self.database, &row, "").await?;
            self.look_at_steps().await?;
        }
        for known in rewritten {
            let (Some(hidden), Some(at)) = (known.hidden(), known.record.rewritten_at) else { continue };
            if self.are_old_parts_gone(at).await? {
                self.note_step(hidden.id, Step::Files, hidden.publication).await?;
                tracing::info!(erasure = %hidden.id, "no file of the tables has rows of the person");
            }
        }
        Ok(())
    }

    /// Begins to delete the rows where nobody has; those persons who are in no active part.
    async fn delete<'h>(&self, open: &'h [Hidden]) -> Result<Vec<&'h Hidden>, StoreError> {
        let mut deleted: Vec<&Hidden> = open.iter().collect();
        if open.is_empty() {
            return Ok(deleted);
        }
        let (database, on) = (self.database.name(), self.layout.on_cluster());
        for &table in Table::ALL {
            let of = |hidden: &Hidden| hidden.rows(table, database);
            if open.iter().all(|hidden| of(hidden).is_none()) {
                continue;
            }
            let own = self.layout.own(table.name());
            let mutations = self.mutations(&own).await?;
            let is_begun = |hidden: &Hidden| mutations.iter().any(|mutation| mutation.is_of(hidden));
            let new = open.iter().filter(|hidden| !is_begun(hidden)).take(AT_A_TIME);
            let theirs: Vec<String> = new.filter_map(of).map(|theirs| format!("({theirs})")).collect();
            // Whoever comes while one is under way waits for it, so that parts are not written anew for each.
            if !theirs.is_empty() && mutations.iter().all(|mutation| mutation.is_done) {
                let sql = format!("ALTER TABLE `{own}`{on} DELETE WHERE {}", theirs.join(" OR "));
                self.database.execute(&sql, &[("mutations_sync", "0".to_owned())]).await?;
            }
            let is_deleted =
                |hidden: &Hidden| mutations.iter().filter(|mutation| mutation.is_of(hidden)).all(|it| it.is_done);
            deleted.retain(|hidden| is_begun(hidden) && is_deleted(hidden));
        }
        Ok(deleted)
    }

    /// Those of a table that delete rows of persons.
    async fn mutations(&self, own: &str) -> Result<Vec<Mutation>, StoreError> {
        let sql = format!(
            "SELECT command, toBool(is_done) FROM {} WHERE database = {} AND table = {} AND NOT is_killed \
             AND position(command, '{ERASED_ROWS}') > 0",
            self.everywhere("mutations"),
            quoted(self.database.name()),
            quoted(own),
        );
        let schema = schema(&[("command", DataType::Utf8), ("is_done", DataType::Boolean)]);
        let mut mutations = Vec::new();
        for batch in self.database.batches(&sql, &schema).await? {
            let (commands, done) = (batch.column(0).as_string::<i32>(), batch.column(1).as_boolean());
            let rows = (0..batch.num_rows())
                .map(|row| Mutation { command: commands.value(row).to_owned(), is_done: done.value(row) });
            mutations.extend(rows);
        }
        Ok(mutations)
    }

    /// Whether parts that were replaced until then have left the disk.
    async fn are_old_parts_gone(&self, until: Timestamp) -> Result<bool, StoreError> {
        let tables: Vec<String> = Table::ALL.iter().map(|table| quoted(&self.layout.own(table.name()))).collect();
        let sql = format!(
            "SELECT count() FROM {} WHERE database = {} AND table IN ({}) AND NOT active \
             AND toInt64(toUnixTimestamp(remove_time)) <= {}",
            self.everywhere("parts"),
            quoted(self.database.name()),
            tables.join(", "),
            until.millis() / 1_000 + 1,
        );
        Ok(self.number::<UInt64Type>(&sql, DataType::UInt64).await? == 0)
    }

    /// A table of the server, or of all servers.
    fn everywhere(&self, table: &str) -> String {
        match &self.layout {
            Layout::Single => format!("system.{table}"),
            Layout::Cluster(cluster) => format!("clusterAllReplicas('{cluster}', system.{table})"),
        }
    }

    async fn number<T: ArrowPrimitiveType>(&self, sql: &str, kind: DataType) -> Result<T::Native, StoreError> {
        let batches = self.database.batches(sql, &schema(&[("number", kind)])).await?;
        let first = batches.iter().find_map(|batch| batch.column(0).as_primitive::<T>().values().first().copied());
        first.ok_or_else(|| StoreError::Task("a question without an answer".to_owned()))
    }
}
