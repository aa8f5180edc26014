//! Random numbers of random answers.

use proptest::prelude::*;

use super::asked;
use super::given::{ACTIVITIES, HOUR, PERSONS};
use crate::definition::*;

/// A time of a scope.
fn within(scope: &Scope, share: u32) -> i64 {
    scope.from_ms + (scope.until_ms - 1 - scope.from_ms) / 100 * i64::from(share % 100)
}

/// A label that an answer may have.
fn label(cohorts: &[NamedCohort], values: usize, pick: usize) -> Label {
    let value = |text: Option<&str>| Label::Values(vec![text.map(str::to_owned); values]);
    match (pick % 8, cohorts) {
        (0..3, [.., last]) => Label::Cohort(last.name.clone()),
        (1, _) => value(Some("DE")),
        (2, _) => value(Some("x")),
        (3, _) => value(None),
        (4 | 5, _) => Label::Other,
        _ => Label::Everything,
    }
}

/// The number that some picks lead to.
fn of(question: Question, share: u32, pick: usize, is_it: bool, name: String) -> Option<PeopleOf> {
    let (limit, after) = (pick % 5, is_it.then(|| format!("p{}", pick % 3)));
    let in_it = |scope: &Scope| (!share.is_multiple_of(3)).then(|| within(scope, share));
    Some(match question {
        Question::Trend(question) => {
            let values = question.breakdown.as_ref().map_or(1, |breakdown| breakdown.properties.len());
            let series = pick % question.series.len();
            let mut scope = question.scope.clone();
            let previous = is_it && share % 4 == 1;
            if previous {
                scope = scope.before().ok()?;
            }
            let label = label(&question.cohorts, values, pick);
            let measure = (share % 2 == 1).then_some(pick % question.series[series].measures.len());
            // In another season the span before may begin an hour or two later.
            let share = if previous { 50 + share % 50 } else { share };
            let bucket_ms = in_it(&scope).map(|_| within(&scope, share));
            let cell = TrendCell { series, bucket_ms, label, previous, measure };
            PeopleOf::Trend(TrendPeople { question, cell, limit, after })
        }
        Question::Funnel(question) => {
            let standing = if is_it { FunnelStanding::Reached } else { FunnelStanding::Dropped };
            let bucket_ms = question.trend.and_then(|_| in_it(&question.scope));
            let label = label(&question.cohorts, 1, pick);
            let cell = FunnelCell { step: 1 + pick % question.steps.len(), standing, label, bucket_ms };
            PeopleOf::Funnel(FunnelPeople { question, cell, limit, after })
        }
        Question::Retention(question) => {
            let scope = &question.scope;
            let buckets = Buckets::new(question.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0).ok()?;
            let start_ms = within(scope, share);
            // In another season the same moment may lie a bucket later; hours of 90 minutes may be fewer too.
            let fewer = if question.bucket == Bucket::Hour { 3 } else { 1 };
            let left = (buckets.len() - buckets.of(start_ms)).saturating_sub(fewer).max(1);
            let after_start = (!pick.is_multiple_of(4)).then_some(pick % left);
            let label = label(&question.cohorts, 1, pick);
            let cell = RetentionCell { start_ms, after: after_start, returned: is_it, label };
            PeopleOf::Retention(RetentionPeople { question, cell, limit, after })
        }
        Question::Paths(question) => {
            let path = |length: usize| ACTIVITIES.iter().cycle().skip(pick).step_by(1 + pick % 3).take(length);
            let cell = if is_it {
                PathsCell::Edge { place: pick % 2, from: name, to: ACTIVITIES[pick % ACTIVITIES.len()].to_owned() }
            } else {
                PathsCell::Path(path(1 + pick % question.length).map(|name| (*name).to_owned()).collect())
            };
            PeopleOf::Paths(PathsPeople { question, cell, limit, after })
        }
        Question::Lifecycle(question) => {
            use LifecycleStanding::{Dormant, New, Resurrecting, Returning};
            let bucket_ms = within(&question.scope, share);
            let cell = LifecycleCell { bucket_ms, standing: [New, Returning, Resurrecting, Dormant][pick % 4] };
            PeopleOf::Lifecycle(LifecyclePeople { question, cell, limit, after })
        }
        Question::Stickiness(question) => {
            let cell = StickinessCell { buckets: 1 + pick % 3 };
            PeopleOf::Stickiness(StickinessPeople { question, cell, limit, after })
        }
        Question::Sessions(question) => {
            let cell = SessionsCell {
                bucket_ms: in_it(&question.scope),
                bounced: (!pick.is_multiple_of(3)).then_some(is_it),
                entry: (pick % 4 == 1).then(|| name.clone()),
                exit: (pick % 5 == 1).then_some(name),
                label: label(&[], 1, pick / 2),
            };
            PeopleOf::Sessions(SessionsPeople { question, cell, limit, after })
        }
        Question::Cohort(question) => PeopleOf::Cohort(CohortsPeople { question, cell: CohortCell {}, limit, after }),
        Question::Distribution(question) => {
            let bin = (!pick.is_multiple_of(4)).then_some(pick % (question.edges.len() + 1));
            PeopleOf::Distribution(DistributionPeople { question, cell: DistributionCell { bin }, limit, after })
        }
        Question::ActivePeople(question) => {
            let period = [ActivePeriod::Day, ActivePeriod::Week, ActivePeriod::Month][pick % 3];
            let cell = ActivePeopleCell { day_ms: within(&question.scope, share), period };
            PeopleOf::ActivePeople(ActivePeoplePeople { question, cell, limit, after })
        }
        Question::TimeBetween(question) => {
            let bound = i64::from(share) * HOUR / 2;
            let cell = TimeBetweenCell { at_least_ms: is_it.then_some(bound), at_most_ms: Some(bound * 3) };
            PeopleOf::TimeBetween(TimeBetweenPeople { question, cell, limit, after })
        }
        Question::Ranking(question) => {
            let person = (pick.is_multiple_of(3)).then(|| format!("p{}", pick % (PERSONS / 2)));
            let cell = RankingCell { activity: is_it.then_some(name), person };
            PeopleOf::Ranking(RankingPeople { question, cell, limit, after })
        }
        Question::Places(question) => {
            let cell = match &question.catchment {
                Some(catchment) if is_it => PlacesCell::Within { rings: pick as u32 % (catchment.rings + 1) },
                _ => {
                    let at = h3o::LatLng::new(48.137 + f64::from(share % 4) / 500.0, 11.575).ok()?;
                    let cell = at.to_cell(h3o::Resolution::try_from(question.resolution).ok()?);
                    PlacesCell::Cell { cell: cell.to_string(), again: pick.is_multiple_of(3) }
                }
            };
            PeopleOf::Places(PlacesPeople { question, cell, limit, after })
        }
        Question::Correlation(question) => {
            let value = |text: &str| text.to_owned();
            let factor = match pick % 5 {
                0 => None,
                1 if !question.properties.is_empty() => {
                    Some(FactorOf::Property { name: value("w"), value: value(["DE", "never"][pick % 2]) })
                }
                2 if !question.person_properties.is_empty() => {
                    Some(FactorOf::PersonProperty { name: value("plan"), value: value(["pro", "never"][pick % 2]) })
                }
                _ => Some(FactorOf::Activity(name)),
            };
            let converted = (!share.is_multiple_of(3)).then_some(share.is_multiple_of(2));
            let cell = CorrelationCell { converted, factor, has: is_it };
            PeopleOf::Correlation(CorrelationPeople { question, cell, limit, after })
        }
        Question::Compare(question) => {
            let cell = CompareCell { segment: [None, Some(0), Some(1)][pick % 3] };
            PeopleOf::Compare(ComparePeople { question, cell, limit, after })
        }
        Question::Exposures(_) => return None,
        Question::People(of) => of,
        Question::Activities(asked) => asked.of,
    })
}

