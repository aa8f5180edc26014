//! Asking a question: segments are shared out among threads, each with its own state; states are joined at the end.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::reader::Reader;
use super::{
    active, activities, cohort, compare, correlation, distribution, exposures, funnel, funnel_groups, lifecycle, paths,
    people, places, ranking, retention, sessions, stickiness, time_between, trend,
};
use crate::control::Control;
use crate::definition::{Answer, Cohort, Funnel, Question, Scope, is_sampled, zone};
use crate::projection::{GroupProperty, PersonSet, Snapshot};
use crate::spill::Room;
use crate::{InsightError, PeopleList, memory};

/// Answers questions with some threads.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    pub threads: usize,
}

/// An answer and what it took.
#[derive(Debug, Clone)]
pub struct Asked {
    pub answer: Answer,
    /// Rows, or where sessions were enough sessions, that were looked at.
    pub rows_read: u64,
    pub bytes_read: u64,
}

impl Engine {
    /// Asks a question of a snapshot. Setting `cancel` ends it with [`InsightError::Cancelled`] after the segment at hand.
    pub fn ask(&self, snapshot: &Snapshot, question: &Question, cancel: &AtomicBool) -> Result<Asked, InsightError> {
        self.answer(Context::new(snapshot, self.threads, cancel), question)
    }

    /// As [`Engine::ask`], under a control that bounds it and tells how far it is.
    pub fn ask_under(
        &self,
        snapshot: &Snapshot,
        question: &Question,
        control: &Control,
    ) -> Result<Asked, InsightError> {
        let cancel = AtomicBool::new(false);
        let context = Context { control: Some(control), ..Context::new(snapshot, self.threads, &cancel) };
        // Also where an operator panics.
        let _ends = Ends(control);
        self.answer(context, question)
    }

    /// As [`Engine::ask_under`], of one in so many segments alone, as if there were no other people. They lie evenly among all,
    /// as persons are in the order of their first appearance. `None` where that is nobody, or everybody.
    pub fn ask_part(
        &self,
        snapshot: &Snapshot,
        question: &Question,
        control: &Control,
        one_in: usize,
    ) -> Result<Option<Asked>, InsightError> {
        let segments = snapshot.segments();
        let part: Vec<u32> = segments.iter().copied().step_by(one_in.max(1)).collect();
        if part.len() == segments.len() {
            return Ok(None);
        }
        let cancel = AtomicBool::new(false);
        let context =
            Context { control: Some(control), part: Some(&part), ..Context::new(snapshot, self.threads, &cancel) };
        let _ends = Ends(control);
        let _quiet = Quiet::new(control);
        self.answer(context, question).map(Some)
    }

    /// The people of a cohort, under a control.
    pub fn people_under(
        &self,
        snapshot: &Snapshot,
        cohort: &Cohort,
        control: &Control,
    ) -> Result<PersonSet, InsightError> {
        let _ends = Ends(control);
        let cancel = AtomicBool::new(false);
        let context = Context { control: Some(control), ..Context::new(snapshot, self.threads, &cancel) };
        cohort::people(&context, cohort)
    }

