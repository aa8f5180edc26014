//! What a question finds by name: the public tables of one snapshot, and the information schema about them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::information_schema::InformationSchemaProvider;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};
use datafusion::common::plan_datafusion_err;
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use super::config::Question;
use super::extra::ExtraTable;
use super::fold_traits::FoldTraits;
use super::guard::GuardedTable;
use super::lake_table::LakeTable;
use super::person::ResolvePerson;
use super::policy::Policy;
use super::postgres::Catalogue;
use super::remote_table::RemoteTable;
use super::session_id::SessionId;
use super::views::{VIEWS, View};
use super::zoned::zoned;
use crate::lake::ProjectSnapshot;
use crate::tables::Table;

/// The catalog's name in the information schema.
pub(super) const CATALOG: &str = "footfall";
pub(super) const PUBLIC: &str = "public";
const INFORMATION: &str = "information_schema";

/// Tables of the information schema that say nothing of the machine.
const INFORMATION_TABLES: &[&str] = &["tables", "views", "columns", "schemata", "routines", "parameters"];

/// The tables that one question may see. `template` knows the functions that views use.
pub(super) fn public_tables(
    template: &SessionState,
    snapshot: Arc<ProjectSnapshot>,
    store: ObjectStoreUrl,
    question: &Question,
) -> Arc<dyn SchemaProvider> {
    let policy = question.policy.clone();
    let extras = if policy.is_open() { question.extras.clone() } else { Vec::new() };
    let zone = question.time_zone.clone();
    Arc::new(PublicTables { snapshot, store, template: template.clone(), policy, extras, zone })
}

/// The catalogs of one question: its tables, the information schema about them, and what clients of PostgreSQL ask.
pub(super) fn catalogs(
    name: &str,
    public: Arc<dyn SchemaProvider>,
    postgres: Option<Catalogue>,
) -> Result<Arc<dyn CatalogProviderList>> {
    // A list of its own: within `list` it would hold itself, and the snapshot, for ever.
    let (described, catalog) = catalog_named(name);
    catalog.register_schema(PUBLIC, public.clone())?;
    // The engine's own information schema would show the settings too, with folders of this machine.
    let about = InformationSchemaProvider::new(described);
    let (list, catalog) = catalog_named(name);
    catalog.register_schema(PUBLIC, public)?;
    let (schema, own) = postgres.map_or((None, None), |all| (Some(all.pg_catalog), Some(all.information)));
    catalog.register_schema(INFORMATION, Arc::new(InformationTables { about, own: own.unwrap_or_default() }))?;
    if let Some(schema) = schema {
        catalog.register_schema("pg_catalog", schema)?;
    }
    Ok(list)
}

fn catalog_named(name: &str) -> (Arc<MemoryCatalogProviderList>, Arc<MemoryCatalogProvider>) {
    let list = Arc::new(MemoryCatalogProviderList::new());
    let catalog = Arc::new(MemoryCatalogProvider::new());
    list.register_catalog(name.to_owned(), catalog.clone());
    (list, catalog)
}

pub(super) async fn fetched(table: &dyn ExtraTable) -> Result<Arc<dyn TableProvider>> {
    let rows = table.rows().await.map_err(DataFusionError::Execution)?;
    Ok(Arc::new(MemTable::try_new(table.schema(), vec![rows])?))
}

/// Views are planned when they are named.
struct PublicTables {
    snapshot: Arc<ProjectSnapshot>,
    store: ObjectStoreUrl,
    template: SessionState,
    policy: Arc<Policy>,
    extras: Vec<Arc<dyn ExtraTable>>,
    zone: Option<Arc<str>>,
}

impl std::fmt::Debug for PublicTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublicTables")
    }
}

impl PublicTables {
    fn physical(&self, table: Table) -> Arc<dyn TableProvider> {
        match &self.snapshot.remote {
            Some(rows) => Arc::new(RemoteTable::new(table, rows.clone())),
            None => Arc::new(LakeTable::new(table, self.snapshot.clone(), self.store.clone())),
        }
    }

    /// The views that the asker may see.
    fn views(&self) -> impl Iterator<Item = &'static View> {
        VIEWS.iter().filter(|view| !self.policy.hides_table(view.name))
    }

    fn extra(&self, name: &str) -> Option<&Arc<dyn ExtraTable>> {
        self.extras.iter().find(|table| table.name() == name)
    }

    async fn shown(&self, view: &View) -> Result<Arc<dyn TableProvider>> {
        let table = self.view(view).await?;
        match self.policy.is_open() {
            true => Ok(table),
            false => Ok(Arc::new(GuardedTable::new(table, self.policy.clone())?)),
        }
    }

    async fn view(&self, view: &View) -> Result<Arc<dyn TableProvider>> {
        match (view.table, view.sql) {
            (Some(table), _) if self.snapshot.overrides.is_empty() => Ok(self.physical(table)),
            (_, Some(sql)) => {
                let plan = self.inside()?.create_logical_plan(sql).await?;
                Ok(Arc::new(ViewTable::new(plan, None)))
            }
            (_, None) => Err(plan_datafusion_err!("view {} has no definition", view.name)),
        }
    }

    /// A session that sees the physical tables and the functions of the views.
    fn inside(&self) -> Result<SessionState> {
        let (list, catalog) = catalog_named(CATALOG);
        let physical = MemorySchemaProvider::new();
        for &table in Table::ALL {
            physical.register_table(table.name().to_owned(), self.physical(table))?;
        }
        catalog.register_schema(PUBLIC, Arc::new(physical))?;
        let mut state = SessionStateBuilder::new_from_existing(self.template.clone()).with_catalog_list(list).build();
        let resolve = ResolvePerson::new(self.snapshot.overrides.clone());
        state.register_udf(Arc::new(ScalarUDF::from(resolve)))?;
        state.register_udf(Arc::new(ScalarUDF::from(SessionId::new())))?;
        state.register_udaf(Arc::new(AggregateUDF::from(FoldTraits::new())))?;
        Ok(state)
    }
}

#[async_trait]
impl SchemaProvider for PublicTables {
    fn table_names(&self) -> Vec<String> {
        let extras = self.extras.iter().map(|table| table.name().to_owned());
        self.views().map(|view| view.name.to_owned()).chain(extras).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let table = match (self.views().find(|view| view.name == name), self.extra(name)) {
            (Some(view), _) => self.shown(view).await?,
            (None, Some(table)) => fetched(table.as_ref()).await?,
            (None, None) => return Ok(None),
        };
        match &self.zone {
            Some(zone) => zoned(name, table, zone).map(Some),
            None => Ok(Some(table)),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.views().any(|view| view.name == name) || self.extra(name).is_some()
    }
}

#[derive(Debug)]
struct InformationTables {
    about: InformationSchemaProvider,
    /// Tables that stand before those of `about`.
    own: Arc<HashMap<String, Arc<dyn TableProvider>>>,
}

#[async_trait]
impl SchemaProvider for InformationTables {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = INFORMATION_TABLES.iter().map(|name| (*name).to_owned()).collect();
        names.extend(self.own.keys().filter(|name| !INFORMATION_TABLES.contains(&name.as_str())).cloned());
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(table) = self.own.get(name) {
            return Ok(Some(table.clone()));
        }
        match self.table_exist(name) {
            true => self.about.table(name).await,
            false => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        INFORMATION_TABLES.contains(&name) || self.own.contains_key(name)
    }
}
