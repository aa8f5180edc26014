//! Random questions.

use proptest::prelude::*;

use super::given::{ACTIVITIES, FROM, HOUR, PERSONS};
use crate::definition::*;

fn test() -> impl Strategy<Value = Test> {
    let words = || prop::collection::vec(prop::sample::select(vec!["DE", "FR", "", "12", "x", "free", "2.25"]), 0..3);
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    let number = || (-4i32..32).prop_map(|quarters| f64::from(quarters) / 2.0);
    prop_oneof![
        Just(Test::Set),
        Just(Test::NotSet),
        words().prop_map(move |words| Test::Is(owned(words))),
        words().prop_map(move |words| Test::IsNot(owned(words))),
        prop::sample::select(vec!["E", "", "1"]).prop_map(|part| Test::Contains(part.to_owned())),
        prop::sample::select(vec!["F", "1"]).prop_map(|part| Test::NotContains(part.to_owned())),
        Just(Test::StartsWith("D".to_owned())),
        Just(Test::EndsWith("R".to_owned())),
        number().prop_map(Test::Above),
        number().prop_map(Test::AtLeast),
        number().prop_map(Test::Below),
        number().prop_map(Test::AtMost),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let property = (prop::sample::select(vec!["w", "v", "n"]), test())
        .prop_map(|(property, test)| Condition::Property(Comparison { property: property.to_owned(), test }));
    let person = test().prop_map(|test| Condition::Person(Comparison { property: "plan".to_owned(), test }));
    prop_oneof![3 => property, 1 => person].prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|one| Condition::Not(Box::new(one))),
        ]
    })
}

fn select() -> impl Strategy<Value = Selector> {
    let names = prop_oneof![
        4 => prop::sample::select(ACTIVITIES).prop_map(|name| vec![name.to_owned()]),
        2 => prop::collection::vec(prop::sample::select(ACTIVITIES).prop_map(str::to_owned), 0..4),
        1 => Just(vec!["never".to_owned()]),
    ];
    (names, prop::option::weighted(0.3, condition()))
        .prop_map(|(activities, condition)| Selector { activities, condition })
}

fn span() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        2 => Just((FROM - 48 * HOUR, FROM + 1000 * HOUR)),
        2 => (0i64..200, 1i64..200).prop_map(|(from, length)| (FROM + from * HOUR / 2, FROM + (from + length) * HOUR / 2)),
        1 => (0i64..60_000_000, 1i64..90_000_000).prop_map(|(from, length)| (FROM + from, FROM + from + length)),
    ]
}

fn cohort() -> impl Strategy<Value = Cohort> {
    let did = (select(), span(), 0u64..4, prop::option::of(0u64..4)).prop_map(
        |(select, (from_ms, until_ms), at_least, at_most)| Cohort::Did { select, from_ms, until_ms, at_least, at_most },
    );
    let sequence = (prop::collection::vec(select(), 1..4), 0..40 * HOUR, span())
        .prop_map(|(steps, window_ms, (from_ms, until_ms))| Cohort::Sequence { steps, window_ms, from_ms, until_ms });
    let listed = prop::collection::vec(0..PERSONS / 2, 0..4)
        .prop_map(|persons| Cohort::Listed(persons.into_iter().map(|person| format!("p{person}")).collect()));
    let person = test().prop_map(|test| Cohort::Person(Comparison { property: "plan".to_owned(), test }));
    prop_oneof![4 => did, 2 => sequence, 1 => listed, 1 => person].prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Cohort::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Cohort::Any),
            inner.prop_map(|one| Cohort::Not(Box::new(one))),
        ]
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    let zones =
        vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"];
    (span(), prop::sample::select(zones), prop::option::weighted(0.3, cohort()))
        .prop_map(|((from_ms, until_ms), zone, people)| Scope { from_ms, until_ms, zone: zone.to_owned(), people })
}

fn bucket() -> impl Strategy<Value = Bucket> {
    prop::sample::select(vec![Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month])
}

fn rank() -> impl Strategy<Value = f64> {
    (0u32..=10).prop_map(|tenths| f64::from(tenths) / 10.0)
}

pub fn trend() -> impl Strategy<Value = Question> {
    let number = || "n".to_owned();
    let measure = prop_oneof![
        Just(Measure::Count),
        Just(Measure::People),
        Just(Measure::Sessions),
        Just(Measure::CountPerPerson),
        Just(Measure::Sum(number())),
        Just(Measure::Average(number())),
        Just(Measure::Minimum(number())),
        Just(Measure::Maximum(number())),
        rank().prop_map(move |rank| Measure::Percentile(number(), rank)),
    ];
    let series =
        (select(), prop::collection::vec(measure, 1..4)).prop_map(|(select, measures)| Series { select, measures });
    let properties = prop::sample::select(vec![vec!["w"], vec!["v"], vec!["v", "w"], vec!["w", "v", "w"]]);
    let breakdown = (properties, 0usize..4).prop_map(|(properties, top)| Breakdown {
        properties: properties.into_iter().map(str::to_owned).collect(),
        top,
    });
    let running =
        prop_oneof![3 => Just(Running::Each), 1 => Just(Running::Sum), 1 => (1usize..4).prop_map(Running::Average)];
    let formulas = prop::collection::vec(prop::sample::select(vec!["A", "A / 2 - 1", "100 * A / (A - 1)"]), 0..3);
    let after = (running, formulas, any::<bool>());
    (scope(), prop::collection::vec(series, 1..3), bucket(), prop::option::of(breakdown), after).prop_map(
        |(scope, series, bucket, breakdown, (running, formulas, previous))| {
            let formulas = if breakdown.is_some() { Vec::new() } else { formulas };
            let formulas = formulas.into_iter().map(str::to_owned).collect();
            Question::Trend(Trend { scope, series, bucket, breakdown, formulas, running, previous })
        },
    )
}

