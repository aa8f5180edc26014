//! An answer as it is wanted: as JSON when it is there, or as a stream that tells how far it is until then.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use footfall_api_http::{Answer, Describe, Operation, Problem, Told};
use footfall_pipelines_insights::definition;
use footfall_pipelines_insights_feed::{Partly, Progress};
use futures::stream::{Stream, StreamExt, unfold};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Insight, Part};
use crate::desk::Asking;

const EVENTS: &str = "text/event-stream";
/// How often progress is told.
const EVERY: Duration = Duration::from_millis(250);

/// What the asker accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wished {
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
pub(crate) enum Answering<T> {
    Told(Box<Insight<T>>),
    Events(Response),
}

impl<T: Serialize> IntoResponse for Answering<T> {
    fn into_response(self) -> Response {
        match self {
            Answering::Told(insight) => Told(insight).into_response(),
            Answering::Events(response) => response,
        }
    }
}

impl<T: Serialize + JsonSchema> Answer for Answering<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<Insight<T>>();
        let content = vec![("application/json", schema), (EVENTS, json!({"type": "string"}))];
        operation.replies(StatusCode::OK, "The answer, as Accept has it.", &[], content);
    }
}

/// Answers; `take` is the part of an answer that this kind of question has.
pub(crate) async fn answer<T: Serialize + Send + 'static>(
    asking: Asking,
    wished: Wished,
    take: fn(definition::Answer) -> Option<T>,
) -> Result<Answering<T>, Problem> {
    match wished {
        Wished::Json => insight(&asking, false, take).await.map(|insight| Answering::Told(Box::new(insight))),
        Wished::Events => {
            let keep_alive = KeepAlive::new().interval(Duration::from_secs(10)).text("still here");
            let mut response = Sse::new(events(asking, take)).keep_alive(keep_alive).into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // Proxies that buffer would turn the stream into lumps.
            response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
            Ok(Answering::Events(response))
        }
    }
}

async fn insight<T>(
    asking: &Asking,
    listens: bool,
    take: fn(definition::Answer) -> Option<T>,
) -> Result<Insight<T>, Problem> {
    let answered = if listens { asking.answer_listening().await? } else { asking.answer().await? };
    let answer = take(answered.answer.clone()).ok_or_else(|| Problem::internal("an answer of another kind"))?;
    Ok(Insight::new(answer, &answered, &asking.question))
}

type Waiting = Pin<Box<dyn Future<Output = Event> + Send>>;

/// What is told until the answer is there.
#[derive(Debug, Clone)]
enum Meanwhile {
    Progress(Progress),
    Partly(Arc<Partly>),
}

/// Dropping the stream cancels the question, as leaving does.
fn events<T: Serialize + Send + 'static>(
    asking: Asking,
    take: fn(definition::Answer) -> Option<T>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let last: Waiting = {
        let asking = asking.clone();
        Box::pin(async move {
            match insight(&asking, true, take).await {
                Ok(insight) => event("answer", &insight),
                Err(problem) => event("problem", &problem_of(problem).await),
            }
        })
    };
    let event = move |meanwhile: Meanwhile| match meanwhile {
        Meanwhile::Progress(now) => event("progress", &progress(now)),
        Meanwhile::Partly(part) => {
            let answer = take(part.answer.clone());
            event("partial", &Part { answer, share: part.share, as_of: part.as_of.into() })
        }
    };
    let ticks = unfold((), |()| async { Some((tokio::time::sleep(EVERY).await, ())) });
    told(last, Box::pin(ticks), move || (asking.progress(), asking.partly()), event).map(Ok)
}

/// Looks at each tick until the last is there, and tells what is news.
fn told<E>(
    last: impl Future<Output = E> + Unpin,
    ticks: impl Stream<Item = ()> + Unpin,
    look: impl Fn() -> (Progress, Option<Arc<Partly>>),
    event: impl Fn(Meanwhile) -> E,
) -> impl Stream<Item = E> {
    let begin = (Some(last), ticks, None::<Progress>, 0.0);
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
                let (now, part) = look();
                if let Some(part) = part.filter(|part| part.share > share) {
                    share = part.share;
                    return Some((event(Meanwhile::Partly(part)), (Some(waiting), ticks, known, share)));
                }
                if known != Some(now) {
                    known = Some(now);
                    return Some((event(Meanwhile::Progress(now)), (Some(waiting), ticks, known, share)));
                }
            }
        }
    })
}

fn progress(progress: Progress) -> Value {
    match progress {
        Progress::Preparing { rows_done, rows_all } => {
            json!({"state": "preparing", "rows_done": rows_done, "rows_all": rows_all})
        }
        Progress::Waiting => json!({"state": "waiting"}),
        Progress::Asking { segments_done, segments_all } => {
            json!({"state": "asking", "segments_done": segments_done, "segments_all": segments_all})
        }
    }
}

/// The body that the problem would have as an answer of its own.
async fn problem_of(problem: Problem) -> Value {
    let body = problem.into_response().into_body();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // What is serialised here has no maps with keys that JSON cannot have.
    Event::default().event(name).json_data(data).unwrap_or_else(|_| Event::default().event("problem").data("{}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use footfall_ingest_activity::Timestamp;
    use footfall_pipelines_insights::definition::{Answer, StickinessAnswer};

    use super::*;

    fn partly(share: f64) -> Arc<Partly> {
        let answer = Answer::Stickiness(StickinessAnswer { people: vec![1] });
        Arc::new(Partly { answer, share, as_of: Timestamp::from_millis(5) })
    }

    #[tokio::test]
    async fn what_is_news_is_told_and_nothing_twice() {
        let asking = Progress::Asking { segments_done: 3, segments_all: 9 };
        let later = Progress::Asking { segments_done: 4, segments_all: 9 };
        // As it is at each look.
        let mut looks = vec![
            (Progress::Waiting, None),
            (Progress::Waiting, None),
            (Progress::Waiting, Some(partly(0.25))),
            (asking, Some(partly(0.25))),
            (asking, Some(partly(0.25))),
            (later, Some(partly(0.5))),
            (later, Some(partly(0.5))),
        ];
        looks.reverse();
        let looks = Mutex::new(looks);
        let look = || looks.lock().ok().and_then(|mut looks| looks.pop()).unwrap_or((Progress::Waiting, None));
        // The answer is there after the last look.
        let (ends, ended) = tokio::sync::oneshot::channel();
        let last = Box::pin(async {
            let _ = ended.await;
            "the answer".to_owned()
        });
        let ticks = unfold((7, Some(ends)), |(left, ends)| async move {
            if left > 0 {
                return Some(((), (left - 1, ends)));
            }
            ends.map(|ends| ends.send(()));
            std::future::pending().await
        });
        let name = |meanwhile: Meanwhile| match meanwhile {
            Meanwhile::Progress(now) => format!("{now:?}"),
            Meanwhile::Partly(part) => format!("{} of {:?}", part.share, part.answer),
        };
        let told: Vec<String> = told(last, Box::pin(ticks), look, name).collect().await;
        let part = |share: &str| format!("{share} of Stickiness(StickinessAnswer {{ people: [1] }})");
        let want = [
            "Waiting".to_owned(),
            part("0.25"),
            format!("{asking:?}"),
            part("0.5"),
            format!("{later:?}"),
            "the answer".to_owned(),
        ];
        assert_eq!(told, want);
    }
}
