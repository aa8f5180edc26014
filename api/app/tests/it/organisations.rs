//! What an organisation does: projects, members, roles, keys, audit, alerts.

use footfall_api_access::{Act, Actor, Origin};
use serde_json::{Value, json};

use crate::gear::*;

on_both!(
    members_come_by_invitation_and_go,
    admins_see_and_end_the_sessions_of_members,
    roles_are_made_of_what_one_holds,
    keys_are_shown_once_and_rotated,
    personal_tokens_stay_within_their_scopes,
    organisations_change_by_revision,
    names_change_and_invitations_are_taken_back,
    the_audit_is_listed_exported_and_verified,
    the_newest_records_come_first_and_words_find_old_ones,
    alerts_are_acknowledged,
);

mod scenes {
    use super::*;
    use crate::stage::Stage;

    pub async fn members_come_by_invitation_and_go(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let members = format!("/v1/organisations/{organisation}/members");
        let eve = house.member(&owner, &organisation, "eve@example.org", "viewer", None).await;
        let account = house.get(&eve, "/v1/account").await.good().text("/id");
        let listed = house.get(&owner, &members).await.good().json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        assert_eq!(house.get(&eve, &members).await.code(), "permission_missing");
        let of_eve = format!("{members}/{account}");
        let admin = json!({"role": "admin"});
        assert_eq!(house.ask(&owner, "PUT", &of_eve, &[], admin).await.status, 204);
        house.get(&eve, &members).await.good();
        let own = house.get(&owner, "/v1/account").await.text("/id");
        let unseated = house.ask(&eve, "PUT", &format!("{members}/{own}"), &[], json!({"role": "viewer"})).await;
        assert_eq!(unseated.code(), "permission_missing", "an admin does not unseat an owner");
        let last = house.delete(&owner, &format!("/v1/organisations/{organisation}/membership")).await;
        assert_eq!(last.code(), "conflict", "an organisation keeps an owner");
        assert_eq!(house.delete(&owner, &of_eve).await.status, 204);
        assert_eq!(house.get(&eve, &members).await.code(), "not_found", "as if there were no such organisation");
        // An account that is there joins, and is not signed in by the link.
        let body = json!({"email": "eve@example.org", "role": "viewer", "project": PROJECT});
        house.post(&owner, &format!("/v1/organisations/{organisation}/invitations"), body).await.good();
        let secret = house.last_secret("eve@example.org").await;
        let joined = house.post("", "/v1/invitations/acceptance", json!({"secret": secret})).await.good();
        assert_eq!((joined.text("/status"), joined.cookies().len()), ("joined".into(), 0));
        house.get(&eve, &format!("/v1/projects/{PROJECT}")).await.good();
    }

