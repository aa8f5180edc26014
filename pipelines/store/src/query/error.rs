//! What can go wrong with a question, in words for the asker. Paths and the engine's internals never show.

use std::time::Duration;

use arrow::error::ArrowError;
use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Location;

use crate::StoreError;

/// A place in the SQL text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Position { line: location.line, column: location.column }
    }
}

/// Why a question has no answer. [`QueryError::code`] is stable; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("{message}")]
    SqlSyntax { message: String, position: Option<Position> },
    #[error("{message}")]
    SqlInvalid { message: String, position: Option<Position> },
    #[error("there is no table {table}; tables are {known}")]
    UnknownTable { table: String, known: String, position: Option<Position> },
    #[error("{message}")]
    UnknownColumn { message: String, position: Option<Position> },
    #[error("{message}")]
    UnknownFunction { message: String, position: Option<Position> },
    #[error("{statement} is not possible here: this interface only reads")]
    NotReadOnly { statement: String },
    #[error("one statement at a time, these are {count}")]
    TooManyStatements { count: usize },
    #[error("{message}")]
    NotSupported { message: String },
    #[error("the SQL text is too long: {size} {unit}, at most {most}")]
    SqlTooLong { size: usize, unit: &'static str, most: usize },
    #[error("an expression is nested, or a chain of operators is longer, than {most}: IN (…) is shorter than many OR")]
    SqlTooDeep { most: usize },
    #[error("no value was given for the parameter {name}")]
    ParameterMissing { name: String, position: Option<Position> },
    #[error("the parameter {name} cannot be {given}: a string, number, boolean, null or an array of these is needed")]
    ParameterType { name: String, given: &'static str },
    #[error("{message}")]
    InvalidValue { message: String },
    #[error("the question took longer than {} s", limit.as_secs_f64())]
    TimeLimit { limit: Duration },
    #[error("the question needs more memory or temporary disk space than it may have")]
    MemoryLimit,
    #[error("the answer has more than {rows} rows: add a LIMIT, or aggregate")]
    RowLimit { rows: u64 },
    #[error("too many questions at once: none ended within {} s", waited.as_secs_f64())]
    Busy { waited: Duration },
    #[error("the rows were not taken in time, so the question was ended")]
    NotTaken,
    #[error("the tables cannot be reached at the moment")]
    StoreAway,
    #[error("the question failed inside; the server's log says why")]
    Internal,
}

impl QueryError {
    /// The stable code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            QueryError::SqlSyntax { .. } => "sql_syntax",
            QueryError::SqlInvalid { .. } => "sql_invalid",
            QueryError::UnknownTable { .. } => "unknown_table",
            QueryError::UnknownColumn { .. } => "unknown_column",
            QueryError::UnknownFunction { .. } => "unknown_function",
            QueryError::NotReadOnly { .. } => "not_read_only",
            QueryError::TooManyStatements { .. } => "too_many_statements",
            QueryError::NotSupported { .. } => "not_supported",
            QueryError::SqlTooLong { .. } => "sql_too_long",
            QueryError::SqlTooDeep { .. } => "sql_too_deep",
            QueryError::ParameterMissing { .. } => "parameter_missing",
            QueryError::ParameterType { .. } => "parameter_type",
            QueryError::InvalidValue { .. } => "invalid_value",
            QueryError::TimeLimit { .. } => "time_limit",
            QueryError::MemoryLimit => "memory_limit",
            QueryError::RowLimit { .. } => "row_limit",
            QueryError::Busy { .. } => "busy",
            QueryError::NotTaken => "not_taken",
            QueryError::StoreAway => "store_away",
            QueryError::Internal => "internal",
        }
    }

    /// Where in the SQL text, if that is known.
    pub const fn position(&self) -> Option<Position> {
        match self {
            QueryError::SqlSyntax { position, .. }
            | QueryError::SqlInvalid { position, .. }
            | QueryError::UnknownTable { position, .. }
            | QueryError::UnknownColumn { position, .. }
            | QueryError::UnknownFunction { position, .. }
            | QueryError::ParameterMissing { position, .. } => *position,
            _ => None,
        }
    }

    /// Logs what the asker must not see.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> QueryError {
        tracing::error!(%error, "a question failed inside");
        QueryError::Internal
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        translate(&error, None)
    }
}

/// What a database says to a question in its own dialect.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NativeError(pub StoreError);

impl From<NativeError> for QueryError {
    fn from(error: NativeError) -> Self {
        of_database(&error.0)
    }
}

