//! What can go wrong with plans, and the problem that each is over HTTP.

use std::time::Duration;

use footfall_api_access::{AccessError, DatabaseError};
use footfall_api_http::{Fault, IfMatch, Kind, Place, Problem, Revision};
use footfall_ingest_plan::SchemaFault;
use http::StatusCode as Status;

/// Activities of one plan.
pub(crate) const ACTIVITIES_MAX: i64 = 2_000;

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the plan has no activity {0:?}")]
    Unknown(String),
    #[error("the activity is in the plan already")]
    There,
    #[error("it was changed meanwhile")]
    Stale(Option<Revision>),
    #[error("a plan has at most {ACTIVITIES_MAX} activities")]
    TooMany,
    #[error("the schema cannot be checked: {0}")]
    Schema(#[from] SchemaFault),
    #[error("a plan in the database cannot be read")]
    Damaged,
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<DatabaseError> for PlanError {
    fn from(error: DatabaseError) -> Self {
        PlanError::Access(error.into())
    }
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(static $name: Kind = Kind::new(Status::$status, $code, $title);)*
        /// All of them.
        pub(crate) static RAISED: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    UNKNOWN = NOT_FOUND, "planned_activity_unknown", "The plan has no such activity.";
    THERE = CONFLICT, "activity_planned_already", "The activity is in the plan already.";
    CHANGED = CONFLICT, "plan_changed_meanwhile", "It was changed at the same time.";
    TOO_MANY = CONFLICT, "too_many_planned_activities", "The plan has no room for more.";
    SCHEMA_INVALID = UNPROCESSABLE_ENTITY, "schema_invalid", "The schema cannot be checked.";
    BUSY = SERVICE_UNAVAILABLE, "plans_busy", "The database is busy.";
}

/// What was wrong, as the API says it.
pub(crate) fn problem(error: PlanError) -> Problem {
    let text = error.to_string();
    match error {
        PlanError::Unknown(_) => Problem::new(&UNKNOWN).detail(text),
        PlanError::There => Problem::new(&THERE).detail("Change what is there instead."),
        PlanError::Stale(Some(current)) => IfMatch::stale(current),
        PlanError::Stale(None) => {
            Problem::new(&CHANGED).detail("Read it again, and repeat the change on what it is now.")
        }
        PlanError::TooMany => Problem::new(&TOO_MANY).detail(text),
        PlanError::Schema(SchemaFault { pointer, detail }) => {
            let fault = Fault::new(Place::Body, format!("/schema{pointer}"), detail);
            Problem::new(&SCHEMA_INVALID).detail(text).faults(vec![fault])
        }
        PlanError::Access(AccessError::Busy) => {
            Problem::retry(&BUSY, Duration::from_secs(1)).detail("Try again in a moment.")
        }
        PlanError::Access(_) | PlanError::Damaged => Problem::internal(error),
    }
}
