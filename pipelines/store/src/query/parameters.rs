//! Parameters become literal nodes of the parsed statement: they are values before planning starts, and never SQL text.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Array, Expr, Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::Span;
use serde_json::Value as Json;

use super::driver_parameters::{ParameterKind, ParameterValue};
use super::error::QueryError;

/// Highest number of a parameter, as in PostgreSQL's protocol: a list of all of them is as long as it.
const NUMBER_MAX: usize = 65_535;
/// Values as literals, together: each is written into all of its places.
const BOUND_BYTES_MAX: usize = 32 << 20;
/// What a literal takes beside its text, about.
pub(super) const LITERAL_BYTES: usize = 64;

/// What goes in place of placeholders.
pub(super) enum Values<'a> {
    /// `$name` from an object, `$1` from an array.
    Json(&'a Json),
    /// `$1`, with types.
    Typed(&'a [ParameterValue]),
    /// Nulls of the types that are declared; the others stay as they are, or become nulls of `rest`.
    Declared { kinds: &'a [Option<ParameterKind>], rest: Option<ParameterKind> },
}

/// Puts values in place of placeholders; returns the highest number among `$1`, `$2` ….
pub(super) fn bind(statement: &mut Statement, values: &Values<'_>) -> Result<usize, QueryError> {
    match statement {
        Statement::Explain(explain) => bind(&mut explain.statement, values),
        Statement::Statement(statement) => {
            let mut binder = Binder { values, highest: 0, bound_bytes: 0 };
            match statement.visit(&mut binder) {
                ControlFlow::Break(error) => Err(error),
                ControlFlow::Continue(()) => Ok(binder.highest),
            }
        }
        _ => Ok(0),
    }
}

struct Binder<'a> {
    values: &'a Values<'a>,
    highest: usize,
    bound_bytes: usize,
}

impl VisitorMut for Binder<'_> {
    type Break = QueryError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), span }) = expr else {
            return ControlFlow::Continue(());
        };
        match self.value_of(name, *span) {
            Ok(Some(literal)) => *expr = literal,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

impl Binder<'_> {
    fn value_of(&mut self, name: &str, span: Span) -> Result<Option<Expr>, QueryError> {
        let key = name.strip_prefix('$').unwrap_or_default();
        let place = key.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if place.is_some_and(|place| place >= NUMBER_MAX) {
            let message = format!("parameters are numbered up to ${NUMBER_MAX}");
            return Err(QueryError::SqlInvalid { message, position: Some(span.start.into()) });
        }
        self.highest = self.highest.max(place.map_or(0, |place| place + 1));
        self.bound_bytes += self.bytes_of(key, place);
        if self.bound_bytes > BOUND_BYTES_MAX {
            let (size, unit) = (self.bound_bytes, "bytes of values in their places");
            return Err(QueryError::SqlTooLong { size, unit, most: BOUND_BYTES_MAX });
        }
        let value = match self.values {
            Values::Json(Json::Object(named)) => named.get(key).map(|value| literal(name, value, span)),
            Values::Json(Json::Array(listed)) => {
                place.and_then(|place| listed.get(place)).map(|value| literal(name, value, span))
            }
            Values::Json(_) => None,
            Values::Typed(values) => place.and_then(|place| values.get(place)).map(|value| value.literal(name, span)),
            Values::Declared { kinds, rest } => {
                let kind = place.and_then(|place| kinds.get(place).copied().flatten()).or(*rest);
                return Ok(kind.map(ParameterKind::null));
            }
        };
        match value {
            Some(value) => value.map(Some),
            None => Err(QueryError::ParameterMissing { name: name.to_owned(), position: Some(span.start.into()) }),
        }
    }
}

impl Binder<'_> {
    /// What the value of a placeholder takes where it stands.
    fn bytes_of(&self, key: &str, place: Option<usize>) -> usize {
        match self.values {
            Values::Json(Json::Object(named)) => named.get(key).map_or(0, bytes_of),
            Values::Json(Json::Array(listed)) => place.and_then(|place| listed.get(place)).map_or(0, bytes_of),
            Values::Typed(values) => place.and_then(|place| values.get(place)).map_or(0, ParameterValue::bytes),
            Values::Json(_) | Values::Declared { .. } => 0,
        }
    }
}

fn bytes_of(value: &Json) -> usize {
    match value {
        Json::String(text) => LITERAL_BYTES + text.len(),
        Json::Array(items) => items.iter().map(bytes_of).sum(),
        _ => LITERAL_BYTES,
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
