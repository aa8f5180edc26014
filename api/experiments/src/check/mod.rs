//! What validation knows beyond single fields: conditions and the types of what they ask for, PostHog's filters, prerequisites and their circles, ranges of namespaces, power.

pub mod condition;
pub mod filters;
mod fitting;
pub mod graph;
pub mod namespaces;
pub mod needed;
pub mod plan;
