//! How each SDK key is served.

use footfall_api_access::{Database, Row, Transaction, statement};

use crate::definition::PRODUCTION;
use crate::error::ExperimentError;

/// The settings of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub key_id: String,
    pub project: String,
    pub environment: String,
    /// 16 bytes in base64; payloads are encrypted with it where it is there.
    pub encryption_key: Option<String>,
    /// The payload is not handed out: users are evaluated here.
    pub is_remote: bool,
    /// Evaluations of one flag, asked for by name, are told as exposures.
    pub records_exposures: bool,
    pub revision: i64,
}

impl Connection {
    /// That of a key for which nothing was set.
    pub fn plain(key_id: &str, project: &str) -> Connection {
        Connection {
            key_id: key_id.to_owned(),
            project: project.to_owned(),
            environment: PRODUCTION.to_owned(),
            encryption_key: None,
            is_remote: false,
            records_exposures: false,
            revision: 0,
        }
    }

    fn read(row: &Row) -> Result<Connection, ExperimentError> {
        Ok(Connection {
            key_id: row.get("key_id")?,
            project: row.get("project_id")?,
            environment: row.get("environment")?,
            encryption_key: row.get("encryption_key")?,
            is_remote: row.get::<i64>("is_remote")? != 0,
            records_exposures: row.get::<i64>("records_exposures")? != 0,
            revision: row.get("revision")?,
        })
    }

    /// All of one project, by key.
    pub async fn of_project(database: &Database, project: &str) -> Result<Vec<Connection>, ExperimentError> {
        let query = "SELECT * FROM flag_connections WHERE project_id = $1 ORDER BY key_id";
        database.read(statement(query).bind(project)).await?.iter().map(Connection::read).collect()
    }

    /// Keys of another environment than production, each with it, of all projects.
    pub(crate) async fn outside_of_production(database: &Database) -> Result<Vec<(String, String)>, ExperimentError> {
        let query = "SELECT key_id, environment FROM flag_connections WHERE environment <> $1";
        let rows = database.read(statement(query).bind(PRODUCTION)).await?;
        rows.iter().map(|row| Ok((row.get("key_id")?, row.get("environment")?))).collect()
    }

    /// Keys of a project for which exposures are told here, as a transaction that holds the project sees them.
    pub(crate) async fn recording(
        transaction: &mut Transaction,
        project: &str,
    ) -> Result<Vec<String>, ExperimentError> {
        let query =
            "SELECT key_id FROM flag_connections WHERE project_id = $1 AND records_exposures <> 0 ORDER BY key_id";
        let rows = transaction.all(statement(query).bind(project)).await?;
        Ok(rows.iter().map(|row| row.get("key_id")).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn write(&self, transaction: &mut Transaction) -> Result<(), ExperimentError> {
        let upsert = "INSERT INTO flag_connections
            (key_id, project_id, environment, encryption_key, is_remote, records_exposures, revision)
            VALUES ($1, $2, $3, $4, $5, $6, 1)
            ON CONFLICT (key_id) DO UPDATE SET environment = $3, encryption_key = $4, is_remote = $5, records_exposures = $6,
                revision = flag_connections.revision + 1 WHERE flag_connections.project_id = $2";
        let upsert = statement(upsert).bind(&self.key_id).bind(&self.project).bind(&self.environment);
        let upsert = upsert.bind(self.encryption_key.as_deref()).bind(i64::from(self.is_remote));
        let upsert = upsert.bind(i64::from(self.records_exposures));
        match transaction.execute(upsert).await? {
            0 => Err(ExperimentError::NotFound("key")),
            _ => Ok(()),
        }
    }
}
