//! The people of one number of an answer, and a page of their ids.

use super::engine::Context;
use super::{
    active, cohort, compare, correlation, distribution, funnel_groups, lifecycle, paths, places, ranking, retention,
    sessions, stickiness, time_between, trend_people,
};
use crate::InsightError;
use crate::definition::{PeopleAnswer, PeopleOf};
use crate::projection::PersonSet;

pub(super) fn answer(context: &Context<'_>, asked: &PeopleOf) -> Result<PeopleAnswer, InsightError> {
    let found = find(context, asked)?;
    let (limit, after) = asked.page();
    let (listed, is_more) = context.snapshot.ids_after(&found, limit, after);
    let next = if is_more { listed.last().cloned() } else { None };
    Ok(PeopleAnswer { people: found.len() as u64, listed, next })
}

/// The people themselves.
pub(super) fn find(context: &Context<'_>, asked: &PeopleOf) -> Result<PersonSet, InsightError> {
    match asked {
        PeopleOf::Trend(asked) => trend_people::people(context, &asked.question, &asked.cell),
        PeopleOf::Funnel(asked) => funnel_groups::people_of(context, &asked.question, &asked.cell),
        PeopleOf::Retention(asked) => retention::people(context, &asked.question, &asked.cell),
        PeopleOf::Paths(asked) => paths::people(context, &asked.question, &asked.cell),
        PeopleOf::Lifecycle(asked) => lifecycle::people(context, &asked.question, &asked.cell),
        PeopleOf::Stickiness(asked) => stickiness::people(context, &asked.question, &asked.cell),
        PeopleOf::Sessions(asked) => sessions::people(context, &asked.question, &asked.cell),
        PeopleOf::Cohort(asked) => cohort::people(context, &asked.question.cohort),
        PeopleOf::Distribution(asked) => distribution::people(context, &asked.question, &asked.cell),
        PeopleOf::ActivePeople(asked) => active::people(context, &asked.question, &asked.cell),
        PeopleOf::TimeBetween(asked) => time_between::people(context, &asked.question, &asked.cell),
        PeopleOf::Places(asked) => places::people(context, &asked.question, &asked.cell),
        PeopleOf::Ranking(asked) => ranking::people(context, &asked.question, &asked.cell),
        PeopleOf::Correlation(asked) => correlation::people(context, &asked.question, &asked.cell),
        PeopleOf::Compare(asked) => compare::people(context, &asked.question, &asked.cell),
    }
}
