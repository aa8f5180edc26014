//! The questions that are under way, by what their clients hold of them, so that they can be ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use footfall_api_sql::Cancel;

/// The project, and the handle, which cannot be guessed.
type Name = (Arc<str>, Vec<u8>);

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<Name, Vec<Cancel>>>);

/// One question's entry; it leaves with its answer.
#[derive(Debug)]
pub(crate) struct Entry {
    running: Arc<Running>,
    name: Name,
    cancel: Cancel,
}

impl Running {
    /// Lists a question until its entry is dropped.
    pub fn enter(self: &Arc<Self>, project: &Arc<str>, handle: &[u8], cancel: &Cancel) -> Entry {
        let name = (project.clone(), handle.to_vec());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().push(cancel.clone());
        Entry { running: self.clone(), name, cancel: cancel.clone() }
    }

    /// Ends all that is asked by this handle; whether there was anything.
    pub fn cancel(&self, project: &Arc<str>, handle: &[u8]) -> bool {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = running.get(&(project.clone(), handle.to_vec()));
        found.into_iter().flatten().for_each(Cancel::cancel);
        found.is_some()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(all) = running.get_mut(&self.name) else { return };
        all.retain(|cancel| !cancel.is(&self.cancel));
        if all.is_empty() {
            running.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handle_ends_its_own_questions_and_no_others() {
        let running = Arc::new(Running::default());
        let (project, other): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let (first, second) = (Cancel::default(), Cancel::default());
        let (told, left) = (first.cancelled(), second.cancelled());
        let entry = running.enter(&project, b"one", &first);
        let _kept = running.enter(&project, b"two", &second);
        assert!(!running.cancel(&other, b"one") && !running.cancel(&project, b"none"));
        assert!(running.cancel(&project, b"one"));
        told.await;
        tokio::select! {
            biased;
            () = left => panic!("the other question was ended"),
            () = std::future::ready(()) => {}
        }
        drop(entry);
        assert!(!running.cancel(&project, b"one"), "it is listed after its end");
    }
}
