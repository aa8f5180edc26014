//! The bus on Redis: publish and subscribe, a channel for each topic. Two tasks, one for what is told and one for what is heard;
//! neither is waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use redis::aio::{ConnectionManager, PubSub};
use redis::{Client, Msg, RedisError, Value};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::bus::{Bus, Heard, KEPT, Listener, NEWS_BYTES_MAX, News, Topic};
use crate::local::LocalBus;
use crate::open::BusError;

/// Longest wait for an answer of Redis.
pub(crate) const ANSWER: Duration = Duration::from_millis(500);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A connection over which nothing comes for so long is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(5);

/// News that other processes were not told.
const LOST: &str = "footfall_bus_lost_total";

/// News over Redis. Dropping it ends its tasks.
pub struct RedisBus {
    local: LocalBus,
    told: mpsc::Sender<News>,
    state: Arc<State>,
    tasks: [AbortHandle; 2],
}

struct State {
    /// `footfall:INSTALLATION:`, before the name of a topic.
    prefix: String,
    /// Of this process: what it told itself is not heard twice.
    sender: String,
    failing: Mutex<Option<String>>,
}

impl State {
    fn set_failing(&self, why: Option<String>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*failing, &why) {
            (None, Some(why)) => tracing::warn!("other processes hear no news, Redis is away: {why}"),
            (Some(_), None) => tracing::info!("Redis is reached again"),
            _ => {}
        }
        metrics::gauge!("footfall_bus_failing").set(if why.is_some() { 1.0 } else { 0.0 });
        *failing = why;
    }

    fn channel(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// A message of another process.
    fn read(&self, message: &Msg) -> Option<News> {
        let topic = message.get_channel_name().strip_prefix(self.prefix.as_str())?;
        let topic = Topic::ALL.into_iter().find(|known| known.name() == topic)?;
        let text: String = message.get_payload().ok()?;
        let (sender, text) = text.split_once('\n')?;
        (sender != self.sender && text.len() <= NEWS_BYTES_MAX).then(|| News { topic, text: text.into() })
    }
}

impl RedisBus {
    /// Starts the tasks. Nothing has to answer for that.
    pub(crate) fn start(
        client: Client,
        connection: ConnectionManager,
        installation: &str,
    ) -> Result<RedisBus, BusError> {
        let sender = getrandom::u64().map_err(|error| BusError::Randomness(error.to_string()))?;
        let state = State {
            prefix: format!("footfall:{installation}:"),
            sender: format!("{sender:016x}"),
            failing: Mutex::default(),
        };
        let (state, local) = (Arc::new(state), LocalBus::default());
        let (told, telling) = mpsc::channel(KEPT);
        let tasks = [
            tokio::spawn(publish(state.clone(), connection, telling)).abort_handle(),
            tokio::spawn(hear(state.clone(), client, local.clone())).abort_handle(),
        ];
        Ok(RedisBus { local, told, state, tasks })
    }
}

impl Drop for RedisBus {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Bus for RedisBus {
    fn tell(&self, topic: Topic, text: &str) {
        if text.len() > NEWS_BYTES_MAX {
            return;
        }
        self.local.tell(topic, text);
        // More than these wait only while Redis is away.
        if self.told.try_send(News { topic, text: text.into() }).is_err() {
            metrics::counter!(LOST).increment(1);
        }
    }

    fn listen(&self) -> Listener {
        self.local.listen()
    }

    fn failing(&self) -> Option<String> {
        self.state.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn publish(state: Arc<State>, mut connection: ConnectionManager, mut telling: mpsc::Receiver<News>) {
    while let Some(News { topic, text }) = telling.recv().await {
        let mut command = redis::cmd("PUBLISH");
        command.arg(state.channel(topic)).arg(format!("{}\n{text}", state.sender));
        let sent: Result<(), RedisError> = command.query_async(&mut connection).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "news were not told to other processes");
            metrics::counter!(LOST).increment(1);
        }
    }
}

async fn hear(state: Arc<State>, client: Client, local: LocalBus) {
    let mut pause = PAUSE_MIN;
    loop {
        match subscribe(&state, &client).await {
            Ok(channels) => {
                state.set_failing(None);
                // Nobody knows what was told before.
                local.pass(Heard::Missed);
                pause = PAUSE_MIN;
                listen(&state, channels, &local).await;
                state.set_failing(Some("the connection is gone".to_owned()));
            }
            Err(error) => state.set_failing(Some(error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn subscribe(state: &State, client: &Client) -> Result<PubSub, String> {
    let subscribing = async {
        let mut channels = client.get_async_pubsub().await?;
        for topic in Topic::ALL {
            channels.subscribe(state.channel(topic)).await?;
        }
        Ok::<_, RedisError>(channels)
    };
    match tokio::time::timeout(2 * ANSWER, subscribing).await {
        Ok(subscribed) => subscribed.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// Passes on what comes until the connection is gone, or is silent and gives no sign of life.
async fn listen(state: &State, channels: PubSub, local: &LocalBus) {
    let (mut asking, mut messages) = channels.split();
    loop {
        match tokio::time::timeout(QUIET, messages.next()).await {
            Ok(Some(message)) => {
                if let Some(news) = state.read(&message) {
                    local.pass(Heard::News(news));
                }
            }
            Ok(None) => return,
            // A machine that is gone without a word leaves a connection that looks alive, while others to the same address succeed
            // again: this one is asked, and no other.
            Err(_) => {
                let asked = tokio::time::timeout(2 * ANSWER, asking.ping::<Value>()).await;
                if !matches!(asked, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}
