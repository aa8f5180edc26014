//! What can go wrong here, each with a stable code. Texts for refused secrets are the same whatever the cause.

use std::pin::Pin;

use crate::database::DatabaseError;
use crate::policy::Denial;
use crate::secret::NoRandomness;
use crate::vault::VaultError;

/// What a call of the access layer gives: a boxed future. A plain `async fn` is compiled again in every crate that awaits it, with
/// all that it awaits; this is compiled once, here. One allocation is nothing beside what it waits for.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, AccessError>> + Send + 'a>>;

/// A refusal or a failure of the access layer.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The caller's input; says what to mend.
    #[error("{field}: {problem}")]
    Invalid { field: &'static str, problem: String },
    /// Wrong e-mail, wrong password, no such account, disabled account: one answer (OWASP ASVS 5, V6.3.8).
    #[error("the e-mail address or the password is wrong")]
    Credentials,
    /// Wrong, used or too late: one answer.
    #[error("the code or passkey was refused; take a new one, or sign in again")]
    Factor,
    /// Unknown, spent or expired: one answer.
    #[error("this link is no longer valid; ask for a new one")]
    Link,
    /// An access token, refresh token or key that is not in force.
    #[error("the token is unknown, expired or revoked; sign in again")]
    Token,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{0}")]
    Conflict(&'static str),
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Too much at once; the same call may succeed soon.
    #[error("too much at once, try again in a moment")]
    Busy,
    #[error(transparent)]
    Database(DatabaseError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("{0} in the database cannot be read")]
    Damaged(&'static str),
}

/// What kind of answer an error deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessErrorKind {
    /// 422
    Invalid,
    /// 401
    Unauthenticated,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 409
    Conflict,
    /// 503 with Retry-After
    Busy,
    /// 500; its text is for the operator alone
    Broken,
}

impl AccessError {
    /// The kind of answer, and the stable code.
    pub fn kind_and_code(&self) -> (AccessErrorKind, &'static str) {
        use AccessErrorKind as Kind;
        match self {
            AccessError::Invalid { .. } => (Kind::Invalid, "invalid"),
            AccessError::Credentials => (Kind::Unauthenticated, "credentials_refused"),
            AccessError::Factor => (Kind::Unauthenticated, "factor_refused"),
            AccessError::Link => (Kind::Invalid, "link_refused"),
            AccessError::Token => (Kind::Unauthenticated, "token_refused"),
            AccessError::NotFound(_) => (Kind::NotFound, "not_found"),
            AccessError::Conflict(_) => (Kind::Conflict, "conflict"),
            AccessError::Denied(Denial::Anonymous) => (Kind::Unauthenticated, "not_signed_in"),
            AccessError::Denied(Denial::NotMember) => (Kind::NotFound, "not_found"),
            AccessError::Denied(Denial::Permission) => (Kind::Forbidden, "permission_missing"),
            AccessError::Denied(Denial::Ceiling) => (Kind::Forbidden, "scope_missing"),
            AccessError::Denied(Denial::FactorRequired) => (Kind::Forbidden, "factor_required"),
            AccessError::Denied(Denial::StepUp) => (Kind::Forbidden, "step_up_required"),
            AccessError::Busy => (Kind::Busy, "busy"),
            AccessError::Database(_) | AccessError::Vault(_) | AccessError::Damaged(_) => (Kind::Broken, "internal"),
        }
    }

    pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> AccessError {
        AccessError::Invalid { field, problem: problem.into() }
    }
}

impl From<DatabaseError> for AccessError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Busy => AccessError::Busy,
            // Acts name these cases themselves, with better words. What one has missed is still the caller's to mend.
            DatabaseError::Unique => AccessError::Conflict("something of this name is there already"),
            DatabaseError::ForeignKey => {
                AccessError::Conflict("what this belongs to is gone, or something depends on it")
            }
            other => AccessError::Database(other),
        }
    }
}

impl From<NoRandomness> for AccessError {
    fn from(error: NoRandomness) -> Self {
        AccessError::Vault(error.into())
    }
}
