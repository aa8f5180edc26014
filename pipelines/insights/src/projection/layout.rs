//! Ordinals, segments, and sets of persons.

/// log2 of [`SEGMENT_PERSONS`].
const SEGMENT_BITS: u32 = 14;

/// Persons in a segment: one bit for each is 2 KB, so that a segment's state stays in the first cache.
pub const SEGMENT_PERSONS: usize = 1 << SEGMENT_BITS;

const WORDS: usize = SEGMENT_PERSONS / 64;

/// Segment of a person's ordinal, and the person's place in it.
#[inline]
pub(crate) fn split_person(ordinal: u32) -> (u32, u16) {
    (ordinal >> SEGMENT_BITS, (ordinal & (SEGMENT_PERSONS as u32 - 1)) as u16)
}

/// The ordinal of a person of a segment.
#[inline]
pub(crate) fn join_person(segment: u32, local: u16) -> u32 {
    (segment << SEGMENT_BITS) | u32::from(local)
}

/// Persons of one segment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SegmentSet {
    words: Box<[u64; WORDS]>,
}

impl Default for SegmentSet {
    fn default() -> SegmentSet {
        SegmentSet { words: Box::new([0; WORDS]) }
    }
}

impl SegmentSet {
    #[inline]
    pub fn insert(&mut self, local: u16) {
        self.words[usize::from(local) / 64 % WORDS] |= 1 << (local % 64);
    }

    #[inline]
    pub fn contains(&self, local: u16) -> bool {
        self.words[usize::from(local) / 64 % WORDS] >> (local % 64) & 1 == 1
    }

    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Persons, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| Bits(word).map(move |bit| (index * 64) as u16 + bit))
    }

    pub fn combine(&mut self, other: &SegmentSet, by: impl Fn(u64, u64) -> u64) {
        self.words.iter_mut().zip(other.words.iter()).for_each(|(word, &other)| *word = by(*word, other));
    }
}

/// The places of the set bits of a word, ascending.
pub(crate) struct Bits(pub u64);

impl Iterator for Bits {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as u16;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// A set of persons by ordinal: a bit for each person of the segments that have any.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonSet {
    segments: Vec<Option<SegmentSet>>,
}

impl PersonSet {
    /// Adds a person.
    pub fn insert(&mut self, ordinal: u32) {
        let (segment, local) = split_person(ordinal);
        self.segment_mut(segment).insert(local);
    }

    /// Whether a person is in it.
    pub fn contains(&self, ordinal: u32) -> bool {
        let (segment, local) = split_person(ordinal);
        self.segment(segment).is_some_and(|set| set.contains(local))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.segments.iter().flatten().map(SegmentSet::len).sum()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.segments.iter().flatten().all(SegmentSet::is_empty)
    }

    /// Ordinals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let segments = (0u32..).zip(&self.segments).filter_map(|(index, set)| Some((index, set.as_ref()?)));
        segments.flat_map(|(index, set)| set.iter().map(move |local| join_person(index, local)))
    }

    pub(crate) fn segment(&self, segment: u32) -> Option<&SegmentSet> {
        self.segments.get(segment as usize)?.as_ref()
    }

    pub(crate) fn segment_mut(&mut self, segment: u32) -> &mut SegmentSet {
        let index = segment as usize;
        if self.segments.len() <= index {
            self.segments.resize_with(index + 1, || None);
        }
        self.segments[index].get_or_insert_default()
    }

    pub(crate) fn put(&mut self, segment: u32, set: SegmentSet) {
        *self.segment_mut(segment) = set;
    }
}

impl FromIterator<u32> for PersonSet {
    fn from_iter<I: IntoIterator<Item = u32>>(ordinals: I) -> PersonSet {
        let mut set = PersonSet::default();
        ordinals.into_iter().for_each(|ordinal| set.insert(ordinal));
        set
    }
}
