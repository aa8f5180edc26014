//! What can be wrong with the settings, in words that say where.

use std::io;
use std::path::PathBuf;

use super::Origin;

/// A setting cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{origin}: there is no setting {name:?}{}", did_you_mean(nearest))]
    Unknown { origin: Origin, name: String, nearest: Option<String> },
    #[error("{origin}: {name} = {value}: {detail}")]
    Value { origin: Origin, name: String, value: String, detail: String },
    #[error("{path}: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path}: not TOML: {detail}")]
    Syntax { path: PathBuf, detail: String },
    #[error("--set wants key=value, not {0:?}")]
    Set(String),
}

fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name:?}?"),
        None => String::new(),
    }
}
