//! When each step of a conversion was taken, worked out for those alone who converted, and only if it is asked for.

use super::funnel_match::{Entry, Matcher, Outcome, STEPS_MAX};
use crate::definition::FunnelOrder;

/// Of steps apart: from the start the first row of each step that is not before the one of the step before.
pub(super) fn apart(steps: &[&[i64]], outcome: Outcome, taken: &mut Vec<i64>) {
    let Some((start, _)) = ends(outcome) else { return };
    let mut at = start;
    taken.push(at);
    for times in &steps[1..] {
        // There is one: it converted.
        at = times.get(times.partition_point(|&time| time < at)).copied().unwrap_or(at);
        taken.push(at);
    }
}

/// Of entries in order. Unordered funnels have no next step.
pub(super) fn together(matcher: &Matcher, entries: &[Entry], outcome: Outcome, taken: &mut Vec<i64>) {
    let Some((start, place)) = ends(outcome) else { return };
    match matcher.order {
        FunnelOrder::Ordered => ordered(matcher, entries, start, place, taken),
        FunnelOrder::Strict => {
            let of_steps = entries[..=place].iter().rev().filter(|entry| entry.steps != 0);
            taken.extend(of_steps.take(matcher.steps).map(|entry| entry.time));
            taken.reverse();
        }
        FunnelOrder::Unordered => {}
    }
}

/// When the conversion began, and the place of the entry that ended it.
fn ends(outcome: Outcome) -> Option<(i64, usize)> {
    let (ms, at) = outcome.converted_ms.zip(outcome.converted_at)?;
    Some((at - ms, outcome.place))
}

/// One chain from the start, which keeps for each step the times of the way there that was first.
fn ordered(matcher: &Matcher, entries: &[Entry], start: i64, place: usize, taken: &mut Vec<i64>) {
    let mut ways: [Option<[i64; STEPS_MAX]>; STEPS_MAX] = [None; STEPS_MAX];
    let first = entries.partition_point(|entry| entry.time < start);
    for entry in &entries[first..=place] {
        for step in (0..matcher.steps).rev().filter(|step| entry.steps >> step & 1 == 1) {
            let before = match step {
                0 => (entry.time == start).then_some([start; STEPS_MAX]),
                _ => ways[step - 1],
            };
            if let Some(mut way) = before.filter(|_| ways[step].is_none()) {
                way[step] = entry.time;
                ways[step] = Some(way);
            }
        }
        matcher.excluded(entry.exclusions).for_each(|ended| ways[ended].fill(None));
    }
    let way = matcher.steps.checked_sub(1).and_then(|last| ways[last]);
    taken.extend(way.iter().flat_map(|way| &way[..matcher.steps]));
}
