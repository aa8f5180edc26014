//! Activity that is sent again, at once, later, after flushes and when the engine has started again, is counted once: random sendings go through the job's
//! transform into a lake, and answers are those of the naive reference over the first of each id.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use footfall_ingest_activity::{FixedClock, Record, Timestamp, person_id_of};
use footfall_ingest_log::{Batch, LogRecord};
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights::reference::{Row, World};
use footfall_pipelines_insights_feed::{AskLimits, Insights, InsightsOptions};
use footfall_pipelines_jobs::identity::IdentityGraph;
use footfall_pipelines_jobs::{Graphs, Sources, build};
use footfall_pipelines_store::Store;
use footfall_pipelines_store::lake::{Lake, LakeOptions};
use proptest::prelude::*;
use serde_json::json;

use crate::asking::{DAY, START};
use crate::lake::LakeSnapshots;

const PROJECT: &str = "shop";
const NAMES: [&str; 3] = ["view", "save", "buy"];

#[derive(Debug, Clone)]
struct Sent {
    id: u16,
    person: u8,
    name: usize,
    /// Quarters of an hour after the start.
    quarter: u16,
    plan: Option<&'static str>,
    price: Option<u8>,
}

#[derive(Debug, Clone)]
enum Step {
    /// New activity, in one turn of the job.
    Send(Vec<Sent>),
    /// What was sent at these places, once more, beside new ones.
    Again(Vec<prop::sample::Index>, Vec<Sent>),
    Flush,
    Join,
    Restart,
    Ask,
}

fn sent() -> impl Strategy<Value = Sent> {
    let plan = prop::option::of(prop::sample::select(vec!["free", "pro"]));
    // Ids are few, so that other content comes under a known one too: the first counts.
    (0u16..60, 0u8..5, 0..NAMES.len(), 0u16..400, plan, prop::option::of(0u8..20))
        .prop_map(|(id, person, name, quarter, plan, price)| Sent { id, person, name, quarter, plan, price })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || prop::collection::vec(sent(), 1..12);
    let step = prop_oneof![
        4 => some().prop_map(Step::Send),
        4 => (prop::collection::vec(any::<prop::sample::Index>(), 1..8), prop::collection::vec(sent(), 0..4))
            .prop_map(|(places, new)| Step::Again(places, new)),
        3 => Just(Step::Flush),
        1 => Just(Step::Join),
        1 => Just(Step::Restart),
        2 => Just(Step::Ask),
    ];
    prop::collection::vec(step, 2..16)
}

impl Sent {
    fn time_ms(&self) -> i64 {
        START + i64::from(self.quarter) * 900_000
    }

    fn payload(&self) -> Vec<u8> {
        let mut properties = serde_json::Map::new();
        properties.extend(self.plan.map(|plan| ("plan".to_owned(), json!(plan))));
        properties.extend(self.price.map(|price| ("price".to_owned(), json!(price))));
        let id = format!("user-{}", self.person);
        let activity = json!({
            "project": PROJECT, "message_id": format!("m{}", self.id), "kind": "track", "event": NAMES[self.name],
            "distinct_id": id, "user_id": id, "timestamp": self.time_ms(), "received_at": self.time_ms(), "dialect": "native",
            "identified": true, "common": {}, "properties": properties, "context": {},
        });
        serde_json::to_vec(&activity).expect("JSON")
    }

    fn row(&self) -> Row {
        Row {
            person: person_id_of(PROJECT, &format!("user-{}", self.person)).to_string(),
            time_ms: self.time_ms(),
            activity: NAMES[self.name].to_owned(),
            texts: self.plan.iter().map(|plan| ("plan".to_owned(), (*plan).to_owned())).collect(),
            numbers: self.price.iter().map(|price| ("price".to_owned(), f64::from(*price))).collect(),
        }
    }
}

fn questions() -> Vec<Question> {
    let scope = json!({"from_ms": START, "until_ms": START + 4 * DAY, "zone": "Europe/Berlin"});
    let any = json!({"activities": []});
    let named = |name: &str| json!({"activities": [name]});
    let asked = vec![
        json!({"question": "trend", "scope": scope, "bucket": "day", "breakdown": {"properties": ["plan"], "top": 1},
            "series": [{"select": any, "measures": ["count", "people", "sessions", {"sum": "price"}]}]}),
        json!({"question": "funnel", "scope": scope, "steps": [named("view"), named("save"), named("buy")],
            "window_ms": DAY, "times": {}}),
        json!({"question": "retention", "scope": scope, "bucket": "day", "kind": "first_time", "start": named("view"),
            "returning": any}),
        json!({"question": "sessions", "scope": scope, "bucket": "day"}),
        json!({"question": "paths", "scope": scope, "anchor": {"after": "view"}, "length": 2, "gap_ms": DAY, "top": 9, "shorter": true}),
        json!({"question": "distribution", "scope": scope, "select": any, "of": {"property": "price"}, "edges": [5.0],
            "ranks": [0.0, 0.5, 1.0]}),
        json!({"question": "ranking", "scope": scope, "select": any, "by": "activity_and_person", "top": 9}),
    ];
    asked.into_iter().map(|question| serde_json::from_value(question).expect("a question")).collect()
}

