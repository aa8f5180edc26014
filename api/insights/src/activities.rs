//! `POST …/insights/{kind}/activities`: the rows behind a number, the newest first, each as it stands in the table. Which
//! they are says the engine that counted them; what they hold, SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{JsonBody, Path, Problem, Query, Route, Routes, Time, Told, post, signed_in};
use footfall_ingest_activity::Timestamp;
use footfall_pipelines_insights::definition::{
    self, ActivitiesAnswer, ActivitiesOf, ActivityPlace, Answer, CountedActivity, CountedColumn, Question,
};
use footfall_pipelines_insights_feed::column_sql;
use footfall_pipelines_store::query::{Engine, Format, QueryError, Question as Statement, encode};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::Insight;
use crate::cohorts;
use crate::desk::Desk;
use crate::problem::{RAISED, TOO_LONG, TOO_MANY};
use crate::routes::{BODY_BYTES_MAX, COST, InsightLimits, InsightPlace};

/// Rows of the same people and moments that are looked at for a page; a page is at most 1,000.
const ROWS_MAX: u64 = 200_000;

/// How many there are, and a page of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ActivitiesBehind")]
pub(crate) struct Activities {
    /// All of them, whatever is listed: where the number counts activities, that number.
    pub activities: u64,
    /// The newest first.
    pub listed: Vec<ListedActivity>,
    /// `after` of the next page, if there is one.
    pub next: Option<NextActivities>,
}

/// Where a page ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NextActivities {
    pub time_ms: i64,
    pub person_id: String,
    pub activity: String,
    /// So many of just these were listed.
    pub listed: usize,
}

impl From<ActivityPlace> for NextActivities {
    fn from(place: ActivityPlace) -> NextActivities {
        let ActivityPlace { time_ms, person_id, activity, listed } = place;
        NextActivities { time_ms, person_id, activity, listed }
    }
}

/// A row of `activity`. Of one that has been erased since it was counted only who, when and what is told.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListedActivity {
    pub timestamp: Time,
    pub event: String,
    pub person_id: String,
    pub message_id: Option<String>,
    pub distinct_id: Option<String>,
    pub properties: Option<BTreeMap<String, Value>>,
    pub country: Option<String>,
    pub city: Option<String>,
    pub os: Option<String>,
    pub app_version: Option<String>,
}

macro_rules! activities {
    ($($of_project:ident $of_key:ident $kind:literal $body:ident, $about:literal;)+) => {
        /// The routes of the kinds whose numbers have activities.
        pub fn routes() -> Routes<Desk, May> {
            let reason = "The handler asks the policy for the project of the key.";
            let asking = |route: Route<Desk, May>| {
                let raised = RAISED.iter().chain(cohorts::RAISED_OF_BODIES).copied();
                route.cost(COST).body_bytes_max(BODY_BYTES_MAX).raises(raised)
            };
            Routes::new("activities", "The activities behind numbers of insights.", [$(
                asking(post(concat!("/v1/insights/", $kind, "/activities"), signed_in(reason), $of_key, $about)),
                asking(post(
                    concat!("/v1/projects/{project}/insights/", $kind, "/activities"),
                    May(Permission::InsightsRead),
                    $of_project,
                    $about,
                )),
            )+])
        }

        $(async fn $of_key(
            State(desk): State<Desk>,
            Extension(member): Extension<Member>,
            whence: Whence,
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$body>,
        ) -> Result<Told<Insight<Activities>>, Problem> {
            answer(&desk, &member, &whence, None, body.into(), limits).await
        }

        async fn $of_project(
            State(desk): State<Desk>,
            Extension(member): Extension<Member>,
            whence: Whence,
            Path(place): Path<InsightPlace>,
            Query(limits): Query<InsightLimits>,
            JsonBody(body): JsonBody<definition::$body>,
        ) -> Result<Told<Insight<Activities>>, Problem> {
            answer(&desk, &member, &whence, Some(&place.project), body.into(), limits).await
        })+
    };
}

activities! {
    trend trend_of_key "trend" TrendActivities, "The activities of one number of a trend.";
    retention retention_of_key "retention" RetentionActivities, "What people started or returned with.";
    lifecycle lifecycle_of_key "lifecycle" LifecycleActivities, "What people of a standing did.";
    stickiness stickiness_of_key "stickiness" StickinessActivities, "What people did on so many days.";
    distribution distribution_of_key "distribution" DistributionActivities, "Activities with a value in a bin.";
    active_people active_people_of_key "active_people" ActivePeopleActivities, "What people did in a period.";
    places places_of_key "places" PlacesActivities, "Activities in a place.";
    ranking ranking_of_key "ranking" RankingActivities, "The activities of a row.";
}

