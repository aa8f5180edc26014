//! Sessions begin with a sign-in and go on by refresh tokens, each good once.

use footfall_ingest_activity::Timestamp;

use super::jwt::{Claims, sign};
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::secret::{new_id, random_text, sha256_hex};

/// What refresh tokens start with, so that leak scanners know them.
pub const REFRESH_PREFIX: &str = "ffx_";

/// What a client gets for a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    pub session: String,
    pub account: String,
    /// A JWT for `Authorization: Bearer`.
    pub access: String,
    pub access_expires_at: Timestamp,
    /// Good once, for [`Access::refresh`].
    pub refresh: String,
    pub refresh_expires_at: Timestamp,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("session", &self.session).finish_non_exhaustive()
    }
}

/// What an access token is made of.
struct SessionState {
    session: String,
    account: String,
    expires_at: Timestamp,
    authenticated_at: Timestamp,
    factor_at: Option<Timestamp>,
}

impl SessionState {
    fn read(row: &Row) -> Result<SessionState, AccessError> {
        Ok(SessionState {
            session: row.get("id")?,
            account: row.get("account_id")?,
            expires_at: row.time("expires_at")?,
            authenticated_at: row.time("authenticated_at")?,
            factor_at: row.time_if_any("factor_at")?,
        })
    }
}

