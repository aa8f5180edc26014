//! A lake with rows of a few persons, and what the reference knows of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::TimestampMillisecondType;
use footfall_ingest_activity::{FixedClock, Timestamp, person_id_of};
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights::reference::{Row, World};
use footfall_pipelines_store::lake::{Lake, LakeOptions, ProjectSnapshot};
use footfall_pipelines_store::query::Snapshots;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::traits::Traits;
use footfall_pipelines_store::{Publication, Store, TableRows};
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Insights, InsightsOptions};

pub const FROM: i64 = 1_761_264_000_000;
pub const HOUR: i64 = 3_600_000;
pub const PERSONS: usize = 6;
pub const EVENTS: [&str; 4] = ["view", "save", "open", "buy"];

/// What happens to a lake.
#[derive(Debug, Clone)]
pub enum Step {
    Publish {
        seed: u64,
        rows: usize,
    },
    /// The person and everybody who is them become the person that the other is.
    Merge(usize, usize),
    /// The person is themselves again.
    Undo(usize),
    Flush,
    /// Files are joined until none is worth it.
    Join,
    /// The program ends and starts again.
    Restart,
    Ask,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (any::<u64>(), 1usize..40).prop_map(|(seed, rows)| Step::Publish { seed, rows }),
        2 => (0..PERSONS, 0..PERSONS).prop_map(|(a, b)| Step::Merge(a, b)),
        1 => (0..PERSONS).prop_map(Step::Undo),
        4 => Just(Step::Flush),
        2 => Just(Step::Join),
        2 => Just(Step::Restart),
        3 => Just(Step::Ask),
    ];
    prop::collection::vec(step, 1..24)
}

pub struct LakeSnapshots(pub Arc<Lake>);

impl Snapshots for LakeSnapshots {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        Some(self.0.snapshot(project))
    }
}

/// A lake, and who is whom in it.
pub struct House {
    pub folder: TempDir,
    pub lake: Arc<Lake>,
    now: [usize; PERSONS],
    published: u64,
}

pub fn person(number: usize) -> Uuid {
    person_id_of("p", &format!("user-{number}"))
}

