//! Answers by project, content and definition, the oldest forgotten first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::service::Answered;

/// What an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub project: Arc<str>,
    /// Of the view; new rows give another.
    pub content: u64,
    pub definition: Arc<str>,
}

/// Bounded by bytes.
pub(crate) struct Cache {
    answers: HashMap<Key, (Arc<Answered>, usize)>,
    order: VecDeque<Key>,
    bytes: usize,
    bytes_max: usize,
}

impl Cache {
    pub fn new(bytes_max: usize) -> Cache {
        Cache { answers: HashMap::new(), order: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Answered>> {
        self.answers.get(key).map(|(answer, _)| answer.clone())
    }

    /// Answers about a project leave.
    pub fn forget(&mut self, project: &str) {
        self.order.retain(|key| *key.project != *project);
        let Cache { answers, bytes, .. } = self;
        answers.retain(|key, (_, size)| {
            let is_kept = *key.project != *project;
            *bytes -= if is_kept { 0 } else { *size };
            is_kept
        });
    }

    /// Keeps an answer of `bytes`, unless it alone is a large part of all.
    pub fn put(&mut self, key: Key, answer: Arc<Answered>, bytes: usize) {
        let bytes = bytes + key.definition.len();
        if bytes > self.bytes_max / 8 || self.answers.contains_key(&key) {
            return;
        }
        self.bytes += bytes;
        self.order.push_back(key.clone());
        self.answers.insert(key, (answer, bytes));
        while self.bytes > self.bytes_max {
            let Some((_, bytes)) = self.order.pop_front().and_then(|oldest| self.answers.remove(&oldest)) else {
                return;
            };
            self.bytes -= bytes;
        }
    }
}
