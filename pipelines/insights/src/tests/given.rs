//! Random rows, how they are split into runs, and who is merged with whom.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use crate::definition::Question;
use crate::projection::{ColumnKind, Dictionaries, Dictionary, GroupProperty, Rows, Snapshot, Trait, Values, compact};
use crate::reference::{Row, World};

/// 2025-10-24, two days before Berlin's clocks go back.
pub const FROM: i64 = 1_761_264_000_000;
pub const HOUR: i64 = 3_600_000;
/// Names whose order is not that of their codes.
pub const ACTIVITIES: &[&str] = &["view", "save", "open", "buy", "end"];
pub const PERSONS: usize = 7;

#[derive(Debug, Clone, Default)]
pub struct Given {
    pub rows: Vec<Row>,
    /// The run of each row.
    runs: Vec<usize>,
    /// Persons who are somebody else now.
    merges: BTreeMap<usize, usize>,
    traits: BTreeMap<String, BTreeMap<String, String>>,
    /// Persons up to this one are in the first segment, the others in the second.
    near: usize,
    /// All is so much later than questions are made for.
    later_ms: i64,
}

/// From October to the end of March: Berlin's clocks go forward two days after, those of Beirut skip midnight.
const TO_SPRING: i64 = 154 * 24 * HOUR;
/// What of a question is a time.
const TIMES: [&str; 5] = ["from_ms", "until_ms", "bucket_ms", "start_ms", "day_ms"];

/// What is known of companies.
fn groups() -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let group = |key: &str, plan: &str| {
        (("company".to_owned(), key.to_owned()), BTreeMap::from([("plan".to_owned(), plan.to_owned())]))
    };
    BTreeMap::from([group("acme", "pro"), group("päid", "free"), group("other", "pro")])
}

fn name(person: usize) -> String {
    format!("p{person}")
}

fn row(persons: usize, spread: i64) -> impl Strategy<Value = (Row, usize)> {
    let time = prop_oneof![
        3 => (0..spread * 6).prop_map(|step| FROM + step * HOUR / 6),
        2 => (0..spread * 40).prop_map(|step| FROM + step * HOUR / 40 + 1),
        1 => (0..spread).prop_map(|step| FROM + step * HOUR + (step % 3) - 1),
    ];
    let word = prop::option::weighted(
        0.8,
        prop::sample::select(vec!["DE", "FR", "", "12", "7.5", "NaN", "True", "2025-10-26"]),
    );
    let other = prop::option::weighted(0.5, prop::sample::select(vec!["x", "y"]));
    // Near each other around Munich, at the date line and a pole, and one that is nowhere.
    let near = (0u8..4, 0u8..4).prop_map(|(a, b)| (48.137 + f64::from(a) / 500.0, 11.575 + f64::from(b) / 500.0));
    let far = prop::sample::select(vec![(0.0, 180.0), (0.0, -180.0), (90.0, 0.0), (91.0, 0.0), (-33.9, 151.2)]);
    let position = prop::option::weighted(0.7, prop_oneof![6 => near, 1 => far]);
    let number = prop::option::weighted(0.6, (-8i32..40).prop_map(|quarters| f64::from(quarters) / 4.0));
    (0..persons, time, prop::sample::select(ACTIVITIES), word, other, number, position, 0usize..4).prop_map(
        |(person, time_ms, activity, word, other, number, position, run)| {
            // A row of a company, and what an expression would have given.
            let company = ["acme", "päid", "none"].get(run).copied();
            let large = number.map(|number| if number > 3.0 { "true" } else { "false" });
            let texts = [("w", word), ("v", other), ("group.company", company), ("sql:n > 3", large)]
                .into_iter()
                .filter_map(|(key, text)| Some((key.to_owned(), text?.to_owned())));
            let position =
                position.into_iter().flat_map(|(lat, lon)| [("lat".to_owned(), lat), ("lon".to_owned(), lon)]);
            let numbers = number.into_iter().map(|number| ("n".to_owned(), number)).chain(position);
            let (texts, numbers) = (texts.collect(), numbers.collect());
            (Row { person: name(person), time_ms, activity: activity.to_owned(), texts, numbers }, run)
        },
    )
}

