//! Orders and choices that several answers share.

use std::ops::Range;

use crate::InsightError;
use crate::definition::Buckets;
use crate::projection::{Postings, SEGMENT_PERSONS};

/// Goes through several postings person by person: calls with the person, and for each postings its rows of the person.
pub(super) fn each_person(postings: &[Postings<'_>], mut person: impl FnMut(u16, &[Range<usize>])) {
    let mut rows: Vec<Range<usize>> = vec![0..0; postings.len()];
    loop {
        let heads = postings.iter().zip(&rows).filter_map(|(one, rows)| one.persons.get(rows.end));
        let Some(&next) = heads.min() else { return };
        for (one, rows) in postings.iter().zip(&mut rows) {
            rows.start = rows.end;
            while one.persons.get(rows.end) == Some(&next) {
                rows.end += 1;
            }
        }
        person(next, &rows);
    }
}

/// Where the rows of each person of a segment lie in postings.
#[derive(Default)]
pub(super) struct PersonPlaces {
    /// One more than the last row of each, or where those of the person before end.
    ends: Vec<u32>,
}

impl PersonPlaces {
    /// `persons` ascend.
    pub fn fill(&mut self, persons: &[u16]) {
        self.ends.clear();
        self.ends.resize(SEGMENT_PERSONS, 0);
        for (end, &person) in (1u32..).zip(persons) {
            self.ends[usize::from(person)] = end;
        }
        let mut before = 0;
        for end in &mut self.ends {
            before = before.max(*end);
            *end = before;
        }
    }

    #[inline]
    pub fn rows(&self, person: usize) -> Range<usize> {
        let start = person.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[person] as usize
    }
}

/// The bucket in which the time of a cell lies.
pub(super) fn bucket_of(buckets: &Buckets, field: &'static str, time_ms: i64) -> Result<usize, InsightError> {
    match (buckets.from_ms()..buckets.until_ms()).contains(&time_ms) {
        true => Ok(buckets.of(time_ms)),
        false => Err(InsightError::question(field, "lies in no bucket of the question's span")),
    }
}
