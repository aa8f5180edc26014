//! The live stream between processes: whoever answers says which projects are watched; whoever fills the tables tells what has
//! become visible of those, at a calm pace, the newest by name and the rest as a number.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use footfall_api_bus::{Bus, Heard, NEWS_BYTES_MAX, News, Topic};
use footfall_api_server::{Live, Summary};
use footfall_pipelines_jobs::{LiveActivity, LiveFeed, LivePulse};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two messages of what became visible.
const PACE: Duration = Duration::from_millis(100);
/// Activities of a project told by name in one message.
const TOLD_MAX: usize = 20;
/// Projects told of at a time.
const PROJECTS_MAX: usize = 256;
/// How long a project counts as watched, and how often that is said again.
const WATCHED: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(1);
/// Between two looks at who watches.
const LOOK: Duration = Duration::from_millis(200);

/// What has become visible of one project.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Arrived {
    project: String,
    count: u64,
    activities: Vec<Summary>,
}

impl Arrived {
    fn add(&mut self, pulse: &LivePulse) {
        self.count += pulse.count;
        self.activities.extend(pulse.activities.iter().map(summary));
        let superfluous = self.activities.len().saturating_sub(TOLD_MAX);
        self.activities.drain(..superfluous);
    }

    /// As news; the oldest stay out where it would be too long.
    fn text(mut self) -> Option<String> {
        loop {
            let text = serde_json::to_string(&self).ok()?;
            if text.len() <= NEWS_BYTES_MAX {
                return Some(text);
            }
            let kept = self.activities.len() / 2;
            self.activities.drain(..self.activities.len() - kept);
        }
    }
}

/// Tells what the job makes visible, while somebody watches.
pub async fn tell(feed: LiveFeed, bus: Arc<dyn Bus>) {
    let mut heard = bus.listen();
    let mut watched = HashMap::new();
    loop {
        while watched.is_empty() {
            let Some(news) = heard.next().await else { return };
            note(&mut watched, news);
        }
        let mut pulses = feed.subscribe();
        let mut arrived: BTreeMap<Arc<str>, Arrived> = BTreeMap::new();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !watched.is_empty() {
            tokio::select! {
                news = heard.next() => match news {
                    Some(news) => note(&mut watched, news),
                    None => return,
                },
                pulse = pulses.recv() => match pulse {
                    Ok(pulse) if watched.contains_key(&*pulse.project) => {
                        let project = pulse.project.to_string();
                        let start = || Arrived { project, ..Arrived::default() };
                        arrived.entry(pulse.project.clone()).or_insert_with(start).add(&pulse);
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = pace.tick() => {
                    for text in std::mem::take(&mut arrived).into_values().filter_map(Arrived::text) {
                        bus.tell(Topic::Live, &text);
                    }
                    watched.retain(|_, until| Instant::now() < *until);
                }
            }
        }
    }
}

fn note(watched: &mut HashMap<String, Instant>, heard: Heard) {
    if let Heard::News(News { topic: Topic::Watched, text }) = heard
        && (watched.len() < PROJECTS_MAX || watched.contains_key(&*text))
    {
        watched.insert(text.to_string(), Instant::now() + WATCHED);
    }
}

/// Says who is watched, and passes on to the listeners of this process what is told.
pub async fn hear(bus: Arc<dyn Bus>, live: Arc<Live>) {
    let mut heard = bus.listen();
    let mut said: HashMap<Arc<str>, Instant> = HashMap::new();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            news = heard.next() => match news {
                Some(Heard::News(News { topic: Topic::Live, text })) if live.is_heard() => announce(&live, &text),
                Some(_) => {}
                None => return,
            },
            _ = look.tick() => say_watched(&*bus, live.watched(), &mut said),
            // Who has been told that it listens must not miss what comes next.
            () = live.joined() => say_watched(&*bus, live.watched(), &mut said),
        }
    }
}

/// Says of each project that is watched that it is, unless that was said a moment ago.
fn say_watched(bus: &dyn Bus, watched: Vec<Arc<str>>, said: &mut HashMap<Arc<str>, Instant>) {
    said.retain(|project, at| at.elapsed() < AGAIN && watched.contains(project));
    for project in watched {
        if let Entry::Vacant(unsaid) = said.entry(project) {
            bus.tell(Topic::Watched, unsaid.key());
            unsaid.insert(Instant::now());
        }
    }
}

fn announce(live: &Live, text: &str) {
    match serde_json::from_str::<Arrived>(text) {
        Ok(arrived) => live.announce(arrived.project.into(), arrived.count, arrived.activities),
        Err(error) => tracing::debug!(%error, "news of arrivals in a form of another version"),
    }
}

fn summary(activity: &LiveActivity) -> Summary {
    Summary {
        message_id: activity.message_id.clone(),
        event: activity.event.clone(),
        distinct_id: activity.distinct_id.clone(),
        person_id: activity.person_id.to_string(),
        timestamp: activity.timestamp.millis(),
        received_at: activity.received_at.millis(),
        place: activity.page_path.clone().or_else(|| activity.screen.clone()),
        country: activity.country.clone(),
        library: activity.library.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_loses_its_oldest_and_keeps_its_count() {
        let activity = |number: usize| Summary {
            message_id: number.to_string(),
            event: "x".repeat(60_000),
            distinct_id: String::new(),
            person_id: String::new(),
            timestamp: 0,
            received_at: 0,
            place: None,
            country: None,
            library: None,
        };
        let arrived = Arrived { project: "p".into(), count: 100, activities: (0..20).map(activity).collect() };
        let told: Arrived = serde_json::from_str(&arrived.text().unwrap()).unwrap();
        assert_eq!(told.count, 100);
        assert!(!told.activities.is_empty() && told.activities.len() < 20);
        assert_eq!(told.activities.last().unwrap().message_id, "19");
    }
}
