//! Distributions: values gathered, and gone through in order.

use super::cohort::each_set;
use super::compile::Compiled;
use super::engine::Context;
use super::reader::{Need, Within};
use super::sum::Sum;
use crate::InsightError;
use crate::definition::{Distribution, DistributionAnswer, DistributionCell, DistributionOf};
use crate::projection::{ColumnKind, PersonSet, Postings, SEGMENT_PERSONS};
use crate::spill::{Gather, Sorted, number, ordered};

pub(super) fn answer(context: &Context<'_>, distribution: &Distribution) -> Result<DistributionAnswer, InsightError> {
    let scope = &distribution.scope;
    check(distribution)?;
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context, &distribution.select)?;
    let values = match &distribution.of {
        DistributionOf::Property(property) => numbers(context, &compiled, within, property)?,
        DistributionOf::RowsPerPerson => rows_per_person(context, &compiled, within)?,
    };
    let edges = &distribution.edges;
    let mut histogram = vec![0u64; edges.len() + 1];
    let (mut sum, mut bin) = (Sum::default(), 0);
    values.each(context, |_, value| {
        let value = number(value);
        sum.add(value);
        // Values ascend.
        while edges.get(bin).is_some_and(|edge| value >= *edge) {
            bin += 1;
        }
        histogram[bin] += 1;
    })?;
    let ranks: Vec<f64> = distribution.ranks.iter().copied().chain([0.0, 1.0]).collect();
    let ranked = values.ranked(context, &ranks)?;
    let at = |place: usize| ranked.first().and_then(|ranked| ranked.at.get(place)).map(|value| number(*value));
    let asked = distribution.ranks.len();
    Ok(DistributionAnswer {
        count: values.count(0),
        sum: sum.value(),
        minimum: at(asked),
        maximum: at(asked + 1),
        histogram,
        percentiles: (0..asked).map(at).collect(),
    })
}

/// People with a value in a bin of the histogram.
pub(super) fn people(
    context: &Context<'_>,
    distribution: &Distribution,
    cell: &DistributionCell,
) -> Result<PersonSet, InsightError> {
    let (scope, edges) = (&distribution.scope, &distribution.edges);
    check(distribution)?;
    if cell.bin.is_some_and(|bin| bin > edges.len()) {
        return Err(InsightError::question("bin", "is none of the histogram's"));
    }
    let wanted = |value: f64| cell.bin.is_none_or(|bin| edges.partition_point(|&edge| edge <= value) == bin);
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context, &distribution.select)?;
    let column = match &distribution.of {
        DistributionOf::Property(name) => Some(context.snapshot.dictionaries.column_of(name, ColumnKind::Numbers)?),
        DistributionOf::RowsPerPerson => None,
    };
    each_set(context, |reader, segment, set, (counts, postings)| {
        counts.fill(0);
        for &activity in &compiled.activities {
            reader.select_with(Need::Span, segment, activity, &compiled, column.as_slice(), within, postings);
            for (row, &local) in postings.persons.iter().enumerate() {
                counts[usize::from(local)] += 1;
                let number = postings.columns.first().and_then(|column| column.number(row));
                if number.is_some_and(wanted) {
                    set.insert(local);
                }
            }
        }
        if column.is_none() {
            let counted = counts.iter().enumerate().filter(|(_, count)| **count > 0 && wanted(f64::from(**count)));
            counted.for_each(|(local, _)| set.insert(local as u16));
        }
    })
}

fn check(distribution: &Distribution) -> Result<(), InsightError> {
    if distribution.ranks.iter().any(|rank| !(0.0..=1.0).contains(rank)) {
        return Err(InsightError::question("ranks", "a rank is 0 to 1"));
    }
    if !distribution.edges.is_sorted() {
        return Err(InsightError::question("edges", "must ascend"));
    }
    Ok(())
}

fn numbers<'a>(
    context: &Context<'a>,
    compiled: &Compiled,
    within: Within<'_>,
    property: &str,
) -> Result<Sorted<'a>, InsightError> {
    let column = context.snapshot.dictionaries.column_of(property, ColumnKind::Numbers)?;
    let state = || (Gather::new(context.room()), Postings::default());
    let states = context.each_segment(state, |(values, postings), reader, segment| {
        for &activity in &compiled.activities {
            reader.select_with(Need::Span, segment, activity, compiled, &[column], within, postings);
            let numbers = (0..postings.len()).filter_map(|row| postings.columns[0].number(row));
            numbers.for_each(|number| values.push(0, ordered(number)));
        }
    })?;
    Ok(Sorted::of(states.into_iter().map(|(values, _)| values), 1))
}

fn rows_per_person<'a>(
    context: &Context<'a>,
    compiled: &Compiled,
    within: Within<'_>,
) -> Result<Sorted<'a>, InsightError> {
    let state = || (Gather::new(context.room()), vec![0u32; SEGMENT_PERSONS], Postings::default());
    let states = context.each_segment(state, |(values, counts, postings), reader, segment| {
        counts.fill(0);
        for &activity in &compiled.activities {
            reader.count(segment, activity, compiled, within, postings, counts);
        }
        counts.iter().filter(|&&count| count > 0).for_each(|&count| values.push(0, ordered(f64::from(count))));
    })?;
    Ok(Sorted::of(states.into_iter().map(|(values, ..)| values), 1))
}