async fn answer(
    desk: &Desk,
    member: &Member,
    whence: &Whence,
    named: Option<&str>,
    of: ActivitiesOf,
    limits: InsightLimits,
) -> Result<Told<Insight<Activities>>, Problem> {
    let asking = desk.asking(member, whence, named, Question::Activities(of), limits.into()).await?;
    desk.admit_to_rows(member, whence, &asking.project).await?;
    let answered = asking.answer().await?;
    let Answer::Activities(found) = &answered.answer else {
        return Err(Problem::internal("an answer of another kind"));
    };
    let rows = match found.listed.is_empty() {
        true => Vec::new(),
        false => rows_of(&desk.engine, &asking.project, found).await.map_err(unread)?,
    };
    let activities = Activities {
        activities: found.activities,
        listed: joined(found, rows),
        next: found.next.clone().map(Into::into),
    };
    Ok(Told(Insight::new(activities, &answered, &asking.question)))
}

fn unread(error: QueryError) -> Problem {
    match error {
        QueryError::Busy { .. } => Problem::retry(&TOO_MANY, Duration::from_secs(1)),
        QueryError::TimeLimit { .. } => Problem::retry(&TOO_LONG, Duration::from_secs(5)).detail(error.to_string()),
        error => Problem::internal(error),
    }
}

/// A row as the statement gives it; behind its own columns those that the question looked at.
#[derive(Debug, Clone)]
struct Row {
    time_ms: i64,
    /// Person, event, message, distinct id, properties, country, city, os, version.
    texts: [Option<String>; 9],
    values: Vec<Option<String>>,
}

const COLUMNS: &str = "person_id, event, message_id, distinct_id, properties, country, city, os, app_version";

/// All rows of the people and moments of a page.
async fn rows_of(engine: &Engine, project: &str, found: &ActivitiesAnswer) -> Result<Vec<Row>, QueryError> {
    let statement = statement(found);
    let mut question = Statement::new(statement.0).with_params(statement.1);
    question.limits.rows_max = Some(ROWS_MAX);
    let mut pieces = encode(engine.query(project, question).await?, Format::Json).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    #[derive(Deserialize)]
    struct Told {
        rows: Vec<Vec<Value>>,
    }
    let told: Told = serde_json::from_slice(&bytes).map_err(|_| QueryError::Internal)?;
    Ok(told.rows.into_iter().filter_map(row).collect())
}

fn row(cells: Vec<Value>) -> Option<Row> {
    let text = |cell: Value| match cell {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let mut cells = cells.into_iter();
    let time_ms = cells.next()?.as_i64()?;
    let mut texts: [Option<String>; 9] = Default::default();
    texts.iter_mut().for_each(|place| *place = cells.next().and_then(text));
    Some(Row { time_ms, texts, values: cells.map(text).collect() })
}

/// The statement, and its parameters.
fn statement(found: &ActivitiesAnswer) -> (String, Value) {
    let times: BTreeSet<i64> = found.listed.iter().map(|one| one.time_ms).collect();
    let people: BTreeSet<&str> = found.listed.iter().map(|one| one.person.as_str()).collect();
    let events: BTreeSet<&str> = found.listed.iter().map(|one| one.activity.as_str()).collect();
    let time = |millis: Option<&i64>| Timestamp::from_millis(millis.copied().unwrap_or_default()).to_rfc3339();
    let mut params = json!({"first": time(times.first()), "last": time(times.last())});
    let mut named = |letter: char, texts: &BTreeSet<&str>| {
        let name = |(place, text): (usize, &&str)| {
            params[format!("{letter}{place}")] = json!(text);
            format!("${letter}{place}")
        };
        texts.iter().enumerate().map(name).collect::<Vec<_>>().join(", ")
    };
    let (people, events) = (named('p', &people), named('e', &events));
    let times: Vec<String> = times.iter().map(i64::to_string).collect();
    let values = found.columns.iter().enumerate();
    let value = |(place, column): (usize, &CountedColumn)| format!(", {} AS v{place}", column_sql(&column.name));
    let values: String = values.map(value).collect();
    let sql = format!(
        "SELECT CAST(timestamp AS BIGINT) AS ms, {COLUMNS}{values} FROM activity \
         WHERE timestamp >= $first AND timestamp <= $last AND CAST(timestamp AS BIGINT) IN ({}) \
         AND person_id IN ({people}) AND event IN ({events}) ORDER BY message_id",
        times.join(", ")
    );
    (sql, params)
}

/// What was counted with what it holds. Of several of one person, moment and name those are meant that the question took:
/// the values that it looked at tell them apart.
fn joined(found: &ActivitiesAnswer, rows: Vec<Row>) -> Vec<ListedActivity> {
    let mut by_key: BTreeMap<(i64, &str, &str), Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        let [Some(person), Some(event), ..] = &row.texts else { continue };
        by_key.entry((row.time_ms, person, event)).or_default().push(row);
    }
    let listed = |one: &CountedActivity| {
        let same = by_key.get(&(one.time_ms, one.person.as_str(), one.activity.as_str()));
        let mut taken = same.into_iter().flatten().filter(|row| is_same(&found.columns, &row.values, &one.values));
        told(one, taken.nth(one.nth).copied())
    };
    found.listed.iter().map(listed).collect()
}

