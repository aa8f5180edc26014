//! An installation under measurement: one process with everything in files, or several of each kind on Kafka, ClickHouse and PostgreSQL.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::BenchError;
use crate::http;
use crate::options::Options;
use crate::server::{Server, size_of};

pub const EMBEDDED: &str = "one process, files";

/// Processes, and where their bytes lie.
pub struct Installation {
    pub name: String,
    /// Who takes in.
    ingest: Vec<Server>,
    jobs: Vec<Server>,
    /// Who answers; the embedded one does all.
    api: Vec<Server>,
    tables: Option<Tables>,
}

/// What seals the database, which all of them share.
pub fn secrets(options: &Options) -> PathBuf {
    options.scratch.join(format!("bench-{}-secrets", std::process::id()))
}

/// A database of ClickHouse.
struct Tables {
    server: SocketAddr,
    name: String,
}

/// Processor time by kind of process, and bytes of log and tables.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    pub ingest: Duration,
    pub jobs: Duration,
    pub api: Duration,
    pub log: Option<u64>,
    pub tables: Option<u64>,
}

impl Costs {
    pub fn since(&self, before: &Costs) -> Costs {
        let bytes = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Costs {
            ingest: self.ingest.saturating_sub(before.ingest),
            jobs: self.jobs.saturating_sub(before.jobs),
            api: self.api.saturating_sub(before.api),
            log: bytes(self.log, before.log),
            tables: bytes(self.tables, before.tables),
        }
    }

    pub fn processes(&self) -> Duration {
        self.ingest + self.jobs + self.api
    }
}

impl Installation {
    /// One process does everything.
    pub fn embedded(options: &Options) -> Result<Installation, BenchError> {
        let server = Server::new(options, "scale-embedded")?;
        Ok(Installation {
            name: EMBEDDED.to_owned(),
            ingest: Vec::new(),
            jobs: vec![server],
            api: Vec::new(),
            tables: None,
        })
    }

    /// Processes of each kind on a topic and a database that are new.
    pub fn of_services(options: &Options, partitions: u32, processes: usize) -> Result<Installation, BenchError> {
        let (Some(kafka), Some(clickhouse), Some(postgres)) = (&options.kafka, &options.clickhouse, &options.postgres)
        else {
            return Err(BenchError::Shape("--kafka without --clickhouse and --postgres"));
        };
        let own = format!("scale_{}_{partitions}_{processes}", std::process::id());
        let secrets = std::path::absolute(secrets(options))?;
        let host = clickhouse.trim_start_matches("clickhouse://").trim_end_matches('/');
        let set = |name: &str, value: String| (format!("FOOTFALL_{name}"), value);
        let bus = options.redis.as_ref().map(|url| set("BUS_URL", url.clone()));
        let settings = [
            set("LOG_URL", format!("kafka://{kafka}/{own}")),
            set("LOG_PARTITIONS", partitions.to_string()),
            set("STORE_URL", format!("clickhouse://{host}/{own}")),
            set("DATABASE_URL", postgres.clone()),
            set("SECRETS_DIR", secrets.display().to_string()),
        ];
        let settings: Vec<(String, String)> = settings.into_iter().chain(bus).collect();
        let several = |role: &'static str| -> Result<Vec<Server>, BenchError> {
            let part = |number| Server::part(options, &format!("scale-{role}-{number}"), role, &settings);
            (0..processes).map(part).collect()
        };
        let server = host.parse().map_err(|_| BenchError::Shape("--clickhouse without an IP address and a port"))?;
        Ok(Installation {
            name: format!("Kafka, ClickHouse; {partitions} partitions, {processes} of each"),
            ingest: several("ingest")?,
            jobs: several("jobs")?,
            api: several("api")?,
            tables: Some(Tables { server, name: own }),
        })
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Server> {
        // Who answers makes the keys, and is there first.
        self.api.iter_mut().chain(&mut self.jobs).chain(&mut self.ingest)
    }

    pub async fn start(&mut self) -> Result<(), BenchError> {
        if let Some(first) = self.api.first_mut() {
            first.start().await?;
            first.create_keys()?;
            let keys = (first.write_key.clone(), first.read_key.clone());
            for server in self.all().skip(1) {
                (server.write_key, server.read_key) = keys.clone();
                server.start().await?;
            }
        } else {
            for server in self.all() {
                server.start().await?;
            }
        }
        // What a start costs is no activity's cost.
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(())
    }

    pub async fn stop(mut self) -> Result<(), BenchError> {
        for server in self.all() {
            server.stop().await?;
        }
        if let Some(tables) = &self.tables {
            tables.ask(&format!("DROP DATABASE {}", tables.name)).await?;
        }
        Ok(())
    }

    pub fn doors(&self) -> impl Iterator<Item = &Server> {
        if self.ingest.is_empty() { self.jobs.iter() } else { self.ingest.iter() }
    }

    pub fn first_door(&self) -> &Server {
        self.ingest.first().unwrap_or(&self.jobs[0])
    }

    /// The processes that answer, where there are several of each kind.
    pub fn answering(&self) -> &[Server] {
        &self.api
    }

    /// The process that is asked.
    pub fn asked(&self) -> &Server {
        self.api.last().unwrap_or(&self.jobs[0])
    }

    /// Activities that answers have, but for those of the probe.
    pub async fn count(&self) -> Result<u64, BenchError> {
        let count = self.asked().ask("SELECT count(*) FROM activity WHERE event <> 'Probe'").await?;
        count.as_u64().ok_or(BenchError::Shape("a count"))
    }

    pub async fn costs(&self, options: &Options) -> Result<Costs, BenchError> {
        let cpu = |servers: &[Server]| servers.iter().map(Server::cpu).sum();
        let (log, tables) = match &self.tables {
            None => {
                let folder = |name: &str| Some(size_of(&self.jobs[0].data().join(name)).0);
                (folder("log"), folder("lake"))
            }
            Some(tables) => {
                let log = options.kafka_data.as_ref().map(|folder| size_of(folder).0);
                (log, Some(tables.bytes().await?))
            }
        };
        Ok(Costs { ingest: cpu(&self.ingest), jobs: cpu(&self.jobs), api: cpu(&self.api), log, tables })
    }
}

impl Tables {
    async fn ask(&self, sql: &str) -> Result<String, BenchError> {
        http::post(self.server, "/", "", sql).await
    }

    async fn bytes(&self) -> Result<u64, BenchError> {
        let sql = format!("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '{}'", self.name);
        self.ask(&sql).await?.trim().parse().map_err(|_| BenchError::Shape("bytes of ClickHouse"))
    }
}