    pub async fn admins_see_and_end_the_sessions_of_members(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let of = |account: &str| format!("/v1/organisations/{organisation}/members/{account}/sessions");
        let own = house.get(&owner, "/v1/account").await.good().text("/id");
        let admin = house.member(&owner, &organisation, "adam@example.org", "admin", None).await;
        let first = house.member(&owner, &organisation, "eve@example.org", "viewer", Some(PROJECT)).await;
        let eve = house.get(&first, "/v1/account").await.good().text("/id");
        stage.pass(1_000);
        let second = house.sign_in("eve@example.org").await;
        let listed = house.get(&admin, &of(&eve)).await.good().json();
        let items = listed["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["is_current"]), (2, &json!(false)));
        assert_eq!(items[0]["address"], "198.51.100.7");

        // Nobody below an admin, no admin over an owner, nobody over strangers, no session of somebody else.
        assert_eq!(house.get(&second, &of(&eve)).await.code(), "not_found", "a viewer of one project");
        let analyst = house.member(&owner, &organisation, "anna@example.org", "analyst", None).await;
        assert_eq!(house.get(&analyst, &of(&eve)).await.code(), "permission_missing");
        for refused in [house.get(&admin, &of(&own)).await, house.delete(&admin, &of(&own)).await] {
            assert_eq!(refused.code(), "permission_missing", "an admin does not sign out an owner");
        }
        let stranger = house.sign_up("stranger@example.org").await.text("/access_token");
        let strange = house.get(&stranger, "/v1/account").await.good().text("/id");
        assert_eq!(house.get(&owner, &of(&strange)).await.code(), "not_found");
        let owns = house.get(&owner, "/v1/account/sessions").await.good().text("/items/0/id");
        assert_eq!(house.delete(&admin, &format!("{}/{owns}", of(&eve))).await.code(), "not_found");
        house.get(&owner, "/v1/account").await.good();

        // One, then all; each at once.
        let newest = items[0]["id"].as_str().unwrap();
        assert_eq!(house.delete(&admin, &format!("{}/{newest}", of(&eve))).await.status, 204);
        assert_eq!(house.get(&second, "/v1/account").await.code(), "token_refused");
        house.get(&first, "/v1/account").await.good();
        assert_eq!(house.delete(&admin, &of(&eve)).await.good().json()["ended"], 1);
        assert_eq!(house.get(&first, "/v1/account").await.code(), "token_refused");
        assert_eq!(house.get(&admin, &of(&eve)).await.good().json()["items"], json!([]));
        let audit = house.get(&owner, &format!("/v1/organisations/{organisation}/audit?limit=200")).await.good().json();
        for (action, object) in [("member.end_session", newest), ("member.end_sessions", eve.as_str())] {
            let is_it = |one: &Value| one["action"] == action && one["object"] == object && one["outcome"] == "done";
            assert!(audit["items"].as_array().unwrap().iter().any(is_it), "{action} on {object}: {audit}");
        }

        // Whoever belongs elsewhere as well is left to those who govern there too.
        let third = house.sign_in("eve@example.org").await;
        let elsewhere = house.post(&third, "/v1/organisations", json!({"name": "Other"})).await.good().text("/id");
        for refused in [house.get(&owner, &of(&eve)).await, house.delete(&owner, &of(&eve)).await] {
            assert_eq!(refused.code(), "conflict");
        }
        house.get(&third, &format!("/v1/organisations/{elsewhere}")).await.good();
        // One's own are ended but for the one that asks.
        house.sign_in(OWNER).await;
        assert_eq!(house.delete(&owner, &of(&own)).await.good().json()["ended"], 1);
        house.get(&owner, "/v1/account").await.good();
    }

    pub async fn names_change_and_invitations_are_taken_back(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let viewer = house.member(&owner, &organisation, "eve@example.org", "viewer", None).await;
        assert_eq!(house.ask(&viewer, "PUT", "/v1/account/name", &[], json!({"name": " Eva "})).await.status, 204);
        assert_eq!(house.get(&viewer, "/v1/account").await.good().text("/name"), "Eva");
        let two_lines = house.ask(&viewer, "PUT", "/v1/account/name", &[], json!({"name": "a\nb"})).await;
        assert_eq!(two_lines.code(), "body_invalid");
        assert_eq!(
            house.ask("", "PUT", "/v1/account/name", &[], json!({"name": "x"})).await.code(),
            "credentials_missing"
        );

        let project = format!("/v1/projects/{PROJECT}");
        let tag = house.get(&owner, &project).await.good().header("etag").to_owned();
        let rename = |who: String, tag: String| {
            let (house, project) = (&house, project.clone());
            async move { house.ask(&who, "PATCH", &project, &[("if-match", &tag)], json!({"name": "Our shop"})).await }
        };
        assert_eq!(rename(viewer.clone(), tag.clone()).await.code(), "permission_missing");
        assert_eq!(rename(owner.clone(), tag.clone()).await.good().text("/name"), "Our shop");
        assert_eq!(rename(owner.clone(), tag).await.code(), "revision_stale");

        let invitations = format!("/v1/organisations/{organisation}/invitations");
        for email in ["ada@example.org", "bob@example.org"] {
            house
                .post(&owner, &invitations, json!({"email": email, "role": "viewer", "project": PROJECT}))
                .await
                .good();
        }
        assert_eq!(house.get(&viewer, &invitations).await.code(), "permission_missing");
        let open = house.get(&owner, &invitations).await.good().json()["items"].as_array().unwrap().clone();
        let mut emails: Vec<_> = open.iter().map(|one| one["email"].as_str().unwrap()).collect();
        emails.sort_unstable();
        assert_eq!(emails, ["ada@example.org", "bob@example.org"]);
        let of_ada = open.iter().find(|one| one["email"] == "ada@example.org").unwrap();
        assert_eq!((of_ada["role"].clone(), of_ada["project_id"].clone()), (json!("viewer"), json!(PROJECT)));
        let secret = house.last_secret("ada@example.org").await;
        assert!(!open.iter().any(|one| one.to_string().contains(&secret)));
        let path = format!("{invitations}/{}", of_ada["id"].as_str().unwrap());
        assert_eq!(house.delete(&viewer, &path).await.code(), "permission_missing");
        assert_eq!(house.delete(&owner, &path).await.status, 204);
        assert_eq!(house.delete(&owner, &path).await.code(), "not_found");
        let body = json!({"secret": secret, "name": "Ada", "password": "mein Rad hat drei Raeder"});
        assert_eq!(house.post("", "/v1/invitations/acceptance", body).await.code(), "link_refused");
        assert_eq!(house.get(&owner, &invitations).await.good().json()["items"].as_array().unwrap().len(), 1);
        let audit = house.get(&owner, &format!("/v1/organisations/{organisation}/audit?limit=200")).await.good().text;
        for action in ["project.rename", "invitation.withdraw"] {
            assert!(audit.contains(action), "{action}");
        }
    }

    pub async fn roles_are_made_of_what_one_holds(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let roles = format!("/v1/organisations/{organisation}/roles");
        let rows = json!({"all": [{"is": {"value": {"column": "country"}, "one_of": ["DE"]}}, "everything"]});
        let draft = |permissions: Value| json!({"name": "Berlin", "permissions": permissions, "rows": rows, "masks": ["email"]});
        let wanted = draft(json!(["sql.run", "organisation.read"]));
        let made = house.post(&owner, &roles, wanted.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = made.header("location").to_owned();
        let role = house.get(&owner, &path).await.good();
        assert_eq!((role.json()["rows"].clone(), role.json()["masks"].clone()), (rows.clone(), json!(["email"])));
        assert_eq!(house.post(&owner, &roles, wanted.clone()).await.code(), "conflict");
        let never = house.post(&owner, &roles, draft(json!(["installation.manage"]))).await;
        assert_eq!(never.code(), "invalid");
        let unknown = house.post(&owner, &roles, draft(json!(["sql.everything"]))).await;
        assert_eq!((unknown.status.as_u16(), unknown.code()), (400, "body_invalid".into()));
        let column = json!({"name": "x", "permissions": [], "rows": {"is": {"value": {"column": "x; --"}, "one_of": []}}, "masks": []});
        assert_eq!(house.post(&owner, &roles, column).await.text("/errors/0/pointer"), "/rows/is/value/column");
        assert_eq!(house.ask(&owner, "PUT", &path, &[], wanted.clone()).await.code(), "revision_required");
        let stale = house.ask(&owner, "PUT", &path, &[("if-match", "\"r77\"")], wanted.clone()).await;
        assert_eq!(stale.code(), "revision_stale");
        let replaced = house.ask(&owner, "PUT", &path, &[("if-match", role.header("etag"))], wanted).await.good();
        assert_ne!(replaced.header("etag"), role.header("etag"));
        let admin = house.member(&owner, &organisation, "adam@example.org", "admin", None).await;
        let more = json!({"name": "more", "permissions": ["organisation.delete"], "rows": "everything", "masks": []});
        assert_eq!(house.post(&admin, &roles, more).await.code(), "permission_missing", "nobody gives what they lack");
        let id = replaced.text("/id");
        let berlin = house.member(&owner, &organisation, "bea@example.org", &id, None).await;
        house.get(&berlin, &format!("/v1/organisations/{organisation}")).await.good();
        let held = house.ask(&owner, "DELETE", &path, &[("if-match", "*")], Value::Null).await;
        assert_eq!(held.code(), "conflict", "somebody holds it");
        let built_in = house.ask(&owner, "DELETE", &format!("{roles}/owner"), &[("if-match", "*")], Value::Null).await;
        assert_eq!(built_in.code(), "not_found");
        assert_eq!(house.get(&owner, &roles).await.json()["items"].as_array().unwrap().len(), 7);
    }

    pub async fn keys_are_shown_once_and_rotated(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let keys = format!("/v1/projects/{PROJECT}/keys");
        let made = house.post(&owner, &keys, json!({"kind": "write", "name": "web"})).await.good();
        let (id, text) = (made.text("/id"), made.text("/key"));
        assert!(text.starts_with("ffw_") && made.header("cache-control") == "no-store");
        let listed = house.get(&owner, &keys).await.good();
        assert!(!listed.text.contains(&text) && listed.text.contains(&id));
        assert_eq!(house.get(&text, &keys).await.code(), "permission_missing");
        let rotated = house.post(&owner, &format!("{keys}/{id}/rotation"), json!({"overlap_seconds": 60})).await.good();
        let ring = house.access.keys();
        let in_force = |key: &str| ring.project(key, footfall_api_access::KeyKind::Write).is_some();
        assert!(in_force(&text) && in_force(&rotated.text("/key")));
        stage.pass(61_000);
        assert!(!in_force(&text) && in_force(&rotated.text("/key")));
        let successor = rotated.text("/id");
        assert_eq!(house.delete(&owner, &format!("{keys}/{successor}")).await.status, 204);
        assert!(!in_force(&rotated.text("/key")), "at once");
        let of_organisation = format!("/v1/organisations/{organisation}/keys");
        let body = json!({"name": "reader", "scopes": ["members.read", "organisation.read"]});
        let service = house.post(&owner, &of_organisation, body).await.good().text("/key");
        house.get(&service, &format!("/v1/organisations/{organisation}/members")).await.good();
        assert_eq!(house.get(&service, &of_organisation).await.code(), "permission_missing");
        assert_eq!(house.get(&service, "/v1/account").await.code(), "scope_missing");
        let foreign =
            format!("/v1/projects/{PROJECT}/keys/{}", house.get(&owner, &of_organisation).await.text("/items/0/id"));
        assert_eq!(house.delete(&owner, &foreign).await.code(), "not_found", "it is no key of this project");
    }

    pub async fn personal_tokens_stay_within_their_scopes(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let dangerous = json!({"name": "x", "scopes": ["keys.write"]});
        assert_eq!(house.post(&owner, "/v1/account/tokens", dangerous).await.code(), "body_invalid");
        let made =
            house.post(&owner, "/v1/account/tokens", json!({"name": "x", "scopes": ["members.read"]})).await.good();
        let (id, token) = (made.text("/id"), made.text("/key"));
        house.get(&token, &format!("/v1/organisations/{organisation}/members")).await.good();
        assert_eq!(house.get(&token, &format!("/v1/organisations/{organisation}")).await.code(), "scope_missing");
        for path in ["/v1/account", "/v1/account/tokens", "/v1/account/sessions"] {
            assert_eq!(house.get(&token, path).await.code(), "scope_missing", "{path}");
        }
        let eve = house.sign_up("eve@example.org").await.text("/access_token");
        assert_eq!(house.delete(&eve, &format!("/v1/account/tokens/{id}")).await.code(), "not_found");
        assert_eq!(house.delete(&owner, &format!("/v1/account/tokens/{id}")).await.status, 204);
        assert_eq!(house.get(&token, "/v1/organisations").await.code(), "token_refused");
    }

    pub async fn organisations_change_by_revision(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let path = format!("/v1/organisations/{organisation}");
        let read = house.get(&owner, &path).await.good();
        let patch = |tag: String, body: Value| {
            let (house, owner, path) = (&house, owner.clone(), path.clone());
            async move { house.ask(&owner, "PATCH", &path, &[("if-match", &tag)], body).await }
        };
        let changed = patch(read.header("etag").into(), json!({"name": "Other"})).await.good();
        assert_eq!(changed.text("/name"), "Other");
        let stale = patch(read.header("etag").into(), json!({"name": "Third"})).await;
        assert_eq!(stale.code(), "revision_stale");
        patch("*".into(), json!({"factor_required": true})).await.good();
        assert_eq!(house.get(&owner, &path).await.code(), "factor_required");
        let (secret, _) = house.enrol(&owner).await;
        stage.pass(60_000);
        let token = house.post(&owner, "/v1/account/step-up", json!({"totp": house.code(&secret)})).await.good();
        let token = token.text("/access_token");
        house.get(&token, &path).await.good();
        let key = [("idempotency-key", "one")];
        let projects = format!("{path}/projects");
        let body = json!({"id": "second", "name": "Second"});
        let made = house.ask(&token, "POST", &projects, &key, body.clone()).await.good();
        let again = house.ask(&token, "POST", &projects, &key, body.clone()).await.good();
        assert_eq!((made.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
        assert_eq!(house.post(&token, &projects, body).await.code(), "conflict");
        assert_eq!(house.get(&token, "/v1/projects/second").await.good().text("/organisation_id"), organisation);
        let own = house.post(&token, "/v1/organisations", json!({"name": "Mine"})).await;
        assert_eq!(own.status, 201, "sign-up is open");
    }

    pub async fn the_audit_is_listed_exported_and_verified(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let audit = format!("/v1/organisations/{organisation}/audit");
        let keys = format!("/v1/projects/{PROJECT}/keys");
        let named = [("x-request-id", "look-for-me"), ("user-agent", "Browser/1")];
        house.ask(&owner, "POST", &keys, &named, json!({"kind": "read", "name": "r"})).await.good();
        let listed = house.get(&owner, &audit).await.good();
        let record =
            listed.json()["items"].as_array().unwrap().iter().find(|item| item["action"] == "key.create").cloned();
        let record = record.expect("it is recorded");
        let told = (&record["request_id"], &record["device"], &record["address"], &record["project_id"]);
        assert_eq!(told, (&json!("look-for-me"), &json!("Browser/1"), &json!("198.51.100.7"), &json!(PROJECT)));
        let checked = house.get(&owner, &format!("{audit}/verification")).await.good().json();
        assert_eq!((&checked["is_intact"], &checked["faults"]), (&json!(true), &json!([])));
        let exported = house.get(&owner, &format!("{audit}/export")).await.good();
        assert_eq!(exported.header("content-type"), "application/x-ndjson");
        let lines: Vec<Value> = exported.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.contains(&record) && lines.last().unwrap()["action"] == "audit.export");
        let first = house.get(&owner, &format!("{audit}?limit=1")).await.good();
        let next = house.get(&owner, &format!("{audit}?limit=1&cursor={}", first.text("/next_cursor"))).await.good();
        assert!(next.json()["items"][0]["sequence"].as_i64() > first.json()["items"][0]["sequence"].as_i64());
    }

    pub async fn the_newest_records_come_first_and_words_find_old_ones(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let audit = format!("/v1/organisations/{organisation}/audit");
        // More than a page of a browser ever held: one name in front of them, one behind.
        for at in 0..2_100 {
            let name = match at {
                0 => "the_old%one",
                2_099 => "the newest one",
                _ => "one of many",
            };
            let act = Act::new(Actor::System, "schedule.send", &Origin::default()).within(&*organisation, PROJECT);
            house.access.record_alone(act.on("schedule", name)).await.expect("recorded");
        }
        let newest = house.get(&owner, &format!("{audit}?order=newest&limit=2")).await.good();
        assert_eq!(newest.text("/items/0/object"), "the newest one");
        let sequence = |answer: &Answer| answer.json()["items"][0]["sequence"].as_i64();
        let cursor = newest.text("/next_cursor");
        let next = house.get(&owner, &format!("{audit}?order=newest&limit=2&cursor={cursor}")).await.good();
        assert_eq!(sequence(&next), sequence(&newest).map(|sequence| sequence - 2));
        let found = house.get(&owner, &format!("{audit}?order=newest&words=SCHEDULE%20old%25")).await.good().json();
        let objects: Vec<&Value> = found["items"].as_array().unwrap().iter().map(|item| &item["object"]).collect();
        assert_eq!(objects, [&json!("the_old%one")], "as it stands, and not as a pattern");
        let none = house.get(&owner, &format!("{audit}?words=the-old")).await.good().json();
        assert_eq!(none["items"], json!([]));
        let other = house.get(&owner, &format!("{audit}?limit=2&cursor={cursor}")).await;
        assert_eq!(other.code(), "cursor_invalid", "a cursor is of one order");
        let oldest = house.get(&owner, &format!("{audit}?limit=1")).await.good();
        assert!(sequence(&oldest) < sequence(&next));
    }

    pub async fn alerts_are_acknowledged(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        house.member(&owner, &organisation, "adam@example.org", "admin", None).await;
        assert!(house.access.watch().await.expect("watched") > 0, "somebody became an admin");
        let alerts = format!("/v1/organisations/{organisation}/alerts");
        let listed = house.get(&owner, &alerts).await.good();
        assert_eq!(listed.text("/items/0/kind"), "privilege_change");
        let seen = format!("{alerts}/{}/acknowledgement", listed.text("/items/0/id"));
        assert_eq!(house.post(&owner, &seen, Value::Null).await.status, 204);
        assert_eq!(house.post(&owner, &seen, Value::Null).await.code(), "not_found");
        assert!(house.get(&owner, &alerts).await.json()["items"][0]["acknowledged_at"].is_string());
    }
}
