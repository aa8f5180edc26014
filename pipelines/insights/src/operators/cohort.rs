//! Cohorts: sets of persons, combined as bits.

use super::compile::{Compiled, look_up, trait_table};
use super::engine::Context;
use super::funnel;
use super::presence;
use super::reader::Within;
use crate::InsightError;
use crate::definition::{Buckets, Cohort, CohortAnswer, CohortPeople, Funnel, FunnelOrder, Scope};
use crate::operators::ALWAYS;
use crate::projection::{PersonSet, Postings, SEGMENT_PERSONS, SegmentSet};

pub(super) fn answer(context: &Context<'_>, asked: &CohortPeople) -> Result<CohortAnswer, InsightError> {
    let found = people(context, &asked.cohort)?;
    Ok(CohortAnswer { people: found.len() as u64, listed: context.snapshot.ids(&found, asked.list) })
}

/// The people of a cohort.
pub(super) fn people(context: &Context<'_>, cohort: &Cohort) -> Result<PersonSet, InsightError> {
    match cohort {
        Cohort::All(cohorts) => all(context, cohorts),
        Cohort::Any(cohorts) => {
            let mut any = PersonSet::default();
            for cohort in cohorts {
                combine(context, &mut any, &people(context, cohort)?, |a, b| a | b);
            }
            Ok(any)
        }
        Cohort::Not(cohort) => {
            let mut rest = active_in(context, ALWAYS)?;
            combine(context, &mut rest, &people(context, cohort)?, |a, b| a & !b);
            Ok(rest)
        }
        Cohort::Did { select, from_ms, until_ms, at_least, at_most } => {
            let compiled = Compiled::new(context, select)?;
            did(context, &compiled, (*from_ms, *until_ms), *at_least, at_most.unwrap_or(u64::MAX))
        }
        Cohort::DidOften { select, from_ms, until_ms, bucket, zone, at_least, at_most } => {
            if *at_least == 0 {
                return Err(InsightError::question("at_least", "must be 1 or more"));
            }
            let buckets = Buckets::new(*bucket, zone, *from_ms, *until_ms, 0)?;
            let compiled = Compiled::new(context, select)?;
            let wanted = *at_least..=at_most.unwrap_or(usize::MAX);
            let within = Within { span: (*from_ms, *until_ms), people: None };
            presence::people(context, &compiled, &buckets, within, |bits| wanted.contains(&presence::count(bits)))
        }
        Cohort::Lately(_) => {
            Err(InsightError::question("lately", "has no span until the question is asked at a moment"))
        }
        Cohort::InCell(of) => super::people::find(context, of),
        Cohort::Sequence { steps, window_ms, from_ms, until_ms } => {
            let funnel = Funnel {
                scope: Scope::utc(*from_ms, *until_ms),
                steps: steps.clone(),
                order: FunnelOrder::Ordered,
                window_ms: *window_ms,
                exclusions: Vec::new(),
                breakdown: None,
                cohorts: Vec::new(),
                trend: None,
                times: None,
            };
            funnel::people(context, &funnel, |level| level == steps.len())
        }
        Cohort::Reached { funnel, level } => {
            if !(1..=funnel.steps.len()).contains(level) {
                return Err(InsightError::question("level", "must be one of the funnel's steps, from 1"));
            }
            funnel::people(context, funnel, |reached| reached == *level)
        }
        Cohort::Person(comparison) => {
            let (index, table) = trait_table(context, comparison)?;
            let mut found = active_in(context, ALWAYS)?;
            let met = |ordinal: &u32| look_up(&table, context.snapshot.trait_code(index, *ordinal));
            found = found.iter().filter(met).collect();
            Ok(found)
        }
        Cohort::Cohort(key) => {
            Err(InsightError::question("cohort", format!("the saved cohort {key:?} is not known here")))
        }
        Cohort::Uploaded(name) => {
            let Some(list) = context.people_list(name) else {
                return Err(InsightError::question("uploaded", format!("the list {name:?} is not known here")));
            };
            let mut found = active_in(context, ALWAYS)?;
            combine(context, &mut found, &context.snapshot.persons(list.texts()), |a, b| a & b);
            Ok(found)
        }
        Cohort::Listed(ids) => {
            let mut found = active_in(context, ALWAYS)?;
            combine(context, &mut found, &context.snapshot.persons(ids), |a, b| a & b);
            Ok(found)
        }
    }
}

