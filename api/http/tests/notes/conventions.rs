//! Bodies, parameters, revisions, patches, times.

use serde_json::{Value, json};

use crate::gear::{desk, note};

#[tokio::test]
async fn a_note_lives_from_its_writing_to_its_end() {
    let desk = desk();
    let created = desk.ask("ada", "POST", "/v1/notes", &[], note("first")).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("etag"), "\"r1\"");
    assert_eq!(created.json()["created_at"], "2025-11-24T16:00:00.000Z");
    let path = created.header("location").to_owned();
    assert_eq!(path, format!("/v1/notes/{}", created.json()["id"].as_str().unwrap()));

    let shown = desk.get("ada", &path).await;
    assert_eq!((shown.status.as_u16(), shown.json()), (200, created.json()));
    let again = desk.ask("ada", "GET", &path, &[("if-none-match", shown.header("etag"))], Value::Null).await;
    assert_eq!((again.status.as_u16(), again.text.as_str(), again.header("etag")), (304, "", "\"r1\""));

    let changed =
        desk.ask("ada", "PATCH", &path, &[("if-match", "\"r1\"")], json!({"title": "second", "text": null})).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"r2\""));
    assert_eq!(changed.json()["title"], "second");
    assert_eq!(changed.json()["text"], Value::Null);
    assert_eq!(changed.json()["tags"], json!(["a"]));

    let replaced = desk.ask("ada", "PUT", &path, &[("if-match", "\"r2\"")], note("third")).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"r3\""));
    let removed = desk.ask("ada", "DELETE", &path, &[("if-match", "*")], Value::Null).await;
    assert_eq!((removed.status.as_u16(), removed.text.as_str()), (204, ""));
    assert_eq!(desk.get("ada", &path).await.code(), "note_unknown");
}

#[tokio::test]
async fn a_change_of_something_older_is_refused() {
    let desk = desk();
    let path = desk.write("first").await;
    let patch = async |headers: &[(&str, &str)]| desk.ask("ada", "PATCH", &path, headers, json!({"title": "x"})).await;
    assert_eq!(patch(&[("if-match", "\"r1\"")]).await.status, 200);
    let stale = patch(&[("if-match", "\"r1\"")]).await;
    assert_eq!((stale.status.as_u16(), stale.code().as_str(), stale.header("etag")), (412, "revision_stale", "\"r2\""));
    let missing = patch(&[]).await;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (428, "revision_required"));
    assert_eq!(patch(&[("if-match", "r1")]).await.code(), "header_invalid");
    assert_eq!(patch(&[("if-match", "W/\"r2\"")]).await.status, 412);
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_explained() {
    let desk = desk();
    let post = async |body: Value| desk.ask("ada", "POST", "/v1/notes", &[], body).await;
    let wrong = post(json!({"title": "", "mood": "sad", "tags": ["", 3], "extra": 1})).await;
    assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (400, "body_invalid"));
    assert_eq!(wrong.pointers(), ["/tags", "/extra", "/mood", "/tags/0", "/tags/1", "/title"][1..].to_vec());
    assert_eq!(post(json!([])).await.code(), "body_invalid");
    assert_eq!(post(json!({"title": "a\u{0}", "mood": "calm", "tags": []})).await.code(), "body_invalid");
    assert_eq!(
        post(json!({"title": "x".repeat(2_000_000), "mood": "calm", "tags": []})).await.code(),
        "body_too_large"
    );

    let with = async |kind: &str| desk.ask("ada", "POST", "/v1/notes", &[("content-type", kind)], note("a")).await;
    assert_eq!(with("application/json; charset=utf-8").await.status, 201);
    let form = with("application/x-www-form-urlencoded").await;
    assert_eq!((form.code().as_str(), form.header("accept")), ("media_type_unsupported", "application/json"));
    let path = desk.write("a").await;
    let headers = [("content-type", "application/json-patch+json"), ("if-match", "*")];
    assert_eq!(desk.ask("ada", "PATCH", &path, &headers, json!([])).await.status, 415);
    let headers = [("content-type", "application/merge-patch+json"), ("if-match", "*")];
    assert_eq!(desk.ask("ada", "PATCH", &path, &headers, json!({"title": null})).await.pointers(), ["/title"]);
    assert_eq!(desk.ask("ada", "PATCH", &path, &headers, json!({})).await.status, 200);
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_explained() {
    let desk = desk();
    let get = async |uri: &str| {
        let answer = desk.get("ada", uri).await;
        (answer.status.as_u16(), answer.code(), answer.pointers())
    };
    let refused = |code: &str, pointer: &str| (400, code.to_owned(), vec![pointer.to_owned()]);
    assert_eq!(get("/v1/notes/17").await, refused("path_invalid", ""));
    assert_eq!(get("/v1/notes?limit=0").await, refused("query_invalid", "/limit"));
    assert_eq!(get("/v1/notes?limit=201").await, refused("query_invalid", "/limit"));
    assert_eq!(get("/v1/notes?limit=x").await, refused("query_invalid", "/limit"));
    assert_eq!(get("/v1/notes?limit=1&limit=2").await, refused("query_invalid", "/limit"));
    assert_eq!(get("/v1/notes?mood=sad").await, refused("query_invalid", "/mood"));
    assert_eq!(get("/v1/notes?moood=calm").await, refused("query_invalid", "/moood"));
    assert_eq!(get("/v1/notes?title=%00").await, refused("query_invalid", "/title"));
    let path = desk.write("a").await;
    assert_eq!(get(&format!("{path}?verbose")).await, refused("query_invalid", "/verbose"));
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_meant_is_told() {
    let desk = desk();
    assert_eq!(desk.get("ada", "/v1/nothing").await.code(), "route_unknown");
    let wrong = desk.ask("ada", "DELETE", "/v1/notes", &[], Value::Null).await;
    assert_eq!((wrong.code().as_str(), wrong.header("allow")), ("method_not_allowed", "GET,HEAD,POST"));
    let head = desk.ask("ada", "HEAD", "/v1/notes", &[], Value::Null).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    let long = format!("/v1/notes?title={}", "x".repeat(9000));
    assert_eq!(desk.get("ada", &long).await.code(), "uri_too_long");
    let large = "x".repeat(17_000);
    assert_eq!(
        desk.ask("ada", "GET", "/v1/notes", &[("x-large", &large)], Value::Null).await.code(),
        "headers_too_large"
    );
}
