//! The table itself: every route says who may, and unclear ones are refused.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Extension;
use axum::extract::State;
use footfall_api_http::{
    About, Done, JsonBody, Kind, Machinery, Page, Paging, Path, Problem, Query, Routes, Secret, Settings, Site,
    TableError, Told, Unfiltered, get, post, public,
};
use footfall_ingest_activity::SystemClock;
use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::access::{Doorman, May, Member};
use crate::gear::{desk, settings};
use crate::site;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[test]
fn every_route_of_the_document_says_who_may() {
    let document = desk().document;
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| METHODS.contains(&name.as_str()))
        {
            let permission = operation["x-permission"].as_str().filter(|name| !name.is_empty());
            let reason = operation["x-no-permission"].as_str().filter(|reason| !reason.is_empty());
            assert!(permission.is_some() != reason.is_some(), "{method} {path} declares no permission");
            let schemes = operation["security"].as_array().unwrap();
            assert_eq!(schemes.is_empty(), permission.is_none(), "{method} {path}");
            seen += 1;
        }
    }
    assert_eq!(seen, site::build(settings(), Arc::new(SystemClock)).unwrap().routes.len());
}

#[tokio::test]
async fn every_route_refuses_who_may_not() {
    let desk = desk();
    for route in site::build(settings(), Arc::new(SystemClock)).unwrap().routes {
        let uri = route.path.replace("{id}", "01890000-0000-7000-8000-000000000000").replace("{code}", "internal");
        let ask = async |who: &str| desk.ask(who, route.method.as_str(), &uri, &[], Value::Null).await;
        if route.is_public {
            assert_eq!(ask("").await.status, 200, "{uri}");
            continue;
        }
        let nobody = ask("").await;
        assert_eq!((nobody.status.as_u16(), nobody.code().as_str()), (401, "credentials_missing"), "{uri}");
        assert!(nobody.header("www-authenticate").starts_with("Bearer"));
        assert_eq!(ask("mallory").await.code(), "credentials_refused", "{uri}");
        let reads = route.permission == Some("notes.read");
        assert_eq!(ask("eve").await.status == 403, !reads, "{uri}");
        assert_eq!(ask("bob").await.status == 403, route.step_up, "{uri}");
    }
}

fn built(routes: Routes<(), May>) -> Result<(), TableError> {
    let machinery = Machinery::new(Arc::new(Doorman), Settings::default(), Secret::new([0; 32]), Arc::new(SystemClock));
    let site = Site::new(About { title: "t", version: "1", description: "d" }, machinery).add(routes, ());
    site.build()?.document.written().map(drop)
}

pub async fn done() -> Result<Done, Problem> {
    Ok(Done)
}

mod other {
    pub use super::done;
}

#[derive(Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Open {
    name: String,
}

async fn takes_open(JsonBody(_): JsonBody<Open>) -> Result<Done, Problem> {
    Ok(Done)
}

async fn takes_path(Path(_): Path<String>) -> Result<Done, Problem> {
    Ok(Done)
}

async fn takes_number(Query(_): Query<u8>) -> Result<Done, Problem> {
    Ok(Done)
}

async fn wants_subject(Extension(_): Extension<Member>) -> Result<Done, Problem> {
    Ok(Done)
}

async fn wants_what_nobody_gives(Extension(_): Extension<u8>) -> Result<Done, Problem> {
    Ok(Done)
}

async fn lists(State(()): State<()>, _: Paging<Unfiltered, u8>) -> Result<Page<u8>, Problem> {
    Err(Problem::internal("not called"))
}

static GONE: Kind = Kind::new(StatusCode::GONE, "gone", "It is gone.");
static GONE_TOO: Kind = Kind::new(StatusCode::NOT_FOUND, "gone", "It is gone.");

