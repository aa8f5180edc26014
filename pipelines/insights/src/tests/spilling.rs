//! What has no room in memory goes to disk and comes back: answers are the same, memory stays within its bound, and nothing stays
//! behind.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::given::{FROM, Given, HOUR, given, given_giant};
use super::{ask, asked, cases, cells, question, same};
use crate::definition::*;
use crate::projection::{ColumnKind, Dictionaries, Rows, Snapshot, Values};
use crate::{Control, Engine, InsightError, SpillFolder};

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

fn check(given: &Given, questions: &[Question], threads: usize, bytes: usize) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let spills = folder.path().join("spills");
    let spill = Arc::new(SpillFolder::open(&spills, u64::MAX).unwrap());
    for (name, snapshot, world) in &given.build(folder.path()) {
        for question in questions {
            let question = given.of_season(question);
            let control = Control::default().with_spill(spill.clone(), bytes);
            let got = Engine { threads }.ask_under(snapshot, &question, &control).unwrap();
            same(name, &question, &got.answer, &world.answer(&question))?;
            prop_assert!(spill.bytes() == 0 && is_empty(&spills), "something stays behind");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn answers_are_the_references_without_any_memory(
        given in given(),
        trends in prop::collection::vec(asked::trend(), 2),
        funnels in prop::collection::vec(asked::funnel(), 3),
        others in prop::collection::vec(question(), 3),
        people in prop::collection::vec(asked::people(), 2),
        cells in prop::collection::vec(cells::cell(), 2),
        places in prop::collection::vec(asked::places(), 2),
        segments in prop::collection::vec(asked::segments(), 2),
        threads in 1usize..3,
        bytes in prop::sample::select(vec![0usize, 600, 4_000]),
    ) {
        let all = [trends, funnels, others, people, cells, places, segments].concat();
        check(&given, &all, threads, bytes)?;
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn one_giant_person_is_the_references_without_any_memory(given in given_giant(), questions in prop::collection::vec(question(), 3)) {
        check(&given, &questions, 2, 0)?;
    }
}

const PERSONS: usize = 60_000;
const ROWS: usize = 600_000;

/// Rows of many people, nearly each with values of its own.
fn crowd() -> Snapshot {
    let dictionaries = Dictionaries::new(&[
        ("w", ColumnKind::Words),
        ("v", ColumnKind::Words),
        ("n", ColumnKind::Numbers),
        ("lat", ColumnKind::Numbers),
        ("lon", ColumnKind::Numbers),
    ]);
    let names: Vec<String> = (0..PERSONS).map(|person| format!("p{person}")).collect();
    let persons = dictionaries.persons.intern_all(names.iter().map(String::as_str));
    let codes: Vec<u16> =
        ["view", "save", "open", "buy"].map(|name| dictionaries.activities.intern(name) as u16).to_vec();
    let words: Vec<String> = (0..ROWS / 4).map(|word| format!("{word:x}")).collect();
    let words =
        [0, 1].map(|column| dictionaries.columns[column].dictionary.intern_all(words.iter().map(String::as_str)));
    let mut rows = Rows::new(&dictionaries);
    let mut dice = 0x2545_f491_4f6c_dd1du64;
    let mut below = |most: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice >> 11) as usize % most
    };
    for row in 0..ROWS {
        rows.persons.push(persons[row % PERSONS]);
        rows.times.push(FROM + below(400 * 3_600_000) as i64);
        rows.activities.push(codes[below(codes.len())]);
        let position = [below(1_000_000) as f64 / 1e6 * 170.0 - 85.0, below(1_000_000) as f64 / 1e6 * 340.0 - 170.0];
        let numbers = [below(1 << 40) as f64, position[0], position[1]];
        let (mut word, mut number) = (words.iter(), numbers.iter());
        for values in &mut rows.columns {
            match values {
                Values::Words(all) => all.push(word.next().map_or(0, |codes| codes[below(codes.len())] + 1)),
                Values::Numbers(all) => all.push(number.next().copied().unwrap_or(f64::NAN)),
            }
        }
    }
    let run = Arc::new(rows.into_run(&dictionaries).unwrap());
    Snapshot::new(dictionaries, vec![run], &Default::default(), Vec::new()).unwrap()
}

