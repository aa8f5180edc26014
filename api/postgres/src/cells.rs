//! One column of which single values are written, as text or in binary.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, IntervalMonthDayNanoArray, ListArray, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
    TimeUnit,
};
use arrow::error::ArrowError;
use bytes::{BufMut, BytesMut};
use footfall_pipelines_store::query::as_json;

use crate::arrays;
use crate::times::{EPOCH_DAYS, EPOCH_MICROS, write_date, write_interval, write_time, write_timestamp};
use crate::type_ids::{self, PgType};
use crate::zone::Clock;

/// The values of a column.
pub(crate) enum Cells {
    Boolean(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Float4(Float32Array),
    Float8(Float64Array),
    /// Digits.
    Numeric(StringViewArray),
    Text(StringViewArray),
    Bytes(BinaryViewArray),
    Date(Int32Array),
    /// Microseconds since midnight.
    Time(Int64Array),
    /// Microseconds since 1970.
    Moment(Int64Array, Clock),
    Interval(IntervalMonthDayNanoArray),
    List(ListArray, Box<Cells>, u32),
}

impl Cells {
    /// The values of a column whose type is that of `field`; `clock` is the session's.
    pub fn of(field: &Field, column: &ArrayRef, clock: Clock) -> Result<Cells, ArrowError> {
        match type_ids::of_field(field) {
            type_ids::OID => Ok(Cells::Int4(column.as_primitive::<Int32Type>().clone())),
            own => Cells::new(column, own, clock),
        }
    }

