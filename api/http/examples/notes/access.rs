//! A stand-in for accounts and roles: a few tokens, and what each may.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_http::{Asked, Authority, Client, Credential, Kind, Permission, Problem, Subject};
use http::StatusCode;

/// What there is to be permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    Read,
    Write,
    Delete,
}

impl Permission for May {
    fn name(self) -> &'static str {
        match self {
            May::Read => "notes.read",
            May::Write => "notes.write",
            May::Delete => "notes.delete",
        }
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Member {
    pub account: Arc<str>,
    may: &'static [May],
    has_stepped_up: bool,
}

impl Subject for Member {
    fn account(&self) -> &str {
        &self.account
    }

    fn key(&self) -> Option<&str> {
        None
    }
}

static CREDENTIALS_REFUSED: Kind =
    Kind::new(StatusCode::UNAUTHORIZED, "credentials_refused", "The credentials are unknown or have ended.");
static PERMISSION_MISSING: Kind =
    Kind::new(StatusCode::FORBIDDEN, "permission_missing", "The role does not permit this.");
static STEP_UP_NEEDED: Kind =
    Kind::new(StatusCode::FORBIDDEN, "step_up_needed", "This needs the second factor once more.");
static PROBLEMS: [&Kind; 3] = [&CREDENTIALS_REFUSED, &PERMISSION_MISSING, &STEP_UP_NEEDED];

/// Knows `ada` (everything), `bob` (everything, without a second factor) and `eve` (reading), as tokens and as sessions.
#[derive(Debug, Default)]
pub struct Doorman;

#[async_trait]
impl Authority for Doorman {
    type Permission = May;
    type Subject = Member;

    async fn identify(&self, credential: &Credential, _: &Client) -> Result<Member, Problem> {
        const ALL: &[May] = &[May::Read, May::Write, May::Delete];
        let (Credential::Bearer(text) | Credential::Session(text)) = credential;
        let (may, has_stepped_up) = match text.as_str() {
            "ada" => (ALL, true),
            "bob" => (ALL, false),
            "eve" => (&[May::Read][..], false),
            _ => return Err(Problem::new(&CREDENTIALS_REFUSED)),
        };
        Ok(Member { account: text.as_str().into(), may, has_stepped_up })
    }

    async fn decide(&self, member: &Member, asked: &Asked<'_, May>) -> Result<(), Problem> {
        if asked.permission.is_some_and(|permission| !member.may.contains(&permission)) {
            return Err(Problem::new(&PERMISSION_MISSING));
        }
        if asked.step_up && !member.has_stepped_up {
            return Err(Problem::new(&STEP_UP_NEEDED));
        }
        Ok(())
    }

    fn problems(&self) -> &'static [&'static Kind] {
        &PROBLEMS
    }
}
