//! What a plan writes into every row of a batch when it runs: its values, and a column for every expression.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, InListExpr, Literal};
use datafusion::physical_plan::ExecutionPlan;

/// What the values of a plan may take in one batch.
const BATCH_BYTES: usize = 64 << 20;

/// Expressions that a plan may have before its batches get smaller: each makes a column.
const EXPRESSIONS: usize = 256;
/// What a row of such a column takes, about.
const EXPRESSION_BYTES: usize = 256;

/// How many rows a batch of this plan has at most, where it would have `rows`.
pub(in crate::query) fn batch_rows(plan: &Arc<dyn ExecutionPlan>, rows: usize) -> Result<usize> {
    let (mut bytes, mut expressions) = (0_usize, 0_usize);
    plan.apply(|node| {
        node.apply_expressions(&mut |expr| {
            bytes = bytes.saturating_add(literal_bytes(expr)?);
            expressions += usize::from(!expr.is::<Column>());
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    bytes = bytes.saturating_add(expressions.saturating_sub(EXPRESSIONS) * EXPRESSION_BYTES);
    Ok(rows.min((BATCH_BYTES / bytes.max(1)).max(1)))
}

fn literal_bytes(expr: &Arc<dyn PhysicalExpr>) -> Result<usize> {
    let mut bytes = 0_usize;
    expr.apply(|expr| {
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            let heap = literal.value().size().saturating_sub(size_of::<ScalarValue>());
            bytes = bytes.saturating_add(heap);
        }
        if let Some(list) = expr.downcast_ref::<InListExpr>() {
            // The values of a list are only compared.
            bytes = bytes.saturating_add(literal_bytes(list.expr())?);
            return Ok(TreeNodeRecursion::Jump);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(bytes)
}
