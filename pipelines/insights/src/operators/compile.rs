//! Selectors compiled for a snapshot: names become codes, tests of texts become tables over their dictionaries.

use super::cohort;
use super::engine::Context;
use super::session_test::SessionTest;
use crate::InsightError;
use crate::definition::{Comparison, Condition, GroupComparison, Selector, Test, Tester, sql_column};
use crate::projection::{Column, ColumnKind, PersonSet, Postings, Snapshot, join_person};

/// A selector ready to be read.
pub(super) struct Compiled {
    /// Codes of its activities, ascending.
    pub activities: Vec<u16>,
    /// Every row of every activity.
    pub everything: bool,
    /// Hot columns that the condition looks at.
    pub columns: Vec<usize>,
    pub condition: Option<Program>,
}

/// A condition over columns of postings (`slot` counts within [`Compiled::columns`]) and traits of persons.
pub(super) enum Program {
    All(Vec<Program>),
    Any(Vec<Program>),
    Not(Box<Program>),
    Words { slot: usize, table: Vec<bool> },
    Numbers { slot: usize, tester: Tester },
    Trait { index: usize, table: Vec<bool> },
    Session(SessionTest),
    People(PersonSet),
}

impl Compiled {
    pub fn new(context: &Context<'_>, selector: &Selector) -> Result<Compiled, InsightError> {
        let snapshot = context.snapshot;
        let mut activities: Vec<u16> = {
            // Not held while groups of a condition are worked out: they look up names too.
            let names = snapshot.dictionaries.activities.names();
            match selector.activities.as_slice() {
                [] => (0..names.len() as u16).collect(),
                some => some.iter().filter_map(|name| names.find(name)).map(|code| code as u16).collect(),
            }
        };
        activities.sort_unstable();
        activities.dedup();
        // An activity of which the snapshot was made before its first row has no postings.
        activities.retain(|&code| usize::from(code) < snapshot.ranks().len());
        let mut columns = Vec::new();
        let condition = selector.condition.as_ref();
        let condition = condition.map(|condition| Program::new(context, condition, &mut columns)).transpose()?;
        let everything = selector.activities.is_empty() && condition.is_none();
        Ok(Compiled { activities, everything, columns, condition })
    }

    /// Several.
    pub fn all<'s>(
        context: &Context<'_>,
        selectors: impl IntoIterator<Item = &'s Selector>,
    ) -> Result<Vec<Compiled>, InsightError> {
        selectors.into_iter().map(|selector| Compiled::new(context, selector)).collect()
    }
}

