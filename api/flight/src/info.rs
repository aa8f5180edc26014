//! What the server says of itself.

use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{Nullable, Searchable, SqlInfo, XdbcDataType};

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

/// The types that columns have, with the bits, digits or letters of their values and what stands around a literal.
const TYPES: &[(&str, XdbcDataType, Option<i32>, Option<&str>)] = &[
    ("BOOLEAN", XdbcDataType::XdbcBit, Some(1), None),
    ("BIGINT", XdbcDataType::XdbcBigint, Some(64), None),
    ("INTEGER", XdbcDataType::XdbcInteger, Some(32), None),
    ("DOUBLE", XdbcDataType::XdbcDouble, Some(53), None),
    ("VARCHAR", XdbcDataType::XdbcVarchar, None, Some("'")),
    ("DATE", XdbcDataType::XdbcDate, Some(10), Some("'")),
    ("TIMESTAMP", XdbcDataType::XdbcTimestamp, Some(26), Some("'")),
];

/// The answers to GetXdbcTypeInfo.
pub(crate) fn types() -> Result<XdbcTypeInfoData> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    for &(name, data_type, column_size, quote) in TYPES {
        let is_number = data_type != XdbcDataType::XdbcBit && quote.is_none();
        types.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type,
            column_size,
            literal_prefix: quote.map(str::to_owned),
            literal_suffix: quote.map(str::to_owned),
            nullable: Nullable::NullabilityNullable,
            case_sensitive: data_type == XdbcDataType::XdbcVarchar,
            searchable: Searchable::Full,
            unsigned_attribute: is_number.then_some(false),
            local_type_name: Some(name.to_owned()),
            sql_data_type: data_type,
            num_prec_radix: is_number.then_some(2),
            ..XdbcTypeInfo::default()
        });
    }
    types.build()
}
