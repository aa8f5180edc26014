//! What a snapshot has merged out of several runs, so that the next question need not: while activity arrives, many
//! questions are asked of one snapshot. Bounded; what does not fit is merged for a question alone.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::changed::Held;
use super::layout::SegmentSet;
use super::merge::{self, Part};
use super::packed::{Packed, PackedTimes};
use super::timeline_read::Source;
use super::{Changed, Column, ColumnKind, Postings, Snapshot, Timeline};
use crate::memory;

/// Bytes kept of one snapshot, and of a base.
const BYTES_MAX: usize = 512 << 20;

/// What nobody has asked for in so many snapshots that follow each other is not made for the next.
const IDLE_MAX: u8 = 16;

/// Something that was made, and in how many snapshots nobody has asked for it.
struct Made<T> {
    value: T,
    idle: AtomicU8,
}

impl<T> Made<T> {
    fn new(value: T) -> Made<T> {
        Made { value, idle: AtomicU8::new(0) }
    }

    fn used(&self) -> &T {
        self.idle.store(0, Ordering::Relaxed);
        &self.value
    }

    fn idle(&self) -> Option<u8> {
        Some(self.idle.load(Ordering::Relaxed) + 1).filter(|idle| *idle <= IDLE_MAX)
    }
}

/// What is worth making before anybody asks, and how long nobody has.
pub(super) struct Wish {
    pub segment: u32,
    /// `None`: the timeline.
    pub activity: Option<u16>,
    pub columns: Vec<usize>,
    idle: u8,
    columns_idle: Vec<u8>,
}

/// What the rows of an activity in a segment are merged of: those of the base, if it has some, then those of sources.
pub(super) struct Layers<'l, 'a> {
    /// Without persons who have moved.
    pub base: Option<(&'a Snapshot, Option<&'a SegmentSet>)>,
    pub sources: &'l [Source<'a>],
    pub segment: u32,
    pub activity: u16,
}

impl<'a> Layers<'_, 'a> {
    /// The rows of each layer, with one column or none; and the bytes read.
    fn read(&self, column: Option<(usize, ColumnKind)>) -> (Vec<(Postings<'a>, Option<&'a SegmentSet>)>, u64) {
        let (mut layers, mut bytes) = (Vec::new(), 0);
        if let Some((base, moved)) = self.base {
            let mut postings = Postings::default();
            let column: Vec<usize> = column.iter().map(|column| column.0).collect();
            bytes += base.postings(self.segment, self.activity, &column, &mut postings);
            layers.push((postings, moved));
        }
        for source in self.sources {
            let mut postings = Postings::default();
            bytes += postings.read(source, self.activity, column.as_slice());
            layers.push((postings, source.moved));
        }
        (layers, bytes)
    }

    /// No row is before the first of these times, or after the second.
    fn ends(&self) -> (i64, i64) {
        let of_base = self.base.and_then(|(base, _)| base.times(self.segment, self.activity));
        let chunks = self.sources.iter().filter_map(|source| source.segment.chunk(self.activity));
        let ends = chunks.map(|chunk| (chunk.times.base, chunk.times.last)).chain(of_base);
        ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
    }

    fn bytes(&self, columns: &[(usize, ColumnKind)]) -> u64 {
        let of_base = self.base.map_or(0, |(base, _)| base.bytes(self.segment, self.activity, columns));
        self.sources.iter().map(|source| source.bytes(self.activity, columns)).sum::<u64>() + of_base
    }
}

/// Of all segments of a snapshot.
#[derive(Default)]
pub(super) struct Merged {
    bytes: AtomicUsize,
    segments: Vec<MergedSegment>,
}

struct MergedSegment {
    index: u32,
    timeline: OnceLock<Made<Arc<Timeline<'static>>>>,
    /// What the rows above the base make of its sessions.
    changed: OnceLock<Changed>,
    /// By activity.
    postings: Box<[OnceLock<Made<Arc<MergedPostings>>>]>,
}

