//! The projection of one project: follows the store's snapshots, one bounded step at a time.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::definition::Needs;
use footfall_pipelines_insights::projection::{ColumnKind, Snapshot};
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::tables::Table;

use crate::columns::Plan;
use crate::error::AskError;
use crate::groups::Groups;
use crate::kept::Kept;
use crate::people::People;
use crate::project::Moment;
use crate::reading::Reading;
use crate::runs::{Join, Sealed, worth_joining};
use crate::shelf::{Save, Shelf, kind_of};

/// Persons whose rows still lie under another's ordinal are moved for good when there are more.
const RELOCATED_PERSONS_MAX: usize = 1_000;

/// A project at one moment, ready for questions.
pub(crate) struct View {
    pub snapshot: Snapshot,
    /// Equal numbers of one project hold equal rows.
    pub content: u64,
    pub full: HashSet<String>,
    pub plan: Plan,
    pub traits: BTreeSet<String>,
    pub groups: BTreeSet<(String, String)>,
}

impl View {
    pub fn has(&self, needs: &Needs) -> bool {
        self.plan.has(needs) && needs.traits.is_subset(&self.traits) && needs.groups.is_subset(&self.groups)
    }
}

/// What a step has come to.
pub(crate) enum Step {
    More,
    /// The view of the snapshot that the first step took, if it differs from the one before.
    Done(Option<Moment>, Option<Arc<View>>),
}

pub(crate) struct Projection {
    project: String,
    folder: PathBuf,
    shelf: Option<Shelf>,
    kept: Option<Kept>,
    asked: Vec<(String, ColumnKind)>,
    people: People,
    groups: Groups,
    target: Option<Target>,
    /// What takes the place of `kept` when it is read: it has properties that questions have asked for since. Until then others
    /// are answered from `kept`.
    next: Option<Next>,
    /// Reading steps of `next` since the last view.
    next_steps: usize,
    /// When the target was taken.
    moment: Option<Moment>,
    content: u64,
    /// That the last view has.
    rows: u64,
    /// What is kept was found on disk, and there is no view of it yet.
    is_new: bool,
    pub rows_done: u64,
    pub rows_all: u64,
}

/// So many steps of reading are made for each view meanwhile.
const NEXT_STEPS: usize = 4;

/// A projection that is being read.
struct Next {
    kept: Kept,
    reading: Reading,
    /// Holds the files that are read.
    _snapshot: Arc<ProjectSnapshot>,
}

/// The snapshot on the way to which it is.
struct Target {
    snapshot: Arc<ProjectSnapshot>,
    reading: Reading,
    merged: bool,
    /// All of its rows are being read, and nobody has been answered from them.
    from_start: bool,
}

impl Projection {
    /// Of a project, in a folder of its own.
    pub fn new(project: &str, folder: PathBuf) -> Projection {
        Projection {
            project: project.to_owned(),
            folder,
            shelf: None,
            kept: None,
            asked: Vec::new(),
            people: People::default(),
            groups: Groups::default(),
            target: None,
            next: None,
            next_steps: 0,
            moment: None,
            content: 0,
            rows: 0,
            is_new: false,
            rows_done: 0,
            rows_all: 0,
        }
    }

    /// Keeps what a question needs from now on.
    pub fn want(&mut self, needs: &Needs, columns_asked_max: usize) {
        self.people.want(&needs.traits);
        self.groups.want(&needs.groups);
        for need in &needs.columns {
            self.asked.retain(|known| known != need);
            self.asked.push(need.clone());
        }
        let surplus = self.asked.len().saturating_sub(columns_asked_max.max(needs.columns.len()));
        self.asked.drain(..surplus);
        let lacks = |kept: &Kept| !kept.plan.has(needs);
        if self.next.as_ref().is_some_and(|next| lacks(&next.kept)) {
            self.next = None;
        }
    }

    /// Forgets everything: the next steps read all files again.
    pub fn reset(&mut self) {
        (self.kept, self.target, self.next) = (None, None, None);
        if let Some(Err(error)) = self.shelf.as_mut().map(Shelf::clear) {
            tracing::error!(project = %self.project, %error, "what is kept of a projection cannot be removed");
        }
    }

