//! The settings by dotted name, each with the layer that said it last.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::file::{self, Assignment};
use super::names::{OTHER_VARIABLES, PREFIX, key_of_variable, nearest, variable_of};
use super::{ConfigError, Settings};

const DEFAULTS: &str = include_str!("../../default.toml");

/// Which layer a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Flag { flag: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment { variable } => write!(f, "environment {variable}"),
            Origin::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}

/// One setting as it stands.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub value: Value,
    pub origin: Origin,
}

/// All settings, in the order of `default.toml`.
#[derive(Debug, Clone)]
pub struct Layers(Vec<Entry>);

impl Layers {
    /// The defaults.
    pub fn built_in() -> Result<Layers, ConfigError> {
        let entry = |Assignment { name, value, .. }| Entry { name, value, origin: Origin::Default };
        Ok(Layers(file::parse(Path::new("default.toml"), DEFAULTS)?.into_iter().map(entry).collect()))
    }

    /// Every setting.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// A setting that is text; empty when it is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|entry| entry.name == name).and_then(|entry| entry.value.as_str()).unwrap_or_default()
    }

    /// Where a setting came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.0.iter().find(|entry| entry.name == name).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// Lays a file over what is there.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        for Assignment { name, value, line } in file::read(path)? {
            self.set(&name, value, Origin::File { path: path.to_owned(), line })?;
        }
        Ok(())
    }

    /// Lays the variables of the environment over what is there.
    pub fn environment(&mut self, variables: &[(String, String)]) -> Result<(), ConfigError> {
        for (variable, text) in variables {
            if !variable.starts_with(PREFIX) || OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let origin = Origin::Environment { variable: variable.clone() };
            let key = key_of_variable(variable, self.names()).map(str::to_owned);
            let Some(key) = key else {
                let nearest = nearest(variable, self.names().map(variable_of));
                return Err(ConfigError::Unknown { origin, name: variable.clone(), nearest });
            };
            self.set_text(&key, text, origin)?;
        }
        Ok(())
    }

    /// Lays flags over what is there: key, value, and the flag as written.
    pub fn flags(&mut self, flags: &[(String, String, String)]) -> Result<(), ConfigError> {
        flags.iter().try_for_each(|(key, text, flag)| self.set_text(key, text, Origin::Flag { flag: flag.clone() }))
    }

    /// Puts the data folder where a value says `${data_dir}`.
    pub fn expand_data_dir(&mut self, data_dir: &Path) {
        for entry in &mut self.0 {
            if let Value::String(text) = &mut entry.value {
                *text = text.replace("${data_dir}", &data_dir.to_string_lossy());
            }
        }
    }

    /// The settings, typed. The error names the first setting whose value cannot be read.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let error = match Table::try_into::<Settings>(self.table(|_| true)) {
            Ok(settings) => return Ok(settings),
            Err(error) => error,
        };
        let defaults = Layers::built_in()?;
        let faulty = self.0.iter().find(|entry| defaults.with(entry).table(|_| true).try_into::<Settings>().is_err());
        let entry = faulty.or(self.0.first());
        Err(ConfigError::Value {
            origin: entry.map_or(Origin::Default, |entry| entry.origin.clone()),
            name: entry.map(|entry| entry.name.clone()).unwrap_or_default(),
            value: entry.map(|entry| entry.value.to_string()).unwrap_or_default(),
            detail: error.message().lines().next().unwrap_or_default().to_owned(),
        })
    }

    fn with(&self, changed: &Entry) -> Layers {
        let pick = |entry: &Entry| if entry.name == changed.name { changed.clone() } else { entry.clone() };
        Layers(self.0.iter().map(pick).collect())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| entry.name.as_str())
    }

    fn table(&self, keep: impl Fn(&Entry) -> bool) -> Table {
        let mut table = Table::new();
        for entry in self.0.iter().filter(|entry| keep(entry)) {
            match entry.name.split_once('.') {
                None => {
                    table.insert(entry.name.clone(), entry.value.clone());
                }
                Some((section, name)) => {
                    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    if let Value::Table(section) = section {
                        section.insert(name.to_owned(), entry.value.clone());
                    }
                }
            }
        }
        table
    }

    fn set(&mut self, name: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        match self.0.iter_mut().find(|entry| entry.name == name) {
            Some(entry) => {
                entry.value = value;
                entry.origin = origin;
                Ok(())
            }
            None => {
                let nearest = nearest(name, self.names().map(str::to_owned));
                Err(ConfigError::Unknown { origin, name: name.to_owned(), nearest })
            }
        }
    }

    /// Text becomes a value of the type that the default has.
    fn set_text(&mut self, name: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let default = self.0.iter().find(|entry| entry.name == name).map(|entry| &entry.value);
        let wrong = |detail: &str| ConfigError::Value {
            origin: origin.clone(),
            name: name.to_owned(),
            value: format!("{text:?}"),
            detail: detail.to_owned(),
        };
        let value = match default {
            Some(Value::Integer(_)) => Value::Integer(text.trim().parse().map_err(|_| wrong("not a whole number"))?),
            Some(Value::Float(_)) => Value::Float(text.trim().parse().map_err(|_| wrong("not a number"))?),
            Some(Value::Boolean(_)) => Value::Boolean(text.trim().parse().map_err(|_| wrong("not true or false"))?),
            _ => Value::String(text.to_owned()),
        };
        self.set(name, value, origin)
    }
}
