//! What a question gathers beyond its share of memory: sorted runs in temporary files, which are merged as they are read.
//! Nothing of an answer depends on whether anything was written.

mod file;
mod gather;
mod record;
mod room;
mod runs;
mod tally;
#[cfg(test)]
mod tests;

pub use file::SpillFolder;
pub(crate) use gather::{Gather, Ranked, Sorted, number, ordered};
pub(crate) use record::{Record, Sums};
pub(crate) use room::Room;
pub(crate) use tally::{Tally, Totals};
