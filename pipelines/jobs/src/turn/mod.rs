//! One turn: a stretch of the log becomes a publication.

mod intake;
mod project;
mod read;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use footfall_ingest_activity::{Erasures, Timestamp};
use footfall_ingest_log::Batch;
use footfall_pipelines_store::{Publication, StoreError};

use crate::identity::IdentityGraph;
use crate::{ImportAccount, JobError, LivePulse};
use intake::Intake;

/// The identity graphs of the projects that needed theirs so far.
pub type Graphs = HashMap<Arc<str>, IdentityGraph>;

/// Says of each message key whether it is new.
pub type IsNew<'s> = dyn Fn(&[u128]) -> Result<Vec<bool>, StoreError> + 's;

/// What a turn asks of the outside. Closures, so that a turn can be tried without a store.
pub struct Sources<'s> {
    /// [`Store::is_new`](footfall_pipelines_store::Store::is_new).
    pub is_new: &'s IsNew<'s>,
    /// The identity graph of a project as the store has it.
    pub graph: &'s dyn Fn(&Arc<str>) -> Result<IdentityGraph, JobError>,
    /// Projects known to the store: damage of the log may concern each of them.
    pub projects: Vec<Arc<str>>,
    /// Time of receipt of what does not say its own.
    pub now: Timestamp,
    /// Records, by partition and offset, that made the transform panic: they are quarantined unread.
    pub poisoned: HashSet<(u32, u64)>,
    /// Who is forgotten: what the log still has of them makes no rows.
    pub erasures: Arc<Erasures>,
    /// Activities in a live pulse; 0 when nobody watches.
    pub live_activities_max: usize,
}

/// What a turn has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// New activities.
    pub activities: u64,
    /// Activities that were there before.
    pub duplicates: u64,
    /// Of persons who are forgotten.
    pub erased: u64,
    /// New rows of `quarantine`.
    pub quarantined: u64,
    /// By import.
    pub imports: Vec<(String, ImportAccount)>,
}

impl Tally {
    fn import(&mut self, import: &str) -> &mut ImportAccount {
        let place = match self.imports.iter().position(|(id, _)| id == import) {
            Some(place) => place,
            None => {
                self.imports.push((import.to_owned(), ImportAccount::default()));
                self.imports.len() - 1
            }
        };
        &mut self.imports[place].1
    }
}

/// A turn's result: publish it, then account for it.
#[derive(Debug, Default)]
pub struct Built {
    pub publication: Publication,
    pub tally: Tally,
    pub pulses: Vec<LivePulse>,
}

/// Turns a batch of the log into a publication. After an error `graphs` is to be thrown away.
pub fn build(batch: &Batch, sources: &Sources<'_>, graphs: &mut Graphs) -> Result<Built, JobError> {
    let mut intake = Intake::new(sources, batch.records.len());
    intake.take_damages(&batch.damages)?;
    intake.take_records(&batch.records)?;
    let mut built = intake.finish(graphs)?;
    built.publication.checkpoint = batch.next.clone();
    built.publication.erasures = sources.erasures.version();
    built.publication.records = batch.records.len() as u64;
    Ok(built)
}
