//! What a breakdown is by, compiled: codes of columns as they are read, or codes that are worked out for each row, and
//! the texts of the codes. 0 is a missing value.

use std::borrow::Cow;
use std::sync::RwLockReadGuard;

use hashbrown::HashMap;

use super::engine::Context;
use super::session_test::{Found, session_of};
use crate::InsightError;
use crate::definition::{By, ByGroup, ByOf, ByProperty, BySession, SessionProperty, bin, bins, number};
use crate::projection::{Column, ColumnKind, Dictionary, Names, Postings, Snapshot, Timeline, join_person};

pub(super) struct Division<'a> {
    source: Source,
    texts: Texts<'a>,
}

enum Source {
    /// The activity itself: rows lie by it.
    Event,
    /// A column of texts.
    Column(usize),
    /// A column of texts, with the code of the value for each of its codes.
    Mapped {
        column: usize,
        table: Vec<u32>,
    },
    /// A column of numbers, put into bins.
    Numbers {
        column: usize,
        bounds: Vec<f64>,
    },
    /// A property of persons, with the code of the value for each of its codes if that is another.
    Person {
        index: usize,
        table: Option<Vec<u32>>,
    },
    Session {
        property: SessionProperty,
        bounds: Vec<f64>,
    },
}

enum Texts<'a> {
    Of(&'a Dictionary),
    Own(Vec<String>),
}

/// Texts, for many look-ups.
pub(super) enum Values<'t> {
    Names(RwLockReadGuard<'t, Names>),
    Own(&'t [String]),
}

impl Values<'_> {
    /// The text of a code; 0 is a missing one.
    #[inline]
    pub fn text(&self, code: u32) -> Option<&str> {
        let code = code.checked_sub(1)?;
        match self {
            Values::Names(names) => Some(names.text(code)),
            Values::Own(texts) => texts.get(code as usize).map(String::as_str),
        }
    }
}

impl<'a> Division<'a> {
    pub fn new(context: &Context<'a>, by: &By) -> Result<Division<'a>, InsightError> {
        by.check()?;
        if by.is_of_events() {
            return Ok(Division { source: Source::Event, texts: Texts::Of(&context.snapshot.dictionaries.activities) });
        }
        match by {
            By::Name(name) => Division::of_column(context, name),
            By::Of(ByOf::Property(ByProperty { property, bounds })) if bounds.is_empty() => {
                Division::of_column(context, property)
            }
            By::Of(ByOf::Property(ByProperty { property, bounds })) => {
                let column = context.snapshot.dictionaries.column_of(property, ColumnKind::Numbers)?;
                let source = Source::Numbers { column, bounds: bounds.clone() };
                Ok(Division { source, texts: Texts::Own(bins(bounds)) })
            }
            By::Of(ByOf::Person(ByProperty { property, bounds })) => {
                let index = context.trait_of(property)?;
                let dictionary = context.snapshot.traits[index].dictionary.as_ref();
                if bounds.is_empty() {
                    return Ok(Division {
                        source: Source::Person { index, table: None },
                        texts: Texts::Of(dictionary),
                    });
                }
                let table = Some(binned(dictionary, bounds, number));
                Ok(Division { source: Source::Person { index, table }, texts: Texts::Own(bins(bounds)) })
            }
            By::Of(ByOf::Session(BySession { property, bounds })) => {
                let source = Source::Session { property: *property, bounds: bounds.clone() };
                let texts = match bounds.is_empty() {
                    true => Texts::Of(&context.snapshot.dictionaries.activities),
                    false => Texts::Own(bins(bounds)),
                };
                Ok(Division { source, texts })
            }
            By::Of(ByOf::Group(by)) => Division::of_group(context, by),
        }
    }

    fn of_column(context: &Context<'a>, name: &str) -> Result<Division<'a>, InsightError> {
        let dictionaries = &context.snapshot.dictionaries;
        let column = dictionaries.column_of(name, ColumnKind::Words)?;
        Ok(Division { source: Source::Column(column), texts: Texts::Of(&dictionaries.columns[column].dictionary) })
    }

    fn of_group(context: &Context<'a>, by: &ByGroup) -> Result<Division<'a>, InsightError> {
        let whole = Division::of_column(context, &by.column())?;
        let (Source::Column(column), Texts::Of(keys)) = (&whole.source, &whole.texts) else { return Ok(whole) };
        let (column, keys) = (*column, *keys);
        let known = by.property.as_ref().map(|property| context.group_property(&by.group, property)).transpose()?;
        if !by.bounds.is_empty() {
            let table = binned(keys, &by.bounds, |key| match known {
                Some(known) => known.values.get(key).and_then(|text| number(text)),
                None => number(key),
            });
            return Ok(Division { source: Source::Mapped { column, table }, texts: Texts::Own(bins(&by.bounds)) });
        }
        let Some(known) = known else { return Ok(whole) };
        let names = keys.names();
        let mut texts: Vec<String> = Vec::new();
        let mut codes: HashMap<&str, u32> = HashMap::new();
        let mut table = vec![0];
        for key in 0..names.len() as u32 {
            let code = |text: &'a String| {
                *codes.entry(text).or_insert_with(|| {
                    texts.push(text.clone());
                    texts.len() as u32
                })
            };
            table.push(known.values.get(names.text(key)).map_or(0, code));
        }
        Ok(Division { source: Source::Mapped { column, table }, texts: Texts::Own(texts) })
    }

    /// The texts of its codes; nothing can be added to dictionaries while they are held.
    pub fn values(&self) -> Values<'_> {
        match &self.texts {
            Texts::Of(dictionary) => Values::Names(dictionary.names()),
            Texts::Own(texts) => Values::Own(texts),
        }
    }

    /// Codes are below this.
    pub fn size(&self) -> usize {
        1 + match &self.texts {
            Texts::Of(dictionary) => dictionary.names().len(),
            Texts::Own(texts) => texts.len(),
        }
    }

    /// The column that is read for it.
    pub fn reads(&self) -> Option<usize> {
        match &self.source {
            Source::Column(column) | Source::Mapped { column, .. } | Source::Numbers { column, .. } => Some(*column),
            Source::Event | Source::Person { .. } | Source::Session { .. } => None,
        }
    }

    /// Whether codes are those of the column that is read.
    pub fn is_plain(&self) -> bool {
        matches!(self.source, Source::Column(_))
    }

    /// Whether all rows of an activity have one code.
    pub fn is_of_events(&self) -> bool {
        matches!(self.source, Source::Event)
    }

    /// Whether it looks at the times of rows.
    pub fn needs_times(&self) -> bool {
        matches!(self.source, Source::Session { .. })
    }

    /// The codes of rows, of which `read` was read.
    pub fn column<'p>(
        &self,
        snapshot: &Snapshot,
        segment: u32,
        postings: &Postings<'p>,
        read: Option<Column<'p>>,
    ) -> Column<'p> {
        let codes: Vec<u32> = match (&self.source, read) {
            (Source::Event, _) => return Column::Same(u32::from(postings.activity) + 1),
            (Source::Column(_), Some(read)) => return read,
            (Source::Mapped { table, .. }, Some(read)) => {
                (0..postings.len()).map(|row| table.get(read.word(row) as usize).copied().unwrap_or(0)).collect()
            }
            (Source::Numbers { bounds, .. }, Some(read)) => {
                (0..postings.len()).map(|row| read.number(row).map_or(0, |number| bin_code(bounds, number))).collect()
            }
            (Source::Person { .. }, _) => {
                let person = |&local: &u16| self.of_person(snapshot, join_person(segment, local)).unwrap_or(0);
                postings.persons.iter().map(person).collect()
            }
            (Source::Session { property, bounds }, _) => {
                let timeline = snapshot.timeline(segment, Some(Vec::new()));
                let rows = postings.persons.iter().zip(&postings.times);
                let code = |(&local, &time): (&u16, &i64)| {
                    let found = session_of(&timeline, local, time)?;
                    Some(session_code(*property, bounds, &timeline, Found::of(&timeline, found)))
                };
                rows.map(|row| code(row).unwrap_or(0)).collect()
            }
            (Source::Column(_) | Source::Mapped { .. } | Source::Numbers { .. }, None) => return Column::Same(0),
        };
        match self.texts {
            // Small ones take the short ways that columns of few values have.
            Texts::Own(ref texts) if texts.len() < 256 => {
                Column::Words8(Cow::Owned(codes.into_iter().map(|code| code as u8).collect()))
            }
            _ => Column::Words32(Cow::Owned(codes)),
        }
    }

    /// The code of a person, where it is by persons.
    pub fn of_person(&self, snapshot: &Snapshot, ordinal: u32) -> Option<u32> {
        let Source::Person { index, table } = &self.source else { return None };
        let code = snapshot.trait_code(*index, ordinal);
        Some(match table {
            Some(table) => table.get(code as usize).copied().unwrap_or(0),
            None => code,
        })
    }

    /// The code of a session, where it is by sessions.
    pub fn of_session(&self, timeline: &Timeline<'_>, session: Found) -> Option<u32> {
        match &self.source {
            Source::Session { property, bounds } => Some(session_code(*property, bounds, timeline, session)),
            // That of its first row.
            Source::Event => Some(u32::from(timeline.code(session.first)) + 1),
            _ => None,
        }
    }
}

