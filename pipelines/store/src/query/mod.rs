//! SQL over the lake: DataFusion with our tables, functions and limits.
//!
//! [`Engine`] answers a [`Question`] of one project with an [`Answer`], [`encode`] turns that into bytes, [`tables`] says
//! what can be asked. One question sees one moment of its project.

mod answer;
mod bounded;
mod catalog;
mod column_names;
mod config;
mod describe;
mod described;
mod driver_parameters;
mod encode;
mod engine;
mod error;
mod extra;
mod fold_traits;
mod functions;
mod guard;
mod lake_table;
mod mask_json;
mod memory;
mod midnight;
mod native;
mod parameters;
mod person;
mod planner;
mod policy;
mod postgres;
mod postgres_functions;
mod postgres_information;
mod postgres_rewrites;
mod postgres_tables;
mod promoted;
mod remote_table;
mod row_expression;
mod session;
mod session_id;
mod spelled;
mod spellings;
mod turns;
mod views;
mod yielding;
mod zoned;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use config::{Dialect, EngineConfig, Question, QuestionLimits};
pub use describe::{ColumnAbout, TableAbout, tables};
pub use described::Described;
pub use driver_parameters::{ParameterContent, ParameterKind, ParameterValue};
pub use encode::{EncodedStream, Format, as_json, encode, kind_of, plain_batch, plain_schema};
pub use engine::{Engine, Snapshots};
pub use error::{Position, QueryError};
pub use extra::ExtraTable;
pub use functions::ExtraFunction;
pub use policy::{Condition, Policy, Subject};
pub use postgres_functions::{VERSION as POSTGRES_VERSION, setting as postgres_setting};
pub use row_expression::RowExpression;
pub use zoned::is_time_zone;
