//! Every route × every role × own and foreign places × nobody. The routes come from the table, so that a new one without a line
//! in `EXPECTED` fails.

use footfall_api_http::Listed;
use serde_json::Value;

use crate::gear::*;
use crate::stage::Stage;

const EVERYBODY: &str = "everybody";
const SIGNED_IN: &str = "sessions and keys";
const SESSIONS: &str = "sessions";
const MEMBERS: &str = "owner admin analyst experimenter developer viewer";
const ASKERS: &str = "owner admin analyst experimenter developer";
const ADMINS: &str = "owner admin";
const KEEPERS: &str = "owner admin developer";

/// Who passes the guard of each operation.
const EXPECTED: &[(&str, &str)] = &[
    ("sign_up_ask_for", EVERYBODY),
    ("sign_up_confirm", EVERYBODY),
    ("sign_up_first_owner", EVERYBODY),
    ("sign_in_by_password", EVERYBODY),
    ("sign_in_by_factor", EVERYBODY),
    ("sign_in_passkey_options", EVERYBODY),
    ("sign_in_by_passkey", EVERYBODY),
    ("sign_in_refresh", EVERYBODY),
    ("sign_in_sign_out", SESSIONS),
    ("password_ask_for_reset", EVERYBODY),
    ("password_reset", EVERYBODY),
    ("password_change", SESSIONS),
    ("account_show", SESSIONS),
    ("account_ask_email_change", SESSIONS),
    ("account_confirm_email", EVERYBODY),
    ("account_rename", SESSIONS),
    ("account_step_up", SESSIONS),
    ("sessions_list", SESSIONS),
    ("sessions_end", SESSIONS),
    ("sessions_end_all", SESSIONS),
    ("factors_list", SESSIONS),
    ("factors_begin_totp", SESSIONS),
    ("factors_confirm_totp", SESSIONS),
    ("factors_remove_totp", SESSIONS),
    ("factors_renew_recovery_codes", SESSIONS),
    ("passkeys_options", SESSIONS),
    ("passkeys_add", SESSIONS),
    ("passkeys_remove", SESSIONS),
    ("personal_tokens_list", SESSIONS),
    ("personal_tokens_create", SESSIONS),
    ("personal_tokens_rotate", SESSIONS),
    ("personal_tokens_revoke", SESSIONS),
    ("organisations_list", SIGNED_IN),
    ("organisations_create", SESSIONS),
    ("organisations_show", MEMBERS),
    ("organisations_change", ADMINS),
    ("projects_list", MEMBERS),
    ("projects_create", ADMINS),
    ("projects_show", MEMBERS),
    ("projects_change", ADMINS),
    ("members_list", ASKERS),
    ("members_set_role", ADMINS),
    ("members_remove", ADMINS),
    ("members_leave_it", SESSIONS),
    ("members_invite", ADMINS),
    ("members_accept", EVERYBODY),
    ("member_sessions_list", ADMINS),
    ("member_sessions_end", ADMINS),
    ("member_sessions_end_all", ADMINS),
    ("invitations_list", ASKERS),
    ("invitations_withdraw", ADMINS),
    ("roles_list", MEMBERS),
    ("roles_create", ADMINS),
    ("roles_show", MEMBERS),
    ("roles_replace", ADMINS),
    ("roles_remove", ADMINS),
    ("keys_list_of_project", KEEPERS),
    ("keys_create_in_project", KEEPERS),
    ("keys_rotate_in_project", KEEPERS),
    ("keys_revoke_in_project", KEEPERS),
    ("keys_list", KEEPERS),
    ("keys_create", KEEPERS),
    ("keys_rotate", KEEPERS),
    ("keys_revoke", KEEPERS),
    ("audit_list", ADMINS),
    ("audit_export", ADMINS),
    ("audit_verify", ADMINS),
    ("alerts_list", ADMINS),
    ("alerts_acknowledge", ADMINS),
    ("webhooks_list", ADMINS),
    ("webhooks_create", ADMINS),
    ("webhooks_show", ADMINS),
    ("webhooks_change", ADMINS),
    ("webhooks_remove", ADMINS),
    ("webhooks_deliveries", ADMINS),
    ("webhooks_renew_secret", ADMINS),
    ("webhooks_test", ADMINS),
    ("key_set_show", EVERYBODY),
    ("reference_document", EVERYBODY),
    ("reference_page", EVERYBODY),
    ("reference_script", EVERYBODY),
    ("reference_style", EVERYBODY),
    ("reference_problems", EVERYBODY),
    ("reference_problem", EVERYBODY),
];

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

fn expected(route: &Listed) -> &'static str {
    let line = EXPECTED.iter().find(|(operation, _)| *operation == route.operation_id);
    line.unwrap_or_else(|| panic!("{} is new: say who may call it", route.operation_id)).1
}

