//! The statements for ClickHouse against the engine: the same random rows in a real database, the same random questions.
//!
//! The server is that of `CLICKHOUSE_URL`, else one of `dev/services/clickhouse`. Where neither can be had the test says so
//! and passes, but not where CI is set.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::{ask, asked, given};
use crate::clickhouse_sql;
use crate::definition::{Answer, Label, Measure, Question, RankBy, Running};
use crate::reference::World;

/// Worlds, and questions of each kind of generator in each.
const WORLDS: usize = 10;
const QUESTIONS: usize = 12;

/// A server's HTTP interface.
struct Server {
    host: String,
    database: String,
}

impl Server {
    /// That of `CLICKHOUSE_URL`, else one that goes with this process.
    fn find() -> Option<Server> {
        let url = match std::env::var("CLICKHOUSE_URL") {
            Ok(url) if !url.is_empty() => url,
            _ => Server::start()?,
        };
        let host = url.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Some(Server { host, database: format!("insights_{}", std::process::id()) })
    }

    fn start() -> Option<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/clickhouse");
        let output = Command::new(script).args(["up", &std::process::id().to_string()]).output().unwrap();
        if output.status.success() {
            return Some(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(std::env::var_os("CI").is_none(), "no ClickHouse: {why}");
        let _ = writeln!(std::io::stderr().lock(), "skipped: the statements for ClickHouse: {why}");
        None
    }

    fn ask(&self, sql: &str, settings: &str) -> Result<String, String> {
        let body = sql.as_bytes();
        let mut stream = TcpStream::connect(&self.host).map_err(|error| error.to_string())?;
        let head = format!(
            "POST /?{settings} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let mut answer = Vec::new();
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).map_err(|error| error.to_string())?;
        stream.read_to_end(&mut answer).map_err(|error| error.to_string())?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        if head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200") {
            Ok(body.to_owned())
        } else {
            Err(body.to_owned())
        }
    }

    fn run(&self, sql: &str) {
        self.ask(sql, "").unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Rows of a statement; times are seconds since 1970.
    fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, String> {
        let settings = format!(
            "database={}&default_format=JSONCompact&date_time_output_format=unix_timestamp\
             &output_format_json_quote_64bit_integers=0",
            self.database
        );
        let answer: Value = serde_json::from_str(&self.ask(sql, &settings)?).map_err(|error| error.to_string())?;
        let rows = answer["data"].as_array().ok_or("no rows")?;
        Ok(rows.iter().map(|row| row.as_array().cloned().unwrap_or_default()).collect())
    }

    fn fill(&self, world: &World) {
        let database = &self.database;
        self.run(&format!("DROP DATABASE IF EXISTS {database}"));
        self.run(&format!("CREATE DATABASE {database}"));
        self.run(&format!(
            "CREATE TABLE {database}.activity (person_id String, event String, timestamp DateTime64(3, 'UTC'), properties String, groups String) \
             ENGINE = MergeTree ORDER BY (event, person_id, timestamp)"
        ));
        self.run(&format!(
            "CREATE TABLE {database}.persons (person_id String, properties String) ENGINE = MergeTree ORDER BY person_id"
        ));
        let mut lines = String::new();
        for row in &world.rows {
            let company = row.texts.get("group.company").map_or(json!({}), |key| json!({"company": key}));
            let own = row.texts.iter().filter(|(name, _)| !name.contains(['.', ':']));
            let texts = own.map(|(name, text)| (name.clone(), json!(text)));
            let numbers = row.numbers.iter().map(|(name, number)| (name.clone(), json!(number)));
            let properties: BTreeMap<String, Value> = texts.chain(numbers).collect();
            let line = json!({"person_id": row.person, "event": row.activity,
                "timestamp": row.time_ms, "properties": json!(properties).to_string(), "groups": company.to_string()});
            lines += &format!("{line}\n");
        }
        if !lines.is_empty() {
            self.run(&format!(
                "INSERT INTO {database}.activity SELECT person_id, event, fromUnixTimestamp64Milli(timestamp, 'UTC'), properties, groups \
                 FROM format(JSONEachRow, 'person_id String, event String, timestamp Int64, properties String, groups String', {})",
                super::super::clickhouse::rows::quoted(&lines)
            ));
        }
        for (person, traits) in &world.traits {
            let quoted = super::super::clickhouse::rows::quoted(&json!(traits).to_string());
            self.run(&format!("INSERT INTO {database}.persons SELECT '{person}', {quoted}"));
        }
    }
}

/// Seconds, whole or with a fraction, as milliseconds.
fn millis(value: &Value) -> i64 {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    (seconds.unwrap_or(f64::NAN) * 1000.0).round() as i64
}

fn text(value: &Value) -> String {
    match value.as_f64() {
        Some(number) => format!("{:.9}", number + 0.0),
        None => value.to_string(),
    }
}

fn texts<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    values.into_iter().map(text).collect::<Vec<_>>().join(" ")
}

