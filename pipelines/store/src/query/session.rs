//! What a question runs in: our functions and settings, the tables of one snapshot.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionConfig;

use super::bounded::{self, BoundFunctions, Meter, UnnestInRuns};
use super::catalog::{self, CATALOG};
use super::config::{Bounds, Dialect, EngineConfig, Question};
use super::functions::Called;
use super::midnight::Midnight;
use super::person::OwnPersons;
use super::postgres::{CatalogueOf, Postgres};
use super::spellings::{Patterns, Timezone};
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
    // Without one, `TIMESTAMPTZ` and `now()` are times without a zone.
    options.execution.time_zone = Some("UTC".to_owned());
    // What lies together by person is grouped by person and more where it lies, in its order, and kept for one person at a time
    // (sessions); threads are too few for that to leave one idle.
    options.optimizer.subset_repartition_threshold = 1;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.sql_parser.collect_spans = true;
    let mut state = SessionStateBuilder::new()
        .with_config(session)
        // It stands before the engine's own.
        .with_expr_planners(vec![Arc::new(Patterns)])
        .with_default_features()
        .with_physical_optimizer_rule(Arc::new(UnnestInRuns))
        .with_physical_optimizer_rule(Arc::new(YieldAfterJoins))
        .build();
    datafusion_functions_json::register_all(&mut state)?;
    state.register_udf(Arc::new(ScalarUDF::from(Timezone::new())))?;
    for name in UNBOUNDED {
        state.deregister_udf(name)?;
    }
    Ok(state)
}

/// What the session of one question is made of.
pub(super) struct Ingredients<'a> {
    pub template: &'a SessionState,
    /// For questions about PostgreSQL's catalogue.
    pub postgres: Option<&'a Postgres>,
    pub project: &'a str,
    pub snapshot: Arc<ProjectSnapshot>,
    pub store: ObjectStoreUrl,
    pub environment: RuntimeEnv,
    pub bounds: Bounds,
}

/// The session of one question.
pub(super) async fn of(given: Ingredients<'_>, question: &Question) -> Result<SessionState> {
    let Ingredients { template, postgres, project, snapshot, store, environment, bounds } = given;
    let mut session = template.config().clone();
    // What every sort keeps back for merging its runs; the engine's fixed amount is more than a small question has.
    let merging = bounds.memory_bytes_max / (MERGE_SHARE * session.target_partitions());
    let execution = &mut session.options_mut().execution;
    execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(merging);
    let overrides = snapshot.overrides.clone();
    // The rule moves expressions below projections, and takes one whose columns keep their names for none at all. A view of merged
    // persons is such a projection: it would be lost (docs/decisions/022).
    // So is one whose times are in another zone, and the table of tables.
    session.options_mut().optimizer.enable_leaf_expression_pushdown =
        overrides.is_empty() && question.time_zone.is_none() && postgres.is_none();
    if let Some(zone) = &question.time_zone {
        session.options_mut().execution.time_zone = Some(zone.to_string());
    }
    let public = catalog::public_tables(template, snapshot, store, question);
    let catalogue = match postgres {
        Some(postgres) => {
            let of = CatalogueOf { project: project.into(), tables: public.table_names() };
            Some(postgres.catalogue(of, public.as_ref()).await?)
        }
        None => None,
    };
    // Clients of PostgreSQL call a catalog a database, and ours are the projects.
    let name = if question.dialect == Dialect::Postgres { project } else { CATALOG };
    session.options_mut().catalog.default_catalog = name.to_owned();
    let catalogs = catalog::catalogs(name, public, catalogue)?;
    let meter = Arc::new(Meter::new(environment.memory_pool.clone(), bounds.time_limit));
    let functions = postgres.map_or(template, Postgres::template);
    let mut builder = SessionStateBuilder::new_from_existing(functions.clone())
        .with_config(session)
        .with_catalog_list(catalogs)
        .with_runtime_env(Arc::new(environment));
    if !overrides.is_empty() {
        builder = builder.with_optimizer_rule(Arc::new(OwnPersons::new(overrides)));
    }
    if question.time_zone.is_some() {
        // Before the coercion of types.
        builder.analyzer().get_or_insert_default().rules.insert(0, Arc::new(Midnight));
    }
    // After it.
    builder.analyzer().get_or_insert_default().rules.push(Arc::new(BoundFunctions::new(meter.clone())));
    let mut state = builder.build();
    // One moment is now for all of the question.
    let options = state.config_options().clone();
    state.execution_props_mut().mark_start_execution(options);
    if question.policy.is_open() {
        for function in &question.functions {
            let called = Called { function: function.clone(), zone: question.time_zone.clone() };
            state.register_udtf(function.name(), Arc::new(called));
        }
    }
    if let Some(zone) = &question.time_zone {
        state.register_udf(Arc::new(ScalarUDF::from(Timezone::of(zone.clone()))))?;
    }
    if postgres.is_some() {
        Postgres::register(&mut state, project)?;
    }
    bounded::register(&mut state, &meter)?;
    Ok(state)
}
