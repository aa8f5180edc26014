//! The tables in ClickHouse, derived from their Arrow schemas, for one server or for a cluster.

use crate::tables::{Column, ColumnKind, Table};

/// Rows of so many publications lie in one partition. The number stands in the partition key, so that every part knows the
/// least and greatest that it holds, and whoever reads the newest rows opens the newest parts alone.
const PUBLICATIONS_A_PARTITION: u64 = 1 << 22;
/// Inserts whose tokens a server without replication remembers.
const TOKENS: u32 = 10_000;

/// One server, or a cluster of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    Single,
    Cluster(String),
}

impl Layout {
    /// What follows the name in a statement about a table that every server has.
    pub fn on_cluster(&self) -> String {
        match self {
            Layout::Single => String::new(),
            Layout::Cluster(name) => format!(" ON CLUSTER {name}"),
        }
    }

    /// The table that holds a server's own rows of a table that is spread over the cluster.
    pub fn own(&self, table: &str) -> String {
        match self {
            Layout::Cluster(_) if !EVERYWHERE.contains(&table) => format!("{table}_own"),
            _ => table.to_owned(),
        }
    }
}

/// Tables that are ours alone, beside those of [`Table`].
pub(super) const PUBLICATIONS: &str = "publications";
pub(super) const SETTLED: &str = "settled_publications";
pub(super) const MESSAGE_KEYS: &str = "message_keys";
pub(super) const PROJECTS: &str = "projects";
pub(super) const MIGRATIONS: &str = "migrations";
pub(super) const ERASURES: &str = "erasures";
pub(super) const ERASED_ROWS: &str = "erased_rows";

/// Tables that every server of a cluster has whole.
const EVERYWHERE: &[&str] = &[PUBLICATIONS, SETTLED, PROJECTS, MIGRATIONS, ERASURES, ERASED_ROWS];

/// A table as it is created.
struct Shape {
    name: &'static str,
    columns: Vec<String>,
    partition: Option<String>,
    order: String,
    engine: &'static str,
    more: Vec<String>,
    /// What decides on the server of a row in a cluster; without it every server has all rows.
    shard: Option<&'static str>,
}

/// Statements that create all tables.
pub(super) fn create(layout: &Layout, keys_days: i64) -> Vec<String> {
    let ours = Table::ALL.iter().map(|table| shape(*table));
    ours.chain(state_shapes(keys_days)).flat_map(|shape| shape.create(layout)).collect()
}

/// Statements that create what erasures of persons need.
pub(super) fn create_erasures(layout: &Layout, _: i64) -> Vec<String> {
    let steps = [
        "`id` String",
        "`step` LowCardinality(String)",
        // Of the row that hides the person, and of the steps after it.
        "`publication` UInt64",
        "`writer` String",
        "`at` DateTime64(3, 'UTC')",
        "`erasure` String",
    ];
    let rows = ["`erasure` String", "`publication` UInt64", "`kind` LowCardinality(String)", "`key` String"];
    let shapes = [
        plain(ERASURES, &steps, "id, step, publication"),
        plain(ERASED_ROWS, &rows, "erasure, publication, kind, key"),
    ];
    shapes.iter().flat_map(|shape| shape.create(layout)).collect()
}

/// A column with its type, as it stands in a statement.
pub(super) fn column_definition(column: &Column) -> String {
    format!("`{}` {}{}", column.name, data_type(column), codec(column.kind))
}

/// The type of a column.
pub(super) fn data_type(column: &Column) -> String {
    let plain = match column.kind {
        ColumnKind::Text | ColumnKind::Json | ColumnKind::Word => "String",
        ColumnKind::Time => "DateTime64(3, 'UTC')",
        ColumnKind::Integer => "Int64",
        ColumnKind::Float => "Float64",
        ColumnKind::Boolean => "Bool",
    };
    let value = if column.nullable { format!("Nullable({plain})") } else { plain.to_owned() };
    if column.kind == ColumnKind::Word { format!("LowCardinality({value})") } else { value }
}

fn codec(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => " CODEC(ZSTD(1))",
        ColumnKind::Json => " CODEC(ZSTD(3))",
        ColumnKind::Time | ColumnKind::Integer => " CODEC(Delta, ZSTD(1))",
        ColumnKind::Word | ColumnKind::Float | ColumnKind::Boolean => "",
    }
}

fn shape(table: Table) -> Shape {
    let mut columns =
        vec!["`project` LowCardinality(String)".to_owned(), "`publication` UInt64 CODEC(Delta, ZSTD(1))".to_owned()];
    columns.extend(table.columns().iter().map(column_definition));
    if table == Table::Activity {
        columns.push("INDEX person_id_seen person_id TYPE bloom_filter(0.01) GRANULARITY 4".to_owned());
    }
    Shape {
        name: table.name(),
        columns,
        partition: Some(format!("intDiv(publication, {PUBLICATIONS_A_PARTITION})")),
        order: order(table).to_owned(),
        engine: "MergeTree",
        more: Vec::new(),
        shard: Some(shard(table)),
    }
}

