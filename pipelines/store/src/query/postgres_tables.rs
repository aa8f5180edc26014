//! Tables of `pg_catalog` that clients of PostgreSQL ask beside those of the library, and those that tell of this store otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};

use super::postgres_functions::SETTINGS;

/// Tables by their names.
pub(super) type OwnTables = HashMap<&'static str, Arc<dyn TableProvider>>;

const RELATIONS: &str = "pg_class";
pub(super) const SETTINGS_TABLE: &str = "pg_settings";
const ROLES: &str = "pg_roles";

/// Tables in which there is nothing, with their columns. The letter behind a colon is the type, which is text without one: `b`oolean,
/// `h`alf, `i`nteger, `l`ong, `f`loat, `t`ime, and lists of `H`alves, `I`ntegers and te`X`ts.
const EMPTY: &[(&str, &str)] = &[
    // Ours have no keys. The library tells those of PostgreSQL's own tables, as texts.
    (
        "pg_constraint",
        "oid:i conname connamespace:i contype condeferrable:b condeferred:b convalidated:b conrelid:i contypid:i \
         conindid:i conparentid:i confrelid:i confupdtype confdeltype confmatchtype conislocal:b coninhcount:h \
         connoinherit:b conkey:H confkey:H conpfeqop:I conppeqop:I conffeqop:I confdelsetcols:H conexclop:I conbin",
    ),
    (
        "pg_index",
        "indexrelid:i indrelid:i indnatts:h indnkeyatts:h indisunique:b indnullsnotdistinct:b indisprimary:b \
         indisexclusion:b indimmediate:b indisclustered:b indisvalid:b indcheckxmin:b indisready:b indislive:b \
         indisreplident:b indkey:H indcollation:I indclass:I indoption:H indexprs indpred",
    ),
    ("pg_indexes", "schemaname tablename indexname tablespace indexdef"),
    (
        "pg_sequences",
        "schemaname sequencename sequenceowner data_type start_value:l min_value:l max_value:l increment_by:l cycle:b \
         cache_size:l last_value:l",
    ),
    ("pg_rules", "schemaname tablename rulename definition"),
    ("pg_policies", "schemaname tablename policyname permissive roles:X cmd qual with_check"),
    (
        "pg_stats",
        "schemaname tablename attname inherited:b null_frac:f avg_width:i n_distinct:f most_common_vals:X \
         most_common_freqs histogram_bounds:X correlation:f",
    ),
    ("pg_user", "usename usesysid:i usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd valuntil:t useconfig:X"),
    ("pg_shadow", "usename usesysid:i usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd valuntil:t useconfig:X"),
    ("pg_group", "groname grosysid:i grolist:I"),
    ("pg_user_mappings", "umid:i srvid:i srvname umuser:i usename umoptions:X"),
    (
        "pg_locks",
        "locktype database:i relation:i page:i tuple:h virtualxid transactionid:i classid:i objid:i objsubid:h \
         virtualtransaction pid:i mode granted:b fastpath:b waitstart:t",
    ),
    ("pg_cursors", "name statement is_holdable:b is_binary:b is_scrollable:b creation_time:t"),
    (
        "pg_prepared_statements",
        "name statement prepare_time:t parameter_types:X result_types:X from_sql:b generic_plans:l custom_plans:l",
    ),
    ("pg_prepared_xacts", "transaction:i gid prepared:t owner database"),
    ("pg_available_extensions", "name default_version installed_version comment"),
    ("pg_transform", "oid:i trftype:i trflang:i trffromsql trftosql"),
    ("pg_parameter_acl", "oid:i parname paracl:X"),
    (
        "pg_stat_activity",
        "datid:i datname pid:i leader_pid:i usesysid:i usename application_name client_addr client_hostname client_port:i \
         backend_start:t xact_start:t query_start:t state_change:t wait_event_type wait_event state backend_xid:i \
         backend_xmin:i query_id:l query backend_type",
    ),
    (
        "pg_stat_database",
        "datid:i datname numbackends:i xact_commit:l xact_rollback:l blks_read:l blks_hit:l tup_returned:l tup_fetched:l \
         tup_inserted:l tup_updated:l tup_deleted:l conflicts:l temp_files:l temp_bytes:l deadlocks:l blk_read_time:f \
         blk_write_time:f stats_reset:t",
    ),
    (
        "pg_stat_user_indexes",
        "relid:i indexrelid:i schemaname relname indexrelname idx_scan:l last_idx_scan:t idx_tup_read:l idx_tup_fetch:l",
    ),
    ("pg_stat_ssl", "pid:i ssl:b version cipher bits:i client_dn client_serial issuer_dn"),
    ("pg_stat_wal_receiver", "pid:i status"),
];

