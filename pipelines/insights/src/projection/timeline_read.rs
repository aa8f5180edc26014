//! Reading the timeline of a segment out of several runs. Persons whose rows lie in one run are copied, or not even
//! that if all do; the others' rows are sorted together.

use std::borrow::Cow;

use super::Timeline;
use super::directory::Segment;
use super::layout::SegmentSet;
use super::run::Run;
use super::timeline::{Codes, TimelineBuilder};

/// A run's segment, of which persons in `moved` do not count.
pub(super) struct Source<'a> {
    pub run: &'a Run,
    pub segment: &'a Segment,
    pub moved: Option<&'a SegmentSet>,
}

/// The timeline of the sources as one. `ranks` is the order of activities by name. Without `times` starts may be left
/// out.
pub(super) fn read<'a>(sources: &[Source<'a>], ranks: &[u16], times: bool) -> Timeline<'a> {
    if let [Source { run, segment, moved: None }] = sources {
        return borrow(run, segment, times);
    }
    let lines: Vec<Timeline<'a>> = sources.iter().map(|source| borrow(source.run, source.segment, true)).collect();
    let persons = lines.iter().map(Timeline::persons).max().unwrap_or(0);
    let mut builder = TimelineBuilder::new();
    let mut rows: Vec<(i64, u16, u16)> = Vec::new();
    // A stretch of persons whose rows lie in one source.
    let mut stretch: Option<(usize, usize)> = None;
    for local in 0..persons {
        let has = |index: &usize| {
            let kept = sources[*index].moved.is_none_or(|moved| !moved.contains(local as u16));
            kept && !lines[*index].sessions_of(local).is_empty()
        };
        let mut having = (0..lines.len()).filter(has);
        let (first, second) = (having.next(), having.next());
        let only = first.filter(|_| second.is_none());
        match (stretch, only) {
            (Some((source, _)), Some(only)) if source == only => continue,
            (Some((source, from)), _) => builder.copy(&lines[source], from..local),
            (None, _) => {}
        }
        stretch = only.map(|only| (only, local));
        if second.is_some() {
            rows.clear();
            for line in (0..lines.len()).filter(has).map(|index| &lines[index]) {
                let mut push = |time: i64, row: usize| {
                    let code = line.code(row);
                    rows.push((time, ranks[usize::from(code)], code));
                };
                line.sessions_of(local).for_each(|session| line.walk(session, &mut push));
            }
            rows.sort_unstable();
            builder.person(local);
            rows.iter().for_each(|&(time, _, code)| builder.push(time, code));
        }
    }
    if let Some((source, from)) = stretch {
        builder.copy(&lines[source], from..persons);
    }
    builder.finish()
}

fn borrow<'a>(run: &'a Run, segment: &'a Segment, times: bool) -> Timeline<'a> {
    let (place, rows) = (&segment.timeline, segment.rows as usize);
    let (persons, sessions) = (place.persons as usize, place.sessions as usize);
    let mut starts = Vec::new();
    if times {
        run.times(&place.starts, sessions, &mut starts);
    }
    Timeline {
        person_sessions: Cow::Borrowed(run.slice(place.person_sessions, persons + 1)),
        starts,
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
