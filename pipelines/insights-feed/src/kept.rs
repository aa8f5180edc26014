//! What a projection holds: runs of files and of fresh rows, and whose rows lie where.

mod layers;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;
use footfall_pipelines_insights::projection::{ColumnKind, Dictionaries, Rows, Run};
use footfall_pipelines_store::lake::{DataFile, Overrides, ProjectSnapshot, TableScan};
use footfall_pipelines_store::tables::Table;

use self::layers::{Layer, Stack};
use crate::columns::Plan;
use crate::error::AskError;
use crate::fresh::FreshRuns;
use crate::intake::Intake;
use crate::reading::{Reading, Scan};
use crate::runs::{Join, RunFiles, Sealed};
use crate::shelf::{Content, Restored, is_number, kind_of};

/// Rows of a file taken in at a time: bounds the memory, and how long others wait.
const STEP_ROWS: usize = 250_000;
const BATCH_ROWS: usize = 16_384;

/// So many are joined at once as soon as they are read, in about a second; more are joined later, while questions are answered.
const JOINED_READ_ROWS_MAX: u64 = 16_000_000;

/// Runs and who is whom.
pub(crate) struct Kept {
    pub plan: Plan,
    pub dictionaries: Arc<Dictionaries>,
    /// All sealed runs together hold exactly the rows of these files, once what is being read is read; with their rows.
    covered: BTreeMap<String, u64>,
    /// … of which nothing is of so many persons who are forgotten.
    erasures: u64,
    /// … or, of a snapshot in a database, the rows up to this version.
    until: Option<u64>,
    pub sealed: Vec<Sealed>,
    fresh: FreshRuns,
    /// Large runs, and above them the other sealed ones.
    layers: [Option<Layer>; 2],
    stack: Option<Stack>,
    overrides: Arc<Overrides>,
    /// The same by ordinal.
    pub merged: Arc<HashMap<u32, u32>>,
    /// Rows of the first lie under the second in some run.
    applied: HashSet<(u32, u32)>,
    /// Persons who are somebody else now, and whose rows lie under their own ordinal in some run.
    apart: HashSet<u32>,
    /// Columns with too many different values.
    pub full: HashSet<String>,
    /// Runs were joined since the last view.
    pub joined: bool,
    /// Something of [`Kept::content`] has changed since it was saved.
    pub unsaved: bool,
}

impl Kept {
    /// Nothing yet, and all files to read.
    pub fn new(plan: Plan, snapshot: &ProjectSnapshot) -> (Kept, Reading) {
        let files: VecDeque<Arc<DataFile>> = snapshot.table(Table::Activity).files.iter().cloned().collect();
        let mut kept = Kept {
            dictionaries: plan.dictionaries(),
            plan,
            covered: covered_by(snapshot),
            erasures: snapshot.erasures,
            until: snapshot.remote.is_some().then_some(snapshot.version),
            sealed: Vec::new(),
            fresh: FreshRuns::default(),
            layers: [None, None],
            stack: None,
            overrides: Arc::default(),
            merged: Arc::default(),
            applied: HashSet::new(),
            apart: HashSet::new(),
            full: HashSet::new(),
            joined: false,
            unsaved: snapshot.remote.is_none(),
        };
        // Nothing lies anywhere yet, so nothing can be in the way.
        let _ = kept.merge(&snapshot.overrides);
        let reading =
            if snapshot.remote.is_some() { Reading::after(snapshot, 0) } else { Reading::of(snapshot, files) };
        (kept, reading)
    }

    /// What was found on disk. It may be of files that the lake has not any more: see [`Kept::cover`].
    pub fn restored(restored: Restored) -> Kept {
        let Restored { content, dictionaries, sealed } = restored;
        Kept {
            plan: Plan::of(content.columns.iter().map(kind_of).collect()),
            dictionaries,
            covered: content.covered,
            erasures: content.erasures,
            until: None,
            sealed,
            fresh: FreshRuns::default(),
            layers: [None, None],
            stack: None,
            overrides: Arc::default(),
            merged: Arc::default(),
            applied: content.applied.into_iter().collect(),
            apart: HashSet::new(),
            full: content.full,
            joined: false,
            unsaved: false,
        }
    }

    /// What has to be known of it again after a start.
    pub fn content(&self, asked: &[(String, ColumnKind)]) -> Content {
        Content {
            columns: self.plan.kept().iter().map(is_number).collect(),
            asked: asked.iter().map(is_number).collect(),
            full: self.full.clone(),
            covered: self.covered.clone(),
            erasures: self.erasures,
            applied: self.applied.iter().copied().collect(),
        }
    }