/// The question as the statement answers it: what is worked out of lines afterwards is left away, and rows are counted so
/// that a line of zeros can be told from one that is not there.
fn plain(question: Question) -> Question {
    match question {
        Question::Trend(mut trend) => {
            trend.formulas.clear();
            trend.running = Running::Each;
            trend.previous = false;
            trend.series.iter_mut().for_each(|series| series.measures.push(Measure::Count));
            // A group's statement is that of the question about its people alone, which scopes have too.
            trend.cohorts.clear();
            Question::Trend(trend)
        }
        Question::Funnel(mut funnel) => {
            funnel.cohorts.clear();
            funnel.times = None;
            Question::Funnel(funnel)
        }
        Question::Retention(mut retention) => {
            retention.cohorts.clear();
            Question::Retention(retention)
        }
        other => other,
    }
}

/// A part of a breakdown as statements name it.
fn part_text(label: &Label) -> Value {
    match label {
        Label::Values(values) => json!(json!(values).to_string()),
        _ => json!("$other"),
    }
}

/// The answer of the database and ours, as lines; `None` for a kind that is not compared here.
fn lines(question: &Question, answers: &[Vec<Vec<Value>>], answer: &Answer) -> Option<(Vec<String>, Vec<String>)> {
    let rows = answers.first()?;
    // A time, then values.
    let timed = |rows: &[Vec<Value>]| -> Vec<String> {
        rows.iter().map(|row| format!("{} {}", millis(&row[0]), texts(&row[1..]))).collect()
    };
    let values = |values: &[Value]| texts(values);
    let (theirs, ours): (Vec<String>, Vec<String>) = match (question, answer) {
        (Question::Trend(asked), Answer::Trend(answer)) => {
            let mut theirs = Vec::new();
            for (series, rows) in answers.iter().enumerate() {
                let label = |row: &[Value]| match &asked.breakdown {
                    Some(_) => (row[1].as_str().unwrap_or_default().to_owned(), 2),
                    None => (String::new(), 1),
                };
                theirs.extend(rows.iter().map(|row| {
                    let (label, at) = label(row);
                    format!("{series} {} {label} {}", millis(&row[0]), texts(&row[at..]))
                }));
            }
            let mut ours = Vec::new();
            for line in &answer.lines {
                let label = match &line.label {
                    Label::Everything => String::new(),
                    Label::Values(values) => json!(values).to_string(),
                    Label::Cohort(name) => name.clone(),
                    Label::Other => "$other".to_owned(),
                };
                for (place, start) in answer.buckets.iter().enumerate() {
                    let cells: Vec<Value> = line.measures.iter().map(|measure| json!(measure[place])).collect();
                    if cells.last().and_then(Value::as_f64).is_some_and(|count| count > 0.0) {
                        ours.push(format!("{} {start} {label} {}", line.series, texts(&cells)));
                    }
                }
            }
            (theirs, ours)
        }
        (Question::Funnel(asked), Answer::Funnel(answer)) => {
            let at = usize::from(asked.breakdown.is_some());
            let theirs = rows.iter().filter(|row| row[at].as_f64() != Some(0.0)).map(|row| values(row)).collect();
            let groups = answer.groups.iter().filter(|group| group.reached[0] > 0);
            let ours = groups.map(|group| {
                let value = asked.breakdown.as_ref().map(|_| json!(group.value));
                let all: Vec<Value> = value.into_iter().chain(group.reached.iter().map(|n| json!(n))).collect();
                values(&all)
            });
            (theirs, ours.collect())
        }
        (Question::Retention(_), Answer::Retention(answer)) => {
            let mut ours = Vec::new();
            for cohort in &answer.cohorts {
                let there = cohort.returned.iter().enumerate().filter(|(_, people)| **people > 0);
                ours.extend(
                    there.map(|(k, people)| format!("{} {}", cohort.start_ms, values(&[json!(k), json!(people)]))),
                );
            }
            (timed(rows), ours)
        }
        (Question::Paths(_), Answer::Paths(answer)) => {
            let theirs = rows.iter().map(|row| values(row)).collect();
            let ours = answer.paths.iter().map(|path| {
                let names = path.activities.iter().map(|name| json!(name));
                values(&names.chain([json!(path.count)]).collect::<Vec<_>>())
            });
            (theirs, ours.collect())
        }
        (Question::Lifecycle(_), Answer::Lifecycle(answer)) => {
            let ours = answer.buckets.iter().map(|b| {
                format!(
                    "{} {}",
                    b.start_ms,
                    values(&[json!(b.new), json!(b.returning), json!(b.resurrecting), json!(b.dormant)])
                )
            });
            let zeros = values(&[json!(0), json!(0), json!(0), json!(0)]);
            let there = |line: &String| !line.ends_with(&format!(" {zeros}"));
            (timed(rows).into_iter().filter(there).collect(), ours.filter(there).collect())
        }
        (Question::Stickiness(_), Answer::Stickiness(answer)) => {
            let there = answer.people.iter().enumerate().filter(|(_, people)| **people > 0);
            let ours = there.map(|(n, people)| values(&[json!(n + 1), json!(people)])).collect();
            (rows.iter().map(|row| values(row)).collect(), ours)
        }
        (Question::Sessions(asked), Answer::Sessions(answer)) => {
            let line = |part: Option<&Label>, b: &crate::definition::SessionBucket| {
                let counts = [b.sessions, b.duration_ms, b.bounces, b.rows].map(|count| json!(count));
                let all: Vec<Value> = part.map(part_text).into_iter().chain(counts).collect();
                format!("{} {}", b.start_ms, values(&all))
            };
            let there = |buckets: &[crate::definition::SessionBucket], part: Option<&Label>| -> Vec<String> {
                buckets.iter().filter(|bucket| bucket.sessions > 0).map(|bucket| line(part, bucket)).collect()
            };
            let ours = match asked.breakdown {
                None => there(&answer.buckets, None),
                Some(_) => answer.groups.iter().flat_map(|group| there(&group.buckets, Some(&group.label))).collect(),
            };
            (timed(rows), ours)
        }
        (Question::Places(_), Answer::Places(answer)) => {
            let ours = answer.places.iter().map(|place| {
                let counts = [place.rows, place.people, place.visits, place.people_again, place.dwell_ms];
                values(&[json!(place.cell)].into_iter().chain(counts.map(|count| json!(count))).collect::<Vec<_>>())
            });
            (rows.iter().map(|row| values(row)).collect(), ours.collect())
        }
        (Question::Cohort(_), Answer::Cohort(answer)) => {
            (rows.iter().map(|row| values(row)).collect(), vec![values(&[json!(answer.people)])])
        }
        (Question::Distribution(_), Answer::Distribution(answer)) => {
            let mut ours = vec![json!(answer.count), json!(answer.sum), json!(answer.minimum), json!(answer.maximum)];
            ours.extend(answer.histogram.iter().map(|count| json!(count)));
            ours.extend(answer.percentiles.iter().map(|value| json!(value)));
            (rows.iter().map(|row| values(row)).collect(), vec![values(&ours)])
        }
        (Question::ActivePeople(asked), Answer::ActivePeople(answer)) => {
            let theirs =
                rows.iter().map(|row| format!("{} {}", row[0].as_str().unwrap_or_default(), values(&row[1..])));
            let day = |ms: i64| {
                let zone = crate::definition::zone(&asked.scope.zone).unwrap();
                Timestamp::from_millisecond(ms).unwrap().to_zoned(zone).date().to_string()
            };
            let there = answer.days.iter().filter(|day| day.month > 0);
            let ours = there.map(|d| {
                let counts = [d.day, d.week, d.month].map(|count| json!(count));
                let shares = [d.day_per_week, d.day_per_month, d.week_per_month].map(|share| json!(share));
                format!("{} {}", day(d.start_ms), values(&counts.into_iter().chain(shares).collect::<Vec<_>>()))
            });
            (theirs.collect(), ours.collect())
        }
        (Question::TimeBetween(_), Answer::TimeBetween(answer)) => {
            let mut ours = vec![json!(answer.count), json!(answer.people), json!(answer.sum_ms)];
            ours.extend(answer.percentiles_ms.iter().map(|value| json!(value)));
            (rows.iter().map(|row| values(row)).collect(), vec![values(&ours)])
        }
        (Question::Ranking(asked), Answer::Ranking(answer)) => {
            let ours = answer.rows.iter().map(|row| {
                let (activity, person) = (json!(row.activity), json!(row.person));
                match asked.by {
                    RankBy::Activity => values(&[activity, json!(row.rows)]),
                    RankBy::Person => values(&[person, json!(row.rows)]),
                    RankBy::ActivityAndPerson => values(&[activity, person, json!(row.rows)]),
                }
            });
            (rows.iter().map(|row| values(row)).collect(), ours.collect())
        }
        _ => return None,
    };
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    Some((sorted(theirs), sorted(ours)))
}

