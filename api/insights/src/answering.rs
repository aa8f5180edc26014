//! An answer as it is wanted, with what is known of it meanwhile for those who listen.

use footfall_api_http::{Answering, Known, Part, Problem, Wished, events};
use footfall_pipelines_insights::definition;
use footfall_pipelines_insights_feed::Progress;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::Insight;
use crate::desk::Asking;

/// Answers; `take` is the part of an answer that this kind of question has.
pub(crate) async fn answer<T: Serialize + Send + 'static>(
    asking: Asking,
    wished: Wished,
    take: fn(definition::Answer) -> Option<T>,
) -> Result<Answering<Insight<T>>, Problem> {
    match wished {
        Wished::Json => insight(&asking, false, take).await.map(|insight| Answering::Told(Box::new(insight))),
        Wished::Events => {
            let asked = asking.clone();
            let last = async move { insight(&asked, true, take).await };
            Ok(Answering::Events(events(last, move |share| known(&asking, share, take))))
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

/// How far it is, and a part that is larger than this share.
fn known<T>(asking: &Asking, share: f64, take: fn(definition::Answer) -> Option<T>) -> Known<T> {
    let larger = asking.partly().filter(|part| part.share > share);
    let part = larger.and_then(|part| {
        let answer = take(part.answer.clone())?;
        Some(Part { answer, share: part.share, as_of: part.as_of.into() })
    });
    Known { progress: Some(progress_of(asking.progress())), part }
}

/// As the events of an answer tell it.
pub fn progress_of(progress: Progress) -> Value {
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
