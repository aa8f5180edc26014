//! Groups of people as conditions on `person_id`.

use super::rows::{MS, bucket, list, member, people_of, selected, test, within};
use crate::definition::{By, ByOf, Cohort, Comparison, Funnel, FunnelOrder, Part, Selector, Test};

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
            let count = format!("uniqExact({})", bucket(*unit, zone));
            let most = at_most.map_or(String::new(), |most| format!(" AND {count} <= {most}"));
            grouped(&format!("{count} >= {at_least}{most}"), &rows)
        }
        // Said by nobody: `can_say_part` refuses it.
        Cohort::InCell(_) => "0".to_owned(),
        Cohort::Sequence { steps, window_ms, from_ms, until_ms } => {
            let level = window_funnel(*window_ms, steps);
            grouped(&format!("{level} = {}", steps.len()), &within(*from_ms, *until_ms))
        }
        Cohort::Reached { funnel, level } => {
            let scope = &funnel.scope;
            let rows = format!("{} AND {}", within(scope.from_ms, scope.until_ms), people_of(scope));
            grouped(&format!("{} = {level}", window_funnel(funnel.window_ms, &funnel.steps)), &rows)
        }
        Cohort::Person(comparison) => by_property(comparison),
        Cohort::Listed(ids) => format!("person_id IN {}", list(ids)),
        // Never said: see [`can_say_all`].
        Cohort::Uploaded(_) | Cohort::Cohort(_) => "0".to_owned(),
    }
}

/// Whether `windowFunnel` says the same as a funnel.
fn can_say(funnel: &Funnel) -> bool {
    funnel.order == FunnelOrder::Ordered && funnel.exclusions.is_empty() && !steps_overlap(&funnel.steps)
}

/// Whether a part of a question can be said.
pub(super) fn can_say_part(part: Part<'_>, is_of_sessions: bool) -> bool {
    match part {
        Part::Funnel(funnel) => can_say(funnel),
        Part::Cohort(Cohort::Sequence { steps, .. }) => !steps_overlap(steps),
        Part::Cohort(Cohort::InCell(_) | Cohort::Uploaded(_) | Cohort::Cohort(_)) => false,
        // What groups are is said in calls, not in a table; expressions are of our dialect.
        Part::Group(comparison) => comparison.property.is_none(),
        Part::Sql(_) => false,
        // Of sessions only a question about them has them at hand.
        Part::By(By::Of(ByOf::Session(_))) => is_of_sessions,
        Part::By(By::Of(ByOf::Group(by))) => by.property.is_none(),
        _ => true,
    }
}

/// Whether a row could be of two steps.
fn steps_overlap(steps: &[Selector]) -> bool {
    let any = steps.iter().any(|step| step.activities.is_empty());
    let mut names: Vec<&String> = steps.iter().flat_map(|step| &step.activities).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    (any && steps.len() > 1) || names.len() < count
}

fn grouped(having: &str, rows: &str) -> String {
    format!("person_id IN (SELECT person_id FROM activity WHERE {rows} GROUP BY person_id HAVING {having})")
}

pub(super) fn window_funnel(window_ms: i64, steps: &[Selector]) -> String {
    let steps: Vec<String> = steps.iter().map(selected).collect();
    format!("windowFunnel({window_ms})(toUInt64({MS}), {})", steps.join(", "))
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
