//! The routes of this crate walked: who may call, and what wrong calls are answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use footfall_api_access::Permission;
use http::{Method, StatusCode};
use server::{OPERATOR, PROJECT, Server};

/// Routes of this crate: the others have a matrix of their own.
const TAGS: &[&str] = &["sql", "names", "properties", "tables", "live", "health", "status", "metrics", "operator"];

fn path_of(pattern: &str) -> String {
    let path = pattern.replace("{project}", PROJECT).replace("{import}", "run-1");
    if path.ends_with("/names") { format!("{path}?of=activities") } else { path }
}

/// What a route needs, as this test knows it; the table of routes is compared with it.
fn may(path: &str, holder: &str) -> bool {
    match path {
        "/healthz" | "/readyz" | "/metrics" => true,
        "/v1/tables" | "/v1/status" => holder != "nobody",
        path if path.starts_with("/v1/operator/") => holder == "operator",
        // Without a project in the path, a key has to stand for one.
        "/v1/sql" | "/v1/live" => ["reader", "operator"].contains(&holder),
        // Asking by clicking is enough.
        path if path.contains("/names") || path.ends_with("/properties") => {
            ["reader", "owner", "clicker", "operator"].contains(&holder)
        }
        path if path.contains(PROJECT) => ["reader", "owner", "robot", "operator"].contains(&holder),
        path => panic!("{path} is new: say here who may call it"),
    }
}

