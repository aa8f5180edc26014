//! Encrypted payloads: `base64(iv).base64(AES-CBC)`, as the SDKs read them.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

/// Why a text could not be encrypted or decrypted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EncryptionError {
    #[error("the key has to be 16, 24 or 32 bytes in base64")]
    Key,
    #[error("the encrypted text has to be two parts in base64, an iv of 16 bytes and the content, with a dot between")]
    Format,
    #[error("the content does not fit the key")]
    Content,
}

/// Padding may be left out, as browsers allow.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn bytes(text: &str, error: EncryptionError) -> Result<Vec<u8>, EncryptionError> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(text).map_err(|_| error)
}

/// Decrypts a text. The key is base64; of 16 bytes in GrowthBook's use.
pub fn decrypt(encrypted: &str, key: &str) -> Result<String, EncryptionError> {
    let key = bytes(key, EncryptionError::Key)?;
    let mut parts = encrypted.split('.');
    let (Some(iv), Some(content)) = (parts.next(), parts.next()) else { return Err(EncryptionError::Format) };
    let iv = bytes(iv, EncryptionError::Format)?;
    let content = bytes(content, EncryptionError::Format)?;
    if iv.len() != 16 || content.is_empty() || content.len() % 16 != 0 {
        return Err(EncryptionError::Format);
    }
    let plain =
        match key.len() {
            16 => cbc::Decryptor::<Aes128>::new_from_slices(&key, &iv)
                .map(|mode| mode.decrypt_padded_vec::<Pkcs7>(&content)),
            24 => cbc::Decryptor::<Aes192>::new_from_slices(&key, &iv)
                .map(|mode| mode.decrypt_padded_vec::<Pkcs7>(&content)),
            32 => cbc::Decryptor::<Aes256>::new_from_slices(&key, &iv)
                .map(|mode| mode.decrypt_padded_vec::<Pkcs7>(&content)),
            _ => return Err(EncryptionError::Key),
        };
    let plain = plain.map_err(|_| EncryptionError::Key)?.map_err(|_| EncryptionError::Content)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

/// Encrypts a text with AES-128. The caller gives an iv that was never used before with this key.
pub fn encrypt(plain: &str, key: &str, iv: [u8; 16]) -> Result<String, EncryptionError> {
    let key = bytes(key, EncryptionError::Key)?;
    let mode = cbc::Encryptor::<Aes128>::new_from_slices(&key, &iv).map_err(|_| EncryptionError::Key)?;
    let content = mode.encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
    Ok(format!("{}.{}", BASE64.encode(iv), BASE64.encode(content)))
}
