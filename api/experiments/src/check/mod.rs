//! What validation knows beyond single fields: conditions, PostHog's filters, circles of prerequisites, ranges of namespaces, power.

pub mod condition;
pub mod filters;
pub mod graph;
pub mod namespaces;
pub mod plan;
