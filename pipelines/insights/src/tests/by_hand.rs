//! Numbers worked out by hand, of what random questions do not reach: engine and reference both have to say them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::ask;
use crate::definition::*;
use crate::projection::{ColumnKind, Dictionaries, Dictionary, Rows, Snapshot, Trait, Values};
use crate::reference::{Row, World};
use crate::{Engine, InsightError, clickhouse_unsaid};

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// A row of an activity.
fn row(person: &str, time: &str, activity: &str) -> Row {
    let (texts, numbers) = (BTreeMap::new(), BTreeMap::new());
    Row { person: person.to_owned(), time_ms: at(time), activity: activity.to_owned(), texts, numbers }
}

/// These rows with the number that each has, and the plans of persons.
fn given(rows: Vec<Row>, plans: &[(&str, &str)]) -> (Snapshot, World) {
    let dictionaries = Dictionaries::new(&[("n", ColumnKind::Numbers)]);
    let mut own = Rows::new(&dictionaries);
    for row in &rows {
        own.persons.push(dictionaries.persons.intern(&row.person));
        own.times.push(row.time_ms);
        own.activities.push(dictionaries.activities.intern(&row.activity) as u16);
        for values in &mut own.columns {
            if let Values::Numbers(numbers) = values {
                numbers.push(row.numbers.get("n").copied().unwrap_or(f64::NAN));
            }
        }
    }
    let dictionary = Arc::new(Dictionary::default());
    let mut codes = vec![0; dictionaries.persons.names().len()];
    let mut world = World { rows, ..World::default() };
    for &(person, plan) in plans {
        codes[dictionaries.persons.find(person).unwrap() as usize] = dictionary.intern(plan) + 1;
        world.traits.insert(person.to_owned(), BTreeMap::from([("plan".to_owned(), plan.to_owned())]));
    }
    let plan = Arc::new(Trait { name: "plan".to_owned(), dictionary, codes });
    let run = Arc::new(own.into_run(&dictionaries).unwrap());
    (Snapshot::new(dictionaries, vec![run], &HashMap::new(), vec![plan]).unwrap(), world)
}

/// What both say.
fn both((snapshot, world): &(Snapshot, World), question: &Question) -> Answer {
    let answer = ask(snapshot, question, 2);
    assert_eq!(answer, world.answer(question));
    answer
}

fn counts(scope: Scope, bucket: Bucket, breakdown: Option<Breakdown>, previous: bool) -> Trend {
    let series = vec![Series { select: Selector::any(), measures: vec![Measure::Count] }];
    let (cohorts, formulas) = (Vec::new(), Vec::new());
    Trend { scope, series, bucket, breakdown, cohorts, formulas, running: Running::Each, previous }
}

