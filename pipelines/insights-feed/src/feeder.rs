//! The threads that keep projections up to date: one takes rows in, project by project in small steps, so that a large
//! project does not hold up the others; one joins and saves runs while the machine has time.

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
use crate::shelf::Save;
use crate::tend::{self, Tended};

/// Projects that were asked about so lately are kept up to date without being asked.
const LATELY: Duration = Duration::from_secs(120);
/// … this often at most.
const OFTEN: Duration = Duration::from_millis(300);
/// … but so often that a view is hardly ever older. Questions take one that is a little older (`AskLimits`).
const AGE: Duration = Duration::from_millis(750);
/// It is looked this often who is due.
const EVERY: Duration = Duration::from_millis(100);
/// Others that are in memory this often.
const RARELY: Duration = Duration::from_secs(10);
/// A view that took longer is told of.
const SLOW: Duration = Duration::from_secs(1);
/// Niceness of joining and saving: questions go first.
const TIDY_NICE: i32 = 10;

/// What the threads share.
pub(crate) struct Feed {
    snapshots: Arc<dyn Snapshots>,
    clock: Arc<dyn Clock>,
    options: InsightsOptions,
    queues: Mutex<Queues>,
    to_feed: Condvar,
    to_tidy: Condvar,
}

#[derive(Default)]
struct Queues {
    feeding: VecDeque<Arc<Project>>,
    tidying: VecDeque<Tidy>,
    is_saving: bool,
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
        let (to_feed, to_tidy) = (Condvar::new(), Condvar::new());
        Ok(Feed { snapshots, clock, options, queues: Mutex::default(), to_feed, to_tidy })
    }

    /// Starts the threads; gives back those worth waiting for at the end. Joining may take long, and nothing is lost with it.
    pub fn start(self: &Arc<Feed>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let spawn = |name: &str, run: fn(&Feed)| {
            let feed = self.clone();
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&feed))
        };
        let tidying = spawn("insights-tidy", Feed::tidy)?;
        let mut threads = vec![spawn("insights-feed", Feed::feed)?];
        // Tests look at the folder afterwards.
        threads.extend(cfg!(test).then_some(tidying));
        Ok(threads)
    }

    pub fn close(&self) {
        let known = {
            let mut queues = self.queues();
            queues.closing = true;
            queues.known.clone()
        };
        self.to_feed.notify_all();
        self.to_tidy.notify_all();
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
        let (known, waiting) = {
            let mut queues = self.queues();
            while queues.is_saving {
                queues = self.to_feed.wait(queues).unwrap_or_else(PoisonError::into_inner);
            }
            (queues.known.clone(), std::mem::take(&mut queues.tidying))
        };
        for work in waiting {
            if let Tidy::Save(save) = work {
                save.run_or_tell();
            }
        }
        known.iter().filter_map(|project| project.projection().save_due()).for_each(Save::run_or_tell);
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
                let lately = LATELY.min(self.options.idle_max);
                due.retain(|project| project.is_due(lately, RARELY, OFTEN, AGE));
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
        let begun = Instant::now();
        let step = projection.step(self.options.dictionary_bytes_max, self.options.threads, take)?;
        let made = begun.elapsed();
        match step {
            Step::More => {
                project.set_progress(projection.rows_done, projection.rows_all);
                Ok(true)
            }
            Step::Done(moment, view) => {
                let is_new = view.is_some();
                // Questions have the view before until what they have had merged is merged in this one.
                if let (Some(view), Some(before)) = (&view, project.current()) {
                    view.snapshot.warm_as(&before.snapshot, self.options.threads);
                }
                let merged = begun.elapsed().saturating_sub(made);
                if let Some(took) = moment.map(|moment| moment.instant.elapsed()).filter(|_| is_new) {
                    metrics::histogram!("footfall_insights_view_seconds").record(took.as_secs_f64());
                    if took > SLOW {
                        tracing::info!(project = %project.name, ?took, ?made, ?merged, "a view of a project took long to make");
                    } else {
                        tracing::debug!(project = %project.name, ?took, ?made, ?merged, "a view of a project");
                    }
                }
                project.set_memory_bytes(projection.memory_bytes());
                project.finish(moment, view);
                let save = projection.save_due();
                let is_join_due = is_new && projection.join_due().is_some();
                drop(projection);
                if save.is_some() || is_join_due {
                    let mut queues = self.queues();
                    queues.tidying.extend(save.map(Box::new).map(Tidy::Save));
                    queues.tidying.extend(is_join_due.then(|| Tidy::Join(project.clone())));
                    self.to_tidy.notify_one();
                }
                Ok(false)
            }
        }
    }

    /// Saves and joins. The other thread waits for a save at the end, and does those that are left.
    fn tidy(&self) {
        if let Err(error) = rustix::process::setpriority_process(None, TIDY_NICE) {
            tracing::debug!(%error, "projections are tidied at normal priority");
        }
        while let Some(work) = self.next_to_tidy() {
            match work {
                Tidy::Save(save) => {
                    // Whoever ends waits for it, however it ends.
                    let save = std::panic::AssertUnwindSafe(|| save.run_or_tell());
                    if std::panic::catch_unwind(save).is_err() {
                        tracing::error!("saving a projection ended by a panic");
                    }
                    self.queues().is_saving = false;
                    self.to_feed.notify_all();
                }
                Tidy::Join(project) => join(&project),
            }
        }
    }

    fn next_to_tidy(&self) -> Option<Tidy> {
        let mut queues = self.queues();
        loop {
            if queues.closing {
                return None;
            }
            match queues.tidying.pop_front() {
                // A later one says more.
                Some(Tidy::Save(save)) if queues.tidying.iter().any(|other| other.replaces(&save)) => continue,
                Some(work) => {
                    queues.is_saving = matches!(work, Tidy::Save(_));
                    return Some(work);
                }
                None => {}
            }
            queues = self.to_tidy.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What needs not be done at once.
enum Tidy {
    Save(Box<Save>),
    Join(Arc<Project>),
}

impl Tidy {
    fn replaces(&self, save: &Save) -> bool {
        matches!(self, Tidy::Save(other) if other.project() == save.project())
    }
}

/// Joins runs of a project.
fn join(project: &Project) {
    let Some(work) = project.projection().join_due() else { return };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.run())) {
        Ok(Ok(run)) => project.projection().install(&work, run),
        Ok(Err(error)) => tracing::error!(project = %project.name, %error, "runs cannot be joined"),
        Err(_) => tracing::error!(project = %project.name, "joining runs ended by a panic"),
    }
}
