//! `session_id(person_id, start)`: the same session has the same id in every answer.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewBuilder};
use arrow::datatypes::{DataType, TimestampMillisecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use super::lake_table::time_type;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionId {
    signature: Signature,
}

impl SessionId {
    pub fn new() -> Self {
        SessionId { signature: Signature::exact(vec![DataType::Utf8View, time_type()], Volatility::Immutable) }
    }
}

/// A UUID (version 8) of the 128-bit XXH3 of person, NUL and start.
pub(super) fn session_id_of(person_id: &str, start_millis: i64) -> Uuid {
    let mut hasher = Xxh3::new();
    hasher.update(person_id.as_bytes());
    hasher.update(&[0]);
    hasher.update(&start_millis.to_be_bytes());
    Uuid::new_v8(hasher.digest128().to_be_bytes())
}

impl ScalarUDFImpl for SessionId {
    fn name(&self) -> &str {
        "session_id"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let (persons, starts) = (columns[0].as_string_view(), columns[1].as_primitive::<TimestampMillisecondType>());
        let mut ids = StringViewBuilder::with_capacity(persons.len());
        let mut buffer = Uuid::encode_buffer();
        for (person, start) in persons.iter().zip(starts.iter()) {
            let id = person.zip(start).map(|(person, start)| session_id_of(person, start));
            ids.append_option(id.map(|id| &*id.hyphenated().encode_lower(&mut buffer)));
        }
        Ok(ColumnarValue::Array(Arc::new(ids.finish())))
    }
}
