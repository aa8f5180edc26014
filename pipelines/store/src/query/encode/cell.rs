//! One value as JSON: numbers as numbers, times as RFC 3339, what is no number as null.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringViewArray, StructArray,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

const SECONDS_PER_DAY: i64 = 86_400;

/// A column of which single values are written.
pub(super) enum Cells {
    Null,
    Boolean(BooleanArray),
    Integer(Int64Array),
    Unsigned(UInt64Array),
    Float(Float64Array),
    Text(StringViewArray),
    /// Written without quotes: decimals.
    Digits(StringViewArray),
    Timestamp(Int64Array, TimeUnit),
    List(ListArray, Box<Cells>),
    Object(StructArray, Vec<(String, Cells)>),
}

impl Cells {
    pub fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        let text = |array: &ArrayRef| cast(array, &DataType::Utf8View).map(|texts| texts.as_string_view().clone());
        Ok(match array.data_type() {
            DataType::Null => Cells::Null,
            DataType::Boolean => Cells::Boolean(array.as_boolean().clone()),
            DataType::UInt64 => Cells::Unsigned(array.as_primitive::<UInt64Type>().clone()),
            data_type if data_type.is_integer() => {
                Cells::Integer(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            data_type if data_type.is_floating() => {
                Cells::Float(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Cells::Text(text(array)?),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Cells::Digits(text(&cast(array, &DataType::Utf8)?)?)
            }
            DataType::Timestamp(unit, _) => {
                let unit = *unit;
                Cells::Timestamp(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone(), unit)
            }
            DataType::Dictionary(_, values) => Cells::new(&cast(array, values)?)?,
            DataType::List(_) => {
                let list = array.as_list::<i32>().clone();
                let items = Cells::new(list.values())?;
                Cells::List(list, Box::new(items))
            }
            DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Cells::new(&cast(array, &DataType::List(item.clone()))?)?
            }
            DataType::Struct(fields) => {
                let object = array.as_struct().clone();
                let columns = fields.iter().zip(object.columns());
                let columns = columns.map(|(field, column)| Ok((field.name().clone(), Cells::new(column)?)));
                let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
                Cells::Object(object, columns)
            }
            _ => Cells::Text(in_words(array)?),
        })
    }

    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Cells::Null => true,
            Cells::Boolean(values) => values.is_null(row),
            Cells::Integer(values) | Cells::Timestamp(values, _) => values.is_null(row),
            Cells::Unsigned(values) => values.is_null(row),
            Cells::Float(values) => values.is_null(row) || !values.value(row).is_finite(),
            Cells::Text(values) | Cells::Digits(values) => values.is_null(row),
            Cells::List(values, _) => values.is_null(row),
            Cells::Object(values, _) => values.is_null(row),
        }
    }

    /// The value as JSON.
    pub fn write_json(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match self {
            Cells::Text(values) => write_text(values.value(row), out),
            Cells::Timestamp(..) => {
                out.push(b'"');
                self.write_plain(row, out);
                out.push(b'"');
            }
            Cells::List(list, items) => {
                let offsets = list.value_offsets();
                let places = offsets[row] as usize..offsets[row + 1] as usize;
                separated(b'[', b']', places, out, |place, out| items.write_json(place, out));
            }
            Cells::Object(_, columns) => separated(b'{', b'}', columns, out, |(name, cells), out| {
                write_text(name, out);
                out.push(b':');
                cells.write_json(row, out);
            }),
            _ => self.write_plain(row, out),
        }
    }

    /// The value without quotes.
    pub fn write_plain(&self, row: usize, out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        match self {
            Cells::Null => {}
            Cells::Boolean(values) => out.extend_from_slice(if values.value(row) { b"true" } else { b"false" }),
            Cells::Integer(values) => drop(write!(out, "{}", values.value(row))),
            Cells::Unsigned(values) => drop(write!(out, "{}", values.value(row))),
            Cells::Float(values) => drop(serde_json::to_writer(out, &values.value(row))),
            Cells::Text(values) | Cells::Digits(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Cells::Timestamp(values, unit) => write_time(values.value(row), *unit, out),
            Cells::List(..) | Cells::Object(..) => self.write_json(row, out),
        }
    }
}

/// Dates, intervals, bytes …: as Arrow shows them.
fn in_words(array: &ArrayRef) -> Result<StringViewArray, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    let words = (0..array.len()).map(|row| array.is_valid(row).then(|| formatter.value(row).to_string()));
    Ok(words.collect())
}

pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and every string is JSON.
    drop(serde_json::to_writer(out, text));
}

pub(super) fn separated<T>(
    open: u8,
    close: u8,
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

/// RFC 3339 in UTC, with as many digits as the unit has.
fn write_time(value: i64, unit: TimeUnit, out: &mut Vec<u8>) {
    let (per_second, digits) = match unit {
        TimeUnit::Second => (1, 0),
        TimeUnit::Millisecond => (1_000, 3),
        TimeUnit::Microsecond => (1_000_000, 6),
        TimeUnit::Nanosecond => (1_000_000_000, 9),
    };
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    drop(write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"));
    if digits > 0 {
        drop(write!(out, ".{fraction:0digits$}"));
    }
    out.push(b'Z');
}

/// The proleptic Gregorian date of a day since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
