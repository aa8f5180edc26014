//! Whether the lake is whole: every file that the manifest names is there, readable, and holds what it should.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::AsArray;

use super::key_run::KeyRun;
use super::manifest::Manifest;
use super::{orphans, reader};
use crate::StoreError;
use crate::tables::Table;

/// What [`verify`] found.
#[derive(Debug, Clone, Default)]
pub struct LakeReport {
    pub files: u64,
    pub rows: u64,
    pub activities: u64,
    pub message_keys: u64,
    /// Files that no manifest names: left by a killed process, removed at the next start.
    pub orphans: u64,
    /// Everything that is not as it should be, in words.
    pub problems: Vec<String>,
}

/// Reads every file of the lake in a folder and compares it with the manifest. It changes nothing.
pub fn verify(root: &Path) -> Result<LakeReport, StoreError> {
    let manifest = Manifest::load(root)?;
    let mut report = LakeReport::default();
    for (project, tables) in &manifest.projects {
        let mut messages = HashSet::new();
        for (&table, files) in tables {
            for file in files {
                report.files += 1;
                match count_rows(root, table, file, &mut messages) {
                    Ok((rows, repeated)) => {
                        report.rows += rows;
                        report.activities += if table == Table::Activity { rows } else { 0 };
                        if rows != file.rows {
                            report.problems.push(format!("{}: {rows} rows, expected {}", file.path, file.rows));
                        }
                        if repeated > 0 {
                            report.problems.push(format!("{project}: {}: {repeated} activities twice", file.path));
                        }
                    }
                    Err(error) => report.problems.push(format!("{}: {error}", file.path)),
                }
            }
        }
    }
    for run in &manifest.key_runs {
        match KeyRun::read_all(&root.join(&run.path)) {
            Ok(keys) => report.message_keys += keys.len() as u64,
            Err(error) => report.problems.push(format!("{}: {error}", run.path)),
        }
    }
    let named: HashSet<&str> = manifest.paths().collect();
    report.orphans = orphans::find(root, root)?.iter().filter(|path| !named.contains(path.as_str())).count() as u64;
    Ok(report)
}

/// Rows of a file, and how many of its activities were seen before.
fn count_rows(
    root: &Path,
    table: Table,
    file: &super::DataFile,
    messages: &mut HashSet<u128>,
) -> Result<(u64, u64), StoreError> {
    let (mut rows, mut repeated) = (0, 0);
    for batch in reader::open_whole(root, table, file)? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        if table == Table::Activity {
            let ids = batch.column(0).as_string_view().iter().flatten();
            repeated += ids.filter(|id| !messages.insert(xxhash_rust::xxh3::xxh3_128(id.as_bytes()))).count() as u64;
        }
    }
    Ok((rows, repeated))
}
