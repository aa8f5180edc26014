//! Server-sent events for many listeners: what is sent is rendered once and shared, never copied for each.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use footfall_api_http::Stopping;
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Doors;
use super::key::Served;
use super::seats::{Full, Seat};
use crate::payloads::{Compiled, ProjectPayloads};
use crate::storage::Connection;

/// What a change says to a listener.
pub(super) type Render = fn(&Compiled, &ProjectPayloads, &Connection) -> Option<Vec<Bytes>>;

/// A sign of life as GrowthBook's SDKs know it: an event without data.
pub(super) const EMPTY_EVENT: &[u8] = b"data:\n\n";
/// A sign of life that is no event: whoever reads the data of every event as JSON does not see it.
pub(super) const COMMENT: &[u8] = b":\n\n";

struct Listener {
    doors: Doors,
    key: String,
    project: Arc<str>,
    connection: Connection,
    changes: watch::Receiver<Arc<ProjectPayloads>>,
    /// The tag of what was sent last.
    sent: String,
    waiting: VecDeque<Bytes>,
    ping: Interval,
    render: Render,
    alive: &'static [u8],
    _seat: Seat,
}

/// When the program ends; a router without a server never does.
pub(super) type Ending = Option<Extension<Stopping>>;

/// Streams changes until the key is revoked or the program ends, beginning with the present state unless `known` is its tag. Who is let
/// go comes again, at a process that still hears of changes.
pub(super) fn stream(
    doors: &Doors,
    key: String,
    served: Served,
    seat: Seat,
    known: Option<&str>,
    (render, alive): (Render, &'static [u8]),
    ending: Ending,
) -> Response {
    let Served { project, connection, payloads, compiled, changes, .. } = served;
    let mut waiting = VecDeque::from([Bytes::from_static(b"retry: 5000\n\n")]);
    let tag = compiled.tag_for(&connection);
    if known != Some(tag.trim_matches('"')) {
        waiting.extend(render(&compiled, &payloads, &connection).unwrap_or_default());
    }
    let every = doors.ping.max(Duration::from_millis(10));
    let mut ping = interval_at(Instant::now() + every, every);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sent = compiled.etag.clone();
    let doors = doors.clone();
    let listener =
        Listener { doors, key, project, connection, changes, sent, waiting, ping, render, alive, _seat: seat };
    let chunks = stream::unfold(listener, |mut listener| async move {
        let chunk = listener.next().await?;
        Some((Ok::<Bytes, Infallible>(chunk), listener))
    });
    let ended = async move {
        match ending {
            Some(Extension(stopping)) => stopping.stopped().await,
            None => std::future::pending().await,
        }
    };
    let body = Body::from_stream(chunks.take_until(ended));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                return Some(chunk);
            }
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.ok()?;
                    self.take_change()?;
                }
                _ = self.ping.tick() => {
                    // A key that is no longer in force is not served on.
                    self.doors.holder(&self.key)?;
                    return Some(Bytes::from_static(self.alive));
                }
            }
        }
    }

    fn take_change(&mut self) -> Option<()> {
        let payloads = self.changes.borrow_and_update().clone();
        let (id, project) = self.doors.holder(&self.key)?;
        if project != self.project {
            return None;
        }
        let connection = payloads.connection(&id, &project);
        let compiled = payloads.environment(&connection.environment)?;
        if compiled.etag != self.sent || connection != self.connection {
            self.sent = compiled.etag.clone();
            self.waiting.extend((self.render)(&compiled, &payloads, &connection).unwrap_or_default());
            self.connection = connection;
        }
        Some(())
    }
}

/// Says to whoever is sent away when to come again. Of its own share somebody has used too much; that there is no room at all is nobody's fault.
pub(super) fn sent_away(full: Full, dress: impl FnOnce(StatusCode) -> Response) -> Response {
    let status = match full {
        Full::All => StatusCode::SERVICE_UNAVAILABLE,
        Full::Key | Full::Address => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut response = dress(status);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(Full::AGAIN.as_secs()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An event in parts that share the bytes of its data, which has no line breaks.
pub(super) fn event(id: &str, name: &str, data: Bytes) -> Vec<Bytes> {
    let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    vec![Bytes::from(format!("id: {id}\n{name}data: ")), data, Bytes::from_static(b"\n\n")]
}
