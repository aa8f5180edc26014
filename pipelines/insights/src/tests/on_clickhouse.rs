//! The statements for ClickHouse against the engine: the same random rows in a real database, the same random questions.
//!
//! The server is that of `CLICKHOUSE_URL`, else one of `dev/services/clickhouse`. Where neither can be had the test says so
//! and passes, but not where CI is set.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::{ask, asked, cells, given, said};
use crate::definition::{Cohort, CohortPeople, Correlation, Measure, Question};
use crate::projection::{Dictionaries, Rows, Snapshot};
use crate::reference::World;
use crate::{Control, Engine, PeopleList, clickhouse_sql, clickhouse_unsaid};

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

    /// Rows of a statement; times are milliseconds since 1970.
    fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, String> {
        let settings = format!(
            "database={}&default_format=JSONCompact&date_time_output_format=unix_timestamp\
             &output_format_json_quote_64bit_integers=0",
            self.database
        );
        let answer: Value = serde_json::from_str(&self.ask(sql, &settings)?).map_err(|error| error.to_string())?;
        let columns = answer["meta"].as_array().ok_or("no columns")?;
        let is_time = |column: &Value| column["type"].as_str().is_some_and(|name| name.contains("DateTime"));
        let is_time: Vec<bool> = columns.iter().map(is_time).collect();
        let cell = |(value, is_time): (&Value, &bool)| if *is_time { json!(millis(value)) } else { value.clone() };
        let rows = answer["data"].as_array().ok_or("no rows")?.iter().filter_map(Value::as_array);
        Ok(rows.map(|row| row.iter().zip(&is_time).map(cell).collect()).collect())
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
        self.run(&format!(
            "CREATE TABLE {database}.groups (type String, key String, properties String) ENGINE = MergeTree ORDER BY (type, key)"
        ));
        for ((kind, key), properties) in &world.groups {
            let quoted = super::super::clickhouse::rows::quoted(&json!(properties).to_string());
            self.run(&format!("INSERT INTO {database}.groups SELECT '{kind}', '{key}', {quoted}"));
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

/// The question as it can be compared: rows are counted so that a line of zeros can be told from one that is not there.
fn plain(question: Question) -> Question {
    match question {
        Question::Trend(mut trend) => {
            trend.series.iter_mut().for_each(|series| series.measures.push(Measure::Count));
            Question::Trend(trend)
        }
        // Where the list is cut, equal chances differ by rounding.
        Question::Correlation(asked) => Question::Correlation(Correlation { top: 1_000, ..asked }),
        other => other,
    }
}

fn name_of(question: &Question) -> String {
    json!(question)["question"].as_str().unwrap_or_default().to_owned()
}

/// What differs, statement by statement.
fn differences(theirs: &[Vec<Vec<Value>>], ours: &[Vec<Vec<Value>>]) -> Option<String> {
    let lines = |rows: &Vec<Vec<Value>>| {
        let mut lines: Vec<String> = rows.iter().map(|row| said::line(row)).collect();
        lines.sort();
        lines
    };
    if theirs.len() != ours.len() {
        return Some(format!("{} statements instead of {}", theirs.len(), ours.len()));
    }
    let both = theirs.iter().zip(ours).enumerate();
    let mut differing = both.map(|(place, (theirs, ours))| (place, lines(theirs), lines(ours)));
    let (place, theirs, ours) = differing.find(|(_, theirs, ours)| theirs != ours)?;
    let beyond = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter().filter(|line| !others.contains(line)).take(9).cloned().collect()
    };
    let (more, less) = (beyond(&theirs, &ours), beyond(&ours, &theirs));
    Some(format!("statement {place}, of {} and {} rows: {more:#?}\ninstead of {less:#?}", theirs.len(), ours.len()))
}

#[test]
fn statements_give_the_engines_answers() {
    let Some(server) = Server::find() else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let worlds = std::env::var("FOOTFALL_TEST_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(WORLDS);
    let kinds = [
        asked::trend().boxed(),
        asked::overview().boxed(),
        asked::hours().boxed(),
        asked::funnel().boxed(),
        asked::people().boxed(),
        asked::question().boxed(),
        asked::places().boxed(),
        asked::segments().boxed(),
        cells::cell().boxed(),
        cells::new_people().boxed(),
    ];
    let (mut compared, mut unsaid): (BTreeMap<String, usize>, BTreeMap<String, usize>) = Default::default();
    let mut faults: Vec<String> = Vec::new();
    for _ in 0..worlds {
        let given = given().new_tree(&mut runner).unwrap().current();
        let folder = tempfile::tempdir().unwrap();
        let built = given.build(folder.path());
        let (_, snapshot, world) = &built[3];
        server.fill(world);
        for kind in &kinds {
            for _ in 0..QUESTIONS {
                let question = given.of_season(&plain(kind.new_tree(&mut runner).unwrap().current()));
                let Some(sql) = clickhouse_sql(&question) else {
                    assert!(clickhouse_unsaid(&question).is_some(), "nobody says why: {question:?}");
                    *unsaid.entry(name_of(&question)).or_default() += 1;
                    continue;
                };
                let theirs: Result<Vec<_>, String> = sql.split(";\n").map(|sql| server.rows(sql)).collect();
                let ours = said::rows(&question, &ask(snapshot, &question, 2));
                let name = name_of(&question);
                match theirs.map(|theirs| differences(&theirs, &ours)) {
                    Ok(None) => *compared.entry(name).or_default() += 1,
                    Ok(Some(differences)) => faults.push(format!("{name}: {differences}\n{sql}\n{question:?}")),
                    Err(error) => faults.push(format!("{name}: {error}\n{sql}\n{question:?}")),
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
    let _ = writeln!(std::io::stderr().lock(), "equal: {compared:?}; not said: {unsaid:?}");
    assert!(compared.values().sum::<usize>() > worlds * QUESTIONS, "few were compared: {compared:?}");
}

#[test]
fn uploaded_lists_are_a_table() {
    let Some(server) = Server::find() else { return };
    let server = Server { database: format!("{}_lists", server.database), ..server };
    let list = PeopleList::new("vip@1", vec![7, 9]);
    let ids: Vec<String> = list.texts().chain(PeopleList::new("", vec![8]).texts()).collect();
    let dictionaries = Dictionaries::new(&[]);
    let mut rows = Rows::new(&dictionaries);
    let mut world = World::default();
    for (place, id) in ids.iter().enumerate() {
        rows.persons.push(dictionaries.persons.intern(id));
        rows.times.push(given::FROM + place as i64);
        rows.activities.push(dictionaries.activities.intern("view") as u16);
        let (person, activity) = (id.clone(), "view".to_owned());
        let (texts, numbers) = (BTreeMap::new(), BTreeMap::new());
        let row = crate::reference::Row { person, time_ms: given::FROM + place as i64, activity, texts, numbers };
        world.rows.push(row);
    }
    let run = std::sync::Arc::new(rows.into_run(&dictionaries).unwrap());
    let snapshot = Snapshot::new(dictionaries, vec![run], &Default::default(), Vec::new()).unwrap();
    server.fill(&world);
    server.run(&format!(
        "CREATE TABLE {}.lists (list String, person_id String) ENGINE = MergeTree ORDER BY (list, person_id)",
        server.database
    ));
    for id in list.texts() {
        server.run(&format!("INSERT INTO {}.lists SELECT 'vip@1', '{id}'", server.database));
    }
    for cohort in [Cohort::Uploaded("vip@1".to_owned()), Cohort::Not(Box::new(Cohort::Uploaded("vip@1".to_owned())))] {
        let question = Question::Cohort(CohortPeople { cohort, list: 5 });
        let control = Control::default().with_lists(vec![std::sync::Arc::new(PeopleList::new("vip@1", vec![7, 9]))]);
        let ours = Engine { threads: 1 }.ask_under(&snapshot, &question, &control).unwrap().answer;
        let sql = clickhouse_sql(&question).unwrap();
        let theirs: Vec<_> = sql.split(";\n").map(|sql| server.rows(sql).unwrap()).collect();
        assert_eq!(differences(&theirs, &said::rows(&question, &ours)), None, "{sql}");
    }
    server.run(&format!("DROP DATABASE IF EXISTS {}", server.database));
}
