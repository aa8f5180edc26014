//! Passwords: forgotten, chosen anew by a link, changed.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Email, statement};
use footfall_api_http::{Client, Done, JsonBody, Problem, Routes, kinds, post, public};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::authority::Member;
use crate::browser::DoneWith;
use crate::gate::{Gate, folded};
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, CREDENTIALS_REFUSED, INVALID, LINK_REFUSED, problem};
use crate::text::EMAIL;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResetRequest {
    #[schemars(length(min = 3, max = 254), regex(pattern = EMAIL))]
    email: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reset {
    /// What stands behind the `#` of the link.
    #[schemars(length(min = 1, max = 200))]
    secret: String,
    #[schemars(length(min = 1, max = 1000))]
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    #[schemars(length(min = 1, max = 1000))]
    present_password: String,
    #[schemars(length(min = 1, max = 1000))]
    password: String,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let ask = "Sends a link to choose a new password, if there is such an account; the answer is the same if not.";
    let own = May(footfall_api_access::Permission::AccountManage);
    Routes::new(
        "password",
        "Passwords.",
        [
            post("/v1/password/reset-request", public("The password is forgotten."), ask_for_reset, ask)
                .cost(20)
                .raises([&INVALID, &kinds::UNAVAILABLE].into_iter().chain(ALWAYS)),
            post(
                "/v1/password/reset",
                public("The link's secret is the credential."),
                reset,
                "A new password by a link; all sessions end.",
            )
            .cost(20)
            .raises([&INVALID, &LINK_REFUSED].into_iter().chain(ALWAYS)),
            post("/v1/account/password", own, change, "A new password; all other sessions end.")
                .cost(20)
                .raises([&INVALID, &CREDENTIALS_REFUSED, &LINK_REFUSED].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn ask_for_reset(
    State(gate): State<Gate>,
    whence: Whence,
    JsonBody(body): JsonBody<ResetRequest>,
) -> Result<Done, Problem> {
    let email = Email::parse(&body.email).map_err(problem)?;
    gate.send_reset(&email, &whence).await.map(|()| Done)
}

async fn reset(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    JsonBody(body): JsonBody<Reset>,
) -> Result<DoneWith, Problem> {
    let address = address_of_link(&gate, &body.secret).await?;
    gate.access.reset_password(&body.secret, &body.password, &origin).await.map_err(problem)?;
    // Whoever holds the mailbox gets a device that is known, or an owner whose address strangers guess at could not sign in with
    // the new password.
    let cookie = address.map(|address| gate.guessing.device_cookie(&folded(&address)?, &client)).transpose()?;
    Ok(DoneWith(cookie.into_iter().collect()))
}

/// The address that the link of `secret` was sent to.
async fn address_of_link(gate: &Gate, secret: &str) -> Result<Option<String>, Problem> {
    let hash: String = Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect();
    let query = statement("SELECT email FROM links WHERE hash = $1 AND account_id IS NOT NULL").bind(hash);
    let row = gate.access.database().read_one(query).await.map_err(|error| problem(error.into()))?;
    row.map(|row| row.get("email")).transpose().map_err(|error| problem(error.into()))
}

async fn change(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<PasswordChange>,
) -> Result<Done, Problem> {
    let (account, session) = member.session()?;
    let changed = gate.access.change_password(account, session, &body.present_password, &body.password, &origin).await;
    changed.map(|()| Done).map_err(problem)
}
