//! Funnels: the postings of the steps are gone through together, person by person.

use std::cmp::Ordering;

use super::compile::Compiled;
use super::division::{Division, Values, put};
use super::engine::Context;
use super::funnel_match::{Chains, Entry, Matcher, Outcome, STEPS_MAX};
use super::funnel_steps;
use super::order::{PersonPlaces, each_person};
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{Attribution, Buckets, Funnel, FunnelOrder};
use crate::projection::{PersonSet, Postings, SEGMENT_PERSONS, Snapshot, join_person};

/// The people whose level (at least 1) is wanted.
pub(super) fn people(
    context: &Context<'_>,
    funnel: &Funnel,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Result<PersonSet, InsightError> {
    let people = context.people(&funnel.scope)?;
    of_plan(context, &Plan::new(context, funnel, people)?, wanted)
}

/// As [`people`], of these alone.
pub(super) fn people_among(
    context: &Context<'_>,
    funnel: &Funnel,
    people: PersonSet,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Result<PersonSet, InsightError> {
    of_plan(context, &Plan::new(context, funnel, Some(people))?, wanted)
}

fn of_plan(
    context: &Context<'_>,
    plan: &Plan<'_>,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Result<PersonSet, InsightError> {
    let states = plan.run(context, PersonSet::default, |set: &mut PersonSet, person, found| {
        if wanted(found.outcome.level) {
            set.insert(person);
        }
    })?;
    Ok(states.iter().flat_map(PersonSet::iter).collect())
}

/// What is found of one person.
#[derive(Clone, Copy)]
pub(super) struct Found<'s> {
    pub outcome: Outcome,
    /// The time of the first row of step 1; of an unordered funnel of any.
    pub first: i64,
    /// Code of the breakdown's value.
    pub code: u32,
    /// Of the trend: buckets with a row of step 1, and the level from there.
    pub trend: &'s [(usize, usize)],
    /// When each step of the conversion was taken, if that is asked for.
    pub times: &'s [i64],
}

/// A funnel ready to run.
pub(super) struct Plan<'a> {
    matcher: Matcher,
    /// Steps, then exclusions.
    selectors: Vec<Compiled>,
    pub steps: usize,
    /// Every activity of any selector, with the selectors it is in.
    activities: Vec<(u16, Vec<usize>)>,
    /// No activity is in two selectors, every step has one activity, nothing is excluded, and order is all that counts.
    apart: bool,
    span: (i64, i64),
    people: Option<PersonSet>,
    pub buckets: Option<Buckets>,
    /// What the breakdown is by.
    pub division: Option<Division<'a>>,
    touch: Option<(usize, Attribution)>,
    /// Of the histogram of times, where times are asked for.
    pub bounds_ms: Option<Vec<i64>>,
}

struct State<'a, A> {
    own: A,
    postings: Vec<Postings<'a>>,
    /// For each row of each postings the bits of the selectors it matches.
    bits: Vec<Vec<u32>>,
    entries: Vec<Entry>,
    times: Vec<i64>,
    places: Vec<PersonPlaces>,
    chains: Chains,
    trend: Vec<(usize, usize)>,
    taken: Vec<i64>,
}

