//! Operators: how each question is answered. One file per question; beside them how segments are shared out among
//! threads ([`engine`]), how selectors are compiled ([`compile`]) and rows read ([`reader`]).

mod active;
mod activities;
mod best;
mod coder;
mod cohort;
mod compare;
mod compile;
mod contingency;
mod correlation;
mod distribution;
mod division;
mod engine;
mod exposed;
mod exposed_levels;
mod exposure_caps;
mod exposure_moments;
mod exposure_places;
mod exposures;
mod funnel;
mod funnel_groups;
mod funnel_match;
mod funnel_steps;
mod lifecycle;
mod order;
mod path_counts;
mod path_names;
mod paths;
mod paths_kept;
mod people;
mod places;
mod presence;
mod ranking;
mod reader;
mod retention;
mod retention_groups;
mod session_test;
mod sessions;
mod sessions_kept;
mod stickiness;
mod sum;
mod time_between;
mod trend;
mod trend_groups;
mod trend_lines;
mod trend_new;
mod trend_numbers;
mod trend_others;
mod trend_people;
mod trend_persons;
mod trend_sessions;
mod trend_tally;

#[cfg(any(test, feature = "reference"))]
pub(crate) use correlation::of_counts;
pub(crate) use engine::Context;
pub use engine::{Asked, Engine};

/// An open end of time, far enough inside `i64` for sums.
const ALWAYS: (i64, i64) = (i64::MIN / 4, i64::MAX / 4);
