//! Groups of people as conditions on `person_id`.

use super::cells;
use super::funnel::Walk;
use super::rows::{bucket, list, member, people_of, quoted, selected, test, within};
use crate::definition::{Bucket, Cohort, Comparison, Part, Question, Test};

pub(super) fn cohort(asked: &Cohort) -> String {
    let join = |parts: &[Cohort], word: &str, none: &str| match parts {
        [] => none.to_owned(),
        parts => format!("({})", parts.iter().map(cohort).collect::<Vec<_>>().join(word)),
    };
    match asked {
        Cohort::All(parts) => join(parts, " AND ", "1"),
        Cohort::Any(parts) => join(parts, " OR ", "0"),
        Cohort::Not(part) => format!("NOT ({})", cohort(part)),
        Cohort::Did { select, from_ms, until_ms, at_least, at_most } => {
            let count = format!("countIf({} AND {})", within(*from_ms, *until_ms), selected(select));
            let most = at_most.map_or(String::new(), |most| format!(" AND {count} <= {most}"));
            grouped(&format!("{count} >= {at_least}{most}"), "1")
        }
        Cohort::DidOften { select, from_ms, until_ms, bucket: unit, zone, at_least, at_most } => {
            let rows = format!("{} AND {}", within(*from_ms, *until_ms), selected(select));
            let count = format!("uniqExact({})", bucket(*unit, zone, (*from_ms, *until_ms)));
            let most = at_most.map_or(String::new(), |most| format!(" AND {count} <= {most}"));
            grouped(&format!("{count} >= {at_least}{most}"), &rows)
        }
        Cohort::InCell(of) => format!("person_id IN ({})", cells::who(of).unwrap_or_else(|| "NULL".to_owned())),
        Cohort::Sequence { steps, window_ms, from_ms, until_ms } => {
            at_level(&Walk::ordered(steps, *window_ms), steps.len(), &within(*from_ms, *until_ms))
        }
        Cohort::Reached { funnel, level } => {
            let scope = &funnel.scope;
            let rows = format!("{} AND {}", within(scope.from_ms, scope.until_ms), people_of(scope));
            at_level(&Walk::of(funnel), *level, &rows)
        }
        Cohort::Person(comparison) => by_property(comparison),
        Cohort::Listed(ids) => format!("person_id IN {}", list(ids)),
        Cohort::Uploaded(name) => {
            format!("person_id IN (SELECT person_id FROM lists WHERE list = {})", quoted(name))
        }
        // Never said: see [`unsaid`].
        Cohort::Cohort(_) | Cohort::Lately(_) => "0".to_owned(),
    }
}

/// Why a part of a question cannot be said, if it cannot.
pub(super) fn unsaid(part: Part<'_>) -> Option<&'static str> {
    match part {
        Part::Cohort(Cohort::InCell(of)) if cells::who(of).is_none() => Some(super::NO_CELL),
        Part::Cohort(Cohort::InCell(of)) if super::has_hours_of_its_own(&Question::People(of.as_ref().clone())) => {
            Some(super::OWN_HOURS)
        }
        Part::Cohort(Cohort::DidOften { bucket: Bucket::Hour, zone, from_ms, until_ms, .. })
            if super::are_hours_others(zone, *from_ms, *until_ms) =>
        {
            Some(super::OWN_HOURS)
        }
        Part::Cohort(Cohort::Cohort(_)) => Some("it names a saved cohort whose definition is not known here"),
        Part::Cohort(Cohort::Lately(_)) => Some("a group of it has no span until it is asked at a moment"),
        Part::Sql(_) => {
            Some("a condition is an expression of SQL in this server's dialect, which ClickHouse reads otherwise")
        }
        _ => None,
    }
}

fn grouped(having: &str, rows: &str) -> String {
    format!("person_id IN (SELECT person_id FROM activity WHERE {rows} GROUP BY person_id HAVING {having})")
}

/// Who reached exactly this level.
fn at_level(walk: &Walk<'_>, level: usize, rows: &str) -> String {
    format!("person_id IN (SELECT person_id FROM ({}) WHERE level = {level})", walk.levels(rows))
}

pub(super) fn by_property(comparison: &Comparison) -> String {
    let met = test(&member("properties", &comparison.property), &comparison.test);
    // Who is not in the table has no properties.
    let missing_passes =
        |test: &Test| matches!(test, Test::NotSet | Test::IsNot(_) | Test::NotContains(_) | Test::NotRegex(_));
    match missing_passes(&comparison.test) {
        true => format!("person_id NOT IN (SELECT person_id FROM persons WHERE NOT ({met}))"),
        false => format!("person_id IN (SELECT person_id FROM persons WHERE {met})"),
    }
}
