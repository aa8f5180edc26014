//! `pg_catalog` for clients of PostgreSQL: which tables a question may see, in the tables that such clients ask.
//!
//! Only a question that names the catalogue is planned with it; every other one is planned as over REST, word for word.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::VisitMut;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use datafusion_pg_catalog::pg_catalog as pg;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use super::catalog::PUBLIC;
use super::error::QueryError;
use super::postgres_functions::functions;
use super::postgres_information;
use super::postgres_rewrites::Rewrites;
use super::postgres_tables::{self, CatalogueTables, OwnTables};

/// Words that make a question one about the catalogue; so does every word that begins with `pg_`.
const WORDS: &[&str] = &[
    "regclass",
    "regtype",
    "regproc",
    "regnamespace",
    "oid",
    "version",
    "current_database",
    "current_catalog",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_user",
    "session_user",
    "set_config",
    "format_type",
    "quote_ident",
    "obj_description",
    "col_description",
    "shobj_description",
    "has_table_privilege",
    "has_schema_privilege",
    "has_database_privilege",
    "has_any_column_privilege",
    "has_column_privilege",
    "txid_current",
    "inet_server_addr",
    "inet_client_addr",
    "inet_server_port",
    "inet_client_port",
    "information_schema",
    "to_regclass",
    "to_regtype",
    "to_regnamespace",
    "getdatabaseencoding",
];

/// Only the JDBC driver's question for primary keys calls this; the engine has no such table function, and our tables have no keys.
const OF_KEYS: &str = "_pg_expandarray";
const NO_KEYS: &str = "SELECT NULL::text AS \"TABLE_CAT\", NULL::text AS \"TABLE_SCHEM\", NULL::text AS \"TABLE_NAME\",
    NULL::text AS \"COLUMN_NAME\", NULL::int AS \"KEY_SEQ\", NULL::text AS \"PK_NAME\" WHERE false";

/// Projects whose catalogue is remembered; they are small, and begin anew when there are more.
const REMEMBERED_MAX: usize = 256;

static PARSER: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

/// True when the text asks about tables rather than of them.
pub(super) fn is_about_catalogue(tokens: &[TokenWithSpan]) -> bool {
    tokens.iter().any(|token| match &token.token {
        Token::Word(word) => {
            let name = word.value.to_ascii_lowercase();
            name.starts_with("pg_") || WORDS.contains(&name.as_str())
        }
        _ => false,
    })
}

/// The statements of a text about the catalogue, in words that the engine has.
pub(super) fn parse(sql: &str) -> Result<VecDeque<Statement>, QueryError> {
    let failed = |error: datafusion::sql::sqlparser::parser::ParserError| {
        QueryError::from(datafusion::error::DataFusionError::SQL(Box::new(error), None))
    };
    let sql = if sql.contains(OF_KEYS) { NO_KEYS } else { sql };
    let mut statements = PARSER.parse(sql).map_err(failed)?;
    let _: ControlFlow<()> = statements.visit(&mut Rewrites);
    Ok(statements.into_iter().map(|statement| Statement::Statement(Box::new(statement))).collect())
}

/// Which catalogue: object ids stay the same as long as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CatalogueOf {
    pub project: Arc<str>,
    /// The tables that the asker sees.
    pub tables: Vec<String>,
}

/// Two schemas that say which tables there are.
#[derive(Clone)]
pub(super) struct Catalogue {
    pub pg_catalog: Arc<dyn SchemaProvider>,
    /// Tables of the information schema as PostgreSQL has them.
    pub information: Arc<HashMap<String, Arc<dyn TableProvider>>>,
}

type Provider = pg::PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, EmptyContextProvider>;

/// What all questions about the catalogue share.
pub(super) struct Postgres {
    /// A session with PostgreSQL's functions.
    template: SessionState,
    fixed: Arc<pg::PgCatalogStaticTables>,
    own: Arc<OwnTables>,
    known: Mutex<HashMap<CatalogueOf, Catalogue>>,
}

