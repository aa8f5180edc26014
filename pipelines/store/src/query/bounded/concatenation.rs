//! `||` of texts as a function, so that it can be bounded as one. Its columns have the names that the operator gives them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};

/// The operator of the engine, called with values.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Concatenation {
    signature: Signature,
}

impl Concatenation {
    pub fn new() -> Self {
        Concatenation { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Concatenation {
    fn name(&self) -> &str {
        "||"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("{} || {}", left.schema_name(), right.schema_name())),
            _ => plan_err!("|| stands between two values"),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match given {
            [left, right] => BinaryTypeCoercer::new(left, &Operator::StringConcat, right).get_result_type(),
            _ => plan_err!("|| stands between two values"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let is_nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, is_nullable)))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut columns = Vec::with_capacity(2);
        let mut fields = Vec::with_capacity(2);
        for (value, name) in args.args.iter().zip(["left", "right"]) {
            let column = value.to_array(args.number_rows)?;
            fields.push(Field::new(name, column.data_type().clone(), true));
            columns.push(column);
        }
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let (left, right) = (Arc::new(Column::new("left", 0)), Arc::new(Column::new("right", 1)));
        BinaryExpr::new(left, Operator::StringConcat, right).evaluate(&rows)
    }
}