fn some(rows: impl Strategy<Value = Vec<(Row, usize)>>) -> impl Strategy<Value = Given> {
    let merges = prop::collection::btree_map(PERSONS / 2..PERSONS, 0..PERSONS / 2, 0..4);
    let traits =
        prop::collection::vec(prop::option::of(prop::sample::select(vec!["free", "pro", "30", "inf"])), PERSONS);
    let later = prop_oneof![3 => Just(0), 2 => Just(TO_SPRING)];
    (rows, merges, traits, 0..PERSONS, later).prop_map(|(rows, merges, traits, near, later_ms)| {
        let (mut rows, runs): (Vec<Row>, Vec<usize>) = rows.into_iter().unzip();
        rows.iter_mut().for_each(|row| row.time_ms += later_ms);
        let of = |(person, text): (usize, Option<&str>)| {
            Some((name(person), BTreeMap::from([("plan".to_owned(), text?.to_owned())])))
        };
        let traits = traits.into_iter().enumerate().filter_map(of).collect();
        Given { rows, runs, merges, traits, near, later_ms }
    })
}

pub fn given() -> impl Strategy<Value = Given> {
    some(prop_oneof![
        prop::collection::vec(row(PERSONS, 60), 0..120),
        prop::collection::vec(row(2, 6), 0..80),
        prop::collection::vec(row(PERSONS, 900), 0..60),
    ])
}

/// Nearly everything by one person.
pub fn given_giant() -> impl Strategy<Value = Given> {
    let rows = (prop::collection::vec(row(1, 100), 700..900), prop::collection::vec(row(PERSONS, 100), 0..20));
    some(rows.prop_map(|(mut giant, few)| {
        giant.extend(few);
        giant
    }))
}

fn put_off(value: &mut serde_json::Value, by_ms: i64) {
    match value {
        serde_json::Value::Object(members) => members.iter_mut().for_each(|(name, value)| match value.as_i64() {
            Some(time) if TIMES.contains(&name.as_str()) => *value = (time + by_ms).into(),
            _ => put_off(value, by_ms),
        }),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| put_off(item, by_ms)),
        _ => {}
    }
}

impl Given {
    /// A question as late as the rows are.
    pub fn of_season(&self, question: &Question) -> Question {
        if self.later_ms == 0 {
            return question.clone();
        }
        let mut value = serde_json::to_value(question).unwrap();
        put_off(&mut value, self.later_ms);
        serde_json::from_value(value).unwrap()
    }

    /// Snapshots of the same rows, built in different ways, each with what the reference knows of them.
    pub fn build(&self, folder: &Path) -> Vec<(&'static str, Snapshot, World)> {
        let dictionaries = Dictionaries::new(&[
            ("w", ColumnKind::Words),
            ("n", ColumnKind::Numbers),
            ("v", ColumnKind::Words),
            ("lat", ColumnKind::Numbers),
            ("lon", ColumnKind::Numbers),
            ("group.company", ColumnKind::Words),
            ("sql:n > 3", ColumnKind::Words),
        ]);
        self.number_persons(&dictionaries);
        let runs: Vec<Arc<_>> = (0..4)
            .map(|run| {
                let rows = self.rows_of(&dictionaries, |row| self.runs[row] == run);
                // Two are sealed, two fresh.
                let path = folder.join(format!("{run}.run"));
                let run = if run < 2 { rows.write(&dictionaries, &path) } else { rows.into_run(&dictionaries) };
                Arc::new(run.unwrap())
            })
            .collect();
        let whole = Arc::new(self.rows_of(&dictionaries, |_| true).into_run(&dictionaries).unwrap());
        let compacted = Arc::new(compact(&dictionaries, runs.clone(), &folder.join("compacted.run")).unwrap());
        let ordinal = |person: usize| dictionaries.persons.find(&name(person)).unwrap();
        let overrides: HashMap<u32, u32> =
            self.merges.iter().map(|(&own, &now)| (ordinal(own), ordinal(now))).collect();
        let none = HashMap::new();
        let snapshot = |runs: Vec<Arc<_>>, overrides: &HashMap<u32, u32>| {
            let traits = self.traits(&dictionaries);
            let groups = GroupProperty {
                group: "company".to_owned(),
                property: "plan".to_owned(),
                values: groups().into_iter().map(|((_, key), values)| (key, values["plan"].clone())).collect(),
            };
            Snapshot::new(dictionaries.clone(), runs, overrides, traits).unwrap().with_groups(vec![Arc::new(groups)])
        };
        let layered = |overrides: &HashMap<u32, u32>| {
            let base = Arc::new(snapshot(runs[..2].to_vec(), overrides));
            snapshot(runs[2..].to_vec(), overrides).above(base, &none).unwrap()
        };
        // Of those who are others, a third is when each layer is made.
        let became = |layer: u32| -> HashMap<u32, u32> {
            overrides.iter().filter(|(own, _)| **own % 3 == layer).map(|(own, now)| (*own, *now)).collect()
        };
        let by_and_by = || {
            let base = snapshot(vec![runs[0].clone()], &became(0));
            let known = overrides.iter().filter(|(own, _)| **own % 3 < 2).map(|(own, now)| (*own, *now)).collect();
            let middle = snapshot(vec![runs[1].clone()], &known).above(Arc::new(base), &became(1)).unwrap();
            snapshot(runs[2..].to_vec(), &overrides).above(Arc::new(middle), &became(2)).unwrap()
        };
        // As rows arrive: each layer has those of later days.
        let mut times: Vec<i64> = self.rows.iter().map(|row| row.time_ms).collect();
        times.sort_unstable();
        let part_of = |row: usize| (1..3).filter(|part| self.rows[row].time_ms > times[times.len() * part / 3]).count();
        let later: Vec<Arc<_>> = (0..3)
            .map(|part| {
                let rows = self.rows_of(&dictionaries, |row| part_of(row) == part);
                Arc::new(rows.into_run(&dictionaries).unwrap())
            })
            .collect();
        let by_time = |overrides: &HashMap<u32, u32>| {
            let base = Arc::new(snapshot(vec![later[0].clone()], overrides));
            let middle = snapshot(vec![later[1].clone()], overrides).above(base, &none).unwrap();
            snapshot(vec![later[2].clone()], overrides).above(Arc::new(middle), &none).unwrap()
        };
        vec![
            ("later rows above", by_time(&none), self.world(false)),
            ("later rows above, merged", by_time(&overrides), self.world(true)),
            ("two runs above two", layered(&none), self.world(false)),
            ("two runs above two, merged", layered(&overrides), self.world(true)),
            ("above each other, merged by and by", by_and_by(), self.world(true)),
            ("one run", snapshot(vec![whole.clone()], &none), self.world(false)),
            ("four runs", snapshot(runs.clone(), &none), self.world(false)),
            ("compacted", snapshot(vec![compacted.clone()], &none), self.world(false)),
            ("one run, merged", snapshot(vec![whole], &overrides), self.world(true)),
            ("four runs, merged", snapshot(runs.clone(), &overrides), self.world(true)),
            ("compacted, merged", snapshot(vec![compacted.clone()], &overrides), self.world(true)),
            ("merges undone", snapshot(vec![compacted], &none), self.world(false)),
        ]
    }

