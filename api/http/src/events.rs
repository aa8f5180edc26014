//! Answers that may take long, as they are wanted: as JSON when they are there, or as events that tell how far they are until then.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{Stream, StreamExt, unfold};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::Told;
use crate::problem::Problem;
use crate::table::{Answer, Describe, Operation};
use crate::time::Time;

const EVENTS: &str = "text/event-stream";
/// How often it is told how far an answer is.
const EVERY: Duration = Duration::from_millis(250);

/// What the asker accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wished {
    Json,
    Events,
}

impl<S: Send + Sync> FromRequestParts<S> for Wished {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Wished, Problem> {
        let accepted = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut kinds = accepted.flat_map(|value| value.split(',')).map(|kind| kind.split(';').next().unwrap_or(kind));
        // The first that is one of both.
        let first = kinds.find(|kind| [EVENTS, "application/json", "application/*", "*/*"].contains(&kind.trim()));
        Ok(if first.is_some_and(|kind| kind.trim() == EVENTS) { Wished::Events } else { Wished::Json })
    }
}

impl Describe for Wished {
    fn describe(operation: &mut Operation<'_>) {
        let about = "`text/event-stream`: events `progress`, of long ones `partial`, then `answer` or `problem`. JSON when it is left out.";
        operation.header("Accept", false, json!({"type": "string"}), about);
    }
}

/// 200 with either.
pub enum Answering<T> {
    Told(Box<T>),
    /// Of [`events`].
    Events(Response),
}

impl<T: Serialize> IntoResponse for Answering<T> {
    fn into_response(self) -> Response {
        match self {
            Answering::Told(answer) => Told(answer).into_response(),
            Answering::Events(response) => response,
        }
    }
}

impl<T: Serialize + JsonSchema> Answer for Answering<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<T>();
        let content = vec![("application/json", schema), (EVENTS, json!({"type": "string"}))];
        operation.replies(StatusCode::OK, "The answer, as Accept has it.", &[], content);
    }
}

/// An answer for a part of the people, while the others are asked about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part<T> {
    /// As if there were no other people; nothing in it is scaled.
    pub answer: T,
    /// Of the people: above 0, below 1.
    pub share: f64,
    pub as_of: Time,
}

/// What is known of an answer that is worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct Known<T> {
    /// How far it is.
    pub progress: Option<Value>,
    /// The answer for the largest part that was asked about.
    pub part: Option<Part<T>>,
}

/// Events until the answer or the problem, which is the last. `look` gives what is known, of parts one that is larger than the share
/// that it is given. Who leaves drops `answer`.
pub fn events<T: Serialize + 'static, P: Serialize + 'static>(
    answer: impl Future<Output = Result<T, Problem>> + Send + 'static,
    look: impl Fn(f64) -> Known<P> + Send + Sync + 'static,
) -> Response {
    let last: Waiting = Box::pin(async move {
        match answer.await {
            Ok(answer) => event("answer", &answer),
            Err(problem) => event("problem", &body_of(&problem)),
        }
    });
    let event_of = |meanwhile: Meanwhile<P>| match meanwhile {
        Meanwhile::Progress(now) => event("progress", &now),
        Meanwhile::Part(part) => event("partial", &part),
    };
    let ticks = unfold((), |()| async { Some((tokio::time::sleep(EVERY).await, ())) });
    let told = told(last, Box::pin(ticks), look, event_of).map(Ok::<Event, Infallible>);
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10)).text("still here");
    let mut response = Sse::new(told).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would turn the stream into lumps.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

type Waiting = Pin<Box<dyn Future<Output = Event> + Send>>;

/// What is told until the answer is there.
enum Meanwhile<P> {
    Progress(Value),
    Part(Part<P>),
}

