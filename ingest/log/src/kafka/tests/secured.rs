//! A broker that wants to know who comes, and has to prove who it is: TLS, certificates of both sides, SASL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Broker, SOON, number_of, numbered, read_all};
use crate::kafka::KafkaLog;
use crate::{ActivityLog, KafkaAccess, LogError, LogOptions, SaslMechanism, contract_suite};

/// Brokers with all listeners, and what a client is given to come to them.
struct Secured(Broker);

impl Secured {
    fn start() -> Option<Secured> {
        Broker::start_by("up-tls").map(Secured)
    }

    fn address(&self, listener: &str) -> String {
        let text = std::fs::read_to_string(self.0.folder.join("listeners")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(listener)?.strip_prefix(' '));
        line.expect("a listener").to_owned()
    }

    /// By TLS, as nobody.
    fn tls(&self) -> KafkaAccess {
        KafkaAccess { tls: true, ca_file: Some(self.0.folder.join("tls/ca.pem")), ..KafkaAccess::default() }
    }

    /// By TLS, with a certificate.
    fn shows(&self, certificate: &str) -> KafkaAccess {
        let file = |kind: &str| Some(self.0.folder.join(format!("tls/{certificate}.{kind}")));
        KafkaAccess { certificate_file: file("pem"), key_file: file("key"), ..self.tls() }
    }

    fn signs_in(&self, mechanism: SaslMechanism, access: KafkaAccess) -> KafkaAccess {
        let password = std::fs::read_to_string(self.0.folder.join("tls/password")).unwrap();
        KafkaAccess { user: Some("footfall".into()), password: Some(password.trim().into()), mechanism, ..access }
    }

    async fn open(&self, address: &str, topic: &str, access: KafkaAccess) -> Result<KafkaLog, LogError> {
        let options = LogOptions { partitions: 3, kafka: access, ..LogOptions::default() };
        KafkaLog::open(&format!("//{address}/{topic}?timeout_ms=3000"), options).await
    }

