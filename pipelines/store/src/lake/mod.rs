//! The embedded store: an LSM of Parquet runs.
//!
//! The log is the write-ahead log, fresh rows wait in memory, a flush writes them as sorted Parquet files and swaps in a
//! new manifest, compaction joins files. One manifest names the files of all tables and the log's checkpoint, so that
//! all of it changes in one rename. Message keys of the de-duplication window lie in sorted runs with Bloom filters.

mod background;
mod compact;
mod data_file;
mod delta;
mod erase;
mod erasures;
mod flush;
mod fold;
mod folder;
mod fresh;
mod hold;
mod key_filter;
mod key_index;
mod key_run;
#[expect(clippy::module_inception, reason = "the lake itself")]
mod lake;
mod lineage;
mod manifest;
mod options;
mod orphans;
mod overrides;
pub(crate) mod promote;
mod reader;
mod snapshot;
mod table_scan;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

pub(crate) use data_file::to_table_schema;
pub use erasures::{add_erasures, read_erasures};
pub use hold::{HeldData, HeldLake};
pub(crate) use key_filter::KeyFilter;
pub use key_index::{KeyHasher, KeySet};
pub use lake::{Lake, LakeStatus};
pub use lineage::Lineage;
pub use options::LakeOptions;
pub use snapshot::{DataFile, Overrides, ProjectSnapshot, TableView};
pub use table_scan::{TableScan, fresh_columns};
pub use verify::{LakeReport, verify};
