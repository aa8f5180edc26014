//! Exposures, naively: person by person, measure by measure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, World};
use crate::definition::{
    DividedBy, ExposedBy, ExposedCell, ExposedLevel, Exposures, ExposuresAnswer, PartOf, PersonCap, PersonMoments,
    PersonPart, QuantileAround,
};

/// A person who counts.
struct Person<'w> {
    arm: usize,
    first_ms: i64,
    rows: Vec<&'w Row>,
    levels: Vec<String>,
    context: Option<usize>,
    is_active: bool,
}

impl World {
    pub(super) fn exposures(&self, asked: &Exposures) -> ExposuresAnswer {
        let mut answer = ExposuresAnswer::default();
        let mut people: Vec<Person<'_>> = Vec::new();
        for person in self.persons() {
            let rows = self.rows_of(&person);
            let telling: Vec<(usize, &Row)> = rows.iter().filter_map(|row| Some((arm(asked, row)?, *row))).collect();
            let is_out = |row: &Row| {
                asked
                    .left_out
                    .iter()
                    .any(|(name, test)| test.tester().unwrap().of_text(row.texts.get(name).map(String::as_str)))
            };
            let arms: BTreeSet<usize> = telling.iter().map(|(arm, _)| *arm).collect();
            let Some(first_ms) = telling.iter().map(|(_, row)| row.time_ms).min() else { continue };
            let levels = asked.dimensions.iter().map(|dimension| {
                let first = telling.iter().filter(|(_, row)| row.time_ms == first_ms);
                first.map(|(_, row)| level(dimension, row)).min().unwrap_or_default()
            });
            let levels = levels.collect();
            let of_first = telling.iter().filter(|(_, row)| row.time_ms == first_ms);
            let told = of_first.map(|(arm, row)| (*arm, context(asked, row))).min();
            let (arm, context) = told.map(|(arm, context)| (arm, context.ok())).unwrap();
            match telling.iter().any(|(_, row)| is_out(row)) {
                true => {}
                false if arms.len() > 1 && !asked.counts_first => answer.several += 1,
                false => {
                    let is_active = asked.by_activity && self.is_active(asked, &rows, first_ms);
                    people.push(Person { arm, first_ms, rows, levels, context, is_active });
                }
            }
        }
        let values = |index: usize| -> Vec<Vec<f64>> {
            let parts = &asked.measures[index].parts;
            let of = |person: &Person<'_>| parts.iter().map(|part| value(self, asked, part, person)).collect();
            people.iter().map(of).collect()
        };
        let mut cells: BTreeMap<(i64, String, Option<usize>, bool, usize), ExposedCell> = BTreeMap::new();
        let key = |person: &Person<'_>| {
            let day = person.first_ms.div_euclid(86_400_000);
            let (part, level, context) = match &asked.divided_by {
                DividedBy::Dimension(index) => {
                    (asked.from_ms.div_euclid(86_400_000), person.levels[*index].clone(), None)
                }
                DividedBy::Days => (day, String::new(), None),
                DividedBy::DaysAndLevels { dimension, levels } => {
                    (day, String::new(), levels.iter().position(|level| *level == person.levels[*dimension]))
                }
                DividedBy::Times { starts_ms, .. } => {
                    let time = starts_ms.iter().rposition(|start| *start <= person.first_ms).unwrap_or(0);
                    (time as i64, String::new(), person.context)
                }
            };
            (part, level, context, person.is_active, person.arm)
        };
        for person in &people {
            let (part, level, context, is_active, arm) = key(person);
            let cell = cells.entry(key(person)).or_default();
            let people = cell.people + 1.0;
            *cell = ExposedCell { arm, part, level, context, is_active, people, measures: Vec::new() };
        }
        for (index, measure) in asked.measures.iter().enumerate() {
            let mut of_all = values(index);
            let mut first: Vec<f64> = of_all.iter().map(|values| values[0]).collect();
            let cap = match measure.cap {
                Some(PersonCap::At(level)) => Some(level),
                Some(PersonCap::Quantile(level)) => quantile(&mut first, level),
                None => None,
            };
            if let Some(cap) = cap {
                of_all.iter_mut().flatten().for_each(|value| *value = value.min(cap));
            }
            answer.caps.push(cap);
            let of_arm = |arm: usize| -> Option<[f64; 3]> {
                let QuantileAround { level, z } = measure.quantiles?;
                let of = people.iter().zip(&of_all).filter(|(person, _)| person.arm == arm);
                let mut values: Vec<f64> = of.map(|(_, values)| values[0]).collect();
                let half = z * (level * (1.0 - level) / values.len().max(1) as f64).sqrt();
                let mut at = |level: f64| quantile(&mut values, level.clamp(0.0, 1.0));
                Some([at(level)?, at(level - half)?, at(level + half)?])
            };
            let arms = if measure.quantiles.is_some() { asked.arms } else { 0 };
            answer.quantiles.push((0..arms).map(of_arm).collect());
            for (at, cell) in &mut cells {
                let is_mature =
                    |person: &Person<'_>| measure.matures_ms.is_none_or(|ms| person.first_ms + ms <= asked.until_ms);
                let of = people.iter().zip(&of_all).filter(|(person, _)| key(person) == *at && is_mature(person));
                cell.measures.push(moments(of.map(|(_, values)| values).collect(), measure.parts.len()));
            }
        }
        answer.cells = cells.into_values().collect();
        for index in 0..asked.dimensions.len() {
            let mut levels: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for person in &people {
                let counts = levels.entry(person.levels[index].clone()).or_insert_with(|| vec![0; asked.arms]);
                counts[person.arm] += 1;
            }
            let levels = levels.into_iter().map(|(level, people)| ExposedLevel { level, people });
            answer.dimensions.push(levels.collect());
        }
        answer
    }

    /// Whether there are rows of parts that end before the first row.
    fn is_active(&self, asked: &Exposures, rows: &[&Row], first_ms: i64) -> bool {
        let parts = asked.measures.iter().flat_map(|measure| &measure.parts);
        let mut before = parts.filter_map(|part| Some((part, part.before_ms.filter(|before| *before <= 0)?)));
        before.any(|(part, before_ms)| {
            let is_in = |after: i64| part.after_ms <= after && after < before_ms;
            let counts = |row: &&&Row| row.time_ms < asked.until_ms && is_in(row.time_ms - first_ms);
            rows.iter().filter(counts).any(|row| self.matches(&asked.sources[part.source], row))
        })
    }
}