    /// Why it cannot be opened: another error than that of a broker that is away, which would be waited for.
    async fn refused(&self, address: &str, access: KafkaAccess) -> String {
        let error = self.open(address, "refused", access).await.map(drop).expect_err("refused");
        assert!(matches!(error, LogError::Refused { .. }) && !error.is_retryable(), "{error}");
        error.to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_over_tls_and_every_way_to_be_refused() {
    let Some(brokers) = Secured::start() else { return };
    let open = async |listener: &str, name: &str, access: KafkaAccess| -> Arc<dyn ActivityLog> {
        let topic = format!("{listener}-{name}");
        let log: Arc<dyn ActivityLog> =
            Arc::new(brokers.open(&brokers.address(listener), &topic, access).await.unwrap());
        log
    };
    contract_suite(async |name| {
        let access = brokers.signs_in(SaslMechanism::ScramSha512, brokers.tls());
        open("sasltls", name, access).await
    })
    .await;
    contract_suite(async |name| open("mutual", name, brokers.shows("client")).await).await;

    let ways = [
        ("tls", brokers.tls()),
        ("sasltls", brokers.signs_in(SaslMechanism::Plain, brokers.tls())),
        ("sasltls", brokers.signs_in(SaslMechanism::ScramSha256, brokers.tls())),
        ("sasl", brokers.signs_in(SaslMechanism::Plain, KafkaAccess::default())),
        ("sasl", brokers.signs_in(SaslMechanism::ScramSha256, KafkaAccess::default())),
        ("sasl", brokers.signs_in(SaslMechanism::ScramSha512, KafkaAccess::default())),
    ];
    for (number, (listener, access)) in ways.into_iter().enumerate() {
        let log = open(listener, &format!("way-{number}"), access).await;
        log.append(vec![numbered(number)]).await.unwrap();
    }
    whoever_is_not_who_they_should_be_is_refused(&brokers).await;
    a_password_that_is_changed_loses_nothing(&brokers).await;
}

async fn whoever_is_not_who_they_should_be_is_refused(brokers: &Secured) {
    let mechanisms = [SaslMechanism::Plain, SaslMechanism::ScramSha256, SaslMechanism::ScramSha512];
    for (listener, access) in [("sasltls", brokers.tls()), ("sasl", KafkaAccess::default())] {
        for mechanism in mechanisms {
            let right = brokers.signs_in(mechanism, access.clone());
            let wrong = KafkaAccess { password: Some("guessed".into()), ..right };
            let said = brokers.refused(&brokers.address(listener), wrong).await;
            assert!(said.contains("uthentication") && !said.contains("guessed"), "{said}");
        }
    }
    let stranger = KafkaAccess { ca_file: Some(brokers.0.folder.join("tls/other-ca.pem")), ..brokers.tls() };
    let said = brokers.refused(&brokers.address("tls"), stranger).await;
    assert!(said.contains("certificate verify failed") && said.contains("log.kafka_ca_file"), "{said}");
    // No authority of the system has signed it either.
    let said = brokers.refused(&brokers.address("tls"), KafkaAccess { tls: true, ..KafkaAccess::default() }).await;
    assert!(said.contains("certificate verify failed"), "{said}");
    let by_name = brokers.address("tls").replace("127.0.0.1", "localhost");
    let said = brokers.refused(&by_name, brokers.tls()).await;
    assert!(said.contains("another host name"), "{said}");
    // Whoever has to show a certificate: none, and one that another authority has signed.
    for access in [brokers.tls(), brokers.shows("other-client")] {
        let said = brokers.refused(&brokers.address("mutual"), access).await;
        assert!(said.contains("log.kafka_certificate_file"), "{said}");
    }
}

/// The brokers come back with another password for us: every append is refused, with the reason, until they have ours again; what
/// was acknowledged is read.
async fn a_password_that_is_changed_loses_nothing(brokers: &Secured) {
    let access = brokers.signs_in(SaslMechanism::ScramSha512, brokers.tls());
    let address = brokers.address("sasltls");
    let log = brokers.open(&address, "changed", access.clone()).await.unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..50 {
        log.append(vec![numbered(number)]).await.unwrap();
        acknowledged.push(number);
    }
    let change = |password: &str| {
        let output = super::command("password").arg(&brokers.0.folder).arg(password).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    tokio::task::block_in_place(|| {
        change("another");
        brokers.0.does("kill");
        brokers.0.does("start");
    });
    let asked = Instant::now();
    let mut number = 50;
    loop {
        match log.append(vec![numbered(number)]).await {
            Ok(_) => acknowledged.push(number),
            Err(error) if error.to_string().contains("uthentication") => {
                assert!(error.is_retryable(), "the doors say to come again: {error}");
                break;
            }
            Err(error) => assert!(error.is_retryable() && asked.elapsed() < SOON, "the reason is said: {error}"),
        }
        number += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let impaired = async {
        while !log.status().impaired.is_some_and(|why| why.contains("uthentication")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, impaired).await.expect("the state says why");
    brokers.refused(&address, access.clone()).await;
    let ours = access.password.clone().unwrap();
    tokio::task::block_in_place(|| change(&ours));
    let back = async {
        loop {
            number += 1;
            match log.append(vec![numbered(number)]).await {
                Ok(_) => break acknowledged.push(number),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(SOON, back).await.expect("it comes back by itself");
    let all = read_all(&brokers.open(&address, "changed", access).await.unwrap()).await;
    let mut read: Vec<usize> = all.records.iter().map(|record| number_of(&record.payload)).collect();
    read.sort_unstable();
    assert!(read.windows(2).all(|two| two[0] < two[1]), "nothing twice: {read:?}");
    assert!(acknowledged.iter().all(|number| read.contains(number)), "nothing is lost: {read:?}");
}
