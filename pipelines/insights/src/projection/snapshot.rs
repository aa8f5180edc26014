//! A snapshot: several runs, read as one, with persons merged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::layout::{PersonSet, SegmentSet};
use super::merged::{Layers, Merged, Wish};
use super::timeline_read::{self, Source};
use super::{ColumnKind, Dictionaries, Dictionary, Postings, Rows, Run, Timeline, Values, join_person};
use crate::InsightError;

/// A property of persons: for each ordinal one more than the code in the dictionary, 0 where it is missing. Persons
/// beyond the end have none. Of merged persons that of the person they are now counts.
pub struct Trait {
    pub name: String,
    pub dictionary: Arc<Dictionary>,
    pub codes: Vec<u32>,
}

/// A property of groups of one type: by the key of the group, for those that have it.
#[derive(Debug, Default)]
pub struct GroupProperty {
    pub group: String,
    pub property: String,
    pub values: HashMap<String, String>,
}

/// What questions are asked of. Runs are shared, so a snapshot is cheap unless persons are merged: rows of merged
/// persons are gathered under the person they are now when it is made.
pub struct Snapshot {
    pub(crate) dictionaries: Arc<Dictionaries>,
    runs: Vec<Arc<Run>>,
    /// What most rows lie in, and what later snapshots share: these runs lie above it.
    pub(super) base: Option<Arc<Snapshot>>,
    /// Persons whose rows count as another's: they are left out of `runs`, or of the base, and are in `relocated`.
    moved: PersonSet,
    moved_of_base: PersonSet,
    overrides: HashMap<u32, u32>,
    /// Of persons whose rows already lie under another: who they are now.
    aliases: Arc<HashMap<u32, u32>>,
    relocated: Vec<Run>,
    ranks: Vec<u16>,
    /// What questions have had merged out of several runs.
    pub(super) merged: Merged,
    pub(crate) traits: Vec<Arc<Trait>>,
    pub(crate) groups: Vec<Arc<GroupProperty>>,
}

impl Snapshot {
    /// `overrides`: own person to the person it is now, for those that differ.
    pub fn new(
        dictionaries: Arc<Dictionaries>,
        runs: Vec<Arc<Run>>,
        overrides: &HashMap<u32, u32>,
        traits: Vec<Arc<Trait>>,
    ) -> Result<Snapshot, InsightError> {
        if let Some(run) =
            runs.iter().find(|run| run.columns() != dictionaries.columns.len() && !run.segments().is_empty())
        {
            let (run, known) = (run.columns(), dictionaries.columns.len());
            return Err(InsightError::Rows(format!("a run has {run} hot columns, the dictionaries have {known}")));
        }
        let overrides: HashMap<u32, u32> =
            overrides.iter().filter(|(own, now)| own != now).map(|(&own, &now)| (own, now)).collect();
        let ranks = dictionaries.ranks();
        let moved: PersonSet = overrides.keys().copied().collect();
        let mut snapshot = Snapshot {
            dictionaries,
            runs,
            base: None,
            moved: PersonSet::default(),
            moved_of_base: PersonSet::default(),
            overrides,
            aliases: Arc::default(),
            relocated: Vec::new(),
            ranks,
            merged: Merged::default(),
            traits,
            groups: Vec::new(),
        };
        snapshot.relocated.extend(snapshot.relocate(&snapshot.runs.iter().collect::<Vec<_>>(), &moved)?);
        snapshot.moved = moved;
        snapshot.merged = Merged::new(&snapshot.segments(), snapshot.ranks.len());
        Ok(snapshot)
    }

    /// Puts the runs above those of a base, which has the same dictionaries; each has the overrides of persons who have rows in
    /// its own runs. `moved` are persons who have rows in the base and have become others since it was made. What questions have
    /// had merged in the base stays with it, for all who share it.
    pub fn above(mut self, base: Arc<Snapshot>, moved: &HashMap<u32, u32>) -> Result<Snapshot, InsightError> {
        self.overrides.extend(moved);
        self.moved_of_base = moved.keys().copied().collect();
        let mut runs: Vec<&Arc<Run>> = Vec::new();
        let mut below = Some(&base);
        while let Some(snapshot) = below {
            runs.extend(&snapshot.runs);
            below = snapshot.base.as_ref();
        }
        let relocated = self.relocate(&runs, &self.moved_of_base)?;
        self.relocated.extend(relocated);
        self.base = Some(base);
        self.merged = Merged::new(&self.segments(), self.ranks.len());
        Ok(self)
    }

