//! The statement that gives a question's answer on ClickHouse, for those who want to check it there.
//!
//! It reads `activity` (person_id, event, timestamp as DateTime64(3), properties as JSON text, other columns as Nullable
//! texts; persons merged, each activity once), `persons` (person_id, properties as JSON text), `groups` (type, key,
//! properties as JSON text) and `lists` (list, person_id): uploaded lists of people under the names that questions have.

mod cells;
mod compare;
mod correlation;
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

use jiff::Timestamp;

use crate::definition::{Bucket, Cohort, NamedCohort, PeopleOf, Question, Retention, zone};

/// The finite number that a text stands for, and the value of a member of JSON as text, as `->>` gives it.
const PRELUDE: &str = "WITH (value) -> if(isFinite(toFloat64OrNull(value)), toFloat64OrNull(value), NULL) AS number_of, \
(json, key) -> multiIf(JSONType(json, key) = 'Null', NULL, JSONType(json, key) = 'String', \
JSONExtractString(json, key), JSONExtractRaw(json, key)) AS text_of\n";

/// The statements, with semicolons between: one for each part of the answer, for each cohort of a breakdown the same. `None`
/// where [`clickhouse_unsaid`] says why.
pub fn clickhouse_sql(question: &Question) -> Option<String> {
    if clickhouse_unsaid(question).is_some() {
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
        Question::Correlation(asked) => correlation::correlation(asked),
        Question::People(asked) => cells::people_of_cell(asked)?,
        Question::Exposures(_) | Question::Activities(_) => return None,
    };
    let whole = |statement: String| {
        // Cells of places may be anywhere within; the setting stands at the end.
        let ending = if statement.contains("geoToH3(") { LATITUDE_FIRST } else { "" };
        format!("{PRELUDE}{statement}{ending}")
    };
    let statements: Vec<String> = statements.into_iter().map(whole).collect();
    Some(statements.join(SEPARATOR))
}

/// Why there is no statement for a question, in words for whoever asks; `None` where there is one.
pub fn clickhouse_unsaid(question: &Question) -> Option<&'static str> {
    let mut unsaid = match question {
        Question::Exposures(_) => Some("results of experiments have statements of their own"),
        Question::Activities(_) => Some("pages of activities are read from the table itself"),
        Question::People(asked) if cells::who(asked).is_none() => Some(NO_CELL),
        _ if has_hours_of_its_own(question) => Some(OWN_HOURS),
        _ => None,
    };
    question.each_part(&mut |part, _| unsaid = unsaid.or_else(|| people::unsaid(part)));
    unsaid
}

/// Whether a question is about hours that are not those that ClickHouse finds.
fn has_hours_of_its_own(question: &Question) -> bool {
    if let Question::People(of) = question {
        // The hour of these is said as a stretch of time.
        return !matches!(of, PeopleOf::Trend(_) | PeopleOf::Sessions(_)) && has_hours_of_its_own(&of.question());
    }
    let Some(scope) = question.scope().filter(|_| question.bucket() == Some(Bucket::Hour)) else { return false };
    // The span before, too.
    let before_ms = scope.before().map_or(scope.from_ms, |before| before.from_ms);
    are_hours_others(&scope.zone, before_ms, scope.until_ms)
}

/// Where a clock is changed by a part of an hour, the hours beside that are not those that ClickHouse finds; but of zones where
/// it is each year there is a statement that does.
fn are_hours_others(zone_name: &str, from_ms: i64, until_ms: i64) -> bool {
    if rows::has_half_hours(zone_name) {
        return false;
    }
    let (Ok(from), Ok(until)) = (Timestamp::from_millisecond(from_ms), Timestamp::from_millisecond(until_ms)) else {
        return false;
    };
    let Ok(zone) = zone(zone_name) else { return false };
    let mut seconds = zone.to_offset(from).seconds();
    let changes = zone.following(from).take_while(|change| change.timestamp() <= until);
    let mut by =
        changes.map(|change| change.offset().seconds() - std::mem::replace(&mut seconds, change.offset().seconds()));
    by.any(|by| by % 3_600 != 0)
}

const OWN_HOURS: &str = "hours around a change of this zone's clock are others there";

/// Why people of a number cannot be said.
const NO_CELL: &str = "a cell is none of its question's answer";

const SEPARATOR: &str = ";\n";

/// Else longitudes come first.
const LATITUDE_FIRST: &str = "\nSETTINGS geotoh3_argument_order = 'lat_lon'";

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
