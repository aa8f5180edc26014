//! Who was put into which arm when: the rows that tell of it, person by person of a segment.

use super::compile::look_up;
use super::engine::Context;
use super::exposed_levels::{Codes, Dimension, PROPERTIES_MAX};
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{Exposures, Telling, Test};
use crate::projection::{Dictionary, Postings, SEGMENT_PERSONS};

/// Was told of in no arm.
pub(super) const NOBODY: u16 = u16::MAX;
/// … in two.
pub(super) const SEVERAL: u16 = u16::MAX - 1;
/// Of no context that is known.
pub(super) const NOWHERE: u16 = u16::MAX;

/// The rows that tell, ready to be read.
pub(super) struct Told<'a> {
    span: (i64, i64),
    rows: Vec<TellingRows>,
    pub dimensions: Vec<Dimension<'a>>,
}

/// Rows of one activity. Slots are places of columns in the postings.
struct TellingRows {
    activity: u16,
    columns: Vec<usize>,
    /// Slots of the keys, and for each code whether it is the key.
    keys: Vec<(usize, Vec<bool>)>,
    /// Slots of the values, and for each code its arm.
    values: Vec<(usize, Vec<u16>)>,
    /// The arm of a row without values.
    without: u16,
    left_out: Vec<(usize, Vec<bool>)>,
    /// The slot of what a row has to be, and for each code whether it is.
    told_where: Option<(usize, Vec<bool>)>,
    /// Slots of what tells contexts, and for each code the context.
    contexts: Vec<(usize, Vec<u16>)>,
    /// For each dimension the slots of its properties.
    dimensions: Vec<[usize; PROPERTIES_MAX]>,
}

/// The people of a segment.
pub(super) struct Exposed {
    pub arms: Vec<u16>,
    /// Times of their first rows.
    pub first: Vec<i64>,
    /// What their first rows tell, where those decide.
    pub contexts: Vec<u16>,
    counts_first: bool,
    /// For each dimension what their first rows are of.
    pub levels: Vec<Vec<Codes>>,
    left_out: Vec<bool>,
    /// Rows that were the first of their person when they were seen; a later one counts.
    firsts: Vec<First>,
    words: Vec<u32>,
}

struct First {
    person: u16,
    row: u32,
    /// Another row of the same time was seen before.
    is_tied: bool,
}

impl Exposed {
    pub fn new(asked: &Exposures) -> Exposed {
        let dimensions = asked.dimensions.len();
        Exposed {
            arms: vec![NOBODY; SEGMENT_PERSONS],
            first: vec![i64::MAX; SEGMENT_PERSONS],
            contexts: vec![NOWHERE; SEGMENT_PERSONS],
            counts_first: asked.counts_first,
            levels: vec![vec![[0; PROPERTIES_MAX]; SEGMENT_PERSONS]; dimensions],
            left_out: vec![false; SEGMENT_PERSONS],
            firsts: Vec::new(),
            words: Vec::new(),
        }
    }
}

