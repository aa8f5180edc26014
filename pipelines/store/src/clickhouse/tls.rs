//! Connections to a ClickHouse that speaks TLS.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use clickhouse::Client;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::legacy::{Client as HttpClient, connect};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tower::Service;

use crate::StoreError;

/// A server closes what is idle after three seconds; whoever sends on such a connection has to send again.
const IDLE: Duration = Duration::from_secs(2);
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A client over TLS. It trusts the certificates of `authority`, a PEM file, or else those of this machine.
pub(super) fn client(authority: Option<&Path>) -> Result<Client, StoreError> {
    let refused = |detail: String| StoreError::Task(format!("TLS to ClickHouse: {detail}"));
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            let named = |error: &dyn std::fmt::Display| refused(format!("{}: {error}", path.display()));
            let pem = std::fs::read(path).map_err(|error| named(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|error| named(&error))?).map_err(|error| named(&error))?;
            }
            if roots.is_empty() {
                return Err(named(&"it holds no certificate"));
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.set_keepalive(Some(KEEP_ALIVE));
    http.enforce_http(false);
    let connector = Connector { http, tls: TlsConnector::from(Arc::new(config)) };
    Ok(Client::with_http_client(HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector)))
}

/// TCP, and TLS over it, always.
#[derive(Clone)]
struct Connector {
    http: HttpConnector,
    tls: TlsConnector,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Secured;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Secured, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let (connecting, tls) = (self.http.call(uri), self.tls.clone());
        Box::pin(async move {
            let name = ServerName::try_from(host)?;
            let plain = connecting.await?.into_inner();
            Ok(Secured(TokioIo::new(tls.connect(name, plain).await?)))
        })
    }
}

/// A connection under TLS.
struct Secured(TokioIo<TlsStream<TcpStream>>);

impl Connection for Secured {
    fn connected(&self) -> Connected {
        connect::Connected::new()
    }
}

impl Read for Secured {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, to)
    }
}

impl Write for Secured {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}
