//! Who is whom: claims that two ids are one person, decided one after the other, and taken back.
//!
//! [`IdentityGraph`] is pure state of one project. It is a left fold over the rows of the table `person_merges`, so that
//! reading those rows gives it back exactly; only claims that change something, and the first refusal of a pair, make a row.

mod claim;
mod graph;
mod members;
mod rows;

pub use claim::{Claim, ClaimKind, Outcome};
pub use graph::{IdentityGraph, Made};
pub use members::PersonChange;
pub use rows::{MergeRow, MergeRowKind, merge_rows_from, merge_rows_into};
