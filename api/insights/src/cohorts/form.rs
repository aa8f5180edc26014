//! How saved cohorts look on the wire, and what is refused.

use std::time::Duration;

use footfall_api_access::AccessError;
use footfall_api_http::{Fault, IfMatch, Kind, Place, Problem, Time};
use footfall_pipelines_insights::definition::Cohort;
use http::StatusCode as Status;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CohortError, Saved, Wanted};

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind::new(Status::$status, $code, $title);)*
        /// All of them.
        pub(crate) static RAISED: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    UNKNOWN = NOT_FOUND, "cohort_unknown", "There is no such cohort.";
    KEY_TAKEN = CONFLICT, "cohort_key_taken", "Another cohort has this key.";
    CHANGED = CONFLICT, "changed_meanwhile", "It was changed at the same time.";
    IN_USE = CONFLICT, "cohort_in_use", "Other cohorts are defined by it.";
    TOO_MANY = CONFLICT, "too_many_cohorts", "The project has no room for more.";
    NO_LIST = CONFLICT, "cohort_no_list", "The cohort is no list of people.";
    TOO_MANY_PEOPLE = UNPROCESSABLE_ENTITY, "cohort_people_too_many", "The list has no room for so many.";
    INVALID = UNPROCESSABLE_ENTITY, "cohort_invalid", "The cohort cannot be made of this.";
    DATABASE_BUSY = SERVICE_UNAVAILABLE, "database_busy", "The database is busy.";
}

/// Of questions that name cohorts.
pub(crate) static RAISED_OF_BODIES: &[&Kind] = &[&INVALID, &DATABASE_BUSY];

/// A group of people under a name, of whom are in it as soon as they meet its definition.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SavedCohort {
    key: String,
    name: String,
    description: String,
    /// As it was written: a cohort of a question.
    definition: Value,
    /// Who are in it now; absent in lists, and where that cannot be said just now.
    people: Option<u64>,
    /// The moment of `people`.
    people_as_of: Option<Time>,
    revision: i64,
    created_at: Time,
    updated_at: Time,
}

impl SavedCohort {
    pub fn of(saved: Saved, people: Option<(u64, Time)>) -> SavedCohort {
        SavedCohort {
            key: saved.key,
            name: saved.name,
            description: saved.description,
            definition: saved.definition,
            people: people.map(|(count, _)| count),
            people_as_of: people.map(|(_, at)| at),
            revision: saved.revision,
            created_at: saved.created_at.into(),
            updated_at: saved.updated_at.into(),
        }
    }
}

/// A new cohort.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSavedCohort {
    /// Letters, digits and `- _ . :`, the first a letter or digit; questions name it so, and it never changes.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$"))]
    pub key: String,
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
    pub definition: Cohort,
}

/// A cohort as it is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSavedCohort {
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub description: String,
    pub definition: Cohort,
}

impl From<WantedSavedCohort> for Wanted {
    fn from(wanted: WantedSavedCohort) -> Wanted {
        let WantedSavedCohort { name, description, definition } = wanted;
        Wanted { name, description, definition }
    }
}

/// Who are in a cohort.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CohortMembers {
    pub people: u64,
    /// Person ids, ascending by bytes, as many as were asked for.
    pub listed: Vec<String>,
    pub as_of: Time,
}

/// What was wrong, as the API says it.
pub(crate) fn problem(error: CohortError) -> Problem {
    let text = error.to_string();
    let invalid = |detail: String| {
        let fault = Fault::new(Place::Body, "/definition", detail.clone());
        Problem::new(&INVALID).detail(detail).faults(vec![fault])
    };
    match error {
        CohortError::Unknown(_) => Problem::new(&UNKNOWN).detail(text),
        CohortError::KeyTaken => Problem::new(&KEY_TAKEN).detail("Choose another key, or change what is there."),
        CohortError::Stale(Some(current)) => IfMatch::stale(current),
        CohortError::Stale(None) => {
            Problem::new(&CHANGED).detail("Read it again, and repeat the change on what it is now.")
        }
        CohortError::InUse(_) => Problem::new(&IN_USE).detail(text),
        CohortError::TooMany => Problem::new(&TOO_MANY).detail(text),
        CohortError::NoList => Problem::new(&NO_LIST).detail(text),
        CohortError::TooManyPeople => Problem::new(&TOO_MANY_PEOPLE).detail(text),
        CohortError::Cycle(_) | CohortError::TooManyNamed | CohortError::Refused(_) => invalid(text),
        CohortError::Access(AccessError::Busy) => {
            Problem::retry(&DATABASE_BUSY, Duration::from_secs(1)).detail("Try again in a moment.")
        }
        CohortError::Access(_) | CohortError::Damaged => Problem::internal(error),
    }
}

/// The same where a body names a cohort that is not there: the body is at fault, not the address.
pub(crate) fn problem_of_body(error: CohortError) -> Problem {
    match error {
        CohortError::Unknown(key) => {
            let detail = format!("names a cohort {key:?} that is not there");
            let fault = Fault::new(Place::Body, "", detail.clone());
            Problem::new(&INVALID).detail(format!("The body {detail}.")).faults(vec![fault])
        }
        other => problem(other),
    }
}
