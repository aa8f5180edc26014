//! What people keep: dashboards (`board`), questions (`question`), the variables and filters of both, annotations, schedules.

mod annotation;
mod board;
mod filter;
mod question;
mod question_file;
mod schedule;
mod variable;

pub use annotation::Annotation;
pub use board::{Ask, Board, Show};
pub use filter::{Filter, narrow, reach};
pub use question::{Asked, SavedQuestion, check_asked, insight_of};
pub use question_file::{file_of, question_of, question_of_file};
pub use schedule::{Alert, AnswerFormat, Direction, MAIL_BYTES_MAX, Schedule, Task, USUAL_MIN, WEBHOOK_BYTES_MAX};
pub use variable::{FROM, UNTIL, Values, Variable, names_in, values_of};

use footfall_api_http::Fault;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::BoardError;
use crate::faults::Faults;
use crate::yaml::Read;

/// The kinds of things that are kept under keys of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Dashboard,
    Question,
    Annotation,
    Schedule,
}

impl Kind {
    /// The stable name, as the table and the audit have it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Dashboard => "dashboard",
            Kind::Question => "question",
            Kind::Annotation => "annotation",
            Kind::Schedule => "schedule",
        }
    }

    /// The segment of its paths.
    pub const fn collection(self) -> &'static str {
        match self {
            Kind::Dashboard => "dashboards",
            Kind::Question => "questions",
            Kind::Annotation => "annotations",
            Kind::Schedule => "schedules",
        }
    }

    /// The audit's name of an act on one.
    pub const fn action(self, act: Act) -> &'static str {
        match (self, act) {
            (Kind::Dashboard, Act::Create) => "dashboard.create",
            (Kind::Dashboard, Act::Change) => "dashboard.change",
            (Kind::Dashboard, Act::Remove) => "dashboard.delete",
            (Kind::Question, Act::Create) => "question.create",
            (Kind::Question, Act::Change) => "question.change",
            (Kind::Question, Act::Remove) => "question.delete",
            (Kind::Annotation, Act::Create) => "annotation.create",
            (Kind::Annotation, Act::Change) => "annotation.change",
            (Kind::Annotation, Act::Remove) => "annotation.delete",
            (Kind::Schedule, Act::Create) => "schedule.create",
            (Kind::Schedule, Act::Change) => "schedule.change",
            (Kind::Schedule, Act::Remove) => "schedule.delete",
        }
    }
}

/// What is done to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Create,
    Change,
    Remove,
}

/// What is kept as JSON under a key.
pub trait Content: Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {
    const KIND: Kind;

    /// Everything that is wrong with it.
    fn check(&self, faults: &mut Faults<'_>);

    fn title(&self) -> &str;

    /// What is kept as a value.
    fn read(kept: &str) -> Result<Value, BoardError> {
        serde_json::from_str(kept).map_err(|_| BoardError::Damaged("an item"))
    }

    /// It asks in SQL, so whoever keeps it has to be allowed to.
    fn asks_sql(&self) -> bool {
        false
    }
}

/// A value as `T`; the fault says where it is none.
pub fn typed<T: DeserializeOwned>(value: Value, root: &'static str, source: Option<&Read>) -> Result<T, Vec<Fault>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string().replace(['.', '['], "/").replace(']', "");
        let pointer = if path == "/" || path == "?" || path.is_empty() { String::new() } else { format!("/{path}") };
        let mut faults = Faults::below(root, source);
        faults.point(&pointer, error.into_inner());
        faults.into_vec()
    })
}
