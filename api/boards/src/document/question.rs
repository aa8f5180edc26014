//! Questions that are kept: an insight without its time, or SQL with typed parameters.

use footfall_pipelines_insights::definition::Question;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Alert, Content, FROM, Kind, Show, UNTIL, Variable, names_in, question_of};
use crate::error::BoardError;
use crate::faults::Faults;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "SavedAsk")]
pub enum Asked {
    /// A question of insights with its kind as `question`, without `scope`: the time is set when it is asked.
    Insight(Value),
    /// One reading statement. `$name` is a parameter, `$from` and `$until` are the time.
    Sql(String),
}

/// Lines of a trend that an alert would have to choose from: its formulas, or else the measures of its series.
fn lines_of(trend: &Value) -> usize {
    let count = |value: &Value| value.as_array().map_or(0, Vec::len);
    match count(&trend["formulas"]) {
        0 => trend["series"].as_array().into_iter().flatten().map(|series| count(&series["measures"])).sum(),
        formulas => formulas,
    }
}

/// Days that a trend has to be of, so that so many of its buckets are whole and over whenever it is asked; `None`: they never are.
fn days_for(bucket: &str, numbers: u32) -> Option<u32> {
    // The last bucket is running, and of weeks and months the first may be cut. Days have 23 hours at least.
    match bucket {
        "hour" => Some(1 + numbers.div_ceil(23)),
        "day" => Some(1 + numbers),
        "week" => Some(7 * (1 + numbers)),
        "month" => Some(31 * (1 + numbers)),
        _ => None,
    }
}

/// A question under a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedQuestion {
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub ask: Asked,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Variable>,
    #[serde(default)]
    pub show: Show,
    /// Whole days that end with today.
    #[serde(default = "thirty")]
    pub days: u32,
    #[serde(default = "utc", skip_serializing_if = "is_utc")]
    pub zone: String,
}

const fn thirty() -> u32 {
    30
}

fn utc() -> String {
    "UTC".to_owned()
}

fn is_utc(zone: &str) -> bool {
    zone == "UTC"
}

impl SavedQuestion {
    /// Why an alert cannot watch it: it looks at one number after the other.
    pub fn unwatchable(&self, alert: Alert) -> Option<String> {
        let Asked::Insight(insight) = &self.ask else { return None };
        let is_divided = |part: &str| match &insight[part] {
            Value::Null => false,
            Value::Array(parts) => !parts.is_empty(),
            _ => true,
        };
        if insight["question"] != "trend" {
            let why = "is neither a trend nor SQL, and has no numbers in their order that an alert could watch";
            return Some(why.to_owned());
        }
        if is_divided("breakdown") || is_divided("cohorts") {
            return Some("is divided into several lines, and an alert watches one".to_owned());
        }
        if lines_of(insight) > 1 {
            return Some("has several lines, and an alert watches one: of one measure, or of one formula".to_owned());
        }
        match days_for(insight["bucket"].as_str().unwrap_or_default(), alert.numbers_min()) {
            None => Some("is of its time as a whole, which is never over when it is asked".to_owned()),
            Some(days) if self.days < days => {
                let own = self.days;
                Some(format!(
                    "is of {own} days, and an alert of this kind needs {days}: only buckets that are over count"
                ))
            }
            Some(_) => None,
        }
    }
}

const PARAMETERS_MAX: usize = 50;
pub const DAYS_MAX: u32 = 3_650;

impl Content for SavedQuestion {
    const KIND: Kind = Kind::Question;

    fn check(&self, faults: &mut Faults<'_>) {
        faults.line("title", &self.title);
        faults.text("description", &self.description);
        faults.count("parameters", self.parameters.len(), PARAMETERS_MAX);
        faults.each("parameters", &self.parameters, |faults, _, parameter| parameter.check(faults));
        faults.distinct("parameters", "name", self.parameters.iter().map(|parameter| parameter.name.as_str()));
        faults.range("days", self.days, 1, DAYS_MAX);
        check_zone(&self.zone, faults);
        faults.within("ask", |faults| check_asked(&self.ask, &self.parameters, faults));
    }

    fn title(&self) -> &str {
        &self.title
    }

    fn read(kept: &str) -> Result<Value, BoardError> {
        serde_json::to_value(question_of(kept)?).map_err(|_| BoardError::Damaged("a question"))
    }

    fn asks_sql(&self) -> bool {
        matches!(self.ask, Asked::Sql(_))
    }
}

pub(super) fn check_zone(zone: &str, faults: &mut Faults<'_>) {
    if crate::zone::zone(zone).is_none() {
        faults.at("zone", "is no name of a time zone, as Europe/Berlin");
    }
}

/// What is wrong with a question whose parameters may be these.
pub fn check_asked(asked: &Asked, parameters: &[Variable], faults: &mut Faults<'_>) {
    match asked {
        Asked::Insight(insight) => {
            if let Err(why) = insight_of(insight.clone(), 0, 1, "UTC") {
                faults.at("insight", why);
            }
        }
        Asked::Sql(sql) => {
            faults.text("sql", sql);
            if sql.trim().is_empty() {
                faults.at("sql", "must hold a statement");
            }
            let is_known = |name: &String| {
                name == FROM || name == UNTIL || parameters.iter().any(|parameter| parameter.name == *name)
            };
            for name in names_in(sql).iter().filter(|name| !is_known(name)) {
                faults.at("sql", format!("names ${name}, which is not declared"));
            }
        }
    }
}

/// The question of insights over a time.
pub fn insight_of(mut insight: Value, from_ms: i64, until_ms: i64, zone: &str) -> Result<Question, String> {
    let members = insight.as_object_mut().ok_or("must be a map")?;
    let scope = json!({"from_ms": from_ms, "until_ms": until_ms, "zone": zone});
    if members.insert("scope".to_owned(), scope).is_some() {
        return Err("must not have a scope: the time is set when it is asked".to_owned());
    }
    let question: Question = serde_path_to_error::deserialize(insight).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if path == "." || path == "?" { inner.to_string() } else { format!("{path}: {inner}") }
    })?;
    if matches!(question, Question::Cohort(_)) {
        return Err("lists people, and dashboards show numbers".to_owned());
    }
    question.check_size().map_err(|error| error.to_string())?;
    Ok(question)
}
