//! Limits of all questions together and of one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::driver_parameters::ParameterValue;
use super::extra::ExtraTable;
use super::functions::ExtraFunction;
use super::policy::Policy;

/// How much questions may use.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Memory of all questions together, in bytes.
    pub memory_bytes: usize,
    /// Memory of one question, in bytes; sorts, joins and aggregations spill to disk before they fail.
    pub query_memory_bytes_max: usize,
    /// Folder of the spilled files; those of a question go when it ends.
    pub spill_folder: PathBuf,
    /// Most bytes spilled at a time, over all questions.
    pub spill_bytes_max: u64,
    /// Questions that run at the same time.
    pub queries_concurrent: usize,
    /// How long a question waits for its turn.
    pub queue_timeout: Duration,
    /// How long a reader may keep a question waiting, all together, before the question gives its turn to others.
    pub reader_patience: Duration,
    /// Answers that may wait for their readers without a turn; further ones are ended.
    pub answers_resting: usize,
    /// How long a question may take, up to the last row of its answer.
    pub time_limit: Duration,
    /// Most rows in an answer.
    pub rows_max: u64,
    /// Threads for questions, apart from those of the rest of the program.
    pub threads: usize,
    /// Longest SQL text, in bytes.
    pub sql_bytes_max: usize,
    /// Memory for what Parquet files say of themselves, in bytes.
    pub metadata_cache_bytes: usize,
}

impl EngineConfig {
    /// Limits for a small machine, spilling to `spill_folder`.
    pub fn new(spill_folder: impl Into<PathBuf>) -> Self {
        EngineConfig {
            memory_bytes: 2 << 30,
            query_memory_bytes_max: 1 << 30,
            spill_folder: spill_folder.into(),
            spill_bytes_max: 20 << 30,
            queries_concurrent: 8,
            queue_timeout: Duration::from_secs(10),
            reader_patience: Duration::from_secs(1),
            answers_resting: 100,
            time_limit: Duration::from_secs(60),
            rows_max: 1_000_000,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            sql_bytes_max: 256 << 10,
            metadata_cache_bytes: 64 << 20,
        }
    }
}

/// What one asker wants of less than the engine allows; more is cut to what it allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuestionLimits {
    pub time_limit: Option<Duration>,
    pub rows_max: Option<u64>,
    pub memory_bytes_max: Option<usize>,
}

/// Which SQL a question is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// That of this engine, whatever the store.
    #[default]
    Standard,
    /// The same, and the catalogue `pg_catalog` with its functions, which clients of PostgreSQL ask.
    Postgres,
    /// ClickHouse's own, where the tables are there.
    ClickHouse,
}

/// A question in SQL.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub sql: String,
    pub dialect: Dialect,
    /// Values for `$name` as a JSON object, or for `$1`, `$2` … as a JSON array.
    pub params: serde_json::Value,
    /// Values for `$1`, `$2` … with the types that a driver gave them; they go before `params`.
    pub values: Vec<ParameterValue>,
    pub limits: QuestionLimits,
    /// Whose clock times without an offset are read by, and days and hours are cut by; see [`super::is_time_zone`]. UTC without one.
    pub time_zone: Option<Arc<str>>,
    /// What the asker may see.
    pub policy: Arc<Policy>,
    /// Further tables that the asker may see. A policy that hides anything hides them.
    pub extras: Vec<Arc<dyn ExtraTable>>,
    /// … and table functions.
    pub functions: Vec<Arc<dyn ExtraFunction>>,
}

impl Question {
    /// A question without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Question { sql: sql.into(), ..Question::default() }
    }

    /// Asked by somebody who may see this much.
    pub fn under(self, policy: Arc<Policy>) -> Self {
        Question { policy, ..self }
    }

    /// In this dialect.
    pub fn speaking(self, dialect: Dialect) -> Self {
        Question { dialect, ..self }
    }

    /// In this zone.
    pub fn within_zone(self, time_zone: Option<Arc<str>>) -> Self {
        Question { time_zone, ..self }
    }

    /// With one more table to ask.
    pub fn beside(mut self, table: Arc<dyn ExtraTable>) -> Self {
        self.extras.push(table);
        self
    }

    /// With more table functions to call.
    pub fn calling(mut self, functions: impl IntoIterator<Item = Arc<dyn ExtraFunction>>) -> Self {
        self.functions.extend(functions);
        self
    }

    /// With values for its parameters.
    pub fn with_params(self, params: impl Into<serde_json::Value>) -> Self {
        Question { params: params.into(), ..self }
    }
}

/// The limits that hold for one question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub time_limit: Duration,
    pub rows_max: u64,
    pub memory_bytes_max: usize,
}

impl Bounds {
    pub fn of(config: &EngineConfig, wanted: &QuestionLimits) -> Self {
        Bounds {
            time_limit: wanted.time_limit.map_or(config.time_limit, |limit| limit.min(config.time_limit)),
            rows_max: wanted.rows_max.map_or(config.rows_max, |rows| rows.min(config.rows_max)),
            memory_bytes_max: wanted
                .memory_bytes_max
                .map_or(config.query_memory_bytes_max, |bytes| bytes.min(config.query_memory_bytes_max)),
        }
    }
}