/// A function has looked at the clock, and the question's time is over.
#[derive(Debug, thiserror::Error)]
#[error("a function took longer than the question may")]
pub(super) struct OutOfTime(pub Duration);

/// The database's refusal in words for the asker. Messages that may quote values of rows are left out: they may be of
/// rows that the asker does not see.
fn of_database(error: &StoreError) -> QueryError {
    let StoreError::Refused { code, detail } = error else { return of_store(error) };
    let message = || {
        let text = detail.rsplit("DB::Exception: ").next().unwrap_or_default();
        // What follows shows our own statement around the asker's.
        let cuts = [" In scope ", " Maybe you meant", ": In scope", ": while ", " (version"];
        first_line(cuts.iter().fold(text, |text, cut| text.split(cut).next().unwrap_or(text)))
    };
    match code {
        62 => QueryError::SqlSyntax { message: message(), position: None },
        46 => QueryError::UnknownFunction { message: message(), position: None },
        10 | 16 | 42 | 43 | 47 | 60 | 184 | 215 | 386 => QueryError::SqlInvalid { message: message(), position: None },
        158 | 396 => QueryError::RowLimit { rows: 0 },
        159 => QueryError::TimeLimit { limit: Duration::ZERO },
        164 | 497 => QueryError::NotReadOnly { statement: "THIS".to_owned() },
        241 => QueryError::MemoryLimit,
        code => QueryError::InvalidValue { message: format!("ClickHouse refuses the question with its code {code}") },
    }
}

/// The tables are away, or something is wrong with them.
fn of_store(error: &StoreError) -> QueryError {
    match error.is_passing() {
        true => {
            tracing::warn!(%error, "a question cannot read its tables");
            QueryError::StoreAway
        }
        false => QueryError::internal(error),
    }
}

fn translate(error: &DataFusionError, position: Option<Position>) -> QueryError {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => translate(inner, place_of(diagnostic).or(position)),
        DataFusionError::Context(_, inner) => translate(inner, position),
        DataFusionError::Shared(inner) => translate(inner, position),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => translate(first, position),
            None => QueryError::Internal,
        },
        DataFusionError::SQL(parser, _) => syntax(&parser.to_string()),
        DataFusionError::SchemaError(schema, _) => unknown_or_invalid(schema, position),
        DataFusionError::Plan(message) => plan_error(message, position),
        DataFusionError::NotImplemented(message) => QueryError::NotSupported { message: first_line(message) },
        DataFusionError::Execution(message) => QueryError::InvalidValue { message: first_line(message) },
        DataFusionError::ResourcesExhausted(detail) => {
            tracing::info!(%detail, "a question needs more than it may have");
            QueryError::MemoryLimit
        }
        DataFusionError::ArrowError(arrow, _) => arrow_error(arrow),
        DataFusionError::External(inner) => {
            if let Some(inner) = inner.downcast_ref::<DataFusionError>() {
                translate(inner, position)
            } else if let Some(OutOfTime(limit)) = inner.downcast_ref() {
                QueryError::TimeLimit { limit: *limit }
            } else if let Some(NativeError(refusal)) = inner.downcast_ref() {
                of_database(refusal)
            } else if let Some(store) = inner.downcast_ref() {
                of_store(store)
            } else {
                QueryError::internal(error)
            }
        }
        other => in_pushed_filter(&other.to_string()).unwrap_or_else(|| QueryError::internal(other)),
    }
}

/// What went wrong on a row, where the Parquet reader applied the filter: it hands the error on as text, with the Rust
/// value that it was.
fn in_pushed_filter(text: &str) -> Option<QueryError> {
    let (_, error) = text.split_once("Error evaluating filter predicate: ")?;
    let invalid = |message: &str| Some(QueryError::InvalidValue { message: first_line(message) });
    if error.starts_with("ResourcesExhausted(") {
        return Some(QueryError::MemoryLimit);
    }
    if error.starts_with("External(OutOfTime(") {
        return Some(QueryError::TimeLimit { limit: Duration::ZERO });
    }
    if let Some((message, _)) = error.strip_prefix("Execution(\"").and_then(|rest| rest.split_once("\")")) {
        return invalid(message);
    }
    let (_, error) = error.split_once("ArrowError(")?;
    if error.starts_with("DivideByZero") {
        return invalid(&ArrowError::DivideByZero.to_string());
    }
    let (variant, detail) = error.split_once("(\"")?;
    let detail =
        detail.split_once("\")").map_or(detail, |(detail, _)| detail).replace("\\\"", "\"").replace("\\'", "'");
    let error = match variant {
        "CastError" => ArrowError::CastError(detail),
        "ParseError" => ArrowError::ParseError(detail),
        "ComputeError" => ArrowError::ComputeError(detail),
        "ArithmeticOverflow" => ArrowError::ArithmeticOverflow(detail),
        "InvalidArgumentError" => ArrowError::InvalidArgumentError(detail),
        _ => return None,
    };
    invalid(&error.to_string())
}