    /// Makes what questions have had merged in a snapshot before this one, on some threads, so that they need not wait for it
    /// here.
    pub fn warm_as(&self, before: &Snapshot, threads: usize) {
        // Places of columns and codes of activities are of dictionaries.
        if !Arc::ptr_eq(&self.dictionaries, &before.dictionaries) {
            return;
        }
        each_of(&before.merged.wishes(), threads, |wish| {
            match wish.activity {
                Some(activity) => {
                    self.postings(wish.segment, activity, &wish.columns, &mut Postings::default());
                }
                None => drop(self.timeline(wish.segment, None)),
            }
            self.merged.granted(wish);
        });
    }

    /// Takes over what questions have had merged in the base of another snapshot, which has the same rows in other runs: in
    /// the other the base's rows and the few above are merged, which is soon done, on some threads.
    pub fn grow_from(&self, other: &Snapshot, threads: usize) {
        let Some(base) = &other.base else { return };
        let columns: Vec<usize> = (0..self.dictionaries.columns.len()).collect();
        each_of(&base.merged.wishes(), threads, |wish| {
            if !self.is_merged(wish.segment, wish.activity) {
                return;
            }
            match wish.activity {
                Some(activity) => {
                    base.postings(wish.segment, activity, &columns, &mut Postings::default());
                    other.postings(wish.segment, activity, &columns, &mut Postings::default());
                }
                None => drop(other.timeline(wish.segment, None)),
            }
            let is_base_alone = other.has_nothing_above(wish.segment, wish.activity);
            self.merged.take(wish, if is_base_alone { &base.merged } else { &other.merged });
        });
    }

    /// Whether the rows of a segment, or of an activity in it, lie in several places: those of one run, or of the base alone, are
    /// read where they are.
    fn is_merged(&self, segment: u32, activity: Option<u16>) -> bool {
        let has = |source: &Source<'_>| activity.is_none_or(|activity| source.segment.chunk(activity).is_some());
        let sources: Vec<Source<'_>> = self.sources(segment).into_iter().filter(has).collect();
        let of_base = self.base.as_ref().is_some_and(|base| match activity {
            Some(activity) => base.times(segment, activity).is_some(),
            None => base.has(segment),
        });
        match (of_base, sources.as_slice()) {
            (false, []) => false,
            (false, [one]) => one.moved.is_some(),
            (true, []) => self.moved_of_base(segment).is_some(),
            _ => true,
        }
    }

    /// Whether the rows of a segment, or of an activity in it, are the base's as they lie there.
    fn has_nothing_above(&self, segment: u32, activity: Option<u16>) -> bool {
        let has = |source: &Source<'_>| activity.is_none_or(|activity| source.segment.chunk(activity).is_some());
        let is_moved = self.moved_of_base(segment).is_some();
        !is_moved && !self.sources(segment).iter().any(has)
    }

    /// Lets ids of persons without rows of their own be found as the person they are now.
    #[must_use]
    pub fn aliased(mut self, aliases: Arc<HashMap<u32, u32>>) -> Snapshot {
        self.aliases = aliases;
        self
    }

    /// What is known of groups.
    #[must_use]
    pub fn with_groups(mut self, groups: Vec<Arc<GroupProperty>>) -> Snapshot {
        self.groups = groups;
        self
    }

    /// Rows of persons that count as another's although they lie under their own.
    pub fn relocated_rows(&self) -> u64 {
        let of_base = self.base.as_ref().map_or(0, |base| base.relocated_rows());
        self.relocated.iter().map(Run::rows).sum::<u64>() + of_base
    }

    /// Rows before persons are merged; the same number after.
    pub fn rows(&self) -> u64 {
        self.runs.iter().map(|run| run.rows()).sum::<u64>() + self.base.as_ref().map_or(0, |base| base.rows())
    }

