//! Distributions: values gathered and sorted.

use super::compile::Compiled;
use super::engine::Context;
use super::order::percentile;
use super::reader::Within;
use crate::InsightError;
use crate::definition::{Distribution, DistributionAnswer, DistributionOf};
use crate::projection::{ColumnKind, Postings, SEGMENT_PERSONS};

pub(super) fn answer(context: &Context<'_>, distribution: &Distribution) -> Result<DistributionAnswer, InsightError> {
    let scope = &distribution.scope;
    if distribution.ranks.iter().any(|rank| !(0.0..=1.0).contains(rank)) {
        return Err(InsightError::question("ranks", "a rank is 0 to 1"));
    }
    if !distribution.edges.is_sorted() {
        return Err(InsightError::question("edges", "must ascend"));
    }
    let people = context.people(scope)?;
    let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let compiled = Compiled::new(context.snapshot, &distribution.select)?;
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
            reader.select(segment, activity, compiled, &[column], within, postings);
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
            reader.select(segment, activity, compiled, &[], within, postings);
            postings.persons.iter().for_each(|&local| counts[usize::from(local)] += 1);
        }
        values.extend(counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count)));
    })?;
    Ok(states.into_iter().flat_map(|(values, ..)| values).collect())
}
