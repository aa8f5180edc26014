//! Passkeys with a software authenticator: registration, sign-in without a password, as the second factor, and copies.

use ciborium::Value;
use footfall_api_access::{AccessError, FactorProof, PasskeyRegistration, PasskeyResponse, SignIn};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use crate::house::*;

on_both!(
    a_passkey_signs_in_alone,
    a_response_is_good_once_for_many_at_once,
    a_passkey_is_a_second_factor,
    a_copied_authenticator_is_noticed,
    anothers_passkey_does_not_pass,
    a_factor_added_while_another_goes_counts,
);

struct Authenticator {
    id: &'static str,
    pair: EcdsaKeyPair,
    count: u32,
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()
}

fn client_data(kind: &str, options: &serde_json::Value) -> String {
    let challenge = options["challenge"].as_str().expect("a challenge");
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"https://footfall.example","crossOrigin":false}}"#)
}

impl Authenticator {
    fn new(id: &'static str) -> Authenticator {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("a key");
        Authenticator { id, pair, count: 0 }
    }

    fn data(&self, flags: u8, rest: &[u8]) -> Vec<u8> {
        [&sha256(b"footfall.example")[..], &[flags], &self.count.to_be_bytes(), rest].concat()
    }

    fn register(&self, options: &serde_json::Value) -> PasskeyRegistration {
        let point = self.pair.public_key().as_ref();
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let key =
            [(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, bytes(&point[1..33])), (-3, bytes(&point[33..]))];
        let key = Value::Map(key.into_iter().map(|(label, value): (i64, Value)| (label.into(), value)).collect());
        let mut rest = [&[0; 16][..], &(self.id.len() as u16).to_be_bytes(), self.id.as_bytes()].concat();
        ciborium::into_writer(&key, &mut rest).expect("written");
        let object = Value::Map(vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Value::Map(vec![])),
            ("authData".into(), Value::Bytes(self.data(0x45, &rest))),
        ]);
        let mut attestation = Vec::new();
        ciborium::into_writer(&object, &mut attestation).expect("written");
        PasskeyRegistration {
            client_data_json: base64url(client_data("webauthn.create", options).as_bytes()),
            attestation_object: base64url(&attestation),
        }
    }

    fn sign(&mut self, options: &serde_json::Value) -> PasskeyResponse {
        self.count += 1;
        let (data, client_data) = (self.data(0x05, &[]), client_data("webauthn.get", options));
        let message = [&data[..], &sha256(client_data.as_bytes())].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message).expect("signed");
        PasskeyResponse {
            id: base64url(self.id.as_bytes()),
            client_data_json: base64url(client_data.as_bytes()),
            authenticator_data: base64url(&data),
            signature: base64url(signature.as_ref()),
        }
    }
}

mod scenes {
    use footfall_api_access::{Access, Tokens};

    use super::*;
    use crate::stage::Stage;

    async fn registered(access: &Access, stage: &Stage, email: &str, id: &'static str) -> (Tokens, Authenticator) {
        let tokens = sign_up(access, stage, email).await;
        let authenticator = Authenticator::new(id);
        let options = access.begin_passkey_registration(&tokens.account).await.expect("begun");
        let response = authenticator.register(&options);
        let finish = async || access.finish_passkey_registration(&tokens.account, "Phone", &response, &origin()).await;
        finish().await.expect("registered");
        assert!(matches!(finish().await, Err(AccessError::Factor)), "the challenge is spent");
        (tokens, authenticator)
    }

