//! A store in memory that can lose what is not durable, and fail when told to.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use footfall_ingest_activity::Checkpoint;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::{Publication, Store, StoreError};
use serde_json::Value;

use crate::given::{new_among, plain};

#[derive(Default)]
struct State {
    publications: Vec<Publication>,
    /// Of these, how many survive a crash.
    durable: usize,
}

#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    /// How many of the next calls fail.
    pub publish_failures: AtomicUsize,
    pub is_new_failures: AtomicUsize,
    pub is_new_panics: AtomicUsize,
    pub tries: AtomicUsize,
    /// How many of the next publications find that another process has taken over.
    pub fences: AtomicUsize,
    /// How often the lead was taken.
    pub leads: AtomicUsize,
    /// What comes one after the other when the lead is taken, each after so long.
    read_at_lead: Vec<Duration>,
    bytes_read: AtomicU64,
}

fn takes_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn checkpoint(publications: &[Publication]) -> Checkpoint {
    publications.last().map(|publication| publication.checkpoint.clone()).unwrap_or_default()
}

impl MemoryStore {
    /// One that has so much to read when the lead is taken.
    pub fn that_reads(read_at_lead: Vec<Duration>) -> MemoryStore {
        MemoryStore { read_at_lead, ..MemoryStore::default() }
    }

    /// What a killed process leaves.
    pub fn after_crash(&self) -> MemoryStore {
        let state = self.state.lock().unwrap();
        let publications = state.publications[..state.durable].to_vec();
        MemoryStore { state: Mutex::new(State { publications, durable: state.durable }), ..MemoryStore::default() }
    }

    /// All rows of a table.
    pub fn rows(&self, project: &str, table: Table) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let batches = state.publications.iter().filter_map(|p| p.rows.get(project)?.batches.get(&table));
        batches.flat_map(plain).collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn durable_checkpoint(&self) -> Checkpoint {
        let state = self.state.lock().unwrap();
        checkpoint(&state.publications[..state.durable])
    }

    fn visible_checkpoint(&self) -> Checkpoint {
        checkpoint(&self.state.lock().unwrap().publications)
    }

    fn is_new(&self, keys: &[u128]) -> Result<Vec<bool>, StoreError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        assert!(!takes_one(&self.is_new_panics), "told to panic");
        if takes_one(&self.is_new_failures) {
            return Err(StoreError::Task("told to fail".to_owned()));
        }
        let state = self.state.lock().unwrap();
        let known: HashSet<u128> = state.publications.iter().flat_map(|p| p.message_keys.iter().copied()).collect();
        Ok(new_among(keys, &known))
    }

    async fn publish(&self, publication: Publication) -> Result<(), StoreError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if takes_one(&self.fences) {
            return Err(StoreError::Fenced);
        }
        if takes_one(&self.publish_failures) {
            return Err(StoreError::Task("told to fail".to_owned()));
        }
        self.state.lock().unwrap().publications.push(publication);
        Ok(())
    }

    async fn lead(&self) -> Result<(), StoreError> {
        for wait in &self.read_at_lead {
            tokio::time::sleep(*wait).await;
            self.bytes_read.fetch_add(1, Ordering::SeqCst);
        }
        self.leads.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::SeqCst)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap();
        state.durable = state.publications.len();
        Ok(())
    }

    async fn read_all(&self, project: &str, table: Table) -> Result<Vec<RecordBatch>, StoreError> {
        let state = self.state.lock().unwrap();
        let batches = state.publications.iter().filter_map(|p| p.rows.get(project)?.batches.get(&table));
        Ok(batches.cloned().collect())
    }

    fn projects(&self) -> Vec<Arc<str>> {
        let state = self.state.lock().unwrap();
        let names: HashSet<Arc<str>> = state.publications.iter().flat_map(|p| p.rows.keys().cloned()).collect();
        names.into_iter().collect()
    }
}
