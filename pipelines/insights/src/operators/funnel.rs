//! Funnels: the postings of the steps are gone through together, person by person.

use std::cmp::Ordering;
use std::ops::Range;

use super::compile::Compiled;
use super::engine::Context;
use super::funnel_match::{Entry, Matcher, Outcome, STEPS_MAX};
use super::order::each_person;
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{Attribution, Funnel, FunnelAnswer, FunnelGroup, FunnelOrder};
use crate::projection::{ColumnKind, Names, PersonSet, Postings, join_person};

pub(super) fn answer(context: &Context<'_>, funnel: &Funnel) -> Result<FunnelAnswer, InsightError> {
    let plan = Plan::new(context, funnel)?;
    let steps = funnel.steps.len();
    let states = plan.run(context, Vec::new, |groups: &mut Vec<Option<FunnelGroup>>, _, outcome, code| {
        if groups.len() <= code as usize {
            groups.resize(code as usize + 1, None);
        }
        let empty = || FunnelGroup { value: None, reached: vec![0; steps], converted_ms: Vec::new() };
        let group = groups[code as usize].get_or_insert_with(empty);
        group.reached[outcome.level - 1] += 1;
        group.converted_ms.extend(outcome.converted_ms);
    })?;
    let names = plan.column.map(|column| context.snapshot.dictionaries.columns[column].dictionary.names());
    let value = |code: usize| Some(names.as_ref()?.text(code.checked_sub(1)? as u32).to_owned());
    let mut joined: Vec<Option<FunnelGroup>> = vec![None; states.iter().map(Vec::len).max().unwrap_or(0)];
    for (code, group) in states.into_iter().flat_map(|groups| groups.into_iter().enumerate()) {
        match (&mut joined[code], group) {
            (Some(sum), Some(group)) => {
                sum.reached.iter_mut().zip(group.reached).for_each(|(sum, count)| *sum += count);
                sum.converted_ms.extend(group.converted_ms);
            }
            (none, group) => *none = none.take().or(group),
        }
    }
    let mut groups: Vec<FunnelGroup> = Vec::new();
    for (code, group) in joined.into_iter().enumerate() {
        let Some(mut group) = group else { continue };
        group.value = value(code);
        group.converted_ms.sort_unstable();
        (1..steps).rev().for_each(|level| group.reached[level - 1] += group.reached[level]);
        groups.push(group);
    }
    if groups.is_empty() && funnel.breakdown.is_none() {
        groups.push(FunnelGroup { value: None, reached: vec![0; steps], converted_ms: Vec::new() });
    }
    groups.sort_by(|a, b| a.value.cmp(&b.value));
    Ok(FunnelAnswer { groups })
}

/// The people whose level (at least 1) is wanted.
pub(super) fn people(
    context: &Context<'_>,
    funnel: &Funnel,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Result<PersonSet, InsightError> {
    let plan = Plan::new(context, funnel)?;
    let states = plan.run(context, PersonSet::default, |set: &mut PersonSet, person, outcome, _| {
        if wanted(outcome.level) {
            set.insert(person);
        }
    })?;
    let mut people = PersonSet::default();
    states.iter().flat_map(PersonSet::iter).for_each(|person| people.insert(person));
    Ok(people)
}

/// A funnel ready to run.
struct Plan {
    matcher: Matcher,
    /// Steps, then exclusions.
    selectors: Vec<Compiled>,
    steps: usize,
    /// Every activity of any selector, with the selectors it is in.
    activities: Vec<(u16, Vec<usize>)>,
    /// No activity is in two selectors, every step has one activity, nothing is excluded, and order is all that counts.
    apart: bool,
    span: (i64, i64),
    people: Option<PersonSet>,
    column: Option<usize>,
    touch: Option<(usize, Attribution)>,
}

struct State<'a, A> {
    own: A,
    postings: Vec<Postings<'a>>,
    /// For each row of each postings the bits of the selectors it matches.
    bits: Vec<Vec<u32>>,
    entries: Vec<Entry>,
    times: Vec<i64>,
}

impl Plan {
    fn new(context: &Context<'_>, funnel: &Funnel) -> Result<Plan, InsightError> {
        let steps = funnel.steps.len();
        check(funnel)?;
        let exclusions = funnel.exclusions.iter().map(|exclusion| &exclusion.select);
        let selectors = Compiled::all(context.snapshot, funnel.steps.iter().chain(exclusions))?;
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
        let mut column = None;
        if let Some(breakdown) = &funnel.breakdown {
            column = Some(context.snapshot.dictionaries.column_of(&breakdown.property, ColumnKind::Words)?);
        }
        Ok(Plan {
            matcher: Matcher::new(steps, funnel.window_ms, funnel.order, &funnel.exclusions),
            selectors,
            steps,
            activities,
            apart,
            span: (funnel.scope.from_ms, funnel.scope.until_ms),
            people: context.people(&funnel.scope)?,
            column,
            touch: funnel.breakdown.as_ref().map(|breakdown| (breakdown.step - 1, breakdown.attribution)),
        })
    }