/// Those who are in all. Groups that are the rest of another are taken away at the end, so that everybody has to be
/// looked at only where there is nothing else.
fn all(context: &Context<'_>, cohorts: &[Cohort]) -> Result<PersonSet, InsightError> {
    let (rests, groups): (Vec<&Cohort>, Vec<&Cohort>) = cohorts.iter().partition(|cohort| rest_of(cohort).is_some());
    let mut found: Option<PersonSet> = None;
    for group in groups {
        let people = people(context, group)?;
        match &mut found {
            Some(found) => combine(context, found, &people, |a, b| a & b),
            None => found = Some(people),
        }
    }
    let mut found = match found {
        Some(found) => found,
        None => active_in(context, ALWAYS)?,
    };
    for other in rests.into_iter().filter_map(rest_of) {
        combine(context, &mut found, &people(context, &other)?, |a, b| a & !b);
    }
    Ok(found)
}

/// The group that this one is the rest of.
fn rest_of(cohort: &Cohort) -> Option<Cohort> {
    match cohort {
        Cohort::Not(cohort) => Some(cohort.as_ref().clone()),
        // At most as often as can be said is everybody.
        Cohort::Did { select, from_ms, until_ms, at_least: 0, at_most: Some(most) } if *most < u64::MAX => {
            Some(Cohort::Did {
                select: select.clone(),
                from_ms: *from_ms,
                until_ms: *until_ms,
                at_least: most + 1,
                at_most: None,
            })
        }
        _ => None,
    }
}

fn combine(context: &Context<'_>, into: &mut PersonSet, other: &PersonSet, by: impl Fn(u64, u64) -> u64) {
    let none = SegmentSet::default();
    for segment in context.segments() {
        into.segment_mut(segment).combine(other.segment(segment).unwrap_or(&none), &by);
    }
}

/// People with any row in the span.
fn active_in(context: &Context<'_>, (from, until): (i64, i64)) -> Result<PersonSet, InsightError> {
    each_set(context, |reader, segment, set, _| {
        let timelines = reader.all_timelines_until(segment, until);
        for (timeline, moved) in timelines.parts() {
            for local in 0..timeline.persons() {
                let active = timeline.sessions_of(local).any(|session| {
                    let (start, end) =
                        (timeline.starts[session], timeline.starts[session] + timeline.duration(session));
                    let mut inside = (from <= start && start < until) || (from <= end && end < until);
                    if !inside && start < from && until <= end {
                        timeline.walk(session, |time, _| inside |= from <= time && time < until);
                    }
                    inside
                });
                if active && !moved.contains(local as u16) {
                    set.insert(local as u16);
                }
            }
        }
    })
}

/// People with so many such rows in the span.
fn did(
    context: &Context<'_>,
    compiled: &Compiled,
    span: (i64, i64),
    at_least: u64,
    at_most: u64,
) -> Result<PersonSet, InsightError> {
    let within = Within { span, people: None };
    let mut found = each_set(context, |reader, segment, set, (counts, postings)| {
        counts.fill(0);
        for &activity in &compiled.activities {
            reader.count(segment, activity, compiled, within, postings, counts);
        }
        for (local, &count) in counts.iter().enumerate() {
            if (at_least..=at_most).contains(&u64::from(count)) {
                set.insert(local as u16);
            }
        }
    })?;
    if at_least == 0 {
        let everybody = active_in(context, ALWAYS)?;
        combine(context, &mut found, &everybody, |a, b| a & b);
    }
    Ok(found)
}

type Scratch<'a> = (Vec<u32>, Postings<'a>);

/// A set made segment by segment.
pub(super) fn each_set<'a>(
    context: &Context<'a>,
    fill: impl Fn(&mut super::reader::Reader<'a>, u32, &mut SegmentSet, &mut Scratch<'a>) + Sync,
) -> Result<PersonSet, InsightError> {
    let state = || (Vec::new(), (vec![0u32; SEGMENT_PERSONS], Postings::default()));
    let states = context.each_segment(state, |(sets, scratch), reader, segment| {
        let mut set = SegmentSet::default();
        fill(reader, segment, &mut set, scratch);
        sets.push((segment, set));
    })?;
    let mut people = PersonSet::default();
    states.into_iter().flat_map(|(sets, _)| sets).for_each(|(segment, set)| people.put(segment, set));
    Ok(people)
}