/// The rows of an activity in a segment.
pub(super) struct MergedPostings {
    persons: Vec<u16>,
    times: PackedTimes,
    /// Which stretches of which layer they are.
    spans: Vec<(usize, std::ops::Range<usize>)>,
    /// By place among all hot columns.
    columns: Box<[OnceLock<Made<Column<'static>>>]>,
}

impl Merged {
    /// For these segments, ascending.
    pub fn new(segments: &[u32], activities: usize) -> Merged {
        let segment = |&index: &u32| MergedSegment {
            index,
            timeline: OnceLock::new(),
            changed: OnceLock::new(),
            postings: (0..activities).map(|_| OnceLock::new()).collect(),
        };
        Merged { bytes: AtomicUsize::new(0), segments: segments.iter().map(segment).collect() }
    }

    fn segment(&self, index: u32) -> Option<&MergedSegment> {
        let place = self.segments.binary_search_by_key(&index, |segment| segment.index).ok()?;
        self.segments.get(place)
    }

    /// Whether more may be kept.
    fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) < BYTES_MAX
    }

    /// Makes something that stays; it is not of the question that happens to need it first.
    fn make<T>(&self, make: impl FnOnce() -> T) -> T {
        let before = memory::held();
        let made = make();
        let bytes = memory::held() - before;
        memory::let_go(bytes);
        self.bytes.fetch_add(usize::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
        made
    }

    /// The timeline of a segment, made if it is not there yet; `None` if there is no room for it.
    pub fn timeline(&self, segment: u32, make: impl FnOnce() -> Timeline<'static>) -> Option<Timeline<'_>> {
        let segment = self.segment(segment)?;
        if segment.timeline.get().is_none() && !self.has_room() {
            return None;
        }
        Some(segment.timeline.get_or_init(|| Made::new(Arc::new(self.make(make)))).used().borrowed())
    }

    /// What the rows above the base make of a segment's sessions, made if it is not there yet; made for the question alone if there is
    /// no room for it. They are few, and each snapshot has others.
    pub fn changed(&self, segment: u32, make: impl FnOnce() -> Changed) -> Held<'_> {
        match self.segment(segment).filter(|segment| segment.changed.get().is_some() || self.has_room()) {
            Some(segment) => Held::Kept(segment.changed.get_or_init(|| self.make(make))),
            None => Held::Own(Box::new(make())),
        }
    }

    /// What questions have had made, and asked for not too long ago.
    pub fn wishes(&self) -> Vec<Wish> {
        let mut wishes = Vec::new();
        for segment in &self.segments {
            if let Some(idle) = segment.timeline.get().and_then(Made::idle) {
                let (columns, columns_idle) = (Vec::new(), Vec::new());
                wishes.push(Wish { segment: segment.index, activity: None, columns, idle, columns_idle });
            }
            for (activity, postings) in (0u16..).zip(&segment.postings) {
                let Some((made, idle)) = postings.get().and_then(|made| Some((made, made.idle()?))) else { continue };
                let columns = made.value.columns.iter().enumerate();
                let columns = columns.filter_map(|(index, column)| Some((index, column.get()?.idle()?)));
                let (columns, columns_idle) = columns.unzip();
                wishes.push(Wish { segment: segment.index, activity: Some(activity), columns, idle, columns_idle });
            }
        }
        wishes
    }

    /// What was made for a wish has been asked for no later than what the wish is of.
    pub fn granted(&self, wish: &Wish) {
        let Some(segment) = self.segment(wish.segment) else { return };
        let Some(activity) = wish.activity else {
            segment.timeline.get().into_iter().for_each(|made| made.idle.store(wish.idle, Ordering::Relaxed));
            return;
        };
        let Some(made) = segment.postings.get(usize::from(activity)).and_then(OnceLock::get) else { return };
        made.idle.store(wish.idle, Ordering::Relaxed);
        for (&index, &idle) in wish.columns.iter().zip(&wish.columns_idle) {
            let column = made.value.columns.get(index).and_then(OnceLock::get);
            column.into_iter().for_each(|column| column.idle.store(idle, Ordering::Relaxed));
        }
    }

    /// Takes what another, whose rows are the same, has made for a wish. All columns are made there: rows of one person,
    /// activity and time may lie in another order here, so that none can be added.
    pub fn take(&self, wish: &Wish, other: &Merged) {
        let (Some(segment), Some(from)) = (self.segment(wish.segment), other.segment(wish.segment)) else { return };
        let bytes = match wish.activity {
            None => from.timeline.get().filter(|made| segment.timeline.set(Made::new(made.value.clone())).is_ok()).map(
                |made| made.value.rows() * 4 + made.value.starts.len() * 16 + made.value.person_sessions.len() * 4,
            ),
            Some(activity) => {
                let index = usize::from(activity);
                let places = segment.postings.get(index).zip(from.postings.get(index).and_then(OnceLock::get));
                let taken = places.filter(|(place, made)| place.set(Made::new(made.value.clone())).is_ok());
                taken.map(|(_, made)| made.value.bytes())
            }
        };
        self.bytes.fetch_add(bytes.unwrap_or(0), Ordering::Relaxed);
        self.granted(wish);
    }

    /// Fills postings with the rows of an activity; returns the bytes that lie in the layers.
    pub fn postings<'a>(
        &'a self,
        layers: &Layers<'_, 'a>,
        columns: &[(usize, ColumnKind)],
        into: &mut Postings<'a>,
    ) -> u64 {
        into.clear();
        let place = self.segment(layers.segment).and_then(|segment| segment.postings.get(usize::from(layers.activity)));
        match place.filter(|place| place.get().is_some() || self.has_room()) {
            Some(place) => {
                let make = || Made::new(Arc::new(self.make(|| MergedPostings::new(layers))));
                let merged = place.get_or_init(make).used();
                into.persons = Cow::Borrowed(&merged.persons);
                into.packed = Some(merged.times.packed());
                for &(index, kind) in columns {
                    let make = || Made::new(self.make(|| merged.column(layers, index, kind)));
                    // A property that was not known when the rows were merged has no place.
                    into.columns.push(match merged.columns.get(index) {
                        Some(place) => place.get_or_init(make).used().slice(0..merged.persons.len()),
                        None => merged.column(layers, index, kind),
                    });
                }
            }
            None => {
                let merged = MergedPostings::new(layers);
                merged.times.packed().unpack(&mut into.times);
                into.columns.extend(columns.iter().map(|&(index, kind)| merged.column(layers, index, kind)));
                into.persons = Cow::Owned(merged.persons);
            }
        }
        layers.bytes(columns)
    }
}