impl<'a> Told<'a> {
    pub fn new(context: &Context<'a>, asked: &Exposures) -> Result<Told<'a>, InsightError> {
        let hot = &context.snapshot.dictionaries;
        let mut rows = Vec::new();
        for telling in &asked.told_by {
            let activity = hot.activities.find(&telling.activity).map(|code| code as u16);
            // An activity of which the snapshot was made before its first row has no postings.
            let Some(activity) = activity.filter(|&code| usize::from(code) < context.snapshot.ranks().len()) else {
                continue;
            };
            rows.push(TellingRows::new(context, asked, telling, activity)?);
        }
        let dimensions = asked.dimensions.iter().map(|one| Dimension::new(context, one)).collect::<Result<_, _>>()?;
        Ok(Told { span: (asked.from_ms, asked.until_ms), rows, dimensions })
    }

    /// Finds the people of a segment. People who are left out are in no arm.
    pub fn find(&self, reader: &mut Reader<'a>, segment: u32, postings: &mut Postings<'a>, found: &mut Exposed) {
        found.arms.fill(NOBODY);
        found.first.fill(i64::MAX);
        found.contexts.fill(NOWHERE);
        found.left_out.fill(false);
        for told in &self.rows {
            let within = Within { span: self.span, people: None };
            reader.load(segment, told.activity, &told.columns, within, None, postings);
            found.firsts.clear();
            for row in 0..postings.len() {
                let arm = told.arm(postings, row);
                if arm != NOBODY {
                    found.see(told, postings, row, arm);
                }
            }
            self.read_levels(told, postings, found);
        }
        for (arm, _) in found.arms.iter_mut().zip(&found.left_out).filter(|(_, left_out)| **left_out) {
            *arm = NOBODY;
        }
    }

    /// What the first rows are of: one column after the other, which is four times as fast as row by row.
    fn read_levels(&self, told: &TellingRows, postings: &Postings<'_>, found: &mut Exposed) {
        let Exposed { firsts, words, levels, .. } = found;
        if firsts.is_empty() {
            return;
        }
        for ((slots, dimension), levels) in told.dimensions.iter().zip(&self.dimensions).zip(levels) {
            let (slots, count) = (&slots[..dimension.properties()], firsts.len());
            words.clear();
            for &slot in slots {
                postings.columns[slot].words_of(firsts.iter().map(|first| first.row as usize), words);
            }
            for (place, first) in firsts.iter().enumerate() {
                let codes = dimension.codes(words[place], words.get(count + place).copied().unwrap_or(0));
                let level = &mut levels[usize::from(first.person)];
                // Of two rows at one time the lesser text counts.
                if !first.is_tied || (codes != *level && dimension.text(codes) < dimension.text(*level)) {
                    *level = codes;
                }
            }
        }
    }
}

impl Exposed {
    fn see(&mut self, told: &TellingRows, postings: &Postings<'_>, row: usize, arm: u16) {
        let person = usize::from(postings.persons[row]);
        let time = postings.times[row];
        let context = told.context(postings, row);
        if self.counts_first {
            let known = (self.first[person], self.arms[person], self.contexts[person]);
            if (time, arm, context) < known {
                (self.arms[person], self.contexts[person]) = (arm, context);
            }
        } else {
            let known = &mut self.arms[person];
            *known = if *known == NOBODY || *known == arm { arm } else { SEVERAL };
            if (time, context) < (self.first[person], self.contexts[person]) {
                self.contexts[person] = context;
            }
        }
        let has_left = |(slot, table): &(usize, Vec<bool>)| look_up(table, postings.columns[*slot].word(row));
        self.left_out[person] |= told.left_out.iter().any(has_left);
        if time > self.first[person] {
            return;
        }
        let is_tied = time == self.first[person];
        self.first[person] = time;
        self.firsts.push(First { person: postings.persons[row], row: row as u32, is_tied });
    }
}

impl TellingRows {
    fn new(
        context: &Context<'_>,
        asked: &Exposures,
        telling: &Telling,
        activity: u16,
    ) -> Result<TellingRows, InsightError> {
        let hot = &context.snapshot.dictionaries;
        let mut columns: Vec<usize> = Vec::new();
        let mut slot = |name: &str| -> Result<(usize, &Dictionary), InsightError> {
            let column = hot.column(name)?;
            let place = columns.iter().position(|&known| known == column).unwrap_or(columns.len());
            if place == columns.len() {
                columns.push(column);
            }
            Ok((place, &hot.columns[column].dictionary))
        };
        let arm_of = |text: &str| {
            let known = telling.arms.iter().find(|(value, _)| value == text);
            known.map_or(NOBODY, |(_, arm)| *arm as u16)
        };
        let (mut keys, mut values, mut left_out, mut dimensions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for name in &telling.keys {
            let (place, dictionary) = slot(name)?;
            keys.push((place, table(dictionary, |text| text == Some(telling.key.as_str()))));
        }
        for name in &telling.values {
            let (place, dictionary) = slot(name)?;
            values.push((place, table(dictionary, |text| text.map_or(NOBODY, arm_of))));
        }
        for (name, test) in &asked.left_out {
            let (place, dictionary) = slot(name)?;
            let tester = Test::tester(test)?;
            left_out.push((place, table(dictionary, |text| tester.of_text(text))));
        }
        let mut told_where = None;
        if let Some(wanted) = &asked.told_where {
            let (place, dictionary) = slot(&wanted.property)?;
            told_where =
                Some((place, table(dictionary, |text| text.map_or(wanted.or_missing, |text| text == wanted.is))));
        }
        let mut contexts = Vec::new();
        for told in asked.divided_by.contexts() {
            let (place, dictionary) = slot(&told.property)?;
            let context_of = |text: Option<&str>| {
                let known = told.contexts.iter().find(|(value, _)| Some(value.as_str()) == text);
                known.map_or(NOWHERE, |(_, context)| *context as u16)
            };
            contexts.push((place, table(dictionary, context_of)));
        }
        for dimension in &asked.dimensions {
            let mut slots = [0; PROPERTIES_MAX];
            for (place, name) in slots.iter_mut().zip(&dimension.properties) {
                *place = slot(name)?.0;
            }
            dimensions.push(slots);
        }
        let without = arm_of("");
        Ok(TellingRows { activity, columns, keys, values, without, left_out, told_where, contexts, dimensions })
    }

    fn arm(&self, postings: &Postings<'_>, row: usize) -> u16 {
        let there = |slot: usize| Some(postings.columns[slot].word(row)).filter(|&code| code != 0);
        let key = self.keys.iter().find_map(|(slot, table)| Some(look_up(table, there(*slot)?)));
        if key != Some(true) {
            return NOBODY;
        }
        if let Some((slot, table)) = &self.told_where
            && !look_up(table, postings.columns[*slot].word(row))
        {
            return NOBODY;
        }
        let of = |(slot, table): &(usize, Vec<u16>)| Some(table.get(there(*slot)? as usize).copied().unwrap_or(NOBODY));
        self.values.iter().find_map(of).unwrap_or(self.without)
    }

    fn context(&self, postings: &Postings<'_>, row: usize) -> u16 {
        let there = |slot: usize| Some(postings.columns[slot].word(row)).filter(|&code| code != 0);
        let of =
            |(slot, table): &(usize, Vec<u16>)| Some(table.get(there(*slot)? as usize).copied().unwrap_or(NOWHERE));
        self.contexts.iter().find_map(of).unwrap_or(NOWHERE)
    }
}

/// For a missing value and each code what it comes to.
fn table<T>(dictionary: &Dictionary, of: impl Fn(Option<&str>) -> T) -> Vec<T> {
    let names = dictionary.names();
    let texts = (0..names.len() as u32).map(|code| of(Some(names.text(code))));
    std::iter::once(of(None)).chain(texts).collect()
}
