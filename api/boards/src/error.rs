//! What can go wrong here, and the problem that each is over HTTP.

use std::time::Duration;

use footfall_api_access::{AccessError, DatabaseError};
use footfall_api_http::{Fault, Kind, Problem};
use http::StatusCode as Status;

use crate::answers::Unanswered;

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Something of this kind has this key.
    #[error("the key is taken")]
    KeyTaken,
    #[error("it was changed meanwhile")]
    Stale,
    #[error("the document is not acceptable")]
    Invalid(Vec<Fault>),
    #[error("a project has at most {0} of these")]
    TooMany(i64),
    /// It is part of the program.
    #[error("it is built in, and cannot be removed")]
    BuiltIn,
    /// Who sees a part must not make others see all.
    #[error("your role sees a part of the activity; what is kept here is answered from all of it")]
    Restricted,
    #[error("your role does not ask in SQL, so it keeps no questions in SQL")]
    SqlNotPermitted,
    /// A share that is unknown, revoked or over, or a password that is wrong: the same for all.
    #[error("the link is no longer valid, or the password is wrong")]
    ShareRefused,
    #[error("a password is needed")]
    PasswordNeeded,
    #[error("too many passwords were tried on this link")]
    PasswordsTried(Duration),
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("{0} in the database cannot be read")]
    Damaged(&'static str),
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<DatabaseError> for BoardError {
    fn from(error: DatabaseError) -> Self {
        BoardError::Access(error.into())
    }
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind::new(Status::$status, $code, $title);)*
    };
}

kinds! {
    UNKNOWN = NOT_FOUND, "board_item_unknown", "There is no such thing here.";
    KEY_TAKEN = CONFLICT, "board_key_taken", "Something of this kind has this key.";
    CHANGED = CONFLICT, "board_changed_meanwhile", "It was changed at the same time.";
    DOCUMENT_INVALID = UNPROCESSABLE_ENTITY, "document_invalid", "The document is not acceptable.";
    TOO_MANY = CONFLICT, "too_many_items", "The project has no room for more.";
    BUILT_IN = CONFLICT, "built_in", "It is part of the program.";
    RESTRICTED = FORBIDDEN, "board_restricted", "The role sees a part of the activity only.";
    SQL_NOT_PERMITTED = FORBIDDEN, "sql_not_permitted", "The role does not ask in SQL.";
    SHARE_REFUSED = NOT_FOUND, "share_refused", "The link is no longer valid, or the password is wrong.";
    PASSWORD_NEEDED = FORBIDDEN, "share_password_needed", "The link asks for a password.";
    PASSWORDS_TRIED = TOO_MANY_REQUESTS, "share_passwords_tried", "Too many passwords were tried.";
    QUESTION_REFUSED = UNPROCESSABLE_ENTITY, "question_refused", "The question cannot be answered as it is.";
    ANSWER_LATER = SERVICE_UNAVAILABLE, "answer_later", "There is no answer yet.";
    BOARDS_BUSY = SERVICE_UNAVAILABLE, "boards_busy", "The database is busy.";
}

/// What reading may answer.
pub(crate) static READS: [&Kind; 2] = [&UNKNOWN, &BOARDS_BUSY];
/// What changing may answer.
pub(crate) static CHANGES: [&Kind; 9] = [
    &UNKNOWN,
    &KEY_TAKEN,
    &CHANGED,
    &DOCUMENT_INVALID,
    &TOO_MANY,
    &BUILT_IN,
    &RESTRICTED,
    &SQL_NOT_PERMITTED,
    &BOARDS_BUSY,
];
/// What asking may answer.
pub(crate) static ASKS: [&Kind; 6] =
    [&UNKNOWN, &DOCUMENT_INVALID, &RESTRICTED, &QUESTION_REFUSED, &ANSWER_LATER, &BOARDS_BUSY];
/// What viewers of shared dashboards may be answered.
pub(crate) static VIEWS: [&Kind; 7] = [
    &SHARE_REFUSED,
    &PASSWORD_NEEDED,
    &PASSWORDS_TRIED,
    &DOCUMENT_INVALID,
    &QUESTION_REFUSED,
    &ANSWER_LATER,
    &BOARDS_BUSY,
];

/// What was wrong, as the API says it.
pub(crate) fn problem(error: BoardError) -> Problem {
    let text = sentence(&error.to_string());
    let kind = match error {
        BoardError::Stale => {
            return Problem::new(&CHANGED).detail("Read it again, and repeat the change on what it is now.");
        }
        BoardError::Invalid(faults) => {
            let first = faults.first().map(|fault| format!("{} {}", fault.pointer, fault.detail)).unwrap_or_default();
            let detail = match faults.len() {
                1 => format!("{first}."),
                count => format!("{count} faults, the first: {first}."),
            };
            return Problem::new(&DOCUMENT_INVALID).detail(detail).faults(faults);
        }
        BoardError::PasswordsTried(wait) => return Problem::retry(&PASSWORDS_TRIED, wait).detail(text),
        BoardError::Unanswered(why) => return unanswered(why),
        BoardError::Access(AccessError::Busy) => {
            return Problem::retry(&BOARDS_BUSY, Duration::from_secs(1)).detail("Try again in a moment.");
        }
        BoardError::Access(AccessError::Denied(_) | AccessError::NotFound(_)) => &UNKNOWN,
        BoardError::Access(_) | BoardError::Damaged(_) => return Problem::internal(error),
        BoardError::NotFound(_) => &UNKNOWN,
        BoardError::KeyTaken => &KEY_TAKEN,
        BoardError::TooMany(_) => &TOO_MANY,
        BoardError::BuiltIn => &BUILT_IN,
        BoardError::Restricted => &RESTRICTED,
        BoardError::SqlNotPermitted => &SQL_NOT_PERMITTED,
        BoardError::ShareRefused => &SHARE_REFUSED,
        BoardError::PasswordNeeded => &PASSWORD_NEEDED,
    };
    Problem::new(kind).detail(text)
}

fn unanswered(why: Unanswered) -> Problem {
    match why {
        Unanswered::Refused { code, detail, position } => {
            let problem = Problem::new(&QUESTION_REFUSED).detail(sentence(&detail)).member("cause", code);
            match position {
                Some((line, column)) => problem.member("line", line).member("column", column),
                None => problem,
            }
        }
        Unanswered::Restricted => problem(BoardError::Restricted),
        Unanswered::Later { detail } => Problem::retry(&ANSWER_LATER, Duration::from_secs(1)).detail(sentence(&detail)),
        Unanswered::Preparing { detail, rows_done, rows_all } => {
            unanswered(Unanswered::Later { detail }).member("rows_done", rows_done).member("rows_all", rows_all)
        }
        Unanswered::Failed(cause) => Problem::internal(cause),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    letters.next().map_or_else(String::new, |first| format!("{}{}{stop}", first.to_uppercase(), letters.as_str()))
}
