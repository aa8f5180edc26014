//! An expression of SQL that is true or false of one row of `activity`, worked out outside of a question: what is kept of a
//! row for the insights, once and for all, may depend on nothing but the row.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::config::Dialect;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;

use super::config::EngineConfig;
use super::error::QueryError;
use super::planner;
use super::session;
use crate::StoreError;
use crate::tables::Table;

/// Deepest expression. Unlike questions in SQL it is read on threads with the usual stack, and planning goes down as deep.
const DEPTH_MAX: usize = 50;

/// Follows merges, so that it is not the row's alone.
const PERSON: &str = "person_id";

static TEMPLATE: LazyLock<Option<SessionState>> = LazyLock::new(|| {
    let mut state = session::template(&EngineConfig::new("")).ok()?;
    // As questions are read: `->>` binds closer than `=`.
    state.config_mut().options_mut().sql_parser.dialect = Dialect::PostgreSQL;
    Some(state)
});

/// Ready to be worked out.
#[derive(Clone)]
pub struct RowExpression {
    columns: Vec<&'static str>,
    schema: SchemaRef,
    physical: Arc<dyn PhysicalExpr>,
}

impl RowExpression {
    /// Reads an expression; the error is for who wrote it.
    pub fn parse(text: &str) -> Result<RowExpression, QueryError> {
        let state = TEMPLATE.clone().ok_or(QueryError::Internal)?;
        let context = SessionContext::new_with_state(state);
        let all = DFSchema::try_from(Table::Activity.schema().as_ref().clone())?;
        let state = context.state();
        let parsed = state.sql_to_expr_with_alias(text, &Dialect::PostgreSQL)?;
        planner::within(&parsed.expr, DEPTH_MAX)?;
        let expression = state.create_logical_expr_from_sql_expr(parsed, &all)?;
        refuse(&expression)?;
        let used = expression.column_refs();
        let fields: Vec<_> = Table::Activity
            .columns()
            .iter()
            .filter(|column| used.iter().any(|one| one.name == column.name))
            .filter_map(|column| {
                Some((column.name, Table::Activity.schema().field_with_name(column.name).ok()?.clone()))
            })
            .collect();
        let (columns, fields): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        let schema = Arc::new(Schema::new(fields));
        let physical = context.create_physical_expr(expression, &DFSchema::try_from(schema.as_ref().clone())?)?;
        match physical.data_type(&schema)? {
            DataType::Boolean | DataType::Null => Ok(RowExpression { columns, schema, physical }),
            other => Err(invalid(format!("the expression is {other}, and has to be true or false, as amount > 10"))),
        }
    }

    /// Columns of `activity` that it looks at, in the order of the table.
    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// Its value on each row of a batch that has its columns, as they are read from files. A value that cannot be worked out
    /// for a batch, as a division by zero, is none for all of it.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, StoreError> {
        let missing = |name: &str| StoreError::Task(format!("rows without the column {name}"));
        let columns = self.columns.iter().zip(self.schema.fields()).map(|(name, field)| {
            let column = batch.column_by_name(name).ok_or_else(|| missing(name))?;
            Ok(if column.data_type() == field.data_type() { column.clone() } else { cast(column, field.data_type())? })
        });
        let columns = columns.collect::<Result<Vec<_>, StoreError>>()?;
        let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let own = RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)?;
        Ok(self.values(&own).unwrap_or_else(|_| self.one_by_one(&own)))
    }

    fn values(&self, batch: &RecordBatch) -> Result<BooleanArray, DataFusionError> {
        let value = self.physical.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(match value.as_boolean_opt() {
            Some(values) => values.clone(),
            None => BooleanArray::new_null(batch.num_rows()),
        })
    }

    /// One row that fails must not take the others with it.
    fn one_by_one(&self, batch: &RecordBatch) -> BooleanArray {
        let one =
            |row: usize| self.values(&batch.slice(row, 1)).ok().filter(|value| value.is_valid(0)).map(|it| it.value(0));
        (0..batch.num_rows()).map(one).collect()
    }
}

