//! Rankings: rows counted by activity or person. Of pairs, chunks in which nobody has enough rows to reach the top are
//! not read at all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::cohort::each_set;
use super::compile::Compiled;
use super::engine::Context;
use super::reader::{Need, Reader, Within};
use crate::InsightError;
use crate::definition::{Cohort, RankBy, RankedRow, Ranking, RankingAnswer, RankingCell};
use crate::projection::{PersonSet, Postings, SEGMENT_PERSONS, join_person};

pub(super) fn answer(context: &Context<'_>, ranking: &Ranking) -> Result<RankingAnswer, InsightError> {
    let scope = &ranking.scope;
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context, &ranking.select)?;
    let mut rows = match ranking.by {
        RankBy::Activity => by_activity(context, &compiled, within)?,
        RankBy::Person => by_person(context, &compiled, within, ranking.top)?,
        RankBy::ActivityAndPerson => by_both(context, &compiled, within, ranking.top)?,
    };
    rows.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| (&a.activity, &a.person).cmp(&(&b.activity, &b.person))));
    rows.truncate(ranking.top);
    Ok(RankingAnswer { rows })
}

/// People with rows of an activity.
pub(super) fn people(context: &Context<'_>, ranking: &Ranking, cell: &RankingCell) -> Result<PersonSet, InsightError> {
    let scope = &ranking.scope;
    let (compiled, people) = rows_of(context, ranking, cell)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    each_set(context, |reader, segment, set, (_, postings)| {
        for &activity in &compiled.activities {
            reader.select_pieces(Need::Span, segment, activity, &compiled, within, postings, |postings| {
                postings.persons.iter().for_each(|&local| set.insert(local));
            });
        }
    })
}

/// What a row counts: activities, and whose.
pub(super) fn rows_of(
    context: &Context<'_>,
    ranking: &Ranking,
    cell: &RankingCell,
) -> Result<(Compiled, Option<PersonSet>), InsightError> {
    let mut compiled = Compiled::new(context, &ranking.select)?;
    if let Some(name) = &cell.activity {
        let code = context.snapshot.dictionaries.activities.find(name);
        compiled.activities.retain(|&activity| code == Some(u32::from(activity)));
    }
    let people = match &cell.person {
        Some(person) => Some(context.people_and(&ranking.scope, &Cohort::Listed(vec![person.clone()]))?),
        None => context.people(&ranking.scope)?,
    };
    Ok((compiled, people))
}

fn by_activity(context: &Context<'_>, compiled: &Compiled, within: Within<'_>) -> Result<Vec<RankedRow>, InsightError> {
    let state = || (vec![0u64; context.snapshot.ranks().len()], Postings::default());
    let states = context.each_segment(state, |(counts, postings), reader, segment| {
        if let Some(people) = within.people.filter(|people| compiled.everything && few(people, segment)) {
            return of_few(reader, segment, people, within, counts);
        }
        for &activity in &compiled.activities {
            counts[usize::from(activity)] += reader.count_rows(segment, activity, compiled, within, postings);
        }
    })?;
    let names = context.snapshot.dictionaries.activities.names();
    let sum = |code: usize| states.iter().map(|(counts, _)| counts[code]).sum();
    let row =
        |code: usize| RankedRow { activity: Some(names.text(code as u32).to_owned()), person: None, rows: sum(code) };
    Ok((0..context.snapshot.ranks().len()).map(row).filter(|row| row.rows > 0).collect())
}

/// Whether reading the timelines of the people alone is less than reading all postings.
fn few(people: &PersonSet, segment: u32) -> bool {
    people.segment(segment).is_none_or(|people| people.len() < SEGMENT_PERSONS / 4)
}

fn of_few(reader: &mut Reader<'_>, segment: u32, people: &PersonSet, within: Within<'_>, counts: &mut [u64]) {
    let Some(people) = people.segment(segment).filter(|people| !people.is_empty()) else { return };
    let (from, until) = within.span;
    let timeline = reader.timeline_until(segment, until);
    let mut looked_at = 0;
    for local in people.iter() {
        for session in timeline.sessions_of(usize::from(local)) {
            let start = timeline.starts[session];
            let end = start + timeline.duration(session);
            if end < from || until <= start {
                continue;
            }
            let rows = timeline.rows_of(session);
            looked_at += rows.len();
            if from <= start && end < until {
                rows.for_each(|row| counts[usize::from(timeline.code(row))] += 1);
            } else {
                timeline.walk(session, |time, row| {
                    counts[usize::from(timeline.code(row))] += u64::from(from <= time && time < until);
                });
            }
        }
    }
    reader.looked_at(looked_at, 1);
}