impl House {
    pub fn open(grace_millis: i64) -> House {
        let folder = tempfile::tempdir().unwrap();
        let options = LakeOptions {
            flush_age_millis: 3_600_000,
            compact: false,
            compact_fan_in: 3,
            removed_grace_millis: grace_millis,
            ..LakeOptions::default()
        };
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000)));
        let lake = Lake::open_folder(&folder.path().join("lake"), options, clock).unwrap();
        House { folder, lake, now: std::array::from_fn(|person| person), published: 0 }
    }

    pub fn insights(&self) -> Insights {
        self.insights_with(|_| ())
    }

    pub fn insights_with(&self, change: impl FnOnce(&mut InsightsOptions)) -> Insights {
        self.insights_of(Arc::new(LakeSnapshots(self.lake.clone())), change)
    }

    /// With snapshots of the lake that come as they like.
    pub fn insights_of(&self, snapshots: Arc<dyn Snapshots>, change: impl FnOnce(&mut InsightsOptions)) -> Insights {
        let mut options = InsightsOptions::new(self.folder.path().join("insights"));
        change(&mut options);
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_000)));
        Insights::new(snapshots, clock, options).unwrap()
    }

    pub async fn take(&mut self, step: &Step) {
        match step {
            Step::Publish { seed, rows } => self.publish(*seed, *rows).await,
            Step::Merge(a, b) => self.merge(*a, *b).await,
            Step::Undo(person) => self.undo(*person).await,
            Step::Flush => self.lake.flush().await.unwrap(),
            Step::Join => drop(self.lake.compact().await.unwrap()),
            Step::Restart | Step::Ask => {}
        }
    }

    async fn publish(&mut self, seed: u64, rows: usize) {
        let mut dice = Dice(seed | 1);
        let made: Vec<Made> = (0..rows).map(|_| Made::of(&mut dice)).collect();
        let mut batches = BTreeMap::from([(Table::Activity, self.activity(&made))]);
        if dice.below(2) == 0 {
            batches.insert(Table::Identities, identities(&mut dice));
        }
        self.put(TableRows { batches, person_changes: Vec::new() }).await;
    }

    /// Publishes a view of each of so many persons.
    pub async fn crowd(&mut self, persons: usize) {
        let view = |person| Made {
            person,
            event: "view",
            time_ms: FROM + 20 * HOUR,
            plan: None,
            n: None,
            os: None,
            company: None,
            says: None,
        };
        let made: Vec<Made> = (0..persons).map(view).collect();
        let batches = BTreeMap::from([(Table::Activity, self.activity(&made))]);
        self.put(TableRows { batches, person_changes: Vec::new() }).await;
    }

    async fn merge(&mut self, a: usize, b: usize) {
        let (from, into) = (self.now[a], self.now[b]);
        if from != into {
            let moved: Vec<usize> = (0..PERSONS).filter(|&person| self.now[person] == from).collect();
            moved.iter().for_each(|&person| self.now[person] = into);
            let person_changes = moved.iter().map(|&own| (person(own), person(into))).collect();
            self.put(TableRows { batches: BTreeMap::new(), person_changes }).await;
        }
    }

    async fn undo(&mut self, own: usize) {
        if self.now[own] != own {
            self.now[own] = own;
            let person_changes = vec![(person(own), person(own))];
            self.put(TableRows { batches: BTreeMap::new(), person_changes }).await;
        }
    }

    async fn put(&mut self, rows: TableRows) {
        self.published += 1;
        let checkpoint = [(0, self.published)].into_iter().collect();
        let rows = BTreeMap::from([(Arc::from("p"), rows)]);
        let publication = Publication { rows, checkpoint, records: 1, message_keys: Vec::new(), erasures: 0 };
        self.lake.publish(publication).await.unwrap();
    }

    fn activity(&self, rows: &[Made]) -> RecordBatch {
        let schema = Table::Activity.fresh_schema();
        let columns = schema.fields().iter().map(|field| -> ArrayRef {
            let texts = |of: &dyn Fn(usize, &Made) -> Option<String>| -> ArrayRef {
                let plain: StringArray = rows.iter().enumerate().map(|(index, row)| of(index, row)).collect();
                cast(&(Arc::new(plain) as ArrayRef), field.data_type()).unwrap()
            };
            match field.name().as_str() {
                "message_id" => texts(&|index, _| Some(format!("{}-{index}", self.published))),
                "person_id" => texts(&|_, row| Some(person(row.person).to_string())),
                "distinct_id" => texts(&|_, row| Some(format!("user-{}", row.person))),
                "event" => texts(&|_, row| Some(row.event.to_owned())),
                "properties" => texts(&|_, row| Some(row.properties())),
                "os" => texts(&|_, row| row.os.map(str::to_owned)),
                "kind" => texts(&|_, row| Some(if row.says.is_some() { "group" } else { "track" }.to_owned())),
                "groups" => texts(&|_, row| row.company.map(|key| format!("{{\"company\": \"{key}\"}}"))),
                "timestamp" | "received_at" => {
                    let times = rows.iter().map(|row| row.time_ms);
                    Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
                }
                _ if field.is_nullable() => new_null_array(field.data_type(), rows.len()),
                _ => texts(&|_, _| Some("x".to_owned())),
            }
        });
        RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
    }

    /// The question with the ids that it lists as the persons they are of now: the reference knows no merges.
    pub fn as_now(&self, question: &Question) -> Question {
        let mut text = serde_json::to_string(question).unwrap();
        for (own, now) in self.lake.snapshot("p").overrides.iter() {
            text = text.replace(&own.to_string(), &now.to_string());
        }
        serde_json::from_str(&text).unwrap()
    }

    /// The rows that the lake shows, of the persons they are of now.
    pub async fn world(&self) -> World {
        let overrides = self.lake.snapshot("p").overrides.clone();
        let now = |own: &str| overrides.get(&Uuid::parse_str(own).unwrap()).map_or(own.to_owned(), Uuid::to_string);
        let mut world = World::default();
        let mut said_of: Vec<(i64, String, String, String, String)> = Vec::new();
        for batch in self.lake.read_all("p", Table::Activity).await.unwrap() {
            let text = |name: &str, row: usize| {
                let column = batch.column_by_name(name).unwrap().as_string_view();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            let times = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>();
            for row in 0..batch.num_rows() {
                let json: serde_json::Value = serde_json::from_str(&text("properties", row).unwrap()).unwrap();
                let plan = json["plan"].as_str().map(|plan| ("plan".to_owned(), plan.to_owned()));
                let os = text("os", row).map(|os| ("activity.os".to_owned(), os));
                let company = text("groups", row).map(|groups| {
                    let groups: serde_json::Value = serde_json::from_str(&groups).unwrap();
                    ("group.company".to_owned(), groups["company"].as_str().unwrap().to_owned())
                });
                let large = json["n"]
                    .as_i64()
                    .map(|n| ("sql:properties->>'n' > '2'".to_owned(), (n.to_string().as_str() > "2").to_string()));
                if text("kind", row).as_deref() == Some("group")
                    && let Some((_, key)) = &company
                {
                    let said = json.get("$group_set").unwrap_or(&json);
                    for (name, value) in said.as_object().unwrap() {
                        let value = value.as_str().map_or(value.to_string(), str::to_owned);
                        said_of.push((
                            times.value(row),
                            text("message_id", row).unwrap(),
                            key.clone(),
                            name.clone(),
                            value,
                        ));
                    }
                }
                world.rows.push(Row {
                    person: now(&text("person_id", row).unwrap()),
                    time_ms: times.value(row),
                    activity: text("event", row).unwrap(),
                    texts: plan.into_iter().chain(os).chain(company).chain(large).collect(),
                    numbers: json["n"].as_f64().map(|n| ("n".to_owned(), n)).into_iter().collect(),
                });
            }
        }
        // The last that was said counts.
        said_of.sort();
        for (_, _, key, name, value) in said_of {
            world.groups.entry(("company".to_owned(), key)).or_default().insert(name, value);
        }
        let mut folded: BTreeMap<String, Traits> = BTreeMap::new();
        for batch in self.lake.read_all("p", Table::Identities).await.unwrap() {
            for row in 0..batch.num_rows() {
                let (ids, states) = (batch.column(0).as_string_view(), batch.column(6).as_string_view());
                folded.entry(now(ids.value(row))).or_default().merge_state(states.value(row));
            }
        }
        for (id, traits) in folded {
            let text = traits.value("plan").map(|raw| raw.trim_matches('"').to_owned());
            world.traits.insert(id, text.into_iter().map(|text| ("plan".to_owned(), text)).collect());
        }
        world
    }
}

