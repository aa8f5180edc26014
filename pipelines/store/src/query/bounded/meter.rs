//! What the functions of one question have made: until when they may, and what they hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::ColumnarValue;

use crate::query::error::OutOfTime;

/// Smaller results go with a batch of rows, which nobody accounts for.
const HELD_BYTES_MIN: usize = 64 << 10;
/// What the results of calls without a column may take, those that are not small, all together: they become a part of the plan.
const CONSTANT_BYTES_MAX: usize = 64 << 20;

/// Shared by all functions of one question.
#[derive(Debug)]
pub(in crate::query) struct Meter {
    pool: Arc<dyn MemoryPool>,
    constant_bytes: AtomicUsize,
    deadline: Instant,
    time_limit: Duration,
}

impl Meter {
    /// For a question that begins now.
    pub fn new(pool: Arc<dyn MemoryPool>, time_limit: Duration) -> Meter {
        Meter { pool, constant_bytes: AtomicUsize::new(0), deadline: Instant::now() + time_limit, time_limit }
    }

    /// Whether the question's time is not over. A function does not give the thread back before it has gone through its rows.
    pub fn in_time(&self) -> Result<()> {
        match Instant::now() < self.deadline {
            true => Ok(()),
            false => Err(DataFusionError::External(Box::new(OutOfTime(self.time_limit)))),
        }
    }

    /// The same result, accounted for. `is_constant` says that no argument was a column.
    pub fn hold(&self, result: ColumnarValue, is_constant: bool) -> Result<ColumnarValue> {
        let value = match result {
            ColumnarValue::Array(array) if is_constant && array.len() == 1 => ScalarValue::try_from_array(&array, 0)?,
            ColumnarValue::Array(array) => return Ok(ColumnarValue::Array(self.hold_array(array)?)),
            ColumnarValue::Scalar(value) => value,
        };
        let bytes = value.size();
        if bytes >= HELD_BYTES_MIN {
            let before = self.constant_bytes.fetch_add(bytes, Ordering::Relaxed);
            if before + bytes > CONSTANT_BYTES_MAX {
                return Err(DataFusionError::ResourcesExhausted(format!("constants of {bytes} bytes after {before}")));
            }
        }
        Ok(ColumnarValue::Scalar(value))
    }

    /// The same array; the question's pool counts its memory for as long as anybody has it.
    pub fn hold_array(&self, array: ArrayRef) -> Result<ArrayRef> {
        let bytes = array.get_array_memory_size();
        if bytes < HELD_BYTES_MIN || matches!(array.data_type(), DataType::Null) {
            return Ok(array);
        }
        let reservation = MemoryConsumer::new("functions").register(&self.pool);
        reservation.try_grow(bytes)?;
        // What cannot be put together anew stays as it is, and is not accounted for.
        Ok(held(array.to_data(), &Arc::new(reservation)).map_or(array, make_array))
    }
}

/// A buffer that gives its memory back to the pool when the last who has it lets it go.
struct Held {
    buffer: Buffer,
    _reservation: Arc<MemoryReservation>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_slice()
    }
}

fn held(data: ArrayData, reservation: &Arc<MemoryReservation>) -> Result<ArrayData, ArrowError> {
    let hold = |buffer: &Buffer| match buffer.is_empty() {
        true => buffer.clone(),
        false => {
            let held = Held { buffer: buffer.clone(), _reservation: reservation.clone() };
            Buffer::from(Bytes::from_owner(held))
        }
    };
    let buffers = data.buffers().iter().map(hold).collect();
    let children = data.child_data().iter().map(|child| held(child.clone(), reservation));
    let children = children.collect::<Result<Vec<_>, _>>()?;
    data.into_builder().buffers(buffers).child_data(children).build()
}
