//! A snapshot: several runs, read as one, with persons merged.

use std::collections::HashMap;
use std::sync::Arc;

use super::layout::PersonSet;
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
    /// Persons whose rows count as another's: they are left out of `runs` and are in `relocated`.
    moved: PersonSet,
    overrides: HashMap<u32, u32>,
    /// Of persons whose rows already lie under another: who they are now.
    aliases: Arc<HashMap<u32, u32>>,
    relocated: Option<Run>,
    ranks: Vec<u16>,
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
            moved: PersonSet::default(),
            overrides,
            aliases: Arc::default(),
            relocated: None,
            ranks,
            traits,
            groups: Vec::new(),
        };
        snapshot.relocated = snapshot.relocate(&moved)?;
        snapshot.moved = moved;
        Ok(snapshot)
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
        self.relocated.as_ref().map_or(0, Run::rows)
    }

    /// Rows before persons are merged; the same number after.
    pub fn rows(&self) -> u64 {
        self.runs.iter().map(|run| run.rows()).sum()
    }

    /// The runs it is made of.
    pub fn runs(&self) -> &[Arc<Run>] {
        &self.runs
    }

    /// The person that an ordinal is now.
    pub(crate) fn canonical(&self, ordinal: u32) -> u32 {
        self.overrides.get(&ordinal).or_else(|| self.aliases.get(&ordinal)).copied().unwrap_or(ordinal)
    }

    /// Segments that have rows, ascending.
    pub(crate) fn segments(&self) -> Vec<u32> {
        let runs = self.runs.iter().map(Arc::as_ref).chain(&self.relocated);
        let mut all: Vec<u32> = runs.flat_map(|run| run.segments().iter().map(|segment| segment.index)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn sources(&self, segment: u32) -> Vec<Source<'_>> {
        let moved = self.moved.segment(segment).filter(|moved| !moved.is_empty());
        let runs = self.runs.iter().map(|run| (run.as_ref(), moved));
        let all = runs.chain(self.relocated.as_ref().map(|run| (run, None)));
        all.filter_map(|(run, moved)| Some(Source { run, segment: run.segment(segment)?, moved })).collect()
    }

    /// Reads the rows of an activity in a segment; returns the bytes read.
    pub(crate) fn postings<'a>(
        &'a self,
        segment: u32,
        activity: u16,
        columns: &[usize],
        into: &mut Postings<'a>,
    ) -> u64 {
        let kind = |&column: &usize| (column, self.dictionaries.columns[column].kind);
        let columns: Vec<(usize, ColumnKind)> = columns.iter().map(kind).collect();
        into.read(&self.sources(segment), activity, &columns)
    }

    /// Reads the timeline of a segment. Without `times` its starts may be missing.
    pub(crate) fn timeline(&self, segment: u32, times: bool) -> Timeline<'_> {
        timeline_read::read(&self.sources(segment), &self.ranks, times)
    }

    /// No row of a segment is before the first of these times, or after the second.
    pub(crate) fn span(&self, segment: u32) -> (i64, i64) {
        let sources = self.sources(segment);
        let chunks = sources.iter().flat_map(|source| &source.segment.chunks);
        chunks.fold((i64::MAX, i64::MIN), |span, chunk| (span.0.min(chunk.times.base), span.1.max(chunk.times.last)))
    }

    /// The most rows that one person of the segment can have of an activity.
    pub(crate) fn most(&self, segment: u32, activity: u16) -> u64 {
        let most = |source: &Source<'_>| source.segment.chunk(activity).map(|chunk| u64::from(chunk.most));
        let sources = self.sources(segment);
        // Rows of moved persons add up under one person.
        let relocated = |run: &Run| Some(u64::from(run.segment(segment)?.chunk(activity)?.rows));
        sources.iter().filter_map(most).sum::<u64>() + self.relocated.as_ref().and_then(relocated).unwrap_or(0)
    }

    /// First and last time of an activity's rows in a segment.
    pub(crate) fn times(&self, segment: u32, activity: u16) -> Option<(i64, i64)> {
        let times =
            |source: &Source<'_>| source.segment.chunk(activity).map(|chunk| (chunk.times.base, chunk.times.last));
        let sources = self.sources(segment);
        sources.iter().filter_map(times).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The time of the first row of a segment.
    pub(crate) fn first_time(&self, segment: u32) -> i64 {
        let first = |source: &Source<'_>| source.segment.timeline.starts.base;
        self.sources(segment).iter().map(first).min().unwrap_or(i64::MAX)
    }

    /// The rows of moved persons, under the persons they are now.
    fn relocate(&self, moved: &PersonSet) -> Result<Option<Run>, InsightError> {
        let mut rows = Rows::new(&self.dictionaries);
        let columns: Vec<(usize, ColumnKind)> =
            self.dictionaries.columns.iter().map(|column| column.kind).enumerate().collect();
        let mut postings = Postings::default();
        for run in &self.runs {
            for segment in run.segments() {
                let Some(moved) = moved.segment(segment.index).filter(|moved| !moved.is_empty()) else { continue };
                let locals: Vec<u16> = moved.iter().collect();
                for chunk in &segment.chunks {
                    let spans = spans_of(run.slice(chunk.persons, chunk.rows as usize), &locals);
                    if !spans.is_empty() {
                        let source = Source { run, segment, moved: None };
                        postings.read(&[source], chunk.activity, &columns);
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
        least(ids.filter(|id| after.is_none_or(|after| *id > after)).collect(), count)
    }
}

/// The least `count` of these, ascending, and whether there are more.
fn least(mut ids: Vec<&str>, count: usize) -> (Vec<String>, bool) {
    let is_more = ids.len() > count;
    if is_more && count > 0 {
        ids.select_nth_unstable(count - 1);
    }
    ids.truncate(count);
    ids.sort_unstable();
    (ids.into_iter().map(str::to_owned).collect(), is_more)
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
