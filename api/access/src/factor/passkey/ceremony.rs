//! What an authenticator sends: client data, authenticator data, attestation. Read strictly (WebAuthn 3, 7.1 and 7.2).

use ciborium::Value;
use serde::Deserialize;

use super::credential::PublicKey;
use crate::secret::{from_base64url, same, sha256};

/// Whose ceremony it is: our origin and the id that keys are bound to.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// `https://footfall.example.org`
    pub origin: String,
    /// Its host.
    pub id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// Which ceremony the client says it took part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// The challenge of `client_data` (JSON), when it is of this ceremony and of our origin. A page of another origin gets a
/// signature over its own name: that is what makes passkeys proof against phishing.
pub(super) fn challenge_of(client_data: &[u8], ceremony: Ceremony, party: &Party) -> Option<String> {
    let data: ClientData = serde_json::from_slice(client_data).ok()?;
    let kind = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    (data.kind == kind && data.origin == party.origin && !data.cross_origin).then_some(data.challenge)
}

/// Authenticator data that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthenticatorData {
    pub sign_count: u32,
    pub backed_up: bool,
    /// Credential id and public key, at a registration.
    pub credential: Option<(Vec<u8>, PublicKey)>,
}

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;

/// Reads authenticator data of our party. The user must have been verified (PIN, finger, face): a passkey stands for both
/// factors here (NIST SP 800-63B-4, 3.2.10), so possession alone is too little.
pub(super) fn read_authenticator_data(bytes: &[u8], party: &Party) -> Option<AuthenticatorData> {
    let (party_hash, rest) = bytes.split_first_chunk::<32>()?;
    let (flags, rest) = rest.split_first()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let verified = flags & USER_PRESENT != 0 && flags & USER_VERIFIED != 0;
    if !verified || !same(party_hash, &sha256(party.id.as_bytes())) {
        return None;
    }
    let credential = if flags & HAS_CREDENTIAL != 0 { Some(read_credential(rest)?) } else { None };
    Some(AuthenticatorData { sign_count: u32::from_be_bytes(*count), backed_up: flags & BACKED_UP != 0, credential })
}

fn read_credential(bytes: &[u8]) -> Option<(Vec<u8>, PublicKey)> {
    // Sixteen bytes name the model; without attestation they prove nothing.
    let (_model, rest) = bytes.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    // WebAuthn 3, 7.1 step 25: longer ids are refused.
    if length == 0 || length > 1023 {
        return None;
    }
    let (id, key) = rest.split_at_checked(length)?;
    Some((id.to_vec(), PublicKey::from_cose(key)?))
}

/// The authenticator data inside an attestation object. Its statement is not looked at: `none` is asked for, since which
/// make of authenticator somebody uses is not our business.
pub(super) fn authenticator_data_of(attestation: &[u8]) -> Option<Vec<u8>> {
    // Bounded before it is parsed; ciborium bounds the depth.
    if attestation.len() > 64 * 1024 {
        return None;
    }
    let value: Value = ciborium::from_reader(attestation).ok()?;
    let entry = value.as_map()?.iter().find(|(key, _)| key.as_text() == Some("authData"));
    entry.and_then(|(_, data)| data.as_bytes()).cloned()
}

/// What [`PublicKey::verifies`] has to have signed at a use.
pub(super) fn signed_message(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    [authenticator_data, &sha256(client_data)].concat()
}

/// Bytes of a field of the response.
pub(super) fn octets(field: &str) -> Option<Vec<u8>> {
    from_base64url(field.trim_end_matches('='))
}
