//! Cookie mode, and its defence against forged requests.

use serde_json::{Value, json};

use crate::gear::*;
use crate::stage::Stage;

const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");

async fn signed_in(house: &House<'_>) -> Answer {
    house.sign_up("ada@example.org").await;
    let body = json!({"email": "ada@example.org", "password": PASSWORD, "mode": "cookie"});
    house.ask("", "POST", "/v1/sign-in", &[OWN], body).await.good()
}

#[tokio::test]
async fn a_session_lives_in_cookies_that_no_script_reads() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let answer = signed_in(&house).await;
    let cookies = answer.cookies();
    assert_eq!(cookies.len(), 3, "session, refresh, device: {cookies:?}");
    for cookie in &cookies {
        assert!(cookie.starts_with("__Host-footfall_"), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure") && cookie.contains("; Path=/;"), "{cookie}");
        let value = cookie.split([';', '=']).nth(1).unwrap();
        assert!(!answer.text.contains(value), "no token in the body");
    }
    assert_eq!(answer.json()["session"]["access_token"], Value::Null);
    let jar = answer.jar();
    house.ask("", "GET", "/v1/account", &[("cookie", &jar), CROSS], Value::Null).await.good();
    stage.pass(11 * 60_000);
    let expired = house.ask("", "GET", "/v1/account", &[("cookie", &jar)], Value::Null).await;
    assert_eq!(expired.code(), "token_refused");
    let renewed = house.ask("", "POST", "/v1/refresh", &[("cookie", &jar), OWN], json!({})).await.good();
    let jar = renewed.jar();
    let stepped = json!({"password": PASSWORD});
    let stepped = house.ask("", "POST", "/v1/account/step-up", &[("cookie", &jar), OWN], stepped).await.good();
    assert!(stepped.json()["access_token"].is_null() && stepped.jar().starts_with("__Host-footfall_session="));
    let out = house.ask("", "POST", "/v1/sign-out", &[("cookie", &jar), OWN], Value::Null).await;
    assert_eq!((out.status.as_u16(), out.cookies().len()), (204, 2));
    assert!(out.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
    let again = house.ask("", "POST", "/v1/refresh", &[("cookie", &jar), OWN], json!({})).await;
    assert_eq!(again.code(), "token_refused");
}

#[tokio::test]
async fn pages_of_others_cannot_act_with_the_cookies() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let answer = signed_in(&house).await;
    let (jar, csrf) = (answer.jar(), answer.text("/session/csrf_token"));
    let evil = ("origin", "https://evil.example");
    let forged: [&[(&str, &str)]; 6] = [
        &[],
        &[CROSS],
        &[evil],
        &[evil, ("x-csrf-token", &csrf)],
        &[("sec-fetch-site", "same-site"), ("origin", "https://footfall.example"), ("x-csrf-token", &csrf)],
        &[("origin", "null"), ("x-csrf-token", &csrf)],
    ];
    for headers in forged {
        let headers = [&[("cookie", jar.as_str())], headers].concat();
        let refused = house.ask("", "POST", "/v1/sign-out", &headers, Value::Null).await;
        assert_eq!(refused.code(), "csrf_refused", "{headers:?}");
        let refused = house.ask("", "POST", "/v1/refresh", &headers, json!({})).await;
        assert_eq!(refused.code(), "csrf_refused", "{headers:?}");
        let body = json!({"email": "ada@example.org", "password": PASSWORD, "mode": "cookie"});
        let refused = house.ask("", "POST", "/v1/sign-in", &headers, body).await;
        assert_eq!((refused.code(), refused.cookies()), ("csrf_refused".into(), vec![]), "{headers:?}");
    }
    // A form cannot send JSON, so it cannot even ask.
    let form = [("cookie", jar.as_str()), OWN, ("content-type", "text/plain")];
    let refused = house.ask("", "POST", "/v1/refresh", &form, json!({})).await;
    assert_eq!(refused.code(), "media_type_unsupported");
    let refused = house.ask("", "POST", "/v1/sign-in", &form, json!({"email": "a@b.c", "password": "x"})).await;
    assert_eq!(refused.code(), "media_type_unsupported");
    house.ask("", "GET", "/v1/account", &[("cookie", &jar)], Value::Null).await.good();
    house.ask("", "POST", "/v1/refresh", &[("cookie", &jar), OWN], json!({})).await.good();
}

#[tokio::test]
async fn a_cookie_holds_sessions_alone() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let (owner, _) = house.owner().await;
    let body = json!({"name": "x", "scopes": ["members.read"]});
    let token = house.post(&owner, "/v1/account/tokens", body).await.good().text("/key");
    let cookie = format!("__Host-footfall_session={token}");
    let refused = house.ask("", "GET", "/v1/organisations", &[("cookie", &cookie)], Value::Null).await;
    assert_eq!(refused.code(), "token_refused");
}
