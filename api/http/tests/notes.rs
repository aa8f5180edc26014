//! The example resource, exercised through every convention.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../examples/notes/access.rs"]
mod access;
#[path = "../examples/notes/resource.rs"]
mod resource;
#[path = "../examples/notes/site.rs"]
mod site;

#[path = "notes/conventions.rs"]
mod conventions;
#[path = "notes/document.rs"]
mod document;
#[path = "notes/doors.rs"]
mod doors;
#[path = "notes/gear.rs"]
mod gear;
#[path = "notes/once.rs"]
mod once;
#[path = "notes/pages.rs"]
mod pages;
#[path = "notes/table.rs"]
mod table;
