//! Connections over real sockets: slow senders, the end of the program, TLS and its renewal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::IpAddr;

use axum::Extension;
use axum::routing::get;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::*;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

async fn start(router: Router, settings: ServeSettings, tls: Option<Arc<Tls>>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, router, settings, tls, async move { drop(stopped.await) }));
    Running { address, stop, ended }
}

fn whoami() -> Router {
    Router::new()
        .route("/", get(|Extension(peer): Extension<Peer>| async move { format!("{} {}", peer.address, peer.is_tls) }))
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

async fn everything(mut stream: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_request_knows_its_peer() {
    let running = start(whoami(), ServeSettings::default(), None).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let answer = everything(stream).await;
    assert!(answer.ends_with(&format!("{} false", IpAddr::from([127, 0, 0, 1]))), "{answer}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let settings = ServeSettings { header_timeout: Duration::from_millis(50), ..ServeSettings::default() };
    let running = start(whoami(), settings, None).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
    let answer = everything(stream).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let settings = ServeSettings { headers: 5, ..ServeSettings::default() };
    let running = start(whoami(), settings, None).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(9));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = everything(stream).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_left() {
    let settings = ServeSettings { stall_timeout: Duration::from_millis(50), ..ServeSettings::default() };
    let dropped = Arc::new(Notify::new());
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let tell = Arc::new(std::sync::Mutex::new(Some(Tell(dropped.clone()))));
    let endless = move || {
        let tell = tell.lock().unwrap().take();
        async move {
            Body::from_stream(futures::stream::repeat_with(move || {
                let _keep = &tell;
                Ok::<_, std::io::Error>(axum::body::Bytes::from_static(&[b'x'; 65_536]))
            }))
        }
    };
    let running = start(Router::new().route("/", get(endless)), settings, None).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    dropped.notified().await;
    drop(stream);
}

#[tokio::test]
async fn requests_under_way_are_finished_and_endless_ones_told() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, wait) = (begun.clone(), go_on.clone());
    let slow = move || {
        let (inside, wait) = (inside.clone(), wait.clone());
        async move {
            inside.notify_one();
            wait.notified().await;
            "finished"
        }
    };
    let endless = |Extension(stopping): Extension<Stopping>| async move {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>("begun") });
        let last = futures::stream::once(async move {
            stopping.stopped().await;
            Ok("ended")
        });
        Body::from_stream(futures::StreamExt::chain(first, last))
    };
    let router = Router::new().route("/", get(slow)).route("/endless", get(endless));
    let running = start(router, ServeSettings::default(), None).await;
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(REQUEST).await.unwrap();
    begun.notified().await;
    let mut endless = TcpStream::connect(running.address).await.unwrap();
    endless.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 512];
    let mut seen = String::new();
    while !seen.contains("begun") {
        let length = endless.read(&mut first).await.unwrap();
        seen.push_str(&String::from_utf8_lossy(&first[..length]));
    }
    running.stop.send(()).unwrap();
    assert!(everything(endless).await.contains("ended"));
    go_on.notify_one();
    assert!(everything(slow).await.ends_with("finished"));
    running.ended.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

fn write_certificate(folder: &std::path::Path) -> (Certificate, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = Certificate { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
    std::fs::write(&certificate.chain, cert.pem()).unwrap();
    std::fs::write(&certificate.key, signing_key.serialize_pem()).unwrap();
    (certificate, CertificateDer::from_pem_slice(cert.pem().as_bytes()).unwrap())
}

async fn ask(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(REQUEST).await?;
    Ok(everything(stream).await)
}

#[tokio::test]
async fn tls_serves_and_takes_a_renewed_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, first) = write_certificate(folder.path());
    let tls = Arc::new(Tls::load(certificate).await.unwrap());
    let running = start(whoami(), ServeSettings::default(), Some(tls.clone())).await;
    assert!(ask(running.address, &first).await.unwrap().ends_with("127.0.0.1 true"));
    assert!(!tls.reload().await.unwrap(), "nothing has changed");

    let (certificate, second) = write_certificate(folder.path());
    assert!(ask(running.address, &second).await.is_err(), "not before it is read again");
    assert!(tls.reload().await.unwrap());
    assert!(ask(running.address, &second).await.unwrap().ends_with("127.0.0.1 true"));
    assert!(ask(running.address, &first).await.is_err());

    std::fs::write(&certificate.key, "garbled").unwrap();
    assert!(matches!(tls.reload().await, Err(TlsError::NoKey(_))));
    assert!(ask(running.address, &second).await.is_ok(), "the old one stays");
}

#[tokio::test]
async fn files_that_do_not_fit_are_refused_with_their_name() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (certificate, _) = write_certificate(folder.path());
    let (foreign, _) = write_certificate(other.path());
    let load = async |chain: &std::path::Path, key: &std::path::Path| {
        let certificate = Certificate { chain: chain.to_owned(), key: key.to_owned() };
        Tls::load(certificate).await.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(load(&certificate.chain, &certificate.key).await, "");
    assert!(load(&certificate.chain, &foreign.key).await.contains("refused"));
    assert!(load(&certificate.key, &certificate.key).await.contains("holds no certificate"));
    assert!(load(&certificate.chain, &folder.path().join("none.pem")).await.contains("none.pem cannot be read"));
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Arc::new(Tls::load(write_certificate(folder.path()).0).await.unwrap());
    let settings = ServeSettings { handshake_timeout: Duration::from_millis(50), ..ServeSettings::default() };
    let running = start(whoami(), settings, Some(tls)).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(everything(stream).await, "");
}
