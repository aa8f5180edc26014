//! Who the brokers are told that we are, and how we know that they are the brokers: SASL and TLS, looked at before one of them is asked.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rdkafka::ClientConfig;

use super::place::Place;
use crate::{KafkaAccess, KafkaAccessError};

/// # Errors
/// What is set in halves, or a file that does not hold what it should.
pub(super) fn check(access: &KafkaAccess) -> Result<(), KafkaAccessError> {
    use KafkaAccessError::{HalfCertificate, NoPassword, NoTls, NoUser, Sealed};
    match (&access.user, &access.password) {
        (Some(_), None) => return Err(NoPassword),
        (None, Some(_)) => return Err(NoUser),
        _ => {}
    }
    let files = [
        ("log.kafka_ca_file", &access.ca_file),
        ("log.kafka_certificate_file", &access.certificate_file),
        ("log.kafka_key_file", &access.key_file),
    ];
    if let Some((setting, _)) = files.into_iter().find(|(_, file)| file.is_some() && !access.tls) {
        return Err(NoTls { setting });
    }
    if access.certificate_file.is_some() != access.key_file.is_some() {
        return Err(HalfCertificate);
    }
    for ((setting, path), wanted) in files.into_iter().zip(["CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"]) {
        let Some(path) = path else { continue };
        let text = pem(setting, path, wanted)?;
        if wanted == "PRIVATE KEY" && text.contains("ENCRYPTED") {
            return Err(Sealed { path: path.clone() });
        }
    }
    Ok(())
}

/// The text of a file that holds at least one block of PEM of a kind.
fn pem(setting: &'static str, path: &Path, wanted: &'static str) -> Result<String, KafkaAccessError> {
    let path = PathBuf::from(path);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(KafkaAccessError::File { setting, path, source: Arc::new(source) }),
    };
    let is_begun = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{wanted}-----"));
    match text.lines().any(is_begun) {
        true => Ok(text),
        false => Err(KafkaAccessError::NotPem { setting, path, wanted }),
    }
}

