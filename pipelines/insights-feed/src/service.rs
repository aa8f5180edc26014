//! The service: questions wait for their turn, get a view that is new enough, and are answered on threads of their own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use footfall_ingest_activity::{Clock, Timestamp};
use footfall_pipelines_insights::definition::{
    Answer, Cohort, CohortAnswer, CohortPeople, Needs, Question, SQL_COLUMN,
};
use footfall_pipelines_insights::projection::Snapshot;
use footfall_pipelines_insights::{
    Asked, Control, Engine, InsightError, MemoryPool, PeopleList, SpillFolder, rows_about,
};
use footfall_pipelines_store::query::{RowExpression, Snapshots};
use tokio::sync::Semaphore;

use crate::cache::{Cache, Key};
use crate::error::AskError;
use crate::feeder::Feed;
use crate::job::{Asker, Job, Outcome};
use crate::options::{AskLimits, InsightsOptions};
use crate::people_lists::PeopleLists;
use crate::queue::{Places, Turn, Turns};
use crate::speeds::{Speeds, parts};

/// An answer and what it took.
#[derive(Debug, Clone)]
pub struct Answered {
    pub answer: Answer,
    /// It is of the rows that were visible at this moment.
    pub as_of: Timestamp,
    /// Rows, or where sessions were enough sessions, that were looked at.
    pub rows_read: u64,
    pub bytes_read: u64,
    /// Working it out, without waiting.
    pub took: Duration,
    /// It was worked out for an earlier question, and nothing has come since.
    pub is_cached: bool,
}

/// How far a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The project's activity is read, for the first time or with another property.
    Preparing { rows_done: u64, rows_all: u64 },
    /// For its turn, or for a view that is new enough.
    Waiting,
    /// Of the segments that are known of: a question may go over them more than once.
    Asking { segments_done: u64, segments_all: u64 },
}

/// An answer for a part of the people, while all of them are still being asked about.
#[derive(Debug, Clone)]
pub struct Partly {
    /// As if there were no others.
    pub answer: Answer,
    /// Above 0, below 1: of the segments of people.
    pub share: f64,
    /// It is of the rows that were visible at this moment.
    pub as_of: Timestamp,
}

/// As many ids as there are: more than a question may list.
const EVERYBODY: usize = usize::MAX;
/// About 200 MB of ids.
const EVERYBODY_MAX: usize = 3_000_000;

/// Niceness of questions: where processors are short, what comes in goes first, and the views that questions wait for.
const QUESTION_NICE: i32 = 5;

/// Each takes a thread of the runtime that waits.
const PREPARING_MAX: usize = 64;

