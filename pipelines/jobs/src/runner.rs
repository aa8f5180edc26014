//! The loop: wait for the lead, read from the log, build rows, publish them, over and over.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use footfall_ingest_activity::{Checkpoint, Clock};
use footfall_ingest_log::{ActivityLog, Batch, LogRecord};
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::identity::{IdentityGraph, merge_rows_from};
use crate::trouble::Trouble;
use crate::{
    Alone, Built, Graphs, ImportAccounts, JobError, JobsConfig, Leadership, LiveFeed, Pace, Sources, Standing, Term,
    build, observe,
};

/// The job's name as a reader of the log.
const READER: &str = "jobs";

/// Reads the log and publishes rows until it is told to stop.
///
/// - A turn's publication carries its checkpoint, so what it read and what it wrote become durable together.
/// - An error of the log or the store holds the job up and is tried again; nothing is passed over. A publication that
///   failed is tried again as it is, so that claims of identity are decided once.
/// - A panic of the transform is caught; if one record alone causes it, that record goes to the quarantine.
/// - It works while it leads. When another process publishes to the store it steps back, waits for the lead, and goes on where
///   the store is then.
pub struct Runner {
    log: Arc<dyn ActivityLog>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: JobsConfig,
    imports: Arc<ImportAccounts>,
    live: LiveFeed,
    graphs: Graphs,
    poisoned: HashSet<(u32, u64)>,
    trouble: Trouble,
    pace: Arc<Pace>,
    leadership: Arc<dyn Leadership>,
    standing: Arc<Standing>,
    /// Another process has taken over without being asked to.
    is_fenced: bool,
}

impl Runner {
    /// A job that takes `log` to `store`.
    pub fn new(log: Arc<dyn ActivityLog>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: JobsConfig) -> Self {
        Runner {
            log,
            store,
            clock,
            trouble: Trouble::new(&config),
            config,
            imports: Arc::default(),
            live: LiveFeed::default(),
            graphs: Graphs::new(),
            poisoned: HashSet::new(),
            pace: Arc::default(),
            leadership: Arc::new(Alone),
            standing: Arc::default(),
            is_fenced: false,
        }
    }

    /// Has it work only while it leads; else it always does.
    #[must_use]
    pub fn under(self, leadership: Arc<dyn Leadership>) -> Self {
        Runner { leadership, ..self }
    }

