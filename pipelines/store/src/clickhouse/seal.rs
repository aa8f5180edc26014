//! Seals of a table: how many rows there are up to a publication, and a sum over what never changes of them. Two moments with the same
//! seal have the same rows, so what was copied at the first need not be copied again.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, UInt64Type};
use futures::StreamExt;

use super::chain::schema;
use super::clickhouse::{ClickHouse, task};
use super::filter_sql::{name, quoted};
use super::view::Visible;
use crate::StoreError;
use crate::remote::Seal;
use crate::tables::{ColumnKind, Table};

impl ClickHouse {
    /// The seal of the rows of a project that were published up to `publication`, as far as this store sees.
    pub async fn seal(&self, project: &str, table: Table, publication: u64) -> Result<Seal, StoreError> {
        let database = self.shared.database.name();
        let sql = question((project, table), &self.shared.view().visible, publication, database);
        let mut rows = self.shared.database.rows(sql, schema(&[("rows", DataType::UInt64), ("sum", DataType::UInt64)]));
        let mut seal = None;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let number = |column: usize| batch.column(column).as_primitive::<UInt64Type>().values().first().copied();
            seal = seal.or_else(|| Some(Seal { rows: number(0)?, sum: number(1)? }));
        }
        seal.ok_or_else(|| task("the database has sealed nothing"))
    }

    /// The last publication that this store sees.
    pub fn head(&self) -> u64 {
        self.shared.view().visible.head
    }
}

fn question((project, table): (&str, Table), visible: &Visible, publication: u64, database: &str) -> String {
    let visible = Visible { head: visible.head.min(publication), ..visible.clone() };
    let visible = visible.rows(table, Some(project), 0, database);
    // Of what every row has: missing values would be left out of the sum.
    let is_sealed = |kind| !matches!(kind, ColumnKind::Json | ColumnKind::Float);
    let columns = table.columns().iter().filter(|column| !column.nullable && is_sealed(column.kind));
    let columns: Vec<String> = columns.map(|column| name(column.name)).collect();
    format!(
        "SELECT count() AS rows, sum(sipHash64(publication, {})) AS sum FROM `{}` WHERE project = {} AND {visible}",
        columns.join(", "),
        table.name(),
        quoted(project),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_of_what_every_row_has_up_to_a_publication() {
        let visible = Visible { head: 9, void: [3].into(), ..Visible::default() };
        assert_eq!(
            question(("p", Table::Identities), &visible, 7, "db"),
            "SELECT count() AS rows, sum(sipHash64(publication, `person_id`, `distinct_id`, `first_seen`, `last_seen`, \
             `activities`, `identified`)) AS sum FROM `identities` WHERE project = 'p' AND publication <= 7 \
             AND publication NOT IN (3) AND publication NOT IN (SELECT publication FROM `db`.settled_publications)"
        );
        assert!(question(("p", Table::Activity), &visible, 70, "db").contains("publication <= 9 AND"));
    }
}