impl<'p> Plan<'p> {
    pub fn new(context: &Context<'p>, funnel: &Funnel, people: Option<PersonSet>) -> Result<Plan<'p>, InsightError> {
        let steps = funnel.steps.len();
        check(funnel)?;
        let exclusions = funnel.exclusions.iter().map(|exclusion| &exclusion.select);
        let selectors = Compiled::all(context, funnel.steps.iter().chain(exclusions))?;
        let mut codes: Vec<u16> = selectors.iter().flat_map(|compiled| compiled.activities.iter().copied()).collect();
        codes.sort_unstable();
        codes.dedup();
        let within =
            |code: u16| (0..selectors.len()).filter(|&index| selectors[index].activities.contains(&code)).collect();
        let activities: Vec<(u16, Vec<usize>)> = codes.into_iter().map(|code| (code, within(code))).collect();
        let apart = funnel.order == FunnelOrder::Ordered
            && funnel.exclusions.is_empty()
            && selectors.iter().all(|compiled| compiled.activities.len() == 1)
            && activities.iter().all(|(_, selectors)| selectors.len() == 1);
        let division = funnel.breakdown.as_ref().map(|breakdown| Division::new(context, &breakdown.property));
        let scope = &funnel.scope;
        let buckets = |bucket| Buckets::new(bucket, &scope.zone, scope.from_ms, scope.until_ms, 0);
        Ok(Plan {
            matcher: Matcher::new(steps, funnel.window_ms, funnel.order, &funnel.exclusions),
            selectors,
            steps,
            activities,
            apart,
            span: (funnel.scope.from_ms, funnel.scope.until_ms),
            people,
            buckets: funnel.trend.map(buckets).transpose()?,
            division: division.transpose()?,
            touch: funnel.breakdown.as_ref().map(|breakdown| (breakdown.step - 1, breakdown.attribution)),
            bounds_ms: funnel.times.as_ref().map(|times| times.bounds(funnel.window_ms)).transpose()?,
        })
    }

    /// Calls for every person who took the first step (of an unordered funnel, any).
    pub fn run<A: Send>(
        &self,
        context: &Context<'_>,
        own: impl Fn() -> A + Sync,
        each: impl Fn(&mut A, u32, Found<'_>) + Sync,
    ) -> Result<Vec<A>, InsightError> {
        self.run_then(context, own, each, |_, _, _| {})
    }

    /// As [`Plan::run`], and after each segment once more. People of a segment come in their order.
    pub fn run_then<'a, A: Send>(
        &self,
        context: &Context<'a>,
        own: impl Fn() -> A + Sync,
        each: impl Fn(&mut A, u32, Found<'_>) + Sync,
        after: impl Fn(&mut A, &mut Reader<'a>, u32) + Sync,
    ) -> Result<Vec<A>, InsightError> {
        let values = self.division.as_ref().map(Division::values);
        let values = values.as_ref();
        let state = || State {
            own: own(),
            postings: Vec::new(),
            bits: Vec::new(),
            entries: Vec::new(),
            times: Vec::new(),
            places: Vec::new(),
            chains: Chains::default(),
            trend: Vec::new(),
            taken: Vec::new(),
        };
        let states = context.each_segment(state, |state, reader, segment| {
            match self.apart {
                true => self.apart(state, reader, segment, values, &each),
                false => self.together(state, reader, segment, values, &each),
            }
            after(&mut state.own, reader, segment);
        })?;
        Ok(states.into_iter().map(|state| state.own).collect())
    }

    fn within(&self) -> Within<'_> {
        Within { span: self.span, people: self.people.as_ref() }
    }

    /// Each step's rows lie in postings of their own.
    fn apart<'a, A>(
        &self,
        state: &mut State<'a, A>,
        reader: &mut Reader<'a>,
        segment: u32,
        values: Option<&Values<'_>>,
        each: impl Fn(&mut A, u32, Found<'_>),
    ) {
        let State { own, postings, places, chains, trend, taken, .. } = state;
        postings.resize_with(self.steps, Postings::default);
        places.resize_with(self.steps, PersonPlaces::default);
        for (step, (compiled, postings)) in self.selectors.iter().zip(postings.iter_mut()).enumerate() {
            let wanted = self.division.as_ref().filter(|_| self.touch.is_some_and(|(touched, _)| touched == step));
            let reads = wanted.and_then(Division::reads);
            reader.select(segment, compiled.activities[0], compiled, reads.as_slice(), self.within(), postings);
            if let Some(division) = wanted {
                put(std::slice::from_ref(division), reader.snapshot, segment, postings);
            }
            if step == 0 && postings.is_empty() {
                return;
            }
            places[step].fill(&postings.persons);
        }
        let mut steps: [&[i64]; STEPS_MAX] = [&[]; STEPS_MAX];
        for person in 0..SEGMENT_PERSONS {
            let starts = places[0].rows(person);
            if starts.is_empty() {
                continue;
            }
            for ((step, one), places) in steps.iter_mut().zip(postings.iter()).zip(places.iter()) {
                *step = &one.times[places.rows(person)];
            }
            let outcome = self.matcher.apart(&steps[..self.steps], chains);
            let ordinal = join_person(segment, person as u16);
            let code = match self.touch {
                Some((step, attribution)) => self.code_of(reader.snapshot, ordinal).unwrap_or_else(|| {
                    let (one, rows) = (&postings[step], places[step].rows(person));
                    let rows = rows.map(|row| (one.times[row], one.columns[0].word(row)));
                    touched(rows, attribution, values)
                }),
                None => 0,
            };
            taken.clear();
            if self.bounds_ms.is_some() {
                funnel_steps::apart(&steps[..self.steps], outcome, taken);
            }
            trend.clear();
            if let Some(buckets) = &self.buckets {
                self.matcher.apart_by_bucket(&steps[..self.steps], buckets, chains, trend);
            }
            each(own, ordinal, Found { outcome, first: steps[0][0], code, trend, times: taken });
        }
    }

    /// Any funnel.
    fn together<'a, A>(
        &self,
        state: &mut State<'a, A>,
        reader: &mut Reader<'a>,
        segment: u32,
        values: Option<&Values<'_>>,
        each: impl Fn(&mut A, u32, Found<'_>),
    ) {
        let State { own, postings, bits, entries, times, trend, taken, .. } = state;
        postings.resize_with(self.activities.len(), Postings::default);
        bits.resize_with(self.activities.len(), Vec::new);
        for ((activity, selectors), (postings, bits)) in
            self.activities.iter().zip(postings.iter_mut().zip(bits.iter_mut()))
        {
            self.read(reader, segment, *activity, selectors, postings, bits);
        }
        let timeline = (self.matcher.order == FunnelOrder::Strict).then(|| reader.timeline(segment));
        let excluded = (1u32 << self.steps) - 1;
        let snapshot = reader.snapshot;
        let touched_bit = self.touch.map_or(0, |(step, _)| 1u32 << step);
        each_person(postings, |person, rows| {
            entries.clear();
            for ((one, bits), rows) in postings.iter().zip(bits.iter()).zip(rows) {
                for row in rows.clone() {
                    let (time, steps, exclusions) = (one.times[row], bits[row] & excluded, bits[row] >> self.steps);
                    if steps != 0 {
                        entries.push(Entry::step(time, steps as u16));
                    }
                    if exclusions != 0 {
                        entries.push(Entry::exclusion(time, exclusions as u16));
                    }
                }
            }
            entries.sort_unstable();
            if let Some(timeline) = &timeline {
                timeline.times_of_person(usize::from(person), times);
                times.retain(|time| (self.span.0..self.span.1).contains(time));
            }
            let outcome = self.matcher.outcome(entries, times);
            if outcome.level == 0 {
                return;
            }
            let code = self.touch.map_or(0, |(_, attribution)| {
                if let Some(code) = self.code_of(snapshot, join_person(segment, person)) {
                    return code;
                }
                let of_step = postings.iter().zip(bits.iter()).zip(rows).flat_map(|((one, bits), rows)| {
                    let met = rows.clone().filter(|&row| bits[row] & touched_bit != 0);
                    let column = one.columns.len().wrapping_sub(1);
                    met.map(move |row| (one.times[row], one.columns[column].word(row)))
                });
                touched(of_step, attribution, values)
            });
            taken.clear();
            if self.bounds_ms.is_some() {
                funnel_steps::together(&self.matcher, entries, outcome, taken);
            }
            trend.clear();
            if let Some(buckets) = &self.buckets {
                self.matcher.by_bucket(entries, times, buckets, trend);
            }
            let starts = entries.iter().find(|entry| entry.steps & 1 == 1);
            let first = starts.or(entries.first()).map_or(0, |entry| entry.time);
            each(own, join_person(segment, person), Found { outcome, first, code, trend, times: taken });
        });
    }

    /// How many steps have one before them.
    pub fn next_steps(&self) -> usize {
        if self.matcher.order == FunnelOrder::Unordered { 0 } else { self.steps - 1 }
    }

    /// The code of a person, where the breakdown is by a property of persons.
    #[inline]
    fn code_of(&self, snapshot: &Snapshot, ordinal: u32) -> Option<u32> {
        self.division.as_ref()?.of_person(snapshot, ordinal)
    }

    /// The rows of an activity that match any of its selectors, with the bits of those; the breakdown's column is last.
    fn read<'a>(
        &self,
        reader: &mut Reader<'a>,
        segment: u32,
        activity: u16,
        selectors: &[usize],
        postings: &mut Postings<'a>,
        bits: &mut Vec<u32>,
    ) {
        let of_selectors = selectors.iter().flat_map(|&index| self.selectors[index].columns.iter());
        let reads = self.division.as_ref().and_then(Division::reads);
        let columns: Vec<usize> = of_selectors.copied().chain(reads).collect();
        reader.load(segment, activity, &columns, self.within(), None, postings);
        bits.clear();
        bits.resize(postings.len(), 0);
        let mut base = 0;
        for &index in selectors {
            let compiled = &self.selectors[index];
            match &compiled.condition {
                None => bits.iter_mut().for_each(|bits| *bits |= 1 << index),
                Some(condition) => {
                    let mask = condition.mask(reader.snapshot, segment, postings, base);
                    bits.iter_mut().zip(mask).for_each(|(bits, met)| *bits |= u32::from(met) << index);
                }
            }
            base += compiled.columns.len();
        }
        if let Some(division) = self.division.as_ref().filter(|division| !division.is_plain() && !postings.is_empty()) {
            let read = reads.and_then(|_| postings.columns.pop());
            let column = division.column(reader.snapshot, segment, postings, read);
            postings.columns.push(column);
        }
    }
}

/// The code of the value of the first or last of the rows; at equal times of the smallest value.
fn touched(rows: impl Iterator<Item = (i64, u32)>, attribution: Attribution, values: Option<&Values<'_>>) -> u32 {
    let text = |code: u32| values.and_then(|values| values.text(code));
    let better = |a: &(i64, u32), b: &(i64, u32)| {
        let by_time = if attribution == Attribution::FirstTouch { a.0.cmp(&b.0) } else { b.0.cmp(&a.0) };
        by_time.then_with(|| if a.1 == b.1 { Ordering::Equal } else { text(a.1).cmp(&text(b.1)) })
    };
    rows.min_by(better).map_or(0, |(_, code)| code)
}

fn check(funnel: &Funnel) -> Result<(), InsightError> {
    let steps = funnel.steps.len();
    if !(1..=STEPS_MAX).contains(&steps) {
        return Err(InsightError::question("steps", format!("a funnel has 1 to {STEPS_MAX} steps")));
    }
    if funnel.window_ms < 0 {
        return Err(InsightError::question("window_ms", "must not be negative"));
    }
    if funnel.exclusions.len() > STEPS_MAX {
        return Err(InsightError::question("exclusions", format!("at most {STEPS_MAX}")));
    }
    if funnel.order == FunnelOrder::Unordered && !funnel.exclusions.is_empty() {
        return Err(InsightError::question(
            "exclusions",
            "an unordered funnel takes none: nothing lies between steps without an order; leave people out by a cohort",
        ));
    }
    if funnel.exclusions.iter().any(|one| one.after < 1 || one.after >= one.before || one.before > steps) {
        return Err(InsightError::question("exclusions", "must lie between two steps: 1 <= after < before <= steps"));
    }
    if funnel.order == FunnelOrder::Unordered && funnel.trend.is_some() {
        return Err(InsightError::question("trend", "an unordered funnel has no first step"));
    }
    if funnel.breakdown.is_some() && !funnel.cohorts.is_empty() {
        return Err(InsightError::question("cohorts", "not together with a breakdown"));
    }
    match &funnel.breakdown {
        Some(breakdown) if !(1..=steps).contains(&breakdown.step) => {
            Err(InsightError::question("breakdown", "its step must be one of the funnel's, from 1"))
        }
        _ => Ok(()),
    }
}
