//! The store itself: opening it, publishing, and what readers get of it.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use footfall_ingest_activity::{Checkpoint, Clock, Erasure, Erasures, Timestamp};
use futures::StreamExt;
use futures::future::try_join_all;
use uuid::Uuid;

use super::address::Address;
use super::arrow_form::{keys_stream, table_stream};
use super::attempt::{Attempt, changes_batch, fingerprint, shown};
use super::chain::{self, Link, schema};
use super::database::Database;
use super::ddl::{Layout, MESSAGE_KEYS, PROJECTS};
use super::filter_sql::quoted;
use super::forgotten::{self, Forgotten};
use super::keys::{self, Keys, Known};
use super::options::{ClickHouseOptions, Role};
use super::rows::ProjectRows;
use super::view::{View, Visible};
use super::{migrations, overrides, upkeep};
use crate::lake::ProjectSnapshot;
use crate::remote::{RemoteRows, RowsWanted};
use crate::tables::Table;
use crate::{ErasureRecord, Publication, Store, StoreError, TableRows};

const DAY_MILLIS: i64 = 86_400_000;

/// The store on ClickHouse. Dropping it ends its work.
pub struct ClickHouse {
    pub(super) shared: Arc<Shared>,
    upkeep: Mutex<Vec<tokio::task::AbortHandle>>,
}

/// What the store's tasks share.
pub(super) struct Shared {
    pub database: Database,
    pub layout: Layout,
    pub clock: Arc<dyn Clock>,
    view: Mutex<View>,
    keys: Mutex<Keys>,
    snapshots: Mutex<HashMap<Arc<str>, Arc<ProjectSnapshot>>>,
    /// One publication at a time.
    pub writer: tokio::sync::Mutex<Writer>,
    /// Held by whoever reads who is forgotten, or changes it: what was read later is not overtaken by what was read before.
    pub steps: tokio::sync::Mutex<()>,
}

/// The state of whoever publishes.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Names this opening of the store in the chain.
    pub id: String,
    /// What rows were sent for under the next number.
    pub attempt: Option<Attempt>,
    /// Somebody else publishes now, or may.
    pub is_fenced: bool,
}

impl Writer {
    /// One that does not publish.
    fn idle() -> Writer {
        Writer { is_fenced: true, ..Writer::default() }
    }

    /// One that takes over.
    pub fn next() -> Writer {
        Writer { id: Uuid::new_v4().to_string(), ..Writer::default() }
    }
}

