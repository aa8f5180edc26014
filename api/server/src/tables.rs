//! `GET /v1/tables`: what can be asked, in words.

use axum::Json;
use footfall_pipelines_store::query::{TableAbout, tables};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Tables {
    tables: Vec<TableAbout>,
}

pub(crate) async fn describe() -> Json<Tables> {
    Json(Tables { tables: tables() })
}
