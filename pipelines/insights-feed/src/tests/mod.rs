//! The service over a real lake, against the naive reference over the rows that the lake shows: whatever is published,
//! flushed, joined, merged and undone, in whatever order.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod asked;
mod given;
mod leaving;
mod restarting;
mod serving;

use std::time::Duration;

use footfall_pipelines_insights::Counted;
use footfall_pipelines_insights::definition::Question;
use proptest::prelude::*;

use crate::{AskLimits, Insights};
use asked::question;
use given::{House, Step, steps};

/// As the program's: what questions take is counted.
#[global_allocator]
static ALLOCATOR: Counted<std::alloc::System> = Counted(std::alloc::System);

/// Nothing older than the question itself.
const NOW: AskLimits = AskLimits { time: Duration::from_secs(60), age: Duration::ZERO };

async fn check(house: &House, insights: &Insights, questions: &[Question]) -> Result<(), TestCaseError> {
    let world = house.world().await;
    for question in questions {
        let got = insights.ask("p", question, NOW).await.unwrap();
        let (got, want) = (format!("{:?}", got.answer), format!("{:?}", world.answer(&house.as_now(question))));
        let place = got.bytes().zip(want.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(60);
        let from = |text: &str| text.chars().skip(place).take(240).collect::<String>();
        prop_assert!(got == want, "{} instead of {}, asked {question:?}", from(&got), from(&want));
    }
    Ok(())
}

fn run(steps: &[Step], questions: &[Question], grace_millis: i64) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut house = House::open(grace_millis);
        let mut insights = house.insights();
        for step in steps {
            house.take(step).await;
            if matches!(step, Step::Restart) {
                drop(insights);
                insights = house.insights();
            }
            if matches!(step, Step::Ask) {
                check(&house, &insights, questions).await?;
            }
        }
        check(&house, &insights, questions).await
    })
}

/// So many cases, or as many as PROPTEST_CASES asks for.
fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(usual))
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn answers_are_the_references_whatever_happens_to_the_lake(
        steps in steps(),
        questions in prop::collection::vec(question(), 3),
        slow_readers in any::<bool>(),
    ) {
        run(&steps, &questions, if slow_readers { 600_000 } else { 0 })?;
    }
}

#[test]
fn files_that_were_joined_unseen_are_not_counted_twice() {
    let publish = |seed| Step::Publish { seed, rows: 30 };
    let mut steps = vec![publish(1), Step::Flush, Step::Ask];
    // A flush and the joins of it happen between two looks.
    for seed in 2..30 {
        steps.extend([publish(seed), Step::Flush]);
    }
    steps.extend([Step::Join, Step::Ask, publish(40), Step::Flush, Step::Join, Step::Ask]);
    for grace in [0, 600_000] {
        run(&steps, &asked::all(), grace).unwrap();
    }
}

#[test]
fn merges_move_rows_and_undoing_moves_them_back() {
    let publish = |seed| Step::Publish { seed, rows: 40 };
    let steps = [
        publish(1),
        Step::Flush,
        Step::Merge(0, 1),
        Step::Ask,
        publish(2),
        Step::Flush,
        Step::Ask,
        // Those who were merged are merged again, as one.
        Step::Merge(1, 2),
        Step::Ask,
        publish(3),
        Step::Ask,
        Step::Undo(0),
        Step::Ask,
        Step::Undo(1),
        Step::Flush,
    ];
    run(&steps, &asked::all(), 0).unwrap();
}

#[test]
fn what_was_undone_while_the_program_was_away_is_undone() {
    let publish = |seed| Step::Publish { seed, rows: 15 };
    // What is kept on disk has the rows of both under one of them.
    let kept = [publish(1), Step::Merge(5, 0), Step::Flush, Step::Ask];
    for undone in [vec![Step::Undo(5), Step::Restart], vec![Step::Restart, Step::Undo(5)]] {
        let steps: Vec<Step> = kept.iter().cloned().chain(undone).collect();
        run(&steps, &asked::all(), 0).unwrap();
    }
}
