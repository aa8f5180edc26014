//! Exposures against the reference: numbers are summed in another order, so they are compared as numbers.

use proptest::prelude::*;

use super::given::{ACTIVITIES, FROM, Given, HOUR, given};
use super::{ask, cases};
use crate::definition::*;

fn part() -> impl Strategy<Value = PersonPart> {
    let number = || "n".to_owned();
    let of = prop_oneof![
        Just(PartOf::Rows),
        Just(PartOf::Happened),
        Just(PartOf::Sum(number())),
        Just(PartOf::Numbers(number())),
        Just(PartOf::Different("w".to_owned())),
    ];
    let span = prop_oneof![
        Just((0, None)),
        (0..20i64).prop_map(|hours| (hours * HOUR, Some((hours + 10) * HOUR))),
        (1..60i64).prop_map(|hours| (-hours * HOUR, Some(0))),
    ];
    (0usize..2, of, span).prop_map(|(source, of, (after_ms, before_ms))| PersonPart { source, of, after_ms, before_ms })
}

fn measure() -> impl Strategy<Value = PersonMeasure> {
    let cap = prop_oneof![
        3 => Just(None),
        1 => (0i32..8).prop_map(|level| Some(PersonCap::At(f64::from(level) / 2.0))),
        1 => (5u32..10).prop_map(|level| Some(PersonCap::Quantile(f64::from(level) / 10.0))),
    ];
    let around = |level: u32| QuantileAround { level: f64::from(level) / 10.0, z: 1.96 };
    let quantiles = prop::option::of((1u32..10).prop_map(around));
    let matures = prop::option::weighted(0.3, (0i64..60).prop_map(|hours| hours * HOUR));
    (prop::collection::vec(part(), 1..5), cap, quantiles, matures).prop_map(|(parts, cap, quantiles, matures_ms)| {
        // Quantiles are of everybody.
        let matures_ms = matures_ms.filter(|_| quantiles.is_none());
        PersonMeasure { parts, cap, quantiles, matures_ms }
    })
}

fn exposures() -> impl Strategy<Value = Exposures> {
    let activity = || prop::sample::select(ACTIVITIES).prop_map(str::to_owned);
    let telling = |key: &'static str| {
        activity().prop_map(move |activity| Telling {
            activity,
            keys: vec!["v".to_owned(), "w".to_owned()],
            key: key.to_owned(),
            values: vec!["w".to_owned()],
            arms: vec![("DE".to_owned(), 0), ("FR".to_owned(), 1), ("12".to_owned(), 1), (String::new(), 2)],
        })
    };
    let told_by = (telling("x"), telling("y")).prop_map(|(one, other)| vec![one, other]);
    let left_out = prop::sample::select(vec![
        Vec::new(),
        vec![("w".to_owned(), Test::Is(vec!["12".to_owned()]))],
        vec![("v".to_owned(), Test::NotSet)],
    ]);
    let condition =
        Condition::Property(Comparison { property: "w".to_owned(), test: Test::IsNot(vec!["FR".to_owned()]) });
    let sources = (activity(), activity())
        .prop_map(move |(one, other)| vec![Selector::named(&one), Selector::named(&other).only(condition.clone())]);
    let span = (0i64..40, 20i64..90).prop_map(|(from, hours)| (FROM + from * HOUR, FROM + (from + hours) * HOUR));
    let by = |names: &[&str], needs_last: bool| ExposedBy {
        properties: names.iter().map(|name| (*name).to_owned()).collect(),
        needs_last,
    };
    let dimensions = move |needs_last: bool| vec![by(&["v"], false), by(&["v", "w"], needs_last)];
    let tells = |property: &str, values: &[(&str, usize)]| ContextTelling {
        property: property.to_owned(),
        contexts: values.iter().map(|(value, context)| ((*value).to_owned(), *context)).collect(),
    };
    let contexts = prop::sample::select(vec![
        Vec::new(),
        vec![tells("w", &[("FR", 0), ("DE", 1)])],
        vec![tells("v", &[("x", 1)]), tells("w", &[("12", 0), ("FR", 1), ("DE", 2)])],
    ]);
    let starts = prop::collection::btree_set(0i64..90, 1..5);
    let times = (starts, contexts).prop_map(|(starts, contexts)| DividedBy::Times {
        starts_ms: starts.into_iter().map(|start| FROM + start * HOUR).collect(),
        contexts,
    });
    let levels = prop::sample::subsequence(vec!["x", "y", "x DE", "y FR", "", "nowhere"], 0..5);
    let strata = (0usize..2, levels).prop_map(|(dimension, levels)| {
        let levels = levels.into_iter().map(str::to_owned).collect();
        DividedBy::DaysAndLevels { dimension, levels }
    });
    let divided_by =
        prop_oneof![Just(DividedBy::Days), (0usize..2).prop_map(DividedBy::Dimension), strata.boxed(), times.boxed(),];
    let told_where = prop::option::of(("w", "FR", any::<bool>()).prop_map(|(property, is, or_missing)| ToldWhere {
        property: property.to_owned(),
        is: is.to_owned(),
        or_missing,
    }));
    let of_dimensions = (divided_by, any::<bool>(), any::<bool>(), any::<bool>(), told_where);
    (span, told_by, left_out, sources, prop::collection::vec(measure(), 0..4), of_dimensions).prop_map(
        move |((from_ms, until_ms), told_by, left_out, sources, measures, of_dimensions)| {
            let (divided_by, needs_last, counts_first, by_activity, told_where) = of_dimensions;
            Exposures {
                from_ms,
                until_ms,
                arms: 3,
                told_by,
                left_out,
                sources,
                measures,
                counts_first,
                dimensions: dimensions(needs_last),
                divided_by,
                by_activity,
                told_where,
            }
        },
    )
}

