//! Refusals of the access layer as problems. The codes are the layer's own; texts for refused secrets are the same whatever the cause.

use std::time::Duration;

use footfall_api_access::{AccessError, Denial};
use footfall_api_http::{Fault, Kind, Place, Problem};
use http::StatusCode as Status;

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub static $name: Kind = Kind::new(Status::$status, $code, $title);)*
    };
}

kinds! {
    INVALID = UNPROCESSABLE_ENTITY, "invalid", "A value is not acceptable.";
    LINK_REFUSED = UNPROCESSABLE_ENTITY, "link_refused", "The link is no longer valid.";
    CREDENTIALS_REFUSED = UNAUTHORIZED, "credentials_refused", "The e-mail address or the password is wrong.";
    FACTOR_REFUSED = UNAUTHORIZED, "factor_refused", "The code or passkey was refused.";
    TOKEN_REFUSED = UNAUTHORIZED, "token_refused", "The token is unknown, expired or revoked.";
    NOT_FOUND = NOT_FOUND, "not_found", "There is no such thing, or it is not yours to know.";
    CONFLICT = CONFLICT, "conflict", "This does not fit what is there.";
    PERMISSION_MISSING = FORBIDDEN, "permission_missing", "The role does not permit this.";
    SCOPE_MISSING = FORBIDDEN, "scope_missing", "The scopes of this token do not permit this.";
    FACTOR_REQUIRED = FORBIDDEN, "factor_required", "The organisation asks for a second factor.";
    STEP_UP_REQUIRED = FORBIDDEN, "step_up_required", "This needs the second factor, or the password, once more.";
    SIGN_IN_BY_LINK = FORBIDDEN, "sign_in_by_link", "Too many strangers tried this address; a link goes to it.";
    BUSY = SERVICE_UNAVAILABLE, "busy", "Too much at once.";
}

/// What any act of the access layer may answer besides its own refusals.
pub(crate) static ALWAYS: [&Kind; 1] = [&BUSY];
/// What an act on something may answer.
pub(crate) static ACTS: [&Kind; 4] = [&BUSY, &INVALID, &NOT_FOUND, &CONFLICT];

/// What the access layer said, as the API says it.
pub fn problem(error: AccessError) -> Problem {
    let text = sentence(&error);
    let kind = match error {
        AccessError::Invalid { field, problem } => {
            let fault = Fault::new(Place::Body, format!("/{field}"), problem);
            return Problem::new(&INVALID).detail(text).faults(vec![fault]);
        }
        AccessError::Credentials => &CREDENTIALS_REFUSED,
        AccessError::Factor => &FACTOR_REFUSED,
        AccessError::Link => &LINK_REFUSED,
        AccessError::Token | AccessError::Denied(Denial::Anonymous) => &TOKEN_REFUSED,
        // One text, so that what is not there and what is not theirs look the same.
        AccessError::NotFound(_) | AccessError::Denied(Denial::NotMember) => return not_found(),
        AccessError::Conflict(_) => &CONFLICT,
        AccessError::Denied(Denial::Permission) => &PERMISSION_MISSING,
        AccessError::Denied(Denial::Ceiling) => &SCOPE_MISSING,
        AccessError::Denied(Denial::FactorRequired) => &FACTOR_REQUIRED,
        AccessError::Denied(Denial::StepUp) => &STEP_UP_REQUIRED,
        AccessError::Busy => return Problem::retry(&BUSY, Duration::from_secs(1)).detail(text),
        AccessError::Database(_) | AccessError::Vault(_) | AccessError::Damaged(_) => return Problem::internal(error),
    };
    Problem::new(kind).detail(text)
}

/// 404, whatever it was.
pub(crate) fn not_found() -> Problem {
    Problem::new(&NOT_FOUND).detail("Look at the list that it should be in.")
}

fn sentence(error: &AccessError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
