//! The command line of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// What the machine could do at best
    Limits,
    /// Acknowledged activities and latencies by batch and concurrency
    Acknowledged,
    /// The whole way for a while, the jobs keeping up
    Sustained,
    /// From exec to ready with a full lake
    Starting,
    /// The app's API: authentication, sign-ins, reading and writing at a fixed rate
    Api,
    /// People who ask for insights while activities arrive; only when it is named
    InsightsLoad,
    /// A large answer through every door of SQL; only when it is named
    Doors,
    /// A dashboard of twelve tiles is opened; only when it is named
    Board,
    /// A flag is changed while many listen on streams; only when it is named
    FlagStreams,
    /// A flag is switched off while many listen and others ask, by every protocol; only when it is named
    FlagSwitch,
    /// The page of results of an experiment and of a bandit; only when it is named
    Results,
    /// How the whole way grows with partitions and processes, and what it costs; only when it is named
    Scale,
}

/// Measures the real program on an empty data folder, over loopback.
#[derive(Debug, Parser)]
#[command(name = "footfall-bench")]
pub struct Options {
    /// The program to measure; else the one built beside this one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the data folders are made and removed again; it should be on the disk to be measured
    #[arg(long, default_value = "target")]
    pub scratch: PathBuf,
    /// Sections to run, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Section>,
    /// Write everything measured to this file too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Shorter and rougher
    #[arg(long)]
    pub quick: bool,
    /// Seconds for each row of the acknowledged rates
    #[arg(long, value_name = "SECONDS")]
    pub cell: Option<u64>,
    /// Seconds of the sustained load
    #[arg(long, value_name = "SECONDS")]
    pub sustain: Option<u64>,
    /// Activities a second offered in the sustained load beside the greatest possible
    #[arg(long, default_value_t = 100_000)]
    pub rate: u64,
    /// Batches for the acknowledged rates
    #[arg(long, value_delimiter = ',', default_value = "1,100,1000")]
    pub batches: Vec<usize>,
    /// Connections for the acknowledged rates
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256,512")]
    pub connections: Vec<usize>,
    /// Connections of the sustained load
    #[arg(long, default_value_t = 8)]
    pub sustain_connections: usize,
    /// Rows in the lake for the start-up times
    #[arg(long, default_value_t = 1_000_000)]
    pub rows: usize,
    /// Measure how it grows on these brokers (HOST:PORT) too; with --clickhouse and --postgres
    #[arg(long, value_name = "BROKERS")]
    pub kafka: Option<String>,
    /// Where these brokers keep their data, if that is on this machine
    #[arg(long, value_name = "FOLDER")]
    pub kafka_data: Option<PathBuf>,
    /// The server of ClickHouse for that (clickhouse://HOST:PORT)
    #[arg(long, value_name = "URL")]
    pub clickhouse: Option<String>,
    /// Partitions of the log for that
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    pub partitions: Vec<u32>,
    /// Processes of each kind for that
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    pub processes: Vec<usize>,
    /// Measure the app's API on this PostgreSQL too; its database must be empty
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Requests a second offered to the app's API
    #[arg(long, default_value_t = 2_000)]
    pub api_rate: u64,
    /// Activities in the lake before people ask for insights, dashboards or large answers
    #[arg(long, default_value_t = 1_000_000)]
    pub activities: u64,
    /// Rows of a large answer
    #[arg(long, default_value_t = 1_000_000)]
    pub answer_rows: u64,
    /// People who ask at one time
    #[arg(long, default_value_t = 50)]
    pub askers: usize,
    /// Activities a second that arrive meanwhile
    #[arg(long, default_value_t = 20_000)]
    pub arriving: u64,
    /// Who listen to the changes of flags; the limit of open files (`ulimit -n`) must be above it
    #[arg(long, default_value_t = 10_000)]
    pub listeners: usize,
    /// Who listen by `/sub/{key}` while a flag is switched off
    #[arg(long, default_value_t = 1_000)]
    pub switch_listeners: usize,
    /// The Redis by which processes tell each other of changes, for two `api` processes; with --kafka, --clickhouse and --postgres
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// People who are exposed before results are asked for
    #[arg(long, default_value_t = 1_000_000)]
    pub people: u64,
    /// Starts of each kind
    #[arg(long, default_value_t = 5)]
    pub starts: usize,
}

impl Options {
    pub fn sections(&self) -> Vec<Section> {
        let all = [Section::Limits, Section::Acknowledged, Section::Sustained, Section::Starting, Section::Api];
        match self.only.as_slice() {
            [] => all.to_vec(),
            only => all
                .into_iter()
                .chain([
                    Section::InsightsLoad,
                    Section::Doors,
                    Section::Board,
                    Section::FlagStreams,
                    Section::FlagSwitch,
                    Section::Results,
                    Section::Scale,
                ])
                .filter(|section| only.contains(section))
                .collect(),
        }
    }

    pub fn binary(&self) -> PathBuf {
        let beside = || std::env::current_exe().ok().map(|own| own.with_file_name("footfall"));
        self.binary.clone().or_else(beside).unwrap_or_else(|| "footfall".into())
    }

    pub fn cell(&self) -> Duration {
        Duration::from_secs(self.cell.unwrap_or(if self.quick { 1 } else { 4 }).max(1))
    }

    pub fn sustain(&self) -> Duration {
        Duration::from_secs(self.sustain.unwrap_or(if self.quick { 8 } else { 30 }).max(2))
    }
}
