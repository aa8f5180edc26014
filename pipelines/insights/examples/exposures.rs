//! Results of an experiment with twenty metrics and nine dimensions, at any size: makes a projection on disk, asks it, and prints what that took.
//!
//! `cargo run -p footfall-pipelines-insights --example exposures -- PEOPLE [ROUNDS]`. Everybody is exposed once; as many rows are of what
//! metrics measure, a third of them before exposure.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use footfall_pipelines_insights::Engine;
use footfall_pipelines_insights::definition::{
    Answer, Comparison, Condition, ContextTelling, DividedBy, ExposedBy, Exposures, PartOf, PersonCap, PersonMeasure,
    PersonPart, QuantileAround, Question, Selector, Telling, Test,
};
use footfall_pipelines_insights::projection::{ColumnKind, Dictionaries, Rows, Snapshot, Values};

const DAY_MS: i64 = 86_400_000;
const START_MS: i64 = 1_767_225_600_000;
const DAYS: u64 = 28;
const NAMES: [&str; 5] = ["bought", "opened", "searched", "shared", "played"];
/// Those by which the cause of a mismatch is sought, and how many values each property has.
const DIMENSIONS: [&[(&str, u64)]; 9] = [
    &[("activity.browser", 12)],
    &[("activity.browser", 12), ("activity.browser_version", 80)],
    &[("activity.os", 8)],
    &[("activity.device_type", 3)],
    &[("activity.app_name", 1), ("activity.app_version", 40)],
    &[("activity.country", 150)],
    &[("activity.locale", 60)],
    &[("activity.library", 4), ("activity.library_version", 30)],
    &[("activity.referring_domain", 900)],
];
const KINDS: [&str; 4] = ["book", "game", "film", "song"];

struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((z ^ (z >> 27)) >> 11) % sides
    }
}

fn metrics() -> (Vec<Selector>, Vec<PersonMeasure>) {
    let mut sources: Vec<Selector> = NAMES.iter().map(|name| Selector::named(name)).collect();
    let book = Condition::Property(Comparison { property: "kind".into(), test: Test::Is(vec!["book".into()]) });
    sources.push(Selector::named("bought").only(book));
    let part = |source: usize, of: PartOf| PersonPart { source, of, after_ms: 0, before_ms: None };
    let amount = || "activity.amount".to_owned();
    let mut all: Vec<(Vec<PersonPart>, bool)> = Vec::new();
    for source in 0..NAMES.len() {
        all.push((vec![part(source, PartOf::Rows)], true));
        all.push((vec![part(source, PartOf::Happened)], true));
    }
    for source in [0, 2, 4, 5] {
        all.push((vec![part(source, PartOf::Sum(amount()))], true));
    }
    all.push((vec![part(0, PartOf::Sum(amount())), part(0, PartOf::Numbers(amount()))], true));
    all.push((vec![part(0, PartOf::Sum(amount())), part(1, PartOf::Rows)], true));
    all.push((vec![part(0, PartOf::Different("kind".into()))], true));
    let back = |from: i64, to: i64| PersonPart {
        after_ms: from * DAY_MS,
        before_ms: Some(to * DAY_MS),
        ..part(1, PartOf::Happened)
    };
    all.push((vec![back(1, 8)], false));
    all.push((vec![part(0, PartOf::Sum(amount()))], false));
    all.push((vec![part(2, PartOf::Sum(amount()))], true));
    let last = all.len() - 1;
    let measure = |(index, (mut parts, has_covariate)): (usize, (Vec<PersonPart>, bool))| {
        if has_covariate {
            let before = |part: &PersonPart| PersonPart { after_ms: -14 * DAY_MS, before_ms: Some(0), ..part.clone() };
            let before: Vec<PersonPart> = parts.iter().map(before).collect();
            parts.extend(before);
        }
        let cap = (index == last).then_some(PersonCap::Quantile(0.99));
        let quantiles = (index + 1 == last).then_some(QuantileAround { level: 0.9, z: 1.96 });
        PersonMeasure { parts, cap, quantiles, matures_ms: None }
    };
    (sources, all.into_iter().enumerate().map(measure).collect())
}

fn by(properties: &[(&str, u64)]) -> ExposedBy {
    let properties: Vec<String> = properties.iter().map(|(name, _)| (*name).to_owned()).collect();
    ExposedBy { needs_last: properties.len() > 1, properties }
}

fn question() -> Exposures {
    let (sources, measures) = metrics();
    Exposures {
        from_ms: START_MS,
        until_ms: START_MS + DAYS as i64 * DAY_MS,
        arms: 2,
        told_by: vec![Telling {
            activity: "$feature_flag_called".into(),
            keys: vec!["$feature_flag".into()],
            key: "checkout".into(),
            values: vec!["$feature_flag_response".into()],
            arms: vec![("false".into(), 0), ("true".into(), 1)],
        }],
        left_out: vec![("activity.user_agent".into(), Test::Regex("(?i)bot|crawl|spider".into()))],
        sources,
        measures,
        dimensions: DIMENSIONS.map(by).into(),
        counts_first: false,
        divided_by: DividedBy::Days,
        by_activity: true,
        told_where: None,
    }
}

