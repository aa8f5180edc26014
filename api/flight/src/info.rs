//! What the server says of itself.

use arrow_flight::error::Result;
use arrow_flight::sql::SqlInfo;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};

/// The answers to GetSqlInfo.
pub(crate) fn info() -> Result<SqlInfoData> {
    let mut about = SqlInfoDataBuilder::new();
    about.append(SqlInfo::FlightSqlServerName, "Footfall");
    about.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    about.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    about.append(SqlInfo::FlightSqlServerReadOnly, true);
    about.append(SqlInfo::FlightSqlServerSql, true);
    about.append(SqlInfo::FlightSqlServerSubstrait, false);
    about.append(SqlInfo::FlightSqlServerTransaction, 0i32);
    about.append(SqlInfo::FlightSqlServerCancel, true);
    about.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    about.build()
}
