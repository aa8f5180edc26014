//! Every error of a question as an answer. 400: ask differently; 422: the data or the limits do not allow it.

use std::time::Duration;

use footfall_api_http::{Kind, Problem};
use footfall_pipelines_store::query::QueryError;
use http::StatusCode;

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(static $name: Kind = Kind::new(StatusCode::$status, $code, $title);)*
        /// Every kind of problem that a question can have.
        pub(super) static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    SQL_SYNTAX = BAD_REQUEST, "sql_syntax", "The text is no SQL.";
    SQL_INVALID = BAD_REQUEST, "sql_invalid", "The question does not make sense.";
    UNKNOWN_TABLE = BAD_REQUEST, "unknown_table", "There is no such table.";
    UNKNOWN_COLUMN = BAD_REQUEST, "unknown_column", "There is no such column.";
    UNKNOWN_FUNCTION = BAD_REQUEST, "unknown_function", "There is no such function.";
    NOT_READ_ONLY = BAD_REQUEST, "not_read_only", "This interface only reads.";
    TOO_MANY_STATEMENTS = BAD_REQUEST, "too_many_statements", "One statement at a time.";
    NOT_SUPPORTED = BAD_REQUEST, "not_supported", "This is not supported.";
    SQL_TOO_LONG = BAD_REQUEST, "sql_too_long", "The SQL text is too long.";
    SQL_TOO_DEEP = BAD_REQUEST, "sql_too_deep", "The question is nested too deep.";
    PARAMETER_MISSING = BAD_REQUEST, "parameter_missing", "A parameter has no value.";
    PARAMETER_TYPE = BAD_REQUEST, "parameter_type", "A parameter cannot have this value.";
    INVALID_VALUE = UNPROCESSABLE_ENTITY, "invalid_value", "A value of the data does not fit the question.";
    SQL_TIME_LIMIT = UNPROCESSABLE_ENTITY, "sql_time_limit", "The question took too long.";
    MEMORY_LIMIT = UNPROCESSABLE_ENTITY, "memory_limit", "The question needs more memory than it may have.";
    ROW_LIMIT = UNPROCESSABLE_ENTITY, "row_limit", "The answer has too many rows.";
    SQL_BUSY = SERVICE_UNAVAILABLE, "sql_busy", "Too many questions at once.";
}

pub(super) fn problem(error: QueryError) -> Problem {
    use QueryError as E;
    let kind = match &error {
        // The engine has traced the cause.
        E::Internal => return Problem::new(&footfall_api_http::kinds::INTERNAL),
        E::StoreAway => {
            let kind = &footfall_api_http::kinds::UNAVAILABLE;
            return Problem::retry(kind, Duration::from_secs(1)).detail(sentence(&error));
        }
        E::Busy { .. } | E::NotTaken => {
            return Problem::retry(&SQL_BUSY, Duration::from_secs(1)).detail(sentence(&error));
        }
        E::SqlSyntax { .. } => &SQL_SYNTAX,
        E::SqlInvalid { .. } => &SQL_INVALID,
        E::UnknownTable { .. } => &UNKNOWN_TABLE,
        E::UnknownColumn { .. } => &UNKNOWN_COLUMN,
        E::UnknownFunction { .. } => &UNKNOWN_FUNCTION,
        E::NotReadOnly { .. } => &NOT_READ_ONLY,
        E::TooManyStatements { .. } => &TOO_MANY_STATEMENTS,
        E::NotSupported { .. } => &NOT_SUPPORTED,
        E::SqlTooLong { .. } => &SQL_TOO_LONG,
        E::SqlTooDeep { .. } => &SQL_TOO_DEEP,
        E::ParameterMissing { .. } => &PARAMETER_MISSING,
        E::ParameterType { .. } => &PARAMETER_TYPE,
        E::InvalidValue { .. } => &INVALID_VALUE,
        E::TimeLimit { .. } => &SQL_TIME_LIMIT,
        E::MemoryLimit => &MEMORY_LIMIT,
        E::RowLimit { .. } => &ROW_LIMIT,
    };
    let problem = Problem::new(kind).detail(sentence(&error));
    match error.position() {
        Some(place) => problem.member("line", place.line).member("column", place.column),
        None => problem,
    }
}

/// The error's text as a sentence.
fn sentence(error: &QueryError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
