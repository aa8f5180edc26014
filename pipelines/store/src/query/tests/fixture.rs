//! A lake folder without a lake: Parquet files and fresh rows from JSON, and an engine over them.

use std::fs::{self, File};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{SortColumn, cast, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Field, Schema};
use footfall_ingest_activity::person_id_of;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::lake::{DataFile, Overrides, ProjectSnapshot, TableView, promote};
use crate::query::{Engine, EngineConfig, QueryError, Question, Snapshots};
use crate::tables::{ColumnKind, Table};

/// The project of every test.
pub const PROJECT: &str = "demo";

/// The own person of an id.
pub fn person(distinct_id: &str) -> String {
    person_id_of(PROJECT, distinct_id).to_string()
}

/// One place that holds the snapshot which questions see.
#[derive(Default)]
pub struct Held(Mutex<Option<Arc<ProjectSnapshot>>>);

impl Snapshots for Held {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        (project == PROJECT).then(|| self.0.lock().unwrap().clone()).flatten()
    }
}

pub struct Fixture {
    pub folder: TempDir,
    pub views: std::collections::BTreeMap<Table, TableView>,
    pub overrides: Overrides,
    held: Arc<Held>,
    pub engine: Engine,
    files: usize,
}

impl Fixture {
    pub fn new() -> Self {
        Fixture::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = EngineConfig { threads: 2, ..EngineConfig::new(folder.path().join("spill")) };
        change(&mut config);
        let held = Arc::new(Held::default());
        let engine = Engine::new(held.clone(), config).unwrap();
        Fixture { folder, views: Default::default(), overrides: Overrides::new(), held, engine, files: 0 }
    }

    /// A file with these rows; `promoted` properties get their columns.
    pub fn file(&mut self, table: Table, rows: &[Value], promoted: &[&str]) -> &mut Self {
        let batch = sorted(table, &batch(table, rows));
        let promoted: Vec<String> = promoted.iter().map(|key| (*key).to_owned()).collect();
        let own = promote::extract(&batch, &promoted).unwrap();
        let mut columns = batch.columns().to_vec();
        let mut fields: Vec<Field> = table.schema().fields().iter().map(|field| (**field).clone()).collect();
        for (key, column) in promoted.iter().zip(own) {
            fields.push(Field::new(DataFile::promoted_column(key), column.data_type().clone(), true));
            columns.push(column);
        }
        let schema = Arc::new(Schema::new(fields));
        self.files += 1;
        let path = format!("project={PROJECT}/{}/{}.parquet", table.name(), self.files);
        let absolute = self.folder.path().join(&path);
        fs::create_dir_all(absolute.parent().unwrap()).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(64)).build();
        let mut writer =
            ArrowWriter::try_new(File::create(&absolute).unwrap(), schema.clone(), Some(properties)).unwrap();
        writer.write(&RecordBatch::try_new(schema, columns).unwrap()).unwrap();
        writer.close().unwrap();
        let bytes = fs::metadata(&absolute).unwrap().len();
        let times = times(table, rows);
        let file = DataFile { path, rows: rows.len() as u64, bytes, times, promoted, erased: Vec::new() };
        self.views.entry(table).or_default().files.push(Arc::new(file));
        self
    }

    /// Fresh rows, as a job publishes them.
    pub fn fresh(&mut self, table: Table, rows: &[Value]) -> &mut Self {
        let plain = batch(table, rows);
        let schema = table.fresh_schema();
        let columns: Vec<ArrayRef> =
            plain.columns().iter().zip(schema.fields()).map(|(c, f)| cast(c, f.data_type()).unwrap()).collect();
        self.views.entry(table).or_default().fresh.push(RecordBatch::try_new(schema, columns).unwrap());
        self
    }

    /// Ids of `from` are now those of `into`.
    pub fn merged(&mut self, from: &str, into: &str) -> &mut Self {
        self.overrides.insert(person_id_of(PROJECT, from), person_id_of(PROJECT, into));
        self
    }

    pub fn publish(&self) {
        let root = self.folder.path().to_owned();
        let snapshot = ProjectSnapshot::new(root, 1, self.views.clone(), self.overrides.clone());
        *self.held.0.lock().unwrap() = Some(Arc::new(snapshot));
    }

    /// What questions see: once by the engine's source, once by the caller.
    pub fn held_snapshot(&self) -> Arc<ProjectSnapshot> {
        self.held.0.lock().unwrap().clone().unwrap()
    }

    /// Rows of the answer, each a JSON object.
    pub async fn rows(&self, question: Question) -> Result<Vec<Map<String, Value>>, QueryError> {
        self.publish();
        let batches = self.engine.query(PROJECT, question).await?.collect().await?;
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        for batch in &batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
        let bytes = writer.into_inner();
        Ok(if bytes.is_empty() { Vec::new() } else { serde_json::from_slice(&bytes).unwrap() })
    }

    /// The rows of an answer that there must be.
    pub async fn ask(&self, sql: &str) -> Vec<Map<String, Value>> {
        self.rows(Question::new(sql)).await.unwrap_or_else(|error| panic!("{}: {error}\n{sql}", error.code()))
    }

    /// The only value of the answer.
    pub async fn value(&self, sql: &str) -> Value {
        let rows = self.ask(sql).await;
        assert_eq!(rows.len(), 1, "{sql}");
        rows[0].values().next().cloned().unwrap_or(Value::Null)
    }

    /// Why there is no answer.
    pub async fn refusal(&self, question: Question) -> QueryError {
        let sql = question.sql.clone();
        match self.rows(question).await {
            Ok(_) => panic!("answered: {sql}"),
            Err(error) => error,
        }
    }

    /// The physical plan as text.
    pub async fn plan(&self, sql: &str) -> String {
        let rows = self.ask(&format!("EXPLAIN {sql}")).await;
        let physical = rows.iter().find(|row| row["plan_type"] == "physical_plan").unwrap();
        physical["plan"].as_str().unwrap().to_owned()
    }
}