fn heavy() -> Vec<(&'static str, Question)> {
    let scope = || Scope::utc(FROM, FROM + 400 * HOUR);
    let by = |properties: &[&str]| {
        Some(Breakdown { properties: properties.iter().map(|name| By::Name((*name).to_owned())).collect(), top: 7 })
    };
    let trend = |measures: Vec<Measure>, breakdown| {
        Question::Trend(Trend {
            scope: scope(),
            series: vec![Series { select: Selector::any(), measures }],
            bucket: Bucket::Week,
            breakdown,
            cohorts: Vec::new(),
            formulas: Vec::new(),
            running: Running::Each,
            previous: false,
        })
    };
    let steps = ["view", "save"].map(Selector::named).to_vec();
    let funnel = Funnel {
        scope: scope(),
        steps,
        order: FunnelOrder::Ordered,
        window_ms: 400 * HOUR,
        exclusions: Vec::new(),
        breakdown: Some(FunnelBreakdown {
            property: By::Name("w".to_owned()),
            step: 1,
            attribution: Attribution::FirstTouch,
            top: Some(5),
        }),
        cohorts: Vec::new(),
        trend: None,
        times: Some(FunnelTimes::default()),
    };
    vec![
        ("a breakdown of pairs", trend(vec![Measure::Count, Measure::People], by(&["w", "v"]))),
        ("percentiles", trend(vec![Measure::Percentile("n".to_owned(), 0.5)], None)),
        (
            "a number of each person",
            trend(vec![Measure::PerPerson { value: PersonValue::Rows, statistic: PersonStatistic::Average }], None),
        ),
        (
            "a distribution",
            Question::Distribution(Distribution {
                scope: scope(),
                select: Selector::any(),
                of: DistributionOf::Property("n".to_owned()),
                edges: vec![1e9, 1e11],
                ranks: vec![0.1, 0.5, 0.99],
            }),
        ),
        (
            "times between",
            Question::TimeBetween(TimeBetween {
                scope: scope(),
                from: Selector::named("view"),
                to: Selector::named("buy"),
                window_ms: 400 * HOUR,
                ranks: vec![0.0, 0.5],
            }),
        ),
        (
            "places",
            Question::Places(Places {
                scope: scope(),
                select: Selector::any(),
                latitude: "lat".to_owned(),
                longitude: "lon".to_owned(),
                resolution: 9,
                gap_ms: HOUR,
                top: 20,
                catchment: None,
            }),
        ),
        (
            "sessions by value",
            Question::Sessions(Sessions {
                scope: scope(),
                bucket: Bucket::Week,
                gap_ms: 30 * 60_000,
                select: Selector::any(),
                breakdown: by(&["w"]),
                measure: SessionMeasure::Sessions,
            }),
        ),
        (
            "retention by value",
            Question::Retention(Retention {
                scope: scope(),
                kind: RetentionKind::FirstTime,
                start: Selector::any(),
                returning: Selector::any(),
                bucket: Bucket::Week,
                unbounded: false,
                breakdown: by(&["w"]),
                cohorts: Vec::new(),
            }),
        ),
        ("a funnel by value", Question::Funnel(funnel)),
    ]
}

#[test]
fn memory_stays_within_its_bound_where_it_would_not() {
    let folder = tempfile::tempdir().unwrap();
    let spill = Arc::new(SpillFolder::open(&folder.path().join("spills"), u64::MAX).unwrap());
    // What threads take together depends on which is where.
    let (snapshot, engine) = (crowd(), Engine { threads: 1 });
    for (name, question) in heavy() {
        let free = Control::default();
        let want = engine.ask_under(&snapshot, &question, &free).unwrap();
        let (written, small) = (spill.bytes_ever(), Control::default().with_spill(spill.clone(), 1 << 19));
        let got = engine.ask_under(&snapshot, &question, &small).unwrap();
        assert_eq!(format!("{:?}", got.answer), format!("{:?}", want.answer), "{name}");
        let written = spill.bytes_ever() - written;
        assert!(written > 0, "{name}: nothing was written");
        // Of what it takes free, this is what it does not gather.
        let (most, least) = (free.bytes_most(), small.bytes_most());
        assert!(least < most, "{name}: {least} of {most} bytes, {written} written");
        // Between the two it is refused without a folder, and answered with one.
        let bound = ((least + most) / 2) as usize;
        let refused = engine.ask_under(&snapshot, &question, &Control::new(bound, None));
        assert!(matches!(refused, Err(InsightError::Memory { .. })), "{name}: {refused:?}");
        let bounded = Control::new(bound, None).with_spill(spill.clone(), 1 << 19);
        let got = engine.ask_under(&snapshot, &question, &bounded).unwrap();
        assert_eq!(format!("{:?}", got.answer), format!("{:?}", want.answer), "{name}");
        assert!(bounded.bytes_most() <= bound as u64, "{name}");
        assert_eq!(spill.bytes(), 0, "{name}");
    }
}

#[test]
fn disk_is_bounded_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let spills = folder.path().join("spills");
    // What a process that was killed has left.
    std::fs::create_dir_all(&spills).unwrap();
    std::fs::write(spills.join("7.spill"), "left").unwrap();
    let spill = Arc::new(SpillFolder::open(&spills, 100_000).unwrap());
    assert!(is_empty(&spills));
    let snapshot = crowd();
    for (name, question) in heavy() {
        let control = Control::default().with_spill(spill.clone(), 1 << 16);
        let refused = Engine { threads: 2 }.ask_under(&snapshot, &question, &control);
        assert!(matches!(refused, Err(InsightError::Spill { limit: 100_000 })), "{name}: {refused:?}");
        assert!(spill.bytes() == 0 && is_empty(&spills), "{name}");
    }
    // Who needs none of it is not told of it.
    let question = Question::Ranking(Ranking {
        scope: Scope::utc(FROM, FROM + HOUR),
        select: Selector::any(),
        by: RankBy::Activity,
        top: 3,
    });
    let control = Control::default().with_spill(spill, 0);
    let got = Engine { threads: 2 }.ask_under(&snapshot, &question, &control).unwrap();
    assert_eq!(got.answer, ask(&snapshot, &question, 1));
}
