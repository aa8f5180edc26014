//! `GET /v1/tables`: what can be asked, in words.

use axum::Extension;
use footfall_api_app::{May, Member};
use footfall_api_http::{Problem, Routes, Told, get, signed_in};
use footfall_api_sql::AUDIT_TEXTS;
use footfall_pipelines_store::query::{ColumnAbout, TableAbout, tables};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Data;

#[derive(Serialize, JsonSchema)]
struct Tables {
    tables: Vec<TableInWords>,
}

#[derive(Serialize, JsonSchema)]
struct TableInWords {
    name: &'static str,
    /// What a row is.
    about: &'static str,
    columns: Vec<ColumnInWords>,
}

#[derive(Serialize, JsonSchema)]
struct ColumnInWords {
    name: &'static str,
    /// The word that answers use: string, integer, float, boolean, timestamp, list.
    #[serde(rename = "type")]
    kind: &'static str,
    nullable: bool,
    about: &'static str,
}

pub(crate) fn routes() -> Routes<Data, May> {
    let reason = "The same for every project, and written in the documents.";
    Routes::new(
        "tables",
        "What can be asked in SQL.",
        [get("/v1/tables", signed_in(reason), describe, "The tables and their columns in words.")],
    )
}

impl From<TableAbout> for TableInWords {
    fn from(table: TableAbout) -> TableInWords {
        let TableAbout { name, about, columns } = table;
        TableInWords { name, about, columns: columns.into_iter().map(ColumnInWords::from).collect() }
    }
}

impl From<ColumnAbout> for ColumnInWords {
    fn from(column: ColumnAbout) -> ColumnInWords {
        let ColumnAbout { name, kind, nullable, about } = column;
        ColumnInWords { name, kind, nullable, about }
    }
}

async fn describe(Extension(_): Extension<Member>) -> Result<Told<Tables>, Problem> {
    let tables = tables().into_iter().map(TableInWords::from).chain([audit_in_words()]).collect();
    Ok(Told(Tables { tables }))
}

fn audit_in_words() -> TableInWords {
    let column = |name, kind, about| ColumnInWords { name, kind, nullable: false, about };
    let first = [
        column("sequence", "integer", "The record's place in the chain."),
        column("at", "timestamp", "When it was done."),
    ];
    let texts = AUDIT_TEXTS.iter().map(|(name, about, _)| column(name, "string", about));
    let about = "What was done in the organisation, for roles with the permission audit.read.";
    TableInWords { name: "audit", about, columns: first.into_iter().chain(texts).collect() }
}
