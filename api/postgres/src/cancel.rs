//! Which question a CancelRequest means: by the number and the secret that its session was given.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use footfall_api_sql::Cancel;
use pgwire::messages::startup::SecretKey;

/// The sessions of one door.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    next: AtomicI32,
    open: Mutex<HashMap<i32, (Vec<u8>, Cancel)>>,
}

/// One session's entry; it leaves with the session.
#[derive(Debug)]
pub(crate) struct Entry {
    sessions: Arc<Sessions>,
    pub number: i32,
    pub secret: SecretKey,
}

impl Sessions {
    /// `is_long`: the client speaks protocol 3.2, whose secrets are longer.
    pub fn enter(self: &Arc<Self>, cancel: &Cancel, is_long: bool) -> Result<Entry, getrandom::Error> {
        let mut bytes = vec![0; if is_long { 32 } else { 4 }];
        getrandom::fill(&mut bytes)?;
        let secret = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(short) => SecretKey::I32(i32::from_be_bytes(short)),
            Err(_) => SecretKey::Bytes(Bytes::from(bytes.clone())),
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.lock().insert(number, (bytes, cancel.clone()));
        Ok(Entry { sessions: self.clone(), number, secret })
    }

    /// Ends what the session asks now, if the secret is its own. There is no answer, so a guesser learns nothing.
    pub fn cancel(&self, number: i32, secret: &SecretKey) {
        let given = match secret {
            SecretKey::I32(short) => short.to_be_bytes().to_vec(),
            SecretKey::Bytes(bytes) => bytes.to_vec(),
        };
        let open = self.lock();
        let Some((own, cancel)) = open.get(&number) else { return };
        let differs = own.iter().zip(&given).fold(own.len() ^ given.len(), |all, (a, b)| all | usize::from(a ^ b));
        if differs == 0 {
            cancel.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, (Vec<u8>, Cancel)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.number);
    }
}
