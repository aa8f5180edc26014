//! Second factors of one's account: the list, the authenticator with its QR code, recovery codes.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Factor as Kept, Permission};
use footfall_api_http::{Done, JsonBody, Page, Paging, Problem, Routes, Time, Told, Unfiltered, delete, get, post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proof::FactorKind;
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, CONFLICT, FACTOR_REFUSED, NOT_FOUND, problem};

/// A second factor.
#[derive(Serialize, JsonSchema)]
struct Factor {
    kind: FactorKind,
    /// Of a passkey; the others are there once.
    id: Option<String>,
    name: String,
    created_at: Option<Time>,
    last_used_at: Option<Time>,
}

/// What an authenticator needs. Shown once.
#[derive(Serialize, JsonSchema)]
struct TotpEnrolment {
    /// In base32, for typing.
    secret: String,
    otpauth_url: String,
    /// The QR code of `otpauth_url`.
    qr_svg: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TotpConfirmation {
    #[schemars(length(min = 6, max = 12))]
    code: String,
}

/// Recovery codes, each good once. Shown once.
#[derive(Serialize, JsonSchema)]
struct RecoveryCodes {
    codes: Vec<String>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let own = || May(Permission::AccountManage);
    let begin = "A new authenticator, which counts for nothing until a code of it was given.";
    Routes::new(
        "factors",
        "Second factors of one's account.",
        [
            get("/v1/account/factors", own(), list, "What is switched on.").raises(ALWAYS),
            post("/v1/account/factors/totp", own(), begin_totp, begin)
                .step_up()
                .raises([&CONFLICT, &NOT_FOUND].into_iter().chain(ALWAYS)),
            post("/v1/account/factors/totp/confirmation", own(), confirm_totp, "Switches the authenticator on.")
                .cost(20)
                .step_up()
                .raises([&FACTOR_REFUSED, &NOT_FOUND].into_iter().chain(ALWAYS)),
            delete("/v1/account/factors/totp", own(), remove_totp, "Switches the authenticator off.")
                .step_up()
                .raises([&NOT_FOUND].into_iter().chain(ALWAYS)),
            post("/v1/account/factors/recovery-codes", own(), renew_recovery_codes, "New recovery codes.")
                .step_up()
                .raises([&NOT_FOUND].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn list(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    paging: Paging<Unfiltered, (String, String)>,
) -> Result<Page<Factor>, Problem> {
    let factors = gate.access.factors(member.session()?.0).await.map_err(problem)?;
    let position = |factor: &Kept| (factor.kind.name().to_owned(), factor.id.clone());
    Ok(listing::page(factors, &paging, position, |factor| Factor {
        kind: factor.kind.into(),
        id: Some(factor.id).filter(|id| !id.is_empty()),
        name: factor.name,
        created_at: factor.created_at.map(Time::from),
        last_used_at: factor.last_used_at.map(Time::from),
    }))
}

async fn begin_totp(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
) -> Result<Told<TotpEnrolment>, Problem> {
    let begun = gate.access.begin_totp(member.session()?.0).await.map_err(problem)?;
    Ok(Told(TotpEnrolment { secret: begun.secret, otpauth_url: begun.otpauth_url, qr_svg: begun.qr_svg }))
}

async fn confirm_totp(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<TotpConfirmation>,
) -> Result<Told<RecoveryCodes>, Problem> {
    let codes = gate.access.confirm_totp(member.session()?.0, &body.code, &origin).await.map_err(problem)?;
    Ok(Told(RecoveryCodes { codes }))
}

async fn remove_totp(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
) -> Result<Done, Problem> {
    gate.access.remove_totp(member.session()?.0, &origin).await.map(|()| Done).map_err(problem)
}

async fn renew_recovery_codes(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
) -> Result<Told<RecoveryCodes>, Problem> {
    let codes = gate.access.renew_recovery_codes(member.session()?.0, &origin).await.map_err(problem)?;
    Ok(Told(RecoveryCodes { codes }))
}
