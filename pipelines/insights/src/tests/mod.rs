//! The engine against the naive reference: random rows, split into runs at random, some persons merged, asked random
//! questions.
#![allow(clippy::unwrap_used)]

mod activities;
mod asked;
mod by_hand;
mod cells;
mod exposures;
mod given;
mod on_clickhouse;
mod parts;
mod said;
mod spilling;

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::definition::{Answer, Question};
use crate::projection::Snapshot;
use crate::{Control, Engine, InsightError};
use asked::question;
use given::{Given, given, given_giant};

/// As the program's: what questions take is counted.
#[global_allocator]
static ALLOCATOR: crate::Counted<std::alloc::System> = crate::Counted(std::alloc::System);

fn ask(snapshot: &Snapshot, question: &Question, threads: usize) -> Answer {
    Engine { threads }.ask(snapshot, question, &AtomicBool::new(false)).unwrap().answer
}

fn check(given: &Given, questions: &[Question], threads: usize) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let built = given.build(folder.path());
    let questions: Vec<Question> = questions.iter().map(|question| given.of_season(question)).collect();
    for (name, snapshot, world) in &built {
        for question in &questions {
            same(name, question, &ask(snapshot, question, threads), &world.answer(question))?;
        }
    }
    Ok(())
}

fn same(name: &str, question: &Question, got: &Answer, want: &Answer) -> Result<(), TestCaseError> {
    // Long answers say nothing; the first place where they differ does.
    let (got, want) = (format!("{got:?}"), format!("{want:?}"));
    let place = got.bytes().zip(want.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(60);
    let from = |text: &str| text.chars().skip(place).take(200).collect::<String>();
    prop_assert!(got == want, "{name}: {} instead of {}, asked {question:?}", from(&got), from(&want));
    Ok(())
}

/// So many cases, or as many as PROPTEST_CASES asks for.
fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(usual))
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn trends_are_the_references(given in given(), asked in prop::collection::vec(asked::trend(), 4), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn overviews_are_the_references(given in given(), asked in prop::collection::vec(asked::overview(), 8), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn funnels_are_the_references(given in given(), asked in prop::collection::vec(asked::funnel(), 8), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn all_others_are_the_references(given in given(), asked in prop::collection::vec(question(), 8), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn retention_and_cohorts_are_the_references(given in given(), asked in prop::collection::vec(asked::people(), 8), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn places_are_the_references(given in given(), asked in prop::collection::vec(asked::places(), 6), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn segments_are_the_references(given in given(), asked in prop::collection::vec(asked::segments(), 8), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn people_of_numbers_are_the_references(given in given(), asked in prop::collection::vec(cells::cell(), 6), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }

    #[test]
    fn new_people_of_trends_are_the_references(given in given(), asked in prop::collection::vec(cells::new_people(), 6), threads in 1usize..3) {
        check(&given, &asked, threads)?;
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn one_giant_person_is_the_references(given in given_giant(), funnels in prop::collection::vec(asked::funnel(), 2), others in prop::collection::vec(question(), 3)) {
        check(&given, &funnels, 2)?;
        check(&given, &others, 2)?;
    }
}

#[test]
fn nothing_at_all_has_answers() {
    // Random questions nest deeply before they are compiled for speed.
    let roomy = std::thread::Builder::new().stack_size(64 << 20);
    roomy.spawn(ask_about_nothing).unwrap().join().unwrap();
}

fn ask_about_nothing() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let questions = [
        asked::trend().boxed(),
        asked::funnel().boxed(),
        question().boxed(),
        asked::people().boxed(),
        cells::cell().boxed(),
        asked::places().boxed(),
        asked::segments().boxed(),
    ];
    for _ in 0..50 {
        for strategy in &questions {
            let question = strategy.new_tree(&mut runner).unwrap().current();
            check(&Given::default(), &[question], 2).unwrap();
        }
    }
}

#[test]
fn a_cancelled_question_says_so() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let folder = tempfile::tempdir().unwrap();
    let given = given_giant().new_tree(&mut runner).unwrap().current();
    let question = question().new_tree(&mut runner).unwrap().current();
    for (_, snapshot, _) in given.build(folder.path()) {
        let asked = Engine { threads: 2 }.ask(&snapshot, &question, &AtomicBool::new(true));
        assert!(matches!(asked, Err(InsightError::Cancelled)));
    }
}

#[test]
fn progress_never_goes_back_and_ends_with_all() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let folder = tempfile::tempdir().unwrap();
    let given = given().new_tree(&mut runner).unwrap().current();
    let (_, snapshot, _) = given.build(folder.path()).swap_remove(3);
    for strategy in [asked::trend().boxed(), asked::funnel().boxed(), question().boxed(), asked::people().boxed()] {
        for _ in 0..10 {
            let question = given.of_season(&strategy.new_tree(&mut runner).unwrap().current());
            let (control, is_over) = (Control::default(), AtomicBool::new(false));
            std::thread::scope(|scope| {
                let looking = scope.spawn(|| {
                    let mut last = (0, 0);
                    while !is_over.load(Ordering::SeqCst) {
                        let now = control.progress();
                        assert!(last.0 <= now.0 && last.1 <= now.1 && now.0 <= now.1, "{now:?} after {last:?}");
                        last = now;
                    }
                });
                let asked = Engine { threads: 2 }.ask_under(&snapshot, &question, &control);
                is_over.store(true, Ordering::SeqCst);
                looking.join().unwrap();
                asked.unwrap();
            });
            let (done, all) = control.progress();
            assert_eq!(done, all, "{question:?}");
        }
    }
}

#[test]
fn damaged_files_are_refused() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let folder = tempfile::tempdir().unwrap();
    let given = given_giant().new_tree(&mut runner).unwrap().current();
    given.build(folder.path());
    let path = folder.path().join("compacted.run");
    let whole = std::fs::read(&path).unwrap();
    crate::projection::Run::open(&path).unwrap().verify(&path).unwrap();
    let open = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        crate::projection::Run::open(&path).and_then(|run| run.verify(&path))
    };
    for cut in [0, 10, 64, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(open(&whole[..cut]), Err(InsightError::Format { .. })), "cut at {cut}");
    }
    let step = whole.len() / 97 + 1;
    for place in (0..whole.len()).step_by(step).filter(|place| !(8..64).contains(place)) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        assert!(matches!(open(&damaged), Err(InsightError::Format { .. })), "a bit at {place}");
    }
}
