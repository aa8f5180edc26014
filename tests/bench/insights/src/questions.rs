//! The benchmark's questions q1 to q12, in the engine's words. README.md has their meaning.

use footfall_pipelines_insights::definition::{
    Anchor, Attribution, Breakdown, Bucket, Cohort, CohortPeople, Comparison, Condition, Funnel, FunnelBreakdown,
    FunnelOrder, Lifecycle, Measure, Paths, Question, RankBy, Ranking, Retention, RetentionKind, Running, Scope,
    Selector, Series, SessionMeasure, Sessions, Stickiness, Test, Trend,
};

/// 2025-09-01, a Monday.
pub const START: i64 = 1_756_684_800_000;
pub const DAY: i64 = 86_400_000;
const END: i64 = START + 90 * DAY;
const LAST_30: i64 = END - 30 * DAY;
const HALF_AN_HOUR: i64 = 30 * 60_000;

/// Name and questions; q12 is two.
pub fn all() -> Vec<(&'static str, Vec<Question>)> {
    let whole = || Scope::utc(START, END);
    let first = ["signup", "view_place", "save_place", "rsvp"];
    let second = ["view_place", "save_place", "rsvp", "checkin"];
    let by_country =
        || FunnelBreakdown { property: "country".into(), step: 1, attribution: Attribution::FirstTouch, top: None };
    let weeks = retention(Scope::utc(START, START + 84 * DAY), Bucket::Week, false);
    let october = Scope::utc(START + 30 * DAY, START + 61 * DAY);
    let stickiness = Stickiness { scope: october, bucket: Bucket::Day, select: Selector::named("view_place") };
    let paths = Paths {
        scope: whole(),
        anchor: Anchor::After("search".into()),
        length: 3,
        gap_ms: HALF_AN_HOUR,
        top: 20,
        select: Selector::any(),
        without: None,
        shorter: false,
        names: Vec::new(),
        edge_least: 0,
    };
    let sessions = Sessions {
        scope: whole(),
        bucket: Bucket::Day,
        gap_ms: HALF_AN_HOUR,
        select: Selector::any(),
        breakdown: None,
        measure: SessionMeasure::default(),
    };
    let german = Comparison { property: "country".to_owned(), test: Test::Is(vec!["DE".to_owned()]) };
    let pairs = Ranking {
        scope: whole(),
        select: Selector::any().only(Condition::Property(german)),
        by: RankBy::ActivityAndPerson,
        top: 100,
    };
    let activities = Ranking {
        scope: Scope { people: Some(keen()), ..Scope::utc(LAST_30, END) },
        select: Selector::any(),
        by: RankBy::Activity,
        top: 10,
    };
    vec![
        ("q1", vec![trend(None)]),
        ("q2", vec![trend(Some(Breakdown { properties: vec!["country".into()], top: 10 }))]),
        ("q3", vec![funnel(&first, None)]),
        ("q3b", vec![funnel(&second, None)]),
        ("q4", vec![funnel(&first, Some(by_country()))]),
        ("q5", vec![weeks]),
        ("q6", vec![retention(whole(), Bucket::Day, true)]),
        ("q7", vec![Question::Sessions(sessions)]),
        ("q8", vec![Question::Paths(paths)]),
        ("q9", vec![Question::Lifecycle(Lifecycle { scope: whole(), bucket: Bucket::Week, select: Selector::any() })]),
        ("q10", vec![Question::Stickiness(stickiness)]),
        ("q11", vec![Question::Ranking(pairs)]),
        ("q12", vec![Question::Cohort(CohortPeople { cohort: keen(), list: 0 }), Question::Ranking(activities)]),
    ]
}

fn trend(breakdown: Option<Breakdown>) -> Question {
    let series = Series { select: Selector::named("view_place"), measures: vec![Measure::Count, Measure::People] };
    Question::Trend(Trend {
        scope: Scope::utc(START, END),
        series: vec![series],
        bucket: Bucket::Day,
        breakdown,
        cohorts: Vec::new(),
        formulas: Vec::new(),
        running: Running::Each,
        previous: false,
    })
}

fn funnel(steps: &[&str], breakdown: Option<FunnelBreakdown>) -> Question {
    Question::Funnel(Funnel {
        scope: Scope::utc(START, END),
        steps: steps.iter().map(|step| Selector::named(step)).collect(),
        order: FunnelOrder::Ordered,
        window_ms: 7 * DAY,
        exclusions: Vec::new(),
        breakdown,
        cohorts: Vec::new(),
        trend: None,
        times: None,
    })
}

fn retention(scope: Scope, bucket: Bucket, unbounded: bool) -> Question {
    let (kind, start, returning) = (RetentionKind::FirstTime, Selector::named("signup"), Selector::any());
    let (breakdown, cohorts) = (None, Vec::new());
    Question::Retention(Retention { scope, bucket, kind, start, returning, unbounded, breakdown, cohorts })
}

/// At least 3 save_place and no purchase in the last 30 days.
fn keen() -> Cohort {
    let did = |name: &str, at_least, at_most| {
        let select = Selector::named(name);
        Cohort::Did { select, from_ms: LAST_30, until_ms: END, at_least, at_most }
    };
    Cohort::All(vec![did("save_place", 3, None), did("purchase", 0, Some(0))])
}
