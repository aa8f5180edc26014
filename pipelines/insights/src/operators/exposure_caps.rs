//! Where values of people are cut. Quantiles of everybody's values take a pass of their own, over what those values are made of alone.

use super::engine::Context;
use super::exposed::SEVERAL;
use super::exposure_moments::{Spread, quantiles};
use super::exposures::{Plan, State};
use crate::InsightError;
use crate::definition::{DividedBy, Exposures, PersonCap};
use crate::spill::{Gather, Sorted, ordered};

/// For each measure where it is cut.
pub(super) fn caps(context: &Context<'_>, asked: &Exposures) -> Result<Vec<Option<f64>>, InsightError> {
    let level_of = |cap: Option<PersonCap>| match cap {
        Some(PersonCap::Quantile(level)) => Some(level),
        _ => None,
    };
    let by_data: Vec<usize> =
        (0..asked.measures.len()).filter(|&index| level_of(asked.measures[index].cap).is_some()).collect();
    let levels = by_data.iter().filter_map(|&index| level_of(asked.measures[index].cap)).collect();
    let mut found = levels_of(context, asked, &by_data, levels)?.into_iter();
    let cap = |cap: Option<PersonCap>| match cap? {
        PersonCap::At(level) => Some(level),
        PersonCap::Quantile(_) => found.next().flatten(),
    };
    Ok(asked.measures.iter().map(|measure| measure.cap).map(cap).collect())
}

/// Of the first values of everybody, for these measures, the one at a level each.
fn levels_of(
    context: &Context<'_>,
    asked: &Exposures,
    measures: &[usize],
    levels: Vec<f64>,
) -> Result<Vec<Option<f64>>, InsightError> {
    if measures.is_empty() {
        return Ok(Vec::new());
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
    let start = || (State::new(context, &plan), Gather::new(context.room()), 0u64);
    let states = context.each_segment(start, |(state, values_of, people), reader, segment| {
        plan.find(state, reader, segment);
        *people += state.exposed.arms.iter().filter(|&&arm| arm < SEVERAL).count() as u64;
        plan.each_touched(state, reader, segment, |_, measure, values| values_of.push(measure, ordered(values[0])));
    })?;
    let people = states.iter().map(|(_, _, people)| people).sum();
    let sorted = Sorted::of(states.into_iter().map(|(_, values, _)| values), measures.len());
    let spread = |level: f64| Spread { people, nothing: 0.0, levels: vec![level] };
    let spreads: Vec<Spread> = levels.into_iter().map(spread).collect();
    let found = quantiles(context, &sorted, &spreads)?;
    Ok(found.into_iter().map(|of_one| of_one.first().copied().flatten()).collect())
}
