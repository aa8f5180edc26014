//! Passkeys of one's account: made and removed. `sign_in.rs` signs in with them.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{PasskeyRegistration, Permission};
use footfall_api_http::{Done, JsonBody, Path, Problem, Routes, Told, delete, post};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sign_in::PasskeyOptions;
use crate::authority::Member;
use crate::gate::Gate;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, CONFLICT, FACTOR_REFUSED, INVALID, NOT_FOUND, problem};
use crate::text::{BASE64URL, ONE_LINE};

/// What a browser returns from `navigator.credentials.create()`, fields in URL-safe base64.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPasskey {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    #[schemars(length(min = 1, max = 4000), regex(pattern = BASE64URL))]
    client_data_json: String,
    #[schemars(length(min = 1, max = 90_000), regex(pattern = BASE64URL))]
    attestation_object: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PasskeyPlace {
    #[schemars(length(min = 1, max = 1400), regex(pattern = BASE64URL))]
    passkey: String,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let own = || May(Permission::AccountManage);
    Routes::new(
        "passkeys",
        "Passkeys of one's account.",
        [
            post("/v1/account/passkeys/options", own(), options, "A challenge for a new passkey.")
                .step_up()
                .raises([&NOT_FOUND].into_iter().chain(ALWAYS)),
            post("/v1/account/passkeys", own(), add, "Adds the passkey that was made.")
                .step_up()
                .raises([&FACTOR_REFUSED, &INVALID, &CONFLICT, &NOT_FOUND].into_iter().chain(ALWAYS)),
            delete("/v1/account/passkeys/{passkey}", own(), remove, "Removes a passkey.")
                .step_up()
                .raises([&CONFLICT, &NOT_FOUND].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn options(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
) -> Result<Told<PasskeyOptions>, Problem> {
    let options = gate.access.begin_passkey_registration(member.session()?.0).await.map_err(problem)?;
    Ok(Told(PasskeyOptions { options }))
}

async fn add(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<NewPasskey>,
) -> Result<Done, Problem> {
    let NewPasskey { name, client_data_json, attestation_object } = body;
    let made = PasskeyRegistration { client_data_json, attestation_object };
    let added = gate.access.finish_passkey_registration(member.session()?.0, &name, &made, &origin).await;
    added.map(|()| Done).map_err(problem)
}

async fn remove(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<PasskeyPlace>,
) -> Result<Done, Problem> {
    let removed = gate.access.remove_passkey(member.session()?.0, &place.passkey, &origin).await;
    removed.map(|()| Done).map_err(problem)
}