impl MergedPostings {
    /// About how many it takes.
    fn bytes(&self) -> usize {
        let columns = self.columns.iter().filter_map(|column| Some(column.get()?.value.bytes()));
        self.persons.len() * 7
            + self.spans.len() * size_of::<(usize, std::ops::Range<usize>)>()
            + columns.sum::<usize>()
    }

    fn new(layers: &Layers<'_, '_>) -> MergedPostings {
        let (read, _) = layers.read(None);
        // Times that are not packed, as no room was left for them, are packed here.
        let packed: Vec<Option<PackedTimes>> = read
            .iter()
            .map(|(postings, _)| postings.packed.is_none().then(|| PackedTimes::new(&postings.times)))
            .collect();
        let mut parts: Vec<Part<'_>> = Vec::new();
        for ((postings, moved), packed) in read.iter().zip(&packed) {
            let Some(times) = postings.packed.or_else(|| packed.as_ref().map(PackedTimes::packed)) else { continue };
            parts.push(Part { persons: &postings.persons, times, kept: merge::kept(&postings.persons, *moved) });
        }
        let spans = merge::plan(&mut parts);
        let mut persons = Vec::with_capacity(spans.iter().map(|(_, span)| span.len()).sum());
        spans.iter().for_each(|(part, span)| persons.extend_from_slice(&parts[*part].persons[span.clone()]));
        let times: Vec<Packed<'_>> = parts.iter().map(|part| part.times).collect();
        let times = PackedTimes::assemble(&times, &spans, layers.ends());
        let columns = layers.base.map_or(0, |(base, _)| base.dictionaries.columns.len());
        let columns = layers.sources.first().map_or(columns, |source| source.run.columns());
        MergedPostings { persons, times, spans, columns: (0..columns).map(|_| OnceLock::new()).collect() }
    }

    fn column(&self, layers: &Layers<'_, '_>, index: usize, kind: ColumnKind) -> Column<'static> {
        let (read, _) = layers.read(Some((index, kind)));
        let none = Column::Same(0);
        let parts: Vec<&Column<'_>> =
            read.iter().map(|(postings, _)| postings.columns.first().unwrap_or(&none)).collect();
        Column::assemble(&parts, &self.spans, kind)
    }
}
