//! How questions are served: once where they are the same, again only for new rows, not for ever, not by one alone.

use std::sync::Arc;
use std::time::Duration;

use footfall_pipelines_insights::definition::{Distribution, DistributionOf, Question, Scope, Selector};

use super::given::{House, Step};
use super::{NOW, asked};
use crate::{AskError, AskLimits};

#[tokio::test]
async fn an_answer_is_kept_until_rows_come() {
    let mut house = House::open(0);
    let insights = house.insights();
    house.take(&Step::Publish { seed: 7, rows: 20 }).await;
    let question = &asked::all()[0];
    let first = insights.ask("p", question, NOW).await.unwrap();
    assert!(!first.is_cached);
    assert!(insights.ask("p", question, NOW).await.unwrap().is_cached);
    // Files instead of fresh rows are the same rows, but that takes a look at them.
    house.take(&Step::Publish { seed: 8, rows: 1 }).await;
    assert!(!insights.ask("p", question, NOW).await.unwrap().is_cached);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_asked_at_once_is_answered_once() {
    let mut house = House::open(0);
    let insights = Arc::new(house.insights());
    house.take(&Step::Publish { seed: 7, rows: 200 }).await;
    let limits = AskLimits { age: Duration::from_secs(60), ..NOW };
    let askers: Vec<_> = (0..20)
        .map(|_| {
            let insights = insights.clone();
            tokio::spawn(async move { insights.ask("p", &asked::all()[0], limits).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for asker in askers {
        answers.push(asker.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.answer == answers[0].answer));
    let worked_out = answers.iter().filter(|answer| !answer.is_cached);
    let mut different: Vec<_> = worked_out.map(Arc::as_ptr).collect();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 1);
}

#[tokio::test]
async fn a_property_that_was_never_asked_about_is_read_for_the_question() {
    let mut house = House::open(0);
    let insights = house.insights();
    house.take(&Step::Publish { seed: 3, rows: 50 }).await;
    house.take(&Step::Flush).await;
    insights.ask("p", &asked::all()[3], NOW).await.unwrap();
    let question = Question::Distribution(Distribution {
        scope: Scope::utc(0, i64::MAX / 8),
        select: Selector::any(),
        of: DistributionOf::Property("n".to_owned()),
        edges: vec![0.0],
        ranks: vec![0.5],
    });
    let got = insights.ask("p", &question, NOW).await.unwrap();
    assert_eq!(got.answer, house.world().await.answer(&question));
}

#[tokio::test]
async fn no_time_is_an_end_and_no_room_a_refusal() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 20 }).await;
    let insights = house.insights_with(|options| options.questions_waiting = 0);
    let refused = insights.ask("p", &asked::all()[0], NOW).await;
    assert!(matches!(refused, Err(AskError::Busy)));
    drop(insights);
    let insights = house.insights();
    let none = AskLimits { time: Duration::ZERO, ..NOW };
    let ended = insights.ask("p", &asked::all()[0], none).await;
    assert!(matches!(ended, Err(AskError::TimeLimit { .. } | AskError::Preparing { .. })), "{ended:?}");
    // And it can be asked again.
    insights.ask("p", &asked::all()[0], NOW).await.unwrap();
}

#[tokio::test]
async fn a_property_with_too_many_values_is_refused_and_others_go_on() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 200 }).await;
    let insights = house.insights_with(|options| options.dictionary_bytes_max = 1);
    let refused = insights.ask("p", &asked::all()[0], NOW).await;
    assert!(matches!(refused, Err(AskError::TooManyValues { .. })), "{refused:?}");
    insights.ask("p", &asked::all()[3], NOW).await.unwrap();
}

#[tokio::test]
async fn an_unknown_project_is_empty() {
    let house = House::open(0);
    let insights = house.insights();
    let question = &asked::all()[3];
    let got = insights.ask("nobody", question, NOW).await.unwrap();
    assert_eq!(got.answer, footfall_pipelines_insights::reference::World::default().answer(question));
}