impl Postgres {
    pub fn new(template: &SessionState) -> Result<Self> {
        let fixed = Arc::new(pg::PgCatalogStaticTables::try_new()?);
        let own = Arc::new(postgres_tables::tables()?);
        Ok(Postgres { template: with_functions(template, &fixed)?, fixed, own, known: Mutex::default() })
    }

    pub fn template(&self) -> &SessionState {
        &self.template
    }

    /// The catalogue of the tables of `public`, which are looked at the first time only.
    pub async fn catalogue(&self, of: CatalogueOf, public: &dyn SchemaProvider) -> Result<Catalogue> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&of).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let (tables, mut schemas) = (MemorySchemaProvider::new(), Vec::new());
        for name in &of.tables {
            if let Some(table) = public.table(name).await? {
                schemas.push((name.clone(), table.schema()));
                tables.register_table(name.clone(), Arc::new(EmptyTable::new(table.schema())))?;
            }
        }
        let list: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let catalog = Arc::new(MemoryCatalogProvider::new());
        catalog.register_schema(PUBLIC, Arc::new(tables))?;
        catalog.register_schema("pg_catalog", Arc::new(MemorySchemaProvider::new()))?;
        list.register_catalog(of.project.to_string(), catalog);
        let provider: Provider = pg::PgCatalogSchemaProvider::try_new(list, self.fixed.clone(), EmptyContextProvider)?;
        let information = Arc::new(postgres_information::tables(&of.project, &schemas)?);
        let pg_catalog = Arc::new(CatalogueTables::new(Arc::new(provider), self.own.clone()));
        let catalogue = Catalogue { pg_catalog, information };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        Ok(known.entry(of).or_insert(catalogue).clone())
    }

    /// Functions that answer for one project.
    pub fn register(state: &mut SessionState, project: &str) -> Result<()> {
        state.register_udf(Arc::new(pg::create_current_database_udf(project)))?;
        Ok(())
    }
}

fn with_functions(template: &SessionState, fixed: &pg::PgCatalogStaticTables) -> Result<SessionState> {
    let planner = Arc::new(pg::oid_type_planner::PgOidTypePlanner);
    let state = SessionStateBuilder::new_from_existing(template.clone()).with_type_planner(planner).build();
    let session = SessionContext::new_with_state(state);
    let all = [
        pg::create_current_schema_udf(),
        pg::create_current_schemas_udf(),
        pg::create_pg_get_userbyid_udf(),
        pg::create_pg_table_is_visible(),
        pg::format_type::create_format_type_udf(),
        pg::create_session_user_udf(),
        pg::pg_get_expr_udf::create_pg_get_expr_udf(),
        pg::create_pg_get_partkeydef_udf(),
        pg::create_pg_relation_is_publishable_udf(),
        pg::create_pg_get_statisticsobjdef_columns_udf(),
        pg::create_pg_encoding_to_char_udf(),
        pg::create_pg_backend_pid_udf(),
        pg::create_pg_relation_size_udf(),
        pg::create_pg_total_relation_size_udf(),
        pg::create_pg_stat_get_numscans(),
        pg::create_pg_get_constraintdef(),
        pg::create_pg_get_partition_ancestors_udf(),
        pg::quote_ident_udf::create_quote_ident_udf(),
        pg::quote_ident_udf::create_parse_ident_udf(),
        pg::array_bounds_udf::create_array_upper_udf(),
        pg::array_bounds_udf::create_array_lower_udf(),
    ];
    for function in all.into_iter().chain(functions()) {
        session.register_udf(function);
    }
    session.register_udtf("pg_get_keywords", fixed.pg_get_keywords.clone());
    // `array_upper` and its like are 4 bytes long; the engine's series takes 8.
    pg::generate_series_arg_coercion::CoerceIntArgsToBigInt::widen(&session);
    Ok(session.state())
}