/// Looks at each tick until the last is there, and tells what is news.
fn told<E, P>(
    last: impl Future<Output = E> + Unpin,
    ticks: impl Stream<Item = ()> + Unpin,
    look: impl Fn(f64) -> Known<P>,
    event: impl Fn(Meanwhile<P>) -> E,
) -> impl Stream<Item = E> {
    let begin = (Some(last), ticks, None::<Value>, 0.0);
    let (look, event) = (Arc::new(look), Arc::new(event));
    unfold(begin, move |(waiting, mut ticks, mut known, mut share)| {
        let (look, event) = (look.clone(), event.clone());
        async move {
            let mut waiting = waiting?;
            loop {
                tokio::select! {
                    last = &mut waiting => return Some((last, (None, ticks, known, share))),
                    Some(()) = ticks.next() => {}
                }
                let Known { progress, part } = look(share);
                if let Some(part) = part {
                    share = part.share;
                    return Some((event(Meanwhile::Part(part)), (Some(waiting), ticks, known, share)));
                }
                if let Some(progress) = progress.filter(|progress| known.as_ref() != Some(progress)) {
                    known = Some(progress.clone());
                    return Some((event(Meanwhile::Progress(progress)), (Some(waiting), ticks, known, share)));
                }
            }
        }
    })
}

/// The body that the problem would have as an answer of its own.
fn body_of(problem: &Problem) -> Value {
    serde_json::from_slice(&problem.body(None)).unwrap_or_default()
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // What is serialised here has no maps with keys that JSON cannot have.
    Event::default().event(name).json_data(data).unwrap_or_else(|_| Event::default().event("problem").data("{}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use footfall_ingest_activity::Timestamp;

    use super::*;

    #[tokio::test]
    async fn what_is_news_is_told_and_nothing_twice() {
        let asking = |done: u64| Some(json!({"state": "asking", "segments_done": done, "segments_all": 9}));
        let waiting = || Some(json!({"state": "waiting"}));
        // As it is at each look: how far, and the share of the part that is known.
        let mut looks = vec![
            (None, None),
            (waiting(), None),
            (waiting(), None),
            (waiting(), Some(0.25)),
            (asking(3), Some(0.25)),
            (asking(3), Some(0.25)),
            (asking(4), Some(0.5)),
            (asking(4), Some(0.5)),
        ];
        looks.reverse();
        let looks = Mutex::new(looks);
        let look = |told: f64| {
            let (progress, share) = looks.lock().unwrap().pop().unwrap_or((None, None));
            let as_of: Time = Timestamp::from_millis(5).into();
            let part = share.filter(|share| *share > told).map(|share| Part { answer: "a part", share, as_of });
            Known { progress, part }
        };
        // The answer is there after the last look.
        let (ends, ended) = tokio::sync::oneshot::channel::<()>();
        let last = Box::pin(async {
            let _ = ended.await;
            "the answer".to_owned()
        });
        let ticks = unfold((8, Some(ends)), |(left, ends)| async move {
            if left > 0 {
                return Some(((), (left - 1, ends)));
            }
            ends.map(|ends| ends.send(()));
            std::future::pending().await
        });
        let name = |meanwhile: Meanwhile<&str>| match meanwhile {
            Meanwhile::Progress(now) => {
                now["segments_done"].as_u64().map_or_else(|| "waiting".to_owned(), |done| done.to_string())
            }
            Meanwhile::Part(part) => format!("{} of {}", part.answer, part.share),
        };
        let told: Vec<String> = told(last, Box::pin(ticks), look, name).collect().await;
        assert_eq!(told, ["waiting", "a part of 0.25", "3", "a part of 0.5", "4", "the answer"]);
    }

    #[tokio::test]
    async fn the_last_event_is_the_answer_or_the_problem() {
        let text = async |outcome: Result<Value, Problem>| {
            let nothing = |_: f64| Known::<Value> { progress: None, part: None };
            let body = events(async move { outcome }, nothing).into_body();
            let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let told = text(Ok(json!({"number": 1}))).await;
        assert!(told.contains("answer") && told.contains("{\"number\":1}"), "{told}");
        let told = text(Err(Problem::new(&crate::problem::kinds::UNAVAILABLE))).await;
        assert!(told.contains("problem") && told.contains("\"status\":503"), "{told}");
    }
}