impl ClickHouse {
    /// Opens the database of `clickhouse://…`, and makes it where it is missing. As [`Role::Writer`] it takes over from
    /// whoever wrote before.
    pub async fn open(
        url: &str,
        options: ClickHouseOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<ClickHouse>, StoreError> {
        let address = Address::parse(url)?;
        let layout = address.cluster.clone().map_or(Layout::Single, Layout::Cluster);
        let role = options.role;
        let database = Database::new(address, options)?;
        let shared = Arc::new(Shared {
            database: database.clone(),
            layout,
            clock,
            view: Mutex::default(),
            keys: Mutex::default(),
            snapshots: Mutex::default(),
            writer: tokio::sync::Mutex::new(Writer::idle()),
            steps: tokio::sync::Mutex::default(),
        });
        let opening = shared.clone();
        database.spawn(async move { opening.begin(role).await }).await.map_err(task)??;
        let upkeep = Mutex::new(upkeep::start(&shared, role));
        Ok(Arc::new(ClickHouse { shared, upkeep }))
    }

    /// A project as it is now; an unknown one is empty.
    pub fn snapshot(&self, project: &str) -> Arc<ProjectSnapshot> {
        self.shared.snapshot(project)
    }

    /// Why the database cannot be reached just now, if it cannot.
    pub fn failing(&self) -> Option<String> {
        self.shared.database.failing()
    }

    /// Message keys known in memory, and bytes of what holds them.
    pub fn keys_size(&self) -> (u64, usize) {
        lock(&self.shared.keys).size()
    }

    /// Ends what runs in the background.
    pub fn close(&self) {
        self.work_as(None);
    }

    /// Has the work of a role run in the background, instead of any other.
    fn work_as(&self, role: Option<Role>) {
        let mut upkeep = lock(&self.upkeep);
        upkeep.drain(..).for_each(|task| task.abort());
        if let Some(role) = role {
            *upkeep = upkeep::start(&self.shared, role);
        }
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        self.close();
    }
}

pub(super) fn task(error: impl ToString) -> StoreError {
    StoreError::Task(error.to_string())
}

/// The guarded value: changes are single assignments, so that a panic cannot leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn view(&self) -> View {
        lock(&self.view).clone()
    }

    pub fn change_view(&self, change: impl FnOnce(&mut View)) {
        change(&mut lock(&self.view));
    }

    fn horizon(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now().millis() - self.database.options().dedupe_window_millis)
    }

    async fn begin(&self, role: Role) -> Result<(), StoreError> {
        if role == Role::Still {
            migrations::must_be_applied(&self.database).await?;
            return self.load().await;
        }
        // Old parts of the keys are dropped by the day, and not before the window has passed for all of them.
        let keys_days = self.database.options().dedupe_window_millis / DAY_MILLIS + 2;
        migrations::apply(&self.database, &self.layout, keys_days).await?;
        match role {
            Role::Writer => self.lead().await,
            Role::Reader | Role::Still => self.load().await,
        }
    }

    /// Becomes the one that publishes.
    async fn lead(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        *writer = Writer::idle();
        let next = Writer::next();
        self.take_over(&next).await?;
        self.load().await?;
        let loaded = Keys::load(&self.database, self.horizon(), self.clock.now()).await?;
        *lock(&self.keys) = loaded;
        *writer = next;
        drop(writer);
        self.hide_noted().await
    }

    /// Ends whoever wrote before; the number of the barrier. Others who do the same at this moment get in between at most once
    /// each.
    pub async fn take_over(&self, writer: &Writer) -> Result<u64, StoreError> {
        const TRIES: u32 = 32;
        for _ in 0..TRIES {
            let last = chain::last(&self.database).await?;
            let (head, checkpoint) =
                last.map_or((0, Checkpoint::default()), |last| (last.publication, last.checkpoint));
            let barrier = Link::barrier(head, checkpoint, self.clock.now().millis());
            if chain::append(&self.database, &writer.id, &barrier).await? {
                return Ok(barrier.publication);
            }
        }
        Err(StoreError::Fenced)
    }

    async fn load(&self) -> Result<(), StoreError> {
        let _alone = self.steps.lock().await;
        let view = self.read_view().await?;
        *lock(&self.view) = view;
        Ok(())
    }

    /// The view, read anew.
    pub async fn read_view(&self) -> Result<View, StoreError> {
        let Some(last) = chain::last(&self.database).await? else { return Ok(View::default()) };
        let head = last.publication;
        let visible = Visible { head, void: chain::void(&self.database).await?, ..Visible::default() };
        let mut view = View { visible, checkpoint: last.checkpoint, ..View::default() };
        view.forget(Arc::new(Forgotten::of(forgotten::load(&self.database).await?, head)));
        for (project, changes) in overrides::load(&self.database, &view.visible, 0).await? {
            view.change_persons(&project, &changes);
        }
        view.projects = Arc::new(self.read_projects().await?);
        Ok(view)
    }

    pub async fn read_projects(&self) -> Result<BTreeSet<Arc<str>>, StoreError> {
        let sql = format!("SELECT DISTINCT project FROM {PROJECTS}");
        let batches = self.database.batches(&sql, &schema(&[("project", DataType::Utf8)])).await?;
        let names = |batch: &RecordBatch| {
            use arrow::array::AsArray;
            batch.column(0).as_string::<i32>().iter().flatten().map(Arc::from).collect::<Vec<Arc<str>>>()
        };
        Ok(batches.iter().flat_map(names).collect())
    }

    fn snapshot(&self, project: &str) -> Arc<ProjectSnapshot> {
        let (visible, overrides, erasures) = {
            let view = lock(&self.view);
            let overrides = view.overrides.get(project).cloned().unwrap_or_default();
            (view.visible.clone(), overrides, view.forgotten.erasures.count_of(project))
        };
        let mut snapshots = lock(&self.snapshots);
        let is_current = |known: &&Arc<ProjectSnapshot>| known.version == visible.head;
        if let Some(known) = snapshots.get(project).filter(is_current) {
            return known.clone();
        }
        let project: Arc<str> = project.into();
        let rows: Arc<dyn RemoteRows> = Arc::new(ProjectRows {
            database: self.database.clone(),
            project: project.clone(),
            visible: visible.clone(),
        });
        let empty = ProjectSnapshot::new(PathBuf::new(), visible.head, [], Default::default());
        let snapshot = Arc::new(ProjectSnapshot { overrides, erasures, remote: Some(rows), ..empty });
        snapshots.insert(project, snapshot.clone());
        snapshot
    }

    /// For tests: as if a publication had failed.
    #[cfg(test)]
    pub async fn note_attempt(&self, fingerprint: u128) {
        self.writer.lock().await.attempt = Some(Attempt::of(fingerprint));
    }

    async fn publish(&self, publication: Publication) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        if writer.is_fenced {
            return Err(StoreError::Fenced);
        }
        if publication.erasures != lock(&self.view).forgotten.erasures.version() {
            return Err(StoreError::Outdated);
        }
        let fingerprint = fingerprint(&publication);
        let lasts = self.database.options().attempt_max;
        if writer.attempt.is_some_and(|before| !before.goes_on(fingerprint, lasts)) {
            // Rows of another attempt may lie under the next number, or such that would be taken twice by now.
            self.skip(&mut writer).await?;
        }
        writer.attempt.get_or_insert_with(|| Attempt::of(fingerprint));
        let (head, mut checkpoint) = {
            let view = lock(&self.view);
            (view.visible.head, view.checkpoint.clone())
        };
        let stretch = format!("{} to {}", shown(&checkpoint), shown(&publication.checkpoint));
        checkpoint.merge(&publication.checkpoint);
        let (number, now) = (head + 1, self.clock.now());
        self.insert_all(&publication, number, now, &format!("{} {number} {stretch}", writer.id)).await?;
        let merged = publication.rows.iter().filter(|(_, rows)| !rows.person_changes.is_empty());
        let link = Link {
            publication: number,
            previous: head,
            is_barrier: false,
            checkpoint: checkpoint.clone(),
            records: publication.records,
            merged_projects: merged.map(|(project, _)| project.clone()).collect(),
            published_at: now.millis(),
        };
        self.commit(&mut writer, &link).await?;
        {
            let mut keys = lock(&self.keys);
            keys.add(publication.message_keys.iter().copied(), now);
            keys.expire(self.horizon());
        }
        let mut view = lock(&self.view);
        view.visible.head = number;
        view.checkpoint = checkpoint;
        for (project, TableRows { person_changes, .. }) in &publication.rows {
            view.change_persons(project, person_changes);
            if !view.projects.contains(project) {
                Arc::make_mut(&mut view.projects).insert(project.clone());
            }
        }
        Ok(())
    }

    pub async fn commit(&self, writer: &mut Writer, link: &Link) -> Result<(), StoreError> {
        if !chain::append(&self.database, &writer.id, link).await? {
            writer.is_fenced = true;
            tracing::error!("another process publishes to this database now: this one has stopped");
            return Err(StoreError::Fenced);
        }
        writer.attempt = None;
        Ok(())
    }

    /// Leaves the next number out.
    pub async fn skip(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let (head, checkpoint) = {
            let view = lock(&self.view);
            (view.visible.head, view.checkpoint.clone())
        };
        let barrier = Link::barrier(head, checkpoint, self.clock.now().millis());
        self.commit(writer, &barrier).await?;
        let void = chain::void(&self.database).await?;
        let visible = &mut lock(&self.view).visible;
        (visible.head, visible.void) = (barrier.publication, void);
        Ok(())
    }

    pub async fn insert_all(
        &self,
        publication: &Publication,
        number: u64,
        now: Timestamp,
        token: &str,
    ) -> Result<(), StoreError> {
        let mut inserts = Vec::new();
        for &table in Table::ALL {
            let batches = publication.rows.iter().filter_map(|(project, rows)| {
                rows.batches.get(&table).filter(|batch| batch.num_rows() > 0).map(|batch| (&**project, batch))
            });
            let mut batches: Vec<(&str, RecordBatch)> =
                batches.map(|(project, batch)| (project, batch.clone())).collect();
            if table == Table::PersonOverrides {
                for (project, rows) in publication.rows.iter().filter(|(_, rows)| !rows.person_changes.is_empty()) {
                    batches.push((project, changes_batch(&rows.person_changes)?));
                }
            }
            if !batches.is_empty() {
                let borrowed: Vec<(&str, &RecordBatch)> =
                    batches.iter().map(|(project, batch)| (*project, batch)).collect();
                inserts.push((table.name(), table_stream(table, number, &borrowed)?));
            }
        }
        if !publication.message_keys.is_empty() {
            inserts.push((MESSAGE_KEYS, keys_stream(&publication.message_keys, number, now.millis())?));
        }
        let known = lock(&self.view).projects.clone();
        let new: Vec<String> = publication
            .rows
            .keys()
            .filter(|project| !known.contains(*project))
            .map(|project| format!("({})", quoted(project)))
            .collect();
        if !new.is_empty() {
            self.database.execute(&format!("INSERT INTO {PROJECTS} VALUES {}", new.join(", ")), &[]).await?;
        }
        try_join_all(inserts.into_iter().map(|(table, stream)| self.database.insert(table, token, stream))).await?;
        Ok(())
    }

    async fn is_new(&self, keys: Vec<u128>) -> Result<Vec<bool>, StoreError> {
        let mut seen = crate::lake::KeySet::with_capacity_and_hasher(keys.len(), Default::default());
        let mut new: Vec<bool> = keys.iter().map(|&key| seen.insert(key)).collect();
        let mut asked = Vec::new();
        {
            let known = lock(&self.keys);
            for (new, &key) in new.iter_mut().zip(&keys).filter(|(new, _)| **new) {
                match known.knows(key) {
                    Known::No => {}
                    Known::Yes => *new = false,
                    Known::Perhaps => asked.push(key),
                }
            }
        }
        if asked.is_empty() {
            return Ok(new);
        }
        let visible = lock(&self.view).visible.clone();
        let stored = keys::stored(&self.database, &asked, &visible, self.horizon()).await?;
        new.iter_mut().zip(&keys).for_each(|(new, key)| *new = *new && !stored.contains(key));
        Ok(new)
    }
}

