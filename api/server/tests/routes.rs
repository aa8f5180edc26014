//! The routes of this crate walked: who may call, and what wrong calls are answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use footfall_api_access::Permission;
use http::{Method, StatusCode};
use server::{OPERATOR, PROJECT, Server};

/// Routes of this crate: the others have a matrix of their own.
const TAGS: &[&str] = &["sql", "tables", "live", "health", "metrics", "operator"];

fn path_of(pattern: &str) -> String {
    pattern.replace("{project}", PROJECT).replace("{import}", "run-1")
}

/// What a route needs, as this test knows it; the table of routes is compared with it.
fn may(path: &str, holder: &str) -> bool {
    match path {
        "/healthz" | "/readyz" | "/metrics" => true,
        "/v1/tables" => holder != "nobody",
        path if path.starts_with("/v1/operator/") => holder == "operator",
        // Without a project in the path, a key has to stand for one.
        "/v1/sql" | "/v1/live" => ["reader", "operator"].contains(&holder),
        path if path.contains(PROJECT) => ["reader", "owner", "robot", "operator"].contains(&holder),
        path => panic!("{path} is new: say here who may call it"),
    }
}

#[tokio::test]
async fn every_route_lets_in_those_that_it_is_for_and_nobody_else() {
    let server = Server::start().await;
    let robot = server.service_key(&[Permission::SqlRun, Permission::ActivityRead]).await;
    let blind = server.service_key(&[Permission::FlagsRead]).await;
    let holders = [
        ("nobody", None),
        ("reader", Some(server.read_key.as_str())),
        ("writer", Some(server.write_key.as_str())),
        ("owner", Some(server.owner.as_str())),
        ("robot", Some(robot.as_str())),
        ("blind robot", Some(blind.as_str())),
        ("operator", Some(OPERATOR)),
    ];
    let own = |operation: &str| TAGS.iter().any(|tag| operation.starts_with(tag));
    let routes: Vec<_> = server.routes.iter().filter(|route| own(&route.operation_id)).collect();
    assert_eq!(routes.len(), 12);
    for route in routes {
        assert!(route.permission.is_some() || route.reason.is_some(), "{}", route.path);
        for (holder, token) in holders {
            let path = path_of(route.path);
            let answer = server.call(route.method.clone(), &path, token, r#"{"sql": "SELECT 1"}"#).await;
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
