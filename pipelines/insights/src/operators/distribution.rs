//! Distributions: values gathered and sorted.

use super::cohort::each_set;
use super::compile::Compiled;
use super::engine::Context;
use super::order::percentile;
use super::reader::{Need, Within};
use crate::InsightError;
use crate::definition::{Distribution, DistributionAnswer, DistributionCell, DistributionOf};
use crate::projection::{ColumnKind, PersonSet, Postings, SEGMENT_PERSONS};

pub(super) fn answer(context: &Context<'_>, distribution: &Distribution) -> Result<DistributionAnswer, InsightError> {
    let scope = &distribution.scope;
    check(distribution)?;
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context, &distribution.select)?;
    let mut values = match &distribution.of {
        DistributionOf::Property(property) => numbers(context, &compiled, within, property)?,
        DistributionOf::RowsPerPerson => rows_per_person(context, &compiled, within)?,
    };
    values.sort_unstable_by(f64::total_cmp);
    let below: Vec<usize> =
        distribution.edges.iter().map(|edge| values.partition_point(|value| value < edge)).collect();
    let ends = below.iter().copied().chain([values.len()]);
    let begins = std::iter::once(0).chain(below.iter().copied());
    Ok(DistributionAnswer {
        count: values.len() as u64,
        sum: values.iter().fold(0.0, |sum, value| sum + value),
        minimum: values.first().copied(),
        maximum: values.last().copied(),
        histogram: begins.zip(ends).map(|(begin, end)| (end - begin) as u64).collect(),
        percentiles: distribution.ranks.iter().map(|&rank| percentile(&values, rank)).collect(),
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

fn numbers(
    context: &Context<'_>,
    compiled: &Compiled,
    within: Within<'_>,
    property: &str,
) -> Result<Vec<f64>, InsightError> {
    let column = context.snapshot.dictionaries.column_of(property, ColumnKind::Numbers)?;
    let state = || (Vec::new(), Postings::default());
    let states = context.each_segment(state, |(values, postings), reader, segment| {
        for &activity in &compiled.activities {
            reader.select_with(Need::Span, segment, activity, compiled, &[column], within, postings);
            let numbers = (0..postings.len()).filter_map(|row| postings.columns[0].number(row));
            values.extend(numbers);
        }
    })?;
    Ok(states.into_iter().flat_map(|(values, _)| values).collect())
}

fn rows_per_person(context: &Context<'_>, compiled: &Compiled, within: Within<'_>) -> Result<Vec<f64>, InsightError> {
    let state = || (Vec::new(), vec![0u32; SEGMENT_PERSONS], Postings::default());
    let states = context.each_segment(state, |(values, counts, postings), reader, segment| {
        counts.fill(0);
        for &activity in &compiled.activities {
            reader.count(segment, activity, compiled, within, postings, counts);
        }
        values.extend(counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count)));
    })?;
    Ok(states.into_iter().flat_map(|(values, ..)| values).collect())
}
