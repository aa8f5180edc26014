//! What a stranger tries.

use std::collections::BTreeSet;
use std::time::Duration;

use footfall_api_http::SignInSettings;
use footfall_api_http::limit::Quota;
use serde_json::{Value, json};

use crate::gear::*;
use crate::stage::Stage;

on_both!(hostile_text_stays_text);

async fn stage() -> Stage {
    Stage::sqlite().await.expect("SQLite is built in")
}

/// Everything of an answer but the request's id and the moments in it.
fn face(answer: &Answer) -> (u16, String, Vec<String>) {
    let text = answer.text.replace(answer.header("x-request-id"), "");
    let names = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    (answer.status.as_u16(), text, names)
}

#[tokio::test]
async fn no_answer_tells_who_has_an_account() {
    let stage = stage().await;
    let house = house(&stage).await;
    house.sign_up("ada@example.org").await;
    type Body = fn(&str) -> Value;
    let asks: [(&str, Body); 3] = [
        ("/v1/sign-up", |email| json!({"email": email})),
        ("/v1/password/reset-request", |email| json!({"email": email})),
        ("/v1/sign-in", |email| json!({"email": email, "password": "something else entirely"})),
    ];
    for (path, body) in asks {
        // Beyond every budget too: the answers change alike.
        for round in 0..8 {
            let known = house.post("", path, body("ada@example.org")).await;
            let unknown = house.post("", path, body("nobody@example.org")).await;
            assert_eq!(face(&known), face(&unknown), "{path} at round {round}");
        }
    }
}

/// The shortest of many interleaved times: load on the machine only adds to a time, a hash that is left out shortens them all.
#[tokio::test]
async fn no_time_tells_who_has_an_account() {
    const ROUNDS: usize = 41;
    let stage = stage().await;
    let open = |requests| Quota::new(requests, Duration::from_secs(1));
    let sign_in = SignInSettings {
        account_in_network: open(1_000_000),
        network: open(1_000_000),
        account: open(1_000_000),
        ..SignInSettings::default()
    };
    let settings = footfall_api_app::AppSettings { sign_in, mails_to_address: open(1_000_000), ..settings() };
    // A hash of a few milliseconds: one that is left out shows.
    let house = house_at_cost(&stage, settings, 8 * 1024).await;
    house.sign_up("ada@example.org").await;
    type Body = fn(&str) -> Value;
    let asks: [(&str, Body); 2] = [
        ("/v1/sign-in", |email| json!({"email": email, "password": "something else entirely"})),
        ("/v1/password/reset-request", |email| json!({"email": email})),
    ];
    for (path, body) in asks {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..2 * ROUNDS {
            // Each is asked first as often: threads take turns, and each has memory of its own that is mapped or not.
            let first = (round + round / 2) % 2;
            for who in [first, 1 - first] {
                let began = std::time::Instant::now();
                house.post("", path, body(["ada@example.org", "nobody@example.org"][who])).await;
                times[who].push(began.elapsed());
            }
        }
        let [known, unknown] = times.map(|times| times.into_iter().min().expect("rounds").as_secs_f64());
        let ratio = known / unknown;
        assert!((0.5..2.0).contains(&ratio), "{path}: {known} s where there is an account, {unknown} s where not");
    }
}

#[tokio::test]
async fn strangers_are_slowed_and_owners_are_not() {
    let stage = stage().await;
    let quota = |requests| Quota::new(requests, Duration::from_secs(3600));
    let sign_in = SignInSettings {
        account_in_network: quota(100),
        network: quota(100),
        account: quota(3),
        ..SignInSettings::default()
    };
    let house = house_with(&stage, footfall_api_app::AppSettings { sign_in, ..settings() }).await;
    let known_device = house.sign_up("ada@example.org").await.jar();
    let wrong = |email: &str| json!({"email": email, "password": "something else entirely"});
    for _ in 0..3 {
        assert_eq!(house.post("", "/v1/sign-in", wrong("ada@example.org")).await.code(), "credentials_refused");
    }
    let right = json!({"email": "ada@example.org", "password": PASSWORD});
    let refused = house.post("", "/v1/sign-in", right.clone()).await;
    assert_eq!(refused.code(), "sign_in_by_link", "the right password of an unknown device is not looked at");
    for _ in 0..3 {
        house.post("", "/v1/sign-in", wrong("nobody@example.org")).await;
    }
    let unknown = house.post("", "/v1/sign-in", wrong("nobody@example.org")).await;
    assert_eq!(face(&refused), face(&unknown), "whatever the account");
    let own = [("cookie", known_device.as_str())];
    house.ask("", "POST", "/v1/sign-in", &own, right).await.good();
    // On a new device the owner goes on by the link that was sent.
    let secret = house.last_secret("ada@example.org").await;
    let other = "vier Räder sind ein Wagen";
    let reset = house.post("", "/v1/password/reset", json!({"secret": secret, "password": other})).await.good();
    let body = json!({"email": "ada@example.org", "password": other});
    house.ask("", "POST", "/v1/sign-in", &[("cookie", &reset.jar())], body).await.good();
    assert!(house.mails("nobody@example.org").await.is_empty());
}