/// Answers questions about the activity of projects. Dropping it ends its threads.
pub struct Insights {
    pub(crate) shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

pub(crate) struct Shared {
    feed: Arc<Feed>,
    engine: Engine,
    /// What questions may take while they are worked on, together and each.
    memory: Arc<MemoryPool>,
    question_bytes_max: usize,
    /// What each may gather in memory; the rest goes to the folder.
    gathered_bytes_max: usize,
    pub(crate) spill: Arc<SpillFolder>,
    /// Bytes written there that metrics have.
    spilled_told: AtomicU64,
    speeds: Speeds,
    parts_after: Duration,
    state: Mutex<State>,
    wake: Condvar,
    lists: Mutex<PeopleLists>,
    /// Places for those who wait for the first view of a project.
    preparing: Arc<Semaphore>,
}

struct State {
    turns: Turns<Arc<Job>>,
    /// Questions that wait or are worked on, so that the same one is not worked on twice.
    under_way: HashMap<(Arc<str>, Arc<str>), Arc<Job>>,
    cache: Cache,
    closing: bool,
}

/// Says that a future is dropped to a thread that waits for it.
#[derive(Default)]
struct Leaves(Arc<AtomicBool>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Insights {
    /// Starts the threads.
    pub fn new(
        snapshots: Arc<dyn Snapshots>,
        clock: Arc<dyn Clock>,
        options: InsightsOptions,
    ) -> Result<Insights, AskError> {
        let failed = |source| InsightError::File { action: "starting", path: "a thread".into(), source };
        let feed = Arc::new(Feed::new(snapshots, clock, options.clone())?);
        let mut threads = feed.start().map_err(failed)?;
        let places = Places {
            of_project: options.questions_concurrent_of_project,
            heavy: options.questions_concurrent.saturating_sub(1),
            waiting: options.questions_waiting,
            light: micros(options.heavy),
        };
        let state = State {
            turns: Turns::new(places),
            under_way: HashMap::new(),
            cache: Cache::new(options.cache_bytes),
            closing: false,
        };
        let preparing = Arc::new(Semaphore::new(options.questions_waiting.min(PREPARING_MAX)));
        let engine = Engine { threads: options.threads };
        let memory = Arc::new(MemoryPool::new(options.questions_bytes_max));
        let shared = Arc::new(Shared {
            feed,
            engine,
            memory,
            question_bytes_max: options.question_bytes_max,
            gathered_bytes_max: options.gathered_bytes_max(),
            spill: Arc::new(SpillFolder::open(&options.spill_folder, options.spill_bytes_max)?),
            spilled_told: AtomicU64::new(0),
            speeds: Speeds::default(),
            parts_after: options.parts_after,
            state: Mutex::new(state),
            wake: Condvar::new(),
            lists: Mutex::default(),
            preparing,
        });
        for _ in 0..options.questions_concurrent.max(1) {
            let shared = shared.clone();
            let run = move || {
                if let Err(error) = rustix::process::setpriority_process(None, QUESTION_NICE) {
                    tracing::debug!(%error, "questions are answered at normal priority");
                }
                shared.work();
            };
            threads.push(std::thread::Builder::new().name("insights".into()).spawn(run).map_err(failed)?);
        }
        Ok(Insights { shared, threads })
    }

    /// Asks a question of a project. Dropping the future cancels it, unless somebody else has asked the same.
    pub async fn ask(&self, project: &str, question: &Question, limits: AskLimits) -> Outcome {
        question.check_size()?;
        self.ask_checked(project, question, limits, false).await
    }

    /// As [`Insights::ask`], by somebody who looks at [`Insights::partly`] meanwhile.
    pub async fn ask_listening(&self, project: &str, question: &Question, limits: AskLimits) -> Outcome {
        question.check_size()?;
        self.ask_checked(project, question, limits, true).await
    }

    async fn ask_checked(&self, project: &str, question: &Question, limits: AskLimits, listens: bool) -> Outcome {
        if let Some(kept) = self.shared.kept(project, question, limits.age) {
            return Ok(kept);
        }
        self.prepare(project, question, limits).await?;
        let asker = self.shared.begin(project, question, limits, listens)?;
        let mut outcome = asker.job.outcome.subscribe();
        let arrived = tokio::time::timeout(limits.time, outcome.wait_for(Option::is_some)).await;
        match arrived {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Err(AskError::Closed)),
            Ok(Err(_)) => Err(AskError::Closed),
            Err(_) => match self.shared.feed.project(project).preparing() {
                Some((rows_done, rows_all)) => Err(AskError::Preparing { rows_done, rows_all }),
                None => Err(AskError::TimeLimit { limit: limits.time }),
            },
        }
    }

    /// Throws away what is kept of a project, in memory and on disk: somebody of it is forgotten. It waits for the disk.
    pub fn forget(&self, project: &str) -> Result<(), AskError> {
        self.shared.state().cache.forget(project);
        self.shared.feed.project(project).forget()
    }

    /// Everybody who is in a cohort, with their ids.
    pub async fn everybody(&self, project: &str, cohort: &Cohort, limits: AskLimits) -> Outcome {
        Question::Cohort(CohortPeople { cohort: cohort.clone(), list: 0 }).check_size()?;
        let question = Question::Cohort(CohortPeople { cohort: cohort.clone(), list: EVERYBODY });
        self.ask_checked(project, &question, limits, false).await
    }

    /// Whether a list of people is in memory for questions that name it.
    pub fn knows_list(&self, project: &str, name: &str) -> bool {
        self.shared.lists().get(project, name).is_some()
    }

    /// Keeps a list of people for questions that name it.
    pub fn keep_list(&self, project: &str, list: Arc<PeopleList>) {
        self.shared.lists().put(project, list);
    }

    /// How far a question is that somebody asks just now.
    pub fn progress(&self, project: &str, question: &Question) -> Progress {
        if let Some((rows_done, rows_all)) = self.shared.feed.project(project).preparing() {
            return Progress::Preparing { rows_done, rows_all };
        }
        match self.shared.state().under_way.get(&name_of(project, question)) {
            Some(job) => match job.control.progress() {
                (_, 0) => Progress::Waiting,
                (segments_done, segments_all) => Progress::Asking { segments_done, segments_all },
            },
            None => Progress::Waiting,
        }
    }

    /// What is known of the answer to a question that somebody asks just now: of the largest part that was answered.
    pub fn partly(&self, project: &str, question: &Question) -> Option<Arc<Partly>> {
        let job = self.shared.state().under_way.get(&name_of(project, question)).cloned()?;
        job.partly()
    }

    /// Whether a project's view is in memory; else it begins with what is on disk.
    pub fn is_in_memory(&self, project: &str) -> bool {
        self.shared.feed.project(project).has_view(&Needs::default())
    }

    /// Questions that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.shared.state().turns.len()
    }