fn trend_of(given: &(Snapshot, World), trend: Trend) -> TrendAnswer {
    match both(given, &Question::Trend(trend)) {
        Answer::Trend(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_week_before_has_seven_days_where_clocks_change() {
    let before = |from: &str, until: &str, times: &[&str]| {
        let rows = times.iter().map(|time| row("p", time, "view")).collect();
        let scope = Scope { zone: "Europe/Berlin".to_owned(), ..Scope::utc(at(from), at(until)) };
        let answer = trend_of(&given(rows, &[]), counts(scope, Bucket::Day, None, true));
        let previous = answer.previous.unwrap();
        (previous.buckets[0], previous.lines[0].measures[0].clone())
    };
    let first_and_last = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0].map(Some).to_vec();
    // Sunday is the day of 23 hours. Rows of the Sunday before, of 0:30 on Monday, of 23:30 on Sunday, and of the week itself.
    let times = ["2026-03-22T22:30:00Z", "2026-03-22T23:30:00Z", "2026-03-29T21:30:00Z", "2026-03-29T22:30:00Z"];
    let spring = before("2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z", &times);
    assert_eq!(spring, (at("2026-03-22T23:00:00Z"), first_and_last.clone()));
    // It is the one of 25 hours; the same rows.
    let times = ["2026-10-18T21:30:00Z", "2026-10-18T22:30:00Z", "2026-10-25T22:30:00Z", "2026-10-25T23:30:00Z"];
    let autumn = before("2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z", &times);
    assert_eq!(autumn, (at("2026-10-18T22:00:00Z"), first_and_last));
}

#[test]
fn what_is_not_finite_is_no_number() {
    let day = "2026-05-04T10:00:00Z";
    let rows = ["a", "b", "c", "d"].map(|person| row(person, day, "view"));
    let given = given(rows.to_vec(), &[("a", "inf"), ("b", "12"), ("c", "NaN")]);
    let above = Comparison { property: "plan".to_owned(), test: Test::Above(10.0) };
    let asked = Question::Cohort(CohortPeople { cohort: Cohort::Person(above), list: 9 });
    assert_eq!(both(&given, &asked), Answer::Cohort(CohortAnswer { people: 1, listed: vec!["b".to_owned()] }));
    let by = ByProperty { property: "plan".to_owned(), bounds: vec![10.0] };
    let breakdown = Breakdown { properties: vec![By::Of(ByOf::Person(by))], top: 5 };
    let scope = Scope::utc(at(day), at(day) + 1);
    let answer = trend_of(&given, counts(scope, Bucket::Whole, Some(breakdown), false));
    let lines: Vec<(Label, Option<f64>)> =
        answer.lines.into_iter().map(|line| (line.label, line.measures[0][0])).collect();
    let value = |text: Option<&str>| Label::Values(vec![text.map(str::to_owned)]);
    assert_eq!(lines, [(value(None), Some(3.0)), (value(Some(">= 10")), Some(1.0))]);
}

#[test]
fn ten_dimes_are_a_dollar() {
    // Added up one after the other they are 0.9999999999999999.
    let priced = |place: usize| {
        let numbers = BTreeMap::from([("n".to_owned(), 0.1)]);
        Row { numbers, ..row(&format!("p{place}"), "2026-05-04T10:00:00Z", ["buy", "rent"][place % 2]) }
    };
    let given = given((0..10).map(priced).collect(), &[]);
    let scope = Scope::utc(at("2026-05-04T00:00:00Z"), at("2026-05-05T00:00:00Z"));
    let n = || "n".to_owned();
    let mean = Measure::PerPerson { value: PersonValue::Sum(n()), statistic: PersonStatistic::Average };
    let measures = vec![Measure::Sum(n()), Measure::Average(n()), mean];
    let series = vec![Series { select: Selector::any(), measures }];
    let trend = Trend { series, ..counts(scope.clone(), Bucket::Day, None, false) };
    let found: Vec<Option<f64>> = trend_of(&given, trend).lines[0].measures.iter().map(|values| values[0]).collect();
    assert_eq!(found, [Some(1.0), Some(0.1), Some(0.1)]);
    let spread = Distribution {
        scope: scope.clone(),
        select: Selector::any(),
        of: DistributionOf::Property(n()),
        edges: Vec::new(),
        ranks: Vec::new(),
    };
    let Answer::Distribution(spread) = both(&given, &Question::Distribution(spread)) else { panic!("no distribution") };
    assert_eq!(spread.sum, 1.0);
    let named = |name: &str, cohort: Cohort| NamedCohort { name: name.to_owned(), cohort };
    let nobody = Cohort::Listed(Vec::new());
    let segments = vec![named("nobody", nobody.clone()), named("all", Cohort::Not(Box::new(nobody)))];
    let of = CompareOf::SumPerPerson { select: Selector::any(), property: n() };
    let Answer::Compare(compared) = both(&given, &Question::Compare(Compare { scope, segments, of })) else {
        panic!("no comparison")
    };
    assert_eq!(compared.segments[1].sum, 1.0);
}

#[test]
fn what_runs_on_is_rounded_once() {
    let priced = |day: usize| {
        let numbers = BTreeMap::from([("n".to_owned(), 0.1)]);
        Row { numbers, ..row("p", &format!("2026-05-{day:02}T10:00:00Z"), "buy") }
    };
    let given = given((1..=10).map(priced).collect(), &[]);
    let scope = Scope::utc(at("2026-05-01T00:00:00Z"), at("2026-05-11T00:00:00Z"));
    let last = |running: Running| {
        let series = vec![Series { select: Selector::any(), measures: vec![Measure::Sum("n".to_owned())] }];
        let trend = Trend { series, running, ..counts(scope.clone(), Bucket::Day, None, false) };
        trend_of(&given, trend).lines[0].measures[0].last().copied().flatten()
    };
    assert_eq!([last(Running::Sum), last(Running::Average(10))], [Some(1.0), Some(0.1)]);
}

#[test]
fn at_most_as_often_as_can_be_said_is_everybody() {
    let given = given(vec![row("a", "2026-05-04T10:00:00Z", "view"), row("b", "2026-05-05T10:00:00Z", "buy")], &[]);
    let select = Selector::named("view");
    let (from_ms, until_ms) = (0, at("2026-06-01T00:00:00Z"));
    let did = Cohort::Did { select, from_ms, until_ms, at_least: 0, at_most: Some(u64::MAX) };
    let asked = Question::Cohort(CohortPeople { cohort: Cohort::All(vec![did]), list: 0 });
    assert_eq!(both(&given, &asked), Answer::Cohort(CohortAnswer { people: 2, listed: Vec::new() }));
}

#[test]
fn cells_far_beyond_an_answer_are_of_nobody() {
    let rows = [("view", "10:00"), ("buy", "10:01"), ("end", "10:02")];
    let rows = rows.map(|(activity, time)| row("a", &format!("2026-05-04T{time}:00Z"), activity));
    let (snapshot, _) = given(rows.to_vec(), &[]);
    let scope = Scope::utc(at("2026-05-04T00:00:00Z"), at("2026-05-08T00:00:00Z"));
    let paths = Paths {
        scope: scope.clone(),
        anchor: Anchor::After("view".into()),
        length: 2,
        gap_ms: 1_800_000,
        top: 5,
        select: Selector::any(),
        without: None,
        shorter: false,
        names: Vec::new(),
        edge_least: 0,
    };
    let people = |place: usize| {
        let cell = PathsCell::Edge { place, from: "buy".to_owned(), to: "end".to_owned() };
        let asked = PathsPeople { question: paths.clone(), cell, limit: 5, after: None };
        match ask(&snapshot, &Question::People(PeopleOf::Paths(asked)), 1) {
            Answer::People(answer) => answer.people,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([people(0), people(1), people(usize::MAX)], [1, 0, 0]);
    let retention = Retention {
        scope,
        bucket: Bucket::Day,
        kind: RetentionKind::Recurring,
        start: Selector::any(),
        returning: Selector::any(),
        unbounded: false,
        breakdown: None,
        cohorts: Vec::new(),
    };
    let cell =
        RetentionCell { start_ms: rows[0].time_ms, after: Some(usize::MAX), returned: true, label: Label::Everything };
    let asked = RetentionPeople { question: retention, cell, limit: 5, after: None };
    let asked = Question::People(PeopleOf::Retention(asked));
    let answer = Engine { threads: 1 }.ask(&snapshot, &asked, &AtomicBool::new(false));
    assert!(matches!(answer, Err(InsightError::Question { field: "after", .. })));
}

fn correlation(scope: Scope, steps: &[&str], window_ms: i64) -> Correlation {
    let funnel = Funnel {
        scope,
        steps: steps.iter().map(|name| Selector::named(name)).collect(),
        order: FunnelOrder::Ordered,
        window_ms,
        exclusions: Vec::new(),
        breakdown: None,
        cohorts: Vec::new(),
        trend: None,
        times: None,
    };
    let (properties, person_properties) = (Vec::new(), Vec::new());
    Correlation { funnel, properties, person_properties, activities: true, people_least: 1, top: 5 }
}

#[test]
fn a_window_without_end_ends_with_the_span() {
    let rows =
        [("a", "view", 0), ("a", "open", 1), ("a", "buy", 2), ("b", "view", 0), ("b", "open", 5), ("c", "view", 0)];
    let rows = rows.map(|(who, activity, minute)| row(who, &format!("2026-05-04T10:0{minute}:00Z"), activity));
    let scope = Scope::utc(at("2026-05-04T00:00:00Z"), at("2026-05-05T00:00:00Z"));
    let asked = Question::Correlation(correlation(scope, &["view", "buy"], i64::MAX));
    let Answer::Correlation(answer) = both(&given(rows.to_vec(), &[]), &asked) else { panic!("no correlation") };
    assert_eq!((answer.entered, answer.converted, answer.factors.len()), (3, 1, 1));
    let open = &answer.factors[0];
    let counts = [open.converted_with, open.dropped_with, open.converted_without, open.dropped_without];
    assert_eq!((&open.of, counts), (&FactorOf::Activity("open".to_owned()), [1, 1, 0, 1]));
}

#[test]
fn what_is_named_twice_and_what_no_answer_tells_is_refused() {
    let numbers = BTreeMap::from([("n".to_owned(), 4.5)]);
    let given = given(vec![Row { numbers, ..row("a", "2026-05-04T10:00:00Z", "view") }], &[("a", "pro")]);
    let refused = |question: Question| match (Engine { threads: 1 }).ask(&given.0, &question, &AtomicBool::new(false)) {
        Err(InsightError::Question { field, .. }) => Some(field),
        _ => None,
    };
    let scope = Scope::utc(at("2026-05-04T00:00:00Z"), at("2026-05-06T00:00:00Z"));
    let plain = correlation(scope.clone(), &["view"], 0);
    let names = |name: &str, times: usize| vec![name.to_owned(); times];
    let by_plan = |times| Correlation { person_properties: names("plan", times), ..plain.clone() };
    assert_eq!(refused(Question::Correlation(by_plan(1))), None);
    assert_eq!(refused(Question::Correlation(by_plan(2))), Some("person_properties"));
    let twice = Correlation { properties: names("w", 2), ..plain.clone() };
    assert_eq!(refused(Question::Correlation(twice)), Some("properties"));
    let within = |rings: u32| {
        let question = Places {
            scope: scope.clone(),
            select: Selector::any(),
            latitude: "n".to_owned(),
            longitude: "n".to_owned(),
            resolution: 7,
            gap_ms: 0,
            top: 5,
            catchment: Some(Catchment { latitude: 4.5, longitude: 4.5, rings: 1 }),
        };
        let cell = PlacesCell::Within { rings };
        Question::People(PeopleOf::Places(PlacesPeople { question, cell, limit: 5, after: None }))
    };
    assert_eq!((refused(within(1)), clickhouse_unsaid(&within(1))), (None, None));
    assert_eq!(refused(within(2)), Some("rings"));
    assert!(clickhouse_unsaid(&within(2)).is_some());
    let active = |day: &str| {
        let question = ActivePeople { scope: scope.clone(), select: Selector::any() };
        let cell = ActivePeopleCell { day_ms: at(day), period: ActivePeriod::Month };
        PeopleOf::ActivePeople(ActivePeoplePeople { question, cell, limit: 5, after: None })
    };
    let behind = |day: &str| Question::Activities(ActivitiesOf { of: active(day), limit: 5, after: None });
    let (first, before) = ("2026-05-04T00:00:00Z", "2026-05-03T23:00:00Z");
    assert_eq!((refused(Question::People(active(first))), refused(behind(first))), (None, None));
    let day = Some("day_ms");
    assert_eq!((refused(Question::People(active(before))), refused(behind(before))), (day, day));
    assert!(clickhouse_unsaid(&Question::People(active(before))).is_some());
}
