//! `/openapi.json`, `/reference` (the page that shows it), and `/problems/{code}`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::document::Document;
use crate::answer::Told;
use crate::extract::Path;
use crate::problem::{Kind, Problem};
use crate::table::{Answer, Operation, Routes, TableError, get, public};

static PROBLEM_UNKNOWN: Kind = Kind::new(StatusCode::NOT_FOUND, "problem_unknown", "There is no problem of this code.");

/// What is served; filled when the table is complete.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<OnceLock<Filled>>);

struct Filled {
    document: Document,
    /// Made for the first who asks; those beside wait for it.
    file: OnceLock<Result<File, TableError>>,
    kinds: BTreeMap<&'static str, &'static Kind>,
}

/// The document as it is sent.
#[derive(Clone)]
struct File {
    content: Bytes,
    tag: HeaderValue,
}

impl Filled {
    fn make(&self) -> Result<File, TableError> {
        let content = Bytes::from(self.document.written()?.to_string());
        let digest: String = Sha256::digest(&content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
        Ok(File { content, tag })
    }
}

impl Shelf {
    pub(crate) fn fill(&self, document: Document, kinds: BTreeMap<&'static str, &'static Kind>) {
        drop(self.0.set(Filled { document, file: OnceLock::new(), kinds }));
    }

    fn filled(&self) -> Result<&Filled, Problem> {
        self.0.get().ok_or_else(|| Problem::internal("the table of routes is not complete"))
    }

    fn file(&self) -> Result<File, Problem> {
        let filled = self.filled()?;
        filled.file.get_or_init(|| filled.make()).clone().map_err(Problem::internal)
    }
}

/// A file that is part of the program.
pub(crate) struct Asset {
    kind: &'static str,
    tag: Option<HeaderValue>,
    content: Bytes,
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Ok(Asset {
            kind: $kind,
            tag: None,
            content: Bytes::from_static(include_bytes!(concat!("../../../../dashboards/reference/", $name))),
        })
    };
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.kind)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        let mut response = (headers, self.content).into_response();
        response.headers_mut().extend(self.tag.map(|tag| (header::ETAG, tag)));
        response
    }
}

impl Answer for Asset {
    fn describe(operation: &mut Operation<'_>) {
        let content = vec![("text/html", json!({"type": "string"}))];
        operation.replies(StatusCode::OK, "A page.", &[], content);
    }
}

/// A script, a style or the document: what the type says is its media type.
pub(crate) struct Typed<const KIND: usize>(Asset);

const KINDS: [&str; 3] = ["application/json", "text/javascript", "text/css"];
const JSON: usize = 0;
const SCRIPT: usize = 1;
const STYLE: usize = 2;

impl<const KIND: usize> IntoResponse for Typed<KIND> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<const KIND: usize> Answer for Typed<KIND> {
    fn describe(operation: &mut Operation<'_>) {
        let kind = if KIND == JSON { "object" } else { "string" };
        let headers: &[&str] = if KIND == JSON { &["ETag"] } else { &[] };
        operation.replies(StatusCode::OK, "The file.", headers, vec![(KINDS[KIND], json!({"type": kind}))]);
    }
}

pub(crate) fn routes<P>() -> Routes<Shelf, P> {
    let open = || public("It describes the program and nothing of its data.");
    Routes::new(
        "reference",
        "What this API is.",
        [
            get("/openapi.json", open(), document, "This document."),
            get("/reference", open(), page, "This document as a page."),
            get("/reference/reference.js", open(), script, "The page's script."),
            get("/reference/reference.css", open(), style, "The page's style."),
            get("/problems", open(), problems, "All problems by code."),
            get("/problems/{code}", open(), problem, "What a problem means.").raises([&PROBLEM_UNKNOWN]),
        ],
    )
}

async fn document(State(shelf): State<Shelf>) -> Result<Typed<JSON>, Problem> {
    let is_made = shelf.filled()?.file.get().is_some();
    let File { content, tag } = match is_made {
        true => shelf.file()?,
        // It takes a while, and other requests must not wait for it.
        false => tokio::task::spawn_blocking(move || shelf.file()).await.map_err(Problem::internal)??,
    };
    Ok(Typed(Asset { kind: KINDS[JSON], tag: Some(tag), content }))
}

async fn page() -> Result<Asset, Problem> {
    asset!("index.html", "text/html; charset=utf-8")
}

async fn script() -> Result<Typed<SCRIPT>, Problem> {
    asset!("reference.js", "text/javascript; charset=utf-8").map(Typed)
}

async fn style() -> Result<Typed<STYLE>, Problem> {
    asset!("reference.css", "text/css; charset=utf-8").map(Typed)
}

/// What a code means.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Meaning {
    code: &'static str,
    status: u16,
    title: &'static str,
}

impl From<&'static Kind> for Meaning {
    fn from(kind: &'static Kind) -> Meaning {
        Meaning { code: kind.code, status: kind.status.as_u16(), title: kind.title }
    }
}

/// Every code.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Meanings {
    items: Vec<Meaning>,
}

async fn problems(State(shelf): State<Shelf>) -> Result<Told<Meanings>, Problem> {
    let items = shelf.filled()?.kinds.values().copied().map(Meaning::from).collect();
    Ok(Told(Meanings { items }))
}

async fn problem(State(shelf): State<Shelf>, Path(code): Path<String>) -> Result<Told<Meaning>, Problem> {
    let kind = shelf.filled()?.kinds.get(code.as_str()).copied();
    kind.map(|kind| Told(kind.into()))
        .ok_or_else(|| Problem::new(&PROBLEM_UNKNOWN).detail("GET /problems lists all codes."))
}