/// A row.
struct Made {
    person: usize,
    event: &'static str,
    time_ms: i64,
    plan: Option<&'static str>,
    n: Option<i64>,
    os: Option<&'static str>,
    company: Option<&'static str>,
    /// What the row says about its company, under a member of its own as PostHog's clients do or not.
    says: Option<bool>,
}

impl Made {
    fn of(dice: &mut Dice) -> Made {
        Made {
            person: dice.below(PERSONS),
            event: EVENTS[dice.below(EVENTS.len())],
            // Ties are common.
            time_ms: FROM + dice.below(400) as i64 * HOUR / 4,
            plan: [Some("free"), Some("pro"), Some("päid \"x\""), None][dice.below(4)],
            n: [Some(3), Some(-1), Some(40), None][dice.below(4)],
            os: [Some("iOS"), Some("Android"), None][dice.below(3)],
            company: [Some("acme"), Some("päid"), None][dice.below(3)],
            says: [None, None, None, Some(false), Some(true)][dice.below(5)],
        }
    }

    fn properties(&self) -> String {
        let mut members = serde_json::Map::new();
        members.extend(self.n.map(|n| ("n".to_owned(), n.into())));
        members.extend(self.plan.map(|plan| ("plan".to_owned(), plan.into())));
        if self.says == Some(true) {
            members.insert(
                "$group_set".to_owned(),
                serde_json::json!({"plan": if self.person.is_multiple_of(2) { "free" } else { "pro" }}),
            );
        }
        serde_json::Value::Object(members).to_string()
    }
}

fn identities(dice: &mut Dice) -> RecordBatch {
    let number = dice.below(PERSONS);
    let plan = ["free", "pro"][dice.below(2)];
    let state = serde_json::json!({"plan": {"v": plan, "t": dice.below(50), "m": dice.below(9), "k": "s"}});
    let text = |text: String| -> ArrayRef {
        cast(&(Arc::new(StringArray::from(vec![text])) as ArrayRef), &arrow::datatypes::DataType::Utf8View).unwrap()
    };
    let time = || -> ArrayRef { Arc::new(TimestampMillisecondArray::from(vec![FROM]).with_timezone("UTC")) };
    let columns: Vec<ArrayRef> = vec![
        text(person(number).to_string()),
        text(format!("user-{number}")),
        time(),
        time(),
        Arc::new(Int64Array::from(vec![1])),
        Arc::new(BooleanArray::from(vec![true])),
        text(state.to_string()),
    ];
    RecordBatch::try_new(Table::Identities.fresh_schema(), columns).unwrap()
}

/// Numbers that are the same for the same seed (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}
