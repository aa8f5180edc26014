//! The table of routes walked: who may call, what wrong calls are answered, the page's headers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod server;

use axum::body::Body;
use footfall_api_server::{Access, ROUTES};
use http::{Method, Request, StatusCode, header};
use server::{OPERATOR, PANIC_KEY, READ_KEY, Server};

fn path_of(pattern: &str) -> String {
    pattern.replace("{name}", "app.js").replace("{id}", "run-1")
}

#[tokio::test]
async fn every_route_lets_in_those_of_its_row_and_nobody_else() {
    let server = Server::start();
    for route in ROUTES {
        for (token, holder) in
            [(None, Access::Public), (Some(READ_KEY), Access::ReadKey), (Some(OPERATOR), Access::Operator)]
        {
            let answer = server.call(route.method.clone(), &path_of(route.path), token, "{}").await;
            let may = match route.access {
                Access::Public | Access::Metrics => true,
                needed => needed == holder,
            };
            assert_eq!(answer.status != StatusCode::UNAUTHORIZED, may, "{} {} as {holder:?}", route.method, route.path);
            assert_ne!(answer.status, StatusCode::NOT_FOUND, "{}", route.path);
            if !may {
                assert_eq!(answer.header("www-authenticate").split(' ').next(), Some("Bearer"));
                assert_eq!(answer.header("content-type"), "application/problem+json");
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_public_that_should_not_be() {
    let public: Vec<&str> = ROUTES.iter().filter(|r| r.access == Access::Public).map(|r| r.path).collect();
    assert_eq!(public, ["/", "/assets/{name}", "/healthz", "/readyz"]);
    let operator = |route: &footfall_api_server::Route| route.path.starts_with("/v1/operator/");
    assert!(ROUTES.iter().all(|route| operator(route) == (route.access == Access::Operator)));
}

#[tokio::test]
async fn keys_of_the_wrong_kind_are_told_apart() {
    let server = Server::start();
    let codes = [
        (None, "key_missing"),
        (Some("ffw_x"), "key_kind"),
        (Some("ffr_wrong"), "key_refused"),
        (Some(OPERATOR), "key_refused"),
    ];
    for (token, code) in codes {
        let answer = server.call(Method::GET, "/v1/tables", token, "").await;
        assert_eq!(answer.json()["code"], code);
        assert!(answer.json()["detail"].as_str().unwrap().contains("footfall keys create --kind read"));
    }
    let answer = server.call(Method::POST, "/v1/operator/flush", Some("operator-token-of-a-tesT"), "").await;
    assert_eq!(answer.json()["code"], "operator_token_refused");
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let server = Server::start();
    let unknown = server.call(Method::GET, "/v1/nothing", None, "").await;
    insta::assert_json_snapshot!(unknown.json(), @r#"
    {
      "code": "route_unknown",
      "detail": "Nothing is at GET /v1/nothing.",
      "status": 404,
      "title": "Not Found",
      "type": "about:blank"
    }
    "#);
    let wrong = server.call(Method::DELETE, "/v1/sql", None, "").await;
    assert_eq!(
        (wrong.status, wrong.json()["code"].as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, Some("method_not_allowed"))
    );
    assert_eq!(wrong.header("allow"), "POST");
}

#[tokio::test]
async fn a_request_keeps_a_sane_id_and_gets_one_otherwise() {
    let server = Server::start();
    for (sent, kept) in [("from-a-proxy.7", true), ("line break?", false), ("", false)] {
        let request = Request::get("/healthz").header("x-request-id", sent).body(Body::empty()).unwrap();
        let id = server.send(request).await.header("x-request-id").to_owned();
        assert_eq!(id == sent, kept, "{sent:?} became {id:?}");
        assert!(kept || uuid::Uuid::parse_str(&id).unwrap().get_version_num() == 7);
    }
}

#[tokio::test]
async fn readiness_tells_why_not() {
    let server = Server::start();
    assert_eq!(server.call(Method::GET, "/readyz", None, "").await.status, StatusCode::OK);
    server.set_ready(false);
    let answer = server.call(Method::GET, "/readyz", None, "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "checks": [
        {
          "detail": "replaying",
          "name": "jobs",
          "ok": false
        }
      ],
      "ready": false
    }
    "#);
    assert_eq!(server.call(Method::GET, "/healthz", None, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_can_be_the_operators_alone() {
    let open = Server::start();
    assert_eq!(open.call(Method::GET, "/metrics", None, "").await.status, StatusCode::OK);
    let closed = Server::with_private_metrics();
    assert_eq!(closed.call(Method::GET, "/metrics", None, "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(closed.call(Method::GET, "/metrics", Some(OPERATOR), "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_page_runs_nothing_but_its_own_files() {
    let server = Server::start();
    let page = server.call(Method::GET, "/", None, "").await;
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let html = page.text();
    assert!(!html.contains("<script>") && !html.contains("style=") && !html.contains("onclick"), "inline code");
    assert!(!html.contains("http://") && !html.contains("https://"), "a file from elsewhere");
}

#[tokio::test]
async fn files_named_by_version_are_kept_for_ever_and_others_asked_for() {
    let server = Server::start();
    let html = server.call(Method::GET, "/", None, "").await.text();
    let from = html.find("/assets/app.js?v=").unwrap();
    let path = html[from..].split('"').next().unwrap();
    let kept = server.call(Method::GET, path, None, "").await;
    assert!(kept.header("cache-control").contains("immutable"));
    assert!(kept.text().contains(path.rsplit_once('?').unwrap().1), "imports carry the version");
    let asked = server.call(Method::GET, "/assets/app.js", None, "").await;
    assert_eq!(asked.header("cache-control"), "no-cache");
    let tag = asked.header("etag").to_owned();
    let again = Request::get("/assets/app.js").header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
    assert_eq!(server.send(again).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(server.call(Method::GET, "/assets/other.js", None, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_operator_asks_for_an_account_and_upkeep() {
    let server = Server::start();
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
    let server = Server::start();
    let answer = server.call(Method::GET, "/v1/tables", Some(PANIC_KEY), "").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (StatusCode::INTERNAL_SERVER_ERROR, Some("internal")));
    assert!(!answer.text().contains("nobody may see"));
    assert!(!answer.header("x-request-id").is_empty());
}
