//! Two segments: sums and sums of squares of a number of each person.

use super::compile::Compiled;
use super::engine::Context;
use super::funnel;
use super::reader::{Need, Within};
use super::sum::Sum;
use crate::InsightError;
use crate::definition::{Compare, CompareAnswer, CompareCell, CompareOf, CompareSegment, Funnel, FunnelOrder};
use crate::projection::{ColumnKind, PersonSet, Postings, SEGMENT_PERSONS};

pub(super) fn answer(context: &Context<'_>, asked: &Compare) -> Result<CompareAnswer, InsightError> {
    let (alone, in_both) = groups(context, asked)?;
    let mut segments = Vec::new();
    for (named, people) in asked.segments.iter().zip(&alone) {
        let (sum, sum_of_squares) = sums(context, asked, people)?;
        segments.push(CompareSegment { name: named.name.clone(), people: people.len() as u64, sum, sum_of_squares });
    }
    Ok(CompareAnswer { segments, in_both: in_both.len() as u64 })
}

/// Who is in each group alone, and who in both.
fn groups(context: &Context<'_>, asked: &Compare) -> Result<([PersonSet; 2], PersonSet), InsightError> {
    let [first, second] = asked.segments.as_slice() else {
        return Err(InsightError::question("segments", "takes two"));
    };
    let groups = [context.people_and(&asked.scope, &first.cohort)?, context.people_and(&asked.scope, &second.cohort)?];
    let in_both: PersonSet = groups[0].iter().filter(|&person| groups[1].contains(person)).collect();
    let alone = groups.map(|group| group.iter().filter(|&person| !in_both.contains(person)).collect::<PersonSet>());
    Ok((alone, in_both))
}

/// Those of a segment alone, or of both.
pub(super) fn people(context: &Context<'_>, asked: &Compare, cell: &CompareCell) -> Result<PersonSet, InsightError> {
    let ([first, second], in_both) = groups(context, asked)?;
    match cell.segment {
        None => Ok(in_both),
        Some(0) => Ok(first),
        Some(1) => Ok(second),
        Some(_) => Err(InsightError::question("segment", "is 0 or 1")),
    }
}

fn sums(context: &Context<'_>, asked: &Compare, people: &PersonSet) -> Result<(f64, f64), InsightError> {
    let (select, property) = match &asked.of {
        CompareOf::Converts { steps, window_ms } => {
            let funnel = Funnel {
                scope: asked.scope.clone(),
                steps: steps.clone(),
                order: FunnelOrder::Ordered,
                window_ms: *window_ms,
                exclusions: Vec::new(),
                breakdown: None,
                cohorts: Vec::new(),
                trend: None,
                times: None,
            };
            let converted = funnel::people_among(context, &funnel, people.clone(), |level| level == steps.len())?;
            return Ok((converted.len() as f64, converted.len() as f64));
        }
        CompareOf::RowsPerPerson(select) => (select, None),
        CompareOf::SumPerPerson { select, property } => (select, Some(property)),
    };
    let kind = ColumnKind::Numbers;
    let column = property.map(|name| context.snapshot.dictionaries.column_of(name, kind)).transpose()?;
    let compiled = Compiled::new(context, select)?;
    let within = Within { span: (asked.scope.from_ms, asked.scope.until_ms), people: Some(people) };
    let none = Sum::default();
    let state = || (none, none, vec![none; SEGMENT_PERSONS], Postings::default());
    let states = context.each_segment(state, |(sum, squares, numbers, postings), reader, segment| {
        numbers.fill(none);
        for &activity in &compiled.activities {
            reader.select_with(Need::Span, segment, activity, &compiled, column.as_slice(), within, postings);
            for (row, &local) in postings.persons.iter().enumerate() {
                numbers[usize::from(local)].add(match postings.columns.first() {
                    Some(column) => column.number(row).unwrap_or(0.0),
                    None => 1.0,
                });
            }
        }
        for number in numbers.iter().map(|number| number.value()) {
            sum.add(number);
            squares.add(number * number);
        }
    })?;
    let (mut sum, mut sum_of_squares) = (none, none);
    for (of_thread, squares, ..) in states {
        sum.join(of_thread);
        sum_of_squares.join(squares);
    }
    Ok((sum.value(), sum_of_squares.value()))
}
