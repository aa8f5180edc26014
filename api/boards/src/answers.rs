//! Asking what tiles and saved questions ask: the time is set, variables are bound, filters are joined in. Who answers is behind
//! [`Answers`], which `api/footfall` fills with the engines.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_access::View;
use footfall_api_http::Known;
use footfall_ingest_activity::Timestamp;
use footfall_pipelines_insights::definition::Question;
use jiff::ToSpan;
use serde_json::{Value, json};

use crate::document::{Asked, FROM, Filter, UNTIL, Values, insight_of, names_in, narrow};
use crate::error::BoardError;
use crate::zone::zone;

/// Most rows that a tile shows.
pub const TILE_ROWS_MAX: u64 = 5_000;

/// The answer to an insight.
#[derive(Debug, Clone, PartialEq)]
pub struct InsightAnswer {
    /// As `POST …/insights/{kind}` gives it.
    pub answer: Value,
    pub as_of: Timestamp,
    pub took_ms: f64,
}

/// In which format rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    Json,
    Csv,
    Parquet,
}

/// A statement with its values.
#[derive(Debug, Clone)]
pub struct SqlAsked {
    pub sql: String,
    pub params: Value,
    pub format: RowFormat,
    pub rows_max: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unanswered {
    #[error("{detail}")]
    Refused { code: String, detail: String, position: Option<(u64, u64)> },
    /// Insights are made of all rows, and the asker sees a part.
    #[error("the role sees a part of the activity only")]
    Restricted,
    #[error("{detail}")]
    Later { detail: String },
    /// The project's activity is read, for the first time or with another property.
    #[error("{detail}")]
    Preparing { detail: String, rows_done: u64, rows_all: u64 },
    #[error("{0}")]
    Failed(String),
}

/// The engines.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// Rows of a project as somebody sees them who sees this much.
    async fn sql(&self, project: &str, asked: SqlAsked, view: &View) -> Result<Vec<u8>, Unanswered>;

    async fn insight(&self, project: &str, question: &Question, view: &View) -> Result<InsightAnswer, Unanswered>;

    /// An insight that is asked by somebody who wants to know how far it is.
    async fn listened(&self, project: &str, question: &Question, view: &View) -> Result<Arc<dyn Listened>, Unanswered>;
}

/// An insight that somebody listens to.
#[async_trait]
pub trait Listened: Send + Sync + 'static {
    /// Asks; whoever drops this gives it up.
    async fn answer(&self) -> Result<InsightAnswer, Unanswered>;

    /// How far it is, and the answer for a part of the people that is larger than this share, if there is one.
    fn known(&self, share: f64) -> Known<Value>;
}

/// The time of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span<'a> {
    pub days: u32,
    pub zone: &'a str,
}

impl Span<'_> {
    /// Whole days of the zone that end with the one of `now`.
    pub fn at(&self, now: Timestamp) -> Result<(i64, i64), BoardError> {
        let wrong = |_| BoardError::Damaged("a time zone");
        let zone = zone(self.zone).ok_or(BoardError::Damaged("a time zone"))?;
        let now = jiff::Timestamp::from_millisecond(now.millis()).map_err(wrong)?.to_zoned(zone);
        let today = now.start_of_day().map_err(wrong)?;
        let until = today.checked_add(1.day()).and_then(|next| next.start_of_day()).map_err(wrong)?;
        let back = i64::from(self.days.max(1)) - 1;
        let from = today.checked_sub(back.days()).and_then(|first| first.start_of_day()).map_err(wrong)?;
        Ok((from.timestamp().as_millisecond(), until.timestamp().as_millisecond()))
    }
}

/// What is asked, ready for an engine.
#[derive(Debug)]
pub enum Ready {
    /// With the question as it was narrowed, for whoever draws; false where no filter applies.
    Insight {
        question: Box<Question>,
        shown: Value,
        is_filtered: bool,
    },
    Sql(SqlAsked),
}