    /// What to read so that the runs hold the rows of the snapshot's files; `None` if that cannot be reached from here.
    pub fn cover(&mut self, snapshot: &ProjectSnapshot) -> Option<Reading> {
        if snapshot.erasures != self.erasures {
            return None;
        }
        if snapshot.remote.is_some() {
            // Runs that were kept on disk are of files.
            let before = self.until.replace(snapshot.version)?;
            return (before <= snapshot.version).then(|| Reading::after(snapshot, before));
        }
        let now = covered_by(snapshot);
        if now == self.covered {
            return Some(Reading::of(snapshot, VecDeque::new()));
        }
        // A file of another lake under the name of one that is here.
        if now.iter().any(|(path, rows)| self.covered.get(path).is_some_and(|known| known != rows)) {
            return None;
        }
        let mut gone: HashSet<&str> =
            self.covered.keys().map(String::as_str).filter(|path| !now.contains_key(*path)).collect();
        let mut files = VecDeque::new();
        for file in snapshot.table(Table::Activity).files.iter().filter(|file| !self.covered.contains_key(&file.path)) {
            let path = file.path.as_str();
            let (mut known, mut unknown) = (Vec::new(), Vec::new());
            self.origins(snapshot, path, &mut known, &mut unknown);
            if known.is_empty() {
                files.push_back(file.clone());
                continue;
            }
            // Its other rows are those of files which may still lie there for slow readers.
            if !known.iter().all(|path| gone.remove(path))
                || !unknown.iter().all(|path| snapshot.root.join(path).exists())
            {
                return None;
            }
            // What was joined since the last person was forgotten has nothing of them.
            files.extend(unknown.into_iter().map(|path| Arc::new(DataFile::plain(path))));
        }
        if !gone.is_empty() {
            return None;
        }
        self.covered = now;
        self.unsaved = true;
        Some(Reading::of(snapshot, files))
    }