fn filled(route: &Listed, organisation: &str, project: &str) -> String {
    let places = route.path.replace("{organisation}", organisation).replace("{project}", project);
    let segments = places.split('/').map(|segment| if segment.starts_with('{') { NOBODY } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn is_in_a_place(route: &Listed) -> bool {
    route.path.contains("{organisation}") || route.path.contains("{project}")
}

/// Calls without a body: what passes the guard is refused for its form at the worst, and changes nothing but sessions.
async fn call(house: &House<'_>, who: &str, route: &Listed, organisation: &str, project: &str) -> Answer {
    house
        .ask(who, route.method.as_str(), &filled(route, organisation, project), &[("if-match", "*")], Value::Null)
        .await
}

/// Leaving comes last, since it is what it says.
fn in_order(house: &House<'_>) -> Vec<Listed> {
    let mut routes = house.routes.clone();
    routes.sort_by_key(|route| route.operation_id == "members_leave_it");
    routes
}

fn check(route: &Listed, who: &str, allowed: bool, answer: &Answer) {
    let (status, about) = (answer.status.as_u16(), format!("{} as {who}: {}", route.operation_id, answer.text));
    assert!(status < 500, "{about}");
    if allowed {
        assert!(![401, 403].contains(&status), "{about}");
        // 404 may only mean the thing inside the place.
        let names_more = route.path.matches('{').count() > usize::from(is_in_a_place(route));
        let may_miss =
            names_more || route.operation_id.starts_with("factors_remove") || route.operation_id == "members_leave_it";
        assert!(status != 404 || may_miss, "{about}");
    } else if status == 404 {
        assert_eq!(answer.code(), "not_found", "{about}");
    } else {
        assert!(
            ["permission_missing", "scope_missing", "token_refused", "credentials_missing"].contains(&&*answer.code()),
            "{about}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_every_role() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    let foreign = foreign_place(&house).await;
    for role in MEMBERS.split(' ').filter(|role| *role != "owner") {
        house.member(&owner, &organisation, &format!("{role}@example.org"), role, None).await;
    }
    let mut calls = 0;
    for role in MEMBERS.split(' ') {
        let email = format!("{role}@example.org");
        for route in in_order(&house) {
            let expected = expected(&route);
            let allowed =
                [EVERYBODY, SIGNED_IN, SESSIONS].contains(&expected) || expected.split(' ').any(|one| one == role);
            // Anew each time: some routes end sessions.
            let token = house.sign_in(&email).await;
            if is_in_a_place(&route) {
                let strange = call(&house, &token, &route, &foreign.0, &foreign.1).await;
                assert_eq!(
                    (strange.status.as_u16(), strange.code()),
                    (404, "not_found".into()),
                    "{} as {role}",
                    route.path
                );
                let nowhere = call(&house, &token, &route, NOBODY, "nowhere").await;
                let text = |answer: &Answer| answer.text.replace(answer.header("x-request-id"), "");
                assert_eq!(text(&strange), text(&nowhere), "{}: foreign or nowhere, who knows", route.path);
                calls += 2;
            }
            let answer = call(&house, &token, &route, &organisation, PROJECT).await;
            check(&route, role, allowed, &answer);
            calls += 1;
        }
    }
    assert!(calls > 6 * house.routes.len(), "{calls}");
}

/// Another organisation with a project, of somebody else.
async fn foreign_place(house: &House<'_>) -> (String, String) {
    let stranger = house.sign_up("stranger@example.org").await.text("/access_token");
    let made = house.post(&stranger, "/v1/organisations", serde_json::json!({"name": "Other"})).await.good();
    let organisation = made.text("/id");
    let body = serde_json::json!({"id": "foreign", "name": "Foreign"});
    house.post(&stranger, &format!("/v1/organisations/{organisation}/projects"), body).await.good();
    (organisation, "foreign".to_owned())
}

#[tokio::test]
async fn nobody_and_keys() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    let keys = format!("/v1/projects/{PROJECT}/keys");
    let mut texts = Vec::new();
    for kind in ["write", "client"] {
        let body = serde_json::json!({"kind": kind, "name": kind});
        texts.push((kind, house.post(&owner, &keys, body).await.good().text("/key")));
    }
    for route in in_order(&house) {
        let is_open = expected(&route) == EVERYBODY;
        assert_eq!(route.is_public, is_open, "{}", route.operation_id);
        check(&route, "nobody", is_open, &call(&house, "", &route, &organisation, PROJECT).await);
        for (kind, text) in &texts {
            let allowed = is_open || expected(&route) == SIGNED_IN;
            check(&route, kind, allowed, &call(&house, text, &route, &organisation, PROJECT).await);
        }
    }
}

#[tokio::test]
async fn a_role_in_one_project_says_nothing_about_the_organisation() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    let body = serde_json::json!({"id": "second", "name": "Second"});
    house.post(&owner, &format!("/v1/organisations/{organisation}/projects"), body).await.good();
    house.member(&owner, &organisation, "dev@example.org", "developer", Some(PROJECT)).await;
    for route in in_order(&house).into_iter().filter(is_in_a_place).filter(|route| route.permission.is_some()) {
        let token = house.sign_in("dev@example.org").await;
        let allowed = route.path.contains("{project}") && expected(&route).split(' ').any(|one| one == "developer");
        check(&route, "developer of the project", allowed, &call(&house, &token, &route, &organisation, PROJECT).await);
        check(&route, "developer elsewhere", false, &call(&house, &token, &route, &organisation, "second").await);
    }
}

#[tokio::test]
async fn dangerous_routes_want_a_recent_sign_in() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let (_, organisation) = house.owner().await;
    let body = serde_json::json!({"email": OWNER, "password": PASSWORD});
    let begun = house.post("", "/v1/sign-in", body).await.good();
    stage.pass(11 * 60_000);
    let renewed =
        house.post("", "/v1/refresh", serde_json::json!({"refresh_token": begun.text("/session/refresh_token")})).await;
    let token = renewed.good().text("/access_token");
    for route in in_order(&house).into_iter().filter(|route| route.step_up) {
        let refused = call(&house, &token, &route, &organisation, PROJECT).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (403, "step_up_required".into()),
            "{}",
            route.operation_id
        );
    }
}
