//! What browsers need: preflights and mirrored origins; and request ids.

use axum::body::Body;
use http::Request;

use crate::house::House;

#[tokio::test]
async fn preflights_mirror_what_is_asked() {
    let house = House::new();
    for path in ["/v1/t", "/v1/batch", "/e/", "/i/v1/analytics/events", "/v1/activity"] {
        let request = Request::options(path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, x-retry-count");
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
        assert_eq!(answer.header("access-control-allow-headers"), "authorization, x-retry-count");
        assert_eq!(answer.header("access-control-max-age"), "86400");
    }
}

#[tokio::test]
async fn answers_allow_the_origin_also_when_they_are_errors() {
    let house = House::new();
    let answer = house.post("/v1/t", &[("origin", "https://app.example")], "{").await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (400, "https://app.example"));
    assert_eq!(house.post("/v1/t", &[], "{").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn requests_keep_their_id_or_get_one() {
    let house = House::new();
    assert_eq!(house.post("/v1/t", &[("x-request-id", "r1")], "{}").await.header("x-request-id"), "r1");
    assert_eq!(house.post("/v1/t", &[], "{}").await.header("x-request-id").len(), 36);
    let long = "x".repeat(500);
    assert_eq!(house.post("/v1/t", &[("x-request-id", &long)], "{}").await.header("x-request-id").len(), 36);
}
