//! Settings: built-in defaults, then a file, then the environment, then flags, each over the one before.
//!
//! `default.toml` lists every setting; a name that is not in it is an error wherever it turns up.

mod error;
mod file;
mod layers;
mod names;
mod quantity;
mod settings;
mod show;

#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use layers::{Layers, Origin};
pub use quantity::{ByteCount, Span};
pub use settings::{LogSettings, ServerSettings, Settings, TracingFormat, TracingSettings, is_project};

use std::path::{Path, PathBuf};

/// What was said on the command line and in the environment about settings.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--config FILE` (or `FOOTFALL_CONFIG`): it must exist.
    pub file: Option<PathBuf>,
    /// Variables whose names start with `FOOTFALL_`, in any order.
    pub environment: Vec<(String, String)>,
    /// Flags in order: key, value, and the flag as it was written.
    pub flags: Vec<(String, String, String)>,
}

/// The settings in force and where each came from.
#[derive(Debug)]
pub struct Config {
    pub settings: Settings,
    pub layers: Layers,
}

impl Config {
    /// Reads all layers. Without `--config`, `footfall.toml` in the data folder is read if it is there.
    pub fn load(given: &Given) -> Result<Config, ConfigError> {
        let mut overrides = Layers::built_in()?;
        overrides.environment(&given.environment)?;
        overrides.flags(&given.flags)?;

        let in_data_dir = || Path::new(overrides.text("data_dir")).join("footfall.toml");
        let file = given.file.clone().or_else(|| Some(in_data_dir()).filter(|path| path.exists()));
        let Some(path) = file else { return Config::of(overrides) };

        let mut layers = Layers::built_in()?;
        layers.file(&path)?;
        layers.environment(&given.environment)?;
        layers.flags(&given.flags)?;
        Config::of(layers)
    }

    fn of(mut layers: Layers) -> Result<Config, ConfigError> {
        let settings = layers.settings()?;
        layers.expand_data_dir(&settings.data_dir);
        let settings = layers.settings()?;
        settings.check(&layers)?;
        Ok(Config { settings, layers })
    }

    /// The effective settings as TOML, each with where it came from as a comment; secrets masked.
    pub fn to_toml(&self) -> String {
        show::to_toml(&self.layers)
    }
}
