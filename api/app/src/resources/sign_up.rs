//! New accounts: by sign-up, by the link of the first start. The address is proved before there is an account.

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Email, NewAccount};
use footfall_api_http::{Client, Done, JsonBody, Problem, Routes, kinds, post, public};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::browser::{Answered, Mode, SessionGrant};
use crate::gate::Gate;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, CONFLICT, INVALID, LINK_REFUSED, problem};
use crate::text::{EMAIL, ONE_LINE, PROJECT_ID};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignUp {
    #[schemars(length(min = 3, max = 254), regex(pattern = EMAIL))]
    email: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignUpConfirmation {
    /// What stands behind the `#` of the link.
    #[schemars(length(min = 1, max = 200))]
    secret: String,
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    #[schemars(length(min = 1, max = 1000))]
    password: String,
    mode: Option<Mode>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FirstOwner {
    /// What stands behind the `#` of the link that the program printed.
    #[schemars(length(min = 1, max = 200))]
    secret: String,
    #[schemars(length(min = 3, max = 254), regex(pattern = EMAIL))]
    email: String,
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    #[schemars(length(min = 1, max = 1000))]
    password: String,
    /// The name of their organisation.
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    organisation: String,
    /// The id of its first project.
    #[schemars(length(min = 1, max = 64), regex(pattern = PROJECT_ID))]
    project: String,
    mode: Option<Mode>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let ask = public("There is no account yet.");
    let link = || public("The link's secret is the credential.");
    let refusals = || [&LINK_REFUSED, &INVALID, &kinds::CSRF_REFUSED].into_iter().chain(ALWAYS);
    let about = "Makes the account of a link, and signs it in.";
    Routes::new(
        "sign up",
        "New accounts.",
        [
            post("/v1/sign-up", ask, ask_for, "Asks for an account; a link goes to the address.")
                .cost(20)
                .raises([&CONFLICT, &INVALID, &kinds::UNAVAILABLE].into_iter().chain(ALWAYS)),
            post("/v1/sign-up/confirmation", link(), confirm, about).cost(20).raises(refusals()),
            post("/v1/first-owner", link(), first_owner, "Makes the first owner of an empty installation.")
                .cost(20)
                .raises(refusals()),
        ],
    )
}

async fn ask_for(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    JsonBody(body): JsonBody<SignUp>,
) -> Result<Done, Problem> {
    let email = Email::parse(&body.email).map_err(problem)?;
    if !gate.access.settings().sign_up_is_open || gate.guessing.may_mail("sign-up", &email.folded).await? {
        gate.access.sign_up(&body.email, &origin).await.map_err(problem)?;
    }
    Ok(Done)
}

async fn confirm(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignUpConfirmation>,
) -> Result<Answered<SessionGrant>, Problem> {
    gate.browsers.check_page(body.mode, &headers)?;
    let new = NewAccount { name: body.name, password: body.password };
    let tokens = gate.access.finish_sign_up(&body.secret, &new, &origin).await.map_err(problem)?;
    gate.begin(tokens, body.mode, &client).await
}

async fn first_owner(
    State(gate): State<Gate>,
    Whence(origin): Whence,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<FirstOwner>,
) -> Result<Answered<SessionGrant>, Problem> {
    gate.browsers.check_page(body.mode, &headers)?;
    let FirstOwner { secret, email, name, password, organisation, project, mode } = body;
    let new = NewAccount { name, password };
    let made = gate.access.finish_first_owner(&secret, &email, &new, &organisation, &project, &origin).await;
    gate.begin(made.map_err(problem)?, mode, &client).await
}
