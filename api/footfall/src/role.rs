//! What a process of an installation does: everything, or one part beside others.

use crate::config::Settings;
use crate::error::AppError;

/// What this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything, as one process alone does.
    All,
    /// The doors: takes activity in and puts it into the log.
    Ingest,
    /// Takes the log to the tables.
    Jobs,
    /// Everything that people and programs ask for.
    Api,
}

impl Role {
    /// As in the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::All => "all",
            Role::Ingest => "ingest",
            Role::Jobs => "jobs",
            Role::Api => "api",
        }
    }

    /// True for those with the API and the pages.
    pub fn has_api(self) -> bool {
        matches!(self, Role::All | Role::Api)
    }

    /// True for those that take the log to the tables.
    pub fn has_job(self) -> bool {
        matches!(self, Role::All | Role::Jobs)
    }

    /// One part needs what several processes can share.
    ///
    /// # Errors
    /// The setting that names something of one process alone.
    pub fn check(self, settings: &Settings) -> Result<(), AppError> {
        let log = ("log.url", settings.log.url.as_str(), "kafka:", "kafka://HOST:PORT/TOPIC");
        let store = ("store.url", settings.store.url.as_str(), "clickhouse:", "clickhouse://HOST:PORT/DATABASE");
        let database = ("database.url", settings.database.url.as_str(), "postgres", "postgres://USER@HOST/DATABASE");
        let needed: &[_] = match self {
            Role::All => &[],
            Role::Ingest => &[log, database],
            Role::Jobs | Role::Api => &[log, store, database],
        };
        let Some((setting, _, _, form)) = needed.iter().find(|(_, url, shared, _)| !url.starts_with(shared)) else {
            return Ok(());
        };
        let role = self.name();
        Err(AppError::Usage(format!(
            "footfall {role} works beside other processes, and {setting} names something that one process has to itself: \
             set it to {form}, or run footfall all"
        )))
    }
}

/// True where several processes may put records into the log and rows into the tables.
pub fn is_shared(settings: &Settings) -> bool {
    Role::Jobs.check(settings).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::config::{Config, Given};

    fn refusal(role: Role, given: &[(&str, &str)]) -> Option<String> {
        let flags = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned(), "test".to_owned()));
        let given = Given { file: None, environment: Vec::new(), flags: flags.collect() };
        role.check(&Config::load(&given).unwrap().settings).err().map(|error| error.to_string())
    }

    #[test]
    fn a_part_of_the_program_says_which_setting_is_in_its_way() {
        let (log, store) = (("log.url", "kafka://a:1/t"), ("store.url", "clickhouse://a:1/d"));
        let database = ("database.url", "postgres://a/d");
        assert_eq!(refusal(Role::All, &[]), None);
        for role in [Role::Ingest, Role::Jobs, Role::Api] {
            assert!(refusal(role, &[]).unwrap().contains("log.url"));
            assert!(refusal(role, &[log, store]).unwrap().contains("database.url"));
            assert_eq!(refusal(role, &[log, store, database]), None);
        }
        assert!(refusal(Role::Jobs, &[log, database]).unwrap().contains("set it to clickhouse://"));
        assert_eq!(refusal(Role::Ingest, &[log, database]), None, "it has no tables");
    }
}
