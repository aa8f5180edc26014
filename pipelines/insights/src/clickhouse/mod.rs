//! The statement that gives a question's answer on ClickHouse, for those who want to check it there.
//!
//! It reads `activity` (person_id, event, timestamp as DateTime64(3), properties as JSON text, other columns as Nullable
//! texts; persons merged, each activity once) and `persons` (person_id, properties as JSON text).

mod people;
mod questions;
mod rows;
#[cfg(test)]
mod tests;

use crate::definition::Question;

/// The value of a member of JSON as text, as `->>` gives it.
const PRELUDE: &str = "WITH (json, key) -> multiIf(JSONType(json, key) = 'Null', NULL, JSONType(json, key) = 'String', \
JSONExtractString(json, key), JSONExtractRaw(json, key)) AS text_of\n";

/// The statement; several, with semicolons between, for several series. `None` where ClickHouse has no short way to say
/// it: unordered and strict funnels, exclusions, and steps that share an activity.
pub fn clickhouse_sql(question: &Question) -> Option<String> {
    let people = question.scope().and_then(|scope| scope.people.as_ref());
    let can_say = match question {
        Question::Funnel(asked) => people::can_say(asked),
        Question::Cohort(asked) => people::can_say_all(&asked.cohort),
        _ => true,
    };
    if !can_say || !people.is_none_or(people::can_say_all) {
        return None;
    }
    let statements = match question {
        Question::Trend(asked) => asked.series.iter().map(|series| questions::trend(asked, series)).collect(),
        Question::Funnel(asked) => vec![questions::funnel(asked)],
        Question::Retention(asked) => vec![questions::retention(asked)],
        Question::Paths(asked) => vec![questions::paths(asked)],
        Question::Lifecycle(asked) => vec![questions::lifecycle(asked)],
        Question::Stickiness(asked) => vec![questions::stickiness(asked)],
        Question::Sessions(asked) => vec![questions::sessions(asked)],
        Question::Cohort(asked) => vec![questions::cohort(asked)],
        Question::Distribution(asked) => vec![questions::distribution(asked)],
        Question::ActivePeople(asked) => vec![questions::active_people(asked)],
        Question::TimeBetween(asked) => vec![questions::time_between(asked)],
        Question::Ranking(asked) => vec![questions::ranking(asked)],
    };
    let statements: Vec<String> = statements.into_iter().map(|statement| format!("{PRELUDE}{statement}")).collect();
    Some(statements.join(";\n"))
}
