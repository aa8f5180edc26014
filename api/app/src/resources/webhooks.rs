//! Webhooks of an organisation: where its alerts are sent, signed. The secret is shown once.

use std::cmp::Reverse;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::{Delivery as KeptDelivery, NewWebhook as Wanted, Permission, Webhook as Kept};
use footfall_api_http::{
    Done, IfMatch, JsonBody, Page, Paging, Patch, Path, Problem, Replace, Routes, Shown, Time, Told, Unfiltered,
    delete, get, patch, post,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::organisations::{meant, revision};
use super::places::{InOrganisation, WebhookPlace};
use crate::authority::Member;
use crate::gate::Gate;
use crate::listing;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ACTS, ALWAYS, NOT_FOUND, problem};
use crate::text::{HTTPS_URL, ONE_LINE};

/// Where alerts are sent.
#[derive(Serialize, JsonSchema)]
struct Webhook {
    id: String,
    name: String,
    url: String,
    /// Off, it gets nothing. A receiver switches it off by answering 410.
    is_enabled: bool,
    created_at: Time,
}

/// A webhook, and its secret, shown this once.
#[derive(Serialize, JsonSchema)]
struct NewWebhook {
    id: String,
    /// Verifies `webhook-signature` as Standard Webhooks 1.0 has it.
    secret: String,
}

/// The new secret of a webhook, shown this once.
#[derive(Serialize, JsonSchema)]
struct WebhookSecret {
    secret: String,
}

/// What became of one message.
#[derive(Serialize, JsonSchema)]
struct WebhookDelivery {
    /// Also `webhook-id`, the same in every try.
    id: String,
    /// As `alert.raised`.
    kind: String,
    created_at: Time,
    tries: i64,
    /// `null`: it has arrived, or was given up.
    next_try_at: Option<Time>,
    sent_at: Option<Time>,
    /// Of the last answer, if one came.
    status: Option<i64>,
    failure: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookDraft {
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: String,
    /// Of the open internet; without a name, a password or a fragment in it.
    #[schemars(length(min = 1, max = 2000), regex(pattern = HTTPS_URL))]
    url: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookPatch {
    #[serde(default)]
    #[schemars(length(min = 1, max = 100), regex(pattern = ONE_LINE))]
    name: Replace<String>,
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000), regex(pattern = HTTPS_URL))]
    url: Replace<String>,
    #[serde(default)]
    is_enabled: Replace<bool>,
}

/// Older ones are not listed.
const DELIVERIES_MAX: i64 = 500;

pub(crate) fn routes() -> Routes<Gate, May> {
    let (read, write) = (|| May(Permission::AlertsRead), || May(Permission::AlertsWrite));
    let (all, one) =
        ("/v1/organisations/{organisation}/webhooks", "/v1/organisations/{organisation}/webhooks/{webhook}");
    let deliveries_of = "/v1/organisations/{organisation}/webhooks/{webhook}/deliveries";
    let secret_of = "/v1/organisations/{organisation}/webhooks/{webhook}/secret";
    let test_of = "/v1/organisations/{organisation}/webhooks/{webhook}/test";
    Routes::new(
        "webhooks",
        "Where alerts are sent.",
        [
            get(all, read(), list, "The webhooks of an organisation.").raises(ALWAYS),
            post(all, write(), create, "Makes a webhook; its secret is shown once.").cost(5).step_up().raises(ACTS),
            get(one, read(), show, "One webhook.").raises([&NOT_FOUND]).raises(ALWAYS),
            patch(one, write(), change, "Changes a webhook.").step_up().raises(ACTS),
            delete(one, write(), remove, "Removes a webhook, with what still waits for it.").step_up().raises(ACTS),
            get(deliveries_of, read(), deliveries, "What was sent, the newest first.")
                .raises([&NOT_FOUND])
                .raises(ALWAYS),
            post(secret_of, write(), renew_secret, "Another secret, shown once; the old one ends at once.")
                .step_up()
                .raises(ACTS),
            post(test_of, write(), test, "Sends a message of the kind `test`.").cost(20).raises(ACTS),
        ],
    )
}

