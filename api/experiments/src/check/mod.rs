//! What validation knows beyond single fields: conditions, circles of prerequisites, ranges of namespaces, power.

pub mod condition;
pub mod graph;
pub mod namespaces;
pub mod plan;
