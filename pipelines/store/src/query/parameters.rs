//! Parameters become literal nodes of the parsed statement: they are values before planning starts, and never SQL text.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Array, Expr, Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::Span;
use serde_json::Value as Json;

use super::error::QueryError;

/// Puts values in place of `$name` (from an object) or `$1` (from an array).
pub(super) fn bind(statement: &mut Statement, parameters: &Json) -> Result<(), QueryError> {
    match statement {
        Statement::Explain(explain) => bind(&mut explain.statement, parameters),
        Statement::Statement(statement) => match statement.visit(&mut Binder { parameters }) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        },
        _ => Ok(()),
    }
}

struct Binder<'a> {
    parameters: &'a Json,
}

impl VisitorMut for Binder<'_> {
    type Break = QueryError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), span }) = expr else {
            return ControlFlow::Continue(());
        };
        match self.value_of(name, *span) {
            Ok(literal) => {
                *expr = literal;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Binder<'_> {
    fn value_of(&self, name: &str, span: Span) -> Result<Expr, QueryError> {
        let key = name.strip_prefix('$').unwrap_or_default();
        let value = match self.parameters {
            Json::Object(named) => named.get(key),
            Json::Array(listed) => key.parse::<usize>().ok().and_then(|place| listed.get(place.checked_sub(1)?)),
            _ => None,
        };
        match value {
            Some(value) => literal(name, value, span),
            None => Err(QueryError::ParameterMissing { name: name.to_owned(), position: Some(span.start.into()) }),
        }
    }
}

fn literal(name: &str, value: &Json, span: Span) -> Result<Expr, QueryError> {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::Number(number) => Value::Number(number.to_string(), false),
        Json::String(text) => Value::SingleQuotedString(text.clone()),
        Json::Object(_) => return Err(QueryError::ParameterType { name: name.to_owned(), given: "an object" }),
        Json::Array(items) => return array(name, items, span),
    };
    Ok(Expr::Value(ValueWithSpan { value, span }))
}

fn array(name: &str, items: &[Json], span: Span) -> Result<Expr, QueryError> {
    if items.iter().any(Json::is_array) {
        return Err(QueryError::ParameterType { name: name.to_owned(), given: "an array of arrays" });
    }
    let elem = items.iter().map(|item| literal(name, item, span)).collect::<Result<Vec<_>, _>>()?;
    Ok(Expr::Array(Array { elem, named: true }))
}