fn shown(kept: Kept) -> Webhook {
    let Kept { id, name, url, is_enabled, created_at, .. } = kept;
    Webhook { id, name, url, is_enabled, created_at: created_at.into() }
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<Webhook>, Problem> {
    let webhooks = gate.access.webhooks(&place.organisation).await.map_err(problem)?;
    Ok(listing::page(webhooks, &paging, |webhook| webhook.id.clone(), shown))
}

async fn create(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InOrganisation>,
    JsonBody(body): JsonBody<WebhookDraft>,
) -> Result<Told<NewWebhook>, Problem> {
    let wanted = Wanted { name: body.name, url: body.url };
    let made = gate.access.create_webhook(&member.caller, &place.organisation, &wanted, &origin).await;
    made.map(|(webhook, secret)| Told(NewWebhook { id: webhook.id, secret })).map_err(problem)
}

async fn show(State(gate): State<Gate>, Path(place): Path<WebhookPlace>) -> Result<Shown<Webhook>, Problem> {
    let webhook = gate.access.webhook(&place.organisation, &place.webhook).await.map_err(problem)?;
    Ok(Shown(revision(webhook.version), shown(webhook)))
}

async fn change(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<WebhookPlace>,
    if_match: IfMatch,
    Patch(body): Patch<WebhookPatch>,
) -> Result<Shown<Webhook>, Problem> {
    let mut wanted = gate.access.webhook(&place.organisation, &place.webhook).await.map_err(problem)?;
    if_match.check(revision(wanted.version))?;
    body.name.apply(&mut wanted.name);
    body.url.apply(&mut wanted.url);
    body.is_enabled.apply(&mut wanted.is_enabled);
    let changed = gate.access.change_webhook(&member.caller, &wanted, &origin).await.map_err(problem)?;
    Ok(Shown(revision(changed.version), shown(changed)))
}

async fn remove(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<WebhookPlace>,
    if_match: IfMatch,
) -> Result<Done, Problem> {
    let webhook = gate.access.webhook(&place.organisation, &place.webhook).await.map_err(problem)?;
    if_match.check(revision(webhook.version))?;
    let (WebhookPlace { organisation, webhook: id }, version) = (&place, meant(&if_match, webhook.version));
    let removed = gate.access.delete_webhook(&member.caller, organisation, id, version, &origin).await;
    removed.map(|()| Done).map_err(problem)
}

async fn renew_secret(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<WebhookPlace>,
) -> Result<Told<WebhookSecret>, Problem> {
    let renewed = gate.access.renew_webhook_secret(&member.caller, &place.organisation, &place.webhook, &origin).await;
    renewed.map(|secret| Told(WebhookSecret { secret })).map_err(problem)
}

async fn test(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<WebhookPlace>,
) -> Result<Done, Problem> {
    let tested = gate.access.test_webhook(&member.caller, &place.organisation, &place.webhook, &origin).await;
    tested.map(|()| Done).map_err(problem)
}

async fn deliveries(
    State(gate): State<Gate>,
    Path(place): Path<WebhookPlace>,
    paging: Paging<Unfiltered, (Reverse<i64>, Reverse<String>)>,
) -> Result<Page<WebhookDelivery>, Problem> {
    let sent = gate.access.webhook_deliveries(&place.organisation, &place.webhook, DELIVERIES_MAX).await;
    let position = |sent: &KeptDelivery| (Reverse(sent.created_at.millis()), Reverse(sent.id.clone()));
    Ok(listing::page(sent.map_err(problem)?, &paging, position, |sent| WebhookDelivery {
        id: sent.id,
        kind: sent.kind,
        created_at: sent.created_at.into(),
        tries: sent.tries,
        next_try_at: sent.next_try_at.map(Time::from),
        sent_at: sent.sent_at.map(Time::from),
        status: sent.status,
        failure: sent.failure,
    }))
}
