//! Time between: for each row of one selector the next of another.

use super::compile::Compiled;
use super::engine::Context;
use super::order::each_person;
use super::reader::Within;
use crate::InsightError;
use crate::definition::{TimeBetween, TimeBetweenAnswer, TimeBetweenCell};
use crate::projection::{PersonSet, Postings, join_person};
use crate::spill::{Gather, Sorted};

struct State<'a> {
    persons: PersonSet,
    /// Of the person at hand.
    found_ms: Vec<i64>,
    all_ms: Gather<'a>,
    people: u64,
    postings: Vec<Postings<'a>>,
    from: Vec<i64>,
    to: Vec<i64>,
}

pub(super) fn answer(context: &Context<'_>, between: &TimeBetween) -> Result<TimeBetweenAnswer, InsightError> {
    let states = run(context, between, |state, _| {
        state.found_ms.iter().for_each(|&time| state.all_ms.push(0, time));
    })?;
    let people = states.iter().map(|state| state.people).sum();
    let times = Sorted::of(states.into_iter().map(|state| state.all_ms), 1);
    let mut sum_ms = 0;
    times.each(context, |_, time| sum_ms += time as u64)?;
    let ranked = times.ranked(context, &between.ranks)?;
    let at = |place: usize| ranked.first().and_then(|ranked| ranked.at.get(place)).copied();
    Ok(TimeBetweenAnswer {
        count: times.count(0),
        people,
        sum_ms,
        percentiles_ms: (0..between.ranks.len()).map(at).collect(),
    })
}

/// People with such a time within the cell's bounds.
pub(super) fn people(
    context: &Context<'_>,
    between: &TimeBetween,
    cell: &TimeBetweenCell,
) -> Result<PersonSet, InsightError> {
    let (least, most) = (cell.at_least_ms.unwrap_or(i64::MIN), cell.at_most_ms.unwrap_or(i64::MAX));
    let states = run(context, between, |state, person| {
        if state.found_ms.iter().any(|time| (least..=most).contains(time)) {
            state.persons.insert(person);
        }
    })?;
    Ok(states.iter().flat_map(|state| state.persons.iter()).collect())
}

/// Calls after each person.
fn run<'a>(
    context: &Context<'a>,
    between: &TimeBetween,
    each: impl Fn(&mut State<'a>, u32) + Sync,
) -> Result<Vec<State<'a>>, InsightError> {
    let scope = &between.scope;
    if between.ranks.iter().any(|rank| !(0.0..=1.0).contains(rank)) {
        return Err(InsightError::question("ranks", "a rank is 0 to 1"));
    }
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let sides = Compiled::all(context, [&between.from, &between.to])?;
    let froms = sides[0].activities.len();
    let new = || State {
        persons: PersonSet::default(),
        found_ms: Vec::new(),
        all_ms: Gather::new(context.room()),
        people: 0,
        postings: Vec::new(),
        from: Vec::new(),
        to: Vec::new(),
    };
    context.each_segment(new, |state, reader, segment| {
        let mut postings = std::mem::take(&mut state.postings);
        postings.resize_with(froms + sides[1].activities.len(), Postings::default);
        let all = sides.iter().flat_map(|side| side.activities.iter().map(move |&activity| (side, activity)));
        for ((side, activity), postings) in all.zip(postings.iter_mut()) {
            reader.select(segment, activity, side, &[], within, postings);
        }
        each_person(&postings, |local, rows| {
            let State { found_ms, people, from, to, .. } = state;
            from.clear();
            to.clear();
            for (index, (one, rows)) in postings.iter().zip(rows).enumerate() {
                let side = if index < froms { &mut *from } else { &mut *to };
                side.extend_from_slice(&one.times[rows.clone()]);
            }
            from.sort_unstable();
            to.sort_unstable();
            found_ms.clear();
            let mut next = 0;
            for &time in from.iter() {
                while to.get(next).is_some_and(|&later| later <= time) {
                    next += 1;
                }
                let Some(&later) = to.get(next) else { break };
                if later - time <= between.window_ms {
                    found_ms.push(later - time);
                }
            }
            *people += u64::from(!found_ms.is_empty());
            each(state, join_person(segment, local));
        });
        state.postings = postings;
    })
}
