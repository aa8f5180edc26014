//! From a token in a request to a subject that the policy can judge. No database on the usual way.

use std::sync::{Arc, PoisonError};

use super::jwt::{Claims, Expected, TokenFault, key_id, verify};
use crate::access::Access;
use crate::audit::Actor;
use crate::error::{AccessError, Answer};
use crate::policy::{SessionFacts, Subject, Who};
use crate::secret::sha256;

/// Who calls, for the policy and for the audit.
#[derive(Debug, Clone)]
pub struct Caller {
    pub subject: Subject,
    pub actor: Actor,
}

impl Caller {
    /// Somebody who sent nothing.
    pub fn anonymous() -> Caller {
        let subject = Subject { who: Who::Anonymous, grants: Arc::new([]), ceiling: None };
        Caller { subject, actor: Actor::Anonymous }
    }

    /// Whoever runs the installation. Only for commands in its shell and the operator's own token.
    pub fn operator() -> Caller {
        let subject = Subject { who: Who::Operator, grants: Arc::new([]), ceiling: None };
        Caller { subject, actor: Actor::Operator }
    }

    /// The account that calls, by session or personal token.
    pub fn account(&self) -> Option<&str> {
        match &self.subject.who {
            Who::Session(facts) => Some(&facts.account),
            Who::PersonalToken { account, .. } => Some(account),
            _ => None,
        }
    }

    /// The session that calls.
    pub fn session(&self) -> Option<&str> {
        match &self.subject.who {
            Who::Session(facts) => Some(&facts.session),
            _ => None,
        }
    }
}

impl Access {
    /// Who holds `token`: an access token of a session, or a key (`ff?_…`).
    pub fn authenticate<'a>(&'a self, token: &'a str) -> Answer<'a, Caller> {
        Box::pin(async move {
            self.freshen().await?;
            if token.starts_with("ff") {
                return self.authenticate_key(token).await;
            }
            let claims = self.check_token(token).map_err(|fault| {
                tracing::debug!(%fault, "an access token was refused");
                AccessError::Token
            })?;
            let facts = self.account_facts(&claims.sub).await?.ok_or(AccessError::Token)?;
            let now = self.now().millis();
            let ago = |seconds: i64| now.saturating_sub(seconds.saturating_mul(1000));
            let account: Arc<str> = claims.sub.as_str().into();
            let who = Who::Session(SessionFacts {
                account: account.clone(),
                session: claims.sid.as_str().into(),
                authenticated_ago_millis: ago(claims.auth_time),
                factor_ago_millis: claims.factor_time.map(ago),
                has_factor: facts.has_factor,
            });
            let subject = Subject { who, grants: facts.grants.clone(), ceiling: None };
            Ok(Caller { subject, actor: Actor::Account(account.to_string()) })
        })
    }

    /// Who `caller` is by now, for answers that go on for long: with what they hold now.
    ///
    /// # Errors
    /// [`AccessError::Token`] once their session, key or account is not in force any more, and those of the database.
    pub fn renew<'a>(&'a self, caller: &'a Caller) -> Answer<'a, Caller> {
        Box::pin(async move {
            self.freshen().await?;
            let keys = &self.memory().keys;
            let account = match &caller.subject.who {
                Who::Operator | Who::Anonymous => return Ok(caller.clone()),
                Who::Key { key } if keys.holds(key) => return Ok(caller.clone()),
                Who::PersonalToken { account, key } if keys.holds(key) => account,
                Who::Session(facts) if !self.is_revoked(&facts.session) => &facts.account,
                Who::Key { .. } | Who::PersonalToken { .. } | Who::Session(_) => return Err(AccessError::Token),
            };
            let facts = self.account_facts(account).await?.ok_or(AccessError::Token)?;
            let subject = Subject { grants: facts.grants.clone(), ..caller.subject.clone() };
            Ok(Caller { subject, actor: caller.actor.clone() })
        })
    }

    /// True for sessions that were revoked while a token of theirs may still be in force.
    fn is_revoked(&self, session: &str) -> bool {
        self.memory().revoked.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }

    fn check_token(&self, token: &str) -> Result<Arc<Claims>, TokenFault> {
        let hash = sha256(token.as_bytes());
        let known = self.memory().verified.get(&hash);
        let is_new = known.is_none();
        let claims = known.map_or_else(|| self.check_signature(token).map(Arc::new), Ok)?;
        claims.check_time(self.now().millis())?;
        if self.is_revoked(&claims.sid) {
            return Err(TokenFault::Time);
        }
        if is_new {
            self.memory().verified.put(hash, claims.clone());
        }
        Ok(claims)
    }

    fn check_signature(&self, token: &str) -> Result<Claims, TokenFault> {
        let keys = self.signing_keys();
        let key = keys.public_key(&key_id(token)?).ok_or(TokenFault::UnknownKey)?;
        let settings = self.settings();
        verify(token, key, Expected { issuer: &settings.public_url, audience: &settings.audience })
    }
}