    /// Rows of activities of these names, of all where there are none: nothing is read for it.
    pub fn rows_named(&self, activities: &[String]) -> u64 {
        if activities.is_empty() {
            return self.rows();
        }
        let code = |name: &String| u16::try_from(self.dictionaries.activities.find(name)?).ok();
        let codes: Vec<u16> = activities.iter().filter_map(code).collect();
        self.rows_of_codes(&codes)
    }

    fn rows_of_codes(&self, codes: &[u16]) -> u64 {
        let segments = self.runs.iter().flat_map(|run| run.segments());
        let chunks = segments.flat_map(|segment| codes.iter().filter_map(move |&code| segment.chunk(code)));
        let of_base = self.base.as_ref().map_or(0, |base| base.rows_of_codes(codes));
        chunks.map(|chunk| u64::from(chunk.rows)).sum::<u64>() + of_base
    }

    /// The person that an ordinal is now.
    pub(crate) fn canonical(&self, ordinal: u32) -> u32 {
        self.overrides.get(&ordinal).or_else(|| self.aliases.get(&ordinal)).copied().unwrap_or(ordinal)
    }

    /// Segments that have rows, ascending.
    pub fn segments(&self) -> Vec<u32> {
        let runs = self.runs.iter().map(Arc::as_ref).chain(&self.relocated);
        let mut all: Vec<u32> = runs.flat_map(|run| run.segments().iter().map(|segment| segment.index)).collect();
        all.extend(self.base.iter().flat_map(|base| base.segments()));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Who of the base counts as another.
    pub(super) fn moved_of_base(&self, segment: u32) -> Option<&SegmentSet> {
        self.moved_of_base.segment(segment).filter(|moved| !moved.is_empty())
    }

    pub(super) fn sources(&self, segment: u32) -> Vec<Source<'_>> {
        let moved = self.moved.segment(segment).filter(|moved| !moved.is_empty());
        let runs = self.runs.iter().map(|run| (run.as_ref(), moved));
        let all = runs.chain(self.relocated.iter().map(|run| (run, None)));
        all.filter_map(|(run, moved)| Some(Source { run, segment: run.segment(segment)?, moved })).collect()
    }

