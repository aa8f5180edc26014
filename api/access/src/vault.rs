//! The installation's own secret: seals what the database must not show by itself, and keys the audit's chain.
//!
//! A copy of the database alone (a stolen backup, an injected `SELECT`) then yields no signing key, no TOTP secret and no link
//! that waits in a mail (OWASP ASVS 5, V13.3.1 and V14.2.4). The 32 bytes lie in a file of their owner beside the data.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::secret::{NoRandomness, base64url, from_base64url, random};

/// The secret and what is derived from it.
pub struct Vault {
    sealing: LessSafeKey,
    chain: hmac::Key,
}

/// What can go wrong with the vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("{action} {path}: {source}")]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} may be read by others (mode {mode:o}): chmod 600 it, and consider its secret known")]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{path} is damaged: 32 bytes in hexadecimal are expected; take it from the backup of this database")]
    Damaged { path: PathBuf },
    #[error("{0} was sealed with another vault.key than this one, or changed: take the file from the backup")]
    NotOurs(String),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl Vault {
    /// The vault of `folder`, made at the first start. Processes that share a database share this file.
    pub fn open(folder: &Path) -> Result<Vault, VaultError> {
        let path = folder.join("vault.key");
        let file = |action| {
            let path = path.clone();
            move |source| VaultError::File { action, path, source }
        };
        match fs::metadata(&path) {
            Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
                return Err(VaultError::Exposed { path, mode: meta.permissions().mode() & 0o777 });
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                create(folder, &path).map_err(|error| match error {
                    CreateError::File(source) => file("creating")(source),
                    CreateError::Randomness(error) => error.into(),
                })?;
            }
            Err(error) => return Err(file("looking at")(error)),
        }
        let text = fs::read_to_string(&path).map_err(file("reading"))?;
        let secret = from_hex(text.trim()).ok_or(VaultError::Damaged { path })?;
        Vault::with_secret(&secret)
    }

    /// A vault with this secret.
    pub fn with_secret(secret: &[u8; 32]) -> Result<Vault, VaultError> {
        // One secret, two uses: each gets a key of its own (NIST SP 800-108, HMAC as the pseudorandom function).
        let derive = |label: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), label.as_bytes());
        let sealing = UnboundKey::new(&AES_256_GCM, derive("footfall seal v1").as_ref());
        let sealing = sealing.map_err(|_| VaultError::NotOurs("the key".to_owned()))?;
        let chain = hmac::Key::new(hmac::HMAC_SHA256, derive("footfall audit v1").as_ref());
        Ok(Vault { sealing: LessSafeKey::new(sealing), chain })
    }

    /// Seals `plain` for one place: it opens only for the same `context`, so that a sealed value moved to another row is refused.
    ///
    /// AES-256-GCM with a random 96-bit nonce: good for 2^32 values (NIST SP 800-38D, 8.3).
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String, VaultError> {
        let nonce = random::<NONCE_LEN>()?;
        let mut bytes = plain.to_vec();
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut bytes)
            .map_err(|_| VaultError::NotOurs(context.to_owned()))?;
        Ok(format!("v1.{}.{}", base64url(&nonce), base64url(&bytes)))
    }

    /// What [`Vault::seal`] sealed for `context`.
    pub fn unseal(&self, context: &str, sealed: &str) -> Result<Vec<u8>, VaultError> {
        let opened = || {
            let (nonce, bytes) = sealed.strip_prefix("v1.")?.split_once('.')?;
            let nonce = Nonce::try_assume_unique_for_key(&from_base64url(nonce)?).ok()?;
            let mut bytes = from_base64url(bytes)?;
            Some(self.sealing.open_in_place(nonce, Aad::from(context), &mut bytes).ok()?.to_vec())
        };
        opened().ok_or_else(|| VaultError::NotOurs(context.to_owned()))
    }

    /// The keyed hash that chains the audit: whoever can write the database, but has not this secret, cannot make a
    /// changed record fit.
    pub(crate) fn chain_hash(&self, bytes: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.chain, bytes).as_ref());
        hash
    }
}

enum CreateError {
    File(std::io::Error),
    Randomness(NoRandomness),
}

/// Written beside and linked into place: of two processes that start at once, one's secret wins and both read it.
fn create(folder: &Path, path: &Path) -> Result<(), CreateError> {
    let secret = random::<32>().map_err(CreateError::Randomness)?;
    let written = || {
        fs::create_dir_all(folder)?;
        let next = folder.join(format!("vault.{}.next", std::process::id()));
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        writeln!(file, "{}", crate::secret::hex(&secret))?;
        file.sync_all()?;
        let linked = fs::hard_link(&next, path);
        fs::remove_file(&next)?;
        File::open(folder)?.sync_all()?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    written().map_err(CreateError::File)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn opens_only_what_it_sealed_for_the_same_place() {
        let vault = Vault::with_secret(&[7; 32]).expect("a vault");
        let sealed = vault.seal("totp/a", b"secret").expect("sealed");
        assert_eq!(vault.unseal("totp/a", &sealed).expect("opened"), b"secret");
        assert!(vault.unseal("totp/b", &sealed).is_err(), "another row");
        assert!(Vault::with_secret(&[8; 32]).expect("a vault").unseal("totp/a", &sealed).is_err(), "another key");
        assert_ne!(sealed, vault.seal("totp/a", b"secret").expect("sealed"), "a nonce is used once");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] ^= 4;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(vault.unseal("totp/a", &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_file_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let sealed = Vault::open(folder.path()).expect("made").seal("x", b"1").expect("sealed");
        assert_eq!(Vault::open(folder.path()).expect("found").unseal("x", &sealed).expect("the same"), b"1");
        let path = folder.path().join("vault.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened up");
        assert!(matches!(Vault::open(folder.path()), Err(VaultError::Exposed { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed");
        fs::write(&path, "short").expect("damaged");
        assert!(matches!(Vault::open(folder.path()), Err(VaultError::Damaged { .. })));
    }
}
