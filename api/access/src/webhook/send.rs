//! One request to a receiver: to an address that was looked at, over TLS that is verified, following nothing, reading nothing but
//! the status.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::WebhookSettings;
use super::address::may_reach;

/// Why a receiver did not get it. Nothing of its answer but the status: else whoever makes a webhook could read through it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// Sealed by another vault, or changed since.
    #[error("the secret that signs it cannot be read; give the webhook another")]
    Secret,
    #[error("the host is not known")]
    Unknown,
    #[error("the host leads into a private network")]
    Private,
    #[error("no connection, or none that is secure")]
    Connection,
    #[error("no answer in time")]
    Slow,
    #[error("the receiver answered {0}")]
    Status(StatusCode),
}

const PATIENCE: Duration = Duration::from_secs(10);

/// Sends `body` with `headers`; anything but 2xx is an error.
pub(super) async fn post(
    url: &Url,
    headers: &[(&'static str, String)],
    body: String,
    settings: WebhookSettings,
) -> Result<StatusCode, SendError> {
    let sent = tokio::time::timeout(PATIENCE, exchange(url, headers, body, settings)).await;
    let status = sent.unwrap_or(Err(SendError::Slow))?;
    if status.is_success() { Ok(status) } else { Err(SendError::Status(status)) }
}

async fn exchange(
    url: &Url,
    headers: &[(&'static str, String)],
    body: String,
    settings: WebhookSettings,
) -> Result<StatusCode, SendError> {
    let stream = connect(url, settings).await?;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::post(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Footfall")
        .header(header::CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| SendError::Connection)?;
    if url.scheme() != "https" {
        return ask(stream, request).await;
    }
    let name = match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(|_| SendError::Unknown)?,
        Some(Host::Ipv4(address)) => ServerName::from(std::net::IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => ServerName::from(std::net::IpAddr::V6(address)),
        None => return Err(SendError::Unknown),
    };
    let stream = TlsConnector::from(tls()?).connect(name, stream).await.map_err(|_| SendError::Connection)?;
    ask(stream, request).await
}

/// Resolves the name, looks at what came out, and connects to just that: a name that leads elsewhere a moment later gains nothing.
async fn connect(url: &Url, settings: WebhookSettings) -> Result<TcpStream, SendError> {
    let port = url.port_or_known_default().ok_or(SendError::Unknown)?;
    let found: Vec<SocketAddr> = match url.host().ok_or(SendError::Unknown)? {
        Host::Domain(name) => tokio::net::lookup_host((name, port)).await.map_err(|_| SendError::Unknown)?.collect(),
        Host::Ipv4(address) => vec![(address, port).into()],
        Host::Ipv6(address) => vec![(address, port).into()],
    };
    if found.iter().any(|address| !may_reach(address.ip(), settings)) {
        return Err(SendError::Private);
    }
    for address in found {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Ok(stream);
        }
    }
    Err(SendError::Connection)
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, SendError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| SendError::Connection)?;
    // The connection is driven beside the answer, and dropped with the answer's body unread.
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    Ok(sender.send_request(request).await.map_err(|_| SendError::Connection)?.status())
}

/// Verifies receivers by the system's certificates.
fn tls() -> Result<Arc<ClientConfig>, SendError> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let make = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    };
    CONFIG.get_or_init(make).clone().ok_or(SendError::Connection)
}
