//! The statement that gives a question's answer on ClickHouse, for those who want to check it there.
//!
//! It reads `activity` (person_id, event, timestamp as DateTime64(3), properties as JSON text, other columns as Nullable
//! texts; persons merged, each activity once), `persons` (person_id, properties as JSON text) and `groups` (type, key,
//! properties as JSON text).

mod cells;
mod compare;
mod funnel;
mod paths;
mod people;
mod places;
mod questions;
mod retention;
pub(crate) mod rows;
mod sessions;
#[cfg(test)]
mod tests;
mod trend;

use crate::definition::{Bucket, Cohort, Measure, NamedCohort, Question, Retention};

/// The value of a member of JSON as text, as `->>` gives it.
const PRELUDE: &str = "WITH (json, key) -> multiIf(JSONType(json, key) = 'Null', NULL, JSONType(json, key) = 'String', \
JSONExtractString(json, key), JSONExtractRaw(json, key)) AS text_of\n";

/// The statements, with semicolons between: one for each part of the answer, for each cohort of a breakdown the same. `None`
/// where ClickHouse has no short way to say it: docs/insights/README.md has the list.
pub fn clickhouse_sql(question: &Question) -> Option<String> {
    let mut can_say = can_say(question);
    question.each_part(&mut |part, _| can_say &= people::can_say_part(part));
    if !can_say {
        return None;
    }
    let of_cohorts = each_cohort(question);
    if !of_cohorts.is_empty() {
        let statements: Option<Vec<String>> = of_cohorts.iter().map(clickhouse_sql).collect();
        return statements.map(|statements| statements.join(SEPARATOR));
    }
    let statements = match question {
        Question::Trend(asked) => trend::trend(asked),
        Question::Funnel(asked) => funnel::funnel(asked),
        Question::Retention(asked) => retention::retention(asked),
        Question::Paths(asked) => paths::paths(asked),
        Question::Lifecycle(asked) => vec![questions::lifecycle(asked)],
        Question::Stickiness(asked) => vec![questions::stickiness(asked)],
        Question::Sessions(asked) => sessions::sessions(asked),
        Question::Cohort(asked) => questions::cohort(asked),
        Question::Distribution(asked) => vec![questions::distribution(asked)],
        Question::ActivePeople(asked) => vec![questions::active_people(asked)],
        Question::TimeBetween(asked) => vec![questions::time_between(asked)],
        Question::Ranking(asked) => vec![questions::ranking(asked)],
        Question::Places(asked) => places::places(asked),
        Question::Compare(asked) => compare::compare(asked),
        Question::People(asked) => cells::people_of_cell(asked)?,
        Question::Correlation(_) | Question::Exposures(_) | Question::Activities(_) => return None,
    };
    let statements: Vec<String> = statements.into_iter().map(|statement| format!("{PRELUDE}{statement}")).collect();
    Some(statements.join(SEPARATOR))
}

const SEPARATOR: &str = ";\n";

/// Whether the kind's own parts can be said.
fn can_say(question: &Question) -> bool {
    if question.bucket() == Some(Bucket::Whole) {
        return false;
    }
    match question {
        // How many hours lie between two is counted in sixties there.
        Question::Retention(asked) => !(asked.bucket == Bucket::Hour && rows::has_half_hours(&asked.scope.zone)),
        // Of what is before the span nothing is read there.
        Question::Trend(asked) => !asked.series.iter().any(|series| series.measures.contains(&Measure::NewPeople)),
        Question::Correlation(_) | Question::Exposures(_) | Question::Activities(_) => false,
        _ => true,
    }
}

/// The question of each of its cohorts alone.
fn each_cohort(question: &Question) -> Vec<Question> {
    let cohorts = match question {
        Question::Trend(asked) => &asked.cohorts,
        Question::Funnel(asked) => &asked.cohorts,
        Question::Retention(asked) => &asked.cohorts,
        _ => return Vec::new(),
    };
    if cohorts.is_empty() {
        return Vec::new();
    }
    // Of retention everybody comes first.
    let everybody = match question {
        Question::Retention(asked) => Some(Question::Retention(Retention { cohorts: Vec::new(), ..asked.clone() })),
        _ => None,
    };
    let alone = |named: &NamedCohort| {
        let mut question = question.clone();
        let (scope, cohorts) = match &mut question {
            Question::Trend(asked) => (&mut asked.scope, &mut asked.cohorts),
            Question::Funnel(asked) => (&mut asked.scope, &mut asked.cohorts),
            Question::Retention(asked) => (&mut asked.scope, &mut asked.cohorts),
            _ => return question,
        };
        cohorts.clear();
        scope.people = Some(Cohort::All(scope.people.take().into_iter().chain([named.cohort.clone()]).collect()));
        question
    };
    everybody.into_iter().chain(cohorts.iter().map(alone)).collect()
}
