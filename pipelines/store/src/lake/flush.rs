//! A flush: one generation of fresh rows becomes files, in one commit.

use std::sync::Arc;
use std::time::Instant;

use super::data_file::{folder_of, write_sorted};
use super::fresh::Generation;
use super::key_index;
use super::lake::Inner;
use super::snapshot::DataFile;
use super::{orphans, overrides};
use crate::StoreError;
use crate::tables::Table;

type NewFiles = Vec<(Arc<str>, Table, DataFile)>;

/// Writes the sealed generation and takes it out of memory.
pub(super) fn write(inner: &Inner, generation: &Arc<Generation>) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut files = NewFiles::new();
    let mut run = None;
    let written = write_files(inner, generation, &mut files, &mut run);
    let horizon = inner.clock.now().plus_millis(-inner.options.dedupe_window_millis);
    let committed = written.and_then(|()| {
        inner.commit(
            |manifest, runs| {
                manifest.checkpoint.merge(&generation.checkpoint);
                *runs = run.iter().fold(runs.expire(horizon), |runs, run| runs.with(run.clone()));
                for (project, table, file) in &files {
                    let list = manifest.projects.entry(project.clone()).or_default().entry(*table).or_default();
                    if *table == Table::PersonOverrides {
                        list.clear();
                    }
                    if file.rows > 0 {
                        list.push(Arc::new(file.clone()));
                    }
                }
            },
            |state| {
                state.sealed = None;
                state.flush_wanted &= !state.fresh.is_empty();
            },
        )
    });
    if committed.is_err() {
        let runs = run.iter().map(|run| run.file.path.as_str());
        orphans::remove_made(&inner.root, files.iter().map(|(_, _, file)| file.path.as_str()).chain(runs));
    }
    committed?;
    metrics::histogram!("footfall_lake_flush_seconds").record(started.elapsed().as_secs_f64());
    metrics::counter!("footfall_lake_flush_total").increment(1);
    Ok(())
}

fn write_files(
    inner: &Inner,
    generation: &Generation,
    files: &mut NewFiles,
    run: &mut Option<key_index::OpenRun>,
) -> Result<(), StoreError> {
    let (root, level) = (&inner.root, inner.options.zstd_level);
    for ((project, table), batches) in &generation.rows {
        let file = write_sorted(root, project, *table, batches, level)?;
        files.push((project.clone(), *table, file));
    }
    for (project, now) in &generation.overrides {
        let file = overrides::write(root, project, now, level)?;
        files.push((project.clone(), Table::PersonOverrides, file));
    }
    for (project, _, _) in files.iter() {
        super::manifest::sync_folder(&root.join(folder_of(project)))?;
    }
    if !files.is_empty() {
        super::manifest::sync_folder(root)?;
    }
    if !generation.keys.is_empty() {
        let keys = generation.keys.iter().copied().collect();
        *run = Some(key_index::write_run(root, keys, generation.newest_received)?);
        super::manifest::sync_folder(&root.join("keys"))?;
    }
    Ok(())
}
