//! Dashboards, saved questions, annotations, schedules, and dashboards given away.
//!
//! routes (`resources/`) → [`Boards`] → documents and their rules (`document/`, `yaml/`) → SQL (`storage/`). A dashboard is its
//! YAML file, kept byte for byte. What tiles ask is made ready in `answers` and answered behind the seam [`Answers`].

mod answers;
mod boards;
mod built_in;
mod document;
mod error;
mod faults;
mod pdf;
mod resources;
mod schedule;
mod storage;
mod viewing;
mod yaml;
mod zone;

pub use answers::{Answers, InsightAnswer, Listened, RowFormat, SqlAsked, Unanswered};
pub use boards::{Author, Boards};
pub use error::BoardError;
pub use resources::add;
pub use storage::{AREA, MIGRATIONS};
