//! Forgetting a person: a publication without activity, after which no reader has the rows that were published before.
//!
//! Whoever is asked writes the request down; the process that publishes does the rest, in its turn among its publications. Where
//! none does, whoever was asked takes over for this one publication. `docs/decisions/027` says why it is right.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use footfall_ingest_activity::Erasure;
use futures::StreamExt;
use uuid::Uuid;

use super::arrow_form::table_stream;
use super::attempt::Attempt;
use super::chain::Link;
use super::clickhouse::{Shared, Writer};
use super::forgotten::{self, CLAIM, Forgotten, Hidden, ITEM, Known, PERSON, Row, Step};
use super::rows::ProjectRows;
use super::view::View;
use crate::remote::{RemoteRows, RowsWanted};
use crate::tables::Table;
use crate::theirs::{self, Theirs};
use crate::{ErasureRecord, StoreError};

/// How often it is looked whether a person is hidden.
const LOOK: Duration = Duration::from_millis(50);
/// Requests that nobody has taken up for so many times the wait for a leader are taken up by whoever follows.
const ABANDONED: u32 = 10;

/// What of the tables is the person's, as of the end of a chain.
#[derive(Debug, Default)]
struct Found {
    head: u64,
    persons: BTreeSet<Uuid>,
    /// All claims of the project.
    claims: Vec<RecordBatch>,
    /// Sequences of theirs.
    sequences: Vec<String>,
    /// Items of theirs in the quarantine.
    items: Vec<String>,
}

/// The steps, if there are others than are known. The lock of the steps is held.
pub(super) async fn news(shared: &Shared, has_links: bool) -> Result<Option<Vec<Row>>, StoreError> {
    let rows = forgotten::count(&shared.database).await?;
    match shared.view().forgotten.is_outdated(rows, has_links) {
        true => forgotten::load(&shared.database).await.map(Some),
        false => Ok(None),
    }
}

impl Shared {
    /// Forgets a person; it ends when no reader shows them any more.
    pub async fn erase(&self, erasure: Erasure) -> Result<ErasureRecord, StoreError> {
        let id = erasure.id;
        self.note_request(Step::Requested, erasure).await?;
        let record = self.until_hidden(id).await?;
        tokio::time::sleep(self.database.options().followers_wait).await;
        Ok(record)
    }

    /// Forgets whom another installation has forgotten; it ends when no reader shows them any more.
    pub async fn learn(&self, records: Vec<ErasureRecord>) -> Result<(), StoreError> {
        self.look_at_steps().await?;
        let is_hidden = |id| self.view().forgotten.get(id).is_some_and(|known| known.publication.is_some());
        let new: Vec<Erasure> =
            records.into_iter().map(|record| record.erasure).filter(|erasure| !is_hidden(erasure.id)).collect();
        let ids: Vec<Uuid> = new.iter().map(|erasure| erasure.id).collect();
        for erasure in new {
            // As what was hidden in a chain that is not this one: its ids and its moment hold.
            let step = if erasure.persons.is_empty() { Step::Requested } else { Step::Hidden };
            self.note_request(step, erasure).await?;
        }
        for id in &ids {
            self.until_hidden(*id).await?;
        }
        if !ids.is_empty() {
            tokio::time::sleep(self.database.options().followers_wait).await;
        }
        Ok(())
    }

    /// Writes down what is to be done, in no publication.
    async fn note_request(&self, step: Step, erasure: Erasure) -> Result<(), StoreError> {
        let (id, at) = (erasure.id, self.clock.now());
        let row = Row { id, step, publication: 0, at, erasure: Some(erasure), is_committed: false };
        forgotten::note(&self.database, &row, "").await
    }