#[test]
fn what_is_unclear_is_refused() {
    let of = |routes: Vec<_>| built(Routes::new("tests", "Tests.", routes)).map_err(|error| error.to_string());
    let open = || public("a test");
    assert_eq!(of(vec![get("/a", open(), done, "A."), get("/b/{name}", May::Read, takes_path, "B.")]), Ok(()));
    assert_eq!(of(vec![get("/a", open(), lists, "A.")]), Ok(()));
    let refused = [
        (vec![get("/a", open(), done, "A."), get("/a", open(), takes_open, "A.")], "GET /a is declared twice"),
        (
            vec![get("/a", open(), done, "A."), post("/a", open(), other::done, "A.")],
            "the operation tests_done is declared twice",
        ),
        (vec![get("/a", open(), async || Ok::<_, Problem>(Done), "A.")], "no named function"),
        (vec![get("/a", open(), takes_path, "A.")], "placeholders []"),
        (vec![get("/a/{b}", open(), done, "A.")], "placeholders [\"b\"]"),
        (vec![post("/a", open(), takes_open, "A.")], "deny_unknown_fields"),
        (vec![get("/a", open(), takes_number, "A.")], "no struct with named fields"),
        (vec![post("/a", open(), done, "A.").idempotent()], "a public route has no account"),
        (vec![get("/a", open(), wants_subject, "A.")], "a public route has no subject"),
        (vec![get("/a", public(" "), done, "A.")], "needs a reason"),
        (vec![get("/a", open(), done, "A.").raises([&GONE, &GONE_TOO])], "two different problems have the code gone"),
    ];
    for (routes, words) in refused {
        let error = of(routes).unwrap_err();
        assert!(error.contains(words), "{error} / {words}");
    }
}

async fn panics() -> Result<Told<u8>, Problem> {
    panic!("secret words")
}

async fn undeclared() -> Result<Told<u8>, Problem> {
    Err(Problem::new(&GONE))
}

#[tokio::test]
async fn a_panic_and_an_undeclared_answer_are_500_and_say_nothing() {
    use tower::ServiceExt;
    let open = || public("a test");
    let routes = Routes::new(
        "tests",
        "Tests.",
        [
            get("/panics", open(), panics, "P."),
            get("/undeclared", open(), undeclared, "U."),
            get("/missing", open(), wants_what_nobody_gives, "M."),
        ],
    );
    let machinery = Machinery::new(Arc::new(Doorman), settings(), Secret::new([0; 32]), Arc::new(SystemClock));
    let site =
        Site::new(About { title: "t", version: "1", description: "d" }, machinery).add(routes, ()).build().unwrap();
    for uri in ["/panics", "/undeclared", "/missing"] {
        let request =
            http::Request::builder().uri(uri).header("x-request-id", "mine").body(axum::body::Body::empty()).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["x-request-id"].to_str().unwrap()), (500, "mine"));
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains("\"code\":\"internal\"") && !text.contains("secret") && !text.contains("u8"), "{text}");
    }
}

/// How often the schema of [`Counted`] was made.
static MADE: AtomicU32 = AtomicU32::new(0);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {}

impl JsonSchema for Counted {
    fn schema_name() -> Cow<'static, str> {
        "Counted".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        MADE.fetch_add(1, Ordering::SeqCst);
        json_schema!({"type": "object", "additionalProperties": false})
    }
}

async fn takes_counted(JsonBody(_): JsonBody<Counted>) -> Result<Done, Problem> {
    Ok(Done)
}

#[tokio::test]
async fn schemas_are_made_for_who_asks_and_not_for_a_start() {
    use tower::ServiceExt;
    let routes = Routes::new("tests", "Tests.", [post("/counted", public("a test"), takes_counted, "C.")]);
    let machinery = Machinery::new(Arc::new(Doorman), settings(), Secret::new([0; 32]), Arc::new(SystemClock));
    let about = About { title: "t", version: "1", description: "d" };
    let site = Site::new(about, machinery).add(routes, ()).build().unwrap();
    assert_eq!(site.routes.iter().find(|route| route.path == "/counted").unwrap().statuses.first(), Some(&204));
    assert_eq!(MADE.load(Ordering::SeqCst), 0, "nobody has asked");
    let ask = async |body: &'static str| {
        let request = http::Request::post("/counted").header("content-type", "application/json");
        let response = site.router.clone().oneshot(request.body(axum::body::Body::from(body)).unwrap()).await.unwrap();
        response.status().as_u16()
    };
    assert_eq!((ask("{}").await, ask("{\"more\": 1}").await), (204, 400));
    let made = MADE.load(Ordering::SeqCst);
    assert!(made > 0, "requests are checked");
    assert_eq!((ask("{}").await, MADE.load(Ordering::SeqCst)), (204, made), "it is made once");
    assert!(site.document.written().unwrap()["paths"]["/counted"].is_object());
    assert!(MADE.load(Ordering::SeqCst) > made);
}
