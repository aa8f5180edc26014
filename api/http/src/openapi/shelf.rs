//! `/openapi.json`, `/reference` (the page that shows it), and `/problems/{code}`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::Told;
use crate::extract::Path;
use crate::problem::{Kind, Problem};
use crate::table::{Answer, Operation, Routes, get, public};

static PROBLEM_UNKNOWN: Kind = Kind::new(StatusCode::NOT_FOUND, "problem_unknown", "There is no problem of this code.");

/// What is served; filled when the table is complete.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<OnceLock<Filled>>);

struct Filled {
    document: Bytes,
    tag: HeaderValue,
    kinds: BTreeMap<&'static str, &'static Kind>,
}

impl Shelf {
    pub(crate) fn fill(&self, document: &Value, kinds: BTreeMap<&'static str, &'static Kind>) {
        let document = Bytes::from(document.to_string());
        let digest: String = Sha256::digest(&document).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
        drop(self.0.set(Filled { document, tag, kinds }));
    }

    fn filled(&self) -> Result<&Filled, Problem> {
        self.0.get().ok_or_else(|| Problem::internal("the table of routes is not complete"))
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
    let filled = shelf.filled()?;
    let tag = Some(filled.tag.clone());
    Ok(Typed(Asset { kind: KINDS[JSON], tag, content: filled.document.clone() }))
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