impl Access {
    /// Begins a session in `transaction`; the caller has checked who it is.
    pub(crate) async fn begin_session(
        &self,
        transaction: &mut Transaction,
        account: &str,
        with_factor: bool,
        origin: &Origin,
    ) -> Result<Tokens, AccessError> {
        let now = self.now();
        let state = SessionState {
            session: new_id(),
            account: account.to_owned(),
            expires_at: now.plus_millis(self.settings().session_millis),
            authenticated_at: now,
            factor_at: with_factor.then_some(now),
        };
        // Under the account's lock: an account that is being disabled gets no session behind its back.
        let lock = "UPDATE accounts SET version = version WHERE id = $1 AND disabled_at IS NULL";
        if transaction.execute(statement(lock).bind(account)).await? == 0 {
            return Err(AccessError::Credentials);
        }
        let insert =
            "INSERT INTO sessions (id, account_id, created_at, last_seen_at, expires_at, authenticated_at, factor_at,
                          device, address, place) VALUES ($1, $2, $3, $3, $4, $3, $5, $6, $7, $8)";
        let insert = statement(insert).bind(&state.session).bind(account).bind(now).bind(state.expires_at);
        let insert = insert.bind(state.factor_at).bind(&origin.device).bind(&origin.address).bind(&origin.place);
        transaction.execute(insert).await?;
        self.issue(transaction, state).await
    }

    /// Takes a refresh token and gives new tokens.
    ///
    /// A token that was used before is in two hands: the session ends for both (RFC 9700, 4.14.2; OWASP ASVS 5, V10.4.5).
    /// There is no grace for a repeated request, since a thief's looks the same.
    pub fn refresh<'a>(&'a self, token: &'a str, origin: &'a Origin) -> Answer<'a, Tokens> {
        Box::pin(async move {
            let (hash, now) = (sha256_hex(token.as_bytes()), self.now());
            let mut transaction = self.database().write().await?;
            // One statement decides who of several comes first, on both databases.
            let spend = "UPDATE refresh_tokens SET used_at = $1 WHERE hash = $2 AND used_at IS NULL AND expires_at > $1
                         RETURNING session_id";
            let Some(row) = transaction.one(statement(spend).bind(now).bind(&hash)).await? else {
                return self.refuse_refresh(transaction, &hash, origin).await;
            };
            let touch = "UPDATE sessions SET last_seen_at = $1, address = $2, device = $3, place = $4
                         WHERE id = $5 AND revoked_at IS NULL AND expires_at > $1
                         RETURNING id, account_id, expires_at, authenticated_at, factor_at";
            let touch = statement(touch).bind(now).bind(&origin.address).bind(&origin.device).bind(&origin.place);
            let session =
                transaction.one(touch.bind(row.get::<String>("session_id")?)).await?.ok_or(AccessError::Token)?;
            let tokens = self.issue(&mut transaction, SessionState::read(&session)?).await?;
            transaction.commit().await?;
            Ok(tokens)
        })
    }

    async fn refuse_refresh(
        &self,
        mut transaction: Transaction,
        hash: &str,
        origin: &Origin,
    ) -> Result<Tokens, AccessError> {
        let query = "SELECT session_id, account_id FROM refresh_tokens JOIN sessions ON sessions.id = session_id
                     WHERE hash = $1 AND used_at IS NOT NULL";
        if let Some(row) = transaction.one(statement(query).bind(hash)).await? {
            let (session, account): (String, String) = (row.get("session_id")?, row.get("account_id")?);
            self.end_session(&mut transaction, &session, "refresh token used twice").await?;
            let act = Act::new(Actor::Account(account), "refresh_token.reuse", origin).on("session", session);
            self.record(&mut transaction, act.refused()).await?;
            self.commit(transaction).await?;
        }
        Err(AccessError::Token)
    }

    /// Ends a session in `transaction`; true when it was in force.
    pub(crate) async fn end_session(
        &self,
        transaction: &mut Transaction,
        session: &str,
        why: &str,
    ) -> Result<bool, AccessError> {
        let end = "UPDATE sessions SET revoked_at = $1, revoked_why = $2 WHERE id = $3 AND revoked_at IS NULL";
        let ended = transaction.execute(statement(end).bind(self.now()).bind(why).bind(session)).await? > 0;
        if ended {
            self.note(transaction, Change::Session, session).await?;
        }
        Ok(ended)
    }

    /// A new access token for a session whose facts have just changed (a step-up). The refresh token stays.
    pub(crate) async fn renew_access(
        &self,
        transaction: &mut Transaction,
        session: &str,
    ) -> Result<(String, Timestamp), AccessError> {
        let query = "SELECT id, account_id, expires_at, authenticated_at, factor_at FROM sessions
                     WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2";
        let row = transaction.one(statement(query).bind(session).bind(self.now())).await?.ok_or(AccessError::Token)?;
        self.sign_access(&SessionState::read(&row)?)
    }

    async fn issue(&self, transaction: &mut Transaction, state: SessionState) -> Result<Tokens, AccessError> {
        let (access, access_expires_at) = self.sign_access(&state)?;
        let now = self.now();
        let refresh = format!("{REFRESH_PREFIX}{}", random_text()?);
        let refresh_expires_at = now.plus_millis(self.settings().session_idle_millis).min(state.expires_at);
        let insert = "INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
        let insert = statement(insert).bind(sha256_hex(refresh.as_bytes())).bind(&state.session);
        transaction.execute(insert.bind(now).bind(refresh_expires_at)).await?;
        let SessionState { session, account, .. } = state;
        Ok(Tokens { session, account, access, access_expires_at, refresh, refresh_expires_at })
    }

    fn sign_access(&self, state: &SessionState) -> Result<(String, Timestamp), AccessError> {
        let now = self.now();
        let expires_at = now.plus_millis(self.settings().access_token_millis).min(state.expires_at);
        let seconds = |time: Timestamp| time.millis().div_euclid(1000);
        let claims = Claims {
            iss: self.settings().public_url.clone(),
            aud: self.settings().audience.clone(),
            sub: state.account.clone(),
            sid: state.session.clone(),
            iat: seconds(now),
            nbf: seconds(now),
            exp: seconds(expires_at),
            jti: new_id(),
            auth_time: seconds(state.authenticated_at),
            factor_time: state.factor_at.map(seconds),
        };
        let keys = self.signing_keys();
        let (id, pair) = keys.signer(now).ok_or(AccessError::Damaged("the signing keys"))?;
        let token = sign(&claims, pair, id).map_err(|_| AccessError::Damaged("the signing keys"))?;
        Ok((token, expires_at))
    }
}