    /// Leaves memory and disk, also where nobody has asked yet.
    pub fn forget(&mut self) -> Result<(), AskError> {
        let failed = |source| InsightError::File { action: "clearing", path: self.folder.clone(), source };
        if self.folder.exists() {
            match &mut self.shelf {
                Some(shelf) => shelf.clear(),
                None => Shelf::open(&self.folder, &self.project).and_then(|mut shelf| shelf.clear()),
            }
            .map_err(failed)?;
        }
        (self.kept, self.target, self.next) = (None, None, None);
        self.people.forget();
        Ok(())
    }

    /// Leaves memory; what is on disk stays, and the next steps begin there.
    pub fn put_away(&mut self) {
        self.save();
        (self.kept, self.target, self.next) = (None, None, None);
        self.people.forget();
        self.groups.forget();
    }

    /// What makes disk say what is in memory, between two targets, if it does not yet.
    pub fn save_due(&mut self) -> Option<Save> {
        let (Some(kept), Some(shelf), None) = (&mut self.kept, &mut self.shelf, &self.target) else { return None };
        let is_due = std::mem::take(&mut kept.unsaved);
        is_due.then(|| shelf.save(kept.content(&self.asked), kept.dictionaries.clone(), kept.sealed.clone()))
    }

    /// Makes disk say what is in memory.
    fn save(&mut self) {
        if let Some(save) = self.save_due() {
            save.run_or_tell();
        }
    }

    /// One step towards the snapshot that `take` gave at the first.
    pub fn step(
        &mut self,
        full_at: usize,
        threads: usize,
        take: impl FnOnce() -> (Arc<ProjectSnapshot>, Moment),
    ) -> Result<Step, AskError> {
        if self.target.is_none() {
            let (snapshot, moment) = take();
            if self.next_steps < NEXT_STEPS && self.read_next(&snapshot, full_at)? {
                self.next_steps += 1;
                return Ok(Step::More);
            }
            self.next_steps = 0;
            self.moment = Some(moment);
            self.begin(snapshot)?;
        }
        let (Some(kept), Some(target), Some(shelf)) = (&mut self.kept, &mut self.target, &self.shelf) else {
            return Ok(Step::More);
        };
        if let Some(rows) = kept.read(&mut target.reading, &shelf.files, full_at)? {
            self.rows_done += rows;
            return Ok(Step::More);
        }
        if std::mem::take(&mut target.from_start) && kept.join_read(&shelf.files) {
            return Ok(Step::More);
        }
        let view = self.finish(full_at, threads)?;
        Ok(Step::Done(self.moment, view))
    }

    /// One step towards a projection with all properties that were asked for; false if there is nothing to do.
    fn read_next(&mut self, snapshot: &Arc<ProjectSnapshot>, full_at: usize) -> Result<bool, AskError> {
        let (Some(kept), Some(shelf)) = (&self.kept, &mut self.shelf) else { return Ok(false) };
        if self.asked.iter().all(|need| kept.plan.kept().contains(need)) {
            self.next = None;
            return Ok(false);
        }
        let next = self.next.get_or_insert_with(|| {
            let (kept, reading) = Kept::new(Plan::new(snapshot, &self.asked), snapshot);
            let files = &snapshot.table(Table::Activity).files;
            (self.rows_done, self.rows_all) = (0, files.iter().map(|file| file.live_rows()).sum());
            Next { kept, reading, _snapshot: snapshot.clone() }
        });
        if let Some(rows) = next.kept.read(&mut next.reading, &shelf.files, full_at)? {
            self.rows_done += rows;
            return Ok(true);
        }
        if next.kept.join_read(&shelf.files) {
            return Ok(true);
        }
        // What is on disk is of other columns.
        if let Err(error) = shelf.clear() {
            tracing::error!(project = %self.project, %error, "what is kept of a projection cannot be removed");
        }
        self.kept = self.next.take().map(|next| next.kept);
        self.people.forget();
        self.groups.forget();
        self.content += 1;
        self.is_new = true;
        Ok(false)
    }

