//! Responses of a software authenticator, right and wrong in every part.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ciborium::Value;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::ceremony::*;
use super::credential::PublicKey;
use crate::secret::sha256;

fn party() -> Party {
    Party { origin: "https://f.example".into(), id: "f.example".into() }
}

fn cose(pairs: &[(i64, Value)]) -> Vec<u8> {
    let map = pairs.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect();
    let mut bytes = Vec::new();
    ciborium::into_writer(&Value::Map(map), &mut bytes).expect("written");
    bytes
}

fn authenticator_data(id: &str, flags: u8, count: u32, rest: &[u8]) -> Vec<u8> {
    [&sha256(id.as_bytes())[..], &[flags], &count.to_be_bytes(), rest].concat()
}

fn p256() -> (EcdsaKeyPair, Vec<u8>) {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("a key");
    let point = pair.public_key().as_ref().to_vec();
    let (x, y) = (Value::Bytes(point[1..33].to_vec()), Value::Bytes(point[33..].to_vec()));
    let cose = cose(&[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, x), (-3, y)]);
    (pair, cose)
}

#[test]
fn client_data_is_of_our_ceremony_and_origin() {
    let json = |kind: &str, origin: &str, more: &str| {
        format!(r#"{{"type":"{kind}","challenge":"c","origin":"{origin}"{more}}}"#).into_bytes()
    };
    let read = |bytes: Vec<u8>| challenge_of(&bytes, Ceremony::Get, &party());
    assert_eq!(read(json("webauthn.get", "https://f.example", "")), Some("c".to_owned()));
    assert_eq!(
        read(json("webauthn.get", "https://f.example", r#","crossOrigin":false,"other":1"#)),
        Some("c".to_owned())
    );
    for wrong in [
        json("webauthn.create", "https://f.example", ""),
        json("webauthn.get", "https://evil.example", ""),
        json("webauthn.get", "http://f.example", ""),
        json("webauthn.get", "https://f.example.evil.example", ""),
        json("webauthn.get", "https://f.example", r#","crossOrigin":true"#),
        b"{}".to_vec(),
        vec![],
    ] {
        assert_eq!(read(wrong.clone()), None, "{}", String::from_utf8_lossy(&wrong));
    }
}

#[test]
fn the_user_must_be_there_and_verified() {
    let flags = |flags| read_authenticator_data(&authenticator_data("f.example", flags, 7, &[]), &party());
    let data = flags(0b0001_0101).expect("accepted");
    assert_eq!((data.sign_count, data.backed_up, data.credential), (7, true, None));
    assert_eq!((flags(0b001), flags(0b100), flags(0)), (None, None, None));
    assert_eq!(read_authenticator_data(&authenticator_data("evil.example", 5, 7, &[]), &party()), None);
    assert_eq!(read_authenticator_data(&[0; 36], &party()), None);
}

#[test]
fn a_registration_yields_its_key() {
    let (_, key) = p256();
    let rest = [&[0u8; 16][..], &4u16.to_be_bytes(), b"id-1", &key].concat();
    let data = authenticator_data("f.example", 0b0100_0101, 0, &rest);
    let object = Value::Map(vec![
        ("fmt".into(), "none".into()),
        ("attStmt".into(), Value::Map(vec![])),
        ("authData".into(), Value::Bytes(data.clone())),
    ]);
    let mut attestation = Vec::new();
    ciborium::into_writer(&object, &mut attestation).expect("written");
    assert_eq!(authenticator_data_of(&attestation), Some(data.clone()));
    let (id, read) = read_authenticator_data(&data, &party()).expect("accepted").credential.expect("a key");
    assert_eq!((id.as_slice(), PublicKey::from_text(&read.to_text())), (&b"id-1"[..], Some(read)));
    for cut in 0..attestation.len() {
        assert!(authenticator_data_of(&attestation[..cut]).is_none(), "cut at {cut}");
    }
    for cut in 0..data.len() {
        let read = read_authenticator_data(&data[..cut], &party());
        assert!(read.is_none(), "cut at {cut}");
    }
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let x = || Value::Bytes(vec![1; 32]);
    let wrong: [&[(i64, Value)]; 6] = [
        &[(1, 2.into()), (3, (-257).into()), (-1, 1.into()), (-2, x()), (-3, x())],
        &[(1, 2.into()), (3, (-7).into()), (-1, 2.into()), (-2, x()), (-3, x())],
        &[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, Value::Bytes(vec![1; 31])), (-3, x())],
        &[(1, 1.into()), (3, (-7).into()), (-1, 6.into()), (-2, x())],
        &[(1, 4.into()), (3, 5.into()), (-1, x())],
        &[(1, 3.into()), (3, (-257).into()), (-1, Value::Bytes(vec![1; 4096])), (-2, x())],
    ];
    for pairs in wrong {
        assert_eq!(PublicKey::from_cose(&cose(pairs)), None, "{pairs:?}");
    }
}

#[test]
fn only_its_own_signature_is_taken() {
    let (pair, key) = p256();
    let key = PublicKey::from_cose(&key).expect("a key");
    let message = signed_message(&authenticator_data("f.example", 5, 1, &[]), b"{}");
    let signature = pair.sign(&SystemRandom::new(), &message).expect("signed");
    assert!(key.verifies(&message, signature.as_ref()));
    assert!(!key.verifies(b"another message", signature.as_ref()));
    let (_, other) = p256();
    assert!(!PublicKey::from_cose(&other).expect("a key").verifies(&message, signature.as_ref()));

    let edwards = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a key");
    let x = Value::Bytes(edwards.public_key().as_ref().to_vec());
    let key = PublicKey::from_cose(&cose(&[(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, x)])).expect("a key");
    assert!(key.verifies(&message, edwards.sign(&message).as_ref()));
    assert_eq!(PublicKey::from_text(&key.to_text()), Some(key));
}
