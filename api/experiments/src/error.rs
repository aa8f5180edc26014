//! What can go wrong here, and the problem that each is over HTTP.

use std::time::Duration;

use footfall_api_access::{AccessError, DatabaseError};
use footfall_api_http::{Fault, Kind, Problem};
use http::StatusCode as Status;

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Something of this kind has this key.
    #[error("the key is taken")]
    KeyTaken,
    #[error("it was changed meanwhile")]
    Stale,
    #[error("the definition is not acceptable")]
    Invalid(Vec<Fault>),
    #[error("it is in use: {}", .0.join(", "))]
    InUse(Vec<String>),
    /// The lifecycle has no such step from here.
    #[error("{0}")]
    Step(String),
    #[error("a project has at most {0} of these")]
    TooMany(usize),
    #[error("the numbers cannot be had now: {0}")]
    Facts(String),
    /// What answers is being made of so many rows that nothing else has an answer in time.
    #[error("the project's activity is being read for this: {rows_done} of {rows_all} rows are there")]
    Preparing { rows_done: u64, rows_all: u64 },
    #[error("{0} in the database cannot be read")]
    Damaged(&'static str),
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<DatabaseError> for ExperimentError {
    fn from(error: DatabaseError) -> Self {
        ExperimentError::Access(error.into())
    }
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind::new(Status::$status, $code, $title);)*
    };
}

kinds! {
    UNKNOWN = NOT_FOUND, "definition_unknown", "There is no such definition.";
    KEY_TAKEN = CONFLICT, "key_taken", "Something of this kind has this key.";
    CHANGED = CONFLICT, "changed_meanwhile", "It was changed at the same time.";
    DEFINITION_INVALID = UNPROCESSABLE_ENTITY, "definition_invalid", "The definition is not acceptable.";
    IN_USE = CONFLICT, "in_use", "Others refer to it.";
    STEP_IMPOSSIBLE = CONFLICT, "step_impossible", "This step does not go from where it stands.";
    TOO_MANY = CONFLICT, "too_many_definitions", "The project has no room for more.";
    FACTS_UNAVAILABLE = SERVICE_UNAVAILABLE, "facts_unavailable", "The numbers cannot be had now.";
    RESULTS_RESTRICTED = FORBIDDEN, "results_restricted", "The role sees a part of the activity only.";
    DATABASE_BUSY = SERVICE_UNAVAILABLE, "database_busy", "The database is busy.";
}

/// What reading may answer.
pub(crate) static READS: [&Kind; 2] = [&UNKNOWN, &DATABASE_BUSY];
/// What changing may answer.
pub(crate) static CHANGES: [&Kind; 8] =
    [&UNKNOWN, &KEY_TAKEN, &CHANGED, &DEFINITION_INVALID, &IN_USE, &STEP_IMPOSSIBLE, &TOO_MANY, &DATABASE_BUSY];

/// What was wrong, as the API says it.
pub(crate) fn problem(error: ExperimentError) -> Problem {
    let text = sentence(&error.to_string());
    match error {
        ExperimentError::NotFound(_) => Problem::new(&UNKNOWN).detail(text),
        ExperimentError::KeyTaken => Problem::new(&KEY_TAKEN).detail("Choose another key, or change what is there."),
        ExperimentError::Stale => {
            Problem::new(&CHANGED).detail("Read it again, and repeat the change on what it is now.")
        }
        ExperimentError::Invalid(faults) => {
            let first = faults.first().map(|fault| format!("{} {}", fault.pointer, fault.detail)).unwrap_or_default();
            Problem::new(&DEFINITION_INVALID)
                .detail(format!("{} faults, the first: {first}.", faults.len()))
                .faults(faults)
        }
        ExperimentError::InUse(_) => Problem::new(&IN_USE).detail(text),
        ExperimentError::Step(_) => Problem::new(&STEP_IMPOSSIBLE).detail(text),
        ExperimentError::TooMany(_) => Problem::new(&TOO_MANY).detail(text),
        ExperimentError::Facts(cause) => {
            tracing::error!(%cause, "results could not be computed");
            Problem::retry(&FACTS_UNAVAILABLE, Duration::from_secs(10))
                .detail("The question to the tables failed; try again.")
        }
        ExperimentError::Preparing { .. } => Problem::retry(&FACTS_UNAVAILABLE, Duration::from_secs(5)).detail(text),
        ExperimentError::Access(AccessError::Busy) => {
            Problem::retry(&DATABASE_BUSY, Duration::from_secs(1)).detail("Try again in a moment.")
        }
        ExperimentError::Access(_) | ExperimentError::Damaged(_) => Problem::internal(error),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