    pub async fn a_passkey_signs_in_alone(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, mut authenticator) = registered(&access, stage, "ada@example.org", "key-1").await;
        let options = access.begin_passkey_use().await.expect("begun");
        assert_eq!(options.get("allowCredentials"), None, "it tells nothing about any account");
        let signed_in = access.sign_in_with_passkey(&authenticator.sign(&options), &origin()).await.expect("signed in");
        assert_eq!(signed_in.account, tokens.account);
        let again = access.sign_in_with_passkey(&authenticator.sign(&options), &origin()).await;
        assert!(matches!(again, Err(AccessError::Factor)), "the challenge is spent");
        let options = access.begin_passkey_use().await.expect("begun");
        stage.pass(5 * 60_000);
        assert!(access.sign_in_with_passkey(&authenticator.sign(&options), &origin()).await.is_err(), "too late");
        access.remove_passkey(&tokens.account, &base64url(b"key-1"), &origin()).await.expect("removed");
        let options = access.begin_passkey_use().await.expect("begun");
        assert!(access.sign_in_with_passkey(&authenticator.sign(&options), &origin()).await.is_err());
        sign_in(&access, "ada@example.org").await;
    }

    pub async fn a_response_is_good_once_for_many_at_once(stage: &Stage) {
        let access = process(stage).await;
        let (_, mut authenticator) = registered(&access, stage, "ada@example.org", "key-1").await;
        let response = authenticator.sign(&access.begin_passkey_use().await.expect("begun"));
        let results = at_once(8, |_| {
            let (access, response) = (access.clone(), response.clone());
            async move { access.sign_in_with_passkey(&response, &origin()).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    }

    pub async fn a_passkey_is_a_second_factor(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, mut authenticator) = registered(&access, stage, "ada@example.org", "key-1").await;
        let SignIn::FactorNeeded { challenge, .. } =
            access.sign_in("ada@example.org", PASSWORD, &origin()).await.expect("the password fits")
        else {
            panic!("no factor was asked for")
        };
        let options = access.begin_passkey_use().await.expect("begun");
        let mut wrong = authenticator.sign(&options);
        wrong.signature.replace_range(20..22, "AA");
        let refused = access.finish_sign_in(&challenge, &FactorProof::Passkey(wrong), &origin()).await;
        assert!(matches!(refused, Err(AccessError::Factor)));
        let proof = FactorProof::Passkey(authenticator.sign(&options));
        access.finish_sign_in(&challenge, &proof, &origin()).await.expect("signed in");
        let options = access.begin_passkey_use().await.expect("begun");
        let proof = FactorProof::Passkey(authenticator.sign(&options));
        access.step_up(&tokens.account, &tokens.session, &proof, &origin()).await.expect("stepped up");
    }

    pub async fn a_copied_authenticator_is_noticed(stage: &Stage) {
        let access = process(stage).await;
        let (_, mut authenticator) = registered(&access, stage, "ada@example.org", "key-1").await;
        for (count, allowed) in [(4, true), (4, false), (2, false), (9, true)] {
            authenticator.count = count;
            let options = access.begin_passkey_use().await.expect("begun");
            let result = access.sign_in_with_passkey(&authenticator.sign(&options), &origin()).await;
            assert_eq!(result.is_ok(), allowed, "{count}");
        }
    }

    pub async fn anothers_passkey_does_not_pass(stage: &Stage) {
        let access = process(stage).await;
        let (ada, _) = registered(&access, stage, "ada@example.org", "key-1").await;
        let (eve, mut authenticator) = registered(&access, stage, "eve@example.org", "key-2").await;
        let options = access.begin_passkey_use().await.expect("begun");
        let proof = FactorProof::Passkey(authenticator.sign(&options));
        let refused = access.step_up(&ada.account, &ada.session, &proof, &origin()).await;
        assert!(matches!(refused, Err(AccessError::Factor)));
        let options = access.begin_passkey_registration(&ada.account).await.expect("begun");
        let copy = Authenticator::new("key-2").register(&options);
        let taken = access.finish_passkey_registration(&ada.account, "Copy", &copy, &origin()).await;
        assert!(matches!(taken, Err(AccessError::Conflict(_))), "an id belongs to one account");
        let options = access.begin_passkey_registration(&ada.account).await.expect("begun");
        let mine = Authenticator::new("key-3").register(&options);
        let foreign = access.finish_passkey_registration(&eve.account, "Mine", &mine, &origin()).await;
        assert!(matches!(foreign, Err(AccessError::Factor)), "begun by another account");
    }

    pub async fn a_factor_added_while_another_goes_counts(stage: &Stage) {
        use footfall_ingest_activity::Clock;
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        for round in ["a", "b", "c", "d", "e", "f"] {
            let enrolment = access.begin_totp(&tokens.account).await.expect("begun");
            let code = crate::factors::code(&enrolment.secret, stage.clock.now().millis());
            access.confirm_totp(&tokens.account, &code, &origin()).await.expect("confirmed");
            let options = access.begin_passkey_registration(&tokens.account).await.expect("begun");
            let response = Authenticator::new(round).register(&options);
            at_once(2, |at| {
                let (access, account, response) = (access.clone(), tokens.account.clone(), response.clone());
                async move {
                    match at {
                        0 => access.remove_totp(&account, &origin()).await.expect("removed"),
                        _ => {
                            let added =
                                access.finish_passkey_registration(&account, "Phone", &response, &origin()).await;
                            added.expect("added");
                        }
                    }
                }
            })
            .await;
            assert!(access.account(&tokens.account).await.expect("read").has_factor, "{round}");
            access.remove_passkey(&tokens.account, &base64url(round.as_bytes()), &origin()).await.expect("removed");
            assert!(!access.account(&tokens.account).await.expect("read").has_factor, "{round}");
        }
    }
}