#[test]
fn statements_give_the_engines_answers() {
    let Some(server) = Server::find() else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let worlds = std::env::var("FOOTFALL_TEST_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(WORLDS);
    let kinds = [
        asked::trend().boxed(),
        asked::funnel().boxed(),
        asked::people().boxed(),
        asked::question().boxed(),
        asked::places().boxed(),
    ];
    let (mut compared, mut faults): (BTreeMap<String, usize>, Vec<String>) = Default::default();
    for _ in 0..worlds {
        let given = given().new_tree(&mut runner).unwrap().current();
        let folder = tempfile::tempdir().unwrap();
        let built = given.build(folder.path());
        let (_, snapshot, world) = &built[3];
        server.fill(world);
        for kind in &kinds {
            for _ in 0..QUESTIONS {
                let question = given.of_season(&plain(kind.new_tree(&mut runner).unwrap().current()));
                let Some(sql) = clickhouse_sql(&question) else { continue };
                let answers: Result<Vec<_>, String> = sql.split(";\n").map(|sql| server.rows(sql)).collect();
                let name = json!(question)["question"].as_str().unwrap_or_default().to_owned();
                match answers.map(|answers| lines(&question, &answers, &ask(snapshot, &question, 2))) {
                    Ok(None) => {}
                    Ok(Some((theirs, ours))) if theirs == ours => *compared.entry(name).or_default() += 1,
                    Ok(Some((theirs, ours))) => {
                        faults.push(format!("{name}: {theirs:#?}\ninstead of {ours:#?}\n{sql}\n{question:?}"));
                    }
                    Err(error) => faults.push(format!("{name}: {error}\n{sql}")),
                }
            }
        }
    }
    server.run(&format!("DROP DATABASE IF EXISTS {}", server.database));
    let names: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
    // One of each kind says enough.
    let mut kinds: BTreeMap<&str, &String> = BTreeMap::new();
    for (fault, name) in faults.iter().zip(&names) {
        kinds.entry(name).or_insert(fault);
    }
    let shown: String = kinds.values().map(|fault| fault.chars().take(3_000).collect::<String>() + "\n\n").collect();
    assert!(faults.is_empty(), "{} faults ({names:?}), {compared:?} equal\n{shown}", faults.len());
    let _ = writeln!(std::io::stderr().lock(), "equal: {compared:?}");
    assert!(compared.values().sum::<usize>() > worlds * QUESTIONS, "few were compared: {compared:?}");
}