/// Whether values are those that a projection kept: of columns of numbers what they are, not how they are written.
fn is_same(columns: &[CountedColumn], values: &[Option<String>], kept: &[Option<String>]) -> bool {
    let number = |text: &Option<String>| {
        text.as_ref().and_then(|text| text.parse::<f64>().ok()).filter(|number| !number.is_nan())
    };
    let same = |((column, value), kept): ((&CountedColumn, &Option<String>), &Option<String>)| match column.is_number {
        true => number(value) == number(kept),
        false => value == kept,
    };
    columns.iter().zip(values).zip(kept).all(same)
}

fn told(one: &CountedActivity, row: Option<&Row>) -> ListedActivity {
    let text = |place: usize| row.and_then(|row| row.texts[place].clone());
    ListedActivity {
        timestamp: Timestamp::from_millis(one.time_ms).into(),
        event: one.activity.clone(),
        person_id: one.person.clone(),
        message_id: text(2),
        distinct_id: text(3),
        properties: text(4).and_then(|text| serde_json::from_str(&text).ok()),
        country: text(5),
        city: text(6),
        os: text(7),
        app_version: text(8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(columns: &[(&str, bool)], values: &[Option<&str>], nth: usize) -> ActivitiesAnswer {
        let text = |text: &Option<&str>| text.map(str::to_owned);
        let one = CountedActivity {
            time_ms: 1,
            person: "p".to_owned(),
            activity: "buy".to_owned(),
            nth,
            values: values.iter().map(text).collect(),
        };
        let column = |&(name, is_number): &(&str, bool)| CountedColumn { name: name.to_owned(), is_number };
        ActivitiesAnswer { activities: 2, columns: columns.iter().map(column).collect(), listed: vec![one], next: None }
    }

    fn row_of(message: &str, values: &[Option<&str>]) -> Row {
        let mut texts: [Option<String>; 9] = Default::default();
        for (place, text) in ["p", "buy", message].into_iter().enumerate() {
            texts[place] = Some(text.to_owned());
        }
        Row { time_ms: 1, texts, values: values.iter().map(|text| text.map(str::to_owned)).collect() }
    }

    #[test]
    fn of_one_moment_those_are_told_that_were_counted() {
        let message = |found: &ActivitiesAnswer, rows| joined(found, rows)[0].message_id.clone();
        let rows = || vec![row_of("m1", &[Some("free")]), row_of("m2", &[Some("pro")]), row_of("m3", &[Some("pro")])];
        assert_eq!(message(&found(&[("plan", false)], &[Some("pro")], 0), rows()).as_deref(), Some("m2"));
        assert_eq!(message(&found(&[("plan", false)], &[Some("pro")], 1), rows()).as_deref(), Some("m3"));
        assert_eq!(message(&found(&[("plan", false)], &[None], 0), rows()), None, "it was erased");
        let rows = || vec![row_of("m1", &[Some("many")]), row_of("m2", &[Some("4.50")])];
        assert_eq!(message(&found(&[("price", true)], &[Some("4.5")], 0), rows()).as_deref(), Some("m2"));
        assert_eq!(message(&found(&[("price", true)], &[None], 0), rows()).as_deref(), Some("m1"), "is no number");
    }

    #[test]
    fn texts_are_bound() {
        let mut asked = found(&[("it's", false)], &[None], 0);
        asked.listed[0].activity = "x' OR 1=1".to_owned();
        let (sql, params) = statement(&asked);
        assert!(sql.contains("event IN ($e0)") && sql.contains("properties->>'it''s' AS v0"), "{sql}");
        assert_eq!(params["e0"], "x' OR 1=1");
    }
}
