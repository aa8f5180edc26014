//! Merging the sorted rows of several runs, as spans to copy: where one run has most of the rows, as it mostly is,
//! whole stretches of it are copied at once.

use std::ops::Range;

use super::layout::SegmentSet;
use super::packed::Packed;

/// A sorted source of rows; only those in `kept` count.
pub(super) struct Part<'b> {
    pub persons: &'b [u16],
    pub times: Packed<'b>,
    pub kept: Vec<Range<usize>>,
}

impl Part<'_> {
    fn key(&self, row: usize) -> (u16, i64) {
        (self.persons[row], self.times.at(row))
    }
}

/// Rows of persons that are not in `moved`, as ascending ranges.
pub(super) fn kept(persons: &[u16], moved: Option<&SegmentSet>) -> Vec<Range<usize>> {
    let Some(moved) = moved else {
        let all = 0..persons.len();
        return if all.is_empty() { Vec::new() } else { vec![all] };
    };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    for person in moved.iter() {
        let first = from + persons[from..].partition_point(|&other| other < person);
        if from < first {
            ranges.push(from..first);
        }
        from = first + persons[first..].partition_point(|&other| other == person);
    }
    if from < persons.len() {
        ranges.push(from..persons.len());
    }
    ranges
}

/// Spans (part, rows) which one after the other are all rows by person, time, part.
pub(super) fn plan(parts: &mut [Part<'_>]) -> Vec<(usize, Range<usize>)> {
    parts.iter_mut().for_each(|part| part.kept.reverse());
    let mut spans = Vec::new();
    loop {
        let mut heads: [Option<((u16, i64), usize)>; 2] = [None, None];
        for (index, part) in parts.iter().enumerate() {
            let Some(range) = part.kept.last() else { continue };
            let head = Some((part.key(range.start), index));
            if heads[0].is_none() || head < heads[0] {
                heads = [head, heads[0]];
            } else if heads[1].is_none() || head < heads[1] {
                heads[1] = head;
            }
        }
        let Some((_, first)) = heads[0] else { return spans };
        let part = &mut parts[first];
        let Some(range) = part.kept.pop() else { return spans };
        let end = match heads[1] {
            None => range.end,
            Some((bound, second)) => gallop(&range, |row| (part.key(row), first) <= (bound, second)),
        };
        if end < range.end {
            part.kept.push(end..range.end);
        }
        spans.push((first, range.start..end));
    }
}

/// The end of the stretch at the start of `range` for which `holds`, which is at least one row.
fn gallop(range: &Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let mut step = 1;
    let mut low = range.start;
    while low + step < range.end && holds(low + step) {
        low += step;
        step *= 2;
    }
    let mut high = range.end.min(low + step);
    low += 1;
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packed::PackedTimes;
    use super::*;

    proptest! {
        #[test]
        fn spans_are_the_sorted_rows(sources in prop::collection::vec(prop::collection::vec((0u16..6, 0i64..6), 0..30), 1..4), away in prop::collection::vec(0u16..6, 0..3)) {
            let mut moved = SegmentSet::default();
            away.iter().for_each(|&person| moved.insert(person));
            let columns: Vec<(Vec<u16>, Vec<i64>)> = sources.iter().map(|rows| {
                let mut rows = rows.clone();
                rows.sort_unstable();
                rows.into_iter().unzip()
            }).collect();
            let packed: Vec<PackedTimes> = columns.iter().map(|(_, times)| PackedTimes::new(times)).collect();
            let mut parts: Vec<Part<'_>> = columns.iter().zip(&packed).map(|((persons, _), times)| Part { persons, times: times.packed(), kept: kept(persons, Some(&moved)) }).collect();
            let spans = plan(&mut parts);
            let got: Vec<(u16, i64, usize)> = spans.into_iter().flat_map(|(part, rows)| {
                let (persons, times) = &columns[part];
                rows.map(|row| (persons[row], times[row], part)).collect::<Vec<_>>()
            }).collect();
            let mut want: Vec<(u16, i64, usize)> = columns.iter().enumerate().flat_map(|(part, (persons, times))| {
                persons.iter().zip(times).map(move |(&person, &time)| (person, time, part))
            }).filter(|(person, ..)| !away.contains(person)).collect();
            want.sort_unstable();
            prop_assert_eq!(got, want);
        }
    }
}
