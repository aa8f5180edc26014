//! Random tokens: 32 bytes of the system's randomness in URL-safe base64 behind a prefix.

/// What the operator's token starts with.
pub const OPERATOR_PREFIX: &str = "ffo_";

/// The system gives no randomness.
#[derive(Debug, thiserror::Error)]
#[error("no randomness from the system: {0}")]
pub struct TokenError(String);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A new token.
pub fn random_token(prefix: &str) -> Result<String, TokenError> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| TokenError(error.to_string()))?;
    let mut token = String::from(prefix);
    let (mut bits, mut waiting) = (0u32, 0u32);
    for byte in bytes.into_iter().chain([0]) {
        bits = bits << 8 | u32::from(byte);
        waiting += 8;
        while waiting >= 6 && token.len() < prefix.len() + 43 {
            waiting -= 6;
            token.push(char::from(ALPHABET[(bits >> waiting & 63) as usize]));
        }
    }
    Ok(token)
}
