//! Signing in: password, second factor, passkey; refreshing; signing out.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{AccessError, Email};
use footfall_api_http::{Client, JsonBody, Problem, Routes, Told, kinds, post, public};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::proof::{FactorKind, PasskeyAnswer, Proof};
use crate::authority::Member;
use crate::browser::{Answered, DoneWith, Mode, SessionGrant};
use crate::gate::Gate;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{
    ALWAYS, CREDENTIALS_REFUSED, FACTOR_REFUSED, INVALID, NOT_FOUND, SIGN_IN_BY_LINK, TOKEN_REFUSED, problem,
};
use crate::text::EMAIL;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    #[schemars(length(min = 3, max = 254), regex(pattern = EMAIL))]
    email: String,
    #[schemars(length(min = 1, max = 1000))]
    password: String,
    mode: Option<Mode>,
}

/// Where a sign-in stands after the password.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum SignInAnswer {
    SignedIn {
        session: SessionGrant,
    },
    /// Send the challenge back with a second factor.
    FactorNeeded {
        challenge: String,
        factors: Vec<FactorKind>,
    },
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FactorStep {
    #[schemars(length(min = 1, max = 200))]
    challenge: String,
    proof: Proof,
    mode: Option<Mode>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PasskeySignIn {
    passkey: PasskeyAnswer,
    mode: Option<Mode>,
}

/// For `PublicKeyCredential.parseRequestOptionsFromJSON`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PasskeyOptions {
    pub(crate) options: Value,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// Left out, the refresh cookie counts.
    #[schemars(length(min = 1, max = 200))]
    refresh_token: Option<String>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let open = || public("Nobody is signed in yet; attempts are counted.");
    let about = "By e-mail address and password.";
    Routes::new(
        "sign in",
        "Sessions begin and end here.",
        [
            post("/v1/sign-in", open(), by_password, about)
                .cost(20)
                .raises([&CREDENTIALS_REFUSED, &SIGN_IN_BY_LINK, &INVALID, &kinds::RATE_LIMITED])
                .raises([&kinds::UNAVAILABLE, &kinds::CSRF_REFUSED].into_iter().chain(ALWAYS)),
            post("/v1/sign-in/factor", open(), by_factor, "The second factor of a sign-in; five attempts.")
                .cost(20)
                .raises([&FACTOR_REFUSED, &kinds::CSRF_REFUSED].into_iter().chain(ALWAYS)),
            post("/v1/sign-in/passkey/options", open(), passkey_options, "A challenge for a passkey.")
                .cost(5)
                .raises(ALWAYS),
            post("/v1/sign-in/passkey", open(), by_passkey, "By passkey alone.")
                .cost(20)
                .raises([&FACTOR_REFUSED, &kinds::CSRF_REFUSED].into_iter().chain(ALWAYS)),
            post("/v1/refresh", public("The refresh token is the credential."), refresh, "New tokens for a session.")
                .cost(5)
                .raises([&TOKEN_REFUSED, &kinds::CSRF_REFUSED].into_iter().chain(ALWAYS)),
            post("/v1/sign-out", May(footfall_api_access::Permission::AccountManage), sign_out, "Ends this session.")
                .raises([&NOT_FOUND].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn by_password(
    State(gate): State<Gate>,
    whence: Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignIn>,
) -> Result<Answered<SignInAnswer>, Problem> {
    gate.browsers.check_page(body.mode, &headers)?;
    let email = Email::parse(&body.email).map_err(problem)?;
    let Some(tried) = gate.guessing.judge(&email.folded, &client, &headers).await? else {
        gate.send_reset(&email, &whence).await?;
        return Err(Problem::new(&SIGN_IN_BY_LINK)
            .detail("If there is an account, its address has got a link by which to go on."));
    };
    let outcome = gate.access.sign_in(&email.written, &body.password, &whence.0).await.map_err(problem)?;
    // With a second factor the attempt stays charged: each right password buys five guesses of a code.
    if let footfall_api_access::SignIn::Done(_) = outcome {
        gate.guessing.succeeded(tried).await?;
    }
    gate.signed_in(outcome, body.mode, &client).await
}

async fn by_factor(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<FactorStep>,
) -> Result<Answered<SessionGrant>, Problem> {
    gate.browsers.check_page(body.mode, &headers)?;
    let tokens = gate.access.finish_sign_in(&body.challenge, &body.proof.into(), &origin).await.map_err(problem)?;
    gate.begin(tokens, body.mode, &client).await
}

async fn passkey_options(State(gate): State<Gate>) -> Result<Told<PasskeyOptions>, Problem> {
    let options = gate.access.begin_passkey_use().await.map_err(problem)?;
    Ok(Told(PasskeyOptions { options }))
}

async fn by_passkey(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PasskeySignIn>,
) -> Result<Answered<SessionGrant>, Problem> {
    gate.browsers.check_page(body.mode, &headers)?;
    let tokens = gate.access.sign_in_with_passkey(&body.passkey.into(), &origin).await.map_err(problem)?;
    gate.begin(tokens, body.mode, &client).await
}

async fn refresh(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Refresh>,
) -> Result<Answered<SessionGrant>, Problem> {
    let mode = if body.refresh_token.is_some() { Mode::Bearer } else { Mode::Cookie };
    gate.browsers.check_page(Some(mode), &headers)?;
    let token = body.refresh_token.as_deref().or_else(|| gate.browsers.refresh_token(&headers, &client));
    let token = token.ok_or_else(|| problem(AccessError::Token))?;
    let tokens = gate.access.refresh(token, &origin).await.map_err(problem)?;
    gate.browsers.grant(tokens, Some(mode), &client)
}

async fn sign_out(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Extension(client): Extension<Client>,
    Whence(origin): Whence,
) -> Result<DoneWith, Problem> {
    let (account, session) = member.session()?;
    let actor = member.caller.actor.clone();
    gate.access.revoke_session(account, session, actor, &origin).await.map_err(problem)?;
    Ok(DoneWith(gate.browsers.removal(&client)))
}
