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
        prop::sample::select(vec!["^D", "[1-7]", "R$|x"]).prop_map(|text| Test::Regex(text.to_owned())),
        Just(Test::NotRegex("E|1".to_owned())),
        prop::sample::select(vec!["2025-10-26", "2025-10-26T02:00:00+02:00"])
            .prop_map(|text| Test::Before(text.to_owned())),
        prop::sample::select(vec!["2025-10-26", "2025-10-26T02:00:00+02:00"])
            .prop_map(|text| Test::Since(text.to_owned())),
        Just(Test::IsTrue),
        Just(Test::IsFalse),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let property = (prop::sample::select(vec!["w", "v", "n"]), test())
        .prop_map(|(property, test)| Condition::Property(Comparison { property: property.to_owned(), test }));
    let person = test().prop_map(|test| Condition::Person(Comparison { property: "plan".to_owned(), test }));
    let of_session = prop::sample::select(vec![
        SessionProperty::DurationMs,
        SessionProperty::Rows,
        SessionProperty::Entry,
        SessionProperty::Exit,
    ]);
    let minutes = (0i32..60).prop_map(|minutes| Test::AtLeast(f64::from(minutes) * 60_000.0));
    let rows = (0i32..4).prop_map(|rows| Test::Above(f64::from(rows)));
    let name = prop::sample::select(ACTIVITIES).prop_map(|name| Test::Is(vec![name.to_owned()]));
    let session = (of_session, prop_oneof![minutes, rows, name, test()])
        .prop_map(|(property, test)| Condition::Session(SessionComparison { property, test }));
    let cohort =
        (prop::sample::select(ACTIVITIES), span(), 0u64..3).prop_map(|(name, (from_ms, until_ms), at_least)| {
            let select = Selector::named(name);
            Condition::Cohort(Box::new(Cohort::Did { select, from_ms, until_ms, at_least, at_most: None }))
        });
    let of_group = prop::option::of(Just("plan".to_owned()));
    let group = (of_group, prop_oneof![test(), Just(Test::Is(vec!["acme".to_owned(), "pro".to_owned()]))])
        .prop_map(|(property, test)| Condition::Group(GroupComparison { group: "company".to_owned(), property, test }));
    let sql = Just(Condition::Sql("n > 3".to_owned()));
    prop_oneof![4 => property, 1 => person, 2 => session, 1 => cohort, 1 => group, 1 => sql].prop_recursive(
        2,
        6,
        3,
        |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Any),
                inner.prop_map(|one| Condition::Not(Box::new(one))),
            ]
        },
    )
}

pub fn select() -> impl Strategy<Value = Selector> {
    let names = prop_oneof![
        4 => prop::sample::select(ACTIVITIES).prop_map(|name| vec![name.to_owned()]),
        2 => prop::collection::vec(prop::sample::select(ACTIVITIES).prop_map(str::to_owned), 0..4),
        1 => Just(vec!["never".to_owned()]),
    ];
    (names, prop::option::weighted(0.3, condition()))
        .prop_map(|(activities, condition)| Selector { activities, condition })
}

pub fn span() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![
        2 => Just((FROM - 48 * HOUR, FROM + 1000 * HOUR)),
        2 => (0i64..200, 1i64..200).prop_map(|(from, length)| (FROM + from * HOUR / 2, FROM + (from + length) * HOUR / 2)),
        1 => (0i64..60_000_000, 1i64..90_000_000).prop_map(|(from, length)| (FROM + from, FROM + from + length)),
    ]
}

