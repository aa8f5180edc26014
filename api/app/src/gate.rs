//! What all handlers work with.

use std::sync::Arc;

use footfall_api_access::{Access, AccessError, Email, SignIn, Tokens};
use footfall_api_http::{Client, Problem};

use crate::browser::{Answered, Browsers, Mode, SessionGrant};
use crate::guessing::Guessing;
use crate::problem::problem;

/// The access layer, and what stands between it and the outside. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    pub access: Access,
    pub(crate) guessing: Arc<Guessing>,
    pub(crate) browsers: Arc<Browsers>,
}

impl Gate {
    /// Hands over a session that has just begun; the device is known to its account from now on.
    pub(crate) async fn begin(
        &self,
        tokens: Tokens,
        mode: Option<Mode>,
        client: &Client,
    ) -> Result<Answered<SessionGrant>, Problem> {
        let account = self.access.account(&tokens.account).await.map_err(problem)?;
        let answered = self.browsers.grant(tokens, mode, client)?;
        Ok(answered.with(self.guessing.device_cookie(&folded(&account.email)?, client)?))
    }

    /// Sends the owner of an address a link to choose a new password, as often as mails are sent to one address.
    pub(crate) async fn send_reset(&self, email: &Email, whence: &crate::Whence) -> Result<(), Problem> {
        if self.guessing.may_mail("reset", &email.folded).await? {
            self.access.ask_password_reset(&email.written, &whence.0).await.map_err(problem)?;
        }
        Ok(())
    }

    /// The session of a password that was right, or what is still needed.
    pub(crate) async fn signed_in(
        &self,
        outcome: SignIn,
        mode: Option<Mode>,
        client: &Client,
    ) -> Result<Answered<crate::resources::SignInAnswer>, Problem> {
        use crate::resources::SignInAnswer;
        Ok(match outcome {
            SignIn::Done(tokens) => {
                self.begin(tokens, mode, client).await?.map(|session| SignInAnswer::SignedIn { session })
            }
            SignIn::FactorNeeded { challenge, factors } => {
                let factors = factors.into_iter().map(Into::into).collect();
                Answered::plain(SignInAnswer::FactorNeeded { challenge, factors })
            }
        })
    }
}

/// One spelling of an address.
pub(crate) fn folded(email: &str) -> Result<String, Problem> {
    Email::parse(email).map(|email| email.folded).map_err(|_| problem(AccessError::Damaged("an account's address")))
}