    /// Gives ordinals: some persons are in the first segment, the others, after many who do nothing, in the second.
    fn number_persons(&self, dictionaries: &Dictionaries) {
        (0..self.near).for_each(|person| {
            dictionaries.persons.intern(&name(person));
        });
        let idle: Vec<String> = (0..crate::projection::SEGMENT_PERSONS).map(|idle| format!("idle{idle}")).collect();
        dictionaries.persons.intern_all(idle.iter().map(String::as_str));
        (self.near..PERSONS).for_each(|person| {
            dictionaries.persons.intern(&name(person));
        });
        dictionaries.activities.intern_all(ACTIVITIES.iter().copied());
    }

    fn rows_of(&self, dictionaries: &Dictionaries, wanted: impl Fn(usize) -> bool) -> Rows {
        let mut rows = Rows::new(dictionaries);
        for row in (0..self.rows.len()).filter(|&row| wanted(row)).map(|row| &self.rows[row]) {
            rows.persons.push(dictionaries.persons.intern(&row.person));
            rows.times.push(row.time_ms);
            rows.activities.push(dictionaries.activities.intern(&row.activity) as u16);
            for (values, column) in rows.columns.iter_mut().zip(&dictionaries.columns) {
                match values {
                    Values::Words(words) => {
                        words.push(row.texts.get(&column.name).map_or(0, |text| column.dictionary.intern(text) + 1));
                    }
                    Values::Numbers(numbers) => {
                        numbers.push(row.numbers.get(&column.name).copied().unwrap_or(f64::NAN))
                    }
                }
            }
        }
        rows
    }

    fn traits(&self, dictionaries: &Dictionaries) -> Vec<Arc<Trait>> {
        let dictionary = Arc::new(Dictionary::default());
        let mut codes = Vec::new();
        for (person, traits) in &self.traits {
            let ordinal = dictionaries.persons.find(person).unwrap() as usize;
            codes.resize(codes.len().max(ordinal + 1), 0);
            codes[ordinal] = dictionary.intern(&traits["plan"]) + 1;
        }
        vec![Arc::new(Trait { name: "plan".to_owned(), dictionary, codes })]
    }

    fn world(&self, merged: bool) -> World {
        let mut rows = self.rows.clone();
        for (own, now) in self.merges.iter().filter(|_| merged) {
            rows.iter_mut().filter(|row| row.person == name(*own)).for_each(|row| row.person = name(*now));
        }
        World { rows, traits: self.traits.clone(), groups: groups() }
    }
}