pub fn cohort() -> impl Strategy<Value = Cohort> {
    let did = (select(), span(), 0u64..4, prop::option::of(0u64..4)).prop_map(
        |(select, (from_ms, until_ms), at_least, at_most)| Cohort::Did { select, from_ms, until_ms, at_least, at_most },
    );
    let sequence = (prop::collection::vec(select(), 1..4), 0..40 * HOUR, span())
        .prop_map(|(steps, window_ms, (from_ms, until_ms))| Cohort::Sequence { steps, window_ms, from_ms, until_ms });
    let listed = prop::collection::vec(0..PERSONS / 2, 0..4)
        .prop_map(|persons| Cohort::Listed(persons.into_iter().map(|person| format!("p{person}")).collect()));
    let person = test().prop_map(|test| Cohort::Person(Comparison { property: "plan".to_owned(), test }));
    let day = prop::sample::select(vec![Bucket::Day, Bucket::Week]);
    let often = (select(), span(), day, 1usize..4, prop::option::of(1usize..4)).prop_map(
        |(select, (from_ms, until_ms), bucket, at_least, at_most)| {
            let zone = "Europe/Berlin".to_owned();
            Cohort::DidOften { select, from_ms, until_ms, bucket, zone, at_least, at_most }
        },
    );
    prop_oneof![4 => did, 2 => often, 2 => sequence, 1 => listed, 1 => person].prop_recursive(2, 6, 3, |inner| {
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
    let sample = prop::option::weighted(0.1, prop::sample::select(vec![0.4, 1.0]));
    (span(), prop::sample::select(zones), prop::option::weighted(0.3, cohort()), sample).prop_map(
        |((from_ms, until_ms), zone, people, sample)| Scope {
            from_ms,
            until_ms,
            zone: zone.to_owned(),
            people,
            sample,
        },
    )
}

/// Groups of a breakdown, mostly none.
fn named() -> impl Strategy<Value = Vec<NamedCohort>> {
    let some = prop::collection::vec(cohort(), 1..3).prop_map(|cohorts| {
        let named = |(index, cohort)| NamedCohort { name: format!("g{index}"), cohort };
        cohorts.into_iter().enumerate().map(named).collect()
    });
    prop_oneof![3 => Just(Vec::new()), 1 => some]
}

pub fn bucket() -> impl Strategy<Value = Bucket> {
    prop::sample::select(vec![Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month, Bucket::Whole])
}

fn rank() -> impl Strategy<Value = f64> {
    (0u32..=10).prop_map(|tenths| f64::from(tenths) / 10.0)
}

/// What a breakdown is by.
pub fn by() -> impl Strategy<Value = By> {
    let bounds = |all: Vec<f64>| {
        let most = all.len();
        prop::sample::subsequence(all, 1..=most)
    };
    let property = bounds(vec![-1.0, 0.0, 2.5, 7.0])
        .prop_map(|bounds| ByOf::Property(ByProperty { property: "n".to_owned(), bounds }));
    let person = prop_oneof![2 => Just(Vec::new()), 1 => bounds(vec![10.0, 30.0, 31.0])]
        .prop_map(|bounds| ByOf::Person(ByProperty { property: "plan".to_owned(), bounds }));
    let name = prop::sample::select(vec![SessionProperty::Entry, SessionProperty::Exit])
        .prop_map(|property| ByOf::Session(BySession { property, bounds: Vec::new() }));
    let number = (any::<bool>(), bounds(vec![0.0, 1.0, 2.0, 3.0])).prop_map(|(rows, bounds)| {
        let (property, unit) = if rows { (SessionProperty::Rows, 1.0) } else { (SessionProperty::DurationMs, 3e5) };
        ByOf::Session(BySession { property, bounds: bounds.into_iter().map(|bound| bound * unit).collect() })
    });
    let group = (prop::option::of(Just("plan".to_owned())), prop::option::of(bounds(vec![3.0, 8.0])))
        .prop_map(|(property, bounds)| ByGroup {
            group: "company".to_owned(),
            property,
            bounds: bounds.unwrap_or_default(),
        })
        .prop_map(ByOf::Group);
    let names = prop::sample::select(vec!["w", "v", EVENT_COLUMN]).prop_map(By::from);
    prop_oneof![4 => names, 4 => prop_oneof![property, person, name, number, group].prop_map(By::Of)]
}

pub fn trend() -> impl Strategy<Value = Question> {
    let number = || "n".to_owned();
    let measure = prop_oneof![
        Just(Measure::Count),
        Just(Measure::People),
        Just(Measure::NewPeople),
        Just(Measure::Sessions),
        Just(Measure::CountPerPerson),
        Just(Measure::Sum(number())),
        Just(Measure::Average(number())),
        Just(Measure::Minimum(number())),
        Just(Measure::Maximum(number())),
        rank().prop_map(move |rank| Measure::Percentile(number(), rank)),
        (any::<bool>(), 0usize..4, rank()).prop_map(move |(sum, pick, rank)| {
            use PersonStatistic::{Average, Maximum, Minimum, Percentile};
            let value = if sum { PersonValue::Sum(number()) } else { PersonValue::Rows };
            Measure::PerPerson { value, statistic: [Average, Minimum, Maximum, Percentile(rank)][pick] }
        }),
    ];
    let series =
        (select(), prop::collection::vec(measure, 1..4)).prop_map(|(select, measures)| Series { select, measures });
    let names = prop::sample::select(vec![
        vec!["w"],
        vec!["v"],
        vec![EVENT_COLUMN],
        vec!["v", "w"],
        vec![EVENT_COLUMN, "w"],
        vec!["w", "v", "w"],
    ])
    .prop_map(|names| names.into_iter().map(By::from).collect());
    let properties = prop_oneof![1 => names, 2 => prop::collection::vec(by(), 1..4)];
    let breakdown = (properties, 0usize..4).prop_map(|(properties, top)| Breakdown { properties, top });
    let running =
        prop_oneof![3 => Just(Running::Each), 1 => Just(Running::Sum), 1 => (1usize..4).prop_map(Running::Average)];
    let formulas = prop::collection::vec(prop::sample::select(vec!["A", "A / 2 - 1", "100 * A / (A - 1)"]), 0..3);
    let after = (running, formulas, any::<bool>());
    (scope(), prop::collection::vec(series, 1..3), bucket(), prop::option::of(breakdown), named(), after).prop_map(
        |(scope, series, bucket, breakdown, cohorts, (running, formulas, previous))| {
            let cohorts = if breakdown.is_some() { Vec::new() } else { cohorts };
            let formulas = if breakdown.is_some() || !cohorts.is_empty() { Vec::new() } else { formulas };
            let formulas = formulas.into_iter().map(str::to_owned).collect();
            Question::Trend(Trend { scope, series, bucket, breakdown, cohorts, formulas, running, previous })
        },
    )
}

/// Of a long span one day about the change of clocks: the reference goes through its hours one by one.
fn near(scope: &mut Scope) {
    const DAY: i64 = 24 * HOUR;
    if scope.until_ms - scope.from_ms > DAY {
        scope.from_ms = scope.from_ms.max(FROM + 36 * HOUR).min(scope.until_ms - DAY);
        scope.until_ms = scope.from_ms + DAY;
    }
}

/// What overviews ask: rows, people, new people and sessions of everything, by activity or not.
pub fn overview() -> impl Strategy<Value = Question> {
    let all = vec![Measure::Count, Measure::People, Measure::NewPeople, Measure::Sessions];
    let measures = prop::sample::subsequence(all, 1..=2);
    let select = prop_oneof![3 => Just(Selector::any()), 1 => select()];
    let top = prop::option::of(0usize..5);
    (scope(), bucket(), select, measures, top).prop_map(|(scope, bucket, select, measures, top)| {
        let breakdown = top.map(|top| Breakdown { properties: vec![By::from(EVENT_COLUMN)], top });
        let series = vec![Series { select, measures }];
        let (cohorts, formulas, running) = (Vec::new(), Vec::new(), Running::Each);
        Question::Trend(Trend { scope, series, bucket, breakdown, cohorts, formulas, running, previous: false })
    })
}

/// What is asked by the hour where clocks are changed by half of one.
pub fn hours() -> impl Strategy<Value = Question> {
    prop_oneof![
        6 => overview().boxed(),
        3 => question().boxed(),
        2 => retention().boxed(),
        2 => funnel().boxed(),
    ]
    .prop_filter_map("it has no buckets", |mut question| {
        let (scope, bucket) = match &mut question {
            Question::Trend(asked) => (&mut asked.scope, &mut asked.bucket),
            Question::Lifecycle(asked) => (&mut asked.scope, &mut asked.bucket),
            Question::Stickiness(asked) => (&mut asked.scope, &mut asked.bucket),
            Question::Sessions(asked) => (&mut asked.scope, &mut asked.bucket),
            Question::Retention(asked) => (&mut asked.scope, &mut asked.bucket),
            Question::Funnel(asked) => (&mut asked.scope, asked.trend.as_mut()?),
            _ => return None,
        };
        (scope.zone, *bucket) = ("Australia/Lord_Howe".to_owned(), Bucket::Hour);
        Some(question)
    })
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
    let breakdown = (by(), 0usize..4, attribution, prop::option::of(0usize..3));
    let parts = (prop::option::of(breakdown), named());
    let bounds = prop_oneof![
        1 => Just(Vec::new()),
        1 => prop::collection::btree_set(0..40i64, 1..4)
            .prop_map(|bounds| bounds.into_iter().map(|bound| bound * HOUR / 4).collect()),
    ];
    let times = prop::option::weighted(0.4, bounds.prop_map(|bounds_ms| FunnelTimes { bounds_ms }));
    let buckets = vec![Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month];
    let trend = prop::option::weighted(0.4, prop::sample::select(buckets));
    let more = (trend, times);
    (scope(), prop::collection::vec(select(), 1..5), order, window, exclusions, parts, more).prop_map(
        |(mut scope, steps, order, window_ms, exclusions, (breakdown, cohorts), (trend, times))| {
            let cohorts = if breakdown.is_some() { Vec::new() } else { cohorts };
            let trend = trend.filter(|_| order != FunnelOrder::Unordered);
            if trend == Some(Bucket::Hour) {
                near(&mut scope);
            }
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
            let breakdown = breakdown.map(|(property, step, attribution, top)| FunnelBreakdown {
                property,
                step: 1 + step % n,
                attribution,
                top,
            });
            Question::Funnel(Funnel { scope, steps, order, window_ms, exclusions, breakdown, cohorts, trend, times })
        },
    )
}

pub fn retention() -> impl Strategy<Value = Question> {
    let kind = prop::sample::select(vec![RetentionKind::FirstTime, RetentionKind::Recurring]);
    let breakdown = (by(), 0usize..4).prop_map(|(by, top)| Breakdown { properties: vec![by], top });
    let parts = (prop::option::of(breakdown), named());
    (scope(), bucket(), kind, select(), select(), any::<bool>(), parts).prop_map(
        |(mut scope, bucket, kind, start, returning, unbounded, (breakdown, cohorts))| {
            if bucket == Bucket::Hour {
                near(&mut scope);
            }
            let cohorts = if breakdown.is_some() { Vec::new() } else { cohorts };
            Question::Retention(Retention { scope, bucket, kind, start, returning, unbounded, breakdown, cohorts })
        },
    )
}

pub fn people() -> impl Strategy<Value = Question> {
    let listed = (cohort(), 0usize..9).prop_map(|(cohort, list)| Question::Cohort(CohortPeople { cohort, list }));
    let reached = (funnel(), 0usize..4, any::<bool>(), 0usize..9).prop_map(|(question, level, not, list)| {
        let Question::Funnel(funnel) = question else { return question };
        let level = 1 + level % funnel.steps.len();
        let cohort = Cohort::Reached { funnel: Box::new(funnel), level };
        let cohort = if not { Cohort::Not(Box::new(cohort)) } else { cohort };
        Question::Cohort(CohortPeople { cohort, list })
    });
    prop_oneof![2 => retention(), 2 => listed, 1 => reached]
}

fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![2 => Just(30 * 60_000i64), 1 => 0..2 * HOUR, 1 => Just(0i64), 1 => Just(12 * HOUR)]
}

pub fn paths() -> impl Strategy<Value = Question> {
    let name = || prop::sample::select(ACTIVITIES).prop_map(AnchorRow::from);
    let row = || prop_oneof![3 => name(), 1 => select().prop_map(AnchorRow::Rows)];
    let anchor = prop_oneof![
        3 => row().prop_map(Anchor::After),
        3 => row().prop_map(Anchor::Before),
        1 => Just(Anchor::Beginning),
        1 => Just(Anchor::Ending),
    ];
    let like = |text: &str| Pattern::Like(text.to_owned());
    let pattern = prop_oneof![
        prop::sample::select(vec!["*e*", "b*", "*", "open", "*v*e", "s*e"]).prop_map(like),
        prop::sample::select(vec!["^s|y$", "e"]).prop_map(|text| Pattern::Regex(text.to_owned())),
    ];
    let named = (prop::sample::select(vec!["some", "view"]), pattern)
        .prop_map(|(name, pattern)| PathName { name: name.to_owned(), pattern });
    let rows = (prop_oneof![3 => Just(Selector::any()), 1 => select()], prop::option::weighted(0.25, select()));
    let more = (any::<bool>(), prop::collection::vec(named, 0..3), 0u64..3, rows);
    (scope(), anchor, 1usize..9, gap(), 0usize..30, more).prop_map(
        |(scope, anchor, length, gap_ms, top, (shorter, names, edge_least, (select, without)))| {
            Question::Paths(Paths { scope, anchor, length, gap_ms, top, select, without, shorter, names, edge_least })
        },
    )
}

pub fn question() -> impl Strategy<Value = Question> {
    let lifecycle = (scope(), bucket(), select())
        .prop_map(|(scope, bucket, select)| Question::Lifecycle(Lifecycle { scope, bucket, select }));
    let stickiness = (scope(), bucket(), select())
        .prop_map(|(scope, bucket, select)| Question::Stickiness(Stickiness { scope, bucket, select }));
    let breakdown = (by(), 0usize..4).prop_map(|(by, top)| Breakdown { properties: vec![by], top });
    let kept = (prop_oneof![1 => Just(Selector::any()), 1 => select()], prop::option::weighted(0.4, breakdown));
    let sessions = (scope(), bucket(), gap(), kept).prop_map(|(scope, bucket, gap_ms, (select, breakdown))| {
        let measure = SessionMeasure::default();
        Question::Sessions(Sessions { scope, bucket, gap_ms, select, breakdown, measure })
    });
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
    prop_oneof![paths(), lifecycle, stickiness, sessions, distribution, active, between, ranking]
}

pub fn places() -> impl Strategy<Value = Question> {
    let point = prop::sample::select(vec![(48.138, 11.576), (0.0, 179.999), (89.9, 0.0)]);
    let catchment = prop::option::of((point, 0u32..4))
        .prop_map(|around| around.map(|((latitude, longitude), rings)| Catchment { latitude, longitude, rings }));
    (scope(), select(), 0u8..13, gap(), 0usize..20, catchment).prop_map(
        |(scope, select, resolution, gap_ms, top, catchment)| {
            let (latitude, longitude) = ("lat".to_owned(), "lon".to_owned());
            Question::Places(Places { scope, select, latitude, longitude, resolution, gap_ms, top, catchment })
        },
    )
}

pub fn segments() -> impl Strategy<Value = Question> {
    let of = prop_oneof![
        (prop::collection::vec(select(), 1..3), 0..40 * HOUR)
            .prop_map(|(steps, window_ms)| CompareOf::Converts { steps, window_ms }),
        select().prop_map(CompareOf::RowsPerPerson),
        select().prop_map(|select| CompareOf::SumPerPerson { select, property: "n".to_owned() }),
    ];
    let compare = (scope(), cohort(), cohort(), of).prop_map(|(scope, a, b, of)| {
        let named = |(name, cohort): (&str, Cohort)| NamedCohort { name: name.to_owned(), cohort };
        Question::Compare(Compare { scope, segments: [("a", a), ("b", b)].map(named).to_vec(), of })
    });
    let correlation = (funnel(), any::<(bool, bool, bool)>(), 1u64..3, 0usize..20).prop_map(
        |(question, (property, of_person, activities), people_least, top)| {
            let Question::Funnel(mut funnel) = question else { return question };
            (funnel.breakdown, funnel.trend, funnel.times) = (None, None, None);
            funnel.cohorts.clear();
            if funnel.order == FunnelOrder::Unordered {
                funnel.order = FunnelOrder::Ordered;
            }
            let properties = if property { vec!["w".to_owned(), "v".to_owned()] } else { Vec::new() };
            let person_properties = if of_person { vec!["plan".to_owned()] } else { Vec::new() };
            Question::Correlation(Correlation { funnel, properties, person_properties, activities, people_least, top })
        },
    );
    prop_oneof![1 => compare, 2 => correlation]
}
