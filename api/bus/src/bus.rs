//! The seam: what every bus promises.

use std::sync::Arc;

use tokio::sync::broadcast;

/// Longest text of a piece of news.
pub const NEWS_BYTES_MAX: usize = 256 << 10;
/// News kept for a slow listener before it misses some.
pub(crate) const KEPT: usize = 1024;

/// What news are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Somebody's session, role or key has changed.
    Access,
    /// Flags of a project have changed; the text names it.
    Flags,
    /// What has become visible, for who watches it live.
    Live,
    /// Somebody watches the project that the text names.
    Watched,
}

impl Topic {
    pub(crate) const ALL: [Topic; 4] = [Topic::Access, Topic::Flags, Topic::Live, Topic::Watched];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Topic::Access => "access",
            Topic::Flags => "flags",
            Topic::Live => "live",
            Topic::Watched => "watched",
        }
    }
}

/// Something that a process has told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    pub topic: Topic,
    pub text: Arc<str>,
}

/// What a listener gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    News(News),
    /// Some may have been missed: whoever keeps something in memory looks at all of it.
    Missed,
}

/// News among processes.
///
/// - **At most once, in order**: a listener hears what one process tells in its order, or [`Heard::Missed`] in place of what is gone.
/// - **Never in the way**: telling does not wait and does not fail. While the others cannot be reached they hear nothing, and
///   [`Heard::Missed`] when they can be again.
/// - Who tells hears it too.
pub trait Bus: Send + Sync + 'static {
    /// Tells everybody. News longer than [`NEWS_BYTES_MAX`] are dropped.
    fn tell(&self, topic: Topic, text: &str);

    /// Hears everything from now on.
    fn listen(&self) -> Listener;

    /// Why other processes cannot be reached just now, if that is so.
    fn failing(&self) -> Option<String>;
}

/// Hears news.
pub struct Listener(broadcast::Receiver<Heard>);

impl Listener {
    pub(crate) fn new(receiver: broadcast::Receiver<Heard>) -> Listener {
        Listener(receiver)
    }

    /// The next news; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(heard) => Some(heard),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Heard::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