fn near(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-9 * (1.0 + want.abs())
}

fn all_near(got: &[f64], want: &[f64]) -> bool {
    got.len() == want.len() && got.iter().zip(want).all(|(got, want)| near(*got, *want))
}

fn equal(mut got: ExposuresAnswer, mut want: ExposuresAnswer) -> Result<(), TestCaseError> {
    for answer in [&mut got, &mut want] {
        let place = |cell: &ExposedCell| (cell.part, cell.level.clone(), cell.context, cell.is_active, cell.arm);
        answer.cells.sort_by_key(place);
        answer.dimensions.iter_mut().for_each(|levels| levels.sort_by(|a, b| a.level.cmp(&b.level)));
    }
    prop_assert_eq!(got.several, want.several);
    prop_assert_eq!(&got.dimensions, &want.dimensions);
    let cuts = |answer: &ExposuresAnswer| answer.caps.iter().map(|cap| cap.unwrap_or(f64::MAX)).collect::<Vec<_>>();
    prop_assert!(all_near(&cuts(&got), &cuts(&want)), "{:?} instead of {:?}", got.caps, want.caps);
    let flat = |answer: &ExposuresAnswer| -> Vec<f64> {
        let all = answer.quantiles.iter().flatten().flat_map(|one| one.unwrap_or([-1.0; 3]));
        all.collect()
    };
    prop_assert!(all_near(&flat(&got), &flat(&want)), "{:?} instead of {:?}", got.quantiles, want.quantiles);
    prop_assert_eq!(got.cells.len(), want.cells.len());
    for (got, want) in got.cells.iter().zip(&want.cells) {
        let place = |cell: &ExposedCell| {
            let divided = (cell.part, cell.level.clone(), cell.context, cell.is_active);
            (cell.arm, divided, cell.people as u64, cell.measures.len())
        };
        prop_assert_eq!(place(got), place(want));
        for (got, want) in got.measures.iter().zip(&want.measures) {
            let same =
                got.people == want.people && all_near(&got.means, &want.means) && all_near(&got.scatter, &want.scatter);
            prop_assert!(same, "{:?} instead of {:?}", got, want);
        }
    }
    Ok(())
}

fn check(given: &Given, asked: &Exposures, threads: usize) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let question = Question::Exposures(asked.clone());
    for (_, snapshot, world) in given.build(folder.path()) {
        let (Answer::Exposures(got), Answer::Exposures(want)) =
            (ask(&snapshot, &question, threads), world.answer(&question))
        else {
            return Err(TestCaseError::fail("another answer"));
        };
        equal(got, want)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn exposures_are_the_references(given in given(), asked in prop::collection::vec(exposures(), 6), threads in 1usize..3) {
        for asked in &asked {
            check(&given, asked, threads)?;
        }
    }
}