/// What else is asked of the same people: the results of a bandit whose weights changed every two days, of one with contexts, and
/// effects by a version.
fn others(question: &Exposures) -> [(&'static str, Question); 3] {
    let starts_ms: Vec<i64> = (0..DAYS as i64 / 2).map(|period| START_MS + 2 * period * DAY_MS).collect();
    let leaves = ["-1", "1", "2"].iter().enumerate();
    let contexts = leaves.map(|(place, leaf)| ((*leaf).to_owned(), place)).collect();
    let telling = ContextTelling { property: "leafId".into(), contexts };
    let bandit = |contexts: Vec<ContextTelling>| {
        let divided_by = DividedBy::Times { starts_ms: starts_ms.clone(), contexts };
        Exposures { counts_first: true, dimensions: Vec::new(), divided_by, by_activity: false, ..question.clone() }
    };
    let version = vec![by(DIMENSIONS[4])];
    let by_version =
        Exposures { dimensions: version, divided_by: DividedBy::Dimension(0), by_activity: false, ..question.clone() };
    [
        ("a bandit of 14 periods", bandit(Vec::new())),
        ("the same in 3 contexts", bandit(vec![telling])),
        ("effects by app version", by_version),
    ]
    .map(|(name, asked)| (name, Question::Exposures(asked)))
}

fn snapshot(people: u64, question: &Question) -> Result<Snapshot, Box<dyn Error>> {
    let needs = question.needs();
    let mut columns: Vec<(&str, ColumnKind)> =
        needs.columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    columns.push(("leafId", ColumnKind::Words));
    let dictionaries = Dictionaries::new(&columns);
    let mut rows = Rows::new(&dictionaries);
    let mut dice = Dice(1);
    for number in 0..people {
        let person = dictionaries.persons.intern(&format!("00000000-0000-4000-8000-{number:012x}"));
        let treated = dice.below(2) == 1;
        let agent = format!("Browser {}", dice.below(200));
        let at = START_MS + dice.below(DAYS * DAY_MS as u64) as i64;
        let mut add = |name: &str, time: i64, text: &dyn Fn(&str) -> Option<String>, amount: Option<f64>| {
            rows.persons.push(person);
            rows.times.push(time);
            rows.activities.push(dictionaries.activities.intern(name) as u16);
            for (values, column) in rows.columns.iter_mut().zip(&dictionaries.columns) {
                match values {
                    Values::Words(words) => {
                        words.push(text(&column.name).map_or(0, |text| column.dictionary.intern(&text) + 1));
                    }
                    Values::Numbers(numbers) => numbers.push(amount.unwrap_or(f64::NAN)),
                }
            }
        };
        let spread = dice.below(1 << 40);
        let exposure = |name: &str| match name {
            "$feature_flag" => Some("checkout".to_owned()),
            "$feature_flag_response" => Some(treated.to_string()),
            "activity.user_agent" => Some(agent.clone()),
            "leafId" => Some(["-1", "1", "2"][(spread >> 7) as usize % 3].to_owned()),
            name => {
                let known =
                    DIMENSIONS.iter().flat_map(|properties| properties.iter()).find(|(known, _)| *known == name);
                known.map(|(name, values)| format!("{name} {}", (spread >> (name.len() % 16)) % values))
            }
        };
        add("$feature_flag_called", at, &exposure, None);
        for _ in 0..dice.below(3) {
            let name = NAMES[dice.below(NAMES.len() as u64) as usize];
            let time = at + dice.below(30 * DAY_MS as u64) as i64 - 10 * DAY_MS;
            let kind = KINDS[dice.below(4) as usize];
            let amount = dice.below(10_000) as f64 / 100.0;
            add(name, time, &|column| (column == "kind").then(|| kind.to_owned()), Some(amount));
        }
    }
    let path = std::env::temp_dir().join(format!("exposures-{}.run", std::process::id()));
    println!("| rows | {} |", rows.len());
    let run = Arc::new(rows.write(&dictionaries, &path)?);
    // Mapped: it stays readable.
    std::fs::remove_file(&path)?;
    Ok(Snapshot::new(dictionaries, vec![run], &HashMap::new(), Vec::new())?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = |place: usize, usual: u64| match std::env::args().nth(place) {
        Some(text) => text.parse::<u64>(),
        None => Ok(usual),
    };
    let (people, rounds) = (number(1, 1_000_000)?, number(2, 5)?);
    let plain = question();
    let others = others(&plain);
    let question = Question::Exposures(plain);
    println!("| what | value |\n|---|---:|\n| people, each exposed once | {people} |");
    let made = Instant::now();
    let snapshot = snapshot(people, &question)?;
    println!("| making the projection, s | {:.1} |", made.elapsed().as_secs_f64());
    let asked = std::iter::once(("20 metrics, 9 dimensions", &question));
    let asked = asked.chain(others.iter().map(|(name, question)| (*name, question)));
    for (name, question, threads) in asked.flat_map(|(name, question)| [1, 2].map(|threads| (name, question, threads)))
    {
        let mut times = Vec::new();
        let (mut exposed, mut read) = (0.0, 0);
        for _ in 0..rounds.max(1) {
            let begun = Instant::now();
            let asked = Engine { threads }.ask(&snapshot, question, &AtomicBool::new(false))?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            read = asked.rows_read;
            if let Answer::Exposures(answer) = asked.answer {
                exposed = answer.cells.iter().map(|cell| cell.people).sum();
            }
        }
        times.sort_by(f64::total_cmp);
        let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
        println!("| {name}, {threads} threads: median, most ms | {median:.0}, {most:.0} |");
        println!("| people counted, rows read | {exposed}, {read} |");
    }
    Ok(())
}
