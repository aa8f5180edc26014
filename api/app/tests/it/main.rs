//! The API of the app end to end over HTTP, in process: flows on SQLite and on PostgreSQL, who may what, attacks, the document.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../access/tests/it/stage.rs"]
#[macro_use]
mod stage;

mod attacks;
mod browsers;
mod document;
mod flows;
mod gear;
mod interop;
mod map;
mod matrix;
mod organisations;
mod stored;
mod webhooks;
