//! The one function that decides, for every door: REST, SQL, streams. Pure, and it denies by default.

use std::sync::Arc;

use super::{Masks, Permission, PermissionSet, RoleContent, RowFilter};

/// How long a second factor (or, for an account without one, the password) counts as recent, in milliseconds.
///
/// NIST SP 800-63B-4, 5.2 leaves the figure to the risk; ten minutes are enough to finish what one came for.
pub const RECENT_MILLIS: i64 = 10 * 60 * 1000;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub who: Who,
    /// What they hold, by organisation and project.
    pub grants: Arc<[Grant]>,
    /// A token's scopes: it never reaches beyond them, whatever its owner may. `None` for a session.
    pub ceiling: Option<PermissionSet>,
}

/// What kind of caller it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Nobody is known.
    Anonymous,
    /// A person with a session.
    Session(SessionFacts),
    /// A personal token: acts as its account, within its scopes, and never dangerously.
    PersonalToken { account: Arc<str>, key: Arc<str> },
    /// A write, read, client or service key: holds its own grants.
    Key { key: Arc<str> },
    /// Whoever runs this installation, from its shell.
    Operator,
}

/// What is known of a session when it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    pub account: Arc<str>,
    pub session: Arc<str>,
    /// Milliseconds since the password or passkey was given.
    pub authenticated_ago_millis: i64,
    /// Milliseconds since a second factor was given in this session; `None` when never.
    pub factor_ago_millis: Option<i64>,
    /// True when the account has a second factor switched on.
    pub has_factor: bool,
}

/// One role held somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub organisation: Arc<str>,
    /// One project of it; `None` for the organisation and all of its projects.
    pub project: Option<Arc<str>>,
    pub role: RoleContent,
    /// The organisation asks for a second factor.
    pub factor_required: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    Project { organisation: &'a str, project: &'a str },
    Organisation(&'a str),
    Account(&'a str),
    Installation,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Allow(View),
    Deny(Denial),
}

/// What an allowed caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub rows: RowFilter,
    pub masks: Masks,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("sign in first")]
    Anonymous,
    /// Not a member: answer as if the thing did not exist.
    #[error("there is no such thing")]
    NotMember,
    #[error("your role does not permit this")]
    Permission,
    #[error("the scopes of this token do not permit this")]
    Ceiling,
    #[error("the organisation asks for a second factor: set one up and sign in with it")]
    FactorRequired,
    #[error("give your second factor, or your password where you have none, again for this")]
    StepUp,
}

impl Decision {
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allow(_))
    }
}

/// Decides whether `subject` may use `permission` on `scope`, and what they see of it.
pub fn decide(subject: &Subject, permission: Permission, scope: Scope<'_>) -> Decision {
    use Decision::Deny;
    match &subject.who {
        Who::Anonymous => return Deny(Denial::Anonymous),
        Who::Operator => return Decision::Allow(View { rows: RowFilter::Everything, masks: Masks::default() }),
        Who::Session(_) | Who::PersonalToken { .. } | Who::Key { .. } => {}
    }
    let allowed = match scope {
        Scope::Installation => Err(Denial::NotMember),
        Scope::Account(account) => own_account(subject, permission, account),
        Scope::Organisation(_) | Scope::Project { .. } => by_grants(subject, permission, scope),
    };
    match allowed.and_then(|view| step_up(subject, permission).map(|()| view)) {
        Ok(view) => Decision::Allow(view),
        Err(denial) => Deny(denial),
    }
}

/// Over an account only its own sessions decide. A token does not, or a stolen one could make itself permanent.
fn own_account(subject: &Subject, permission: Permission, account: &str) -> Result<View, Denial> {
    match &subject.who {
        Who::Session(facts) if *facts.account == *account && permission == Permission::AccountManage => {
            Ok(View { rows: RowFilter::Nothing, masks: Masks::default() })
        }
        Who::Session(facts) if *facts.account == *account => Err(Denial::Permission),
        _ => Err(Denial::NotMember),
    }
}

fn by_grants(subject: &Subject, permission: Permission, scope: Scope<'_>) -> Result<View, Denial> {
    let here = || subject.grants.iter().filter(|grant| grant.reaches(scope));
    if here().next().is_none() {
        return Err(Denial::NotMember);
    }
    let allowing = || here().filter(|grant| grant.role.permissions.contains(permission));
    if allowing().next().is_none() {
        return Err(Denial::Permission);
    }
    if subject.ceiling.is_some_and(|ceiling| !ceiling.contains(permission)) {
        return Err(Denial::Ceiling);
    }
    // A token was made in a session that had to meet the rule; a session has to meet it now.
    let lacks_factor = matches!(&subject.who, Who::Session(facts) if facts.factor_ago_millis.is_none());
    if lacks_factor && here().any(|grant| grant.factor_required) {
        return Err(Denial::FactorRequired);
    }
    Ok(view_of(allowing()))
}

impl Grant {
    pub(crate) fn reaches(&self, scope: Scope<'_>) -> bool {
        match scope {
            Scope::Project { organisation, project } => {
                *self.organisation == *organisation && self.project.as_deref().is_none_or(|own| own == project)
            }
            // A role in one project says nothing about the organisation.
            Scope::Organisation(organisation) => *self.organisation == *organisation && self.project.is_none(),
            Scope::Account(_) | Scope::Installation => false,
        }
    }
}

/// Several roles together show a cell only if one of them shows it alone.
///
/// Roles that see every row: what all of them hide stays hidden. Otherwise rows add up, and what any of them hides is hidden,
/// since one filter cannot say which role a row came from.
fn view_of<'a>(grants: impl Iterator<Item = &'a Grant> + Clone) -> View {
    let roles = grants.map(|grant| &grant.role);
    let unfiltered = roles.clone().filter(|role| role.rows == RowFilter::Everything);
    if let Some(masks) = unfiltered.map(|role| role.masks.clone()).reduce(|a, b| a.intersection(&b)) {
        return View { rows: RowFilter::Everything, masks };
    }
    let masks = roles.clone().fold(Masks::default(), |masks, role| masks.union(&role.masks));
    let mut rows: Vec<RowFilter> = roles.map(|role| role.rows.clone()).collect();
    let rows = if rows.len() == 1 { rows.swap_remove(0) } else { RowFilter::Any(rows) };
    View { rows, masks }
}

fn step_up(subject: &Subject, permission: Permission) -> Result<(), Denial> {
    if !permission.is_dangerous() {
        return Ok(());
    }
    let since = match &subject.who {
        Who::Session(facts) if facts.has_factor => facts.factor_ago_millis,
        Who::Session(facts) => Some(facts.authenticated_ago_millis),
        Who::PersonalToken { .. } => return Err(Denial::Ceiling),
        // A service key cannot step up; a session that had to has given it this scope by name.
        Who::Key { .. } | Who::Operator | Who::Anonymous => return Ok(()),
    };
    // A time in the future is no recent one: a clock was turned back.
    if since.is_some_and(|millis| (0..=RECENT_MILLIS).contains(&millis)) { Ok(()) } else { Err(Denial::StepUp) }
}

#[cfg(test)]
mod tests;