/// What librdkafka is told. The files are read by it whenever a client is made: one that was replaced counts from the next one on.
pub(super) fn configure(config: &mut ClientConfig, access: &KafkaAccess) {
    let protocol = match (access.user.is_some(), access.tls) {
        (false, false) => "plaintext",
        (false, true) => "ssl",
        (true, false) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let (Some(user), Some(password)) = (&access.user, &access.password) {
        config.set("sasl.mechanism", access.mechanism.name());
        config.set("sasl.username", user).set("sasl.password", &**password);
    }
    if !access.tls {
        return;
    }
    // OpenSSL is our own, so that it does not know where this system keeps its roots: librdkafka looks in the usual places.
    let authorities = access.ca_file.as_deref().map_or_else(|| "probe".to_owned(), text);
    config
        .set("ssl.ca.location", authorities)
        .set("enable.ssl.certificate.verification", "true")
        .set("ssl.endpoint.identification.algorithm", "https");
    if let (Some(certificate), Some(key)) = (&access.certificate_file, &access.key_file) {
        config.set("ssl.certificate.location", text(certificate)).set("ssl.key.location", text(key));
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Says that whoever listens between here and the brokers learns the password, or may try it out.
pub(super) fn warn_if_open(place: &Place, access: &KafkaAccess) {
    if access.user.is_some() && !access.tls && !is_at_home(&place.brokers) {
        tracing::warn!(
            mechanism = access.mechanism.name(),
            "the brokers of the log are signed in to over a connection that is not sealed: set log.kafka_tls, or have a network \
             that nobody else is on"
        );
    }
}

/// True where all brokers are on this machine.
fn is_at_home(brokers: &str) -> bool {
    brokers.split(',').all(|broker| {
        let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host).trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::SaslMechanism;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    fn signed_in() -> KafkaAccess {
        KafkaAccess { user: Some("shop".into()), password: Some("secret".into()), ..KafkaAccess::default() }
    }

    #[test]
    fn what_is_set_in_halves_is_refused() {
        let refused = |access: KafkaAccess| check(&access).expect_err("refused").to_string();
        assert!(refused(KafkaAccess { password: None, ..signed_in() }).contains("log.kafka_password_file"));
        assert!(refused(KafkaAccess { user: None, ..signed_in() }).contains("log.kafka_user"));
        let file = || Some(PathBuf::from("/nowhere/at/all.pem"));
        for access in [
            KafkaAccess { ca_file: file(), ..KafkaAccess::default() },
            KafkaAccess { certificate_file: file(), key_file: file(), ..signed_in() },
        ] {
            assert!(refused(access).contains("log.kafka_tls"));
        }
        let half = KafkaAccess { tls: true, certificate_file: file(), ..KafkaAccess::default() };
        assert!(matches!(check(&half), Err(KafkaAccessError::HalfCertificate)));
        check(&signed_in()).unwrap();
        check(&KafkaAccess { tls: true, ..signed_in() }).unwrap();
    }

    #[test]
    fn files_are_read_before_a_broker_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (write("certificate.pem", CERTIFICATE), write("key.pem", KEY));
        let with = |ca: Option<PathBuf>, key: &Path| KafkaAccess {
            tls: true,
            ca_file: ca,
            certificate_file: Some(certificate.clone()),
            key_file: Some(key.to_owned()),
            ..KafkaAccess::default()
        };
        check(&with(Some(certificate.clone()), &key)).unwrap();
        let missing = check(&with(Some(folder.path().join("missing.pem")), &key)).expect_err("refused");
        assert!(matches!(&missing, KafkaAccessError::File { setting: "log.kafka_ca_file", .. }), "{missing}");
        assert!(missing.to_string().contains("missing.pem"), "{missing}");
        let unlike = check(&with(None, &certificate)).expect_err("refused");
        assert!(matches!(unlike, KafkaAccessError::NotPem { wanted: "PRIVATE KEY", .. }), "{unlike}");
        let sealed = write("sealed.pem", &KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"));
        assert!(matches!(check(&with(None, &sealed)), Err(KafkaAccessError::Sealed { .. })));
        let old = write("old.pem", &KEY.replace("PRIVATE", "RSA PRIVATE"));
        check(&with(None, &old)).unwrap();
    }

    #[test]
    fn librdkafka_verifies_chain_and_host_name_whatever_else_is_set() {
        let configured = |access: KafkaAccess| {
            let mut config = ClientConfig::new();
            configure(&mut config, &access);
            move |name: &str| config.get(name).map(str::to_owned).unwrap_or_default()
        };
        let plain = configured(KafkaAccess::default());
        assert_eq!(plain("security.protocol"), "plaintext");
        let known = configured(KafkaAccess { tls: true, ..KafkaAccess::default() });
        assert_eq!((known("security.protocol"), known("ssl.ca.location")), ("ssl".into(), "probe".into()));
        assert_eq!(known("ssl.endpoint.identification.algorithm"), "https");
        assert_eq!(known("enable.ssl.certificate.verification"), "true");
        let both = KafkaAccess {
            tls: true,
            mechanism: SaslMechanism::ScramSha512,
            ca_file: Some("/ca.pem".into()),
            certificate_file: Some("/us.pem".into()),
            key_file: Some("/us.key".into()),
            ..signed_in()
        };
        let both = configured(both);
        assert_eq!((both("security.protocol"), both("sasl.mechanism")), ("sasl_ssl".into(), "SCRAM-SHA-512".into()));
        let files = ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"].map(both);
        assert_eq!(files, ["/ca.pem", "/us.pem", "/us.key"]);
    }

    #[test]
    fn only_brokers_on_this_machine_are_at_home() {
        for brokers in ["localhost:9092", "127.0.0.1:1,127.8.0.1:2", "[::1]:9092"] {
            assert!(is_at_home(brokers), "{brokers}");
        }
        for brokers in ["127.0.0.1:1,broker:2", "10.0.0.1:9092", "localhost.example:9092"] {
            assert!(!is_at_home(brokers), "{brokers}");
        }
    }
}