/// Rows with the table's schema; what is not given is null, or nothing.
pub fn batch(table: Table, rows: &[Value]) -> RecordBatch {
    let schema = table.schema();
    let filled: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut row = row.as_object().unwrap().clone();
            for column in table.columns().iter().filter(|column| !column.nullable) {
                let nothing = match column.kind {
                    ColumnKind::Text | ColumnKind::Word => json!(""),
                    ColumnKind::Json => json!("{}"),
                    ColumnKind::Time | ColumnKind::Integer => json!(0),
                    ColumnKind::Float => json!(0.0),
                    ColumnKind::Boolean => json!(false),
                };
                row.entry(column.name).or_insert(nothing);
            }
            Value::Object(row)
        })
        .collect();
    if filled.is_empty() {
        return RecordBatch::new_empty(schema);
    }
    let mut decoder = arrow::json::ReaderBuilder::new(schema).with_batch_size(filled.len()).build_decoder().unwrap();
    decoder.serialize(&filled).unwrap();
    decoder.flush().unwrap().unwrap()
}

fn sorted(table: Table, batch: &RecordBatch) -> RecordBatch {
    let keys: Vec<SortColumn> = table
        .sort_columns()
        .iter()
        .map(|name| SortColumn { values: batch.column_by_name(name).unwrap().clone(), options: None })
        .collect();
    take_record_batch(batch, &lexsort_to_indices(&keys, None).unwrap()).unwrap()
}

fn times(table: Table, rows: &[Value]) -> Option<(i64, i64)> {
    let name = match table {
        Table::Activity => "timestamp",
        Table::SessionParts => "start",
        Table::Quarantine => "received_at",
        _ => return None,
    };
    let times: Vec<i64> = rows.iter().map(|row| row.get(name).and_then(Value::as_i64).unwrap_or(0)).collect();
    Some((*times.iter().min()?, *times.iter().max()?))
}

/// An activity.
pub fn activity(id: usize, distinct_id: &str, event: &str, at_ms: i64, properties: &str) -> Value {
    json!({
        "message_id": format!("m{id:04}"), "event": event, "kind": "track", "person_id": person(distinct_id),
        "distinct_id": distinct_id, "timestamp": at_ms, "received_at": at_ms, "properties": properties,
        "dialect": "native", "country": if id.is_multiple_of(3) { Value::Null } else { json!("DE") },
    })
}