#[async_trait]
impl Store for ClickHouse {
    fn durable_checkpoint(&self) -> Checkpoint {
        lock(&self.shared.view).checkpoint.clone()
    }

    fn visible_checkpoint(&self) -> Checkpoint {
        self.durable_checkpoint()
    }

    async fn lead(&self) -> Result<(), StoreError> {
        self.work_as(None);
        let shared = self.shared.clone();
        let led = self.shared.database.spawn(async move { shared.lead().await }).await.map_err(task)?;
        self.work_as(Some(if led.is_ok() { Role::Writer } else { Role::Reader }));
        led
    }

    fn bytes_read(&self) -> u64 {
        self.shared.database.bytes_read()
    }

    async fn follow(&self) {
        *self.shared.writer.lock().await = Writer::idle();
        // Keys are read anew with the next lead; meanwhile they would only take room.
        *lock(&self.shared.keys) = Keys::default();
        self.work_as(Some(Role::Reader));
    }

    fn is_new(&self, keys: &[u128]) -> Result<Vec<bool>, StoreError> {
        let (shared, keys) = (self.shared.clone(), keys.to_vec());
        let (sender, receiver) = std::sync::mpsc::channel();
        // Nobody may wait for it any more.
        self.shared.database.spawn(async move { drop(sender.send(shared.is_new(keys).await)) });
        receiver.recv().map_err(task)?
    }

