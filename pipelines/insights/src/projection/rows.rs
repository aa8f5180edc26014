//! Rows on their way into a run.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use super::timeline::TimelineBuilder;
use super::write::{RunWriter, to_file};
use super::{Column, ColumnKind, Dictionaries, Postings, Run, split_person};
use crate::InsightError;

/// Rows as columns, in any order, each activity once. Codes are those of the project's [`Dictionaries`].
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Ordinals of the ids' own persons.
    pub persons: Vec<u32>,
    /// Milliseconds since 1970 UTC.
    pub times: Vec<i64>,
    pub activities: Vec<u16>,
    /// One for each hot column.
    pub columns: Vec<Values>,
}

/// The values of a hot property, one for each row.
#[derive(Debug, Clone)]
pub enum Values {
    /// One more than the code in the column's dictionary; 0 where it is missing.
    Words(Vec<u32>),
    /// NaN where it is missing.
    Numbers(Vec<f64>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Words(words) => words.len(),
            Values::Numbers(numbers) => numbers.len(),
        }
    }

    fn pick(&self, rows: &[u32]) -> Column<'static> {
        match self {
            Values::Words(words) => Column::Words32(rows.iter().map(|&row| words[row as usize]).collect()),
            Values::Numbers(numbers) => Column::Numbers(rows.iter().map(|&row| numbers[row as usize]).collect()),
        }
    }
}

/// Times of one run may lie apart by less than this (8,900 years).
const SPAN_MAX_MS: i64 = 1 << 48;

impl Rows {
    /// Without rows, with room for the values of these columns.
    pub fn new(dictionaries: &Dictionaries) -> Rows {
        let values = dictionaries.columns.iter().map(|column| match column.kind {
            ColumnKind::Words => Values::Words(Vec::new()),
            ColumnKind::Numbers => Values::Numbers(Vec::new()),
        });
        Rows { columns: values.collect(), ..Rows::default() }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    fn check(&self, dictionaries: &Dictionaries) -> Result<(), InsightError> {
        let rows = self.len();
        let lengths =
            [self.persons.len(), self.activities.len()].into_iter().chain(self.columns.iter().map(Values::len));
        if lengths.into_iter().any(|length| length != rows) || rows > u32::MAX as usize {
            return Err(InsightError::Rows("columns differ in length, or there are more than 2^32 rows".to_owned()));
        }
        let kind = |values: &Values| match values {
            Values::Words(_) => ColumnKind::Words,
            Values::Numbers(_) => ColumnKind::Numbers,
        };
        if !self.columns.iter().map(kind).eq(dictionaries.columns.iter().map(|column| column.kind)) {
            return Err(InsightError::Rows("the columns are not the dictionaries' hot columns".to_owned()));
        }
        let known = dictionaries.activities.names().len();
        if self.activities.iter().any(|&code| usize::from(code) >= known) {
            return Err(InsightError::Rows("an activity code is not in the dictionary".to_owned()));
        }
        let (first, last) = (self.times.iter().min(), self.times.iter().max());
        let span = first.zip(last).map_or(Some(0), |(first, last)| last.checked_sub(*first));
        match span {
            Some(span) if span < SPAN_MAX_MS => Ok(()),
            _ => Err(InsightError::Rows("times lie more than 8,900 years apart".to_owned())),
        }
    }

    /// Makes a run of them in memory, for fresh rows.
    pub fn into_run(self, dictionaries: &Dictionaries) -> Result<Run, InsightError> {
        let memory = |source| InsightError::File { action: "writing", path: "memory".into(), source };
        let mut writer = RunWriter::new(Vec::new(), self.columns.len()).map_err(memory)?;
        self.write_to(dictionaries, &mut writer)?;
        Run::of_memory(&writer.finish().map_err(memory)?)
    }

    /// Makes a run of them in a file.
    pub fn write(self, dictionaries: &Dictionaries, path: &Path) -> Result<Run, InsightError> {
        to_file(path, self.columns.len(), |writer| self.write_to(dictionaries, writer))
    }

    fn write_to<W: Write>(&self, dictionaries: &Dictionaries, writer: &mut RunWriter<W>) -> Result<(), InsightError> {
        self.check(dictionaries)?;
        let ranks = dictionaries.ranks();
        let rank = |row: usize| ranks[usize::from(self.activities[row])];
        let mut order: Vec<(u32, i64, u16, u32)> =
            (0..self.len()).map(|row| (self.persons[row], self.times[row], rank(row), row as u32)).collect();
        order.sort_unstable();
        let mut by_activity: Vec<Vec<u32>> = vec![Vec::new(); ranks.len()];
        for segment in order.chunk_by(|a, b| split_person(a.0).0 == split_person(b.0).0) {
            let Some(&(ordinal, ..)) = segment.first() else { continue };
            by_activity.iter_mut().for_each(Vec::clear);
            let mut timeline = TimelineBuilder::new();
            for person in segment.chunk_by(|a, b| a.0 == b.0) {
                timeline.person(usize::from(split_person(person[0].0).1));
                for &(_, time, _, row) in person {
                    let activity = self.activities[row as usize];
                    timeline.push(time, activity);
                    by_activity[usize::from(activity)].push(row);
                }
            }
            let chunks = (0u16..).zip(&by_activity).filter(|(_, rows)| !rows.is_empty());
            let postings = chunks.map(|(activity, rows)| Ok((activity, Cow::Owned(self.postings(rows)))));
            let written = writer.segment(split_person(ordinal).0, &timeline.finish(), postings);
            written.map_err(InsightError::file("writing", "a run"))?;
        }
        Ok(())
    }

    fn postings(&self, rows: &[u32]) -> Postings<'static> {
        Postings {
            persons: rows.iter().map(|&row| split_person(self.persons[row as usize]).1).collect(),
            times: rows.iter().map(|&row| self.times[row as usize]).collect(),
            packed: None,
            columns: self.columns.iter().map(|values| values.pick(rows)).collect(),
            ..Postings::default()
        }
    }
}
