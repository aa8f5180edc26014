//! How commands find the running server: it leaves its address and a token of this run in the data folder.

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::AppError;

/// `run/operator.json`, readable by its owner alone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Presence {
    /// Where the server can be reached from this machine.
    pub address: SocketAddr,
    pub pid: u32,
    pub token: String,
}

fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("run/operator.json")
}

/// Address to call for one that was bound: an unspecified one is reached by loopback.
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), bound.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), bound.port()),
        _ => bound,
    }
}

impl Presence {
    /// Tells commands that the server is there, until the value is dropped.
    pub fn announce(self, data_dir: &Path) -> Result<Announced, AppError> {
        let path = path_in(data_dir);
        let folder = data_dir.join("run");
        fs::create_dir_all(&folder).map_err(AppError::file(&folder))?;
        let next = path.with_extension("next");
        drop(fs::remove_file(&next));
        let mut file =
            File::options().create_new(true).write(true).mode(0o600).open(&next).map_err(AppError::file(&next))?;
        let text = serde_json::to_vec(&self).map_err(|error| AppError::Internal(error.to_string()))?;
        file.write_all(&text).map_err(AppError::file(&next))?;
        fs::rename(&next, &path).map_err(AppError::file(&path))?;
        Ok(Announced(path))
    }

    /// The server that runs on a data folder, if one answers.
    pub async fn find(data_dir: &Path) -> Option<Client> {
        let presence: Presence = serde_json::from_slice(&fs::read(path_in(data_dir)).ok()?).ok()?;
        let client = Client::new(&format!("http://{}", presence.address), &presence.token).ok()?;
        // Another program may have the port of a server that is gone: only ours knows the token.
        client.knows_operator().await.then_some(client)
    }
}

/// Takes the file away when the server ends.
pub struct Announced(PathBuf);

impl Drop for Announced {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}