/// What is not the row's alone.
fn refuse(expression: &Expr) -> Result<(), QueryError> {
    let mut fault = None;
    let seen = expression.apply(|one| {
        fault = fault.take().or_else(|| match one {
            Expr::Column(column) if column.name == PERSON => {
                Some("person_id follows merges: ask for people by a condition or cohort".to_owned())
            }
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) => {
                Some("an expression is about one row: count, sum and the like are of many".to_owned())
            }
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_) => {
                Some("an expression is about one row: there is nothing to SELECT from".to_owned())
            }
            Expr::Placeholder(_) | Expr::ScalarVariable(..) => {
                Some("an expression has no parameters: write the value".to_owned())
            }
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                Some(format!("{} is not the same each time, and the row is looked at once", call.func.name()))
            }
            _ => None,
        });
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    });
    seen?;
    fault.map_or(Ok(()), |fault| Err(invalid(fault)))
}

fn invalid(message: String) -> QueryError {
    QueryError::SqlInvalid { message, position: None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{ArrayRef, Float64Array, StringViewArray};

    use super::*;

    fn batch() -> RecordBatch {
        let amounts: ArrayRef = Arc::new(Float64Array::from(vec![Some(5.0), Some(20.0), None, Some(0.0)]));
        let texts = [r#"{"plan":"pro","n":0}"#, r#"{"plan":"free","n":2}"#, "{}", r#"{"plan":"päid","n":"x"}"#];
        let properties: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
        RecordBatch::try_from_iter_with_nullable([("amount", amounts, true), ("properties", properties, false)])
            .unwrap()
    }

    fn values(text: &str) -> Vec<Option<bool>> {
        RowExpression::parse(text).unwrap().evaluate(&batch()).unwrap().iter().collect()
    }

    #[test]
    fn rows_are_true_false_or_neither() {
        assert_eq!(values("amount > 10"), [Some(false), Some(true), None, Some(false)]);
        let both = values("properties->>'plan' = 'pro' OR amount > 10");
        assert_eq!(both, [Some(true), Some(true), None, Some(false)]);
        assert_eq!(values("lower(properties->>'plan') LIKE 'p%'"), [Some(true), Some(false), None, Some(true)]);
        assert_eq!(values("true"), [Some(true); 4]);
        assert_eq!(values("NULL"), [None; 4]);
        assert_eq!(RowExpression::parse("amount > 1").unwrap().columns(), ["amount"]);
    }

    #[test]
    fn a_row_that_fails_is_neither_and_the_others_are_what_they_are() {
        let divided = values("10 / CAST(properties->>'n' AS BIGINT) = 5");
        assert_eq!(divided, [None, Some(true), None, None]);
    }

    /// An overflowing stack would end the whole process.
    #[test]
    fn what_is_too_deep_is_refused_on_a_usual_stack() {
        let chain = |links: usize| vec!["amount = 1"; links].join(" OR ");
        let nots = "NOT ".repeat(900) + "true";
        let closed = "(".repeat(1_900) + "true" + &")".repeat(1_900);
        let read = move || {
            assert!(RowExpression::parse(&chain(40)).unwrap().evaluate(&batch()).is_ok());
            for text in [chain(290), nots, closed] {
                assert!(RowExpression::parse(&text).is_err());
            }
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(read).unwrap().join().unwrap();
    }

    #[test]
    fn what_is_not_of_one_row_is_refused() {
        for text in [
            "person_id = 'x'",
            "count(*) > 1",
            "amount > (SELECT 1)",
            "event IN (SELECT 'a')",
            "random() < 0.5",
            "timestamp > now()",
            "amount > $1",
            "amount",
            "nothing = 1",
            "amount >",
            "row_number() OVER () = 1",
            "true; DROP TABLE activity",
        ] {
            assert!(RowExpression::parse(text).is_err(), "{text}");
        }
    }
}