const SETTINGS_COLUMNS: &str = "name setting unit category short_desc extra_desc context vartype source min_val max_val \
                                enumvals:X boot_val reset_val sourcefile sourceline:i pending_restart:b";

const ROLE_COLUMNS: &str = "rolname rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b rolreplication:b \
                            rolconnlimit:i rolpassword rolvaliduntil:t rolbypassrls:b rolconfig:X oid:i";

/// True for a table that is told here.
pub(super) fn is_own(name: &str) -> bool {
    [SETTINGS_TABLE, ROLES].contains(&name) || EMPTY.iter().any(|(table, _)| *table == name)
}

fn column(told: &str) -> Field {
    let (name, kind) = told.split_once(':').unwrap_or((told, ""));
    let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
    let data_type = match kind {
        "b" => DataType::Boolean,
        "h" => DataType::Int16,
        "i" => DataType::Int32,
        "l" => DataType::Int64,
        "f" => DataType::Float64,
        "t" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "H" => list(DataType::Int16),
        "I" => list(DataType::Int32),
        "X" => list(DataType::Utf8),
        _ => DataType::Utf8,
    };
    Field::new(name, data_type, true)
}

fn schema(columns: &str) -> Arc<Schema> {
    Arc::new(Schema::new(columns.split_whitespace().map(column).collect::<Vec<_>>()))
}

/// All of them.
pub(super) fn tables() -> Result<OwnTables> {
    let mut tables = OwnTables::new();
    for &(name, columns) in EMPTY {
        tables.insert(name, Arc::new(MemTable::try_new(schema(columns), vec![vec![]])?));
    }
    tables.insert(SETTINGS_TABLE, settings()?);
    tables.insert(ROLES, roles()?);
    Ok(tables)
}

/// What `SHOW` and `current_setting` say.
fn settings() -> Result<Arc<dyn TableProvider>> {
    let schema = schema(SETTINGS_COLUMNS);
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "name" => Arc::new(StringArray::from_iter_values(SETTINGS.iter().map(|(name, _)| *name))),
            "setting" | "boot_val" | "reset_val" => {
                Arc::new(StringArray::from_iter_values(SETTINGS.iter().map(|(_, value)| *value)))
            }
            _ => new_null_array(field.data_type(), SETTINGS.len()),
        }
    });
    let batch = RecordBatch::try_new(schema.clone(), columns.collect())?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// The only role, which is called as `current_user` says.
fn roles() -> Result<Arc<dyn TableProvider>> {
    let schema = schema(ROLE_COLUMNS);
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match field.name().as_str() {
            "rolname" => ScalarValue::from("postgres").to_array()?,
            "rolinherit" | "rolcanlogin" => ScalarValue::from(true).to_array()?,
            "rolconnlimit" => ScalarValue::from(-1_i32).to_array()?,
            "oid" => ScalarValue::from(10_i32).to_array()?,
            _ if field.data_type() == &DataType::Boolean => ScalarValue::from(false).to_array()?,
            _ => new_null_array(field.data_type(), 1),
        });
    }
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// The library's tables, and ours before them.
#[derive(Debug)]
pub(super) struct CatalogueTables {
    library: Arc<dyn SchemaProvider>,
    own: Arc<OwnTables>,
}

impl CatalogueTables {
    pub fn new(library: Arc<dyn SchemaProvider>, own: Arc<OwnTables>) -> Self {
        CatalogueTables { library, own }
    }
}

#[async_trait]
impl SchemaProvider for CatalogueTables {
    fn table_names(&self) -> Vec<String> {
        let own = self.own.keys().filter(|name| !self.library.table_exist(name)).map(|name| (*name).to_owned());
        self.library.table_names().into_iter().chain(own).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(table) = self.own.get(name) {
            return Ok(Some(table.clone()));
        }
        match self.library.table(name).await? {
            Some(table) if name == RELATIONS => relations(table).map(Some),
            table => Ok(table),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.own.contains_key(name) || self.library.table_exist(name)
    }
}

/// `pg_class` with the columns that the library leaves out, and no pages: a client that is told of pages reads them by `ctid`, which
/// our rows have not. How many rows there are is not known, which is -1.
fn relations(table: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "relpages" => lit(0_i32).alias(field.name()),
        "reltuples" => lit(-1.0_f64).alias(field.name()),
        name => Expr::Column(Column::new(Some(RELATIONS), name)),
    });
    let nothing = ScalarValue::try_new_null(column("reloptions:X").data_type())?;
    let missing = ["relacl", "reloptions"].into_iter().filter(|name| schema.field_with_name(name).is_err());
    let missing = missing.map(|name| lit(nothing.clone()).alias(name));
    let columns: Vec<Expr> = columns.chain(missing).collect();
    let plan = LogicalPlanBuilder::scan(RELATIONS, provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
