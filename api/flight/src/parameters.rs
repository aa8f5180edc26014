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
    if column.is_null(row) {
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
