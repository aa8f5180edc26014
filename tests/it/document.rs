//! The OpenAPI document of the running program: the committed one, with a permission or a reason on every route.

use std::path::PathBuf;

use serde_json::Value;

use crate::gear::root;
use crate::server::Server;

/// `FOOTFALL_WRITE_DOCUMENT=1 cargo test -p footfall-tests document` writes it anew; the TypeScript client is generated from it.
fn committed() -> PathBuf {
    root().join("docs/openapi.json")
}

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    let now = serde_json::to_string_pretty(&document).unwrap() + "\n";
    // Not by its name alone: variables of ours are settings of the program, and this is none.
    if std::env::var_os("FOOTFALL_WRITE_DOCUMENT").is_some() {
        std::fs::write(committed(), &now).unwrap();
    }
    let known = std::fs::read_to_string(committed()).unwrap_or_default();
    let differing = now.lines().zip(known.lines()).enumerate().find(|(_, (now, known))| now != known);
    assert!(now == known, "docs/openapi.json has drifted at {differing:?}: write it anew, and look at the difference");
}

#[tokio::test]
async fn every_route_of_the_document_says_who_may_call_it() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    let mut silent = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let says = |name: &str| operation.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            if says("x-permission") == says("x-no-permission") {
                silent.push(format!("{method} {path}"));
            }
        }
    }
    assert!(silent.is_empty(), "no permission and no reason: {silent:?}");
    assert!(document["paths"].as_object().unwrap().len() > 60, "the whole of it");
}
