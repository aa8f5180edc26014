//! The table `activity` in memory behind the seam of facts, asked by the SQL engine that the product's store uses, or by the insights
//! engine.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::execution::config::SessionConfig;
use datafusion::prelude::SessionContext;
use footfall_api_experiments::{ExperimentError, Facts, Rows};
use footfall_pipelines_insights::Engine;
use footfall_pipelines_insights::definition::{Answer, Exposures, ExposuresAnswer, Question};
use footfall_pipelines_insights::projection::{ColumnKind, Dictionaries, Rows as ProjectedRows, Snapshot, Values};
use serde_json::Value;

/// One activity, as far as experiments read it.
#[derive(Debug, Clone)]
pub struct Activity {
    pub person: String,
    pub event: &'static str,
    pub millis: i64,
    pub amount: Option<f64>,
    pub user_agent: &'static str,
    pub browser: &'static str,
    pub country: &'static str,
    pub properties: Value,
}

pub struct Tables(SessionContext);

/// The same activities in the projection of the insights engine; SQL is refused.
pub struct Projection(pub Vec<Activity>);

/// Columns of dimensions in which nobody here has a value.
const ABSENT: [&str; 7] =
    ["browser_version", "os", "device_type", "locale", "library", "library_version", "referring_domain"];

const APP: &str = "Shop";

/// Of the app, where the properties tell one.
fn app_version(activity: &Activity) -> Option<String> {
    activity.properties["version"].as_str().map(str::to_owned)
}

impl Tables {
    pub fn of(activities: &[Activity]) -> Tables {
        let text = |values: Vec<String>| Arc::new(StringArray::from(values)) as ArrayRef;
        let millis: Vec<i64> = activities.iter().map(|one| one.millis).collect();
        let amounts: Vec<Option<f64>> = activities.iter().map(|one| one.amount).collect();
        let mut columns = vec![
            ("person_id", text(activities.iter().map(|one| one.person.clone()).collect())),
            ("event", text(activities.iter().map(|one| one.event.to_owned()).collect())),
            ("timestamp", Arc::new(TimestampMillisecondArray::from(millis).with_timezone("UTC")) as ArrayRef),
            ("amount", Arc::new(Float64Array::from(amounts)) as ArrayRef),
            ("user_agent", text(activities.iter().map(|one| one.user_agent.to_owned()).collect())),
            ("browser", text(activities.iter().map(|one| one.browser.to_owned()).collect())),
            ("country", text(activities.iter().map(|one| one.country.to_owned()).collect())),
            ("properties", text(activities.iter().map(|one| one.properties.to_string()).collect())),
        ];
        let app = |of: fn(&Activity) -> Option<String>| {
            Arc::new(StringArray::from(activities.iter().map(of).collect::<Vec<_>>())) as ArrayRef
        };
        columns.push(("app_name", app(|one| app_version(one).map(|_| APP.to_owned()))));
        columns.push(("app_version", app(app_version)));
        let absent = Arc::new(StringArray::new_null(activities.len())) as ArrayRef;
        columns.extend(ABSENT.map(|name| (name, absent.clone())));
        let mut config = SessionConfig::new();
        config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        let mut context = SessionContext::new_with_config(config);
        datafusion_functions_json::register_all(&mut context).unwrap();
        let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
        context.register_batch("activity", batch).unwrap();
        Tables(context)
    }
}

/// The statement with its parameters written in, as the store puts them into the parsed one.
fn bound(sql: &str, params: &Value) -> String {
    let mut named: Vec<(&String, &Value)> = params.as_object().unwrap().iter().collect();
    named.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    named.iter().fold(sql.to_owned(), |sql, (name, value)| {
        let literal = match value {
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            other => other.to_string(),
        };
        sql.replace(&format!("${name}"), &literal)
    })
}

fn cell(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let is_number = column.data_type().is_numeric();
    let wanted = if is_number { DataType::Float64 } else { DataType::Utf8 };
    let column = cast(column, &wanted).unwrap();
    match is_number {
        true => Value::from(column.as_any().downcast_ref::<Float64Array>().unwrap().value(row)),
        false => Value::from(column.as_any().downcast_ref::<StringArray>().unwrap().value(row)),
    }
}

#[async_trait]
impl Facts for Tables {
    async fn query(&self, project: &str, sql: &str, params: Value) -> Result<Rows, ExperimentError> {
        assert_eq!(project, "shop");
        let failed = |error: datafusion::error::DataFusionError| ExperimentError::Facts(format!("{error}\n{sql}"));
        let frame = self.0.sql(&bound(sql, &params)).await.map_err(failed)?;
        let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batches = frame.collect().await.map_err(failed)?;
        let rows = batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(move |row| batch.columns().iter().map(|column| cell(column, row)).collect())
        });
        Ok(Rows { columns, rows: rows.collect() })
    }
}

/// The value of a column of the projection, as the product's feed reads it.
fn text(activity: &Activity, column: &str) -> Option<String> {
    match column {
        "activity.user_agent" => Some(activity.user_agent.to_owned()),
        "activity.browser" => Some(activity.browser.to_owned()),
        "activity.country" => Some(activity.country.to_owned()),
        "activity.app_name" => app_version(activity).map(|_| APP.to_owned()),
        "activity.app_version" => app_version(activity),
        name if name.starts_with("activity.") && name != "activity.amount" => None,
        "activity.amount" => activity.amount.map(|amount| amount.to_string()),
        name => match activity.properties.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        },
    }
}

impl Projection {
    /// Two runs and persons in two segments, so that there is something to join.
    fn snapshot(&self, question: &Question) -> Snapshot {
        let needs = question.needs();
        let kept: Vec<(&str, ColumnKind)> = needs.columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let dictionaries = Dictionaries::new(&kept);
        let mut halves = [ProjectedRows::new(&dictionaries), ProjectedRows::new(&dictionaries)];
        for (number, activity) in self.0.iter().enumerate() {
            if number == self.0.len() / 2 {
                for idle in 0..20_000 {
                    dictionaries.persons.intern(&format!("idle {idle}"));
                }
            }
            let rows = &mut halves[number % 2];
            rows.persons.push(dictionaries.persons.intern(&activity.person));
            rows.times.push(activity.millis);
            rows.activities.push(dictionaries.activities.intern(activity.event) as u16);
            for (values, column) in rows.columns.iter_mut().zip(&dictionaries.columns) {
                let text = text(activity, &column.name);
                match values {
                    Values::Words(words) => words.push(text.map_or(0, |text| column.dictionary.intern(&text) + 1)),
                    Values::Numbers(numbers) => {
                        numbers.push(text.and_then(|text| text.parse().ok()).unwrap_or(f64::NAN));
                    }
                }
            }
        }
        let runs = halves.map(|rows| Arc::new(rows.into_run(&dictionaries).unwrap()));
        Snapshot::new(dictionaries.clone(), runs.into(), &Default::default(), Vec::new()).unwrap()
    }
}

#[async_trait]
impl Facts for Projection {
    async fn query(&self, _: &str, sql: &str, _: Value) -> Result<Rows, ExperimentError> {
        panic!("asked in SQL: {sql}")
    }

    async fn exposures(&self, project: &str, asked: &Exposures) -> Result<Option<ExposuresAnswer>, ExperimentError> {
        assert_eq!(project, "shop");
        let question = Question::Exposures(asked.clone());
        let asked = Engine { threads: 2 }.ask(&self.snapshot(&question), &question, &false.into()).unwrap();
        let Answer::Exposures(answer) = asked.answer else { panic!("another answer") };
        Ok(Some(answer))
    }
}
