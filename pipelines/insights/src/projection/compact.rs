//! Compaction: several runs into one file, segment by segment, so that memory is bounded by a segment.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::write::to_file;
use super::{Dictionaries, Postings, Run, Snapshot};
use crate::InsightError;

/// Writes the rows of `runs` as one run. Persons stay the ids' own: merges are applied when a snapshot is read, and so
/// can be undone.
pub fn compact(dictionaries: &Arc<Dictionaries>, runs: Vec<Arc<Run>>, path: &Path) -> Result<Run, InsightError> {
    let snapshot = Snapshot::new(dictionaries.clone(), runs, &HashMap::new(), Vec::new())?;
    let columns: Vec<usize> = (0..dictionaries.columns.len()).collect();
    let activities = snapshot.ranks().len() as u16;
    to_file(path, columns.len(), |writer| {
        for segment in snapshot.segments() {
            let timeline = snapshot.timeline(segment, true);
            let postings = (0..activities).map(|activity| {
                let mut postings = Postings::default();
                snapshot.postings(segment, activity, &columns, &mut postings);
                Ok((activity, Cow::Owned(postings)))
            });
            writer.segment(segment, &timeline, postings).map_err(InsightError::file("writing", path))?;
        }
        Ok(())
    })
}
