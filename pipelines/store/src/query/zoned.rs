//! Tables whose times are in the asker's zone. `date_trunc`, `extract`, casts and texts without an offset go by the zone that the
//! type of a time has, so that is all there is to change.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};

/// Whether questions can be asked in this zone: a name of the IANA database, or an offset such as `+02:00`.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    Tz::from_str(name).is_ok()
}

/// `table` with its times in `zone`. The moments stay what they are.
pub(super) fn zoned(name: &str, table: Arc<dyn TableProvider>, zone: &Arc<str>) -> Result<Arc<dyn TableProvider>> {
    let schema = table.schema();
    let is_time = |data_type: &DataType| matches!(data_type, DataType::Timestamp(_, Some(_)));
    if !schema.fields().iter().any(|field| is_time(field.data_type())) {
        return Ok(table);
    }
    let columns: Vec<Expr> = schema
        .fields()
        .iter()
        .map(|field| {
            let column = Expr::Column(Column::new(Some(name), field.name()));
            match field.data_type() {
                DataType::Timestamp(unit, Some(_)) => {
                    cast(column, DataType::Timestamp(*unit, Some(zone.clone()))).alias(field.name())
                }
                _ => column,
            }
        })
        .collect();
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