/// Insights read a project, a span of days and some activities; people by their id.
const fn order(table: Table) -> &'static str {
    match table {
        Table::Activity => "project, toDate(timestamp), event, person_id, timestamp, message_id",
        Table::Identities => "project, person_id, distinct_id",
        Table::PersonMerges => "project, sequence",
        Table::PersonOverrides => "project, person_id, publication",
        Table::SessionParts => "project, person_id, start",
        Table::Quarantine => "project, received_at, quarantine_id",
        Table::QuarantineResolved => "project, quarantine_id",
    }
}

/// Rows of one person lie on one server.
const fn shard(table: Table) -> &'static str {
    match table {
        Table::Activity | Table::Identities | Table::SessionParts | Table::PersonOverrides => {
            "cityHash64(project, person_id)"
        }
        Table::PersonMerges | Table::Quarantine | Table::QuarantineResolved => "cityHash64(project)",
    }
}

fn state_shapes(keys_days: i64) -> [Shape; 5] {
    [
        plain(
            PUBLICATIONS,
            &[
                "`publication` UInt64",
                "`previous` UInt64",
                "`is_barrier` Bool",
                "`writer` String",
                "`checkpoint` String",
                "`records` UInt64",
                "`merged_projects` Array(String)",
                "`published_at` DateTime64(3, 'UTC')",
            ],
            "publication",
        ),
        plain(SETTLED, &["`publication` UInt64"], "publication"),
        Shape {
            partition: Some("toYYYYMMDD(published_at)".to_owned()),
            more: vec![format!("TTL {}", keys_ttl(keys_days))],
            shard: Some("sipHash64(key)"),
            ..plain(
                MESSAGE_KEYS,
                &["`key` FixedString(16)", "`publication` UInt64", "`published_at` DateTime64(3, 'UTC')"],
                "key",
            )
        },
        Shape { engine: "ReplacingMergeTree", ..plain(PROJECTS, &["`project` String"], "project") },
        plain(
            MIGRATIONS,
            &["`version` UInt32", "`name` String", "`applied_at` DateTime64(3, 'UTC') DEFAULT now64(3)"],
            "version",
        ),
    ]
}

/// When the database drops message keys.
pub(super) fn keys_ttl(keys_days: i64) -> String {
    format!("toDateTime(published_at) + INTERVAL {keys_days} DAY DELETE")
}

/// A table that every server has whole.
fn plain(name: &'static str, columns: &[&str], order: &str) -> Shape {
    Shape {
        name,
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        partition: None,
        order: order.to_owned(),
        engine: "MergeTree",
        more: Vec::new(),
        shard: None,
    }
}

impl Shape {
    fn create(&self, layout: &Layout) -> Vec<String> {
        let mut statements = vec![self.create_own(layout)];
        if let (Layout::Cluster(cluster), Some(spread)) = (layout, self.shard) {
            statements.push(format!(
                "CREATE TABLE IF NOT EXISTS {name}{on} AS {own}\nENGINE = Distributed({cluster}, currentDatabase(), {own}, {spread})",
                name = self.name,
                on = layout.on_cluster(),
                own = layout.own(self.name),
            ));
        }
        statements
    }

    fn create_own(&self, layout: &Layout) -> String {
        let Shape { name, columns, partition, order, engine, more, shard } = self;
        let engine = match (layout, shard) {
            (Layout::Single, _) => format!("{engine}()"),
            (Layout::Cluster(_), Some(_)) => {
                format!("Replicated{engine}('/clickhouse/tables/{{shard}}/{{database}}/{name}', '{{replica}}')")
            }
            (Layout::Cluster(_), None) => {
                format!("Replicated{engine}('/clickhouse/tables/all/{{database}}/{name}', '{{shard}}-{{replica}}')")
            }
        };
        let mut settings = match layout {
            // One server has nobody to ask when it loses what it said it has.
            Layout::Single => format!(
                "non_replicated_deduplication_window = {TOKENS}, fsync_after_insert = 1, fsync_part_directory = 1, \
                 min_rows_to_fsync_after_merge = 1"
            ),
            Layout::Cluster(_) => format!("replicated_deduplication_window = {TOKENS}"),
        };
        if *name == MESSAGE_KEYS {
            settings += ", index_granularity = 512, ttl_only_drop_parts = 1";
        }
        let partition = partition.as_ref().map_or(String::new(), |key| format!("PARTITION BY {key}\n"));
        let more: String = more.iter().map(|line| format!("{line}\n")).collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {own}{on} (\n  {columns}\n)\nENGINE = {engine}\n{partition}ORDER BY ({order})\n{more}SETTINGS {settings}",
            own = layout.own(name),
            on = layout.on_cluster(),
            columns = columns.join(",\n  "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_for_one_server() {
        insta::assert_snapshot!(create(&Layout::Single, 34).join(";\n\n"));
    }

    #[test]
    fn statements_for_a_cluster() {
        insta::assert_snapshot!(create(&Layout::Cluster("main".to_owned()), 34).join(";\n\n"));
    }

    #[test]
    fn statements_for_erasures() {
        let all = [Layout::Single, Layout::Cluster("main".to_owned())].map(|layout| create_erasures(&layout, 34));
        insta::assert_snapshot!(all.concat().join(";\n\n"));
    }
}