fn level(dimension: &ExposedBy, row: &Row) -> String {
    let texts = dimension.properties.iter().map(|name| row.texts.get(name).filter(|text| !text.is_empty()));
    let texts: Vec<Option<&String>> = texts.collect();
    if dimension.needs_last && texts.last().is_some_and(|text| text.is_none()) {
        return String::new();
    }
    texts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
}

fn arm(asked: &Exposures, row: &Row) -> Option<usize> {
    if row.time_ms < asked.from_ms || row.time_ms >= asked.until_ms {
        return None;
    }
    if let Some(wanted) = &asked.told_where
        && !row.texts.get(&wanted.property).map_or(wanted.or_missing, |text| *text == wanted.is)
    {
        return None;
    }
    let coalesced = |names: &[String]| names.iter().find_map(|name| row.texts.get(name)).cloned();
    asked.told_by.iter().find_map(|telling| {
        let is_it = row.activity == telling.activity && coalesced(&telling.keys).as_ref() == Some(&telling.key);
        let value = coalesced(&telling.values).unwrap_or_default();
        telling.arms.iter().find(|(text, _)| is_it && *text == value).map(|(_, arm)| *arm)
    })
}

/// None that is known comes after all that are.
fn context(asked: &Exposures, row: &Row) -> Result<usize, ()> {
    let tellings = match &asked.divided_by {
        DividedBy::Times { contexts, .. } => contexts.as_slice(),
        _ => &[],
    };
    let told = tellings.iter().find_map(|telling| Some((telling, row.texts.get(&telling.property)?)));
    let (telling, text) = told.ok_or(())?;
    telling.contexts.iter().find(|(value, _)| value == text).map(|(_, context)| *context).ok_or(())
}

fn value(world: &World, asked: &Exposures, part: &PersonPart, person: &Person<'_>) -> f64 {
    let counts = |row: &&&Row| {
        let after = row.time_ms - person.first_ms;
        row.time_ms < asked.until_ms
            && after >= part.after_ms
            && part.before_ms.is_none_or(|before| after < before)
            && world.matches(&asked.sources[part.source], row)
    };
    let rows: Vec<&&Row> = person.rows.iter().filter(counts).collect();
    match &part.of {
        PartOf::Rows => rows.len() as f64,
        PartOf::Happened => f64::from(u8::from(!rows.is_empty())),
        PartOf::Sum(name) => rows.iter().filter_map(|row| row.numbers.get(name)).sum(),
        PartOf::Numbers(name) => rows.iter().filter(|row| row.numbers.contains_key(name)).count() as f64,
        PartOf::Different(name) => {
            rows.iter().filter_map(|row| row.texts.get(name)).collect::<BTreeSet<_>>().len() as f64
        }
    }
}

fn quantile(values: &mut [f64], level: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = level * values.len().checked_sub(1)? as f64;
    let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

fn moments(values: Vec<&Vec<f64>>, parts: usize) -> PersonMoments {
    let n = values.len() as f64;
    let mean = |part: usize| values.iter().map(|values| values[part]).sum::<f64>() / n.max(1.0);
    let means: Vec<f64> = (0..parts).map(mean).collect();
    let pairs = (0..parts).flat_map(|left| (left..parts).map(move |right| (left, right)));
    let product = |(left, right): (usize, usize)| {
        values.iter().map(|values| (values[left] - means[left]) * (values[right] - means[right])).sum()
    };
    PersonMoments { people: n, scatter: pairs.map(product).collect(), means }
}
