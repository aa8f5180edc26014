//! Errors as PostgreSQL's clients know them: SQLSTATE, a sentence, and the place in the text.

use footfall_api_sql::Refusal;
use footfall_pipelines_store::query::{Position, QueryError};
use pgwire::messages::response::ErrorResponse;

/// An error for the client.
#[derive(Debug)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub message: String,
    position: Option<Position>,
    /// The number of the character in the client's text, from 1.
    place: Option<usize>,
    /// The session ends with it.
    pub is_fatal: bool,
}

impl Fault {
    pub fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into(), position: None, place: None, is_fatal: false }
    }

    pub fn fatal(code: &'static str, message: impl Into<String>) -> Fault {
        Fault { is_fatal: true, ..Fault::new(code, message) }
    }

    /// The session ends with it.
    pub fn ending(self) -> Fault {
        Fault { is_fatal: true, ..self }
    }

    /// With its place in `sql`, which the client wrote behind `before`.
    pub fn within(self, before: &str, sql: &str) -> Fault {
        // One that is known already is of a part of `sql`, and counted from its start.
        let place = self.place.or_else(|| self.position.and_then(|position| place_of(sql, position)));
        Fault { place: place.map(|place| before.chars().count() + place), ..self }
    }

    /// The text is none that the client wrote.
    pub fn without_place(self) -> Fault {
        Fault { position: None, place: None, ..self }
    }

    pub fn response(&self) -> ErrorResponse {
        let severity = if self.is_fatal { "FATAL" } else { "ERROR" };
        let mut fields = vec![
            (b'S', severity.to_owned()),
            (b'V', severity.to_owned()),
            (b'C', self.code.to_owned()),
            (b'M', self.message.replace('\0', " ")),
        ];
        if let Some(place) = self.place {
            fields.push((b'P', place.to_string()));
        }
        ErrorResponse::new(fields)
    }
}

/// The number of the character, from 1, at a line and column.
fn place_of(sql: &str, position: Position) -> Option<usize> {
    let line = usize::try_from(position.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(position.column).ok()?;
    let before: usize = sql.split('\n').take(line).map(|line| line.chars().count() + 1).sum();
    let place = before + column;
    (column > 0 && place <= sql.chars().count() + 1).then_some(place)
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        let code = match &refusal {
            Refusal::Secret => "28P01",
            Refusal::Forbidden(_) => "42501",
            Refusal::Project(_) => "3D000",
            Refusal::Limited => "53400",
            Refusal::Busy => "53300",
            Refusal::Cancelled | Refusal::Slow => "57014",
            Refusal::Internal => "XX000",
            Refusal::Query(error) => code_of(error),
        };
        let position = match &refusal {
            Refusal::Query(error) => error.position(),
            _ => None,
        };
        // A key that was revoked ends the session.
        let is_fatal = matches!(refusal, Refusal::Secret);
        Fault { code, message: refusal.to_string(), position, place: None, is_fatal }
    }
}

fn code_of(error: &QueryError) -> &'static str {
    match error {
        QueryError::SqlSyntax { .. } | QueryError::TooManyStatements { .. } => "42601",
        QueryError::SqlInvalid { .. } => "42000",
        QueryError::UnknownTable { .. } => "42P01",
        QueryError::UnknownColumn { .. } => "42703",
        QueryError::UnknownFunction { .. } => "42883",
        QueryError::NotReadOnly { .. } => "25006",
        QueryError::NotSupported { .. } => "0A000",
        QueryError::SqlTooLong { .. } | QueryError::SqlTooDeep { .. } => "54001",
        QueryError::ParameterMissing { .. } => "42P02",
        QueryError::ParameterType { .. } => "22023",
        QueryError::InvalidValue { .. } => "22000",
        QueryError::TimeLimit { .. } | QueryError::NotTaken => "57014",
        QueryError::MemoryLimit => "53200",
        QueryError::RowLimit { .. } => "54000",
        QueryError::Busy { .. } => "53300",
        QueryError::StoreAway => "57P03",
        QueryError::Internal => "XX000",
    }
}
