//! The whole system from outside: one test binary, a real `footfall` process for each test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod accounts;
mod cases;
mod crash;
mod disk_full;
mod document;
mod experiment;
mod experiment_shop;
mod fates;
mod first_minute;
mod formats;
mod gear;
mod http;
mod import;
mod insights;
mod kafka;
mod lake_readers;
mod matrix;
mod page;
mod relay;
mod scaleout;
mod scaleout_load;
mod sdks;
mod seed;
mod server;
mod sessions_identity;
mod sql_doors;
mod store;
mod stores;
mod tidy;
mod torn;
