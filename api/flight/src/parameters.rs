//! One row of Arrow as the values of `$1`, `$2` ….

use arrow::array::{Array, ArrayRef, RecordBatch, make_array};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use footfall_pipelines_store::query::{ParameterContent, ParameterKind, ParameterValue};
use tonic::Status;

/// The values of the only row.
pub(crate) fn values(batch: &RecordBatch) -> Result<Vec<ParameterValue>, Status> {
    match batch.num_rows() {
        1 => batch.columns().iter().map(|column| value(column, 0)).collect(),
        rows => Err(Status::unimplemented(format!("one row of values can be bound at a time, these are {rows}"))),
    }
}

fn value(column: &ArrayRef, row: usize) -> Result<ParameterValue, Status> {
    let kind = kind_of(column.data_type())?;
    // Of a column that is all null, and of a dictionary's entries, `is_null` alone does not tell.
    if column.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
        return Ok(ParameterValue::null(kind));
    }
    let items = match column.data_type() {
        DataType::List(_) => {
            let list = arrow::array::AsArray::as_list::<i32>(column.as_ref());
            Some(list.value(row))
        }
        DataType::Dictionary(..) => {
            let plain = arrow::compute::cast(column, &DataType::Utf8).map_err(refused)?;
            return value(&plain, row);
        }
        _ => None,
    };
    if let Some(items) = items {
        let items = make_array(items.to_data());
        let all = (0..items.len()).map(|place| value(&items, place)).collect::<Result<_, _>>()?;
        return Ok(ParameterValue { kind, content: ParameterContent::Many(all) });
    }
    Ok(ParameterValue::one(kind, array_value_to_string(column, row).map_err(refused)?))
}

fn refused(error: arrow::error::ArrowError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn kind_of(data_type: &DataType) -> Result<ParameterKind, Status> {
    Ok(match data_type {
        DataType::Boolean => ParameterKind::Boolean,
        data_type if data_type.is_integer() => ParameterKind::Integer,
        data_type if data_type.is_floating() => ParameterKind::Float,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => ParameterKind::Decimal,
        DataType::Date32 | DataType::Date64 => ParameterKind::Date,
        DataType::Timestamp(_, None) => ParameterKind::Timestamp,
        DataType::Timestamp(_, Some(_)) => ParameterKind::Instant,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ParameterKind::Unknown,
        DataType::List(_) | DataType::Dictionary(..) => ParameterKind::Unknown,
        other => return Err(Status::unimplemented(format!("a parameter of type {other}"))),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, NullArray, StringArray};

    use super::*;

    #[test]
    fn nothing_is_null_and_no_empty_text() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(NullArray::new(1))),
            ("b", Arc::new(Int64Array::from(vec![None::<i64>]))),
            ("c", Arc::new(StringArray::from(vec![""]))),
        ];
        let values = values(
            &RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
                .unwrap(),
        )
        .unwrap();
        assert_eq!(values[0], ParameterValue::null(ParameterKind::Unknown));
        assert_eq!(values[1], ParameterValue::null(ParameterKind::Integer));
        assert_eq!(values[2], ParameterValue::one(ParameterKind::Unknown, ""));
    }
}
