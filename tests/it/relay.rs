//! A relay between an SDK and the server: keeps an account of every request, and delivers each fifth batch twice, as
//! networks do. Half of the repeats are clean copies; for the other half the client's answer is lost, so that it retries by itself.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpListener;

/// The relay's own path: a JSON array of `{method, path}`, one per request that was delivered.
const ACCOUNT: &str = "/relay/delivered";

/// One request that a client made and what the server answered.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub method: Method,
    pub path: String,
    pub status: u16,
    pub answer: String,
    /// The batch was delivered twice.
    pub repeated: bool,
}

struct Inner {
    /// Who takes activity in, in turn: what is delivered twice is so to two of them.
    doors: Vec<String>,
    /// Who answers what SDKs ask besides.
    answers: String,
    turns: AtomicUsize,
    client: Client<HttpConnector, Full<Bytes>>,
    batches: AtomicU64,
    exchanges: Mutex<Vec<Exchange>>,
}

/// A listening relay; it ends with the test's runtime.
pub struct Relay {
    port: u16,
    inner: Arc<Inner>,
}

impl Relay {
    /// Listens on a free port and passes everything on to `upstream`.
    pub async fn to(upstream: &str) -> Relay {
        Relay::among(vec![upstream.to_owned()], upstream).await
    }

    /// The same, in turn to each of `doors`, as a balancer before several processes; questions about flags go to `answers`.
    pub async fn among(doors: Vec<String>, answers: &str) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let inner = Arc::new(Inner {
            doors,
            answers: answers.to_owned(),
            turns: AtomicUsize::new(0),
            client: Client::builder(TokioExecutor::new()).build_http(),
            batches: AtomicU64::new(0),
            exchanges: Mutex::default(),
        });
        tokio::spawn(accept(listener, inner.clone()));
        Relay { port, inner }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.inner.exchanges.lock().expect("no panic holds it").clone()
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        let inner = inner.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| pass(inner.clone(), request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn pass(inner: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, String> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let path = head.uri.path().to_owned();
    if path == ACCOUNT {
        return Ok(account(&inner));
    }
    let is_batch = head.method == Method::POST && !path.starts_with("/flags") && !path.starts_with("/v1/m");
    let number = if is_batch { inner.batches.fetch_add(1, Ordering::SeqCst) } else { 1 };
    let repeated = is_batch && number.is_multiple_of(5);
    let again = || {
        let turn = inner.turns.fetch_add(1, Ordering::SeqCst);
        let is_question = path.starts_with("/flags") || path.starts_with("/decide");
        let upstream = if is_question { &inner.answers } else { &inner.doors[turn % inner.doors.len()] };
        let mut request = Request::builder().method(head.method.clone()).uri(format!("{upstream}{}", head.uri));
        for (name, value) in &head.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body.clone())).expect("a request that was one")
    };
    let mut answer = ask(&inner, again()).await?;
    if repeated && number.is_multiple_of(10) {
        answer = ask(&inner, again()).await?;
    }
    let exchange = Exchange {
        method: head.method.clone(),
        path,
        status: answer.status().as_u16(),
        answer: String::from_utf8_lossy(answer.body().clone().collect().await.unwrap_or_default().to_bytes().as_ref())
            .into_owned(),
        repeated,
    };
    inner.exchanges.lock().expect("no panic holds it").push(exchange);
    if repeated && !number.is_multiple_of(10) {
        *answer.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE; // stored, but the client never hears of it
    }
    Ok(answer)
}

/// What was delivered so far, for a script: a browser says nothing of a beacon that outlived its page.
fn account(inner: &Inner) -> Response<Full<Bytes>> {
    let exchanges = inner.exchanges.lock().expect("no panic holds it");
    let delivered: Vec<_> =
        exchanges.iter().map(|exchange| json!({"method": exchange.method.as_str(), "path": exchange.path})).collect();
    Response::new(Full::new(Bytes::from(json!(delivered).to_string())))
}

async fn ask(inner: &Inner, request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, String> {
    let (mut head, body) = inner.client.request(request).await.map_err(|error| format!("{error:?}"))?.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    head.headers.remove("transfer-encoding");
    head.headers.remove("content-length");
    Ok(Response::from_parts(head, Full::new(body)))
}
