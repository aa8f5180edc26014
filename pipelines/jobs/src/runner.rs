//! The loop: wait for the lead, read from the log, build rows, publish them, over and over.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
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
    /// How many persons were forgotten when the graphs were read.
    erasures: u64,
    poisoned: HashSet<(u32, u64)>,
    trouble: Trouble,
    pace: Arc<Pace>,
    leadership: Arc<dyn Leadership>,
    standing: Arc<Standing>,
    /// Another process has taken over without being asked to.
    is_fenced: bool,
    /// Nothing goes through here; another process may be better off.
    gives_up: bool,
    /// Since when the log is away.
    log_away: Option<Instant>,
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
            erasures: 0,
            poisoned: HashSet::new(),
            pace: Arc::default(),
            leadership: Arc::new(Alone),
            standing: Arc::default(),
            is_fenced: false,
            gives_up: false,
            log_away: None,
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
            // Whoever comes next must find the lead free, also while something that was sent hangs here.
            drop(until);
            self.store.follow().await;
            if std::mem::take(&mut self.gives_up) {
                tracing::warn!("nothing goes through: this process gives the lead away");
                metrics::counter!("footfall_jobs_leads_given_up_total").increment(1);
                pause(self.config.stand_back, stopped(&mut shutdown)).await;
                continue;
            }
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
                let Some(built) = self.build_and_publish(&batch, until).await else { break };
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
            match self.while_it_reads(self.store.lead()).await {
                Some(Ok(())) => break,
                Some(Err(error)) => self.hold_up(&error.into(), until).await?,
                None => return self.give_up(),
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
                read = self.within_patience(self.log.read(from, turn_bytes_max, read_wait)) => read,
                () = until.over() => return None,
            };
            let Some(read) = read else { return self.give_up() };
            match read {
                // Nothing comes, and there is more, or may be: the log cannot be reached.
                Ok(batch) if batch.next == *from && self.is_log_away(from) => {
                    let since = *self.log_away.get_or_insert_with(Instant::now);
                    if self.is_impatient(since) {
                        return self.give_up();
                    }
                    return Some(batch);
                }
                Ok(batch) => {
                    self.log_away = None;
                    self.trouble.passed();
                    return Some(batch);
                }
                Err(error) => self.hold_up(&error.into(), until).await?,
            }
        }
    }

    /// Builds again when a person was forgotten between the two.
    async fn build_and_publish(&mut self, batch: &Arc<Batch>, until: &mut Until) -> Option<Built> {
        loop {
            let built = self.build(batch, until).await?;
            if self.publish(&built, until).await? {
                return Some(built);
            }
            self.graphs.clear();
        }
    }

    async fn build(&mut self, batch: &Arc<Batch>, until: &mut Until) -> Option<Built> {
        loop {
            let Some(tried) = self.try_build(batch).await else { return self.give_up() };
            match tried {
                Ok(built) => {
                    self.trouble.passed();
                    return Some(built);
                }
                Err(error) => self.hold_up(&error, until).await?,
            }
        }
    }

    /// `None` when it takes so long that another process should try.
    async fn try_build(&mut self, batch: &Arc<Batch>) -> Option<Result<Built, JobError>> {
        let mut graphs = std::mem::take(&mut self.graphs);
        let erasures = self.store.erasures();
        if std::mem::replace(&mut self.erasures, erasures.version()) != erasures.version() {
            graphs.clear();
        }
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
                erasures,
                live_activities_max,
            };
            build(&batch_there, &sources, &mut graphs).map(|built| (built, graphs))
        });
        Some(match self.while_it_reads(work).await? {
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
        })
    }

    /// False when the rows are to be made again.
    async fn publish(&mut self, built: &Built, until: &mut Until) -> Option<bool> {
        loop {
            match self.within_patience(self.store.publish(built.publication.clone())).await {
                Some(Ok(())) => {
                    self.trouble.passed();
                    self.poisoned.clear();
                    return Some(true);
                }
                Some(Err(StoreError::Outdated)) => return Some(false),
                Some(Err(error)) => self.hold_up(&error.into(), until).await?,
                None => return self.give_up(),
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
        let wait = self.trouble.failed(error);
        if self.trouble.since().is_some_and(|since| self.is_impatient(since)) {
            return self.give_up();
        }
        pause(wait, until.over()).await;
        (!until.is_over()).then_some(())
    }

    fn is_log_away(&self, from: &Checkpoint) -> bool {
        self.log.status().degraded.is_some() || !from.covers(&self.log.end())
    }

    /// Ends the term, so that another process can try.
    fn give_up<T>(&mut self) -> Option<T> {
        self.gives_up = true;
        self.log_away = None;
        None
    }

    /// Whether something has been amiss for so long that another process should try.
    fn is_impatient(&self, since: Instant) -> bool {
        self.leadership.has_others() && since.elapsed() >= self.config.lead_patience
    }

    /// `None` when it takes so long that another process should try.
    async fn within_patience<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.leadership.has_others() {
            true => tokio::time::timeout(self.config.lead_patience, work).await.ok(),
            false => Some(work.await),
        }
    }

    /// The same for what may read much of the store: `None` when nothing has come of it for so long. Another process would have to
    /// read as much.
    async fn while_it_reads<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let before = self.store.bytes_read();
            let done = self.within_patience(work.as_mut()).await;
            if done.is_some() || self.store.bytes_read() == before {
                return done;
            }
        }
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
            erasures: Arc::default(),
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
