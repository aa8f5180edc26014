//! What is served: every file, each with its policy, kept as long as it is good.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use footfall_api_access::Permission;
use http_body_util::BodyExt;
use tower::ServiceExt;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(request: Request<Body>) -> Answer {
    let (head, body) = footfall_api_pages::router().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get(path: &str) -> Answer {
    ask(Request::get(path).body(Body::empty()).unwrap()).await
}

fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboards")
}

/// All files below a folder, as paths from there.
fn files_below(folder: &Path) -> Vec<String> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = open.pop() {
        match path.is_dir() {
            true => open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path())),
            false => files.push(path.strip_prefix(folder).unwrap().display().to_string()),
        }
    }
    files.sort();
    files
}

/// The addresses of all assets.
fn assets() -> Vec<String> {
    let live = files_below(&dashboards().join("live/assets")).into_iter().map(|file| format!("/assets/{file}"));
    let account = files_below(&dashboards().join("account/assets")).into_iter();
    live.chain(account.map(|file| format!("/assets/account/{file}"))).collect()
}

/// Addresses that a file of `address` names with a version, as they stand there.
fn named_in(text: &str) -> Vec<&str> {
    let ends = text.match_indices("?v=").map(|(at, _)| at);
    ends.map(|end| {
        let start = text[..end].rfind('"').unwrap() + 1;
        &text[start..start + text[start..].find('"').unwrap()]
    })
    .collect()
}

/// Where `reference` leads from a file of `address`.
fn resolved(address: &str, reference: &str) -> String {
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    let mut parts: Vec<&str> = address.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[tokio::test]
async fn every_file_of_the_folders_is_served_and_every_reference_leads_somewhere() {
    let mut seen = 0;
    for address in assets().into_iter().chain(["/".to_owned(), "/account".to_owned()]) {
        let answer = get(&address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address} is not in files.rs");
        for reference in named_in(&answer.text) {
            let target = resolved(&address, reference);
            let kept = get(&target).await;
            assert_eq!(kept.status, StatusCode::OK, "{address} names {reference}");
            assert!(kept.header("cache-control").contains("immutable"), "{address} names {reference}, of no version");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} references were followed");
}

#[tokio::test]
async fn scripts_import_by_version_alone() {
    for address in assets().iter().filter(|address| address.ends_with(".js")) {
        let text = get(address).await.text;
        for line in text.lines().filter(|line| line.starts_with("import ") || line.contains("import(")) {
            assert!(line.contains("?v="), "{address}: {line}");
        }
    }
}

#[tokio::test]
async fn the_pages_know_what_is_dangerous() {
    let text = get("/assets/account/fields.js").await.text;
    let start = text.find("const DANGEROUS = [").unwrap();
    let list = &text[start..start + text[start..].find(']').unwrap()];
    let known: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let dangerous = Permission::ALL.iter().filter(|permission| permission.is_dangerous());
    assert_eq!(known, dangerous.map(|permission| permission.name()).collect());
}

#[tokio::test]
async fn pages_are_asked_for_again_and_answered_briefly() {
    for path in ["/", "/account", "/account/", "/account/sign-in", "/account/organisations/1/keys"] {
        let page = get(path).await;
        assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        let tag = page.header("etag").to_owned();
        for known in [tag.clone(), format!("\"other\", W/{tag}")] {
            let again = ask(Request::get(path).header(header::IF_NONE_MATCH, known).body(Body::empty()).unwrap()).await;
            assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
            assert!(again.headers.contains_key(header::CONTENT_SECURITY_POLICY));
        }
        let other = ask(Request::get(path).header(header::IF_NONE_MATCH, "\"other\"").body(Body::empty()).unwrap());
        assert_eq!(other.await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_application_is_served_with_all_that_it_names() {
    for path in ["/app", "/app/", "/app/default/insights?q=1"] {
        let page = get(path).await;
        assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert!(page.header("content-security-policy").contains("script-src 'self';"));
    }
    let names = files_below(&dashboards().join("app/dist"));
    assert!(names.len() > 5, "dashboards/app is built: {names:?}");
    for name in names.iter().filter(|name| *name != "index.html") {
        let file = get(&format!("/assets/app/{name}")).await;
        assert_eq!(file.status, StatusCode::OK, "{name}");
        assert!(file.header("cache-control").contains("immutable"), "{name}");
        let packed = Request::get(format!("/assets/app/{name}")).header(header::ACCEPT_ENCODING, "br, gzip");
        let router = footfall_api_pages::router();
        let answer = router.oneshot(packed.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip", "{name}");
    }
    let page = get("/app").await.text;
    for name in page.split('"').filter_map(|part| part.strip_prefix("/assets/app/")) {
        assert!(names.iter().any(|known| known == name), "the page names {name}");
    }
    for forbidden in ["style=\"", "<script>", "http://", "https://", "<style"] {
        assert!(!page.contains(forbidden), "the page has {forbidden}");
    }
    assert_eq!(get("/assets/app/index.html").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get("/assets/app/other.js").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_of_another_version_is_not_kept() {
    for path in ["/assets/app.js", "/assets/app.js?v=1", "/assets/account/app.js?v=0000000000000000"] {
        let answer = get(path).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-cache"), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    for path in ["/assets/other.js", "/assets/account/../files.rs", "/assets/%2e%2e/Cargo.toml"] {
        let answer = get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
        assert!(answer.text.contains("\"code\":\"asset_unknown\""), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let wrong = Request::post("/account").body(Body::empty()).unwrap();
    assert_eq!(ask(wrong).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn nothing_inline_and_nothing_from_elsewhere() {
    for path in ["/", "/account/sign-in", "/assets/style.css", "/assets/account/app.js"] {
        let answer = get(path).await;
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
    for page in ["/", "/account"] {
        let text = get(page).await.text;
        for forbidden in ["style=\"", "onclick", "<script>", "http://", "https://", "<style"] {
            assert!(!text.contains(forbidden), "{page} has {forbidden}");
        }
    }
    for script in assets().iter().filter(|address| address.ends_with(".js")) {
        let text = get(script).await.text;
        for forbidden in ["innerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(forbidden), "{script} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn only_a_frame_that_is_allowed_may_hold_the_page() {
    let headers = HeaderMap::new();
    let held = footfall_api_pages::embedded(&headers, Some("https://intranet.example"));
    let policy = held.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors https://intranet.example;"), "{policy}");
    assert!(policy.contains("script-src 'self'") && held.headers().get("x-frame-options").is_none());
    assert_eq!(held.headers()["cache-control"], "no-store");
    let alone = footfall_api_pages::embedded(&headers, None);
    assert!(alone.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(alone.headers()["x-frame-options"], "DENY");
}
