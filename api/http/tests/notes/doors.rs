//! Cookies and CSRF, CORS, limits and security headers through the whole stack.

use std::time::Duration;

use footfall_api_http::limit::{Quota, Quotas};
use footfall_api_http::{AllowedOrigins, Cors, Pace, Proxies, Settings};
use footfall_ingest_activity::Clock;
use serde_json::Value;

use crate::gear::{desk, desk_with, note, settings};

#[tokio::test]
async fn a_browser_signs_in_by_cookie_and_changes_from_our_pages_alone() {
    let desk = desk();
    let cookie = ("cookie", "footfall_session=ada");
    assert_eq!(desk.ask("", "GET", "/v1/notes", &[cookie], Value::Null).await.status, 200);
    let post = async |headers: &[(&str, &str)]| desk.ask("", "POST", "/v1/notes", headers, note("a")).await;
    assert_eq!(post(&[cookie, ("sec-fetch-site", "same-origin")]).await.status, 201);
    assert_eq!(
        post(&[cookie, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]).await.code(),
        "csrf_refused"
    );
    assert_eq!(post(&[cookie]).await.code(), "csrf_refused");
}

#[tokio::test]
async fn quotas_are_told_and_kept() {
    let quota = |requests| Some(Quota::new(requests, Duration::from_secs(10)));
    let quotas = Quotas { address: quota(100), account: quota(10), key: None };
    let desk = desk_with(Settings { quotas, ..settings() });
    let first = desk.get("ada", "/v1/notes").await;
    assert_eq!(first.header("ratelimit-policy"), "\"address\";q=100;w=10, \"account\";q=10;w=10");
    assert_eq!(first.header("ratelimit"), "\"address\";r=99;t=1, \"account\";r=9;t=1");
    assert_eq!(desk.ask("ada", "POST", "/v1/notes", &[], note("a")).await.status, 201, "costs five");
    let refused = desk.ask("ada", "POST", "/v1/notes", &[], note("a")).await;
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("rate_limited", "1"));
    assert_eq!(desk.get("bob", "/v1/notes").await.status, 200, "others are not touched");
    desk.clock.set(desk.clock.now().plus_millis(1000));
    assert_eq!(desk.ask("ada", "POST", "/v1/notes", &[], note("a")).await.status, 201);
}

#[tokio::test]
async fn strangers_and_searchers_pay_by_address() {
    let quotas = Quotas { address: Some(Quota::new(3, Duration::from_secs(3))), account: None, key: None };
    let desk = desk_with(Settings { quotas, ..settings() });
    let codes =
        [desk.get("mallory", "/v1/notes").await, desk.get("", "/nothing").await, desk.get("", "/v1/notes").await];
    assert_eq!(codes.map(|answer| answer.status.as_u16()), [401, 404, 401]);
    assert_eq!(desk.get("ada", "/v1/notes").await.status, 429);
    assert_eq!(desk.get("", "/nothing").await.status, 429);
}

#[tokio::test]
async fn allowed_pages_get_in_and_others_do_not() {
    let cors = Cors {
        origins: AllowedOrigins::These(vec!["https://app.example".into()]),
        credentials: true,
        ..Cors::default()
    };
    let desk = desk_with(Settings { cors, ..settings() });
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "PATCH")];
        desk.ask("", "OPTIONS", "/v1/notes", &headers, Value::Null).await
    };
    let allowed = preflight("https://app.example").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    assert!(allowed.header("access-control-allow-headers").contains("if-match"));
    let refused = preflight("https://evil.example").await;
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (405, ""));
    let read = desk.ask("ada", "GET", "/v1/notes", &[("origin", "https://app.example")], Value::Null).await;
    assert_eq!((read.header("access-control-allow-credentials"), read.header("vary")), ("true", "origin"));
    assert!(read.header("access-control-expose-headers").contains("etag"));
}

#[tokio::test]
async fn browsers_are_told_what_not_to_do() {
    let trusted = vec!["198.51.100.7".parse().unwrap()];
    let desk = desk_with(Settings { proxies: Proxies { trusted, ..Proxies::default() }, ..settings() });
    let plain = desk.get("ada", "/v1/notes").await;
    assert_eq!(plain.header("x-content-type-options"), "nosniff");
    assert!(plain.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(plain.header("strict-transport-security"), "");
    let headers = [("x-forwarded-proto", "https"), ("x-forwarded-for", "203.0.113.9")];
    let secure = desk.ask("ada", "GET", "/v1/notes", &headers, Value::Null).await;
    assert_eq!(secure.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
}

#[tokio::test]
async fn request_ids_are_taken_over_or_made() {
    let desk = desk();
    let id = async |given: &str| {
        let answer = desk.ask("", "GET", "/v1/notes", &[("x-request-id", given)], Value::Null).await;
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(id("abc-123").await, "abc-123");
    assert_ne!(id("abc 123").await, "abc 123");
}

#[tokio::test]
async fn a_body_that_never_ends_and_an_answer_that_never_comes_are_given_up() {
    let pace = Pace { grace: Duration::from_millis(20), ..Pace::default() };
    let desk = desk_with(Settings { pace, ..settings() });
    let stalled = axum::body::Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
    let request = http::Request::builder()
        .method("POST")
        .uri("/v1/notes")
        .header("authorization", "Bearer ada")
        .header("content-type", "application/json");
    let slow = desk.send(request.body(stalled).unwrap()).await;
    assert_eq!((slow.status.as_u16(), slow.code().as_str()), (408, "body_slow"));

    let desk = desk_with(Settings { time_max: Duration::from_millis(20), ..settings() });
    let stalled = axum::body::Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
    let request = http::Request::builder().method("POST").uri("/v1/notes").header("authorization", "Bearer ada");
    let slow = desk.send(request.header("content-type", "application/json").body(stalled).unwrap()).await;
    assert_eq!((slow.status.as_u16(), slow.code().as_str(), slow.header("retry-after")), (503, "time_limit", "5"));
}

#[tokio::test]
async fn text_of_others_does_not_get_into_headers() {
    let desk = desk();
    for title in ["a\r\nset-cookie: x=y", "\u{2028}", "<>; rel=\"next\""] {
        desk.ask("ada", "POST", "/v1/notes", &[], note(title)).await;
        desk.ask("ada", "POST", "/v1/notes", &[], note(title)).await;
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("title", title).finish();
        let page = desk.get("ada", &format!("/v1/notes?limit=1&{query}")).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("set-cookie"), "");
        let link = page.header("link");
        assert_eq!(
            (link.matches('<').count(), link.matches("rel=").count(), link.matches('"').count()),
            (1, 1, 2),
            "{link}"
        );
    }
}
