//! Reading the timeline of a segment out of several runs. Persons whose rows lie in one run are copied, or not even
//! that if all do; the others' rows are sorted together.

use std::borrow::Cow;

use super::directory::Segment;
use super::layout::SegmentSet;
use super::postings::bytes_of;
use super::run::Run;
use super::timeline::{Codes, TimelineBuilder};
use super::{ColumnKind, Timeline};

/// A run's segment, of which persons in `moved` do not count.
pub(super) struct Source<'a> {
    pub run: &'a Run,
    pub segment: &'a Segment,
    pub moved: Option<&'a SegmentSet>,
}

impl Source<'_> {
    /// Bytes of the rows of an activity with these columns.
    pub fn bytes(&self, activity: u16, columns: &[(usize, ColumnKind)]) -> u64 {
        self.segment.chunk(activity).map_or(0, |chunk| bytes_of(chunk, columns))
    }
}

/// Timelines as one, of each without the persons who have moved. `ranks` is the order of activities by name.
pub(super) fn merge(parts: &[(Timeline<'_>, Option<&SegmentSet>)], ranks: &[u16]) -> Timeline<'static> {
    let lines: Vec<&Timeline<'_>> = parts.iter().map(|part| &part.0).collect();
    let persons = lines.iter().map(|line| line.persons()).max().unwrap_or(0);
    let [sessions, all] = [|line: &&Timeline<'_>| line.starts.len(), |line: &&Timeline<'_>| line.rows()]
        .map(|count: fn(&&Timeline<'_>) -> usize| lines.iter().map(count).sum());
    let mut builder = TimelineBuilder::with_capacity(persons, sessions, all);
    let mut rows: Vec<(i64, u16, u16)> = Vec::new();
    let mut several: Vec<usize> = Vec::new();
    // A stretch of persons whose rows lie in one source.
    let mut stretch: Option<(usize, usize)> = None;
    for local in 0..persons {
        let has = |index: &usize| {
            let kept = parts[*index].1.is_none_or(|moved| !moved.contains(local as u16));
            kept && !lines[*index].sessions_of(local).is_empty()
        };
        let mut having = (0..lines.len()).filter(has);
        let (first, second) = (having.next(), having.next());
        let only = first.filter(|_| second.is_none());
        match (stretch, only) {
            (Some((source, _)), Some(only)) if source == only => continue,
            (Some((source, from)), _) => builder.copy(lines[source], from..local),
            (None, _) => {}
        }
        stretch = only.map(|only| (only, local));
        if second.is_some() {
            // Fresh rows are mostly later than all others: then those are taken over as they are.
            several.clear();
            several.extend((0..lines.len()).filter(has));
            several.sort_unstable_by_key(|&index| ends_of(lines[index], local).0);
            let apart =
                several.windows(2).all(|pair| ends_of(lines[pair[0]], local).1 < ends_of(lines[pair[1]], local).0);
            if let (true, [first, later @ ..]) = (apart, several.as_slice()) {
                builder.copy(lines[*first], local..local + 1);
                builder.go_on_from(ends_of(lines[*first], local).1);
                for line in later.iter().map(|&index| lines[index]) {
                    let mut push = |time: i64, row: usize| builder.push(time, line.code(row));
                    line.sessions_of(local).for_each(|session| line.walk(session, &mut push));
                }
                continue;
            }
            rows.clear();
            for line in (0..lines.len()).filter(has).map(|index| lines[index]) {
                let mut push = |time: i64, row: usize| {
                    let code = line.code(row);
                    rows.push((time, ranks[usize::from(code)], code));
                };
                line.sessions_of(local).for_each(|session| line.walk(session, &mut push));
            }
            // Several sorted stretches, which a stable sort merges.
            rows.sort();
            builder.person(local);
            rows.iter().for_each(|&(time, _, code)| builder.push(time, code));
        }
    }
    if let Some((source, from)) = stretch {
        builder.copy(lines[source], from..persons);
    }
    builder.finish()
}

/// The times of a person's first and last row, who has some.
fn ends_of(line: &Timeline<'_>, local: usize) -> (i64, i64) {
    let sessions = line.sessions_of(local);
    let last = sessions.end - 1;
    (line.starts[sessions.start], line.starts[last] + line.duration(last))
}

/// The timeline of a source as it lies there, those who have moved included. Without memory for starts they are left out.
pub(super) fn borrow<'a>(source: &Source<'a>, starts: Option<Vec<i64>>) -> Timeline<'a> {
    let (run, segment) = (source.run, source.segment);
    let (place, rows) = (&segment.timeline, segment.rows as usize);
    let (persons, sessions) = (place.persons as usize, place.sessions as usize);
    let is_wanted = starts.is_some();
    let mut starts = starts.unwrap_or_default();
    starts.clear();
    if is_wanted {
        run.times(&place.starts, sessions, &mut starts);
    }
    Timeline {
        person_sessions: Cow::Borrowed(run.slice(place.person_sessions, persons + 1)),
        starts: Cow::Owned(starts),
        durations: Cow::Borrowed(run.slice(place.durations, sessions)),
        first_rows: Cow::Borrowed(run.slice(place.first_rows, sessions + 1)),
        codes: match place.code_bytes {
            1 => Codes::Narrow(Cow::Borrowed(run.slice(place.codes, rows))),
            _ => Codes::Wide(Cow::Borrowed(run.slice(place.codes, rows))),
        },
        deltas_low: Cow::Borrowed(run.slice(place.deltas_low, rows)),
        deltas_high: Cow::Borrowed(run.slice(place.deltas_high, rows)),
    }
}
