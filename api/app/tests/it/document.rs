//! The OpenAPI document: it is the committed one, complete, and every dangerous route says so.

use footfall_api_access::Permission;
use serde_json::Value;

use crate::gear::house;
use crate::stage::Stage;

/// `FOOTFALL_WRITE_DOCUMENT=1 cargo test -p footfall-api-app document` writes it anew.
const COMMITTED: &str = include_str!("../openapi.json");

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let now = serde_json::to_string_pretty(&house(&stage).await.document).unwrap() + "\n";
    if std::env::var_os("FOOTFALL_WRITE_DOCUMENT").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi.json"), &now).unwrap();
        return;
    }
    let differing = now.lines().zip(COMMITTED.lines()).enumerate().find(|(_, (now, committed))| now != committed);
    assert!(now == COMMITTED, "openapi.json has drifted at {differing:?}: write it anew, and look at the difference");
}

#[tokio::test]
async fn the_document_its_page_and_the_problems_are_served() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    assert_eq!(house.get("", "/openapi.json").await.json(), house.document);
    assert!(house.get("", "/reference").await.good().text.contains("reference.js"));
    let problems = house.get("", "/problems").await.good().json();
    let codes: Vec<&str> =
        problems["items"].as_array().unwrap().iter().filter_map(|problem| problem["code"].as_str()).collect();
    for code in ["step_up_required", "link_refused", "sign_in_by_link", "csrf_refused"] {
        assert!(codes.contains(&code), "{code}");
    }
}

#[tokio::test]
async fn every_route_declares_its_permission_and_dangerous_ones_their_step_up() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let mut operations = 0;
    for (path, methods) in house.document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let permission = operation.get("x-permission").and_then(Value::as_str);
            let reason = operation.get("x-no-permission").and_then(Value::as_str);
            assert!(permission.is_some() != reason.is_some(), "{method} {path}");
            let Some(permission) = permission else { continue };
            let permission: Permission = permission.parse().expect("a permission that there is");
            if permission.is_dangerous() {
                assert_eq!(operation.get("x-step-up"), Some(&Value::Bool(true)), "{method} {path}");
            }
        }
    }
    assert_eq!(operations, house.routes.len());
}