    /// The files that a file is made of: those whose rows are here, and the others.
    fn origins<'s>(
        &self,
        snapshot: &'s ProjectSnapshot,
        path: &'s str,
        known: &mut Vec<&'s str>,
        unknown: &mut Vec<&'s str>,
    ) {
        match snapshot.lineage.inputs(path) {
            _ if self.covered.contains_key(path) => known.push(path),
            Some(inputs) => inputs.iter().for_each(|input| self.origins(snapshot, input, known, unknown)),
            None => unknown.push(path),
        }
    }

    /// Follows who is whom: whether that changed, or `None` if rows lie where they cannot be told apart any more.
    pub fn merge(&mut self, overrides: &Arc<Overrides>) -> Option<bool> {
        if Arc::ptr_eq(&self.overrides, overrides) {
            return Some(false);
        }
        if self.overrides == *overrides {
            // Of what was found on disk nobody has asked yet whether its merges still hold.
            self.overrides = overrides.clone();
            return self.applied_hold().then_some(false);
        }
        let before = std::mem::replace(&mut self.overrides, overrides.clone());
        let ordinal = |id: &uuid::Uuid| self.dictionaries.persons.intern(&id.to_string());
        let news: Vec<(u32, u32)> = overrides
            .iter()
            .filter(|(own, now)| before.get(*own) != Some(*now))
            .map(|(own, now)| (ordinal(own), ordinal(now)))
            .collect();
        let undone: Vec<u32> = before.keys().filter(|own| !overrides.contains_key(*own)).map(ordinal).collect();
        let merged = Arc::make_mut(&mut self.merged);
        for own in undone {
            merged.remove(&own);
            self.apart.remove(&own);
        }
        merged.extend(news.iter().copied());
        let runs = self.runs();
        let lies_apart = |own: &u32| runs.iter().any(|run| run.has_person(*own));
        self.apart.extend(news.into_iter().map(|(own, _)| own).filter(lies_apart));
        self.applied_hold().then_some(true)
    }

    /// Whether all rows that lie under another person's ordinal are that person's now.
    fn applied_hold(&self) -> bool {
        let person_of = |ordinal: &u32| *self.merged.get(ordinal).unwrap_or(ordinal);
        self.applied.iter().all(|(own, place)| person_of(place) == person_of(own))
    }

    fn intake(&mut self, full_at: usize) -> (Intake<'_>, &mut FreshRuns, &mut Vec<Sealed>) {
        let intake = Intake {
            plan: &self.plan,
            dictionaries: &self.dictionaries,
            merged: &self.merged,
            applied: &mut self.applied,
            dictionary_bytes_max: full_at,
            full: &mut self.full,
        };
        (intake, &mut self.fresh, &mut self.sealed)
    }

    /// Takes in some rows; how many, or `None` when all are.
    pub fn read(&mut self, reading: &mut Reading, files: &RunFiles, full_at: usize) -> Result<Option<u64>, AskError> {
        let (mut intake, _, sealed) = self.intake(full_at);
        let mut scan = match reading.open.take() {
            Some(scan) => scan,
            None => {
                let (columns, properties) = (intake.plan.columns(), intake.plan.properties());
                match (reading.remote.take(), reading.files.pop_front()) {
                    (Some(remote), _) => Scan::Remote(remote.begin(columns, properties)),
                    (None, Some(file)) => {
                        let table = Table::Activity;
                        Scan::File(TableScan::open(&reading.root, table, &file, columns, properties, BATCH_ROWS)?)
                    }
                    (None, None) => return Ok(None),
                }
            }
        };
        let mut rows = Rows::new(intake.dictionaries);
        while rows.len() < STEP_ROWS {
            match scan.next() {
                Some(batch) => intake.take(&batch?, &mut rows)?,
                None => break,
            }
        }
        let (taken, dictionaries) = (rows.len() as u64, intake.dictionaries.clone());
        let is_file = matches!(scan, Scan::File(_));
        if taken >= STEP_ROWS as u64 {
            reading.open = Some(scan);
        }
        reading.any |= taken > 0;
        if taken > 0 {
            sealed.push(files.write(rows, &dictionaries)?);
            self.unsaved |= is_file;
        }
        Ok(Some(taken))
    }

    /// Whether fresh rows have changed.
    pub fn follow_fresh(&mut self, batches: &[RecordBatch], full_at: usize) -> Result<bool, AskError> {
        let (mut intake, fresh, _) = self.intake(full_at);
        fresh.follow(batches, &mut intake)
    }

    /// All runs.
    pub fn runs(&self) -> Vec<Arc<Run>> {
        self.sealed.iter().map(|sealed| &sealed.run).chain(self.fresh.runs()).cloned().collect()
    }

    /// How many persons have rows under another ordinal than that of the person they are now.
    pub fn apart(&self) -> usize {
        self.apart.len()
    }

    /// These persons, and who they are.
    pub fn relocated(&self) -> HashMap<u32, u32> {
        self.apart.iter().filter_map(|own| Some((*own, *self.merged.get(own)?))).collect()
    }

    /// Those of them who have rows in some runs.
    pub fn relocated_in(&self, runs: &[Arc<Run>]) -> HashMap<u32, u32> {
        let mut relocated = self.relocated();
        relocated.retain(|own, _| runs.iter().any(|run| run.has_person(*own)));
        relocated
    }

    /// What makes one of some sealed runs.
    pub fn join_of(&self, runs: Vec<Sealed>, files: &Arc<RunFiles>) -> Join {
        let rows: Vec<Arc<Run>> = runs.iter().map(|sealed| sealed.run.clone()).collect();
        let (files, dictionaries) = (files.clone(), self.dictionaries.clone());
        Join { files, merged: self.relocated_in(&rows), dictionaries, runs }
    }

    /// Makes one run of all that was read before anybody is answered from it, unless that took too long; whether it did. Where it
    /// cannot, as on a full disk, the runs answer as they are.
    pub fn join_read(&mut self, files: &Arc<RunFiles>) -> bool {
        let rows: u64 = self.sealed.iter().map(|sealed| sealed.run.rows()).sum();
        if self.sealed.len() < 2 || rows > JOINED_READ_ROWS_MAX {
            return false;
        }
        let join = self.join_of(self.sealed.clone(), files);
        match join.run() {
            Ok(run) => self.install(&join, run),
            Err(error) => {
                tracing::error!(%error, "what was read for insights cannot be joined");
                return false;
            }
        }
        true
    }

    /// See [`crate::projection::Projection::install`]: runs are still those that were joined, and persons who they were.
    pub fn install(&mut self, join: &Join, run: Sealed) {
        let is = |a: &Sealed, b: &Sealed| Arc::ptr_eq(&a.file, &b.file);
        let has = |one: &Sealed| self.sealed.iter().any(|known| is(known, one));
        let is_same = |(own, now): (&u32, &u32)| self.merged.get(own) == Some(now);
        if !join.runs.iter().all(has) || !join.merged.iter().all(is_same) {
            return;
        }
        self.sealed.retain(|known| !join.runs.iter().any(|one| is(known, one)));
        self.stack = self.stack.take().filter(|stack| join.merged.keys().all(|own| stack.relocated.contains_key(own)));
        if let Some(stack) = &mut self.stack {
            let before = stack.runs.len();
            stack.runs.retain(|known| !join.runs.iter().any(|one| Arc::ptr_eq(known, &one.run)));
            // Rows that no view has yet may be in the joined run too: then it is not of the same rows.
            match stack.runs.len() + join.runs.len() == before {
                true => stack.runs.push(run.run.clone()),
                false => self.stack = None,
            }
        }
        self.sealed.push(run);
        self.applied.extend(join.merged.iter().map(|(own, now)| (*own, *now)));
        let runs = self.runs();
        self.apart.retain(|own| runs.iter().any(|run| run.has_person(*own)));
        (self.joined, self.unsaved) = (true, self.until.is_none());
    }

    /// Rows, whether they lie in files or not.
    pub fn rows(&self) -> u64 {
        self.sealed.iter().map(|sealed| &sealed.run).chain(self.fresh.runs()).map(|run| run.rows()).sum()
    }

    /// Bytes of dictionaries and fresh rows.
    pub fn memory_bytes(&self) -> usize {
        self.dictionaries.bytes() + self.fresh.runs().map(|run| run.memory_bytes()).sum::<usize>()
    }
}

fn covered_by(snapshot: &ProjectSnapshot) -> BTreeMap<String, u64> {
    snapshot.table(Table::Activity).files.iter().map(|file| (file.path.clone(), file.live_rows())).collect()
}