pub fn funnel() -> impl Strategy<Value = Question> {
    let order = prop::sample::select(vec![
        FunnelOrder::Ordered,
        FunnelOrder::Ordered,
        FunnelOrder::Strict,
        FunnelOrder::Unordered,
    ]);
    let window = prop_oneof![Just(0), Just(HOUR / 6), 0..3 * HOUR, 0..200 * HOUR];
    let exclusions = prop::collection::vec((select(), 0usize..4, 0usize..4), 0..3);
    let attribution = prop::sample::select(vec![Attribution::FirstTouch, Attribution::LastTouch]);
    let breakdown = (prop::sample::select(vec!["w", "v"]), 0usize..4, attribution);
    (scope(), prop::collection::vec(select(), 1..5), order, window, exclusions, prop::option::of(breakdown)).prop_map(
        |(scope, steps, order, window_ms, exclusions, breakdown)| {
            let n = steps.len();
            let between = |(select, a, b): (Selector, usize, usize)| {
                let after = 1 + a % (n - 1).max(1);
                Exclusion { select, after, before: after + 1 + b % (n - after).max(1) }
            };
            let exclusions = match order {
                FunnelOrder::Unordered => Vec::new(),
                _ if n < 2 => Vec::new(),
                _ => exclusions.into_iter().map(between).collect(),
            };
            let breakdown = breakdown.map(|(property, step, attribution)| FunnelBreakdown {
                property: property.to_owned(),
                step: 1 + step % n,
                attribution,
            });
            Question::Funnel(Funnel { scope, steps, order, window_ms, exclusions, breakdown })
        },
    )
}

pub fn people() -> impl Strategy<Value = Question> {
    let kind = prop::sample::select(vec![RetentionKind::FirstTime, RetentionKind::Recurring]);
    let retention = (scope(), bucket(), kind, select(), select(), any::<bool>()).prop_map(
        |(scope, bucket, kind, start, returning, unbounded)| {
            let bucket = if bucket == Bucket::Hour { Bucket::Day } else { bucket };
            Question::Retention(Retention { scope, bucket, kind, start, returning, unbounded })
        },
    );
    let listed = (cohort(), 0usize..9).prop_map(|(cohort, list)| Question::Cohort(CohortPeople { cohort, list }));
    let reached = (funnel(), 0usize..4, any::<bool>(), 0usize..9).prop_map(|(question, level, not, list)| {
        let Question::Funnel(funnel) = question else { return question };
        let level = 1 + level % funnel.steps.len();
        let cohort = Cohort::Reached { funnel: Box::new(funnel), level };
        let cohort = if not { Cohort::Not(Box::new(cohort)) } else { cohort };
        Question::Cohort(CohortPeople { cohort, list })
    });
    prop_oneof![2 => retention, 2 => listed, 1 => reached]
}

pub fn question() -> impl Strategy<Value = Question> {
    let anchor = (prop::sample::select(ACTIVITIES), any::<bool>()).prop_map(|(name, after)| match after {
        true => Anchor::After(name.to_owned()),
        false => Anchor::Before(name.to_owned()),
    });
    let gap = || prop_oneof![2 => Just(30 * 60_000i64), 1 => 0..2 * HOUR, 1 => Just(0i64), 1 => Just(12 * HOUR)];
    let paths = (scope(), anchor, 1usize..9, gap(), 0usize..30)
        .prop_map(|(scope, anchor, length, gap_ms, top)| Question::Paths(Paths { scope, anchor, length, gap_ms, top }));
    let lifecycle = (scope(), bucket(), select())
        .prop_map(|(scope, bucket, select)| Question::Lifecycle(Lifecycle { scope, bucket, select }));
    let stickiness = (scope(), bucket(), select())
        .prop_map(|(scope, bucket, select)| Question::Stickiness(Stickiness { scope, bucket, select }));
    let sessions = (scope(), bucket(), gap())
        .prop_map(|(scope, bucket, gap_ms)| Question::Sessions(Sessions { scope, bucket, gap_ms }));
    let of = prop_oneof![Just(DistributionOf::Property("n".to_owned())), Just(DistributionOf::RowsPerPerson)];
    let edges = prop::collection::btree_set(-4i32..30, 0..4)
        .prop_map(|edges| edges.into_iter().map(|edge| f64::from(edge) / 2.0).collect());
    let distribution = (scope(), select(), of, edges, prop::collection::vec(rank(), 0..3)).prop_map(
        |(scope, select, of, edges, ranks)| Question::Distribution(Distribution { scope, select, of, edges, ranks }),
    );
    let active = (scope(), select()).prop_map(|(scope, select)| Question::ActivePeople(ActivePeople { scope, select }));
    let between = (scope(), select(), select(), 0..60 * HOUR, prop::collection::vec(rank(), 0..3)).prop_map(
        |(scope, from, to, window_ms, ranks)| Question::TimeBetween(TimeBetween { scope, from, to, window_ms, ranks }),
    );
    let by = prop::sample::select(vec![RankBy::Activity, RankBy::Person, RankBy::ActivityAndPerson]);
    let ranking = (scope(), select(), by, 0usize..12)
        .prop_map(|(scope, select, by, top)| Question::Ranking(Ranking { scope, select, by, top }));
    prop_oneof![paths, lifecycle, stickiness, sessions, distribution, active, between, ranking]
}
