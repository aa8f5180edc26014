//! The table `person_overrides`: written as a whole when it changed, read back at start.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringViewArray};
use uuid::Uuid;

use super::data_file::write_sorted;
use super::manifest::Manifest;
use super::reader;
use super::snapshot::{DataFile, Overrides};
use crate::StoreError;
use crate::tables::Table;

/// Writes all overrides of a project as one file.
pub(super) fn write(root: &Path, project: &str, overrides: &Overrides, level: i32) -> Result<DataFile, StoreError> {
    let column = |of: fn((&Uuid, &Uuid)) -> Uuid| -> ArrayRef {
        let values = overrides.iter().map(|pair| of(pair).hyphenated().to_string());
        Arc::new(StringViewArray::from_iter_values(values))
    };
    let columns = vec![column(|(own, _)| *own), column(|(_, canonical)| *canonical)];
    let batch = RecordBatch::try_new(Table::PersonOverrides.schema(), columns)?;
    write_sorted(root, project, Table::PersonOverrides, &[batch], level)
}

/// Reads the overrides of every project.
pub(super) fn load(root: &Path, manifest: &Manifest) -> Result<BTreeMap<Arc<str>, Arc<Overrides>>, StoreError> {
    let mut all = BTreeMap::new();
    for (project, tables) in &manifest.projects {
        let mut overrides = Overrides::new();
        for file in tables.get(&Table::PersonOverrides).into_iter().flatten() {
            for batch in reader::read_file(root, Table::PersonOverrides, file)? {
                let (own, canonical) = (batch.column(0).as_string_view(), batch.column(1).as_string_view());
                for (own, canonical) in own.iter().flatten().zip(canonical.iter().flatten()) {
                    let parse = |text: &str| {
                        Uuid::parse_str(text).map_err(|error| StoreError::Manifest {
                            path: root.join(&file.path),
                            detail: error.to_string(),
                        })
                    };
                    overrides.insert(parse(own)?, parse(canonical)?);
                }
            }
        }
        all.insert(project.clone(), Arc::new(overrides));
    }
    Ok(all)
}
