//! Takes records in, keeps those that are new, and hands them to their project's rows.

use std::sync::Arc;

use footfall_ingest_activity::{Activity, Entry, Quarantined};
use footfall_ingest_log::{Damage, LogRecord};
use footfall_pipelines_store::{KeySet, Publication};

use super::project::ProjectRows;
use super::read::{damage_entries, entry_of, key_of};
use super::{Built, Graphs, Sources, Tally};
use crate::JobError;

/// Records read at a time: an activity, read, takes over a kilobyte, and this many stay in the processor's cache.
const RECORDS_AT_A_TIME: usize = 512;

pub(super) struct Intake<'a, 's> {
    sources: &'s Sources<'s>,
    projects: Vec<ProjectRows<'a>>,
    /// Place of the project of the latest entry.
    latest: usize,
    /// Keys of this turn, which the store does not know yet.
    seen: KeySet,
    keys: Vec<u128>,
    tally: Tally,
    records: usize,
}

impl<'a, 's> Intake<'a, 's> {
    pub fn new(sources: &'s Sources<'s>, records: usize) -> Self {
        Intake {
            sources,
            projects: Vec::new(),
            latest: 0,
            seen: KeySet::with_capacity_and_hasher(records, Default::default()),
            keys: Vec::with_capacity(records),
            tally: Tally::default(),
            records,
        }
    }

    pub fn take_damages(&mut self, damages: &[Damage]) -> Result<(), JobError> {
        let Sources { projects, now, .. } = self.sources;
        let entries = damages.iter().flat_map(|damage| damage_entries(damage, projects, *now)).collect();
        self.take(entries)
    }

    pub fn take_records(&mut self, records: &'a [LogRecord]) -> Result<(), JobError> {
        let Sources { poisoned, now, .. } = self.sources;
        for records in records.chunks(RECORDS_AT_A_TIME) {
            let entries = records.iter().map(|record| {
                let is_poisoned = !poisoned.is_empty() && poisoned.contains(&(record.partition, record.offset));
                entry_of(record, is_poisoned, *now)
            });
            let entries = entries.collect();
            self.take(entries)?;
        }
        Ok(())
    }

    fn take(&mut self, entries: Vec<Entry<'a>>) -> Result<(), JobError> {
        let keys: Vec<u128> = entries.iter().filter_map(key_of).collect();
        let mut unknown_to_store = (self.sources.is_new)(&keys)?.into_iter();
        let mut keys = keys.into_iter();
        for entry in entries {
            let is_new = match entry {
                Entry::Unmerge(_) | Entry::Erased => true,
                _ => match (keys.next(), unknown_to_store.next()) {
                    (Some(key), Some(true)) if self.seen.insert(key) => {
                        self.keys.push(key);
                        true
                    }
                    _ => false,
                },
            };
            // The key of what is forgotten is kept: nobody can send the same again.
            if self.sources.erasures.cover(&entry) {
                self.take_erased(&entry, is_new);
                continue;
            }
            match entry {
                Entry::Erased => {}
                Entry::Activity(activity) => self.take_activity(*activity, is_new)?,
                Entry::Quarantined(item) => self.take_quarantined(&item, is_new)?,
                Entry::Resolved(item) if is_new => self.project(&item.project).resolve(&item),
                Entry::Resolved(_) => {}
                Entry::Unmerge(unmerge) => self.project(&unmerge.project).undo(&unmerge),
            }
        }
        Ok(())
    }

    fn take_erased(&mut self, entry: &Entry<'_>, is_new: bool) {
        let import = match entry {
            Entry::Activity(activity) => activity.import.as_ref(),
            Entry::Quarantined(item) => item.import.as_ref(),
            _ => None,
        };
        if let Some(import) = import {
            let account = self.tally.import(import);
            *(if is_new { &mut account.erased } else { &mut account.duplicate }) += 1;
        }
        self.tally.erased += 1;
    }

    fn take_activity(&mut self, mut activity: Activity<'a>, is_new: bool) -> Result<(), JobError> {
        if let Some(import) = &activity.import {
            let account = self.tally.import(import);
            *(if is_new { &mut account.stored } else { &mut account.duplicate }) += 1;
        }
        if !is_new {
            self.tally.duplicates += 1;
            return Ok(());
        }
        self.tally.activities += 1;
        let Activity { project, received_at, link, .. } = &mut activity;
        let forgotten = |id: &str| self.sources.erasures.covers(project, id, *received_at);
        if link.as_ref().is_some_and(|link| forgotten(&link.from) || forgotten(&link.into)) {
            *link = None;
        }
        self.project(&activity.project).append(&mut activity)
    }

    fn take_quarantined(&mut self, item: &Quarantined<'_>, is_new: bool) -> Result<(), JobError> {
        if let Some(import) = &item.import {
            let account = self.tally.import(import);
            *(if is_new { &mut account.quarantined } else { &mut account.duplicate }) += 1;
        }
        if is_new {
            self.tally.quarantined += 1;
            self.project(&item.project).quarantine(item)?;
        }
        Ok(())
    }

    fn project(&mut self, name: &str) -> &mut ProjectRows<'a> {
        if self.projects.get(self.latest).is_none_or(|project| &*project.name != name) {
            let place = self.projects.iter().position(|project| &*project.name == name);
            self.latest = place.unwrap_or_else(|| {
                // The first project most often has nearly all of the turn.
                let capacity = if self.projects.is_empty() { self.records } else { 0 };
                self.projects.push(ProjectRows::new(Arc::from(name), capacity));
                self.projects.len() - 1
            });
        }
        &mut self.projects[self.latest]
    }

    pub fn finish(self, graphs: &mut Graphs) -> Result<Built, JobError> {
        let mut publication = Publication { message_keys: self.keys, ..Publication::default() };
        let mut pulses = Vec::new();
        for project in self.projects {
            let name = project.name.clone();
            let (rows, pulse) = project.finish(self.sources, graphs)?;
            pulses.extend(pulse);
            if !rows.batches.is_empty() {
                publication.rows.insert(name, rows);
            }
        }
        Ok(Built { publication, tally: self.tally, pulses })
    }
}
