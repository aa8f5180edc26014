//! TLS from two files that may change while the program runs: renewals take effect for the next connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Where the certificate and its key are, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The server's certificate first, then its issuers.
    pub chain: PathBuf,
    pub key: PathBuf,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("{0} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate(PathBuf),
    #[error("{0} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    NoKey(PathBuf),
    #[error("the certificate and the key are refused: {0}")]
    Refused(#[from] rustls::Error),
}

/// The current certificate. TLS 1.2 and 1.3 with the safe suites of rustls.
pub struct Tls {
    certificate: Certificate,
    current: RwLock<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    config: Arc<ServerConfig>,
    digest: [u8; 32],
}

impl Tls {
    pub async fn load(certificate: Certificate) -> Result<Tls, TlsError> {
        let current = RwLock::new(read(&certificate).await?);
        Ok(Tls { certificate, current })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).acceptor.clone()
    }

    /// With the same certificate for another protocol than HTTP, by its name in ALPN (RFC 7301).
    pub fn acceptor_for(&self, protocol: &[u8]) -> TlsAcceptor {
        let config = self.current.read().unwrap_or_else(PoisonError::into_inner).config.clone();
        let mut config = ServerConfig::clone(&config);
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the files again. True when they have changed; on an error the old certificate stays.
    pub async fn reload(&self) -> Result<bool, TlsError> {
        let next = read(&self.certificate).await?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let has_changed = current.digest != next.digest;
        if has_changed {
            *current = next;
        }
        Ok(has_changed)
    }

    /// Reloads on SIGHUP and whenever the files have changed, looking every `interval`; never returns.
    pub async fn keep_fresh(&self, interval: Duration) -> std::io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        let mut looks = tokio::time::interval(interval.max(Duration::from_secs(1)));
        loop {
            tokio::select! {
                _ = hangups.recv() => {}
                _ = looks.tick() => {}
            }
            match self.reload().await {
                Ok(true) => tracing::info!("the TLS certificate was renewed"),
                Ok(false) => {}
                // Between the writing of the two files they do not fit; the next look finds both.
                Err(error) => tracing::warn!(%error, "the TLS certificate stays as it was"),
            }
        }
    }
}

async fn read(certificate: &Certificate) -> Result<Current, TlsError> {
    let (chain_path, key_path) = (&certificate.chain, &certificate.key);
    let (chain, key) = (bytes(chain_path).await?, bytes(key_path).await?);
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&chain).collect::<Result<_, _>>().unwrap_or_default();
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(chain_path.clone()));
    }
    let private = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::NoKey(key_path.clone()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let digest = Sha256::new().chain_update(&chain).chain_update([0]).chain_update(&key).finalize().into();
    let config = Arc::new(config);
    Ok(Current { acceptor: TlsAcceptor::from(config.clone()), config, digest })
}

async fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    tokio::fs::read(path).await.map_err(|error| TlsError::Unreadable(path.to_owned(), error))
}
