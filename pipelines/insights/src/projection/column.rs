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
    Words8(Cow<'a, [u8]>),
    Words16(Cow<'a, [u16]>),
    Words32(Cow<'a, [u32]>),
    /// No row has a number.
    NoNumbers,
    Numbers(Cow<'a, [f64]>),
}

impl<'a> Column<'a> {
    pub(super) fn read(run: &'a Run, place: ColumnPlace, rows: usize, kind: ColumnKind) -> Column<'a> {
        match (kind, place.bytes) {
            (ColumnKind::Words, 1) => Column::Words8(Cow::Borrowed(run.slice(place.place, rows))),
            (ColumnKind::Words, 2) => Column::Words16(Cow::Borrowed(run.slice(place.place, rows))),
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

    /// A stretch of rows.
    pub fn slice(&self, rows: Range<usize>) -> Column<'_> {
        match self {
            Column::Same(code) => Column::Same(*code),
            Column::Words8(codes) => Column::Words8(Cow::Borrowed(&codes[rows])),
            Column::Words16(codes) => Column::Words16(Cow::Borrowed(&codes[rows])),
            Column::Words32(codes) => Column::Words32(Cow::Borrowed(&codes[rows])),
            Column::NoNumbers => Column::NoNumbers,
            Column::Numbers(numbers) => Column::Numbers(Cow::Borrowed(&numbers[rows])),
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
            Column::Words8(codes) => *codes = Cow::Owned(rows.iter().map(|&row| codes[row as usize]).collect()),
            Column::Words16(codes) => *codes = Cow::Owned(rows.iter().map(|&row| codes[row as usize]).collect()),
            Column::Words32(codes) => *codes = Cow::Owned(rows.iter().map(|&row| codes[row as usize]).collect()),
        }
    }

    /// The spans of several columns of one kind, one after the other.
    pub(super) fn assemble(
        parts: &[&Column<'_>],
        spans: &[(usize, Range<usize>)],
        kind: ColumnKind,
    ) -> Column<'static> {
        match (kind, parts.first()) {
            // Most columns are of properties that these rows have not.
            (ColumnKind::Words, Some(Column::Same(code))) if parts.iter().all(|part| **part == Column::Same(*code)) => {
                return Column::Same(*code);
            }
            (ColumnKind::Numbers, _) if parts.iter().all(|part| matches!(part, Column::NoNumbers)) => {
                return Column::NoNumbers;
            }
            _ => {}
        }
        let rows = spans.iter().map(|(_, span)| span.len()).sum();
        // As wide as the widest part.
        let width = parts.iter().map(|part| part.code_bytes()).max().unwrap_or(1);
        match (kind, width) {
            (ColumnKind::Words, 1) => {
                let mut codes = Vec::with_capacity(rows);
                for (source, span) in spans {
                    match parts[*source] {
                        Column::Words8(part) => codes.extend_from_slice(&part[span.clone()]),
                        other => codes.resize(codes.len() + span.len(), other.word(0) as u8),
                    }
                }
                Column::Words8(Cow::Owned(codes))
            }
            (ColumnKind::Words, 2) => {
                let mut codes = Vec::with_capacity(rows);
                for (source, span) in spans {
                    match parts[*source] {
                        Column::Words8(part) => codes.extend(part[span.clone()].iter().map(|&code| u16::from(code))),
                        Column::Words16(part) => codes.extend_from_slice(&part[span.clone()]),
                        other => codes.resize(codes.len() + span.len(), other.word(0) as u16),
                    }
                }
                Column::Words16(Cow::Owned(codes))
            }
            (ColumnKind::Words, _) => {
                let mut codes = Vec::with_capacity(rows);
                for (source, span) in spans {
                    parts[*source].extend_words(span.clone(), &mut codes);
                }
                Column::Words32(Cow::Owned(codes))
            }
            (ColumnKind::Numbers, _) => {
                let mut numbers: Vec<f64> = Vec::with_capacity(rows);
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

    /// Bytes of its values.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Column::Same(_) | Column::NoNumbers => 0,
            Column::Words8(codes) => codes.len(),
            Column::Words16(codes) => codes.len() * 2,
            Column::Words32(codes) => codes.len() * 4,
            Column::Numbers(numbers) => numbers.len() * 8,
        }
    }

    /// Bytes that a code takes, or would take.
    fn code_bytes(&self) -> usize {
        match self {
            Column::Same(code) if *code < 1 << 8 => 1,
            Column::Same(code) if *code < 1 << 16 => 2,
            Column::Words8(_) | Column::NoNumbers | Column::Numbers(_) => 1,
            Column::Words16(_) => 2,
            Column::Same(_) | Column::Words32(_) => 4,
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
