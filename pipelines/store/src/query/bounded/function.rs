//! A function with a bound before it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::Array;
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::growth::{Growth, RUN_BYTES};
use super::meter::Meter;
use super::size::Sizes;

/// What the results for one batch of rows may take: beyond twice that, offsets of texts and lists would overflow.
const BATCH_BYTES_MAX: usize = 512 << 20;

/// The same function: what it answers is what it answers without the bound, or a refusal. How it simplifies itself is left out, as
/// what comes of that has no bound.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: ScalarUDF,
    growth: Growth,
    meter: Arc<Meter>,
    run_bytes: usize,
}

impl Bounded {
    pub fn new(inner: ScalarUDF, growth: Growth, meter: Arc<Meter>) -> Bounded {
        Bounded { inner, growth, meter, run_bytes: RUN_BYTES }
    }

    /// The function without its bound.
    pub fn plain(&self) -> &ScalarUDF {
        &self.inner
    }

    /// The same in runs whose results take so much.
    #[cfg(test)]
    pub fn in_runs_of(self, run_bytes: usize) -> Bounded {
        Bounded { run_bytes, ..self }
    }

    /// The rows run by run.
    fn in_runs(&self, args: &ScalarFunctionArgs, runs: &[usize]) -> Result<ColumnarValue> {
        let (mut start, mut bytes) = (0, 0);
        let mut parts = Vec::with_capacity(runs.len());
        for &rows in runs {
            self.meter.in_time()?;
            let part = ScalarFunctionArgs {
                args: args.args.iter().map(|value| slice(value, start, rows)).collect(),
                arg_fields: args.arg_fields.clone(),
                number_rows: rows,
                return_field: args.return_field.clone(),
                config_options: args.config_options.clone(),
            };
            let part = self.meter.hold_array(self.inner.invoke_with_args(part)?.into_array(rows)?)?;
            start += rows;
            bytes += part.to_data().get_slice_memory_size().unwrap_or_else(|_| part.get_array_memory_size());
            if bytes > BATCH_BYTES_MAX {
                let name = self.inner.name();
                return Err(DataFusionError::ResourcesExhausted(format!("{name}: {bytes} bytes for {start} rows")));
            }
            parts.push(part);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&parts)?))
    }
}

fn slice(value: &ColumnarValue, start: usize, rows: usize) -> ColumnarValue {
    match value {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(start, rows)),
        ColumnarValue::Scalar(value) => ColumnarValue::Scalar(value.clone()),
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner && self.growth == other.growth && Arc::ptr_eq(&self.meter, &other.meter)
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
        self.growth.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.inner().schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.inner().is_strict()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.inner().coerce_types(types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.inner().documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let given = args.args.iter().map(Sizes::of).collect::<Result<Vec<_>>>()?;
        // Of constants there is one result, however many the rows.
        let args = if is_constant { ScalarFunctionArgs { number_rows: 1, ..args } } else { args };
        let runs = self.growth.runs(self.inner.name(), &given, args.number_rows, self.run_bytes)?;
        let result = match runs.as_slice() {
            [] | [_] => self.inner.invoke_with_args(args)?,
            runs => self.in_runs(&args, runs)?,
        };
        self.meter.hold(result, is_constant)
    }
}
