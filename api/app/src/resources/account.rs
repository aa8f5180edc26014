//! One's own account: who it is, what it holds, its address, and the step-up that dangerous acts ask for.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Email, FactorProof, Grant, Permission};
use footfall_api_http::{Client, Done, JsonBody, Problem, Routes, Time, Told, get, kinds, post, public, put};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proof::{PasskeyAnswer, Proof};
use crate::authority::Member;
use crate::browser::{AccessGrant, Answered};
use crate::gate::Gate;
use crate::origin::Whence;
use crate::permission::{May, PermissionName};
use crate::problem::{ALWAYS, CREDENTIALS_REFUSED, FACTOR_REFUSED, INVALID, LINK_REFUSED, NOT_FOUND, problem};
use crate::text::{EMAIL, ONE_LINE};

/// The account that asks.
#[derive(Serialize, JsonSchema)]
struct OwnAccount {
    id: String,
    email: String,
    name: String,
    has_factor: bool,
    created_at: Time,
    session_id: String,
    grants: Vec<HeldGrant>,
}

/// What an account holds somewhere.
#[derive(Serialize, JsonSchema)]
struct HeldGrant {
    organisation_id: String,
    /// One project; `null` for the organisation and all its projects.
    project_id: Option<String>,
    permissions: Vec<PermissionName>,
    factor_required: bool,
}

impl From<&Grant> for HeldGrant {
    fn from(grant: &Grant) -> HeldGrant {
        HeldGrant {
            organisation_id: grant.organisation.to_string(),
            project_id: grant.project.as_deref().map(str::to_owned),
            permissions: PermissionName::list(grant.role.permissions),
            factor_required: grant.factor_required,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NameChange {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmailChange {
    #[schemars(length(min = 3, max = 254), regex(pattern = EMAIL))]
    email: String,
    #[schemars(length(min = 1, max = 1000))]
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmailConfirmation {
    /// What stands behind the `#` of the link.
    #[schemars(length(min = 1, max = 200))]
    secret: String,
}

/// A second factor; the password for accounts that have none.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StepUp {
    Totp(#[schemars(length(min = 6, max = 12))] String),
    RecoveryCode(#[schemars(length(min = 1, max = 60))] String),
    Passkey(PasskeyAnswer),
    Password(#[schemars(length(min = 1, max = 1000))] String),
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let own = || May(Permission::AccountManage);
    let link = public("The link's secret is the credential.");
    Routes::new(
        "account",
        "One's own account.",
        [
            get("/v1/account", own(), show, "Who is signed in, and what they hold.")
                .raises([&NOT_FOUND])
                .raises(ALWAYS),
            put("/v1/account/name", own(), rename, "Says how one is called.")
                .raises([&INVALID, &NOT_FOUND])
                .raises(ALWAYS),
            post("/v1/account/email", own(), ask_email_change, "Asks for another address; a link goes to it.")
                .cost(20)
                .step_up()
                .raises([&INVALID, &CREDENTIALS_REFUSED, &kinds::RATE_LIMITED, &kinds::UNAVAILABLE])
                .raises(ALWAYS),
            post("/v1/email-confirmation", link, confirm_email, "Changes the address by a link.")
                .cost(20)
                .raises([&LINK_REFUSED, &INVALID].into_iter().chain(ALWAYS)),
            post("/v1/account/step-up", own(), step_up, "Gives the session a fresh second factor.")
                .cost(20)
                .raises([&FACTOR_REFUSED, &CREDENTIALS_REFUSED].into_iter().chain(ALWAYS)),
        ],
    )
}

async fn show(State(gate): State<Gate>, Extension(member): Extension<Member>) -> Result<Told<OwnAccount>, Problem> {
    let (account, session) = member.session()?;
    let own = gate.access.account(account).await.map_err(problem)?;
    Ok(Told(OwnAccount {
        id: own.id,
        email: own.email,
        name: own.name,
        has_factor: own.has_factor,
        created_at: own.created_at.into(),
        session_id: session.to_owned(),
        grants: member.caller.subject.grants.iter().map(HeldGrant::from).collect(),
    }))
}

async fn rename(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<NameChange>,
) -> Result<Done, Problem> {
    gate.access.change_name(member.session()?.0, &body.name, &origin).await.map(|_| Done).map_err(problem)
}

async fn ask_email_change(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<EmailChange>,
) -> Result<Done, Problem> {
    let (account, session) = member.session()?;
    gate.guessing.confirm(&Email::parse(&body.email).map_err(problem)?.folded).await?;
    let asked = gate.access.ask_email_change(account, session, &body.password, &body.email, &origin).await;
    asked.map(|()| Done).map_err(problem)
}

async fn confirm_email(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<EmailConfirmation>,
) -> Result<Done, Problem> {
    gate.access.finish_email_change(&body.secret, &origin).await.map(|()| Done).map_err(problem)
}

async fn step_up(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Extension(client): Extension<Client>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<StepUp>,
) -> Result<Answered<AccessGrant>, Problem> {
    let (account, session) = member.session()?;
    let proof: FactorProof = match body {
        StepUp::Totp(code) => Proof::Totp(code).into(),
        StepUp::RecoveryCode(code) => Proof::RecoveryCode(code).into(),
        StepUp::Passkey(answer) => Proof::Passkey(answer).into(),
        StepUp::Password(password) => {
            let renewed = gate.access.confirm_password(account, session, &password, &origin).await.map_err(problem)?;
            return gate.browsers.renew(renewed.0, renewed.1, member.mode(), &client);
        }
    };
    let (token, expires_at) = gate.access.step_up(account, session, &proof, &origin).await.map_err(problem)?;
    gate.browsers.renew(token, expires_at, member.mode(), &client)
}
