//! Places of listeners: nobody takes those of others, and nobody sits when the program ends.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use footfall_api_access::KeyKind;
use footfall_api_experiments::SeatLimits;
use footfall_api_http::{Peer, ServeSettings, serve};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::gear::{House, house_of};
use crate::stage::Stage;

async fn listen(house: &House, path: &str, from: [u8; 4]) -> Response {
    let request = Request::builder().uri(path).extension(Peer { address: IpAddr::from(from), is_tls: true });
    house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The status, the header that says when to come again, and what is said.
async fn sent_away(response: Response) -> (u16, String, Value) {
    let (parts, body) = response.into_parts();
    let again = parts.headers.get("retry-after").unwrap().to_str().unwrap().to_owned();
    assert_eq!(parts.headers["access-control-allow-origin"], "*", "pages may read it");
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), again, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn an_outsider_takes_no_more_than_a_share() {
    let stage = Stage::sqlite().await.unwrap();
    let limits = SeatLimits { all: Some(5), key: Some(4), address: Some(2) };
    let house = house_of(&stage, None, None, limits).await;
    let (_, key) = house.key(KeyKind::Client).await;
    let (_, other) = house.key(KeyKind::Client).await;
    let (sub, events) = (format!("/sub/{key}"), format!("/ofrep/v1/events/{key}"));
    let outsider = [192, 0, 2, 66];
    let mut held = vec![listen(&house, &sub, outsider).await, listen(&house, &events, outsider).await];
    assert!(held.iter().all(|one| one.status() == 200 && one.headers()["content-type"] == "text/event-stream"));
    let (status, again, body) = sent_away(listen(&house, &sub, outsider).await).await;
    assert_eq!((status, again.as_str(), &body["status"]), (429, "30", &Value::from(429)));
    assert!(body["error"].as_str().unwrap().contains("this address"), "{body}");
    let (status, again, body) = sent_away(listen(&house, &events, outsider).await).await;
    assert_eq!((status, again.as_str()), (429, "30"));
    assert!(body["errorDetails"].as_str().unwrap().contains("this address"), "{body}");
    // From many addresses, with the key that stands in every page of the app: others have room.
    held.push(listen(&house, &sub, [192, 0, 2, 67]).await);
    held.push(listen(&house, &sub, [192, 0, 2, 68]).await);
    let (status, _, body) = sent_away(listen(&house, &sub, [192, 0, 2, 69]).await).await;
    assert!(status == 429 && body["error"].as_str().unwrap().contains("this key"), "{status} {body}");
    let path = format!("/sub/{other}");
    held.push(listen(&house, &path, [198, 51, 100, 1]).await);
    assert!(held.iter().all(|one| one.status() == 200));
    let (status, again, _) = sent_away(listen(&house, &path, [198, 51, 100, 2]).await).await;
    assert_eq!((status, again.as_str()), (503, "30"), "there is no room for anybody");
    // Who goes leaves the place.
    drop(held.remove(0));
    assert_eq!(listen(&house, &sub, outsider).await.status(), 200);
}

/// Who listens to a process that ends hears of no change there: they are let go at once, and hold up nobody.
#[tokio::test]
async fn streams_end_with_the_program() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house_of(&stage, None, None, SeatLimits::default()).await;
    let (_, key) = house.key(KeyKind::Client).await;
    for path in [format!("/sub/{key}"), format!("/ofrep/v1/events/{key}")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        // Longer than the test waits: nobody is cut off.
        let settings = ServeSettings { shutdown_timeout: Duration::from_secs(600), ..ServeSettings::default() };
        let stopped = async move { drop(stopped.await) };
        let serving = tokio::spawn(serve(listener, house.router.clone(), settings, None, stopped));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("retry: 5000") {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "{}", String::from_utf8_lossy(&heard));
        }
        stop.send(()).unwrap();
        let ended = async {
            stream.read_to_end(&mut heard).await.unwrap();
            serving.await.unwrap();
        };
        tokio::time::timeout(Duration::from_secs(60), ended).await.expect("it ends by itself");
    }
}
