//! Everything known of a person as lines of JSON: which table, and the row. The last line says that it is all.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footfall_api_access::Database;
use footfall_api_experiments::{SignIn, sign_ins_of};
use footfall_api_http::{Answer, Operation, Time, attachment};
use footfall_ingest_activity::Erasure;
use footfall_pipelines_store::query::{Engine, Format, Question, encode};
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::AppError;

const NDJSON: &str = "application/x-ndjson";

/// What is asked, in this order. `$person` is bound.
const TABLES: [(&str, &str); 6] = [
    ("persons", "SELECT * FROM persons WHERE person_id = $person"),
    ("person_ids", "SELECT * FROM person_ids WHERE person_id = $person ORDER BY distinct_id"),
    (
        "person_merges",
        "SELECT * FROM person_merges WHERE from_distinct_id IN (SELECT distinct_id FROM person_ids WHERE person_id = $person)
         OR into_distinct_id IN (SELECT distinct_id FROM person_ids WHERE person_id = $person) ORDER BY sequence",
    ),
    ("sessions", "SELECT * FROM sessions WHERE person_id = $person ORDER BY start"),
    ("activity", "SELECT * FROM activity WHERE person_id = $person ORDER BY timestamp, message_id"),
    // Whose an item is that could not be read is found by looking into it.
    ("quarantine", "SELECT * FROM quarantine WHERE $person <> '' ORDER BY received_at, quarantine_id"),
];
const QUARANTINE: &str = "quarantine";
/// Kept in the app's database.
const SIGN_INS: &str = "flag_sign_ins";
/// Of one person.
const IDS: &str = "SELECT distinct_id FROM person_ids WHERE person_id = $person ORDER BY distinct_id";

/// Lines of JSON.
pub struct Lines(Body);

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(NDJSON)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_DISPOSITION, attachment("person.ndjson")),
        ];
        (headers, self.0).into_response()
    }
}

impl Answer for Lines {
    fn describe(operation: &mut Operation<'_>) {
        let about = "Lines {\"table\", \"row\"}, then {\"table\": \"end\", \"rows\"}: without that line it is not all.";
        operation.replies(StatusCode::OK, about, &[], vec![(NDJSON, json!({"type": "string"}))]);
    }
}

/// The ids by which apps know a person.
pub async fn ids_of(engine: &Engine, project: &str, person: Uuid) -> Result<Vec<String>, AppError> {
    let question = Question::new(IDS).with_params(json!({"person": person.to_string()}));
    let mut pieces = encode(engine.query(project, question).await?, Format::Ndjson).await?;
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece?);
    }
    let id = |line: &[u8]| -> Result<String, AppError> {
        let row: Value = serde_json::from_slice(line).map_err(|error| AppError::Internal(error.to_string()))?;
        let id = row["distinct_id"].as_str().map(str::to_owned);
        id.ok_or_else(|| AppError::Internal("an id of a person is no text".to_owned()))
    };
    body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(id).collect()
}

struct Export {
    engine: Arc<Engine>,
    database: Database,
    project: String,
    person: Uuid,
    next_table: usize,
    open: Option<BoxStream<'static, Result<Bytes, AppError>>>,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    /// Own persons of the ids.
    ids: Erasure,
    /// The ids themselves; taken when what is kept beside the tables is told.
    distinct_ids: Option<Vec<String>>,
    rows: u64,
    is_done: bool,
}

/// Asks table by table, as the answer is read.
pub fn export_of(engine: Arc<Engine>, database: Database, project: String, person: Uuid) -> Lines {
    let ids = Erasure {
        id: person,
        project: project.as_str().into(),
        person,
        persons: Default::default(),
        at: Default::default(),
    };
    let export = Export {
        engine,
        database,
        project,
        person,
        next_table: 0,
        open: None,
        rest: Vec::new(),
        ids,
        distinct_ids: Some(Vec::new()),
        rows: 0,
        is_done: false,
    };
    let pieces = stream::try_unfold(export, |mut export| async move {
        let piece =
            export.next().await.inspect_err(|error| tracing::warn!(%error, "an export of a person broke off"))?;
        Ok::<_, AppError>(piece.map(|piece| (piece, export)))
    });
    Lines(Body::from_stream(pieces))
}

impl Export {
    async fn next(&mut self) -> Result<Option<Bytes>, AppError> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next().await {
                    Some(piece) => {
                        self.rest.extend_from_slice(&piece?);
                        let lines = self.lines()?;
                        if !lines.is_empty() {
                            return Ok(Some(lines.into()));
                        }
                    }
                    None => (self.open, self.next_table) = (None, self.next_table + 1),
                }
                continue;
            }
            let Some((_, sql)) = TABLES.get(self.next_table) else {
                if let Some(ids) = self.distinct_ids.take() {
                    let lines = self.sign_ins(&ids).await?;
                    if !lines.is_empty() {
                        return Ok(Some(lines.into()));
                    }
                }
                let end = format!("{}\n", json!({"table": "end", "rows": self.rows}));
                return Ok((!std::mem::replace(&mut self.is_done, true)).then(|| end.into()));
            };
            let question = Question::new(*sql).with_params(json!({"person": self.person.to_string()}));
            let answer = self.engine.query(&self.project, question).await?;
            let pieces = encode(answer, Format::Ndjson).await?;
            self.open = Some(pieces.map(|piece| piece.map_err(AppError::from)).boxed());
        }
    }

    /// By which ids the person's flags fell before they signed in.
    async fn sign_ins(&mut self, ids: &[String]) -> Result<Vec<u8>, AppError> {
        let mut lines = Vec::new();
        for SignIn { distinct_id, hash_id, at } in sign_ins_of(&self.database, &self.project, ids).await? {
            self.rows += 1;
            let row = json!({"distinct_id": distinct_id, "hash_id": hash_id, "at": Time::from(at)});
            lines.extend_from_slice(format!("{}\n", json!({"table": SIGN_INS, "row": row})).as_bytes());
        }
        Ok(lines)
    }

    /// The whole lines that have come, each with its table's name.
    fn lines(&mut self) -> Result<Vec<u8>, AppError> {
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let rest = self.rest.split_off(whole);
        let lines = std::mem::replace(&mut self.rest, rest);
        let table = TABLES[self.next_table].0;
        let mut out = Vec::with_capacity(lines.len() * 2);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if !self.is_theirs(table, line)? {
                continue;
            }
            self.rows += 1;
            out.extend_from_slice(format!("{{\"table\":\"{table}\",\"row\":").as_bytes());
            out.extend_from_slice(line);
            out.extend_from_slice(b"}\n");
        }
        Ok(out)
    }

    fn is_theirs(&mut self, table: &str, line: &[u8]) -> Result<bool, AppError> {
        if table != QUARANTINE && table != "person_ids" {
            return Ok(true);
        }
        let row: Value = serde_json::from_slice(line).map_err(|error| AppError::Internal(error.to_string()))?;
        if table == QUARANTINE {
            return Ok(row["raw"].as_str().is_some_and(|raw| self.ids.is_named_in(raw)));
        }
        if let (Some(ids), Some(id)) = (&mut self.distinct_ids, row["distinct_id"].as_str()) {
            ids.push(id.to_owned());
        }
        self.ids.persons.extend(row["own_person_id"].as_str().and_then(|own| Uuid::parse_str(own).ok()));
        Ok(true)
    }
}