    fn answer(&self, context: Context<'_>, question: &Question) -> Result<Asked, InsightError> {
        question.check_size()?;
        if let Some(scope) = question.scope() {
            zone(&scope.zone)?;
        }
        let answer = match question {
            Question::Trend(trend) => Answer::Trend(trend::answer(&context, trend)?),
            Question::Funnel(funnel) => Answer::Funnel(funnel_groups::answer(&context, funnel)?),
            Question::Retention(retention) => Answer::Retention(retention::answer(&context, retention)?),
            Question::Paths(paths) => Answer::Paths(paths::answer(&context, paths)?),
            Question::Lifecycle(lifecycle) => Answer::Lifecycle(lifecycle::answer(&context, lifecycle)?),
            Question::Stickiness(stickiness) => Answer::Stickiness(stickiness::answer(&context, stickiness)?),
            Question::Sessions(sessions) => Answer::Sessions(sessions::answer(&context, sessions)?),
            Question::Cohort(people) => Answer::Cohort(cohort::answer(&context, people)?),
            Question::Distribution(distribution) => Answer::Distribution(distribution::answer(&context, distribution)?),
            Question::ActivePeople(active) => Answer::ActivePeople(active::answer(&context, active)?),
            Question::TimeBetween(between) => Answer::TimeBetween(time_between::answer(&context, between)?),
            Question::Ranking(ranking) => Answer::Ranking(ranking::answer(&context, ranking)?),
            Question::Correlation(asked) => Answer::Correlation(correlation::answer(&context, asked)?),
            Question::Compare(asked) => Answer::Compare(compare::answer(&context, asked)?),
            Question::Places(asked) => Answer::Places(places::answer(&context, asked)?),
            Question::People(of) => Answer::People(people::answer(&context, of)?),
            Question::Activities(of) => Answer::Activities(activities::answer(&context, of)?),
            Question::Exposures(asked) => Answer::Exposures(exposures::answer(&context, asked)?),
        };
        let (rows_read, bytes_read) = (context.rows.into_inner(), context.bytes.into_inner());
        Ok(Asked { answer, rows_read, bytes_read })
    }

    /// The people of a cohort.
    pub fn people(&self, snapshot: &Snapshot, cohort: &Cohort, cancel: &AtomicBool) -> Result<PersonSet, InsightError> {
        cohort::people(&Context::new(snapshot, self.threads, cancel), cohort)
    }

    /// The people of a funnel who reached exactly level `level`: who dropped there, or with the last, who converted.
    pub fn funnel_people(
        &self,
        snapshot: &Snapshot,
        funnel: &Funnel,
        level: usize,
        cancel: &AtomicBool,
    ) -> Result<PersonSet, InsightError> {
        funnel::people(&Context::new(snapshot, self.threads, cancel), funnel, |reached| reached == level)
    }
}

struct Ends<'c>(&'c Control);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Parts are no progress.
struct Quiet<'c>(&'c Control);

impl Quiet<'_> {
    fn new(control: &Control) -> Quiet<'_> {
        control.be_quiet(true);
        Quiet(control)
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.0.be_quiet(false);
    }
}

