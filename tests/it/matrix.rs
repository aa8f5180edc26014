//! Every route of the running program that names a permission × every built-in role × the own place and a foreign one. Who should pass
//! is read from the document (`x-permission`) and from what the roles hold.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use crate::accounts::{PASSWORD, Person, mailed, owner, stranger, token_of};
use crate::server::Server;

const ROLES: [&str; 5] = ["admin", "analyst", "experimenter", "developer", "viewer"];

/// A route as the document has it.
struct Listed {
    method: Method,
    path: String,
    permission: String,
    is_stream: bool,
}

impl Listed {
    /// The route in an organisation and project; whatever else it names does not exist.
    fn within(&self, organisation: &str, project: &str) -> String {
        let segment = |segment: &str| match segment {
            "{organisation}" => organisation.to_owned(),
            "{project}" => project.to_owned(),
            other if other.starts_with('{') => "none".to_owned(),
            other => other.to_owned(),
        };
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// Only an organisation or a project is named, so that 404 would mean the place itself.
    fn names_places_alone(&self) -> bool {
        self.path
            .split('/')
            .all(|segment| !segment.starts_with('{') || ["{organisation}", "{project}"].contains(&segment))
    }
}

/// Routes with a permission in an organisation or a project.
async fn listed(server: &Server) -> Vec<Listed> {
    let document = server.get("/openapi.json").await.json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let Some(permission) = operation["x-permission"].as_str() else { continue };
            if path.contains("{organisation}") || path.contains("{project}") {
                found.push(Listed {
                    method: method.to_uppercase().parse().expect("a method"),
                    path: path.clone(),
                    permission: permission.to_owned(),
                    is_stream: operation.to_string().contains("text/event-stream"),
                });
            }
        }
    }
    found
}

/// A member of the organisation in each role.
async fn members<'a>(server: &'a Server, owner: &Person<'a>, organisation: &str) -> BTreeMap<&'static str, Person<'a>> {
    let mut members = BTreeMap::new();
    for role in ROLES {
        let address = format!("{role}@example.org");
        let invitation = json!({"email": address, "role": role});
        owner.post(&format!("/v1/organisations/{organisation}/invitations"), invitation).await;
        let secret = mailed(server, &address, "invitation").await;
        let accepted = json!({"secret": secret, "name": role, "password": PASSWORD});
        let accepted = stranger(server).post("/v1/invitations/acceptance", accepted).await;
        members.insert(role, Person { server, token: token_of(&accepted["session"]) });
    }
    members
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_document_says() {
    let server = Server::start_with(&[("FOOTFALL_ACCOUNTS_SIGN_UP_OPEN", "true")]).await;
    let owner = owner(&server).await;
    let own = owner.get("/v1/organisations").await["items"][0]["id"].as_str().expect("an id").to_owned();
    let foreign =
        owner.post("/v1/organisations", json!({"name": "Other"})).await["id"].as_str().expect("an id").to_owned();
    owner.post(&format!("/v1/organisations/{foreign}/projects"), json!({"id": "other", "name": "Other"})).await;
    let roles = owner.get(&format!("/v1/organisations/{own}/roles")).await;
    let holds = |role: &str, permission: &str| {
        let role = roles["items"].as_array().expect("roles").iter().find(|one| one["id"] == role).expect("the role");
        role["permissions"].as_array().expect("permissions").iter().any(|one| one == permission)
    };
    let (listed, members) = (listed(&server).await, members(&server, &owner, &own).await);
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (role, member) in &members {
        for route in &listed {
            let what = format!("{role}: {} {} ({})", route.method, route.path, route.permission);
            let answer = member.call(route.method.clone(), &route.within(&foreign, "other"), Value::Null).await;
            if answer.status != 404 {
                wrong.push(format!("{what}, foreign: {}", answer.text()));
            }
            let may = holds(role, &route.permission);
            if may && route.is_stream {
                continue;
            }
            let answer = member.call(route.method.clone(), &route.within(&own, "default"), Value::Null).await;
            let code = if answer.status < 400 { String::new() } else { answer.json()["code"].to_string() };
            let is_refused = answer.status == 403 && code == "\"permission_missing\"";
            let is_hidden = answer.status == 401 || (answer.status == 404 && route.names_places_alone());
            if is_refused == may || (may && is_hidden) {
                wrong.push(format!("{what}, may: {may}: {} {}", answer.status, answer.text()));
            }
            asked += 2;
        }
    }
    assert!(asked > 800, "the whole of it: {asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}