impl Ready {
    /// The numbers of the span as a whole. Those of its days cannot be added: people come on several, and of averages,
    /// medians and shares there is no sum.
    pub fn into_numbers(self) -> Result<Ready, BoardError> {
        let Ready::Insight { mut question, is_filtered, .. } = self else { return Ok(self) };
        question.as_one_bucket();
        let shown = serde_json::to_value(&question).map_err(|_| BoardError::Damaged("a question"))?;
        Ok(Ready::Insight { question, shown, is_filtered })
    }
}

/// Sets the time, binds the values, joins the filters in.
pub fn ready(
    asked: Asked,
    (from, until): (i64, i64),
    zone: &str,
    values: &Values,
    filters: &[Filter],
    (format, rows_max): (RowFormat, u64),
) -> Result<Ready, BoardError> {
    match asked {
        Asked::Insight(mut insight) => {
            let conditions: Vec<Value> = filters.iter().filter_map(|filter| filter.condition(values)).collect();
            let is_filtered = narrow(&mut insight, &conditions);
            let refused = |detail| Unanswered::Refused { code: "insight_refused".to_owned(), detail, position: None };
            let question = insight_of(insight, from, until, zone).map_err(refused)?;
            let shown = serde_json::to_value(&question).map_err(|_| BoardError::Damaged("a question"))?;
            Ok(Ready::Insight { question: Box::new(question), shown, is_filtered })
        }
        Asked::Sql(sql) => {
            let time = |millis: i64| json!(Timestamp::from_millis(millis).to_rfc3339());
            let value = |name: &str| match name {
                FROM => time(from),
                UNTIL => time(until),
                other => values.get(other).cloned().unwrap_or(Value::Null),
            };
            let params: Values = names_in(&sql).into_iter().map(|name| (name.clone(), value(&name))).collect();
            Ok(Ready::Sql(SqlAsked { sql, params: Value::Object(params), format, rows_max }))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn days_are_those_of_the_zone() {
        // 2026-03-29 has 23 hours in Berlin.
        let now = Timestamp::from_millis("2026-03-29T10:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let (from, until) = Span { days: 1, zone: "Europe/Berlin" }.at(now).unwrap();
        assert_eq!(until - from, 23 * 3_600_000);
        let (from, until) = Span { days: 7, zone: "UTC" }.at(now).unwrap();
        assert_eq!(until - from, 7 * 86_400_000);
    }

    #[test]
    fn numbers_are_asked_of_the_whole_span() {
        let asked = |insight: Value| {
            let ready = ready(Asked::Insight(insight), (0, 10), "UTC", &Values::new(), &[], (RowFormat::Json, 10));
            match ready.unwrap().into_numbers().unwrap() {
                Ready::Insight { question, shown, .. } => {
                    assert_eq!(serde_json::to_value(&question).unwrap(), shown);
                    shown
                }
                Ready::Sql(_) => panic!("an insight"),
            }
        };
        let series = json!([{"select": {}, "measures": ["people"]}]);
        let trend = asked(json!({"question": "trend", "bucket": "day", "running": "sum", "series": series}));
        assert_eq!((&trend["bucket"], trend.get("running")), (&json!("whole"), None));
        let sessions = asked(json!({"question": "sessions", "bucket": "week"}));
        assert_eq!(sessions["bucket"], "whole");
        let retention =
            json!({"question": "retention", "bucket": "week", "kind": "recurring", "start": {}, "returning": {}});
        assert_eq!(asked(retention)["bucket"], "week", "is no number");
    }

    #[test]
    fn sql_is_given_the_values_it_names() {
        let values = Values::from_iter([("plan".to_owned(), json!("pro' OR 1=1")), ("other".to_owned(), json!(1))]);
        let asked = Asked::Sql("SELECT $plan, $from".to_owned());
        let Ready::Sql(ready) = ready(asked, (0, 1), "UTC", &values, &[], (RowFormat::Json, 10)).unwrap() else {
            panic!("SQL")
        };
        assert_eq!(ready.sql, "SELECT $plan, $from", "nothing is spliced");
        assert_eq!(ready.params, json!({"plan": "pro' OR 1=1", "from": "1970-01-01T00:00:00.000Z"}));
    }
}