    /// Bytes that questions under way take just now.
    pub fn questions_bytes(&self) -> u64 {
        u64::try_from(self.shared.memory.bytes()).unwrap_or(0)
    }

    /// Bytes that questions under way have on disk.
    pub fn spilled_bytes(&self) -> u64 {
        self.shared.spill.bytes()
    }

    /// Waits until there is a view at all: a project that is being prepared must not take the places of others.
    async fn prepare(&self, project: &str, question: &Question, limits: AskLimits) -> Result<(), AskError> {
        let (needs, project) = (question.needs(), self.shared.feed.project(project));
        if project.has_view(&needs) {
            return Ok(());
        }
        let place = self.shared.preparing.clone().try_acquire_owned().map_err(|_| AskError::Busy)?;
        let (feed, deadline) = (self.shared.feed.clone(), Instant::now() + limits.time);
        let leaves = Leaves::default();
        let gone = leaves.0.clone();
        let wait = move || {
            let (_place, gone) = (place, || gone.load(Ordering::Relaxed));
            project.view(&needs, limits.age, deadline, gone, || feed.schedule(&project)).map(drop)
        };
        tokio::task::spawn_blocking(wait).await.map_err(|_| AskError::Closed)?
    }
}

impl Drop for Insights {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.shared.state();
            state.closing = true;
            state.under_way.values().for_each(|job| job.control.cancel());
            state.turns.drain()
        };
        waiting.iter().for_each(|job| job.finish(Err(AskError::Closed)));
        self.shared.wake.notify_all();
        self.shared.feed.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the insights ended by a panic");
            }
        }
    }
}

