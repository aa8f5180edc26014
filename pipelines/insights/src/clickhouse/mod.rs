//! The statement that gives a question's answer on ClickHouse, for those who want to check it there.
//!
//! It reads `activity` (person_id, event, timestamp as DateTime64(3), properties as JSON text, other columns as Nullable
//! texts; persons merged, each activity once) and `persons` (person_id, properties as JSON text).

mod people;
mod questions;
pub(crate) mod rows;
mod sessions;
#[cfg(test)]
mod tests;

use crate::definition::{Anchor, Bucket, Cohort, Measure, NamedCohort, Question};

/// The value of a member of JSON as text, as `->>` gives it.
const PRELUDE: &str = "WITH (json, key) -> multiIf(JSONType(json, key) = 'Null', NULL, JSONType(json, key) = 'String', \
JSONExtractString(json, key), JSONExtractRaw(json, key)) AS text_of\n";

/// The statement; several, with semicolons between, for several series or cohorts. `None` where ClickHouse has no short
/// way to say it: docs/insights/README.md has the list.
pub fn clickhouse_sql(question: &Question) -> Option<String> {
    let mut can_say = can_say(question);
    let is_of_sessions = matches!(question, Question::Sessions(_));
    question.each_part(&mut |part, _| can_say &= people::can_say_part(part, is_of_sessions));
    if !can_say {
        return None;
    }
    let of_cohorts = each_cohort(question);
    if !of_cohorts.is_empty() {
        let statements: Option<Vec<String>> = of_cohorts.iter().map(clickhouse_sql).collect();
        return statements.map(|statements| statements.join(";\n"));
    }
    let statements = match question {
        Question::Trend(asked) => asked.series.iter().map(|series| questions::trend(asked, series)).collect(),
        Question::Funnel(asked) => vec![questions::funnel(asked)],
        Question::Retention(asked) => vec![questions::retention(asked)],
        Question::Paths(asked) => vec![questions::paths(asked)],
        Question::Lifecycle(asked) => vec![questions::lifecycle(asked)],
        Question::Stickiness(asked) => vec![questions::stickiness(asked)],
        Question::Sessions(asked) => vec![sessions::sessions(asked)],
        Question::Cohort(asked) => vec![questions::cohort(asked)],
        Question::Distribution(asked) => vec![questions::distribution(asked)],
        Question::ActivePeople(asked) => vec![questions::active_people(asked)],
        Question::TimeBetween(asked) => vec![questions::time_between(asked)],
        Question::Ranking(asked) => vec![questions::ranking(asked)],
        Question::Places(asked) => vec![questions::places(asked)],
        Question::Correlation(_) | Question::Compare(_) | Question::People(_) | Question::Exposures(_) => return None,
    };
    let statements: Vec<String> = statements.into_iter().map(|statement| format!("{PRELUDE}{statement}")).collect();
    Some(statements.join(";\n"))
}

/// Whether the kind's own parts can be said.
fn can_say(question: &Question) -> bool {
    if question.bucket() == Some(Bucket::Whole) {
        return false;
    }
    match question {
        Question::Funnel(asked) => {
            asked.trend.is_none()
                && asked.times.is_none()
                && asked.breakdown.as_ref().is_none_or(|breakdown| breakdown.top.is_none())
        }
        Question::Trend(asked) => {
            let mut measures = asked.series.iter().flat_map(|series| &series.measures);
            !measures.any(|measure| matches!(measure, Measure::PerPerson { .. }))
        }
        Question::Retention(asked) => asked.breakdown.is_none(),
        Question::Paths(asked) => {
            !asked.shorter && asked.names.is_empty() && matches!(asked.anchor, Anchor::After(_) | Anchor::Before(_))
        }
        Question::Correlation(_) | Question::Compare(_) | Question::People(_) | Question::Exposures(_) => false,
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
    cohorts.iter().map(alone).collect()
}
