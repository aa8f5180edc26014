//! The values of one hot property for some postings: words as codes (0: missing), or numbers (NaN: missing).

use std::borrow::Cow;
use std::ops::Range;

use super::ColumnKind;
use super::directory::ColumnPlace;
use super::run::Run;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column<'a> {
    /// All rows have this code.
    Same(u32),
    Words8(&'a [u8]),
    Words16(&'a [u16]),
    Words32(Cow<'a, [u32]>),
    /// No row has a number.
    NoNumbers,
    Numbers(Cow<'a, [f64]>),
}

impl<'a> Column<'a> {
    pub(super) fn read(run: &'a Run, place: ColumnPlace, rows: usize, kind: ColumnKind) -> Column<'a> {
        match (kind, place.bytes) {
            (ColumnKind::Words, 1) => Column::Words8(run.slice(place.place, rows)),
            (ColumnKind::Words, 2) => Column::Words16(run.slice(place.place, rows)),
            (ColumnKind::Words, 4) => Column::Words32(Cow::Borrowed(run.slice(place.place, rows))),
            (ColumnKind::Words, _) => Column::Same(place.place as u32),
            (ColumnKind::Numbers, 8) => Column::Numbers(Cow::Borrowed(run.slice(place.place, rows))),
            (ColumnKind::Numbers, _) => Column::NoNumbers,
        }
    }

    /// The code of a row; 0 of numbers.
    #[inline]
    pub fn word(&self, row: usize) -> u32 {
        match self {
            Column::Same(code) => *code,
            Column::Words8(codes) => u32::from(codes[row]),
            Column::Words16(codes) => u32::from(codes[row]),
            Column::Words32(codes) => codes[row],
            Column::NoNumbers | Column::Numbers(_) => 0,
        }
    }

    /// Appends the codes of rows.
    pub fn words_of(&self, rows: impl Iterator<Item = usize>, words: &mut Vec<u32>) {
        match self {
            Column::Same(code) => words.extend(rows.map(|_| *code)),
            Column::Words8(codes) => words.extend(rows.map(|row| u32::from(codes[row]))),
            Column::Words16(codes) => words.extend(rows.map(|row| u32::from(codes[row]))),
            Column::Words32(codes) => words.extend(rows.map(|row| codes[row])),
            Column::NoNumbers | Column::Numbers(_) => words.extend(rows.map(|_| 0)),
        }
    }

    /// The number of a row; `None` of words.
    #[inline]
    pub fn number(&self, row: usize) -> Option<f64> {
        match self {
            Column::Numbers(numbers) => Some(numbers[row]).filter(|number| !number.is_nan()),
            _ => None,
        }
    }

    /// Only these rows, ascending.
    pub fn keep(&mut self, rows: &[u32]) {
        match self {
            Column::Same(_) | Column::NoNumbers => {}
            Column::Numbers(numbers) => {
                let kept = rows.iter().map(|&row| numbers[row as usize]).collect();
                *numbers = Cow::Owned(kept);
            }
            _ => {
                let kept = rows.iter().map(|&row| self.word(row as usize)).collect();
                *self = Column::Words32(Cow::Owned(kept));
            }
        }
    }

    /// The spans of several columns of one kind, one after the other.
    pub(super) fn assemble(
        parts: &[&Column<'_>],
        spans: &[(usize, Range<usize>)],
        kind: ColumnKind,
    ) -> Column<'static> {
        match kind {
            ColumnKind::Words => {
                let mut codes = Vec::new();
                for (source, span) in spans {
                    parts[*source].extend_words(span.clone(), &mut codes);
                }
                Column::Words32(Cow::Owned(codes))
            }
            ColumnKind::Numbers => {
                let mut numbers: Vec<f64> = Vec::new();
                for (source, span) in spans {
                    match parts[*source] {
                        Column::Numbers(part) => numbers.extend_from_slice(&part[span.clone()]),
                        _ => numbers.resize(numbers.len() + span.len(), f64::NAN),
                    }
                }
                Column::Numbers(Cow::Owned(numbers))
            }
        }
    }

    fn extend_words(&self, span: Range<usize>, codes: &mut Vec<u32>) {
        match self {
            Column::Words8(part) => codes.extend(part[span].iter().map(|&code| u32::from(code))),
            Column::Words16(part) => codes.extend(part[span].iter().map(|&code| u32::from(code))),
            Column::Words32(part) => codes.extend_from_slice(&part[span]),
            Column::Same(code) => codes.resize(codes.len() + span.len(), *code),
            Column::NoNumbers | Column::Numbers(_) => codes.resize(codes.len() + span.len(), 0),
        }
    }
}