/// A question being answered.
pub(crate) struct Context<'a> {
    pub snapshot: &'a Snapshot,
    threads: usize,
    cancel: &'a AtomicBool,
    control: Option<&'a Control>,
    /// The segments whose people are all there are.
    part: Option<&'a [u32]>,
    /// Of the thread that asks: what it held when that was last counted.
    held: AtomicI64,
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> Context<'a> {
    pub fn new(snapshot: &'a Snapshot, threads: usize, cancel: &'a AtomicBool) -> Context<'a> {
        let (rows, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let held = AtomicI64::new(memory::held());
        Context { snapshot, threads: threads.max(1), cancel, control: None, part: None, held, rows, bytes }
    }

    /// The segments that the question is about.
    pub fn segments(&self) -> Vec<u32> {
        self.part.map_or_else(|| self.snapshot.segments(), <[u32]>::to_vec)
    }

    /// What a thread may hold of what it gathers.
    pub fn room(&self) -> Room<'a> {
        self.control.map_or_else(Room::endless, |control| Room::share(control, self.threads))
    }

    /// Counts what the asking thread has allocated; what ends the question, if anything does. For what is not done by segment.
    pub fn look(&self) -> Result<(), InsightError> {
        if let Some(control) = self.control {
            control.weigh(&self.held);
        }
        self.verdict()
    }

    /// A list of people that the question names.
    pub fn people_list(&self, name: &str) -> Option<&'a PeopleList> {
        self.control?.people_list(name)
    }

    /// The people a scope is limited to.
    pub fn people(&self, scope: &Scope) -> Result<Option<PersonSet>, InsightError> {
        let people = scope.people.as_ref().map(|cohort| cohort::people(self, cohort)).transpose()?;
        let Some(share) = scope.sample else { return Ok(people) };
        if !(share > 0.0 && share <= 1.0) {
            return Err(InsightError::question("sample", "must be above 0, and at most 1"));
        }
        let names = self.snapshot.dictionaries.persons.names();
        let is_in = |ordinal: &u32| is_sampled(names.text(*ordinal), share);
        Ok(Some(match people {
            Some(people) => people.iter().filter(is_in).collect(),
            None => (0..names.len() as u32).filter(is_in).collect(),
        }))
    }

    /// The place of a property of persons.
    pub fn trait_of(&self, name: &str) -> Result<usize, InsightError> {
        let known = || self.snapshot.traits.iter().map(|one| one.name.clone()).collect();
        let found = self.snapshot.traits.iter().position(|one| one.name == name);
        found.ok_or_else(|| InsightError::UnknownProperty { name: name.to_owned(), known: known() })
    }

    /// A property of groups of a type.
    pub fn group_property(&self, group: &str, property: &str) -> Result<&'a GroupProperty, InsightError> {
        let known = || self.snapshot.groups.iter().map(|one| format!("{} of {}", one.property, one.group)).collect();
        let found = self.snapshot.groups.iter().find(|one| one.group == group && one.property == property);
        found
            .map(|found| found.as_ref())
            .ok_or_else(|| InsightError::UnknownProperty { name: format!("{property} of {group}"), known: known() })
    }

    /// The people of a scope who are also in a group.
    pub fn people_and(&self, scope: &Scope, group: &Cohort) -> Result<PersonSet, InsightError> {
        let group = cohort::people(self, group)?;
        Ok(match self.people(scope)? {
            Some(people) => group.iter().filter(|&person| people.contains(person)).collect(),
            None => group,
        })
    }

    /// Works on every segment, on all threads; the states of the threads, in no particular order.
    pub(super) fn each_segment<A: Send>(
        &self,
        state: impl Fn() -> A + Sync,
        work: impl Fn(&mut A, &mut Reader<'a>, u32) + Sync,
    ) -> Result<Vec<A>, InsightError> {
        self.each_of(&self.segments(), state, work)
    }

    /// As [`Context::each_segment`], for these segments in this order.
    pub(super) fn each_of<A: Send>(
        &self,
        segments: &[u32],
        state: impl Fn() -> A + Sync,
        work: impl Fn(&mut A, &mut Reader<'a>, u32) + Sync,
    ) -> Result<Vec<A>, InsightError> {
        if let Some(control) = self.control {
            control.begin(segments.len());
            control.weigh(&self.held);
        }
        let next = AtomicUsize::new(0);
        let states = Mutex::new(Vec::new());
        let worker = |held: &AtomicI64| {
            let mut state = state();
            let mut reader = Reader::new(self.snapshot);
            while let Some(&segment) = segments.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.is_over() {
                    return;
                }
                work(&mut state, &mut reader, segment);
                if let Some(control) = self.control {
                    control.passed(held);
                }
            }
            self.rows.fetch_add(reader.rows, Ordering::Relaxed);
            self.bytes.fetch_add(reader.bytes, Ordering::Relaxed);
            states.lock().unwrap_or_else(PoisonError::into_inner).push(state);
        };
        let others = self.threads.min(segments.len()).saturating_sub(1);
        let panicked = thread::scope(|scope| {
            let handles: Vec<_> =
                (0..others).map(|_| scope.spawn(|| worker(&AtomicI64::new(memory::held())))).collect();
            worker(&self.held);
            handles.into_iter().any(|handle| handle.join().is_err())
        });
        if panicked {
            return Err(InsightError::Thread);
        }
        self.verdict()?;
        Ok(states.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether anything ends the question before its time.
    fn is_over(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || self.control.is_some_and(Control::is_over)
    }

    /// What ends the question before its time, if anything does.
    fn verdict(&self) -> Result<(), InsightError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(InsightError::Cancelled);
        }
        self.control.map_or(Ok(()), Control::verdict)
    }
}
