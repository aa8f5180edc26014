//! By what people are told apart at their first telling row: the levels of a dimension, and the people of each.

use std::cmp::Reverse;

use hashbrown::HashMap;

use super::engine::Context;
use crate::InsightError;
use crate::definition::{ExposedBy, ExposedLevel};
use crate::projection::Dictionary;

/// Properties of a dimension.
pub(super) const PROPERTIES_MAX: usize = 2;
/// Levels of one dimension in an answer, those with most people.
const LEVELS_MAX: usize = 1_000;

/// Codes of the properties; 0 is no value, as an empty text is.
pub(super) type Codes = [u32; PROPERTIES_MAX];

/// A dimension ready to be read.
#[derive(Clone)]
pub(super) struct Dimension<'a> {
    dictionaries: Vec<&'a Dictionary>,
    empty: Codes,
    needs_last: bool,
}

impl<'a> Dimension<'a> {
    pub fn new(context: &Context<'a>, asked: &ExposedBy) -> Result<Dimension<'a>, InsightError> {
        let hot = &context.snapshot.dictionaries;
        let count = asked.properties.len();
        if count == 0 || count > PROPERTIES_MAX {
            return Err(InsightError::question("dimensions", format!("are of 1 to {PROPERTIES_MAX} properties")));
        }
        let dictionary = |name: &String| Ok(&hot.columns[hot.column(name)?].dictionary);
        let dictionaries: Vec<&Dictionary> =
            asked.properties.iter().map(dictionary).collect::<Result<_, InsightError>>()?;
        let mut empty = [u32::MAX; PROPERTIES_MAX];
        for (empty, dictionary) in empty.iter_mut().zip(&dictionaries) {
            *empty = dictionary.find("").map_or(u32::MAX, |code| code + 1);
        }
        Ok(Dimension { dictionaries, empty, needs_last: asked.needs_last })
    }

    /// How many properties it is of.
    pub fn properties(&self) -> usize {
        self.dictionaries.len()
    }

    /// What a row with these values is of; the second is 0 where there is one property.
    #[inline]
    pub fn codes(&self, first: u32, second: u32) -> Codes {
        let first = if first == self.empty[0] { 0 } else { first };
        let second = if second == self.empty[1] { 0 } else { second };
        let last = if self.dictionaries.len() == 1 { first } else { second };
        if self.needs_last && last == 0 { [0; PROPERTIES_MAX] } else { [first, second] }
    }

    /// The values with spaces between.
    pub fn text(&self, codes: Codes) -> String {
        let known = self.dictionaries.iter().zip(codes);
        let texts: Vec<String> =
            known.filter_map(|(dictionary, code)| Some(dictionary.text(code.checked_sub(1)?))).collect();
        texts.join(" ")
    }
}

/// The levels that were seen, each with a place.
pub(super) struct Levels<'a> {
    dimension: Dimension<'a>,
    arms: usize,
    /// Of one property: the place of each code, from 1.
    direct: Vec<u32>,
    pairs: HashMap<Codes, u32>,
    codes: Vec<Codes>,
    /// By place, then arm.
    people: Vec<u64>,
}

impl<'a> Levels<'a> {
    pub fn new(dimension: Dimension<'a>, arms: usize) -> Levels<'a> {
        let (direct, pairs) = (Vec::new(), HashMap::new());
        Levels { dimension, arms, direct, pairs, codes: Vec::new(), people: Vec::new() }
    }

    fn is_direct(&self) -> bool {
        self.dimension.dictionaries.len() == 1
    }

    pub fn find(&self, codes: Codes) -> Option<usize> {
        if self.is_direct() {
            return self.direct.get(codes[0] as usize)?.checked_sub(1).map(|place| place as usize);
        }
        self.pairs.get(&codes).map(|&place| place as usize)
    }

    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// One more person; the place of the level.
    pub fn count(&mut self, codes: Codes, arm: usize) -> usize {
        let place = self.place(codes);
        self.people[place * self.arms + arm] += 1;
        place
    }

    fn place(&mut self, codes: Codes) -> usize {
        if let Some(place) = self.find(codes) {
            return place;
        }
        let place = self.codes.len();
        self.codes.push(codes);
        self.people.resize(self.codes.len() * self.arms, 0);
        if self.is_direct() {
            let code = codes[0] as usize;
            if self.direct.len() <= code {
                self.direct.resize(code + 1, 0);
            }
            self.direct[code] = place as u32 + 1;
        } else {
            self.pairs.insert(codes, place as u32);
        }
        place
    }

    /// With the people of the other; the places of its levels here.
    pub fn join(&mut self, other: &Levels<'_>) -> Vec<usize> {
        let places: Vec<usize> = other.codes.iter().map(|&codes| self.place(codes)).collect();
        for (theirs, &place) in other.people.chunks(self.arms.max(1)).zip(&places) {
            let own = &mut self.people[place * self.arms..];
            own.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
        }
        places
    }

    pub fn text(&self, place: usize) -> String {
        self.codes.get(place).map_or_else(String::new, |&codes| self.dimension.text(codes))
    }

    /// The levels with most people, those first.
    pub fn most(&self) -> Vec<ExposedLevel> {
        let people = |place: usize| &self.people[place * self.arms..(place + 1) * self.arms];
        let mut found: Vec<(u64, usize)> =
            (0..self.codes.len()).map(|place| (people(place).iter().sum(), place)).collect();
        found.sort_unstable_by_key(|&(count, place)| (Reverse(count), place));
        found.truncate(LEVELS_MAX);
        let level = |(_, place): (u64, usize)| ExposedLevel { level: self.text(place), people: people(place).to_vec() };
        found.into_iter().map(level).collect()
    }
}
