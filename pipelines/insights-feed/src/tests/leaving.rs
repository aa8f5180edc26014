//! Whoever leaves takes the work along: behind a gate before the store, so that nothing depends on who is quicker.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_store::lake::{Lake, ProjectSnapshot};
use footfall_pipelines_store::query::Snapshots;

use super::given::{House, Step};
use super::{NOW, asked};
use crate::{AskError, AskLimits, Insights, Progress};

/// Snapshots of a lake, while it is open.
struct Gate {
    lake: Arc<Lake>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_shut: bool,
    waiting: usize,
}

impl Gate {
    fn of(house: &House) -> Arc<Gate> {
        Arc::new(Gate { lake: house.lake.clone(), state: Mutex::default(), changed: Condvar::new() })
    }

    fn shut(&self) {
        self.state.lock().unwrap().is_shut = true;
    }

    fn open(&self) {
        self.state.lock().unwrap().is_shut = false;
        self.changed.notify_all();
    }

    /// Until somebody waits for it to be opened.
    fn until_waited_for(&self) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.waiting == 0).unwrap());
    }
}

impl Snapshots for Gate {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| state.is_shut).unwrap();
        state.waiting -= 1;
        Some(self.lake.snapshot(project))
    }
}

/// However a test ends, the threads behind the gate can.
struct Opens(Arc<Gate>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Polls it; whether it waits.
async fn waits(asking: &mut (impl Future<Output = Result<Arc<crate::Answered>, AskError>> + Unpin)) -> bool {
    tokio::time::timeout(Duration::ZERO, asking).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_waits_for_is_not_worked_out_and_keeps_nobody_waiting() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 200 }).await;
    let gate = Gate::of(&house);
    let insights = house.insights_of(gate.clone(), |options| options.questions_concurrent = 1);
    let _opens = Opens(gate.clone());
    let questions = asked::all();
    let (left, other): (&Question, &Question) = (&questions[0], &questions[3]);
    // Views have what both need.
    insights.ask("p", left, NOW).await.unwrap();
    insights.ask("p", other, NOW).await.unwrap();
    gate.shut();
    house.take(&Step::Publish { seed: 8, rows: 1 }).await;
    let mut asking = Box::pin(insights.ask("p", left, NOW));
    assert!(waits(&mut asking).await);
    gate.until_waited_for();
    assert_eq!(insights.progress("p", left), Progress::Waiting);
    drop(asking);
    // The only thread for questions is free again, although the view that it waited for is not there.
    let older = AskLimits { age: Duration::from_secs(60), ..NOW };
    insights.ask("p", other, older).await.unwrap();
    gate.open();
    // Had it been worked out, its answer were kept.
    assert!(!insights.ask("p", left, NOW).await.unwrap().is_cached);
    assert!(insights.ask("p", left, NOW).await.unwrap().is_cached);
    assert_eq!((insights.waiting(), insights.questions_bytes()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_a_project_that_is_prepared_gives_the_place_back() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 20 }).await;
    let gate = Gate::of(&house);
    gate.shut();
    let insights = house.insights_of(gate.clone(), |options| options.questions_waiting = 1);
    let _opens = Opens(gate.clone());
    let questions = asked::all();
    let mut asking = Box::pin(insights.ask("p", &questions[0], NOW));
    assert!(waits(&mut asking).await);
    let refused = insights.ask("p", &questions[3], NOW).await;
    assert!(matches!(refused, Err(AskError::Busy)), "{refused:?}");
    drop(asking);
    until_there_is_room(&insights, &questions[3]).await;
    gate.open();
    until_there_is_room(&insights, &questions[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_answer_does_not_wait_behind_others() {
    let mut house = House::open(0);
    house.take(&Step::Publish { seed: 7, rows: 20 }).await;
    let gate = Gate::of(&house);
    let insights = house.insights_of(gate.clone(), |options| options.questions_concurrent = 1);
    let _opens = Opens(gate.clone());
    let questions = asked::all();
    insights.ask("p", &questions[3], NOW).await.unwrap();
    gate.shut();
    // It has the only place, and waits for a view of now.
    let mut asking = Box::pin(insights.ask("p", &questions[0], NOW));
    assert!(waits(&mut asking).await);
    let old = AskLimits { age: Duration::from_secs(3_600), time: Duration::from_secs(60) };
    let kept = insights.ask("p", &questions[3], old).await.unwrap();
    assert!(kept.is_cached);
    assert!(waits(&mut asking).await, "the other still waits");
}

/// Asks until it is not refused for want of a place.
async fn until_there_is_room(insights: &Insights, question: &Question) {
    loop {
        let mut asking = Box::pin(insights.ask("p", question, NOW));
        match tokio::time::timeout(Duration::ZERO, &mut asking).await {
            Ok(Err(AskError::Busy)) => tokio::task::yield_now().await,
            Ok(answer) => return drop(answer.unwrap()),
            Err(_) => return,
        }
    }
}
