//! The command line.

use std::path::PathBuf;

use crate::error::BenchError;

/// What to load and ask.
pub struct Options {
    pub parquet: PathBuf,
    /// Where the projection lies.
    pub folder: PathBuf,
    pub expected: Option<PathBuf>,
    /// Where to write the rows of all answers, as JSON.
    pub answers: Option<PathBuf>,
    /// Where to write the median times of all questions in milliseconds, as JSON.
    pub times: Option<PathBuf>,
    pub rounds: usize,
    /// Ask these alone, if any are named.
    pub only: Vec<String>,
    /// Measure with a dropped page cache too.
    pub cold: bool,
    /// Load even if the folder has a projection.
    pub reload: bool,
    /// The last so many rows of the file are a run of their own, in memory, as fresh rows are.
    pub fresh: usize,
    /// So many persons are merged into others.
    pub merged: u32,
    pub threads: usize,
}

impl Options {
    pub fn of(mut words: impl Iterator<Item = String>) -> Result<Options, BenchError> {
        let mut options = Options {
            parquet: PathBuf::new(),
            folder: PathBuf::new(),
            expected: None,
            answers: None,
            times: None,
            rounds: 5,
            only: Vec::new(),
            cold: false,
            reload: false,
            fresh: 0,
            merged: 0,
            threads: std::thread::available_parallelism()?.get(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| BenchError::Usage(format!("{word} needs a value")));
            let number = |text: String| text.parse().map_err(|_| BenchError::Usage(format!("{text} is no number")));
            match word.as_str() {
                "--parquet" => options.parquet = value()?.into(),
                "--folder" => options.folder = value()?.into(),
                "--expected" => options.expected = Some(value()?.into()),
                "--answers" => options.answers = Some(value()?.into()),
                "--times" => options.times = Some(value()?.into()),
                "--rounds" => options.rounds = number(value()?)?,
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--threads" => options.threads = number(value()?)?,
                "--fresh" => options.fresh = number(value()?)?,
                "--merged" => options.merged = number(value()?)? as u32,
                "--cold" => options.cold = true,
                "--reload" => options.reload = true,
                other => return Err(BenchError::Usage(format!("{other} is unknown"))),
            }
        }
        match options.parquet.as_os_str().is_empty() || options.folder.as_os_str().is_empty() {
            true => Err(BenchError::Usage("--parquet and --folder are needed".to_owned())),
            false => Ok(options),
        }
    }
}