    /// Whether it leads.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.clone()
    }

    /// Accounts of the imports that pass through.
    pub fn imports(&self) -> Arc<ImportAccounts> {
        self.imports.clone()
    }

    /// How fast it goes.
    pub fn pace(&self) -> Arc<Pace> {
        self.pace.clone()
    }

    /// The newest activity for whoever watches.
    pub fn live(&self) -> LiveFeed {
        self.live.clone()
    }

    /// Runs until `shutdown` becomes true or its sender is gone. A turn under way is finished first, unless it is held up.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let JobsConfig { fenced_wait_min, fenced_wait_max, .. } = self.config;
        let mut wait = fenced_wait_min;
        self.standing.set(false);
        while !*shutdown.borrow() {
            let term = tokio::select! {
                term = self.leadership.lead() => term,
                () = stopped(&mut shutdown) => return,
            };
            let mut until = Until { shutdown: shutdown.clone(), term };
            let begun = Instant::now();
            self.work(&mut until).await;
            self.standing.set(false);
            self.store.follow().await;
            // Whoever comes next must find the lead free.
            drop(until);
            if !std::mem::take(&mut self.is_fenced) {
                continue;
            }
            if begun.elapsed() > fenced_wait_max {
                wait = fenced_wait_min;
            }
            tracing::warn!(
                wait_ms = wait.as_millis() as u64,
                "another process publishes to the store: this one steps back"
            );
            pause(wait, stopped(&mut shutdown)).await;
            wait = (wait * 2).min(fenced_wait_max);
        }
    }

    /// One term: from the store's checkpoint until it is over.
    async fn work(&mut self, until: &mut Until) {
        let Some(()) = self.begin(until).await else { return };
        let mut from = self.store.durable_checkpoint();
        from.merge(&self.store.visible_checkpoint());
        self.log.release(READER, &self.store.durable_checkpoint());
        let mut behind = 0;
        while !until.is_over() {
            let begun = Instant::now();
            let Some(batch) = self.read(&from, until).await else { break };
            let (started, records) = (self.clock.now(), batch.records.len() as u64);
            // A turn that had to wait for something to read says nothing of how fast the job is.
            let busy = (behind > 0).then_some(begun);
            let bytes: usize = batch.records.iter().map(|record| record.payload.len()).sum();
            if batch.next != from {
                let batch = Arc::new(batch);
                let Some(built) = self.build(&batch, until).await else { break };
                if self.publish(&built, until).await.is_none() {
                    break;
                }
                from = batch.next.clone();
                let now = self.clock.now();
                observe::published(&built.tally, &built.publication, started, now);
                self.account(built);
            }
            self.log.release(READER, &self.store.durable_checkpoint());
            behind = observe::lag(&self.log.end(), &from);
            self.pace.turned(records, busy.map(|begun| begun.elapsed()), behind);
            // While more than this is waiting, there is no time to lose.
            if bytes > 0 && bytes < self.config.turn_bytes_max / 2 && behind < records {
                let spent = Duration::from_millis(self.clock.now().millis_since(started).max(0).unsigned_abs());
                pause(self.config.turn_interval_min.saturating_sub(spent), until.over()).await;
            }
        }
    }

    /// Takes the store over. What was known of another term may have been overtaken meanwhile.
    async fn begin(&mut self, until: &mut Until) -> Option<()> {
        self.graphs = Graphs::new();
        self.poisoned.clear();
        loop {
            match self.store.lead().await {
                Ok(()) => break,
                Err(error) => self.hold_up(&error.into(), until).await?,
            }
        }
        self.trouble.passed();
        self.standing.set(true);
        Some(())
    }

    async fn read(&mut self, from: &Checkpoint, until: &mut Until) -> Option<Batch> {
        loop {
            let JobsConfig { turn_bytes_max, read_wait, .. } = self.config;
            let read = tokio::select! {
                read = self.log.read(from, turn_bytes_max, read_wait) => read,
                () = until.over() => return None,
            };
            match read {
                Ok(batch) => {
                    self.trouble.passed();
                    return Some(batch);
                }
                Err(error) => self.hold_up(&error.into(), until).await?,
            }
        }
    }

    async fn build(&mut self, batch: &Arc<Batch>, until: &mut Until) -> Option<Built> {
        loop {
            match self.try_build(batch).await {
                Ok(built) => {
                    self.trouble.passed();
                    return Some(built);
                }
                Err(error) => self.hold_up(&error, until).await?,
            }
        }
    }

    async fn try_build(&mut self, batch: &Arc<Batch>) -> Result<Built, JobError> {
        let mut graphs = std::mem::take(&mut self.graphs);
        let (store, batch_there, handle) = (self.store.clone(), batch.clone(), Handle::current());
        let poisoned = self.poisoned.clone();
        let now = self.clock.now();
        let live_activities_max = if self.live.is_watched() { self.config.live_activities_max } else { 0 };
        let work = spawn_blocking(move || {
            let sources = Sources {
                is_new: &|keys| store.is_new(keys),
                graph: &|project| handle.block_on(read_graph(&*store, project)),
                projects: store.projects(),
                now,
                poisoned,
                live_activities_max,
            };
            build(&batch_there, &sources, &mut graphs).map(|built| (built, graphs))
        });
        match work.await {
            Ok(Ok((built, graphs))) => {
                self.graphs = graphs;
                Ok(built)
            }
            // The graphs may hold half a turn: they are read again.
            Ok(Err(error)) => Err(error),
            Err(panic) => {
                self.poisoned.extend(isolate(batch.clone(), now).await);
                Err(JobError::Panicked(panic.to_string()))
            }
        }
    }

    async fn publish(&mut self, built: &Built, until: &mut Until) -> Option<()> {
        loop {
            match self.store.publish(built.publication.clone()).await {
                Ok(()) => {
                    self.trouble.passed();
                    self.poisoned.clear();
                    return Some(());
                }
                Err(error) => self.hold_up(&error.into(), until).await?,
            }
        }
    }

    fn account(&self, built: Built) {
        for (import, account) in &built.tally.imports {
            self.imports.add(import, *account);
        }
        for pulse in built.pulses {
            self.live.send(pulse);
        }
    }

    /// Waits before the next try; `None` when the term is over.
    async fn hold_up(&mut self, error: &JobError, until: &mut Until) -> Option<()> {
        self.pace.held_up();
        if matches!(error, JobError::Store(StoreError::Fenced)) {
            self.is_fenced = true;
            return None;
        }
        pause(self.trouble.failed(error), until.over()).await;
        (!until.is_over()).then_some(())
    }
}

async fn read_graph(store: &dyn Store, project: &Arc<str>) -> Result<IdentityGraph, JobError> {
    let mut rows = Vec::new();
    for batch in store.read_all(project, Table::PersonMerges).await? {
        rows.extend(merge_rows_from(&batch)?);
    }
    Ok(IdentityGraph::from_rows(project.clone(), rows))
}

/// The records that make the transform panic by themselves. No store takes part, so that its faults are not blamed on them.
async fn isolate(batch: Arc<Batch>, now: footfall_ingest_activity::Timestamp) -> HashSet<(u32, u64)> {
    let panics = move |record: &LogRecord| {
        let alone = Batch { records: vec![record.clone()], ..Batch::default() };
        let sources = Sources {
            is_new: &|keys| Ok(vec![true; keys.len()]),
            graph: &|project| Ok(IdentityGraph::new(project.clone())),
            projects: Vec::new(),
            now,
            poisoned: HashSet::new(),
            live_activities_max: 1,
        };
        catch_unwind(AssertUnwindSafe(|| build(&alone, &sources, &mut Graphs::new()).is_ok())).is_err()
    };
    let search = move || {
        let culprits = batch.records.iter().filter(|record| panics(record));
        culprits.map(|record| (record.partition, record.offset)).collect()
    };
    spawn_blocking(search).await.unwrap_or_default()
}

/// How long a term lasts: until the job is to stop, or somebody else may lead.
struct Until {
    shutdown: watch::Receiver<bool>,
    term: Term,
}

impl Until {
    fn is_over(&self) -> bool {
        *self.shutdown.borrow() || self.term.is_lost()
    }

    async fn over(&mut self) {
        tokio::select! {
            () = stopped(&mut self.shutdown) => {}
            () = self.term.lost() => {}
        }
    }
}

async fn pause(wait: Duration, over: impl Future<Output = ()>) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = over => {}
    }
}

/// Ends when it is time to stop; a sender that is gone counts as that.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    drop(shutdown.wait_for(|stop| *stop).await);
}
