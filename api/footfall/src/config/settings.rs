//! The settings, typed; `default.toml` says what each is for.

use std::path::PathBuf;

use footfall_ingest_log::SaslMechanism;
use serde::Deserialize;

use super::{ByteCount, ConfigError, Layers, Span};

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub data_dir: PathBuf,
    pub secrets_dir: PathBuf,
    pub listen: String,
    pub project: String,
    pub log: LogSettings,
    pub store: StoreSettings,
    pub doors: DoorSettings,
    pub sql: SqlSettings,
    pub postgres: PostgresDoorSettings,
    pub flight: FlightDoorSettings,
    pub insights: InsightSettings,
    pub server: ServerSettings,
    pub database: DatabaseSettings,
    pub bus: BusSettings,
    pub accounts: AccountSettings,
    pub mail: MailSettings,
    pub limits: LimitSettings,
    pub jobs: JobSettings,
    pub tracing: TracingSettings,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub url: String,
    pub kafka_user: String,
    pub kafka_password_file: String,
    pub kafka_mechanism: SaslMechanism,
    pub kafka_tls: bool,
    pub kafka_ca_file: String,
    pub kafka_certificate_file: String,
    pub kafka_key_file: String,
    pub spill_bytes: ByteCount,
    pub partitions: u32,
    pub segment_bytes: ByteCount,
    pub retention_age: Span,
    pub retention_bytes: ByteCount,
    pub disk_reserve: ByteCount,
    pub waiting_bytes: ByteCount,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    pub url: String,
    pub flush_age: Span,
    pub flush_rows: u64,
    pub flush_bytes: ByteCount,
    pub compact: bool,
    pub dedupe_window: Span,
    pub removed_grace: Span,
}

/// `[doors]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorSettings {
    pub item_bytes: ByteCount,
    pub depth: usize,
    pub future: Span,
    pub segment_bytes: ByteCount,
    pub posthog_event_bytes: ByteCount,
    pub posthog_batch_bytes: ByteCount,
    pub native_bytes: ByteCount,
    pub items: usize,
    pub body_timeout: Span,
    pub in_flight_bytes: ByteCount,
    pub visible_goal: Span,
    pub hold_max: Span,
}

/// `[sql]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlSettings {
    pub memory: ByteCount,
    pub query_memory: ByteCount,
    pub time_max: Span,
    pub rows_max: u64,
    pub concurrent: usize,
    pub spill_bytes: ByteCount,
}

/// `[postgres]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresDoorSettings {
    pub listen: String,
    pub connections: usize,
    pub plain: bool,
    pub idle: Span,
}

/// `[flight]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlightDoorSettings {
    pub listen: String,
    pub connections: usize,
    pub plain: bool,
}

/// `[insights]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsightSettings {
    pub concurrent: usize,
    pub concurrent_of_project: usize,
    pub waiting: usize,
    pub threads: usize,
    pub time_max: Span,
    pub cache_bytes: ByteCount,
    pub dictionary_bytes: ByteCount,
    pub heavy: Span,
    pub parts_after: Span,
    pub question_memory: ByteCount,
    pub spill_bytes: ByteCount,
    pub memory: ByteCount,
    pub idle: Span,
    pub kept_memory: ByteCount,
    pub kept_disk: ByteCount,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    pub connections: usize,
    pub header_timeout: Span,
    pub headers: usize,
    pub body_bytes: ByteCount,
    pub shutdown_timeout: Span,
    pub start_timeout: Span,
    pub drain: Span,
    pub metrics_private: bool,
    pub public_url: String,
    pub trusted_proxies: String,
    pub cors_origins: String,
    pub tls_certificate: String,
    pub tls_key_file: String,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    pub url: String,
    pub replica_url: String,
}

/// `[bus]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusSettings {
    pub url: String,
    pub installation: String,
}

/// `[accounts]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    pub sign_up_open: bool,
    pub password_length: usize,
    pub token_life: Span,
    pub session_idle: Span,
    pub session: Span,
}

/// `[mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    pub url: String,
    pub from: String,
}

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    pub address: u32,
    pub flags: u32,
    pub flag_streams: u32,
    pub flag_streams_key: u32,
    pub flag_streams_address: u32,
    pub account: u32,
    pub key: u32,
}

/// `[jobs]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSettings {
    pub turn_bytes: ByteCount,
    pub turn_interval: Span,
}

/// `[tracing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracingSettings {
    pub level: String,
    pub format: TracingFormat,
}

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TracingFormat {
    Text,
    Json,
}

impl Settings {
    /// Rules that a type cannot state.
    pub(super) fn check(&self, layers: &Layers) -> Result<(), ConfigError> {
        let day = 86_400_000;
        let rules = [
            ("store.dedupe_window", self.store.dedupe_window.millis() >= 7 * day, "at least \"7d\""),
            ("log.partitions", (1..=1024).contains(&self.log.partitions), "1 to 1024"),
            ("doors.depth", (2..=120).contains(&self.doors.depth), "2 to 120"),
            ("doors.items", self.doors.items > 0, "at least 1"),
            ("postgres.connections", self.postgres.connections > 0, "at least 1"),
            ("flight.connections", self.flight.connections > 0, "at least 1"),
            ("sql.concurrent", self.sql.concurrent > 0, "at least 1"),
            ("insights.concurrent", (1..=64).contains(&self.insights.concurrent), "1 to 64"),
            ("insights.concurrent_of_project", self.insights.concurrent_of_project > 0, "at least 1"),
            ("insights.threads", (1..=64).contains(&self.insights.threads), "1 to 64"),
            ("server.connections", self.server.connections > 0, "at least 1"),
            ("server.headers", (16..=1000).contains(&self.server.headers), "16 to 1000"),
            ("accounts.password_length", (10..=64).contains(&self.accounts.password_length), "10 to 64"),
            (
                "accounts.token_life",
                (60_000..=3_600_000).contains(&self.accounts.token_life.millis()),
                "\"1m\" to \"1h\"",
            ),
            ("store.flush_rows", self.store.flush_rows > 0, "at least 1"),
            ("project", is_project(&self.project), "letters, digits, '-', '_' and '.', at most 64"),
        ];
        let Some((name, _, detail)) = rules.into_iter().find(|(_, holds, _)| !holds) else { return Ok(()) };
        Err(ConfigError::Value {
            origin: layers.origin(name),
            name: name.to_owned(),
            value: layers.iter().find(|entry| entry.name == name).map(|e| e.value.to_string()).unwrap_or_default(),
            detail: format!("must be {detail}"),
        })
    }
}

/// True for names that a project may have: they become folders.
pub fn is_project(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('.')
}