    fn begin(&mut self, snapshot: Arc<ProjectSnapshot>) -> Result<(), AskError> {
        if self.kept.is_none() {
            self.restore()?;
        }
        let before = self.kept.take().and_then(|mut kept| {
            let reading = kept.cover(&snapshot)?;
            let merged = kept.merge(&snapshot.overrides)?;
            Some((kept, reading, merged))
        });
        let from_start = before.is_none();
        let (kept, reading, merged) = match before {
            Some((kept, reading, merged)) => (kept, reading, merged | std::mem::take(&mut self.is_new)),
            None => {
                tracing::info!(project = %self.project, "the projection of a project is made from the start");
                self.reset();
                self.people.forget();
                self.groups.forget();
                self.content += 1;
                self.is_new = false;
                let (kept, reading) = Kept::new(Plan::new(&snapshot, &self.asked), &snapshot);
                (kept, reading, true)
            }
        };
        self.kept = Some(kept);
        let files = &snapshot.table(Table::Activity).files;
        self.rows_all = files.iter().map(|file| file.live_rows()).sum();
        let waiting = files.iter().filter(|file| reading.waits_for(&file.path)).map(|file| file.live_rows());
        self.rows_done = self.rows_all - waiting.sum::<u64>();
        self.target = Some(Target { snapshot, reading, merged, from_start });
        Ok(())
    }

    /// Takes what is on disk, if it has what questions have asked for.
    fn restore(&mut self) -> Result<(), AskError> {
        let folder = self.folder.clone();
        let failed = |source| InsightError::File { action: "opening", path: folder, source };
        let shelf = match &mut self.shelf {
            Some(shelf) => shelf,
            None => self.shelf.insert(Shelf::open(&self.folder, &self.project).map_err(failed)?),
        };
        let Some(restored) = shelf.restore() else { return Ok(()) };
        let mut asked: Vec<(String, ColumnKind)> = restored.content.asked.iter().map(kind_of).collect();
        let kept = Kept::restored(restored);
        if !self.asked.iter().all(|need| kept.plan.kept().contains(need)) {
            return Ok(());
        }
        asked.retain(|known| !self.asked.contains(known));
        asked.append(&mut self.asked);
        (self.asked, self.kept, self.is_new) = (asked, Some(kept), true);
        self.people.forget();
        self.content += 1;
        Ok(())
    }

    /// Fresh rows and persons; then the view.
    fn finish(&mut self, full_at: usize, threads: usize) -> Result<Option<Arc<View>>, AskError> {
        let (Some(kept), Some(target)) = (&mut self.kept, self.target.take()) else { return Ok(None) };
        let mut changed = kept.follow_fresh(&target.snapshot.table(Table::Activity).fresh, full_at)?;
        // Rows come and do not go, but from the start: as many as before, of which some were read, are those that were fresh.
        let has_read = target.reading.has_read();
        let mut differs = target.merged | (changed && !has_read) | (kept.rows() != self.rows);
        changed |= has_read;
        differs |= self.people.follow(&target.snapshot, &kept.dictionaries, &kept.merged, target.merged)?;
        differs |= self.groups.follow(&target.snapshot)?;
        changed |= differs;
        if !changed && !std::mem::take(&mut kept.joined) {
            return Ok(None);
        }
        self.content += u64::from(differs);
        self.rows = kept.rows();
        let traits = self.people.traits().to_vec();
        let snapshot = kept.snapshot(traits, threads)?;
        Ok(Some(Arc::new(View {
            snapshot: snapshot.aliased(kept.merged.clone()).with_groups(self.groups.properties().to_vec()),
            content: self.content,
            full: kept.full.clone(),
            plan: kept.plan.clone(),
            traits: self.people.wanted().clone(),
            groups: self.groups.wanted().clone(),
        })))
    }

    /// Sealed runs that should become one.
    pub fn join_due(&self) -> Option<Join> {
        let (kept, shelf) = (self.kept.as_ref()?, self.shelf.as_ref()?);
        let all = kept.apart() > RELOCATED_PERSONS_MAX && !kept.sealed.is_empty();
        let runs = if all { kept.sealed.clone() } else { worth_joining(&kept.settled())? };
        Some(kept.join_of(runs, &shelf.files))
    }

    /// Puts a joined run in the place of those it was made of, if nothing has happened to them.
    pub fn install(&mut self, join: &Join, run: Sealed) {
        if let Some(kept) = &mut self.kept {
            kept.install(join, run);
        }
    }

    /// Bytes in memory: dictionaries, fresh rows, and about what is known of persons.
    pub fn memory_bytes(&self) -> usize {
        self.kept.as_ref().map_or(0, Kept::memory_bytes) + self.people.memory_bytes() + self.groups.memory_bytes()
    }
}
