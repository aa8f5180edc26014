//! The threads that keep projections up to date: one takes rows in, project by project in small steps, so that a large
//! project does not hold up the others; one joins runs while the machine has time.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use footfall_ingest_activity::Clock;
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::query::Snapshots;

use crate::error::AskError;
use crate::options::InsightsOptions;
use crate::project::{Moment, Project};
use crate::projection::Step;
use crate::tend::{self, Tended};

/// Projects that were asked about so lately are kept up to date without being asked.
const LATELY: Duration = Duration::from_secs(120);
/// … this often.
const EVERY: Duration = Duration::from_millis(300);
/// Others that are in memory this often.
const RARELY: Duration = Duration::from_secs(10);
/// Niceness of joining: questions go first.
const JOIN_NICE: i32 = 10;

/// What the threads share.
pub(crate) struct Feed {
    snapshots: Arc<dyn Snapshots>,
    clock: Arc<dyn Clock>,
    options: InsightsOptions,
    queues: Mutex<Queues>,
    to_feed: Condvar,
    to_join: Condvar,
}

#[derive(Default)]
struct Queues {
    feeding: VecDeque<Arc<Project>>,
    joining: VecDeque<Arc<Project>>,
    known: Vec<Arc<Project>>,
    closing: bool,
}

impl Feed {
    pub fn new(
        snapshots: Arc<dyn Snapshots>,
        clock: Arc<dyn Clock>,
        options: InsightsOptions,
    ) -> Result<Feed, AskError> {
        tend::open(&options.folder)?;
        let (to_feed, to_join) = (Condvar::new(), Condvar::new());
        Ok(Feed { snapshots, clock, options, queues: Mutex::default(), to_feed, to_join })
    }

    /// Starts the threads; gives back those worth waiting for at the end. Joining may take long, and nothing is lost with it.
    pub fn start(self: &Arc<Feed>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let spawn = |name: &str, run: fn(&Feed)| {
            let feed = self.clone();
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&feed))
        };
        drop(spawn("insights-join", Feed::join)?);
        Ok(vec![spawn("insights-feed", Feed::feed)?])
    }

    pub fn close(&self) {
        let known = {
            let mut queues = self.queues();
            queues.closing = true;
            queues.known.clone()
        };
        self.to_feed.notify_all();
        self.to_join.notify_all();
        known.iter().for_each(|project| project.fail(AskError::Closed));
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The project of this name.
    pub fn project(&self, name: &str) -> Arc<Project> {
        let mut queues = self.queues();
        if let Some(known) = queues.known.iter().find(|known| *known.name == *name) {
            return known.clone();
        }
        let project = Arc::new(Project::new(name, tend::folder_of(&self.options.folder, name)));
        queues.known.push(project.clone());
        project
    }

    /// Has a project looked after.
    pub fn schedule(&self, project: &Arc<Project>) {
        self.queues().feeding.push_back(project.clone());
        self.to_feed.notify_one();
    }

    fn feed(&self) {
        let (mut ticked, mut tended) = (Instant::now(), Tended::new(&self.options));
        while let Some(project) = self.next_to_feed(&mut ticked, &mut tended) {
            let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(&project)));
            match step {
                Ok(Ok(true)) => self.queues().feeding.push_back(project),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::error!(project = %project.name, %error, "the projection of a project cannot be made");
                    project.projection().reset();
                    project.fail(error);
                }
                Err(_) => {
                    tracing::error!(project = %project.name, "the projection of a project ended by a panic");
                    project.projection().reset();
                    project.fail(AskError::Closed);
                }
            }
        }
    }

    fn next_to_feed(&self, ticked: &mut Instant, tended: &mut Tended) -> Option<Arc<Project>> {
        let mut queues = self.queues();
        loop {
            if queues.closing {
                return None;
            }
            if let Some(project) = queues.feeding.pop_front() {
                return Some(project);
            }
            queues = self.to_feed.wait_timeout(queues, EVERY).unwrap_or_else(PoisonError::into_inner).0;
            if queues.feeding.is_empty() && ticked.elapsed() >= EVERY {
                *ticked = Instant::now();
                let mut due = queues.known.clone();
                // A project that is asked about schedules itself while it is locked.
                drop(queues);
                if tended.is_due() {
                    tended.tend(&due, &self.options);
                }
                // Who is put away so soon is not brought back unasked.
                due.retain(|project| project.is_due(LATELY.min(self.options.idle_max), RARELY));
                queues = self.queues();
                queues.feeding.extend(due);
            }
        }
    }

    /// One step of a project; whether there are more.
    fn step(&self, project: &Arc<Project>) -> Result<bool, AskError> {
        let mut projection = project.projection();
        for needs in project.take_wanted() {
            projection.want(&needs, self.options.columns_asked_max);
        }
        let take = || {
            let moment = Moment { instant: Instant::now(), time: self.clock.now() };
            let snapshot = self.snapshots.snapshot(&project.name);
            (snapshot.unwrap_or_else(|| Arc::new(ProjectSnapshot::empty())), moment)
        };
        match projection.step(self.options.dictionary_bytes_max, take)? {
            Step::More => {
                project.set_progress(projection.rows_done, projection.rows_all);
                Ok(true)
            }
            Step::Done(moment, view) => {
                let is_new = view.is_some();
                project.set_memory_bytes(projection.memory_bytes());
                project.finish(moment, view);
                // Nobody waits for it.
                projection.save();
                if is_new && projection.join_due().is_some() {
                    drop(projection);
                    self.queues().joining.push_back(project.clone());
                    self.to_join.notify_one();
                }
                Ok(false)
            }
        }
    }

    fn join(&self) {
        if let Err(error) = rustix::process::setpriority_process(None, JOIN_NICE) {
            tracing::debug!(%error, "runs are joined at normal priority");
        }
        while let Some(project) = self.next_to_join() {
            let Some(work) = project.projection().join_due() else { continue };
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.run())) {
                Ok(Ok(run)) => project.projection().install(&work, run),
                Ok(Err(error)) => tracing::error!(project = %project.name, %error, "runs cannot be joined"),
                Err(_) => tracing::error!(project = %project.name, "joining runs ended by a panic"),
            }
        }
    }

    fn next_to_join(&self) -> Option<Arc<Project>> {
        let mut queues = self.queues();
        loop {
            if queues.closing {
                return None;
            }
            if let Some(project) = queues.joining.pop_front() {
                return Some(project);
            }
            queues = self.to_join.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
