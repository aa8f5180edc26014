//! The shape of problems and what they carry by construction.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

static TEAPOT: Kind = Kind::new(StatusCode::IM_A_TEAPOT, "teapot", "Short and stout.");

#[test]
fn a_problem_has_the_members_of_rfc_9457_and_ours() {
    let fault = Fault::new(Place::Body, "/spout/0", "must not be clogged");
    let problem = Problem::new(&TEAPOT).detail("No coffee.").faults(vec![fault]).member("line", 3).member("status", 1);
    let body: Value = serde_json::from_slice(&problem.body(Some("r-1"))).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "/problems/teapot", "title": "Short and stout.", "status": 418, "code": "teapot", "line": 3,
            "detail": "No coffee.", "request_id": "r-1",
            "errors": [{"in": "body", "pointer": "/spout/0", "detail": "must not be clogged"}],
        })
    );
}

#[test]
fn text_of_500_is_general_whatever_was_given() {
    let problem = Problem::internal("disk sda1 is on fire").detail("password is hunter2").member("x", 1);
    let body = String::from_utf8(problem.body(None)).unwrap();
    assert!(!body.contains("sda1") && !body.contains("hunter2"), "{body}");
}

#[test]
fn headers_that_a_status_needs_are_always_there() {
    let header = |problem: Problem, name: HeaderName| {
        problem.into_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(header(Problem::new(&kinds::RATE_LIMITED), header::RETRY_AFTER).as_deref(), Some("1"));
    let waiting = Problem::retry(&kinds::UNAVAILABLE, Duration::from_millis(2001));
    assert_eq!(header(waiting, header::RETRY_AFTER).as_deref(), Some("3"));
    let unsigned = Problem::new(&kinds::CREDENTIALS_MISSING);
    assert!(header(unsigned.clone(), header::WWW_AUTHENTICATE).unwrap().starts_with("Bearer"));
    assert_eq!(header(unsigned.clone(), header::CACHE_CONTROL).as_deref(), Some("no-store"));
    assert_eq!(header(unsigned, header::CONTENT_TYPE).as_deref(), Some(PROBLEM_JSON));
}

#[test]
fn long_lists_of_faults_are_cut() {
    let faults = (0..1000).map(|at| Fault::new(Place::Body, format!("/{at}"), "wrong")).collect();
    assert_eq!(Problem::new(&TEAPOT).faults(faults).faults_listed().len(), FAULTS_MAX);
}
