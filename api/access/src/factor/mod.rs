//! Second factors: TOTP, recovery codes, passkeys; challenges under way; the step-up.

mod challenge;
mod enrol;
pub(crate) mod passkey;
mod prove;
mod qr;
mod totp;

use serde::Serialize;

pub(crate) use challenge::Purpose;
pub use enrol::{Factor, TotpEnrolment};
pub use passkey::{PasskeyRegistration, PasskeyResponse};
pub use prove::FactorProof;

use crate::secret::sha256_hex;

/// The kinds of second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    Totp,
    RecoveryCode,
    Passkey,
}

impl FactorKind {
    pub const fn name(self) -> &'static str {
        match self {
            FactorKind::Totp => "totp",
            FactorKind::RecoveryCode => "recovery_code",
            FactorKind::Passkey => "passkey",
        }
    }
}

/// What a TOTP secret is sealed for.
fn totp_context(account: &str) -> String {
    format!("totp_factors/{account}")
}

/// The hash of a recovery code as people type it: case, blanks and dashes do not matter.
fn recovery_hash(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    sha256_hex(plain.as_bytes())
}
