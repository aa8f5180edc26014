//! Which of PostgreSQL's types a column has.

use arrow::datatypes::{DataType, Field};
use pgwire::messages::data::FieldDescription;

/// A type: its object id, and the bytes that a value takes; -1 when they vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgType {
    pub oid: u32,
    pub size: i16,
}

macro_rules! types {
    ($($name:ident = $oid:literal, $array:literal, $size:literal;)*) => {
        $(#[allow(dead_code)] // some are named for their lists alone
        pub(crate) const $name: PgType = PgType { oid: $oid, size: $size };)*
        /// The type of a list of `item`.
        fn array_of(item: PgType) -> Option<PgType> {
            match item.oid {
                $($oid => Some(PgType { oid: $array, size: -1 }),)*
                _ => None,
            }
        }
        /// The type of the items of a list with this object id.
        pub(crate) fn item_of(array: u32) -> Option<u32> {
            match array {
                $($array => Some($oid),)*
                _ => None,
            }
        }
    };
}

types! {
    BOOL = 16, 1000, 1;
    BYTEA = 17, 1001, -1;
    CHAR = 18, 1002, 1;
    INT8 = 20, 1016, 8;
    INT2 = 21, 1005, 2;
    INT4 = 23, 1007, 4;
    TEXT = 25, 1009, -1;
    OID = 26, 1028, 4;
    JSON = 114, 199, -1;
    FLOAT4 = 700, 1021, 4;
    FLOAT8 = 701, 1022, 8;
    VARCHAR = 1043, 1015, -1;
    DATE = 1082, 1182, 4;
    TIME = 1083, 1183, 8;
    TIMESTAMP = 1114, 1115, 8;
    TIMESTAMPTZ = 1184, 1185, 8;
    INTERVAL = 1186, 1187, 16;
    NUMERIC = 1700, 1231, -1;
    UUID = 2950, 2951, 16;
}

/// What pg_catalog's columns of object ids and of single letters are marked with.
const OID_MARK: &str = "pg.oid_alias";
const CHAR_MARK: &str = "pg.char";

/// The type of a column.
pub(crate) fn of_field(field: &Field) -> PgType {
    let marked = |mark: &str| field.metadata().contains_key(mark);
    match field.data_type() {
        DataType::Int32 if marked(OID_MARK) => OID,
        DataType::Utf8 if marked(CHAR_MARK) => CHAR,
        data_type => of(data_type),
    }
}

/// The type of values of `data_type`.
pub(crate) fn of(data_type: &DataType) -> PgType {
    match data_type {
        DataType::Boolean => BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => INT2,
        DataType::Int32 | DataType::UInt16 => INT4,
        DataType::Int64 | DataType::UInt32 => INT8,
        DataType::Float16 | DataType::Float32 => FLOAT4,
        DataType::Float64 => FLOAT8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => NUMERIC,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => BYTEA,
        DataType::Dictionary(_, values) => of(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            // A list of lists, or of objects, is JSON here.
            match item.data_type() {
                DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => JSON,
                item => array_of(of(item)).filter(|_| of(item) != JSON).unwrap_or(JSON),
            }
        }
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => JSON,
        _ => TEXT,
    }
}

/// The description of a column that is sent as text, or in binary.
pub(crate) fn description(field: &Field, is_binary: bool) -> FieldDescription {
    let own = of_field(field);
    FieldDescription::new(field.name().replace('\0', " "), 0, 0, own.oid, own.size, -1, i16::from(is_binary))
}
