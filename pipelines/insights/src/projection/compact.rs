//! Compaction: several runs into one, segment by segment, so that memory is bounded by a segment.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::write::{RunWriter, to_file};
use super::{Dictionaries, Postings, Run, Snapshot};
use crate::InsightError;

/// Writes the rows of `runs` as one run. Persons stay the ids' own: merges are applied when a snapshot is read, and so
/// can be undone.
pub fn compact(dictionaries: &Arc<Dictionaries>, runs: Vec<Arc<Run>>, path: &Path) -> Result<Run, InsightError> {
    compact_merged(dictionaries, runs, &HashMap::new(), path)
}

/// As [`compact`], with the rows of `overrides` (own person to the person it is now) under the person they are now.
pub fn compact_merged(
    dictionaries: &Arc<Dictionaries>,
    runs: Vec<Arc<Run>>,
    overrides: &HashMap<u32, u32>,
    path: &Path,
) -> Result<Run, InsightError> {
    let snapshot = Snapshot::new(dictionaries.clone(), runs, overrides, Vec::new())?;
    to_file(path, dictionaries.columns.len(), |writer| write_all(&snapshot, writer))
}

/// As [`compact`], in memory.
pub fn join(dictionaries: &Arc<Dictionaries>, runs: Vec<Arc<Run>>) -> Result<Run, InsightError> {
    let snapshot = Snapshot::new(dictionaries.clone(), runs, &HashMap::new(), Vec::new())?;
    let memory = InsightError::file("writing", "memory");
    let mut writer = RunWriter::new(Vec::new(), dictionaries.columns.len()).map_err(memory)?;
    write_all(&snapshot, &mut writer)?;
    Run::of_memory(&writer.finish().map_err(InsightError::file("writing", "memory"))?)
}

fn write_all<W: Write>(snapshot: &Snapshot, writer: &mut RunWriter<W>) -> Result<(), InsightError> {
    let columns: Vec<usize> = (0..snapshot.dictionaries.columns.len()).collect();
    let activities = snapshot.ranks().len() as u16;
    for segment in snapshot.segments() {
        let timeline = snapshot.timeline(segment, Some(Vec::new()));
        let postings = (0..activities).map(|activity| {
            let mut postings = Postings::default();
            snapshot.postings(segment, activity, &columns, &mut postings);
            postings.unpack();
            Ok((activity, Cow::Owned(postings)))
        });
        writer.segment(segment, &timeline, postings).map_err(InsightError::file("writing", "a run"))?;
    }
    Ok(())
}