#[tokio::test]
async fn one_network_is_slowed_with_a_time_to_wait() {
    let stage = stage().await;
    let house = house(&stage).await;
    let body = json!({"email": "ada@example.org", "password": "something else entirely"});
    for _ in 0..5 {
        assert_eq!(house.post("", "/v1/sign-in", body.clone()).await.code(), "credentials_refused");
    }
    let slowed = house.post("", "/v1/sign-in", body).await;
    assert_eq!((slowed.status.as_u16(), slowed.code()), (429, "rate_limited".into()));
    assert!(slowed.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn nobodys_mailbox_is_flooded() {
    let stage = stage().await;
    let house = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    house.sign_up("ada@example.org").await;
    let before = house.mails("ada@example.org").await.len();
    for _ in 0..20 {
        house.post("", "/v1/password/reset-request", json!({"email": "ada@example.org"})).await.good();
        house.post("", "/v1/sign-up", json!({"email": "ada@example.org"})).await.good();
    }
    assert_eq!(
        house.mails("ada@example.org").await.len() - before,
        9,
        "five of a kind in an hour, one was used before"
    );
    // Nor by those who are signed in.
    let invitations = format!("/v1/organisations/{organisation}/invitations");
    let acts = [
        (invitations, json!({"email": "bea@example.org", "role": "viewer"}), 20),
        ("/v1/account/email".to_owned(), json!({"email": "cem@example.org", "password": PASSWORD}), 5),
    ];
    for (path, body, most) in acts {
        for _ in 0..most {
            house.post(&owner, &path, body.clone()).await.good();
        }
        let mut other = body.clone();
        other["email"] = json!("dan@example.org");
        house.post(&owner, &path, other).await.good();
        let capitals = json!(body["email"].as_str().unwrap().to_uppercase());
        for email in [body["email"].clone(), capitals] {
            let mut again = body.clone();
            again["email"] = email;
            let refused = house.post(&owner, &path, again).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (429, "rate_limited".into()), "{path}");
            assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
        }
        assert_eq!(house.mails(body["email"].as_str().unwrap()).await.len(), most, "{path}");
    }
}

#[tokio::test]
async fn bodies_are_bounded_on_every_route() {
    let stage = stage().await;
    let house = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    let huge = json!({"email": "x".repeat(2 << 20)});
    let mut tried = 0;
    for route in house.routes.iter().filter(|route| route.statuses.contains(&413)) {
        let places = route.path.replace("{organisation}", &organisation).replace("{project}", PROJECT);
        let path: Vec<&str> = places.split('/').map(|one| if one.starts_with('{') { "x" } else { one }).collect();
        let media_type = if route.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let headers = [("content-type", media_type), ("if-match", "*")];
        let answer = house.ask(&owner, route.method.as_str(), &path.join("/"), &headers, huge.clone()).await;
        assert!([413, 404].contains(&answer.status.as_u16()), "{}: {}", route.operation_id, answer.text);
        tried += usize::from(answer.status == 413);
    }
    assert!(tried >= 20, "{tried}");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let request = http::Request::post("/v1/sign-in").header("content-type", "application/json");
    let answer = house.send(request.body(deep.into()).unwrap()).await;
    assert_eq!(answer.code(), "body_syntax");
}

#[tokio::test]
async fn nothing_leads_elsewhere_and_no_header_is_split() {
    let stage = stage().await;
    let house = house(&stage).await;
    let (owner, organisation) = house.owner().await;
    for (name, value) in
        [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")]
    {
        house.ask("", "POST", "/v1/password/reset-request", &[(name, value)], json!({"email": OWNER})).await.good();
        assert!(
            !house.mails(OWNER).await.last().unwrap().contains("evil"),
            "links lead to the configured address: {name}"
        );
    }
    for path in [
        "//evil.example/",
        "/%2F%2Fevil.example",
        "/v1/account/../../evil",
        "/reference//evil.example",
        "/\\evil.example",
    ] {
        let Ok(request) = http::Request::get(path).body(axum::body::Body::empty()) else { continue };
        let answer = house.send(request).await;
        assert!(!answer.status.is_redirection() && answer.header("location").is_empty(), "{path}");
    }
    let path = format!("/v1/organisations/{organisation}/projects");
    for id in ["a\r\nSet-Cookie: x=y", "../../evil", "//evil.example", "a b", "é"] {
        let answer = house.post(&owner, &path, json!({"id": id, "name": "x"})).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{id}");
    }
    for id in ["..", ".", "a.b_c-d"] {
        let answer = house.post(&owner, &path, json!({"id": id, "name": "x"})).await.good();
        assert!(!answer.header("location").ends_with('.'), "dots alone would climb: {}", answer.header("location"));
    }
    let hostile =
        [("x-request-id", "a b;c"), ("user-agent", "Browser\t\u{7f}1"), ("x-forwarded-for", "1.2.3.4, \u{2028}")];
    let answer = house.ask(&owner, "GET", "/v1/account", &hostile[..1], Value::Null).await.good();
    assert!(!answer.header("x-request-id").contains(' '), "an odd id is not repeated");
    let mail = json!({"email": "a@example.org\r\nBcc: eve@example.org"});
    assert_eq!(house.post("", "/v1/password/reset-request", mail).await.code(), "body_invalid");
}

/// Texts that break out of SQL, JSON, HTML or a path where somebody glues strings.
const HOSTILE: &[&str] = &[
    "' OR '1'='1",
    "'; DROP TABLE accounts; --",
    "\" OR \"\"=\"",
    "1 UNION SELECT password_hash FROM accounts",
    "$1",
    "%27%20OR%201=1--",
    "\\'; SELECT pg_sleep(9); --",
    "{\"$gt\": \"\"}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%00",
    "\u{202e}x",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Bodies of the document's schemas, with `text` wherever a text may stand.
fn body_of(house: &House<'_>, schema: &Value, text: &str, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return body_of(house, house.document.pointer(&name[1..]).unwrap(), text, depth);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    let forms = ["anyOf", "oneOf"].into_iter().find_map(|name| schema[name].as_array());
    if let Some(forms) = forms {
        return forms.first().map_or(Value::Null, |form| body_of(house, form, text, depth));
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("string");
    match kind {
        "object" if depth < 6 => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let members = members.filter(|(name, _)| *name != "expires_at");
            members.map(|(name, schema)| (name.clone(), body_of(house, schema, text, depth + 1))).collect()
        }
        "array" if depth < 6 => json!([body_of(house, &schema["items"], text, depth + 1)]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(false),
        _ => json!(text),
    }
}

mod scenes {
    use super::*;

    /// In every parameter of every route: nothing fails, nothing is found, nothing is gone.
    pub async fn hostile_text_stays_text(stage: &Stage) {
        let house = house(stage).await;
        let (_, organisation) = house.owner().await;
        let (mut calls, mut statuses) = (0, BTreeSet::new());
        for (path, methods) in house.document["paths"].as_object().unwrap().clone() {
            for (method, operation) in methods.as_object().unwrap() {
                let token = house.sign_in(OWNER).await;
                for text in HOSTILE {
                    // First the places of the path, then the query and the body with the right places.
                    let own = path.replace("{organisation}", &organisation).replace("{project}", PROJECT);
                    let fill = |path: &str| {
                        let segments = path
                            .split('/')
                            .map(|one| if one.starts_with('{') { encoded(text) } else { one.to_owned() });
                        segments.collect::<Vec<_>>().join("/")
                    };
                    let names = operation["parameters"].as_array().into_iter().flatten();
                    let names = names.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str());
                    let query: Vec<String> = names.map(|name| format!("{name}={}", encoded(text))).collect();
                    let body =
                        operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
                    let body = body.map_or(Value::Null, |one| body_of(&house, &one["schema"], text, 0));
                    for uri in [fill(&path), fill(&own), format!("{}?{}", fill(&own), query.join("&"))] {
                        let answer =
                            house.ask(&token, &method.to_uppercase(), &uri, &[("if-match", "*")], body.clone()).await;
                        assert!(answer.status.as_u16() < 500, "{method} {uri}: {} {}", answer.status, answer.text);
                        for leak in ["$argon2", "syntax error", "sqlite", "SQLSTATE", "SELECT id"] {
                            assert!(!answer.text.contains(leak), "{method} {uri}: {}", answer.text);
                        }
                        calls += 1;
                        statuses.insert(answer.status.as_u16());
                    }
                }
            }
        }
        assert!(calls > 2_000 && statuses.contains(&404) && statuses.contains(&422), "{calls} {statuses:?}");
        let checked = house.access.verify_audit().await.expect("walked");
        assert!(checked.faults.is_empty());
        let token = house.sign_in(OWNER).await;
        house.get(&token, &format!("/v1/organisations/{organisation}")).await.good();
    }
}