// Boxed: trees of random questions are large, and would lie in each other on the stack.
/// Who is behind a number, or with the cohort that stands for it in another question.
pub fn cell() -> impl Strategy<Value = Question> {
    let question = prop_oneof![
        2 => asked::trend().boxed(),
        2 => asked::funnel().boxed(),
        2 => asked::retention().boxed(),
        1 => asked::paths().boxed(),
        4 => asked::question().boxed(),
        1 => asked::people().boxed(),
        1 => asked::places().boxed(),
        2 => asked::segments().boxed(),
    ];
    let name = prop::sample::select(ACTIVITIES).prop_map(str::to_owned);
    (question, 0u32..100, 0usize..24, any::<bool>(), name, any::<bool>()).prop_filter_map(
        "it has no cells",
        |(question, share, pick, is_it, name, as_cohort)| {
            let of = of(question, share, pick, is_it, name)?;
            Some(match as_cohort {
                false => Question::People(of),
                true => Question::Cohort(CohortPeople { cohort: Cohort::InCell(Box::new(of)), list: pick }),
            })
        },
    )
}

/// Who is new, in a bucket or in the whole span.
pub fn new_people() -> impl Strategy<Value = Question> {
    (asked::trend().boxed(), 0u32..100, 0usize..24).prop_filter_map("it is no trend", |(question, share, pick)| {
        let Question::Trend(mut question) = question else { return None };
        question.series.truncate(1);
        question.series[0].measures = vec![Measure::NewPeople];
        let values = question.breakdown.as_ref().map_or(1, |breakdown| breakdown.properties.len());
        let cell = TrendCell {
            series: 0,
            bucket_ms: (!share.is_multiple_of(3)).then(|| within(&question.scope, share)),
            label: label(&question.cohorts, values, pick),
            previous: false,
            measure: Some(0),
        };
        let (limit, after) = (1 + pick % 5, None);
        Some(Question::People(PeopleOf::Trend(TrendPeople { question, cell, limit, after })))
    })
}
