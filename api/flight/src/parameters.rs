//! One row of Arrow as the values of `$1`, `$2` ….

use arrow::array::{Array, ArrayRef, RecordBatch, make_array};
use arrow::datatypes::DataType;
use arrow::ipc::root_as_message;
use arrow::util::display::array_value_to_string;
use arrow_flight::FlightData;
use arrow_flight::error::FlightError;
use footfall_pipelines_store::query::{ParameterContent, ParameterKind, ParameterValue};
use tonic::Status;

/// Values of a statement, those of its lists counted each: a list of nulls takes no bytes on the wire.
const ITEMS_MAX: usize = 500_000;

/// A message, unless it is compressed: such a body says how large it unfolds, and its reader makes room for that at once.
pub(crate) fn uncompressed(data: FlightData) -> Result<FlightData, FlightError> {
    let is_compressed = |header: &[u8]| {
        // What is no message its reader refuses.
        let Ok(message) = root_as_message(header) else { return false };
        let of_dictionary = || message.header_as_dictionary_batch().and_then(|batch| batch.data());
        message.header_as_record_batch().or_else(of_dictionary).is_some_and(|batch| batch.compression().is_some())
    };
    match is_compressed(&data.data_header) {
        true => Err(FlightError::Tonic(Box::new(Status::invalid_argument("compressed values: send them as they are")))),
        false => Ok(data),
    }
}

/// The values of the only row.
pub(crate) fn values(batch: &RecordBatch) -> Result<Vec<ParameterValue>, Status> {
    let mut left = ITEMS_MAX;
    match batch.num_rows() {
        1 => batch.columns().iter().map(|column| value(column, 0, &mut left)).collect(),
        rows => Err(Status::unimplemented(format!("one row of values can be bound at a time, these are {rows}"))),
    }
}

/// `left` values may still be read.
fn value(column: &ArrayRef, row: usize, left: &mut usize) -> Result<ParameterValue, Status> {
    let fewer = left.checked_sub(1);
    *left = fewer.ok_or_else(|| Status::invalid_argument(format!("at most {ITEMS_MAX} values can be bound")))?;
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
            return value(&plain, row, left);
        }
        _ => None,
    };
    if let Some(items) = items {
        let items = make_array(items.to_data());
        let all = (0..items.len()).map(|place| value(&items, place, left)).collect::<Result<_, _>>()?;
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

    use arrow::array::{Int64Array, ListArray, NullArray, StringArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Field;
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::IpcWriteOptions;
    use arrow_flight::encode::FlightDataEncoderBuilder;
    use futures::{TryStreamExt, stream};

    use super::*;

    fn of(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("$1", column, true)]).unwrap()
    }

    #[tokio::test]
    async fn compressed_values_are_refused() {
        let batch = of(Arc::new(StringArray::from(vec!["x".repeat(1_000)])));
        let ways = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];
        for compression in ways {
            let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
            let rows = stream::iter([Ok(batch.clone())]);
            let encoded = FlightDataEncoderBuilder::new().with_options(options).build(rows);
            let messages: Vec<FlightData> = encoded.try_collect().await.unwrap();
            let taken: Result<Vec<FlightData>, FlightError> = messages.into_iter().map(uncompressed).collect();
            assert_eq!(taken.is_ok(), compression.is_none(), "{compression:?}");
        }
    }

    #[test]
    fn values_of_lists_are_counted() {
        let nulls = |count: usize| {
            let offsets = OffsetBuffer::from_lengths([count]);
            let field = Arc::new(Field::new("item", DataType::Null, true));
            of(Arc::new(ListArray::new(field, offsets, Arc::new(NullArray::new(count)), None)))
        };
        let read = values(&nulls(2)).unwrap();
        let null = ParameterValue::null(ParameterKind::Unknown);
        assert_eq!(read[0].content, ParameterContent::Many(vec![null.clone(), null]));
        assert_eq!(values(&nulls(ITEMS_MAX)).unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn a_column_of_nulls_is_null() {
        assert_eq!(values(&of(Arc::new(NullArray::new(1)))).unwrap()[0].content, ParameterContent::Null);
    }

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