    /// Waits until somebody has hidden the person, and does it where nobody does.
    async fn until_hidden(&self, id: Uuid) -> Result<ErasureRecord, StoreError> {
        let (begun, options) = (Instant::now(), self.database.options());
        // Whoever publishes, or has just taken over, sees to it: there is no point in fencing them.
        let (mut head, mut since) = (self.view().visible.head, begun);
        loop {
            self.look_at_steps().await?;
            let now = self.view().visible.head;
            if now != head {
                (head, since) = (now, Instant::now());
            }
            if let Some(known) = self.view().forgotten.get(id).filter(|known| known.publication.is_some()) {
                return Ok(known.record.clone());
            }
            let leads = !self.writer.lock().await.is_fenced;
            let tried = match leads {
                true => self.hide(id).await,
                false if since.elapsed() >= options.lead_wait || begun.elapsed() >= options.lead_wait * ABANDONED => {
                    self.stand_in(id).await
                }
                false => Ok(()),
            };
            match tried {
                // Who leads has just done it.
                Ok(()) if leads => {}
                // Two who take over from each other do not do it in step.
                Ok(()) | Err(StoreError::Fenced) => {
                    tokio::time::sleep(LOOK + LOOK * (id.as_bytes()[0] % 8).into()).await
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The log has nothing of the person any more.
    pub async fn note_log_erased(&self, id: Uuid) -> Result<(), StoreError> {
        self.note_step(id, Step::Log, 0).await
    }

    /// Writes a step down that is no publication.
    pub async fn note_step(&self, id: Uuid, step: Step, publication: u64) -> Result<(), StoreError> {
        let row = Row { id, step, publication, at: self.clock.now(), erasure: None, is_committed: false };
        forgotten::note(&self.database, &row, "").await?;
        self.look_at_steps().await
    }

    /// Takes in steps that others have written down.
    pub async fn look_at_steps(&self) -> Result<(), StoreError> {
        let _alone = self.steps.lock().await;
        if let Some(rows) = news(self, true).await? {
            self.change_view(|view| view.forget(Arc::new(Forgotten::of(rows, view.visible.head))));
        }
        Ok(())
    }

    fn waiting(&self, id: Uuid) -> Option<Known> {
        self.view().forgotten.waiting().find(|known| known.record.erasure.id == id).cloned()
    }

    /// Takes the person out of all answers, as the one that publishes.
    pub async fn hide(&self, id: Uuid) -> Result<(), StoreError> {
        let Some(known) = self.waiting(id) else { return Ok(()) };
        // What takes long is done before nobody can publish.
        let found = self.search(&known, &self.view(), Found::default()).await?;
        let mut writer = self.writer.lock().await;
        if writer.is_fenced {
            return Err(StoreError::Fenced);
        }
        if self.waiting(id).is_none() {
            return Ok(());
        }
        while writer.attempt.is_some() || self.view().is_next_used(id) {
            self.skip(&mut writer).await?;
        }
        let view = self.view();
        let _alone = self.steps.lock().await;
        let row = self.publish_erasure(&mut writer, &view, &known, found).await?;
        self.change_view(|view| {
            view.visible.head = row.publication;
            let forgotten = view.forgotten.with(row, view.visible.head);
            view.forget(Arc::new(forgotten));
        });
        Ok(())
    }

    /// Hides again who was hidden in a chain that is not this one, before anything else is published: the log may bring them back.
    pub async fn hide_noted(&self) -> Result<(), StoreError> {
        let view = self.view();
        for known in view.forgotten.waiting().filter(|known| known.noted.is_some()) {
            self.hide(known.record.erasure.id).await?;
        }
        Ok(())
    }

    /// The same where nobody publishes: takes over for one publication. Should there be somebody, they take over again.
    async fn stand_in(&self, id: Uuid) -> Result<(), StoreError> {
        let Some(known) = self.waiting(id) else { return Ok(()) };
        let found = self.search(&known, &self.view(), Found::default()).await?;
        let mut writer = Writer::next();
        let barrier = self.take_over(&writer).await?;
        let view = self.read_view().await?;
        let is_hidden = view.forgotten.get(id).is_some_and(|known| known.publication.is_some());
        match view.visible.head == barrier {
            _ if is_hidden => Ok(()),
            // The next number may be somebody else's, or was in another chain.
            false => Err(StoreError::Fenced),
            true if view.is_next_used(id) => Err(StoreError::Fenced),
            true => self.publish_erasure(&mut writer, &view, &known, found).await.map(drop),
        }
    }

    /// The publication at the end of a chain that is the writer's.
    async fn publish_erasure(
        &self,
        writer: &mut Writer,
        view: &View,
        known: &Known,
        found: Found,
    ) -> Result<Row, StoreError> {
        let found = self.search(known, view, found).await?;
        let (number, now) = (view.visible.head + 1, self.clock.now());
        let mut erasure = known.record.erasure.clone();
        erasure.at = known.noted.as_ref().map_or(now.max(erasure.at), |noted| noted.at);
        erasure.persons = found.persons;
        let (id, project) = (erasure.id, erasure.project.clone());
        writer.attempt = Some(Attempt::of(id.as_u128()));
        let hidden = Hidden { id, project: project.clone(), publication: number };
        let persons = erasure.persons.iter().map(|own| own.hyphenated().to_string()).collect();
        let keys = [(PERSON, persons), (CLAIM, found.sequences), (ITEM, found.items)];
        let kept = theirs::known_users(&found.claims, &erasure)?;
        let step = Step::Hidden;
        let row = Row { id, step, publication: number, at: now, erasure: Some(erasure), is_committed: true };
        let insert_kept = async {
            let Some(kept) = kept else { return Ok(()) };
            let stream = table_stream(Table::PersonMerges, number, &[(&project, &kept)])?;
            let token = format!("{} {number} {id}", writer.id);
            self.database.insert(Table::PersonMerges.name(), &token, stream).await
        };
        futures::try_join!(
            forgotten::note_rows(&self.database, &hidden, &writer.id, &keys),
            forgotten::note(&self.database, &row, &writer.id),
            insert_kept,
        )?;
        let link = Link {
            publication: number,
            previous: view.visible.head,
            is_barrier: false,
            checkpoint: view.checkpoint.clone(),
            records: 0,
            merged_projects: vec![project],
            published_at: now.millis(),
        };
        self.commit(writer, &link).await?;
        tracing::info!(erasure = %id, publication = number, "a person is in no answer any more");
        Ok(row)
    }

    /// Adds what was published since.
    async fn search(&self, known: &Known, view: &View, before: Found) -> Result<Found, StoreError> {
        let erasure = &known.record.erasure;
        let overrides = view.overrides.get(&erasure.project).cloned().unwrap_or_default();
        let mut persons = theirs::persons_of(&overrides, erasure.person);
        persons.extend(known.noted.iter().flat_map(|noted| &noted.persons));
        let mut found = if before.persons == persons { before } else { Found { persons, ..Found::default() } };
        let erasure = Erasure { persons: found.persons.clone(), ..erasure.clone() };
        let theirs = Theirs::of(&erasure);
        let (database, project) = (self.database.clone(), erasure.project.clone());
        let rows = ProjectRows { database, project, visible: view.visible.clone() };
        let claims: Vec<&str> = Table::PersonMerges.columns().iter().map(|column| column.name).collect();
        for (table, columns) in [(Table::PersonMerges, &claims[..]), (Table::Quarantine, &["quarantine_id", "raw"])] {
            let in_order = table == Table::PersonMerges;
            let wanted = RowsWanted { after: found.head, in_order, ..RowsWanted::columns(table, columns) };
            let mut rows = rows.read(wanted);
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                let is_theirs = tokio::task::block_in_place(|| theirs.rows(table, &batch))?;
                let of_them = (0..batch.num_rows()).filter(|row| is_theirs[*row]);
                if table == Table::PersonMerges {
                    let sequences = batch.column(0).as_primitive::<Int64Type>();
                    found.sequences.extend(of_them.map(|row| sequences.value(row).to_string()));
                    found.claims.push(batch);
                } else {
                    let items = batch.column(0).as_string_view();
                    found.items.extend(of_them.map(|row| items.value(row).to_owned()));
                }
            }
        }
        found.head = view.visible.head;
        Ok(found)
    }
}

/// Of whoever publishes: hides everybody who waits for it.
pub(super) async fn hide_all(shared: Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let every = shared.database.options().follow_every;
        if let Err(error) = hide_waiting(&shared).await {
            tracing::warn!(%error, "a person who is to be forgotten is still in answers; it is tried again");
        }
        drop(shared);
        tokio::time::sleep(every).await;
    }
}

async fn hide_waiting(shared: &Shared) -> Result<(), StoreError> {
    shared.look_at_steps().await?;
    let waiting: Vec<Uuid> = shared.view().forgotten.waiting().map(|known| known.record.erasure.id).collect();
    for id in waiting {
        match shared.hide(id).await {
            // Whoever publishes now sees to it.
            Err(StoreError::Fenced) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

/// Of whoever follows: takes up what was asked for long ago, and was left by whoever was asked.
pub(super) async fn stand_by(shared: Weak<Shared>) {
    let mut seen: HashMap<Uuid, Instant> = HashMap::new();
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let wait = strong.database.options().lead_wait;
        let waiting: Vec<Uuid> = strong.view().forgotten.waiting().map(|known| known.record.erasure.id).collect();
        seen.retain(|id, _| waiting.contains(id));
        for id in waiting {
            if seen.entry(id).or_insert_with(Instant::now).elapsed() < wait * ABANDONED {
                continue;
            }
            if let Err(error) = strong.stand_in(id).await {
                tracing::warn!(%error, "a person who is to be forgotten is still in answers; it is tried again");
            }
        }
        drop(strong);
        tokio::time::sleep(wait).await;
    }
}
