//! The authority behind every route: the access layer knows who it is, and its one policy decides.

use std::sync::Arc;

use async_trait::async_trait;
use footfall_api_access::{Access, AccessError, Caller, Denial, Permission, RECENT_MILLIS, Scope, Who};
use footfall_api_http::{Asked, Authority, Client, Credential, Kind, Problem, Subject};

use crate::browser::Mode;
use crate::operator::OperatorToken;
use crate::origin::origin_of;
use crate::permission::May;
use crate::problem::{
    BUSY, FACTOR_REQUIRED, NOT_FOUND, PERMISSION_MISSING, SCOPE_MISSING, STEP_UP_REQUIRED, TOKEN_REFUSED, not_found,
    problem,
};

/// Somebody who is signed in: an account by its session or personal token, or a key.
#[derive(Debug, Clone)]
pub struct Member {
    pub caller: Caller,
    /// By the session cookie of a browser, so that new tokens go into cookies as well.
    pub is_browser: bool,
    account: Arc<str>,
}

impl Member {
    fn new(caller: Caller, is_browser: bool) -> Member {
        let account = match (&caller.subject.who, caller.account()) {
            (_, Some(account)) => account.into(),
            (Who::Key { key }, None) => format!("key:{key}").into(),
            (Who::Operator, None) => "operator".into(),
            _ => "".into(),
        };
        Member { caller, is_browser, account }
    }

    /// How new tokens are handed over.
    pub(crate) fn mode(&self) -> Option<Mode> {
        Some(if self.is_browser { Mode::Cookie } else { Mode::Bearer })
    }

    /// The account and the session; tokens and keys have none.
    pub fn session(&self) -> Result<(&str, &str), Problem> {
        match &self.caller.subject.who {
            Who::Session(facts) => Ok((&facts.account, &facts.session)),
            _ => Err(problem(Denial::Ceiling.into())),
        }
    }
}

impl Subject for Member {
    fn account(&self) -> &str {
        &self.account
    }

    fn key(&self) -> Option<&str> {
        match &self.caller.subject.who {
            Who::PersonalToken { key, .. } | Who::Key { key } => Some(key),
            _ => None,
        }
    }
}

/// Asks the access layer.
pub struct Gatekeeper {
    access: Access,
    operator: Option<OperatorToken>,
}

impl Gatekeeper {
    pub fn new(access: Access, operator: Option<OperatorToken>) -> Gatekeeper {
        Gatekeeper { access, operator }
    }

    fn is_operator(&self, credential: &Credential) -> bool {
        let Credential::Bearer(text) = credential else { return false };
        self.operator.as_ref().is_some_and(|operator| operator.matches(text))
    }

    async fn permit(&self, permission: Permission, member: &Member, asked: &Asked<'_, May>) -> Result<(), Problem> {
        let place = |name: &str| asked.places.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
        let (organisation, project) = (place("organisation"), place("project"));
        // There may be tables of a project that the database does not know yet.
        let is_operator = matches!(member.caller.subject.who, Who::Operator);
        if is_operator && permission != Permission::AccountManage {
            return Ok(());
        }
        let owner = project.map(|project| self.access.organisation_of(project).ok_or_else(not_found)).transpose()?;
        let scope = match (permission, organisation, owner.as_deref(), project) {
            (Permission::AccountManage, ..) => Scope::Account(member.session()?.0),
            (Permission::InstallationManage, ..) => Scope::Installation,
            (_, Some(named), Some(owner), _) if named != owner => return Err(not_found()),
            (_, _, Some(organisation), Some(project)) => Scope::Project { organisation, project },
            (_, Some(organisation), ..) => Scope::Organisation(organisation),
            // Denied by default.
            _ => return Err(Problem::internal(format!("{} names no place of its permission", asked.operation_id))),
        };
        let origin = origin_of(asked.client, "");
        self.access.authorise(&member.caller, permission, scope, &origin).await.map(drop).map_err(problem)
    }
}

/// What a place may be called. What is longer, or cannot be stored, is nowhere, and must not get into the audit either. How long
/// the names of things within an organisation or project are, each route's own schema says.
fn is_plain((name, text): &(String, String)) -> bool {
    match name.as_str() {
        "organisation" | "project" => text.len() <= 64 && !text.chars().any(char::is_control),
        // The apps' choice, in whatever letters.
        "activity" => true,
        _ => !text.chars().any(char::is_control),
    }
}

/// The second factor of a session, or its password where the account has none, within the last minutes. Service keys have what
/// they were given by a session that had it.
fn has_stepped_up(member: &Member) -> Result<(), Denial> {
    let since = match &member.caller.subject.who {
        Who::Session(facts) if facts.has_factor => facts.factor_ago_millis,
        Who::Session(facts) => Some(facts.authenticated_ago_millis),
        Who::Key { .. } | Who::Operator => return Ok(()),
        Who::PersonalToken { .. } => return Err(Denial::Ceiling),
        Who::Anonymous => return Err(Denial::Anonymous),
    };
    if since.is_some_and(|millis| (0..=RECENT_MILLIS).contains(&millis)) { Ok(()) } else { Err(Denial::StepUp) }
}

static PROBLEMS: [&Kind; 7] =
    [&TOKEN_REFUSED, &NOT_FOUND, &PERMISSION_MISSING, &SCOPE_MISSING, &FACTOR_REQUIRED, &STEP_UP_REQUIRED, &BUSY];

#[async_trait]
impl Authority for Gatekeeper {
    type Permission = May;
    type Subject = Member;

    async fn identify(&self, credential: &Credential, _: &Client) -> Result<Member, Problem> {
        if self.is_operator(credential) {
            return Ok(Member::new(Caller::operator(), false));
        }
        let (text, is_browser) = match credential {
            Credential::Bearer(text) => (text, false),
            // A cookie holds the access token of a session and nothing else.
            Credential::Session(text) if text.starts_with("ff") => return Err(problem(AccessError::Token)),
            Credential::Session(text) => (text, true),
        };
        let caller = self.access.authenticate(text).await.map_err(problem)?;
        Ok(Member::new(caller, is_browser))
    }

    async fn decide(&self, member: &Member, asked: &Asked<'_, May>) -> Result<(), Problem> {
        if !asked.places.iter().all(is_plain) {
            return Err(not_found());
        }
        if let Some(May(permission)) = asked.permission {
            self.permit(permission, member, asked).await?;
        }
        if asked.step_up {
            has_stepped_up(member).map_err(|denial| problem(denial.into()))?;
        }
        Ok(())
    }

    fn problems(&self) -> &'static [&'static Kind] {
        &PROBLEMS
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_place_is_what_its_kind_may_be_called() {
        let plain = |name: &str, text: &str| is_plain(&(name.to_owned(), text.to_owned()));
        assert!(plain("project", &"a".repeat(64)) && !plain("project", &"a".repeat(65)));
        assert!(plain("key", &"a".repeat(100)), "flags and cohorts have keys of a hundred characters");
        assert!(plain("activity", &"\u{8cb7}".repeat(200)) && plain("activity", "a\tb"));
        for name in ["organisation", "project", "key", "passkey"] {
            assert!(!plain(name, "a\nb"), "{name}");
        }
    }
}
