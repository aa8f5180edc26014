//! What an experiment's result says: from sufficient statistics to effects, intervals and plain answers.
//!
//! Formulas, sources and what is done in degenerate cases: `docs/experiments/statistics.md`.

mod analysis;
pub mod bandit;
pub mod bayesian;
pub mod capping;
pub mod counts;
pub mod cupac;
pub mod distribution;
mod effect;
pub mod fallback;
pub mod group_sequential;
pub mod heterogeneity;
pub mod interaction;
mod matrix;
mod metric;
mod moments;
pub mod multiplicity;
pub mod periods;
mod post_stratified;
pub mod power;
pub mod quadrature;
pub mod special;
pub mod srm;
mod stratified;
pub mod switchback;
mod test;
mod thin;

pub use analysis::{Analysis, Method, Settings, analyse, analyse_above_nothing, analyse_periods, analyse_strata};
pub use effect::{Difference, Effect, Refusal, degrees_of_freedom};
pub use metric::{Quantile, Statistic, Values, adjusted, theta_of};
pub use moments::Moments;
pub use test::{Alternative, SEQUENTIAL_P_RANGE, Sequential, Test, sequential_multiplier, welch};
