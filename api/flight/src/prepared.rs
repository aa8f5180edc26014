//! Prepared statements: kept for a while, for whoever knows the handle and asks about the same project.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use footfall_pipelines_store::query::ParameterValue;
use tokio::time::Instant;

/// Of all clients together; the ones that rest longest make room.
const KEPT_MAX: usize = 1_000;
const KEPT_BYTES_MAX: usize = 32 << 20;
const REST_MAX: Duration = Duration::from_secs(3600);

/// A statement and its values.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub project: Arc<str>,
    pub sql: String,
    pub values: Vec<ParameterValue>,
    bytes: usize,
    used: Instant,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Statements(Mutex<HashMap<Vec<u8>, Prepared>>);

impl Statements {
    /// Keeps a statement; its handle cannot be guessed.
    pub fn keep(&self, project: Arc<str>, sql: String) -> Result<Vec<u8>, getrandom::Error> {
        let mut handle = vec![0; 16];
        getrandom::fill(&mut handle)?;
        let bytes = sql.len();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, statement| statement.used.elapsed() < REST_MAX);
        while kept.len() >= KEPT_MAX
            || kept.values().map(|statement| statement.bytes).sum::<usize>() + bytes > KEPT_BYTES_MAX
        {
            let Some(oldest) =
                kept.iter().min_by_key(|(_, statement)| statement.used).map(|(handle, _)| handle.clone())
            else {
                break;
            };
            kept.remove(&oldest);
        }
        kept.insert(handle.clone(), Prepared { project, sql, values: Vec::new(), bytes, used: Instant::now() });
        Ok(handle)
    }

    pub fn get(&self, handle: &[u8], project: &str) -> Option<Prepared> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let statement = kept.get_mut(handle).filter(|statement| *statement.project == *project)?;
        statement.used = Instant::now();
        Some(statement.clone())
    }

    /// Binds values, which take `bytes`; false when there is no such statement.
    pub fn bind(&self, handle: &[u8], project: &str, values: Vec<ParameterValue>, bytes: usize) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get_mut(handle).filter(|statement| *statement.project == *project) {
            Some(statement) => {
                statement.bytes = statement.sql.len() + bytes;
                statement.values = values;
                true
            }
            None => false,
        }
    }

    pub fn close(&self, handle: &[u8], project: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(handle).is_some_and(|statement| *statement.project == *project) {
            kept.remove(handle);
        }
    }
}