    async fn publish(&self, publication: Publication) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        self.shared.database.spawn(async move { shared.publish(publication).await }).await.map_err(task)?
    }

    async fn flush(&self) -> Result<(), StoreError> {
        // What is visible is durable.
        drop(self.shared.writer.lock().await);
        Ok(())
    }

    async fn read_all(&self, project: &str, table: Table) -> Result<Vec<RecordBatch>, StoreError> {
        let snapshot = self.shared.snapshot(project);
        let Some(rows) = &snapshot.remote else { return Ok(Vec::new()) };
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let wanted = RowsWanted { in_order: true, ..RowsWanted::columns(table, &columns) };
        let mut rows = rows.read(wanted);
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }

    async fn erase(&self, erasure: Erasure) -> Result<ErasureRecord, StoreError> {
        let shared = self.shared.clone();
        self.shared.database.spawn(async move { shared.erase(erasure).await }).await.map_err(task)?
    }

    async fn learn_erasures(&self, records: Vec<ErasureRecord>) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        self.shared.database.spawn(async move { shared.learn(records).await }).await.map_err(task)?
    }

    fn erasures(&self) -> Arc<Erasures> {
        lock(&self.shared.view).forgotten.erasures.clone()
    }

    fn erasure_records(&self) -> Vec<ErasureRecord> {
        lock(&self.shared.view).forgotten.records()
    }

    async fn note_log_erased(&self, id: Uuid) -> Result<(), StoreError> {
        let shared = self.shared.clone();
        self.shared.database.spawn(async move { shared.note_log_erased(id).await }).await.map_err(task)?
    }

    fn projects(&self) -> Vec<Arc<str>> {
        lock(&self.shared.view).projects.iter().cloned().collect()
    }
}
