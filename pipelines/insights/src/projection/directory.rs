//! The directory of a run: what lies where. Stored as 64-bit words at the end of the file.

use super::SEGMENT_PERSONS;

/// A segment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Segment {
    pub index: u32,
    pub rows: u32,
    pub timeline: TimelinePlace,
    /// Ascending by activity.
    pub chunks: Vec<Chunk>,
    /// Bytes of the segment in the file, and their XXH3-64.
    pub start: u64,
    pub end: u64,
    pub checksum: u64,
}

/// Where times are: base, and offsets as planes of low 32 bits and of 0, 1 or 2 higher bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    pub base: i64,
    /// The latest time.
    pub last: i64,
    pub high_bytes: u8,
    pub low: u64,
    pub high: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TimelinePlace {
    /// Persons up to the last that has rows.
    pub persons: u32,
    pub sessions: u32,
    /// Bytes of a code: 1 or 2.
    pub code_bytes: u8,
    pub starts: Times,
    pub person_sessions: u64,
    pub durations: u64,
    pub first_rows: u64,
    pub codes: u64,
    pub deltas_low: u64,
    pub deltas_high: u64,
}

/// The postings of one activity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Chunk {
    pub activity: u16,
    pub rows: u32,
    /// The most rows of one person.
    pub most: u32,
    pub persons: u64,
    pub times: Times,
    /// One for each hot column.
    pub columns: Vec<ColumnPlace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ColumnPlace {
    /// 0: all rows have `place` itself as their value. Else bytes of a value: 1, 2 or 4 of a word, 8 of a number.
    pub bytes: u8,
    pub place: u64,
}

/// Writes the directory as words.
pub(super) fn encode(segments: &[Segment], columns: usize) -> Vec<u64> {
    let mut words = vec![segments.len() as u64, columns as u64];
    for segment in segments {
        let line = &segment.timeline;
        let counts = u64::from(segment.index) << 32 | u64::from(segment.rows);
        words.extend([counts, segment.start, segment.end, segment.checksum]);
        words.extend([u64::from(line.persons) << 32 | u64::from(line.sessions), u64::from(line.code_bytes)]);
        encode_times(&line.starts, &mut words);
        words.extend([line.person_sessions, line.durations, line.first_rows]);
        words.extend([line.codes, line.deltas_low, line.deltas_high, segment.chunks.len() as u64]);
        for chunk in &segment.chunks {
            words.extend([
                u64::from(chunk.activity) << 32 | u64::from(chunk.rows),
                u64::from(chunk.most),
                chunk.persons,
            ]);
            encode_times(&chunk.times, &mut words);
            chunk.columns.iter().for_each(|column| words.extend([u64::from(column.bytes), column.place]));
        }
    }
    words
}

fn encode_times(times: &Times, words: &mut Vec<u64>) {
    words.extend([times.base as u64, times.last as u64, u64::from(times.high_bytes), times.low, times.high]);
}

/// Reads the directory; `None` if it is not one, or names places beyond `length`.
pub(super) fn decode(words: &[u64], length: u64) -> Option<(Vec<Segment>, usize)> {
    let mut reader = Reader { words, length };
    let (segments, columns) = (reader.next()?, reader.next()? as usize);
    let segments = (0..segments).map(|_| reader.segment(columns)).collect::<Option<Vec<_>>>()?;
    let ascending = segments.windows(2).all(|pair| pair[0].index < pair[1].index);
    (ascending && reader.words.is_empty()).then_some((segments, columns))
}

struct Reader<'a> {
    words: &'a [u64],
    length: u64,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u64> {
        let (&first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn pair(&mut self) -> Option<(u32, u32)> {
        self.next().map(|word| ((word >> 32) as u32, word as u32))
    }

    /// A place with room for `count` values of `bytes` each.
    fn place(&mut self, count: u32, bytes: u64) -> Option<u64> {
        let place = self.next()?;
        let end = place.checked_add(u64::from(count) * bytes)?;
        (place % 64 == 0 && end <= self.length).then_some(place)
    }

    fn segment(&mut self, columns: usize) -> Option<Segment> {
        let (index, rows) = self.pair()?;
        let (start, end, checksum) = (self.next()?, self.next()?, self.next()?);
        let timeline = self.timeline(rows)?;
        let count = self.next()?;
        let chunks = (0..count).map(|_| self.chunk(columns)).collect::<Option<Vec<_>>>()?;
        let sound =
            start <= end && end <= self.length && chunks.windows(2).all(|pair| pair[0].activity < pair[1].activity);
        sound.then_some(Segment { index, rows, timeline, chunks, start, end, checksum })
    }

    fn timeline(&mut self, rows: u32) -> Option<TimelinePlace> {
        let (persons, sessions) = self.pair()?;
        let code_bytes = self.next()?;
        if persons as usize > SEGMENT_PERSONS || sessions > rows || !(1..=2).contains(&code_bytes) {
            return None;
        }
        Some(TimelinePlace {
            persons,
            sessions,
            code_bytes: code_bytes as u8,
            starts: self.times(sessions)?,
            person_sessions: self.place(persons + 1, 4)?,
            durations: self.place(sessions, 4)?,
            first_rows: self.place(sessions + 1, 4)?,
            codes: self.place(rows, code_bytes)?,
            deltas_low: self.place(rows, 2)?,
            deltas_high: self.place(rows, 1)?,
        })
    }

    fn times(&mut self, count: u32) -> Option<Times> {
        let (base, last, high_bytes) = (self.next()? as i64, self.next()? as i64, self.next()?);
        if high_bytes > 2 {
            return None;
        }
        let (low, high) = (self.place(count, 4)?, self.place(count, high_bytes)?);
        Some(Times { base, last, high_bytes: high_bytes as u8, low, high })
    }

    fn chunk(&mut self, columns: usize) -> Option<Chunk> {
        let (activity, rows) = self.pair()?;
        let most = self.next()? as u32;
        let persons = self.place(rows, 2)?;
        let times = self.times(rows)?;
        let columns = (0..columns).map(|_| {
            let bytes = self.next()?;
            let known = [0, 1, 2, 4, 8].contains(&bytes);
            let place = if bytes == 0 { self.next()? } else { self.place(rows, bytes)? };
            known.then_some(ColumnPlace { bytes: bytes as u8, place })
        });
        let columns = columns.collect::<Option<Vec<_>>>()?;
        Some(Chunk { activity: activity as u16, rows, most, persons, times, columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_and_refuses_places_outside() {
        let chunk = Chunk {
            activity: 3,
            rows: 10,
            most: 2,
            persons: 64,
            times: Times { base: -5, last: 9, high_bytes: 1, low: 128, high: 192 },
            columns: vec![ColumnPlace { bytes: 0, place: 7 }, ColumnPlace { bytes: 4, place: 256 }],
        };
        let timeline = TimelinePlace { persons: 4, sessions: 6, code_bytes: 1, ..TimelinePlace::default() };
        let segment = Segment { index: 2, rows: 10, timeline, chunks: vec![chunk], start: 0, end: 296, checksum: 1 };
        let words = encode(std::slice::from_ref(&segment), 2);
        assert_eq!(decode(&words, 296), Some((vec![segment], 2)));
        assert_eq!(decode(&words, 295), None);
        assert_eq!(decode(&words[..words.len() - 1], 296), None);
    }
}