/// What turns are taken by.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What the same question of the same project has the same of.
fn name_of(project: &str, question: &Question) -> (Arc<str>, Arc<str>) {
    (project.into(), serde_json::to_string(question).unwrap_or_default().into())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lists(&self) -> MutexGuard<'_, PeopleLists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a question that was answered of the view that it would get at once: it need not wait for its turn.
    fn kept(&self, project: &str, question: &Question, age: Duration) -> Option<Arc<Answered>> {
        let (view, as_of) = self.feed.project(project).view_at_hand(&question.needs(), age)?;
        let (project, definition) = name_of(project, question);
        let known = self.state().cache.get(&Key { project, content: view.content, definition })?;
        Some(Arc::new(Answered { as_of, is_cached: true, ..(*known).clone() }))
    }

    pub(crate) fn begin(
        &self,
        project: &str,
        question: &Question,
        limits: AskLimits,
        listens: bool,
    ) -> Result<Asker, AskError> {
        let name = name_of(project, question);
        let rows = self.feed.project(project).current().map_or(0, |view| rows_about(&view.snapshot, question));
        let cost = micros(self.speeds.expected(question, rows));
        let lists = question.uploaded().into_iter().filter_map(|list| self.lists().get(project, list)).collect();
        let mut state = self.state();
        if state.closing {
            return Err(AskError::Closed);
        }
        let known = state.under_way.get(&name);
        if let Some(asker) = known.and_then(|job| Asker::joining(job, limits, listens)) {
            return Ok(asker);
        }
        let control = Control::new(self.question_bytes_max, Some(self.memory.clone()))
            .with_lists(lists)
            .with_spill(self.spill.clone(), self.gathered_bytes_max);
        let job = Arc::new(Job::new(&name, question, limits, control));
        let asker = Asker::first(job.clone(), listens);
        state.turns.push(&name.0, cost, job.clone()).map_err(|_| AskError::Busy)?;
        state.under_way.insert(name, job);
        self.wake.notify_one();
        Ok(asker)
    }

    fn work(&self) {
        while let Some(turn) = self.next() {
            let job = &turn.question;
            let answer = std::panic::AssertUnwindSafe(|| self.answer(job));
            let outcome = std::panic::catch_unwind(answer).unwrap_or(Err(InsightError::Thread.into()));
            {
                let mut state = self.state();
                state.turns.done(&turn);
                let name = (job.project.clone(), job.definition.clone());
                if state.under_way.get(&name).is_some_and(|known| Arc::ptr_eq(known, job)) {
                    state.under_way.remove(&name);
                }
            }
            self.wake.notify_all();
            job.finish(outcome);
        }
    }

    fn next(&self) -> Option<Turn<Arc<Job>>> {
        let mut state = self.state();
        loop {
            if state.closing {
                return None;
            }
            if let Some(next) = state.turns.pop() {
                return Some(next);
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ask(&self, snapshot: &Snapshot, job: &Job) -> Result<Asked, AskError> {
        let Question::Cohort(CohortPeople { cohort, list: EVERYBODY }) = &job.question else {
            return Ok(self.engine.ask_under(snapshot, &job.question, &job.control)?);
        };
        let people = self.engine.people_under(snapshot, cohort, &job.control)?;
        let count = people.len();
        if count > EVERYBODY_MAX {
            return Err(AskError::TooManyPeople { most: EVERYBODY_MAX });
        }
        let answer = CohortAnswer { people: count as u64, listed: snapshot.ids(&people, EVERYBODY_MAX) };
        Ok(Asked { answer: Answer::Cohort(answer), rows_read: 0, bytes_read: 0 })
    }

    /// Answers a question that will take long for parts of the people first, if anybody listens.
    fn ask_parts(&self, snapshot: &Snapshot, job: &Job, rows: u64, as_of: Timestamp) -> Result<(), AskError> {
        let (expected, all) = (self.speeds.expected(&job.question, rows), snapshot.segments().len());
        let within = job.deadline().saturating_duration_since(Instant::now());
        let mut known = 0;
        for one_in in parts(expected, self.parts_after, within) {
            let count = all.div_ceil(one_in);
            if !job.has_listeners() || count == known {
                continue;
            }
            let Some(asked) = self.engine.ask_part(snapshot, &job.question, &job.control, one_in)? else { break };
            known = count;
            let share = count as f64 / all as f64;
            let partly = Partly { answer: asked.answer, share, as_of };
            job.tell_part(partly);
        }
        Ok(())
    }

    fn answer(&self, job: &Job) -> Outcome {
        if job.control.is_cancelled() {
            return Err(InsightError::Cancelled.into());
        }
        let needs = job.question.needs();
        for (name, _) in &needs.columns {
            let Some(Err(error)) = name.strip_prefix(SQL_COLUMN).map(RowExpression::parse) else { continue };
            return Err(InsightError::Question { field: "sql", problem: error.to_string() }.into());
        }
        let project = self.feed.project(&job.project);
        let schedule = || self.feed.schedule(&project);
        let gone = || job.control.is_cancelled();
        let (view, as_of) = project.view(&needs, job.limits.age, job.deadline(), gone, schedule)?;
        if let Some((name, _)) = needs.columns.iter().find(|(name, _)| view.full.contains(name)) {
            return Err(AskError::TooManyValues { name: name.clone() });
        }
        let key = Key { project: job.project.clone(), content: view.content, definition: job.definition.clone() };
        if let Some(known) = self.state().cache.get(&key) {
            return Ok(Arc::new(Answered { as_of, is_cached: true, ..(*known).clone() }));
        }
        let rows = rows_about(&view.snapshot, &job.question);
        self.ask_parts(&view.snapshot, job, rows, as_of)?;
        let started = Instant::now();
        let asked = self.ask(&view.snapshot, job)?;
        let took = started.elapsed();
        self.speeds.learn(&job.question, rows, took);
        let spilled = self.spill.bytes_ever();
        let told = self.spilled_told.fetch_max(spilled, Ordering::Relaxed);
        metrics::counter!("footfall_insights_spilled_bytes_total").increment(spilled.saturating_sub(told));
        metrics::histogram!("footfall_insights_seconds").record(took.as_secs_f64());
        let bytes = serde_json::to_vec(&asked.answer).map_or(usize::MAX / 2, |text| text.len());
        let (rows_read, bytes_read) = (asked.rows_read, asked.bytes_read);
        let answered =
            Arc::new(Answered { answer: asked.answer, as_of, rows_read, bytes_read, took, is_cached: false });
        self.state().cache.put(key, answered.clone(), bytes);
        Ok(answered)
    }
}