/// A lake, what was sent to it, and the first of each id.
struct Shop {
    lake: Arc<Lake>,
    graphs: Graphs,
    offset: u64,
    sent: Vec<Sent>,
    known: HashSet<u16>,
    world: World,
}

fn lake(folder: &Path) -> Arc<Lake> {
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(START + 10 * DAY)));
    let options =
        LakeOptions { flush_age_millis: 3_600_000, compact: false, compact_fan_in: 3, ..LakeOptions::default() };
    Lake::open_folder(&folder.join("lake"), options, clock).expect("a lake")
}

fn insights(folder: &Path, lake: &Arc<Lake>) -> Insights {
    let clock = Arc::new(FixedClock::at(Timestamp::from_millis(START + 10 * DAY)));
    Insights::new(Arc::new(LakeSnapshots(lake.clone())), clock, InsightsOptions::new(folder.join("insights")))
        .expect("started")
}

impl Shop {
    async fn take(&mut self, all: Vec<Sent>) {
        for one in &all {
            if self.known.insert(one.id) {
                self.world.rows.push(one.row());
            }
        }
        let record = |(place, one): (u64, &Sent)| LogRecord {
            partition: 0,
            offset: self.offset + place,
            kind: Record::KIND_ACTIVITY,
            payload: one.payload().into(),
        };
        let records: Vec<LogRecord> = (0..).zip(&all).map(record).collect();
        self.offset += records.len() as u64;
        let batch = Batch { records, damages: Vec::new(), next: [(0, self.offset)].into_iter().collect() };
        let sources = Sources {
            is_new: &|keys| self.lake.is_new(keys),
            graph: &|project| Ok(IdentityGraph::new(project.clone())),
            projects: vec![Arc::from(PROJECT)],
            now: Timestamp::from_millis(START),
            poisoned: HashSet::new(),
            erasures: Default::default(),
            live_activities_max: 0,
        };
        let built = build(&batch, &sources, &mut self.graphs).expect("built");
        assert_eq!(built.tally.quarantined, 0, "what was sent is sound");
        self.lake.publish(built.publication).await.expect("published");
        self.sent.extend(all);
    }
}

async fn check(shop: &Shop, insights: &Insights) -> Result<(), TestCaseError> {
    let limits = AskLimits { age: std::time::Duration::ZERO, ..AskLimits::default() };
    for question in questions() {
        let got = insights.ask(PROJECT, &question, limits).await.expect("an answer");
        let (got, want) = (format!("{:?}", got.answer), format!("{:?}", shop.world.answer(&question)));
        prop_assert!(got == want, "{got}\ninstead of {want}\nasked {question:?}");
    }
    Ok(())
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (graphs, known, world) = (Graphs::new(), HashSet::new(), World::default());
        let mut shop = Shop { lake: lake(folder.path()), graphs, offset: 0, sent: Vec::new(), known, world };
        let mut asked = insights(folder.path(), &shop.lake);
        for step in steps {
            match step {
                Step::Send(all) => shop.take(all).await,
                Step::Again(places, new) => {
                    let again: Vec<Sent> = places
                        .iter()
                        .filter(|_| !shop.sent.is_empty())
                        .map(|place| place.get(&shop.sent).clone())
                        .collect();
                    // Within the turn as well.
                    let twice = again.first().cloned();
                    shop.take(again.into_iter().chain(new).chain(twice).collect()).await;
                }
                Step::Flush => shop.lake.flush().await.expect("flushed"),
                Step::Join => drop(shop.lake.compact().await.expect("joined")),
                Step::Restart => {
                    drop(asked);
                    shop.graphs = Graphs::new();
                    asked = insights(folder.path(), &shop.lake);
                }
                Step::Ask => check(&shop, &asked).await?,
            }
        }
        check(&shop, &asked).await
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_sent_again_is_counted_once(steps in steps()) {
        run(steps)?;
    }
}
