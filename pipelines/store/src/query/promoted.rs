//! Asking for a promoted property reads its column, in the files that have one.
//!
//! The optimizer moves `properties->>'key'` down into the scan. There, file by file, it becomes the file's own column;
//! other files and fresh rows compute it from the JSON text.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

use crate::lake::DataFile;

/// The column that holds properties.
const PROPERTIES: &str = "properties";
/// What `->>` is called once it is planned.
const AS_TEXT: &str = "json_as_text";

#[derive(Debug)]
pub(super) struct PromotedColumns;

impl PhysicalExprAdapterFactory for PromotedColumns {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let plain = DefaultPhysicalExprAdapterFactory.create(table, file.clone())?;
        Ok(Arc::new(PromotedColumnsOfFile { plain, file }))
    }
}

#[derive(Debug)]
struct PromotedColumnsOfFile {
    plain: Arc<dyn PhysicalExprAdapter>,
    file: SchemaRef,
}

impl PhysicalExprAdapter for PromotedColumnsOfFile {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        self.plain
            .rewrite(expr)?
            .transform(|expr| match self.promoted(&expr) {
                Some(column) => Ok(Transformed::yes(column)),
                None => Ok(Transformed::no(expr)),
            })
            .data()
    }
}

impl PromotedColumnsOfFile {
    /// The column in place of `properties->>'key'`, cast to the function's type.
    fn promoted(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
        let function = expr.downcast_ref::<ScalarFunctionExpr>()?;
        let [json, key] = function.args() else { return None };
        if function.fun().name() != AS_TEXT || json.downcast_ref::<Column>()?.name() != PROPERTIES {
            return None;
        }
        let key = key.downcast_ref::<Literal>()?.value().try_as_str()??;
        let (index, field) = self.file.column_with_name(&DataFile::promoted_column(key))?;
        let column = Arc::new(Column::new(field.name(), index));
        Some(Arc::new(CastExpr::new(column, function.return_type().clone(), None)))
    }
}
