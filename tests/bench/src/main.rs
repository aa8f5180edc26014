//! `make bench`: starts the real program on an empty data folder, loads it over loopback, and prints tables in Markdown:
//! what is acknowledged, what becomes visible, what it costs, beside what this machine could do at best.

mod acknowledged;
mod api;
mod board;
mod bodies;
mod doors;
mod error;
mod flag_streams;
mod flag_switch;
mod histogram;
mod http;
mod insights_load;
mod limits;
mod load;
mod machine;
mod options;
mod process;
mod report;
mod results;
mod scale;
mod scrape;
mod server;
mod starting;
mod sustained;
mod visible;

use std::process::ExitCode;

use clap::Parser;
use error::BenchError;
use options::{Options, Section};
use report::Report;
use tokio::task::LocalSet;

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = Report::default();
    match run(&options, &mut report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.note(&format!("**stopped: {error}**"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    machine::describe(options, report)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for section in options.sections() {
        LocalSet::new().block_on(&runtime, async {
            match section {
                Section::Limits => limits::measure(options, report).await,
                Section::Acknowledged => acknowledged::measure(options, report).await,
                Section::Sustained => sustained::measure(options, report).await,
                Section::Starting => starting::measure(options, report).await,
                Section::Api => api::measure(options, report).await,
                Section::InsightsLoad => insights_load::measure(options, report).await,
                Section::Doors => doors::measure(options, report).await,
                Section::Board => board::measure(options, report).await,
                Section::FlagStreams => flag_streams::measure(options, report).await,
                Section::FlagSwitch => flag_switch::measure(options, report).await,
                Section::Results => results::measure(options, report).await,
                Section::Scale => scale::measure(options, report).await,
            }
        })?;
    }
    match &options.json {
        Some(path) => report.write_json(path),
        None => Ok(()),
    }
}