fn by_person(
    context: &Context<'_>,
    compiled: &Compiled,
    within: Within<'_>,
    top: usize,
) -> Result<Vec<RankedRow>, InsightError> {
    let state = || (Top::new(top), vec![0u32; SEGMENT_PERSONS], Postings::default());
    let states = context.each_segment(state, |(best, counts, postings), reader, segment| {
        counts.fill(0);
        for &activity in &compiled.activities {
            reader.count(segment, activity, compiled, within, postings, counts);
        }
        for (local, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            best.offer(u64::from(count), 0, join_person(segment, local as u16));
        }
    })?;
    let names = context.snapshot.dictionaries.persons.names();
    let rows = states.into_iter().flat_map(|(best, ..)| best.kept);
    Ok(rows
        .map(|(count, _, person)| RankedRow {
            activity: None,
            person: Some(names.text(person).to_owned()),
            rows: count,
        })
        .collect())
}

fn by_both(
    context: &Context<'_>,
    compiled: &Compiled,
    within: Within<'_>,
    top: usize,
) -> Result<Vec<RankedRow>, InsightError> {
    let state = || (Top::new(top), Postings::default());
    let mut segments: Vec<(Reverse<u64>, u32)> = context
        .segments()
        .into_iter()
        .map(|segment| {
            let most = compiled.activities.iter().map(|&activity| context.snapshot.most(segment, activity)).max();
            (Reverse(most.unwrap_or(0)), segment)
        })
        .collect();
    segments.sort_unstable();
    let order: Vec<u32> = segments.into_iter().map(|(_, segment)| segment).collect();
    let states = context.each_of(&order, state, |(best, postings), reader, segment| {
        for &activity in &compiled.activities {
            if context.snapshot.most(segment, activity) < best.least {
                continue;
            }
            let offer = |best: &mut Top, rows: u64, local: u16| {
                best.offer(rows, activity, join_person(segment, local));
            };
            if reader.load_whole(segment, activity, compiled, within, postings) {
                each_run(&postings.persons.clone(), best, |best, rows| {
                    let local = postings.persons[rows.start];
                    let met = match &compiled.condition {
                        Some(condition) => condition.count(reader.snapshot, segment, &postings.untimed(rows)),
                        None => rows.len(),
                    };
                    if met > 0 {
                        offer(best, met as u64, local);
                    }
                });
                continue;
            }
            reader.select_with(Need::Span, segment, activity, compiled, &[], within, postings);
            for of_one in postings.persons.chunk_by(|a, b| a == b) {
                offer(best, of_one.len() as u64, of_one[0]);
            }
        }
    })?;
    let persons = context.snapshot.dictionaries.persons.names();
    let activities = context.snapshot.dictionaries.activities.names();
    let row = |(rows, activity, person): (u64, u16, u32)| RankedRow {
        activity: Some(activities.text(u32::from(activity)).to_owned()),
        person: Some(persons.text(person).to_owned()),
        rows,
    };
    Ok(states.into_iter().flat_map(|(best, _)| best.kept).map(row).collect())
}

/// Calls with the rows of each person who has enough of them to reach the top. Where many are needed, most persons are
/// stepped over: as many rows further on there is somebody else.
fn each_run(persons: &[u16], best: &mut Top, mut run: impl FnMut(&mut Top, Range<usize>)) {
    let mut start = 0;
    while start < persons.len() {
        let least = usize::try_from(best.least).unwrap_or(usize::MAX).max(1);
        let Some(&far) = start.checked_add(least - 1).and_then(|far| persons.get(far)) else { return };
        if far == persons[start] {
            let end = start + least + persons[start + least..].iter().take_while(|&&other| other == far).count();
            run(best, start..end);
            start = end;
        } else {
            // Rows of the other person begin no further back than the one after this.
            let before = persons[start..start + least - 1].iter().rev().take_while(|&&other| other == far).count();
            start += least - 1 - before;
        }
    }
}

/// The pairs with most rows, and all that tie with the last of them: names decide about those at the end.
struct Top {
    top: usize,
    /// The counts of the best `top`, the smallest first out.
    counts: BinaryHeap<Reverse<u64>>,
    /// Fewer rows than this do not reach the top.
    least: u64,
    kept: Vec<(u64, u16, u32)>,
    /// Kept pairs are sifted when there are more.
    sift_at: usize,
}

impl Top {
    fn new(top: usize) -> Top {
        let least = if top == 0 { u64::MAX } else { 0 };
        Top { top, counts: BinaryHeap::new(), least, kept: Vec::new(), sift_at: top * 4 + 1024 }
    }

    #[inline]
    fn offer(&mut self, count: u64, activity: u16, person: u32) {
        if count < self.least {
            return;
        }
        self.kept.push((count, activity, person));
        self.counts.push(Reverse(count));
        if self.counts.len() > self.top {
            self.counts.pop();
        }
        if self.counts.len() == self.top {
            self.least = self.counts.peek().map_or(0, |least| least.0);
        }
        if self.kept.len() > self.sift_at {
            self.kept.retain(|kept| kept.0 >= self.least);
            self.sift_at = self.kept.len() * 2 + 1024;
        }
    }
}
