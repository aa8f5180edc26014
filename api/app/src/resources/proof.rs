//! Second factors as they are given in requests and named in answers.

use footfall_api_access::{FactorKind as Kind, FactorProof, PasskeyResponse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::BASE64URL;

/// The kinds of second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    Totp,
    RecoveryCode,
    Passkey,
}

impl From<Kind> for FactorKind {
    fn from(kind: Kind) -> FactorKind {
        match kind {
            Kind::Totp => FactorKind::Totp,
            Kind::RecoveryCode => FactorKind::RecoveryCode,
            Kind::Passkey => FactorKind::Passkey,
        }
    }
}

/// What a browser returns from `navigator.credentials.get()`, fields in URL-safe base64.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    #[schemars(length(min = 1, max = 1400), regex(pattern = BASE64URL))]
    id: String,
    #[schemars(length(min = 1, max = 4000), regex(pattern = BASE64URL))]
    client_data_json: String,
    #[schemars(length(min = 1, max = 4000), regex(pattern = BASE64URL))]
    authenticator_data: String,
    #[schemars(length(min = 1, max = 2000), regex(pattern = BASE64URL))]
    signature: String,
}

impl From<PasskeyAnswer> for PasskeyResponse {
    fn from(answer: PasskeyAnswer) -> PasskeyResponse {
        let PasskeyAnswer { id, client_data_json, authenticator_data, signature } = answer;
        PasskeyResponse { id, client_data_json, authenticator_data, signature }
    }
}

/// A second factor as it is given.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Proof {
    /// The six digits of the authenticator.
    Totp(#[schemars(length(min = 6, max = 12))] String),
    RecoveryCode(#[schemars(length(min = 1, max = 60))] String),
    Passkey(PasskeyAnswer),
}

impl From<Proof> for FactorProof {
    fn from(proof: Proof) -> FactorProof {
        match proof {
            Proof::Totp(code) => FactorProof::Totp(code),
            Proof::RecoveryCode(code) => FactorProof::RecoveryCode(code),
            Proof::Passkey(answer) => FactorProof::Passkey(answer.into()),
        }
    }
}
