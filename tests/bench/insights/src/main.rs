//! The benchmark of the insights engine: loads a Parquet file of activities, asks thirteen questions, compares the
//! answers with expected rows, and prints what each took. `make bench-insights` runs it; README.md says what it reads.

mod ask;
mod error;
mod load;
mod machine;
mod options;
mod properties;
mod questions;
mod rows;

use std::collections::BTreeMap;
use std::io::Write;

use footfall_pipelines_insights::Counted;
use serde_json::Value;

use error::BenchError;
use options::Options;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: Counted<mimalloc::MiMalloc> = Counted(mimalloc::MiMalloc);

fn main() -> Result<(), BenchError> {
    let options = Options::of(std::env::args().skip(1))?;
    let loaded = match options.reload || !options.folder.join("sealed.run").exists() {
        true => load::load(&options)?,
        false => load::open(&options)?,
    };
    let expected: Option<BTreeMap<String, Value>> = match &options.expected {
        Some(path) => Some(serde_json::from_slice(&std::fs::read(path)?)?),
        None => None,
    };
    let differing = ask::ask_all(&options, loaded, expected.as_ref())?;
    match differing {
        0 => Ok(()),
        some => Err(BenchError::Differs(some)),
    }
}

/// Prints a line.
pub fn show(line: &str) -> Result<(), BenchError> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}
