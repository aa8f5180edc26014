//! Where values of people are cut. Quantiles of everybody's values take a pass of their own, over what those values are made of alone.

use super::engine::Context;
use super::exposed::SEVERAL;
use super::exposure_moments::Spread;
use super::exposures::{Plan, State};
use crate::InsightError;
use crate::definition::{DividedBy, Exposures, PersonCap};

/// For each measure where it is cut.
pub(super) fn caps(context: &Context<'_>, asked: &Exposures) -> Result<Vec<Option<f64>>, InsightError> {
    let level_of = |cap: Option<PersonCap>| match cap {
        Some(PersonCap::Quantile(level)) => Some(level),
        _ => None,
    };
    let by_data: Vec<usize> =
        (0..asked.measures.len()).filter(|&index| level_of(asked.measures[index].cap).is_some()).collect();
    let mut spreads = spreads(context, asked, &by_data)?.into_iter();
    let cap = |cap: Option<PersonCap>| match cap? {
        PersonCap::At(level) => Some(level),
        PersonCap::Quantile(level) => {
            let mut spread = spreads.next()?;
            spread.sort();
            spread.quantile(level)
        }
    };
    Ok(asked.measures.iter().map(|measure| measure.cap).map(cap).collect())
}

/// The first values of everybody, for these measures.
fn spreads(context: &Context<'_>, asked: &Exposures, measures: &[usize]) -> Result<Vec<Spread>, InsightError> {
    let mut all: Vec<Spread> = measures.iter().map(|_| Spread::default()).collect();
    if measures.is_empty() {
        return Ok(all);
    }
    let mut narrow =
        Exposures { measures: Vec::new(), dimensions: Vec::new(), divided_by: DividedBy::Days, ..asked.clone() };
    narrow.by_activity = false;
    for &index in measures {
        let mut measure = asked.measures[index].clone();
        measure.parts.truncate(1);
        // A cut is of everybody's values.
        measure.matures_ms = None;
        narrow.measures.push(measure);
    }
    let wanted =
        |source: &usize| narrow.measures.iter().flat_map(|measure| &measure.parts).any(|part| part.source == *source);
    let sources: Vec<usize> = (0..asked.sources.len()).filter(wanted).collect();
    for part in narrow.measures.iter_mut().flat_map(|measure| &mut measure.parts) {
        part.source = sources.iter().position(|source| *source == part.source).unwrap_or(0);
    }
    narrow.sources = sources.into_iter().map(|source| asked.sources[source].clone()).collect();
    let plan = Plan::new(context, &narrow)?;
    let start = || {
        let spreads: Vec<Spread> = measures.iter().map(|_| Spread::default()).collect();
        (State::new(&plan), spreads)
    };
    let states = context.each_segment(start, |(state, spreads), reader, segment| {
        plan.find(state, reader, segment);
        let people = state.exposed.arms.iter().filter(|&&arm| arm < SEVERAL).count() as u64;
        spreads.iter_mut().for_each(|spread| spread.people += people);
        plan.each_touched(state, reader, segment, |_, measure, values| spreads[measure].something.push(values[0]));
    })?;
    for (_, spreads) in states {
        for (all, one) in all.iter_mut().zip(spreads) {
            all.people += one.people;
            all.something.extend(one.something);
        }
    }
    Ok(all)
}