    fn new(column: &ArrayRef, own: PgType, clock: Clock) -> Result<Cells, ArrowError> {
        let to = |data_type: DataType| cast(column, &data_type);
        let int8 = |array: ArrayRef| array.as_primitive::<Int64Type>().clone();
        let text = |array: &ArrayRef| Ok::<_, ArrowError>(cast(array, &DataType::Utf8View)?.as_string_view().clone());
        Ok(match own {
            type_ids::BOOL => Cells::Boolean(to(DataType::Boolean)?.as_boolean().clone()),
            type_ids::INT2 => Cells::Int2(to(DataType::Int16)?.as_primitive::<Int16Type>().clone()),
            type_ids::INT4 => Cells::Int4(to(DataType::Int32)?.as_primitive::<Int32Type>().clone()),
            type_ids::INT8 => Cells::Int8(int8(to(DataType::Int64)?)),
            type_ids::FLOAT4 => Cells::Float4(to(DataType::Float32)?.as_primitive::<Float32Type>().clone()),
            type_ids::FLOAT8 => Cells::Float8(to(DataType::Float64)?.as_primitive::<Float64Type>().clone()),
            type_ids::NUMERIC => Cells::Numeric(text(&to(DataType::Utf8)?)?),
            type_ids::BYTEA => Cells::Bytes(to(DataType::BinaryView)?.as_binary_view().clone()),
            type_ids::DATE => {
                Cells::Date(cast(&to(DataType::Date32)?, &DataType::Int32)?.as_primitive::<Int32Type>().clone())
            }
            type_ids::TIME => Cells::Time(int8(cast(&to(DataType::Time64(TimeUnit::Microsecond))?, &DataType::Int64)?)),
            type_ids::TIMESTAMP | type_ids::TIMESTAMPTZ => {
                let micros = to(DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let clock = if own == type_ids::TIMESTAMPTZ { clock } else { Clock::Bare };
                Cells::Moment(int8(cast(&micros, &DataType::Int64)?), clock)
            }
            type_ids::INTERVAL => {
                let interval = to(DataType::Interval(IntervalUnit::MonthDayNano))?;
                Cells::Interval(interval.as_primitive::<IntervalMonthDayNanoType>().clone())
            }
            type_ids::JSON => Cells::Text(as_json(column)?),
            PgType { oid, .. } => match type_ids::item_of(oid) {
                Some(item) => {
                    let list = match column.data_type() {
                        DataType::List(_) => column.clone(),
                        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                            to(DataType::List(item.clone()))?
                        }
                        other => return Err(ArrowError::CastError(format!("{other} is no list"))),
                    };
                    let list = list.as_list::<i32>().clone();
                    let values = Cells::new(list.values(), type_ids::of(list.values().data_type()), clock)?;
                    Cells::List(list, Box::new(values), item)
                }
                None => Cells::Text(text(column)?),
            },
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Cells::Boolean(array) => array,
            Cells::Int2(array) => array,
            Cells::Int4(array) | Cells::Date(array) => array,
            Cells::Int8(array) | Cells::Time(array) | Cells::Moment(array, _) => array,
            Cells::Float4(array) => array,
            Cells::Float8(array) => array,
            Cells::Numeric(array) | Cells::Text(array) => array,
            Cells::Bytes(array) => array,
            Cells::Interval(array) => array,
            Cells::List(array, ..) => array,
        }
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.array().is_null(row)
    }

    /// The value behind its length; nothing but -1 for null.
    pub fn put(&self, row: usize, is_binary: bool, scratch: &mut Vec<u8>, out: &mut BytesMut) {
        if self.is_null(row) {
            return out.put_i32(-1);
        }
        if let Some(text) = self.plain_text(row) {
            out.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
            return out.put_slice(text);
        }
        scratch.clear();
        match is_binary {
            true => self.write_binary(row, scratch),
            false => self.write_text(row, scratch),
        }
        out.put_i32(i32::try_from(scratch.len()).unwrap_or(i32::MAX));
        out.put_slice(scratch);
    }

    /// A text that needs no change, which most bytes of most answers are. A zero byte ends a text in this protocol.
    pub fn plain_text(&self, row: usize) -> Option<&[u8]> {
        match self {
            Cells::Text(values) => Some(values.value(row).as_bytes()).filter(|text| !text.contains(&0)),
            _ => None,
        }
    }

    /// A value that is not null, as text.
    pub fn write_text(&self, row: usize, out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        match self {
            Cells::Boolean(values) => out.push(if values.value(row) { b't' } else { b'f' }),
            Cells::Int2(values) => drop(write!(out, "{}", values.value(row))),
            Cells::Int4(values) => drop(write!(out, "{}", values.value(row))),
            Cells::Int8(values) => drop(write!(out, "{}", values.value(row))),
            Cells::Float4(values) => write_float(f64::from(values.value(row)), values.value(row), out),
            Cells::Float8(values) => write_float(values.value(row), values.value(row), out),
            Cells::Text(values) => out.extend(values.value(row).bytes().filter(|byte| *byte != 0)),
            Cells::Numeric(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Cells::Bytes(values) => {
                out.extend_from_slice(b"\\x");
                for byte in values.value(row) {
                    drop(write!(out, "{byte:02x}"));
                }
            }
            Cells::Date(values) => write_date(values.value(row), out),
            Cells::Time(values) => write_time(values.value(row), out),
            Cells::Moment(values, clock) => write_timestamp(values.value(row), *clock, out),
            Cells::Interval(values) => {
                let value = values.value(row);
                write_interval(value.months, value.days, value.nanoseconds / 1000, out);
            }
            Cells::List(list, items, _) => arrays::write_text(items, places(list, row), out),
        }
    }

    /// A value that is not null, in binary.
    pub fn write_binary(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Cells::Boolean(values) => out.push(u8::from(values.value(row))),
            Cells::Int2(values) => out.put_i16(values.value(row)),
            Cells::Int4(values) => out.put_i32(values.value(row)),
            Cells::Int8(values) => out.put_i64(values.value(row)),
            Cells::Float4(values) => out.put_f32(values.value(row)),
            Cells::Float8(values) => out.put_f64(values.value(row)),
            Cells::Numeric(values) => arrays::write_numeric(values.value(row), out),
            Cells::Bytes(values) => out.put_slice(values.value(row)),
            Cells::Date(values) => out.put_i32(values.value(row).saturating_sub(EPOCH_DAYS)),
            Cells::Time(values) => out.put_i64(values.value(row)),
            Cells::Moment(values, _) => out.put_i64(values.value(row).saturating_sub(EPOCH_MICROS)),
            Cells::Interval(values) => {
                let value = values.value(row);
                out.put_i64(value.nanoseconds / 1000);
                out.put_i32(value.days);
                out.put_i32(value.months);
            }
            Cells::List(list, items, item) => arrays::write_binary(items, places(list, row), *item, out),
            Cells::Text(_) => self.write_text(row, out),
        }
    }
}

fn places(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

fn write_float(value: f64, shown: impl std::fmt::Display, out: &mut Vec<u8>) {
    match () {
        () if value.is_nan() => out.extend_from_slice(b"NaN"),
        () if value.is_infinite() => out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" }),
        () => drop(write!(out, "{shown}")),
    }
}