impl Program {
    fn new(context: &Context<'_>, condition: &Condition, columns: &mut Vec<usize>) -> Result<Program, InsightError> {
        let snapshot = context.snapshot;
        let mut several = |conditions: &[Condition]| {
            conditions.iter().map(|condition| Program::new(context, condition, columns)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match condition {
            Condition::All(conditions) => Program::All(several(conditions)?),
            Condition::Any(conditions) => Program::Any(several(conditions)?),
            Condition::Not(condition) => Program::Not(Box::new(Program::new(context, condition, columns)?)),
            Condition::Property(Comparison { property, test }) => {
                let (column, slot) = slot_of(snapshot, property, columns)?;
                let hot = &snapshot.dictionaries.columns[column];
                match hot.kind {
                    ColumnKind::Words => Program::Words { slot, table: table(&hot.dictionary, test)? },
                    ColumnKind::Numbers => Program::Numbers { slot, tester: test.tester()? },
                }
            }
            Condition::Person(comparison) => {
                let (index, table) = trait_table(context, comparison)?;
                Program::Trait { index, table }
            }
            Condition::Session(comparison) => Program::Session(SessionTest::new(snapshot, comparison)?),
            Condition::Group(comparison) => {
                let (column, slot) = slot_of(snapshot, &comparison.column(), columns)?;
                let keys = &snapshot.dictionaries.columns[column].dictionary;
                let table = match &comparison.property {
                    None => table(keys, &comparison.test)?,
                    Some(property) => group_table(context, comparison, property, keys)?,
                };
                Program::Words { slot, table }
            }
            Condition::Sql(expression) => {
                let (column, slot) = slot_of(snapshot, &sql_column(expression), columns)?;
                let is_true = Test::Is(vec![true.to_string()]);
                Program::Words { slot, table: table(&snapshot.dictionaries.columns[column].dictionary, &is_true)? }
            }
            Condition::Cohort(group) => Program::People(cohort::people(context, group)?),
        })
    }

    /// Whether it looks at the times of rows.
    pub fn needs_times(&self) -> bool {
        match self {
            Program::All(parts) | Program::Any(parts) => parts.iter().any(Program::needs_times),
            Program::Not(part) => part.needs_times(),
            Program::Session(_) => true,
            Program::Words { .. } | Program::Numbers { .. } | Program::Trait { .. } | Program::People(_) => false,
        }
    }

    /// How many rows meet it, of columns that are the condition's alone.
    pub fn count(&self, snapshot: &Snapshot, segment: u32, postings: &Postings<'_>) -> usize {
        self.mask(snapshot, segment, postings, 0).into_iter().filter(|&met| met).count()
    }

    /// Whether each row meets it; columns of the condition begin at `base`.
    pub fn mask(&self, snapshot: &Snapshot, segment: u32, postings: &Postings<'_>, base: usize) -> Vec<bool> {
        let rows = postings.len();
        if rows == 0 {
            // Then columns were not read either.
            return Vec::new();
        }
        match self {
            Program::All(parts) => {
                let masks = parts.iter().map(|part| part.mask(snapshot, segment, postings, base));
                masks.fold(vec![true; rows], |all, mask| all.iter().zip(&mask).map(|(&a, &b)| a & b).collect())
            }
            Program::Any(parts) => {
                let masks = parts.iter().map(|part| part.mask(snapshot, segment, postings, base));
                masks.fold(vec![false; rows], |any, mask| any.iter().zip(&mask).map(|(&a, &b)| a | b).collect())
            }
            Program::Not(part) => part.mask(snapshot, segment, postings, base).into_iter().map(|met| !met).collect(),
            Program::Words { slot, table } => words(&postings.columns[base + slot], table, rows),
            Program::Numbers { slot, tester } => {
                let column = &postings.columns[base + slot];
                (0..rows).map(|row| tester.of_number(column.number(row))).collect()
            }
            Program::Trait { index, table } => {
                let ordinals = postings.persons.iter().map(|&local| join_person(segment, local));
                ordinals.map(|ordinal| look_up(table, snapshot.trait_code(*index, ordinal))).collect()
            }
            Program::Session(test) => test.mask(snapshot, segment, postings),
            Program::People(people) => match people.segment(segment) {
                Some(people) => postings.persons.iter().map(|&local| people.contains(local)).collect(),
                None => vec![false; rows],
            },
        }
    }
}

fn words(column: &Column<'_>, table: &[bool], rows: usize) -> Vec<bool> {
    match column {
        Column::Words8(codes) => {
            let mut small = [false; 256];
            small.iter_mut().zip(table).for_each(|(small, &met)| *small = met);
            codes.iter().map(|&code| small[usize::from(code)]).collect()
        }
        Column::Same(code) => vec![look_up(table, *code); rows],
        other => (0..rows).map(|row| look_up(table, other.word(row))).collect(),
    }
}

/// For each code, and for 0, which is a missing value, whether the test holds.
fn table(dictionary: &crate::projection::Dictionary, test: &Test) -> Result<Vec<bool>, InsightError> {
    let (names, tester) = (dictionary.names(), test.tester()?);
    let texts = (0..names.len() as u32).map(|code| tester.of_text(Some(names.text(code))));
    Ok(std::iter::once(tester.of_text(None)).chain(texts).collect())
}

/// The place of a column among all, and among those of a condition.
fn slot_of(snapshot: &Snapshot, name: &str, columns: &mut Vec<usize>) -> Result<(usize, usize), InsightError> {
    let column = snapshot.dictionaries.column(name)?;
    let slot = columns.iter().position(|&known| known == column).unwrap_or(columns.len());
    if slot == columns.len() {
        columns.push(column);
    }
    Ok((column, slot))
}

/// For each code of a key, and for 0, which is a row without a group, whether the group's property passes.
fn group_table(
    context: &Context<'_>,
    comparison: &GroupComparison,
    property: &str,
    keys: &crate::projection::Dictionary,
) -> Result<Vec<bool>, InsightError> {
    let values = context.group_property(&comparison.group, property)?;
    let (names, tester) = (keys.names(), comparison.test.tester()?);
    let value = |code: u32| values.values.get(names.text(code)).map(String::as_str);
    let tested = (0..names.len() as u32).map(|code| tester.of_text(value(code)));
    Ok(std::iter::once(tester.of_text(None)).chain(tested).collect())
}

/// The trait of a comparison, and its table.
pub(super) fn trait_table(context: &Context<'_>, comparison: &Comparison) -> Result<(usize, Vec<bool>), InsightError> {
    let index = context.trait_of(&comparison.property)?;
    Ok((index, table(&context.snapshot.traits[index].dictionary, &comparison.test)?))
}

pub(super) fn look_up(table: &[bool], code: u32) -> bool {
    table.get(code as usize).copied().unwrap_or(false)
}
