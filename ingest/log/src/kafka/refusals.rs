//! Why brokers refuse us, or are not who they should be: librdkafka tells that beside the calls that fail of it, and goes on trying.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

/// librdkafka is silent about what repeats itself for 30 seconds; what is older than this is over.
const HOLDS: Duration = Duration::from_secs(45);

/// Names that people know the settings of librdkafka by.
const NAMES: [(&str, &str); 4] = [
    ("ssl.ca.location", "log.kafka_ca_file"),
    ("ssl.key.location", "log.kafka_key_file"),
    ("ssl.certificate.location", "log.kafka_certificate_file"),
    ("security.protocol", "log.kafka_tls or log.kafka_user"),
];

struct Heard {
    at: Instant,
    why: String,
    /// Trying again changes nothing: the password, a certificate or a name is another one.
    is_final: bool,
}

/// What was heard last.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Option<Heard>>);

impl Refusals {
    /// Takes in what librdkafka tells of a connection.
    pub fn hear(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let is_final = matches!(
            code,
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL | RDKafkaErrorCode::SaslAuthenticationFailed)
        ) || reason.contains("SSL alert number");
        let is_hint = ["SSL listener?", "PLAINTEXT broker listener?", "might require SASL"]
            .iter()
            .any(|hint| reason.contains(hint));
        if !is_final && !is_hint {
            return;
        }
        let mut why = NAMES.iter().fold(reason.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
        if reason.contains("certificate verify failed") {
            why.push_str("; or its certificate is of another host name than that in log.url");
        }
        if ["alert bad certificate", "alert certificate required", "alert unknown ca"]
            .iter()
            .any(|alert| reason.contains(alert))
        {
            why.push_str("; the brokers want a certificate of ours that they know: log.kafka_certificate_file and log.kafka_key_file");
        }
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A broker that also hangs up does not make the password right.
        if is_final || !heard.as_ref().is_some_and(|known| known.is_final && known.at.elapsed() < HOLDS) {
            *heard = Some(Heard { at: Instant::now(), why, is_final });
        }
    }

    /// Why trying again changes nothing, if that was heard lately.
    pub fn last(&self) -> Option<String> {
        self.lately(|heard| heard.is_final)
    }

    /// What a call failed of, with what was heard about it.
    pub fn explain(&self, failed: &str) -> String {
        match self.lately(|_| true) {
            Some(why) => format!("{failed}: {why}"),
            None => failed.to_owned(),
        }
    }

    fn lately(&self, wanted: impl Fn(&Heard) -> bool) -> Option<String> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.as_ref().filter(|heard| heard.at.elapsed() < HOLDS && wanted(heard)).map(|heard| heard.why.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn heard(said: &[(RDKafkaErrorCode, &str)]) -> Refusals {
        let refusals = Refusals::default();
        for (code, reason) in said {
            refusals.hear(&KafkaError::Global(*code), reason);
        }
        refusals
    }

    #[test]
    fn a_wrong_password_and_a_wrong_certificate_are_final() {
        use RDKafkaErrorCode::{AllBrokersDown, Authentication, BrokerTransportFailure, SSL};
        for (code, reason) in [
            (Authentication, "SASL authentication error: Authentication failed"),
            (SSL, "SSL handshake failed: certificate verify failed"),
            (BrokerTransportFailure, "Receive failed: tlsv13 alert certificate required: SSL alert number 116"),
        ] {
            let hint = "Disconnected: connecting to a PLAINTEXT broker listener?";
            let refusals =
                heard(&[(code, reason), (AllBrokersDown, "1/1 brokers are down"), (BrokerTransportFailure, hint)]);
            let why = refusals.last().expect("final");
            assert!(why.starts_with(reason), "{why}");
            assert_eq!(refusals.explain("Local: Timed out"), format!("Local: Timed out: {why}"));
        }
    }

    #[test]
    fn a_broker_that_is_away_refuses_nobody() {
        let refusals = heard(&[(RDKafkaErrorCode::BrokerTransportFailure, "Connect failed: Connection refused")]);
        assert_eq!((refusals.last(), refusals.explain("gone")), (None, "gone".to_owned()));
    }

    #[test]
    fn what_may_pass_is_said_and_not_final_by_the_names_of_our_settings() {
        let reason = "Disconnected: requesting ApiVersion: incorrect security.protocol configuration (connecting to a SSL listener?)";
        let refusals = heard(&[(RDKafkaErrorCode::BrokerTransportFailure, reason)]);
        assert_eq!(refusals.last(), None);
        let said = refusals.explain("gone");
        assert!(said.contains("log.kafka_tls") && !said.contains("security.protocol"), "{said}");
    }
}
