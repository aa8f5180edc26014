//! How questions are served: once where they are the same, again only for new rows, not for ever, not by one alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use footfall_pipelines_insights::definition::{
    Answer, Bucket, Distribution, DistributionOf, Measure, Question, Running, Scope, Selector, Series, Trend,
};
use footfall_pipelines_insights::projection::SEGMENT_PERSONS;

use super::given::{FROM, HOUR, House, Step};
use super::{NOW, asked};
use crate::{AskError, AskLimits, Progress};

#[tokio::test]
async fn an_answer_is_kept_until_rows_come() {
    let mut house = House::open(0);
    let insights = house.insights();
    house.take(&Step::Publish { seed: 7, rows: 20 }).await;
    let question = &asked::all()[0];
    let first = insights.ask("p", question, NOW).await.unwrap();
    assert!(!first.is_cached);
    assert!(insights.ask("p", question, NOW).await.unwrap().is_cached);
    house.take(&Step::Publish { seed: 8, rows: 1 }).await;
    assert!(!insights.ask("p", question, NOW).await.unwrap().is_cached);
}

#[tokio::test]
async fn rows_that_become_files_and_files_that_are_joined_leave_answers_as_they_are() {
    let mut house = House::open(0);
    let insights = house.insights();
    let question = &asked::all()[0];
    for seed in 1..8 {
        house.take(&Step::Publish { seed, rows: 20 }).await;
        assert!(!insights.ask("p", question, NOW).await.unwrap().is_cached, "rows have come");
        for step in [Step::Flush, Step::Join] {
            house.take(&step).await;
            assert!(insights.ask("p", question, NOW).await.unwrap().is_cached, "{step:?} after {seed}");
        }
    }
    let got = insights.ask("p", question, NOW).await.unwrap();
    assert_eq!(got.answer, house.world().await.answer(question));
    // Who becomes another changes answers, without any row.
    house.take(&Step::Merge(0, 1)).await;
    let got = insights.ask("p", question, NOW).await.unwrap();
    assert!(!got.is_cached);
    assert_eq!(got.answer, house.world().await.answer(question));
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

#[tokio::test]
async fn a_question_that_takes_too_much_memory_is_refused_and_gives_it_back() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 2_000 }).await;
    let insights = house.insights_with(|options| options.question_bytes_max = 1 << 10);
    let refused = insights.ask("p", &asked::all()[0], NOW).await;
    assert!(matches!(refused, Err(AskError::Memory { limit: 1_024 })), "{refused:?}");
    assert_eq!(insights.questions_bytes(), 0);
    drop(insights);
    let insights = house.insights_with(|options| options.questions_bytes_max = 1 << 10);
    assert!(matches!(insights.ask("p", &asked::all()[0], NOW).await, Err(AskError::Busy)));
    assert_eq!(insights.questions_bytes(), 0);
    drop(insights);
    let insights = house.insights();
    insights.ask("p", &asked::all()[0], NOW).await.unwrap();
    assert_eq!(insights.questions_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_much_does_not_keep_others_waiting() {
    const MANY: usize = 200;
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 5_000 }).await;
    let insights = Arc::new(house.insights_with(|options| {
        (options.questions_concurrent, options.questions_concurrent_of_project) = (2, 1);
    }));
    let limits = AskLimits { age: Duration::from_secs(600), ..NOW };
    let light = asked::all().pop().unwrap();
    // Views with what is asked below are there.
    for question in [&asked::all()[0], &light] {
        insights.ask("p", question, limits).await.unwrap();
        insights.ask("other", question, limits).await.unwrap();
    }
    let answered = Arc::new(AtomicUsize::new(0));
    let heavy: Vec<_> = (0..MANY)
        .map(|different| {
            let Question::Trend(mut trend) = asked::all().swap_remove(0) else { unreachable!("the first is a trend") };
            trend.scope.until_ms += different as i64;
            let (insights, answered) = (insights.clone(), answered.clone());
            tokio::spawn(async move {
                insights.ask("p", &Question::Trend(trend), limits).await.unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    // All of them wait before the other asks.
    while insights.waiting() + answered.load(Ordering::SeqCst) < MANY - 1 {
        tokio::task::yield_now().await;
    }
    insights.ask("other", &light, limits).await.unwrap();
    assert!(answered.load(Ordering::SeqCst) < MANY);
    for one in heavy {
        one.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_cancels_and_progress_is_told() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 5_000 }).await;
    let insights = Arc::new(house.insights());
    let question = &asked::all()[0];
    assert_eq!(insights.progress("p", question), Progress::Waiting);
    insights.ask("p", question, NOW).await.unwrap();
    let asking = insights.ask("p", question, NOW);
    // Polled once: it waits, and is dropped.
    drop(tokio::time::timeout(Duration::ZERO, asking).await);
    insights.ask("p", question, NOW).await.unwrap();
    assert_eq!((insights.waiting(), insights.questions_bytes()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_to_a_long_question_is_told_of_a_part_first() {
    let mut house = House::open(0);
    house.crowd(SEGMENT_PERSONS + 16).await;
    let insights = house.insights_with(|options| options.parts_after = Duration::ZERO);
    let people = |until_ms: i64| {
        let series = vec![Series { select: Selector::named("view"), measures: vec![Measure::People] }];
        Question::Trend(Trend {
            scope: Scope::utc(FROM, until_ms),
            series,
            bucket: Bucket::Whole,
            breakdown: None,
            cohorts: Vec::new(),
            formulas: Vec::new(),
            running: Running::Each,
            previous: false,
        })
    };
    let counted = |answer: &Answer| match answer {
        Answer::Trend(trend) => trend.lines[0].measures[0][0],
        other => panic!("{other:?}"),
    };
    for listens in [false, true] {
        // Another question than before: none is answered from what is kept.
        let question = people(FROM + 90 * HOUR + i64::from(listens));
        let asker = insights.shared.begin("p", &question, NOW, listens).unwrap();
        let mut outcome = asker.job.outcome.subscribe();
        let answered = outcome.wait_for(Option::is_some).await.unwrap().clone().unwrap().unwrap();
        assert_eq!(counted(&answered.answer), Some((SEGMENT_PERSONS + 16) as f64));
        let partly = asker.job.partly();
        assert_eq!(partly.as_ref().map(|partly| partly.share), listens.then_some(0.5));
        if let Some(partly) = partly {
            assert_eq!((counted(&partly.answer), partly.as_of), (Some(SEGMENT_PERSONS as f64), answered.as_of));
        }
    }
    // Nothing is left of it when nobody asks any more.
    assert!(insights.partly("p", &people(FROM + 90 * HOUR + 1)).is_none());
    assert_eq!((insights.questions_bytes(), insights.spilled_bytes()), (0, 0));
}

#[tokio::test]
async fn what_has_no_room_in_memory_goes_to_a_folder_of_its_own() {
    let mut house = House::open(0);
    house.crowd(SEGMENT_PERSONS + 16).await;
    let spill = house.folder.path().join("insights.spill");
    // What a process that was killed has left.
    std::fs::create_dir_all(&spill).unwrap();
    std::fs::write(spill.join("1.spill"), "left").unwrap();
    let question = Question::Distribution(Distribution {
        scope: Scope::utc(FROM, FROM + 90 * HOUR),
        select: Selector::any(),
        of: DistributionOf::RowsPerPerson,
        edges: vec![1.0, 2.0],
        ranks: vec![0.5],
    });
    let insights = house.insights();
    assert!(std::fs::read_dir(&spill).unwrap().next().is_none());
    let want = insights.ask("p", &question, NOW).await.unwrap().answer.clone();
    assert_eq!(insights.shared.spill.bytes_ever(), 0, "there is room");
    drop(insights);
    // A number of each person of a segment is more than a thread may hold of this.
    let insights = house.insights_with(|options| options.question_bytes_max = 3 << 20);
    assert_eq!(insights.ask("p", &question, NOW).await.unwrap().answer, want);
    assert!(insights.shared.spill.bytes_ever() > 0);
    assert_eq!((insights.spilled_bytes(), insights.questions_bytes()), (0, 0));
    assert!(std::fs::read_dir(&spill).unwrap().next().is_none());
    drop(insights);
    let insights = house.insights_with(|options| {
        (options.question_bytes_max, options.spill_bytes_max) = (3 << 20, 1_000);
    });
    let refused = insights.ask("p", &question, NOW).await;
    assert!(matches!(refused, Err(AskError::Spill { limit: 1_000 })), "{refused:?}");
    assert_eq!((insights.spilled_bytes(), insights.questions_bytes()), (0, 0));
}
