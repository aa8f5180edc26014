//! The secret behind cursors, CSRF tokens and device cookies: a file of its owner beside the data, so that it outlives a restart.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use footfall_api_http::Secret;

/// Why the secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} may be read by others (mode {mode:o}): delete it, a new one is made; sessions go on")]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{path} is damaged: delete it, a new one is made; sessions go on")]
    Damaged { path: PathBuf },
}

/// The secret of `folder`, made at the first start. Processes that serve the same people share the file `http.key`.
pub fn secret_of(folder: &Path) -> Result<Secret, SecretFileError> {
    let path = folder.join("http.key");
    let fail = |source| SecretFileError::File { path: path.clone(), source };
    if let Err(error) = fs::metadata(&path) {
        if error.kind() != ErrorKind::NotFound {
            return Err(fail(error));
        }
        create(folder, &path).map_err(fail)?;
    }
    let mode = fs::metadata(&path).map_err(fail)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed { path, mode });
    }
    let bytes = fs::read(&path).map_err(fail)?;
    bytes.try_into().map(Secret::new).map_err(|_| SecretFileError::Damaged { path })
}

/// Written beside and linked into place: of two processes that start at once, one's secret wins and both read it.
fn create(folder: &Path, path: &Path) -> std::io::Result<()> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
    fs::create_dir_all(folder)?;
    let next = folder.join(format!("http.{}.next", std::process::id()));
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    let linked = fs::hard_link(&next, path);
    fs::remove_file(&next)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let token = |secret: Secret| footfall_api_http::csrf_token(&secret, "session");
        let first = token(secret_of(folder.path()).expect("made"));
        assert_eq!(first, token(secret_of(folder.path()).expect("found")));
        let path = folder.path().join("http.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("opened up");
        assert!(matches!(secret_of(folder.path()), Err(SecretFileError::Exposed { mode: 0o640, .. })));
        fs::remove_file(&path).expect("removed");
        assert_ne!(first, token(secret_of(folder.path()).expect("made anew")));
        fs::write(&path, "short").expect("damaged");
        assert!(matches!(secret_of(folder.path()), Err(SecretFileError::Damaged { .. })));
    }
}