    /// Reads the rows of an activity in a segment; returns the bytes read. Times may be left packed.
    pub(crate) fn postings<'a>(
        &'a self,
        segment: u32,
        activity: u16,
        columns: &[usize],
        into: &mut Postings<'a>,
    ) -> u64 {
        let kind = |&column: &usize| (column, self.dictionaries.columns[column].kind);
        let columns: Vec<(usize, ColumnKind)> = columns.iter().map(kind).collect();
        let sources: Vec<Source<'a>> =
            self.sources(segment).into_iter().filter(|source| source.segment.chunk(activity).is_some()).collect();
        let base = self.base.as_deref().filter(|base| base.times(segment, activity).is_some());
        let moved = self.moved_of_base(segment);
        match (base, sources.as_slice()) {
            (Some(base), []) if moved.is_none() => {
                let columns: Vec<usize> = columns.iter().map(|column| column.0).collect();
                base.postings(segment, activity, &columns, into)
            }
            (None, []) => {
                into.clear();
                0
            }
            (None, [one]) if one.moved.is_none() => into.read(one, activity, &columns),
            _ => {
                let base = base.map(|base| (base, moved));
                let layers = Layers { base, sources: &sources, segment, activity };
                self.merged.postings(&layers, &columns, into)
            }
        }
    }

    /// Reads the timeline of a segment; without memory for its starts they may be missing.
    pub(crate) fn timeline(&self, segment: u32, starts: Option<Vec<i64>>) -> Timeline<'_> {
        let sources = self.sources(segment);
        let base = self.base.as_deref().filter(|base| base.has(segment));
        let moved = self.moved_of_base(segment);
        match (base, sources.as_slice()) {
            (Some(base), []) if moved.is_none() => return base.timeline(segment, starts),
            (None, [one]) if one.moved.is_none() => return timeline_read::borrow(one, starts),
            _ => {}
        }
        let read = || {
            let of_base = base.map(|base| (base.timeline(segment, Some(Vec::new())), moved));
            let of_runs = sources.iter().map(|source| (timeline_read::borrow(source, Some(Vec::new())), source.moved));
            timeline_read::merge(&of_base.into_iter().chain(of_runs).collect::<Vec<_>>(), &self.ranks)
        };
        match self.merged.timeline(segment, read) {
            Some(timeline) => timeline,
            None => read(),
        }
    }

    /// Bytes in which the rows of an activity lie.
    pub(super) fn bytes(&self, segment: u32, activity: u16, columns: &[(usize, ColumnKind)]) -> u64 {
        let of_base = self.base.as_ref().map_or(0, |base| base.bytes(segment, activity, columns));
        self.sources(segment).iter().map(|source| source.bytes(activity, columns)).sum::<u64>() + of_base
    }

    pub(super) fn has(&self, segment: u32) -> bool {
        self.segment_runs(segment).next().is_some() || self.base.as_ref().is_some_and(|base| base.has(segment))
    }

    fn segment_runs(&self, segment: u32) -> impl Iterator<Item = &Run> {
        let runs = self.runs.iter().map(Arc::as_ref).chain(&self.relocated);
        runs.filter(move |run| run.segment(segment).is_some())
    }

    /// No row of a segment is before the first of these times, or after the second.
    pub(crate) fn span(&self, segment: u32) -> (i64, i64) {
        let sources = self.sources(segment);
        let chunks = sources.iter().flat_map(|source| &source.segment.chunks);
        let of_base = self.base.as_ref().map_or((i64::MAX, i64::MIN), |base| base.span(segment));
        chunks.fold(of_base, |span, chunk| (span.0.min(chunk.times.base), span.1.max(chunk.times.last)))
    }

    /// The most rows that one person of the segment can have of an activity.
    pub(crate) fn most(&self, segment: u32, activity: u16) -> u64 {
        let most = |source: &Source<'_>| source.segment.chunk(activity).map(|chunk| u64::from(chunk.most));
        let sources = self.sources(segment);
        // Rows of moved persons add up under one person.
        let relocated = |run: &Run| Some(u64::from(run.segment(segment)?.chunk(activity)?.rows));
        let of_base = self.base.as_ref().map_or(0, |base| base.most(segment, activity));
        sources.iter().filter_map(most).sum::<u64>()
            + self.relocated.iter().filter_map(relocated).sum::<u64>()
            + of_base
    }

    /// First and last time of an activity's rows in a segment.
    pub(crate) fn times(&self, segment: u32, activity: u16) -> Option<(i64, i64)> {
        let times =
            |source: &Source<'_>| source.segment.chunk(activity).map(|chunk| (chunk.times.base, chunk.times.last));
        let sources = self.sources(segment);
        let of_base = self.base.as_ref().and_then(|base| base.times(segment, activity));
        sources.iter().filter_map(times).chain(of_base).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The time of the first row of a segment.
    pub(crate) fn first_time(&self, segment: u32) -> i64 {
        let first = |source: &Source<'_>| source.segment.timeline.starts.base;
        let of_base = self.base.as_ref().map(|base| base.first_time(segment));
        self.sources(segment).iter().map(first).chain(of_base).min().unwrap_or(i64::MAX)
    }

    /// The rows that moved persons have in runs, under the persons they are now.
    fn relocate(&self, runs: &[&Arc<Run>], moved: &PersonSet) -> Result<Option<Run>, InsightError> {
        let mut rows = Rows::new(&self.dictionaries);
        let columns: Vec<(usize, ColumnKind)> =
            self.dictionaries.columns.iter().map(|column| column.kind).enumerate().collect();
        let mut postings = Postings::default();
        for run in runs {
            for segment in run.segments() {
                let Some(moved) = moved.segment(segment.index).filter(|moved| !moved.is_empty()) else { continue };
                let locals: Vec<u16> = moved.iter().collect();
                for chunk in &segment.chunks {
                    let spans = spans_of(run.slice(chunk.persons, chunk.rows as usize), &locals);
                    if !spans.is_empty() {
                        let source = Source { run, segment, moved: None };
                        postings.read(&source, chunk.activity, &columns);
                        postings.unpack();
                        self.take(segment.index, chunk.activity, &postings, spans, &mut rows);
                    }
                }
            }
        }
        if rows.is_empty() { Ok(None) } else { rows.into_run(&self.dictionaries).map(Some) }
    }

    fn take(
        &self,
        segment: u32,
        activity: u16,
        postings: &Postings<'_>,
        spans: Vec<std::ops::Range<usize>>,
        rows: &mut Rows,
    ) {
        for row in spans.into_iter().flatten() {
            rows.persons.push(self.canonical(join_person(segment, postings.persons[row])));
            rows.times.push(postings.times[row]);
            rows.activities.push(activity);
            for (values, column) in rows.columns.iter_mut().zip(&postings.columns) {
                match values {
                    Values::Words(words) => words.push(column.word(row)),
                    Values::Numbers(numbers) => numbers.push(column.number(row).unwrap_or(f64::NAN)),
                }
            }
        }
    }

    /// The trait of a person of a segment.
    pub(crate) fn trait_code(&self, index: usize, ordinal: u32) -> u32 {
        self.traits[index].codes.get(ordinal as usize).copied().unwrap_or(0)
    }

    pub(crate) fn ranks(&self) -> &[u16] {
        &self.ranks
    }

    /// A set of persons by their ids, each as the person it is now; unknown ids are left out.
    pub fn persons(&self, ids: impl IntoIterator<Item = impl AsRef<str>>) -> PersonSet {
        let names = self.dictionaries.persons.names();
        let ordinals = ids.into_iter().filter_map(|id| names.find(id.as_ref()));
        ordinals.map(|ordinal| self.canonical(ordinal)).collect()
    }

    /// Ids of persons, ascending by bytes, at most `count`.
    pub fn ids(&self, persons: &PersonSet, count: usize) -> Vec<String> {
        self.ids_after(persons, count, None).0
    }

    /// As [`Snapshot::ids`], of those above an id; and whether there are more.
    pub fn ids_after(&self, persons: &PersonSet, count: usize, after: Option<&str>) -> (Vec<String>, bool) {
        let names = self.dictionaries.persons.names();
        let ids = persons.iter().map(|ordinal| names.text(ordinal));
        least(ids.filter(|id| after.is_none_or(|after| *id > after)), count)
    }
}

