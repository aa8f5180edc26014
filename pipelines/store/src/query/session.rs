//! What a question runs in: our functions and settings, the tables of one snapshot.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use super::catalog::{self, CATALOG};
use super::config::{Bounds, EngineConfig, Question};
use super::person::OwnPersons;
use super::yielding::YieldAfterJoins;
use crate::lake::ProjectSnapshot;

/// Functions that make values of any size out of nothing, before any limit can see them.
const UNBOUNDED: &[&str] = &["repeat", "lpad", "rpad", "array_repeat", "array_resize", "range", "generate_series"];

/// One part in so many of a thread's share of the memory is kept for merging sorted runs.
const MERGE_SHARE: usize = 8;

/// The session that all others are copies of.
pub(super) fn template(config: &EngineConfig) -> Result<SessionState> {
    let mut session = SessionConfig::new().with_target_partitions(config.threads.max(1));
    let options = session.options_mut();
    options.catalog.create_default_catalog_and_schema = false;
    options.catalog.default_catalog = CATALOG.to_owned();
    options.catalog.information_schema = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.sql_parser.collect_spans = true;
    let mut state = SessionStateBuilder::new()
        .with_config(session)
        .with_default_features()
        .with_physical_optimizer_rule(Arc::new(YieldAfterJoins))
        .build();
    datafusion_functions_json::register_all(&mut state)?;
    for name in UNBOUNDED {
        state.deregister_udf(name)?;
    }
    Ok(state)
}

/// The session of one question.
pub(super) fn of(
    template: &SessionState,
    snapshot: Arc<ProjectSnapshot>,
    store: ObjectStoreUrl,
    environment: RuntimeEnv,
    bounds: Bounds,
    question: &Question,
) -> Result<SessionState> {
    let mut session = template.config().clone();
    // What every sort keeps back for merging its runs; the engine's fixed amount is more than a small question has.
    let merging = bounds.memory_bytes_max / (MERGE_SHARE * session.target_partitions());
    let execution = &mut session.options_mut().execution;
    execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(merging);
    let overrides = snapshot.overrides.clone();
    // The rule moves expressions below projections, and takes one whose columns keep their names for none at all. A view of merged
    // persons is such a projection: it would be lost (docs/decisions/022).
    session.options_mut().optimizer.enable_leaf_expression_pushdown = overrides.is_empty();
    let catalogs = catalog::catalogs(template, snapshot, store, question)?;
    let mut builder = SessionStateBuilder::new_from_existing(template.clone())
        .with_config(session)
        .with_catalog_list(catalogs)
        .with_runtime_env(Arc::new(environment));
    if !overrides.is_empty() {
        builder = builder.with_optimizer_rule(Arc::new(OwnPersons::new(overrides)));
    }
    Ok(builder.build())
}
