//! The live stream: summaries of arriving activity to whoever watches, at a calm pace and in bounded memory.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::{FromRequestParts, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{Answer, Describe, Kind, Operation, Path, Problem, Routes, Stopping, Subject, get, signed_in};
use futures::{Stream, StreamExt};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, Receiver, error::RecvError, error::TryRecvError};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::Data;
use crate::reach::{PROJECT_MISSING, Reach};
use crate::sql::InProject;

static LISTENERS_TOO_MANY: Kind =
    Kind::new(StatusCode::SERVICE_UNAVAILABLE, "listeners_too_many", "Too many are listening already.");
static LIVE_RESTRICTED: Kind =
    Kind::new(StatusCode::FORBIDDEN, "live_restricted", "The stream shows more than this role may see.");

pub(crate) fn routes() -> Routes<Data, May> {
    let reason = "The handler asks the policy for the project of the key.";
    let raised: [&'static Kind; 4] =
        [&LISTENERS_TOO_MANY, &LIVE_RESTRICTED, &PROJECT_MISSING, &footfall_api_app::NOT_FOUND];
    Routes::new(
        "live",
        "Activity as it arrives.",
        [
            get("/v1/live", signed_in(reason), listen, "The stream of the key's project: server-sent events.")
                .raises(raised),
            get(
                "/v1/projects/{project}/live",
                May(Permission::ActivityRead),
                listen_in_project,
                "The stream of a project: server-sent events.",
            )
            .raises(raised),
        ],
    )
}

/// What the stream tells of one activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub message_id: String,
    pub event: String,
    pub distinct_id: String,
    pub person_id: String,
    /// Milliseconds UTC.
    pub timestamp: i64,
    /// Milliseconds UTC.
    pub received_at: i64,
    /// Page path or screen, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The SDK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// Limits of the live stream.
#[derive(Debug, Clone, Copy)]
pub struct LiveSettings {
    /// At one time. A project has three quarters of the places at most, so that others have some.
    pub listeners_max: usize,
    /// Of one account or key.
    pub caller_listeners_max: usize,
    /// Batches that a slow listener may be behind before it loses the oldest.
    pub batches_max: usize,
    /// Activities told one by one in one message; the rest is counted.
    pub told_max: usize,
    /// Least time between two messages to a listener.
    pub pace: Duration,
    /// Between two looks whether a listener still may.
    pub look: Duration,
}

impl Default for LiveSettings {
    fn default() -> Self {
        LiveSettings {
            listeners_max: 64,
            caller_listeners_max: 16,
            batches_max: 256,
            told_max: 20,
            pace: Duration::from_millis(200),
            look: Duration::from_millis(500),
        }
    }
}

/// Where arriving activity is announced and listened to.
#[derive(Debug)]
pub struct Live {
    sender: broadcast::Sender<Arc<Batch>>,
    listeners: Listeners,
    arrival: Notify,
    settings: LiveSettings,
}

#[derive(Debug)]
struct Batch {
    project: Arc<str>,
    count: u64,
    told: Vec<Summary>,
}

/// One message: how many activities arrived, and the newest of them, oldest first.
#[derive(Debug, Default, Serialize)]
struct Arrivals {
    count: u64,
    activities: Vec<Summary>,
}

impl Live {
    /// A stream without listeners.
    pub fn new(settings: LiveSettings) -> Live {
        let (sender, _) = broadcast::channel(settings.batches_max.max(1));
        Live { sender, listeners: Listeners::default(), arrival: Notify::new(), settings }
    }

    /// True when somebody listens: summaries need not be made otherwise.
    pub fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// The projects that somebody listens to.
    pub fn watched(&self) -> Vec<Arc<str>> {
        let projects: BTreeSet<Arc<str>> = self.listeners.lock().iter().map(|one| one.project.clone()).collect();
        projects.into_iter().collect()
    }

    /// Waits until somebody listens.
    pub async fn heard(&self) {
        while !self.is_heard() {
            self.arrival.notified().await;
        }
    }

    /// Waits until somebody more listens, or has begun to since the last time.
    pub async fn joined(&self) {
        self.arrival.notified().await;
    }

    /// Announces `count` activities of a project, `told` being the newest of them. Never waits.
    pub fn announce(&self, project: Arc<str>, count: u64, mut told: Vec<Summary>) {
        let superfluous = told.len().saturating_sub(self.settings.told_max);
        told.drain(..superfluous);
        // An error means that nobody listens.
        drop(self.sender.send(Arc::new(Batch { project, count, told })));
    }

    /// Starts listening; `None` when too many do already.
    fn listen(&self, project: Arc<str>, caller: &str) -> Option<Listener> {
        let seated = Seated { project: project.clone(), caller: caller.into() };
        let seat = Seat::take(&self.listeners, seated, self.settings)?;
        let mut pace = interval(self.settings.pace.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let receiver = self.sender.subscribe();
        self.arrival.notify_one();
        Some(Listener {
            project,
            receiver,
            pace,
            told_max: self.settings.told_max,
            lagged: 0,
            greeted: false,
            _seat: seat,
        })
    }
}

/// Who listens to what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seated {
    project: Arc<str>,
    /// An account or key.
    caller: Arc<str>,
}

/// Those who listen.
#[derive(Debug, Clone, Default)]
struct Listeners(Arc<Mutex<Vec<Seated>>>);

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, Vec<Seated>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener's place, given back when it goes away.
#[derive(Debug)]
struct Seat(Listeners, Seated);

impl Seat {
    /// Neither a project nor a caller takes the places of all others.
    fn take(taken: &Listeners, seated: Seated, settings: LiveSettings) -> Option<Seat> {
        let all = settings.listeners_max;
        let mut listeners = taken.lock();
        let of_project = listeners.iter().filter(|one| one.project == seated.project).count();
        let of_caller = listeners.iter().filter(|one| one.caller == seated.caller).count();
        if listeners.len() >= all || of_project >= all - all / 4 || of_caller >= settings.caller_listeners_max {
            return None;
        }
        listeners.push(seated.clone());
        drop(listeners);
        Some(Seat(taken.clone(), seated))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut listeners = self.0.lock();
        if let Some(place) = listeners.iter().position(|one| *one == self.1) {
            listeners.swap_remove(place);
        }
    }
}

#[derive(Debug)]
struct Listener {
    project: Arc<str>,
    receiver: Receiver<Arc<Batch>>,
    pace: Interval,
    told_max: usize,
    lagged: u64,
    greeted: bool,
    _seat: Seat,
}

/// What a listener is told.
#[derive(Debug)]
enum Message {
    /// The first one, so that the other side knows that it listens.
    Listening,
    Arrivals(Arrivals),
    /// Batches (of any project) that were lost because the listener was slow.
    Lagged(u64),
}

impl Listener {
    /// The next message; `None` when the program stops.
    async fn next(&mut self) -> Option<Message> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Message::Listening);
        }
        loop {
            if self.lagged > 0 {
                return Some(Message::Lagged(std::mem::take(&mut self.lagged)));
            }
            let mut arrivals = Arrivals::default();
            match self.receiver.recv().await {
                Ok(batch) => self.add(&batch, &mut arrivals),
                Err(RecvError::Lagged(batches)) => self.lagged += batches,
                Err(RecvError::Closed) => return None,
            }
            if arrivals.count > 0 {
                self.pace.tick().await;
                self.drain(&mut arrivals);
                return Some(Message::Arrivals(arrivals));
            }
        }
    }

    /// Takes along what came while the pace was kept.
    fn drain(&mut self, arrivals: &mut Arrivals) {
        loop {
            match self.receiver.try_recv() {
                Ok(batch) => self.add(&batch, arrivals),
                Err(TryRecvError::Lagged(batches)) => self.lagged += batches,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn add(&self, batch: &Batch, arrivals: &mut Arrivals) {
        if batch.project != self.project {
            return;
        }
        arrivals.count += batch.count;
        arrivals.activities.extend_from_slice(&batch.told);
        let superfluous = arrivals.activities.len().saturating_sub(self.told_max);
        arrivals.activities.drain(..superfluous);
    }
}

/// The stream.
struct Events(Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Events {
    fn describe(operation: &mut Operation<'_>) {
        let about = "Events `listening`, then `activity` with how many came and the newest of them, and `lagged`.";
        operation.replies(StatusCode::OK, about, &[], vec![("text/event-stream", json!({"type": "string"}))]);
    }
}

/// When the program ends; a router without a server never does.
struct Ending(Option<Stopping>);

impl Ending {
    fn stopped(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self.0 {
            Some(stopping) => Box::pin(stopping.stopped()),
            None => Box::pin(std::future::pending()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ending {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Ending, Problem> {
        Ok(Ending(parts.extensions.get::<Stopping>().cloned()))
    }
}

impl Describe for Ending {
    fn describe(_: &mut Operation<'_>) {}
}

async fn listen(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    ending: Ending,
) -> Result<Events, Problem> {
    let reach = data.reach(&member, Permission::ActivityRead, None, &whence).await?;
    stream(data, member, whence, reach, ending)
}

async fn listen_in_project(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    ending: Ending,
) -> Result<Events, Problem> {
    let reach = data.reach(&member, Permission::ActivityRead, Some(&place.project), &whence).await?;
    stream(data, member, whence, reach, ending)
}

fn stream(data: Data, member: Member, whence: Whence, reach: Reach, ending: Ending) -> Result<Events, Problem> {
    if !reach.policy.is_open() {
        let detail = "This role sees a part of the activity or of its properties. SQL shows that part.";
        return Err(Problem::new(&LIVE_RESTRICTED).detail(detail));
    }
    let listener = data.live.listen(reach.project.clone(), member.account()).ok_or_else(|| {
        Problem::retry(&LISTENERS_TOO_MANY, Duration::from_secs(10)).detail("Close one, or try again later.")
    })?;
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10)).text("still here");
    let over = async move {
        tokio::select! {
            () = ending.stopped() => {}
            () = may_no_more(data, member, whence, reach.project) => {}
        }
    };
    let mut response = Sse::new(events(listener).take_until(over)).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would turn the stream into lumps.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(Events(response))
}

/// Resolves once whoever listens may not any more: their session or key was revoked, or their role changed. It looks as often as others
/// are checked, and where it cannot be looked nobody listens on.
async fn may_no_more(data: Data, mut member: Member, whence: Whence, project: Arc<str>) {
    loop {
        tokio::time::sleep(data.live.settings.look).await;
        match data.access.renew(&member.caller).await {
            Ok(now) => member.caller = now,
            Err(_) => return,
        }
        match data.reach(&member, Permission::ActivityRead, Some(&project), &whence).await {
            Ok(reach) if reach.policy.is_open() => {}
            _ => return,
        }
    }
}

fn events(listener: Listener) -> Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>> {
    Box::pin(futures::stream::unfold(listener, |mut listener| async move {
        let message = listener.next().await?;
        Some((Ok(event(&message)), listener))
    }))
}

fn event(message: &Message) -> Event {
    let (name, data) = match message {
        Message::Listening => ("listening", "{}".to_owned()),
        Message::Arrivals(arrivals) => ("activity", serde_json::to_string(arrivals).unwrap_or_default()),
        Message::Lagged(batches) => ("lagged", format!("{{\"batches\":{batches}}}")),
    };
    Event::default().event(name).data(data)
}