/// The columns that are read for several.
pub(super) fn columns_of(divisions: &[Division<'_>]) -> Vec<usize> {
    divisions.iter().filter_map(Division::reads).collect()
}

/// Puts the codes of several in the place of the first columns, which were read for them.
pub(super) fn put<'p>(divisions: &[Division<'_>], snapshot: &Snapshot, segment: u32, postings: &mut Postings<'p>) {
    // Of no rows no columns are read.
    if postings.is_empty() || divisions.iter().all(Division::is_plain) {
        return;
    }
    let mut read = std::mem::take(&mut postings.columns).into_iter();
    let mut columns: Vec<Column<'p>> = Vec::with_capacity(divisions.len());
    for division in divisions {
        let read = division.reads().and_then(|_| read.next());
        columns.push(division.column(snapshot, segment, postings, read));
    }
    columns.extend(read);
    postings.columns = columns;
}

fn bin_code(bounds: &[f64], number: f64) -> u32 {
    bin(bounds, number) as u32 + 1
}

/// For each code of a dictionary, and for 0, the code of the bin of the number that a text stands for.
fn binned(dictionary: &Dictionary, bounds: &[f64], number: impl Fn(&str) -> Option<f64>) -> Vec<u32> {
    let names = dictionary.names();
    let code = |code: u32| number(names.text(code)).map_or(0, |number| bin_code(bounds, number));
    std::iter::once(0).chain((0..names.len() as u32).map(code)).collect()
}

fn session_code(property: SessionProperty, bounds: &[f64], timeline: &Timeline<'_>, session: Found) -> u32 {
    match property {
        SessionProperty::DurationMs => bin_code(bounds, session.duration_ms as f64),
        SessionProperty::Rows => bin_code(bounds, (session.last + 1 - session.first) as f64),
        SessionProperty::Entry => u32::from(timeline.code(session.first)) + 1,
        SessionProperty::Exit => u32::from(timeline.code(session.last)) + 1,
    }
}