/// Calls with each, on some threads.
fn each_of(wishes: &[Wish], threads: usize, make: impl Fn(&Wish) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(wish) = wishes.get(next.fetch_add(1, Ordering::Relaxed)) {
            make(wish);
        }
    };
    std::thread::scope(|scope| {
        let others = threads.min(wishes.len()).saturating_sub(1);
        (0..others).for_each(|_| drop(scope.spawn(work)));
        work();
    });
}

/// The least `count` of these, ascending, and whether there are more. Not many more are held at once.
fn least<'t>(ids: impl Iterator<Item = &'t str>, count: usize) -> (Vec<String>, bool) {
    let most = count.saturating_mul(2).max(1 << 16);
    let (mut kept, mut is_more) = (Vec::new(), false);
    let sift = |kept: &mut Vec<&'t str>| {
        let is_more = kept.len() > count;
        if is_more && count > 0 {
            kept.select_nth_unstable(count - 1);
        }
        kept.truncate(count);
        is_more
    };
    for id in ids {
        kept.push(id);
        if kept.len() >= most {
            is_more |= sift(&mut kept);
        }
    }
    is_more |= sift(&mut kept);
    kept.sort_unstable();
    (kept.into_iter().map(str::to_owned).collect(), is_more)
}

/// Where the rows of some persons (ascending) lie among those of all (ascending).
fn spans_of(persons: &[u16], some: &[u16]) -> Vec<std::ops::Range<usize>> {
    let mut spans = Vec::new();
    let mut from = 0;
    for &person in some {
        from += persons[from..].partition_point(|&other| other < person);
        let end = from + persons[from..].partition_point(|&other| other == person);
        if from < end {
            spans.push(from..end);
        }
        from = end;
    }
    spans
}
