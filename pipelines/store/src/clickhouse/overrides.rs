//! Who is whom: `person_overrides` holds every change of an id's person; the latest says who it is now.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use uuid::Uuid;

use super::chain::schema;
use super::database::Database;
use super::filter_sql::quoted;
use super::view::Visible;
use crate::StoreError;
use crate::tables::Table;

/// The latest change of each id, as a statement in brackets.
pub(super) fn latest(visible: &Visible, after: u64, project: Option<&str>, database: &str) -> String {
    let of_project = project.map_or(String::new(), |project| format!(" AND project = {}", quoted(project)));
    format!(
        "(SELECT project, person_id, argMax(canonical_person_id, publication) AS canonical_person_id \
         FROM `{database}`.{} WHERE {}{of_project} GROUP BY project, person_id)",
        Table::PersonOverrides.name(),
        visible.rows(Table::PersonOverrides, project, after, database),
    )
}

/// The latest changes published after `after`, by project; an id that is its own person again is among them.
pub(super) async fn load(
    database: &Database,
    visible: &Visible,
    after: u64,
) -> Result<BTreeMap<Arc<str>, Vec<(Uuid, Uuid)>>, StoreError> {
    let schema =
        schema(&[("project", DataType::Utf8), ("person_id", DataType::Utf8), ("canonical_person_id", DataType::Utf8)]);
    let sql = format!(
        "SELECT project, person_id, canonical_person_id FROM {}",
        latest(visible, after, None, database.name())
    );
    let mut all: BTreeMap<Arc<str>, Vec<(Uuid, Uuid)>> = BTreeMap::new();
    for batch in database.batches(&sql, &schema).await? {
        let text = |column: usize, row| batch.column(column).as_string::<i32>().value(row);
        for row in 0..batch.num_rows() {
            let id = |column| {
                Uuid::parse_str(text(column, row)).map_err(|error| StoreError::Task(format!("an override: {error}")))
            };
            all.entry(Arc::from(text(0, row))).or_default().push((id(1)?, id(2)?));
        }
    }
    Ok(all)
}

/// Removes changes that later ones have overtaken, when there are as many of them as of others. Those of publications that were
/// never committed overtake nothing.
pub(super) async fn squash(
    database: &Database,
    own_table: &str,
    on_cluster: &str,
    visible: &Visible,
) -> Result<bool, StoreError> {
    let (overrides, head) = (Table::PersonOverrides.name(), visible.head);
    let committed = visible.condition(0, database.name());
    let latest = format!(
        "SELECT project, person_id, max(publication) FROM {overrides} WHERE {committed} GROUP BY project, person_id"
    );
    let sql = format!(
        "SELECT toUInt64(count() >= 2 * (SELECT count() FROM ({latest})) AND count() > 1000) FROM {overrides} WHERE publication <= {head}"
    );
    let batches = database.batches(&sql, &schema(&[("due", DataType::UInt64)])).await?;
    let due = batches
        .iter()
        .any(|batch| batch.column(0).as_primitive::<arrow::datatypes::UInt64Type>().values().contains(&1));
    if due {
        let sql = format!(
            "ALTER TABLE `{own_table}`{on_cluster} DELETE WHERE publication <= {head} AND (project, person_id, publication) NOT IN ({latest})"
        );
        database.execute(&sql, &[("mutations_sync", "1".to_owned())]).await?;
    }
    Ok(due)
}
