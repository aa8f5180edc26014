//! The people of one number of a trend.

use super::cohort::each_set;
use super::compile::Compiled;
use super::engine::Context;
use super::order::bucket_of;
use super::reader::Within;
use super::trend_groups::Groups;
use super::trend_new;
use crate::InsightError;
use crate::definition::{Buckets, Label, Measure, NamedCohort, Scope, Trend, TrendCell};
use crate::projection::PersonSet;

pub(super) fn people(context: &Context<'_>, trend: &Trend, cell: &TrendCell) -> Result<PersonSet, InsightError> {
    let scope = if cell.previous { trend.scope.before()? } else { trend.scope.clone() };
    let missing = || InsightError::question("series", "the question has no such series");
    let series = trend.series.get(cell.series).ok_or_else(missing)?;
    let people = of_label(context, &scope, &trend.cohorts, &cell.label)?;
    let whole = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
    let mut within = whole;
    if let Some(time) = cell.bucket_ms {
        let buckets = Buckets::new(trend.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
        let bucket = bucket_of(&buckets, "bucket_ms", time)?;
        within.span = (buckets.starts()[bucket].max(scope.from_ms), buckets.end(bucket).min(scope.until_ms));
    }
    let new = match cell.measure.map(|place| series.measures.get(place)) {
        None => None,
        Some(None) => return Err(InsightError::question("measure", "the series has no such measure")),
        // They are new in the bucket, and their rows may be anywhere in the span.
        Some(Some(Measure::NewPeople)) => Some(std::mem::replace(&mut within, whole).span),
        Some(Some(_)) => None,
    };
    let compiled = Compiled::new(context, &series.select)?;
    let breakdown = trend.breakdown.as_ref().filter(|_| matches!(cell.label, Label::Values(_) | Label::Other));
    let groups = Groups::new(context, breakdown)?;
    let chosen = groups.choose(context, &compiled, whole, breakdown.map_or(0, |breakdown| breakdown.top))?;
    let group = match breakdown {
        None => Some(0),
        Some(_) => chosen.labels.iter().position(|label| *label == cell.label),
    };
    let Some(group) = group.filter(|_| breakdown.is_some() || !matches!(cell.label, Label::Values(_) | Label::Other))
    else {
        return Ok(PersonSet::default());
    };
    each_set(context, |reader, segment, set, (_, postings)| {
        let new = new.map(|span| trend_new::new_in(reader, segment, span));
        let is_new = |local: u16| new.as_ref().is_none_or(|new| new.contains(local));
        for &activity in &compiled.activities {
            reader.select(segment, activity, &compiled, &groups.columns, within, postings);
            groups.put(reader.snapshot, segment, postings);
            for (row, &local) in postings.persons.iter().enumerate() {
                let is_it = groups.is_empty() || groups.group(&chosen, &postings.columns, row) == group;
                if is_it && is_new(local) {
                    set.insert(local);
                }
            }
        }
    })
}

/// The people of a scope, of a label of cohorts only those in it.
pub(super) fn of_label(
    context: &Context<'_>,
    scope: &Scope,
    cohorts: &[NamedCohort],
    label: &Label,
) -> Result<Option<PersonSet>, InsightError> {
    match label {
        Label::Cohort(name) => match cohorts.iter().find(|named| named.name == *name) {
            Some(named) => context.people_and(scope, &named.cohort).map(Some),
            None => Err(InsightError::question("label", "the question has no cohort of this name")),
        },
        _ => context.people(scope),
    }
}