    /// Calls for every person who took the first step (of an unordered funnel, any) with ordinal, outcome and the code
    /// of the breakdown's value.
    fn run<A: Send>(
        &self,
        context: &Context<'_>,
        own: impl Fn() -> A + Sync,
        each: impl Fn(&mut A, u32, Outcome, u32) + Sync,
    ) -> Result<Vec<A>, InsightError> {
        let names = self.column.map(|column| context.snapshot.dictionaries.columns[column].dictionary.names());
        let names = names.as_deref();
        let state =
            || State { own: own(), postings: Vec::new(), bits: Vec::new(), entries: Vec::new(), times: Vec::new() };
        let states = context.each_segment(state, |state, reader, segment| match self.apart {
            true => self.apart(state, reader, segment, names, &each),
            false => self.together(state, reader, segment, names, &each),
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
        names: Option<&Names>,
        each: impl Fn(&mut A, u32, Outcome, u32),
    ) {
        let State { own, postings, .. } = state;
        postings.resize_with(self.steps, Postings::default);
        for (step, (compiled, postings)) in self.selectors.iter().zip(postings.iter_mut()).enumerate() {
            let wanted = self.column.filter(|_| self.touch.is_some_and(|(touched, _)| touched == step));
            reader.select(segment, compiled.activities[0], compiled, wanted.as_slice(), self.within(), postings);
            if step == 0 && postings.is_empty() {
                return;
            }
        }
        let mut rows: [Range<usize>; STEPS_MAX] = std::array::from_fn(|_| 0..0);
        let mut steps: [&[i64]; STEPS_MAX] = [&[]; STEPS_MAX];
        let starts = &postings[0].persons;
        while let Some(&person) = starts.get(rows[0].end) {
            for (index, one) in postings.iter().enumerate() {
                let rows = &mut rows[index];
                let mut begin = rows.end;
                while one.persons.get(begin).is_some_and(|&other| other < person) {
                    begin += 1;
                }
                let mut end = begin;
                while one.persons.get(end) == Some(&person) {
                    end += 1;
                }
                *rows = begin..end;
                steps[index] = &one.times[begin..end];
            }
            let outcome = self.matcher.apart(&steps[..self.steps]);
            let code = match self.touch {
                Some((step, attribution)) => {
                    let (one, rows) = (&postings[step], rows[step].clone());
                    let values = rows.map(|row| (one.times[row], one.columns[0].word(row)));
                    touched(values, attribution, names)
                }
                None => 0,
            };
            each(own, join_person(segment, person), outcome, code);
        }
    }

    /// Any funnel.
    fn together<'a, A>(
        &self,
        state: &mut State<'a, A>,
        reader: &mut Reader<'a>,
        segment: u32,
        names: Option<&Names>,
        each: impl Fn(&mut A, u32, Outcome, u32),
    ) {
        let State { own, postings, bits, entries, times } = state;
        postings.resize_with(self.activities.len(), Postings::default);
        bits.resize_with(self.activities.len(), Vec::new);
        for ((activity, selectors), (postings, bits)) in
            self.activities.iter().zip(postings.iter_mut().zip(bits.iter_mut()))
        {
            self.read(reader, segment, *activity, selectors, postings, bits);
        }
        let timeline = (self.matcher.order == FunnelOrder::Strict).then(|| reader.timeline(segment));
        let excluded = (1u32 << self.steps) - 1;
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
                let of_step = postings.iter().zip(bits.iter()).zip(rows).flat_map(|((one, bits), rows)| {
                    let met = rows.clone().filter(|&row| bits[row] & touched_bit != 0);
                    let column = one.columns.len().wrapping_sub(1);
                    met.map(move |row| (one.times[row], one.columns[column].word(row)))
                });
                touched(of_step, attribution, names)
            });
            each(own, join_person(segment, person), outcome, code);
        });
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
        let columns: Vec<usize> = of_selectors.chain(self.column.iter()).copied().collect();
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
    }
}

/// The code of the value of the first or last of the rows; at equal times of the smallest value.
fn touched(rows: impl Iterator<Item = (i64, u32)>, attribution: Attribution, names: Option<&Names>) -> u32 {
    let text = |code: u32| names.zip(code.checked_sub(1)).map(|(names, code)| names.text(code));
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
        return Err(InsightError::question("exclusions", "an unordered funnel takes none"));
    }
    if funnel.exclusions.iter().any(|one| one.after < 1 || one.after >= one.before || one.before > steps) {
        return Err(InsightError::question("exclusions", "must lie between two steps: 1 <= after < before <= steps"));
    }
    match &funnel.breakdown {
        Some(breakdown) if !(1..=steps).contains(&breakdown.step) => {
            Err(InsightError::question("breakdown", "its step must be one of the funnel's, from 1"))
        }
        _ => Ok(()),
    }
}
