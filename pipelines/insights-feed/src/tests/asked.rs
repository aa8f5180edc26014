//! Questions of all kinds about the rows of [`super::given`].

use footfall_pipelines_insights::definition::{
    ActivePeople, Anchor, AnchorRow, Attribution, Breakdown, Bucket, By, ByGroup, ByOf, ByProperty, BySession, Cohort,
    CohortPeople, Comparison, Condition, Funnel, FunnelBreakdown, FunnelOrder, FunnelTimes, GroupComparison, Lifecycle,
    Measure, Paths, Question, RankBy, Ranking, Retention, RetentionKind, Running, Scope, Selector, Series,
    SessionMeasure, SessionProperty, Sessions, Stickiness, Test, Trend,
};
use proptest::prelude::*;

use super::given::{FROM, HOUR, person};

fn scope() -> Scope {
    Scope { zone: "Europe/Berlin".to_owned(), ..Scope::utc(FROM + 5 * HOUR, FROM + 90 * HOUR) }
}

fn is(property: &str, text: &str) -> Comparison {
    Comparison { property: property.to_owned(), test: Test::Is(vec![text.to_owned()]) }
}

fn trend(property: &str) -> Question {
    let measures = vec![Measure::Count, Measure::People, Measure::Sessions, Measure::Sum("n".to_owned())];
    let select = Selector::any().only(Condition::Not(Box::new(Condition::Property(is("plan", "pro")))));
    let breakdown = Some(Breakdown { properties: vec![property.into()], top: 2 });
    let series =
        vec![Series { select, measures }, Series { select: Selector::named("view"), measures: vec![Measure::People] }];
    let (formulas, running, previous) = (Vec::new(), Running::Sum, true);
    Question::Trend(Trend {
        scope: scope(),
        series,
        bucket: Bucket::Day,
        breakdown,
        cohorts: Vec::new(),
        formulas,
        running,
        previous,
    })
}

fn funnel() -> Question {
    Question::Funnel(Funnel {
        scope: scope(),
        steps: ["view", "save", "buy"].map(Selector::named).to_vec(),
        order: FunnelOrder::Ordered,
        window_ms: 30 * HOUR,
        exclusions: Vec::new(),
        breakdown: Some(FunnelBreakdown {
            property: "activity.os".into(),
            step: 1,
            attribution: Attribution::FirstTouch,
            top: None,
        }),
        cohorts: Vec::new(),
        trend: None,
        times: Some(FunnelTimes::default()),
    })
}

fn cohort() -> Cohort {
    let did = |name: &str, at_least, at_most| Cohort::Did {
        select: Selector::named(name),
        from_ms: FROM,
        until_ms: FROM + 200 * HOUR,
        at_least,
        at_most,
    };
    let listed = Cohort::Listed(vec![person(0).to_string(), person(3).to_string()]);
    Cohort::Any(vec![Cohort::All(vec![did("view", 2, None), did("buy", 0, Some(1))]), listed])
}

/// Rows of companies on a plan, and rows that an expression takes.
fn of_groups() -> Selector {
    let group = |property: Option<&str>, one: &str| {
        let (group, property) = ("company".to_owned(), property.map(str::to_owned));
        Condition::Group(GroupComparison { group, property, test: Test::Is(vec![one.to_owned()]) })
    };
    let sql = Condition::Sql("properties->>'n' > '2'".to_owned());
    Selector::any()
        .only(Condition::Any(vec![group(Some("plan"), "pro"), Condition::All(vec![sql, group(None, "päid")])]))
}

fn by_group() -> By {
    let (group, property) = ("company".to_owned(), Some("plan".to_owned()));
    By::Of(ByOf::Group(ByGroup { group, property, bounds: Vec::new() }))
}

/// By what is worked out: properties of persons and of sessions, and bins of a number.
fn broken_down() -> Question {
    let Question::Trend(mut trend) = trend("plan") else { unreachable!("it is one") };
    let person = ByOf::Person(ByProperty { property: "plan".to_owned(), bounds: Vec::new() });
    let session = ByOf::Session(BySession { property: SessionProperty::Entry, bounds: Vec::new() });
    let number = ByOf::Property(ByProperty { property: "n".to_owned(), bounds: vec![1.0, 3.0] });
    trend.breakdown = Some(Breakdown { properties: [person, session, number].map(By::Of).to_vec(), top: 4 });
    Question::Trend(trend)
}

/// One of each kind.
pub fn all() -> Vec<Question> {
    let whole = || Scope::utc(FROM, FROM + 200 * HOUR);
    let by_trait = CohortPeople { cohort: Cohort::Person(is("plan", "pro")), list: 10 };
    let active = ActivePeople { scope: scope(), select: Selector::any() };
    let retention = Retention {
        scope: whole(),
        bucket: Bucket::Day,
        kind: RetentionKind::FirstTime,
        start: Selector::named("view"),
        returning: Selector::any(),
        unbounded: false,
        breakdown: None,
        cohorts: Vec::new(),
    };
    let anchor = Anchor::After("view".into());
    vec![
        trend("plan"),
        trend("activity.os"),
        funnel(),
        Question::Retention(retention),
        Question::Cohort(by_trait),
        Question::Cohort(CohortPeople { cohort: cohort(), list: 10 }),
        Question::ActivePeople(active),
        Question::Lifecycle(Lifecycle {
            scope: Scope { people: Some(cohort()), ..whole() },
            bucket: Bucket::Day,
            select: Selector::any(),
        }),
        Question::Stickiness(Stickiness { scope: scope(), bucket: Bucket::Day, select: Selector::named("save") }),
        Question::Sessions(Sessions {
            scope: whole(),
            bucket: Bucket::Day,
            gap_ms: HOUR / 2,
            select: Selector::any(),
            breakdown: None,
            measure: SessionMeasure::default(),
        }),
        Question::Sessions(Sessions {
            scope: whole(),
            bucket: Bucket::Day,
            gap_ms: HOUR,
            select: Selector::named("save"),
            breakdown: Some(Breakdown { properties: vec![by_group()], top: 2 }),
            measure: SessionMeasure::AverageDuration,
        }),
        Question::Paths(Paths {
            scope: whole(),
            anchor: Anchor::Before(AnchorRow::Rows(Selector::any().only(Condition::Property(is("plan", "pro"))))),
            length: 2,
            gap_ms: 9 * HOUR,
            top: 10,
            select: Selector::any(),
            without: Some(Selector::named("open")),
            shorter: true,
            names: Vec::new(),
            edge_least: 0,
        }),
        broken_down(),
        Question::Paths(Paths {
            scope: whole(),
            anchor,
            length: 2,
            gap_ms: 5 * HOUR,
            top: 10,
            select: Selector::any(),
            without: None,
            shorter: false,
            names: Vec::new(),
            edge_least: 0,
        }),
        Question::Ranking(Ranking {
            scope: whole(),
            select: Selector::any().only(Condition::Person(is("plan", "free"))),
            by: RankBy::ActivityAndPerson,
            top: 8,
        }),
        Question::Stickiness(Stickiness { scope: whole(), bucket: Bucket::Day, select: of_groups() }),
        trend("group.company"),
    ]
}

pub fn question() -> impl Strategy<Value = Question> {
    prop::sample::select(all())
}
