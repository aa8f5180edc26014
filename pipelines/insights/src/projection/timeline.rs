//! A timeline: every row of every person of a segment in order of time, then activity name, cut into sessions.
//!
//! What lies within a session needs no full times, only gaps, and much needs not even those: days and weeks of
//! activity, sessions themselves, and paths within sessions.

use std::borrow::Cow;
use std::ops::Range;

use super::SESSION_GAP_MS;

/// Activity codes of rows.
#[derive(Debug, Clone)]
pub(crate) enum Codes<'a> {
    Narrow(Cow<'a, [u8]>),
    Wide(Cow<'a, [u16]>),
}

#[derive(Debug, Clone)]
pub(crate) struct Timeline<'a> {
    /// The first session of each person, and one more.
    pub person_sessions: Cow<'a, [u32]>,
    /// Time of the first row of each session.
    pub starts: Cow<'a, [i64]>,
    /// Last minus first time; `u32::MAX`: add up the gaps.
    pub durations: Cow<'a, [u32]>,
    /// The first row of each session, and one more.
    pub first_rows: Cow<'a, [u32]>,
    pub codes: Codes<'a>,
    /// Milliseconds since the row before in the session, 0 for its first: low 16 and high 8 bits.
    pub deltas_low: Cow<'a, [u16]>,
    pub deltas_high: Cow<'a, [u8]>,
}

impl Timeline<'_> {
    /// The same, held by another.
    pub fn borrowed(&self) -> Timeline<'_> {
        Timeline {
            person_sessions: Cow::Borrowed(&self.person_sessions),
            starts: Cow::Borrowed(&self.starts),
            durations: Cow::Borrowed(&self.durations),
            first_rows: Cow::Borrowed(&self.first_rows),
            codes: match &self.codes {
                Codes::Narrow(codes) => Codes::Narrow(Cow::Borrowed(codes)),
                Codes::Wide(codes) => Codes::Wide(Cow::Borrowed(codes)),
            },
            deltas_low: Cow::Borrowed(&self.deltas_low),
            deltas_high: Cow::Borrowed(&self.deltas_high),
        }
    }

    /// Persons up to the last that has rows.
    pub fn persons(&self) -> usize {
        self.person_sessions.len().saturating_sub(1)
    }

    pub fn rows(&self) -> usize {
        self.first_rows.last().map_or(0, |&end| end as usize)
    }

    #[inline]
    pub fn sessions_of(&self, local: usize) -> Range<usize> {
        match self.person_sessions.get(local..local + 2) {
            Some(ends) => ends[0] as usize..ends[1] as usize,
            None => 0..0,
        }
    }

    #[inline]
    pub fn rows_of(&self, session: usize) -> Range<usize> {
        self.first_rows[session] as usize..self.first_rows[session + 1] as usize
    }

    #[inline]
    pub fn duration(&self, session: usize) -> i64 {
        match self.durations[session] {
            u32::MAX => self.rows_of(session).map(|row| self.delta(row)).sum(),
            duration => i64::from(duration),
        }
    }

    #[inline]
    pub fn delta(&self, row: usize) -> i64 {
        i64::from(self.deltas_high[row]) << 16 | i64::from(self.deltas_low[row])
    }

    #[inline]
    pub fn code(&self, row: usize) -> u16 {
        match &self.codes {
            Codes::Narrow(codes) => u16::from(codes[row]),
            Codes::Wide(codes) => codes[row],
        }
    }

    /// Calls with time and row for every row of a session.
    #[inline]
    pub fn walk(&self, session: usize, mut row: impl FnMut(i64, usize)) {
        let mut time = self.starts[session];
        for index in self.rows_of(session) {
            time += self.delta(index);
            row(time, index);
        }
    }

    /// The times of all rows of a person.
    pub fn times_of_person(&self, local: usize, times: &mut Vec<i64>) {
        times.clear();
        self.sessions_of(local).for_each(|session| self.walk(session, |time, _| times.push(time)));
    }
}

/// Makes a timeline of rows by person, time and name.
pub(super) struct TimelineBuilder {
    person_sessions: Vec<u32>,
    starts: Vec<i64>,
    durations: Vec<u32>,
    first_rows: Vec<u32>,
    codes: CodesBuilder,
    deltas_low: Vec<u16>,
    deltas_high: Vec<u8>,
    last: Option<i64>,
}

impl TimelineBuilder {
    pub fn new() -> TimelineBuilder {
        TimelineBuilder::with_capacity(0, 0, 0)
    }

