//! Experiments and feature flags: who gets which variation, and what the result says. Pure: no I/O, no clock.

pub mod assign;
pub mod check;
pub mod pattern;
pub mod posthog;
pub mod statistics;
pub mod value;

pub use value::Value;
