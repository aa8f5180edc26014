//! The insights engine: every product question, answered from a projection of the activity table that is laid out for
//! it. [`definition`] says what can be asked and what it means, [`projection`] is the physical layout and how rows get
//! into it, [`operators`] answer. `docs/insights/engine.md` has the layout's reasons and its figures.

mod clickhouse;
mod control;
pub mod definition;
mod error;
mod estimate;
mod memory;
pub mod operators;
mod people_list;
pub mod projection;
#[cfg(any(test, feature = "reference"))]
pub mod reference;
mod spill;

#[cfg(test)]
mod tests;

pub use clickhouse::{clickhouse_sql, clickhouse_unsaid};
pub use control::Control;
pub use error::InsightError;
pub use estimate::rows_about;
pub use memory::{Counted, MemoryPool};
pub use operators::{Asked, Engine};
pub use people_list::PeopleList;
pub use spill::SpillFolder;
