//! `footfall stats check` and `footfall flags check`: files of cases with known answers, run through our own code.

use std::path::PathBuf;

use clap::Subcommand;
use footfall_models_experiment::check::{self, Report};

use crate::console::say;
use crate::error::AppError;

/// What is done with cases.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Run every case of a file, and print how each went and how many passed
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl CaseCommand {
    /// Cases of statistics, as in `models/experiment/tests/data`.
    pub fn statistics(self) -> Result<(), AppError> {
        self.run(check::statistics)
    }

    /// Cases of assignment in the format of GrowthBook's SDK suite.
    pub fn flags(self) -> Result<(), AppError> {
        self.run(check::flags)
    }

    /// Fails, after it has said everything, when a case does.
    fn run(self, check: fn(&str) -> Report) -> Result<(), AppError> {
        let CaseCommand::Check { file } = self;
        let text = std::fs::read_to_string(&file).map_err(AppError::file(&file))?;
        let report = check(&text);
        say(report.to_string());
        if report.failed() > 0 { Err(AppError::Damaged) } else { Ok(()) }
    }
}