#[tokio::test]
async fn every_route_lets_in_those_that_it_is_for_and_nobody_else() {
    let server = Server::start().await;
    let robot = server.service_key(&[Permission::SqlRun, Permission::ActivityRead]).await;
    let clicker = server.service_key(&[Permission::InsightsRead]).await;
    let blind = server.service_key(&[Permission::FlagsRead]).await;
    let holders = [
        ("nobody", None),
        ("reader", Some(server.read_key.as_str())),
        ("writer", Some(server.write_key.as_str())),
        ("owner", Some(server.owner.as_str())),
        ("robot", Some(robot.as_str())),
        ("clicker", Some(clicker.as_str())),
        ("blind robot", Some(blind.as_str())),
        ("operator", Some(OPERATOR)),
    ];
    let own = |operation: &str| TAGS.iter().any(|tag| operation.starts_with(tag));
    let routes: Vec<_> = server.routes.iter().filter(|route| own(&route.operation_id)).collect();
    assert_eq!(routes.len(), 17);
    for route in routes {
        assert!(route.permission.is_some() || route.reason.is_some(), "{}", route.path);
        for (holder, token) in holders {
            let path = path_of(route.path);
            let by_address = route.method == Method::GET && path.ends_with("/sql");
            let asked = if by_address { format!("{path}?sql=SELECT%201") } else { path.clone() };
            let answer = server.call(route.method.clone(), &asked, token, r#"{"sql": "SELECT 1"}"#).await;
            let is_let_in = answer.status.is_success() || answer.code() == "operation_busy";
            assert_eq!(is_let_in, may(&path, holder), "{} {path} as {holder}: {}", route.method, answer.status);
            if token.is_none() && !is_let_in {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
                assert_eq!(answer.header("www-authenticate").split(' ').next(), Some("Bearer"));
                assert_eq!(answer.header("content-type"), "application/problem+json");
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_project_is_not_there() {
    let server = Server::start().await;
    for token in [&server.read_key, &server.owner] {
        for path in ["/v1/projects/two/sql", "/v1/projects/two%2F..%2Fone/sql"] {
            let answer = server.call(Method::POST, path, Some(token), r#"{"sql": "SELECT 1"}"#).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        }
    }
}

#[tokio::test]
async fn whoever_has_many_projects_names_one() {
    let server = Server::start().await;
    let answer = server.call(Method::POST, "/v1/sql", Some(&server.owner), r#"{"sql": "SELECT 1"}"#).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "project_missing"));
}

#[tokio::test]
async fn values_are_of_something() {
    let server = Server::start().await;
    let ask = |query: &str| {
        let path = format!("/v1/projects/{PROJECT}/names?{query}");
        let server = &server;
        async move { server.call(Method::GET, &path, Some(&server.read_key), "").await }
    };
    assert_eq!(ask("of=values&name=plan").await.json(), serde_json::json!({"names": []}));
    assert_eq!(ask("of=group_keys&name=company").await.status, StatusCode::OK);
    for of in ["activities", "properties", "traits", "group_types"] {
        assert_eq!(ask(&format!("of={of}")).await.status, StatusCode::OK, "{of}");
    }
    let answer = ask("of=values").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "name_missing"));
    assert_eq!(ask("of=everything").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_that_is_almost_the_operators_is_nobodys() {
    let server = Server::start().await;
    let answer = server.call(Method::POST, "/v1/operator/flush", Some("operator-token-of-a-tesT"), "").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "token_refused"));
}

#[tokio::test]
async fn readiness_tells_why_not() {
    let server = Server::start().await;
    assert_eq!(server.call(Method::GET, "/readyz", None, "").await.status, StatusCode::OK);
    server.set_ready(false);
    let answer = server.call(Method::GET, "/readyz", None, "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((answer.code().as_str(), &answer.json()["ready"]), ("not_ready", &serde_json::json!(false)));
    assert_eq!(answer.json()["checks"], serde_json::json!([{"name": "jobs", "ok": false, "detail": "replaying"}]));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(server.call(Method::GET, "/healthz", None, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_is_signed_in_is_told_how_the_program_does() {
    let server = Server::start().await;
    let lag = serde_json::json!({"records_behind": 3, "seconds_behind": 1.5});
    let checks = serde_json::json!([{"name": "jobs", "ok": true}]);
    let answer = server.call(Method::GET, "/v1/status", Some(&server.read_key), "").await;
    assert_eq!(answer.json(), serde_json::json!({"ready": true, "checks": checks, "lag": lag}));
    server.set_ready(false);
    let answer = server.call(Method::GET, "/v1/status", Some(&server.read_key), "").await;
    assert_eq!(answer.status, StatusCode::OK, "a page shows it, no balancer");
    let checks = serde_json::json!([{"name": "jobs", "ok": false, "detail": "replaying"}]);
    assert_eq!(answer.json(), serde_json::json!({"ready": false, "checks": checks, "lag": lag}));
}

#[tokio::test]
async fn metrics_can_be_the_operators_alone() {
    let open = Server::start().await;
    assert_eq!(open.call(Method::GET, "/metrics", None, "").await.status, StatusCode::OK);
    let closed = Server::with(true, footfall_api_server::LiveSettings::default()).await;
    assert_eq!(closed.call(Method::GET, "/metrics", None, "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(closed.call(Method::GET, "/metrics", Some(OPERATOR), "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_operator_asks_for_an_account_and_upkeep() {
    let server = Server::start().await;
    let account = server.call(Method::GET, "/v1/operator/imports/run-1", Some(OPERATOR), "").await;
    insta::assert_json_snapshot!(account.json(), @r#"
    {
      "caught_up": true,
      "duplicate": 2,
      "erased": 3,
      "quarantined": 1,
      "stored": 7
    }
    "#);
    assert_eq!(
        server.call(Method::POST, "/v1/operator/flush", Some(OPERATOR), "").await.status,
        StatusCode::NO_CONTENT
    );
    let busy = server.call(Method::POST, "/v1/operator/compact", Some(OPERATOR), "").await;
    assert_eq!((busy.status, busy.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
}

#[tokio::test]
async fn a_panic_is_an_answer_that_says_nothing_of_the_inside() {
    let server = Server::start().await;
    let answer = server.call(Method::GET, "/v1/operator/imports/panic", Some(OPERATOR), "").await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
    assert!(!answer.text().contains("nobody may see"));
    assert!(!answer.header("x-request-id").is_empty());
}