    /// With room for so much.
    pub fn with_capacity(persons: usize, sessions: usize, rows: usize) -> TimelineBuilder {
        TimelineBuilder {
            person_sessions: Vec::with_capacity(persons + 1),
            starts: Vec::with_capacity(sessions),
            durations: Vec::with_capacity(sessions),
            first_rows: Vec::with_capacity(sessions + 1),
            codes: CodesBuilder::Narrow(Vec::with_capacity(rows)),
            deltas_low: Vec::with_capacity(rows),
            deltas_high: Vec::with_capacity(rows),
            last: None,
        }
    }

    /// What follows is of this person, who comes after all before.
    pub fn person(&mut self, local: usize) {
        while self.person_sessions.len() <= local {
            self.person_sessions.push(self.starts.len() as u32);
        }
        self.last = None;
    }

    /// What follows is of the person who was taken over last, whose last row was at this time.
    pub fn go_on_from(&mut self, last: i64) {
        self.last = Some(last);
    }

    pub fn push(&mut self, time: i64, code: u16) {
        let gap = self.last.map(|last| time - last).filter(|&gap| gap <= SESSION_GAP_MS);
        match (gap, self.durations.last_mut()) {
            (Some(gap), Some(duration)) => *duration = duration.saturating_add(gap as u32),
            _ => {
                self.starts.push(time);
                self.durations.push(0);
                self.first_rows.push(self.codes.len() as u32);
            }
        }
        let delta = gap.unwrap_or(0) as u32;
        self.deltas_low.push(delta as u16);
        self.deltas_high.push((delta >> 16) as u8);
        self.codes.push(code);
        self.last = Some(time);
    }

    /// Takes persons over as they are.
    pub fn copy(&mut self, from: &Timeline<'_>, persons: Range<usize>) {
        let sessions = from.person_sessions[persons.start] as usize..from.person_sessions[persons.end] as usize;
        let rows = from.first_rows[sessions.start] as usize..from.first_rows[sessions.end] as usize;
        let (session, row) = (self.starts.len() as u32, self.codes.len() as u32);
        self.person(persons.start);
        let ends = &from.person_sessions[persons.start + 1..persons.end];
        self.person_sessions.extend(ends.iter().map(|&end| end - sessions.start as u32 + session));
        self.starts.extend_from_slice(&from.starts[sessions.clone()]);
        self.durations.extend_from_slice(&from.durations[sessions.clone()]);
        self.first_rows.extend(from.first_rows[sessions].iter().map(|&first| first - rows.start as u32 + row));
        self.deltas_low.extend_from_slice(&from.deltas_low[rows.clone()]);
        self.deltas_high.extend_from_slice(&from.deltas_high[rows.clone()]);
        match &from.codes {
            Codes::Narrow(codes) => self.codes.extend_narrow(&codes[rows]),
            Codes::Wide(codes) => codes[rows].iter().for_each(|&code| self.codes.push(code)),
        }
    }

    pub fn finish(mut self) -> Timeline<'static> {
        self.person_sessions.push(self.starts.len() as u32);
        self.first_rows.push(self.codes.len() as u32);
        let codes = match self.codes {
            CodesBuilder::Narrow(codes) => Codes::Narrow(Cow::Owned(codes)),
            CodesBuilder::Wide(codes) => Codes::Wide(Cow::Owned(codes)),
        };
        Timeline {
            person_sessions: Cow::Owned(self.person_sessions),
            starts: Cow::Owned(self.starts),
            durations: Cow::Owned(self.durations),
            first_rows: Cow::Owned(self.first_rows),
            codes,
            deltas_low: Cow::Owned(self.deltas_low),
            deltas_high: Cow::Owned(self.deltas_high),
        }
    }
}

/// Codes of one byte, until one needs two.
enum CodesBuilder {
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

impl CodesBuilder {
    fn len(&self) -> usize {
        match self {
            CodesBuilder::Narrow(codes) => codes.len(),
            CodesBuilder::Wide(codes) => codes.len(),
        }
    }

    fn push(&mut self, code: u16) {
        match (&mut *self, u8::try_from(code)) {
            (CodesBuilder::Narrow(codes), Ok(code)) => codes.push(code),
            (CodesBuilder::Wide(codes), _) => codes.push(code),
            (CodesBuilder::Narrow(codes), Err(_)) => {
                let mut wide: Vec<u16> = codes.iter().map(|&code| u16::from(code)).collect();
                wide.push(code);
                *self = CodesBuilder::Wide(wide);
            }
        }
    }

    fn extend_narrow(&mut self, more: &[u8]) {
        match self {
            CodesBuilder::Narrow(codes) => codes.extend_from_slice(more),
            CodesBuilder::Wide(codes) => codes.extend(more.iter().map(|&code| u16::from(code))),
        }
    }
}