fn place_of(diagnostic: &Diagnostic) -> Option<Position> {
    diagnostic.span.map(|span| Position { line: span.start.line, column: span.start.column })
}

/// The parser's own text carries the place: `… at Line: 1, Column: 8`.
fn syntax(text: &str) -> QueryError {
    let text = text.trim_start_matches("sql parser error: ").trim_start_matches("ParserError: ");
    let (message, position) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => (message, read_place(place)),
        None => (text, None),
    };
    QueryError::SqlSyntax { message: first_line(message), position }
}

fn read_place(place: &str) -> Option<Position> {
    let (line, column) = place.split_once(", Column: ")?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    Some(Position { line: digits(line)?, column: digits(column)? })
}

fn unknown_or_invalid(error: &SchemaError, position: Option<Position>) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let own = field.spans.first().map(|span| Position { line: span.start.line, column: span.start.column });
            let mut known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            known.dedup();
            let message = format!("there is no column {}{}", field.name, columns_near(&field.name, &known));
            let hint = if known.contains(&"properties") { "; a property is properties->>'name'" } else { "" };
            QueryError::UnknownColumn { message: message + hint, position: own.or(position) }
        }
        other => QueryError::SqlInvalid { message: first_line(&other.to_string()), position },
    }
}

/// The columns that may have been meant: all of them where they are few.
fn columns_near(name: &str, known: &[&str]) -> String {
    const FEW: usize = 12;
    const NEAR: f64 = 0.75;
    if known.is_empty() {
        return String::new();
    }
    if known.len() <= FEW {
        return format!("; columns are {}", known.join(", "));
    }
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .map(|column| (strsim::jaro_winkler(name, column), *column))
        .filter(|(like, _)| *like >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, column)| column).collect();
    let meant = if near.is_empty() { String::new() } else { format!("; perhaps {} is meant", near.join(" or ")) };
    format!("{meant}; GET /v1/tables lists all columns")
}

fn plan_error(message: &str, position: Option<Position>) -> QueryError {
    let message = first_line(message);
    if let Some(table) = between(&message, "table '", "' not found") {
        let table = table.split_once(".public.").map_or(table, |(_, table)| table).to_owned();
        return QueryError::UnknownTable { table, known: super::describe::names().join(", "), position };
    }
    if message.starts_with("failed to resolve ") {
        let table = message.rsplit(": ").next().unwrap_or_default().to_owned();
        return QueryError::UnknownTable { table, known: super::describe::names().join(", "), position };
    }
    if message.starts_with("Invalid function") || (message.contains("unction") && message.ends_with("not found")) {
        return QueryError::UnknownFunction { message, position };
    }
    for refused in ["DDL not supported: ", "DML not supported: ", "Statement not supported: "] {
        if let Some(name) = message.strip_prefix(refused) {
            return QueryError::NotReadOnly { statement: name.to_owned() };
        }
    }
    QueryError::SqlInvalid { message, position }
}

fn arrow_error(error: &ArrowError) -> QueryError {
    match error {
        ArrowError::CastError(_)
        | ArrowError::ParseError(_)
        | ArrowError::ComputeError(_)
        | ArrowError::DivideByZero
        | ArrowError::ArithmeticOverflow(_)
        | ArrowError::InvalidArgumentError(_) => QueryError::InvalidValue { message: first_line(&error.to_string()) },
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => translate(inner, None),
            None => QueryError::internal(error),
        },
        other => QueryError::internal(other),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)? + start.len();
    let length = text[from..].find(end)?;
    Some(&text[from..from + length])
}

/// Without a back-trace, and without more than an asker can read.
fn first_line(message: &str) -> String {
    const CHARS_MAX: usize = 600;
    message.split("\n\nbacktrace:").next().unwrap_or(message).trim().chars().take(CHARS_MAX).collect()
}
