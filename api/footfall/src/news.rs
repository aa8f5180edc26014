//! Carries news between the processes of an installation: what one has changed, the others read at once.
//!
//! All of it stands in the database too, where everybody looks for it: more often while news cannot come.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Access;
use footfall_api_bus::{Bus, Heard, News, Topic};
use footfall_api_experiments::Experiments;
use footfall_api_server::Check;
use tokio::sync::broadcast::error::RecvError;

/// Between two looks while news come. One of them may be lost all the same, and within a second everything has to hold.
const CALM: Duration = Duration::from_millis(600);
/// How often is asked whether they come.
const ASK: Duration = Duration::from_secs(1);

/// Who is told.
#[derive(Clone)]
pub struct Carrier {
    pub bus: Arc<dyn Bus>,
    pub access: Access,
    /// Where flags are given out.
    pub experiments: Option<Experiments>,
}

impl Carrier {
    /// Carries until `stop` resolves.
    pub async fn carry(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut heard = self.bus.listen();
        let mut changes = self.access.own_changes();
        let mut flags = self.experiments.as_ref().map(|experiments| experiments.payloads().own_changes());
        let mut ask = tokio::time::interval(ASK);
        loop {
            tokio::select! {
                () = &mut stop => return,
                Ok(()) = changes.changed() => self.bus.tell(Topic::Access, ""),
                Some(project) = next(flags.as_mut()) => self.bus.tell(Topic::Flags, &project),
                news = heard.next() => match news {
                    Some(news) => self.hear(news).await,
                    None => return,
                },
                _ = ask.tick() => self.look(),
            }
        }
    }

    /// How often everybody looks.
    fn look(&self) {
        let pause = if self.bus.failing().is_none() { CALM } else { Duration::ZERO };
        self.access.look_each(pause);
        if let Some(experiments) = &self.experiments {
            experiments.payloads().look_each(pause);
        }
    }

    async fn hear(&self, heard: Heard) {
        let (access, flags) = match &heard {
            Heard::News(News { topic: Topic::Access, .. }) => (true, None),
            Heard::News(News { topic: Topic::Flags, text }) => (false, Some(&**text)),
            Heard::News(_) => return,
            Heard::Missed => (true, Some("")),
        };
        if access && let Err(error) = self.access.catch_up().await {
            tracing::warn!(%error, "news of access cannot be read; it is tried again");
        }
        if let Some((experiments, project)) = self.experiments.as_ref().zip(flags) {
            let payloads = experiments.payloads();
            let read = if project.is_empty() { payloads.catch_up().await } else { payloads.hear(project).await };
            if let Err(error) = read {
                tracing::warn!(%error, project, "news of flags cannot be read; it is tried again");
            }
        }
    }
}

/// The next project whose flags were changed here; the empty name stands for any of them.
async fn next(flags: Option<&mut tokio::sync::broadcast::Receiver<String>>) -> Option<String> {
    match flags?.recv().await {
        Ok(project) => Some(project),
        Err(RecvError::Lagged(_)) => Some(String::new()),
        Err(RecvError::Closed) => None,
    }
}

/// For `/readyz`. Without news everything goes on.
pub fn check(bus: &dyn Bus) -> Check {
    Check { name: "bus", ok: true, detail: bus.failing() }
}
