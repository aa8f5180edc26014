//! Active people: each day of presence opens 1, 7 and 30 days in which the person counts; overlaps count once.

use super::compile::Compiled;
use super::engine::Context;
use super::order::bucket_of;
use super::presence::{self, Presence, each_bit};
use super::reader::Within;
use crate::InsightError;
use crate::definition::{ActiveDay, ActivePeople, ActivePeopleAnswer, ActivePeopleCell, ActivePeriod, Bucket, Buckets};
use crate::projection::{PersonSet, Postings};

const WEEK: usize = 7;
pub(super) const MONTH: usize = 30;

pub(super) fn answer(context: &Context<'_>, active: &ActivePeople) -> Result<ActivePeopleAnswer, InsightError> {
    let scope = &active.scope;
    let buckets = Buckets::new(Bucket::Day, &scope.zone, scope.from_ms, scope.until_ms, MONTH - 1)?;
    let people = context.people(scope)?;
    let within = Within { span: (buckets.from_ms(), buckets.until_ms()), people: people.as_ref() };
    let compiled = Compiled::new(context, &active.select)?;
    let n = buckets.len();
    // For each length the number of people who begin to count on a day, less those who cease.
    let state = || (Presence::new(n), [vec![0i64; n + 1], vec![0i64; n + 1], vec![0i64; n + 1]], Postings::default());
    let states = context.each_segment(state, |(presence, changes, postings), reader, segment| {
        presence.fill(reader, segment, &compiled, &buckets, within, postings);
        for (_, bits) in presence.people() {
            for (changes, length) in changes.iter_mut().zip([1, WEEK, MONTH]) {
                let mut counted_until = 0;
                each_bit(bits, |day| {
                    let end = (day + length).min(n);
                    if day >= counted_until {
                        changes[day] += 1;
                    } else {
                        changes[counted_until] += 1;
                    }
                    changes[end] -= 1;
                    counted_until = end;
                });
            }
        }
    })?;
    let sums: Vec<Vec<u64>> = (0..3)
        .map(|length| {
            let change = |day: usize| states.iter().map(|(_, changes, _)| changes[length][day]).sum::<i64>();
            let running = (0..n).scan(0i64, |sum, day| {
                *sum += change(day);
                Some(*sum as u64)
            });
            running.collect()
        })
        .collect();
    let day = |index: usize| ActiveDay::new(buckets.starts()[index], sums[0][index], sums[1][index], sums[2][index]);
    Ok(ActivePeopleAnswer { days: (MONTH - 1..n).map(day).collect() })
}

/// The day of a number, among all with those before the span.
pub(super) fn day_of(days: &Buckets, cell: &ActivePeopleCell) -> Result<usize, InsightError> {
    let day = bucket_of(days, "day_ms", cell.day_ms)?;
    // Of those before the span not all 30 days are there, and no number is told.
    if day + 1 < MONTH {
        return Err(InsightError::question("day_ms", "lies before the question's span"));
    }
    Ok(day)
}

/// People of a period that ends with a day.
pub(super) fn people(
    context: &Context<'_>,
    active: &ActivePeople,
    cell: &ActivePeopleCell,
) -> Result<PersonSet, InsightError> {
    let scope = &active.scope;
    let buckets = Buckets::new(Bucket::Day, &scope.zone, scope.from_ms, scope.until_ms, MONTH - 1)?;
    let day = day_of(&buckets, cell)?;
    let length = match cell.period {
        ActivePeriod::Day => 1,
        ActivePeriod::Week => WEEK,
        ActivePeriod::Month => MONTH,
    };
    let people = context.people(scope)?;
    let within = Within {
        span: (buckets.starts()[(day + 1).saturating_sub(length)], buckets.end(day)),
        people: people.as_ref(),
    };
    let compiled = Compiled::new(context, &active.select)?;
    presence::people(context, &compiled, &buckets, within, |_| true)
}
