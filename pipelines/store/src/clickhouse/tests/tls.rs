//! A ClickHouse behind TLS: asked and filled like any other by who trusts its certificate, and by nobody else.

use std::path::PathBuf;
use std::sync::Arc;

use footfall_ingest_activity::SystemClock;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::{Given, expected, ids, server};
use crate::clickhouse::{ClickHouse, ClickHouseOptions};
use crate::contract::publication;
use crate::{Store, StoreError};

/// The certificate of one host.
struct Front {
    key: CertifiedKey<rcgen::KeyPair>,
    port: u16,
}

impl Front {
    /// Speaks TLS in front of `server`, under a certificate of `host`.
    async fn before(server: &str, host: &str) -> Front {
        let key = generate_simple_self_signed(vec![host.to_owned()]).unwrap();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = server.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                tokio::spawn(async move {
                    // Who does not trust it goes away.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut plain = TcpStream::connect(server).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut plain).await;
                });
            }
        });
        Front { key, port }
    }

    fn certificate(&self, folder: &TempDir) -> PathBuf {
        let path = folder.path().join(format!("{}.pem", self.port));
        std::fs::write(&path, self.key.cert.pem()).unwrap();
        path
    }
}

async fn open(given: &Given, port: u16, more: &str) -> Result<Arc<ClickHouse>, StoreError> {
    let url = format!("clickhouse://localhost:{port}/{}?{more}", given.database);
    let options = ClickHouseOptions { tries: 1, ..ClickHouseOptions::default() };
    ClickHouse::open(&url, options, Arc::new(SystemClock)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_or_nothing_is_sent() {
    let Some(server) = server() else { return };
    let folder = TempDir::new().unwrap();
    let given = Given::new(&server);
    let (front, other) = (Front::before(&server, "localhost").await, Front::before(&server, "elsewhere").await);
    let (own, foreign) = (front.certificate(&folder), other.certificate(&folder));
    let trusting = |path: &PathBuf| format!("tls=on&ca={}", path.display());

    for (port, more, why) in [
        (front.port, trusting(&foreign), "invalid peer certificate: BadSignature"),
        (front.port, "tls=on".to_owned(), "UnknownIssuer"),
        (other.port, trusting(&foreign), "not valid for name"),
    ] {
        let refused = open(&given, port, &more).await.err().expect("refused").to_string();
        assert!(refused.contains(why), "{more}: {refused}");
    }
    let missing = open(&given, front.port, "tls=on&ca=%2Fnowhere.pem").await.err().expect("refused").to_string();
    assert!(missing.contains("/nowhere.pem"), "{missing}");

    let store = open(&given, front.port, &trusting(&own)).await.unwrap();
    store.lead().await.unwrap();
    store.publish(publication("p", 0..50)).await.unwrap();
    assert_eq!(ids(&store).await, expected(50));
    given.drop(&store).await;
}
