//! The bus of one process.

use tokio::sync::broadcast;

use crate::bus::{Bus, Heard, KEPT, Listener, NEWS_BYTES_MAX, News, Topic};

/// News within this process. Clones share it.
#[derive(Debug, Clone)]
pub struct LocalBus(broadcast::Sender<Heard>);

impl Default for LocalBus {
    fn default() -> Self {
        LocalBus(broadcast::channel(KEPT).0)
    }
}

impl LocalBus {
    /// Passes on what came from elsewhere.
    pub(crate) fn pass(&self, heard: Heard) {
        // Nobody may listen.
        drop(self.0.send(heard));
    }
}

impl Bus for LocalBus {
    fn tell(&self, topic: Topic, text: &str) {
        if text.len() <= NEWS_BYTES_MAX {
            self.pass(Heard::News(News { topic, text: text.into() }));
        }
    }

    fn listen(&self) -> Listener {
        Listener::new(self.0.subscribe())
    }

    fn failing(&self) -> Option<String> {
        None
    }
}
