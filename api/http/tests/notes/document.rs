//! The OpenAPI document: it is the committed one, complete, and served.

use serde_json::Value;

use crate::gear::desk;
use crate::site;

/// The committed document. `cargo run -p footfall-api-http --example notes -- --write-document api/http/tests/notes/openapi.json`
/// writes it anew.
const COMMITTED: &str = include_str!("openapi.json");

#[test]
fn the_document_is_the_committed_one() {
    let now = site::pretty(&desk().document).unwrap();
    let differing = now.lines().zip(COMMITTED.lines()).enumerate().find(|(_, (now, committed))| now != committed);
    assert!(now == COMMITTED, "openapi.json has drifted at {differing:?}: write it anew, and look at the difference");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                all.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, all));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, all)),
            _ => {}
        }
    }
    let document = desk().document;
    let mut all = Vec::new();
    references(&document, &mut all);
    assert!(all.len() > 50);
    for reference in all {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_document_its_page_and_the_problems_are_served() {
    let desk = desk();
    let document = desk.get("", "/openapi.json").await;
    assert_eq!(document.json(), desk.document);
    let known = desk.ask("", "GET", "/openapi.json", &[("if-none-match", document.header("etag"))], Value::Null).await;
    assert_eq!(known.status, 304);
    let page = desk.get("", "/reference").await;
    assert!(page.text.contains("reference.js") && page.header("content-security-policy").contains("script-src 'self'"));
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "nothing is loaded from elsewhere");
    for (path, kind) in [("/reference/reference.js", "text/javascript"), ("/reference/reference.css", "text/css")] {
        assert!(desk.get("", path).await.header("content-type").starts_with(kind), "{path}");
    }
    let problem = desk.get("", "/problems/revision_stale").await.json();
    assert_eq!(problem["status"], 412);
    assert_eq!(desk.get("", "/problems/nothing").await.code(), "problem_unknown");
}
