//! The activities of a number, naively.

use super::places::{cell_of, disk};
use super::{Row, World, buckets_of, scope_of};
use crate::definition::{
    ActivitiesAnswer, ActivitiesOf, Bucket, CountedActivity, DistributionOf, Label, LifecycleStanding, Measure,
    PeopleOf, PersonValue, PlacesCell, Scope, Selector, Trend, TrendCell,
};

impl World {
    pub(super) fn activities_of(&self, asked: &ActivitiesOf) -> ActivitiesAnswer {
        let rows = self.cell_rows(&asked.of);
        let told = |row: &&Row| CountedActivity {
            time_ms: row.time_ms,
            person: row.person.clone(),
            activity: row.activity.clone(),
            nth: 0,
            values: Vec::new(),
        };
        let listed = rows.iter().map(told).collect();
        ActivitiesAnswer { activities: rows.len() as u64, columns: Vec::new(), listed, next: None }
    }

    /// All of them, in their order.
    pub(crate) fn cell_rows(&self, of: &PeopleOf) -> Vec<&Row> {
        let mut rows = self.rows_of_cell(of);
        rows.sort_by(|a, b| (-a.time_ms, &a.person, &a.activity).cmp(&(-b.time_ms, &b.person, &b.activity)));
        rows
    }

    /// Rows of these people that match, in a stretch of time.
    fn rows_in(&self, people: &[String], select: &Selector, (from, until): (i64, i64)) -> Vec<&Row> {
        let is_it = |row: &&Row| {
            (from..until).contains(&row.time_ms) && people.contains(&row.person) && self.matches(select, row)
        };
        self.rows.iter().filter(is_it).collect()
    }

    fn rows_of_cell(&self, of: &PeopleOf) -> Vec<&Row> {
        let people = || self.cell_people(of);
        let bucket_of = |bucket, scope: &Scope, before, time: i64| {
            let buckets = buckets_of(bucket, scope, before);
            let at = buckets.iter().position(|&(from, until)| (from..until).contains(&time)).unwrap();
            (buckets, at)
        };
        match of {
            PeopleOf::Trend(asked) => self.rows_of_trend(&asked.question, &asked.cell, &people()),
            PeopleOf::Retention(asked) => {
                let (retention, cell) = (&asked.question, &asked.cell);
                let (buckets, at) = bucket_of(retention.bucket, &retention.scope, 0, cell.start_ms);
                let (from, until) = (retention.scope.from_ms, retention.scope.until_ms);
                let clipped = |first: usize, last: usize| (buckets[first].0.max(from), buckets[last].1.min(until));
                match cell.after {
                    None => self.rows_in(&people(), &retention.start, clipped(at, at)),
                    Some(_) if !cell.returned => Vec::new(),
                    Some(after) => {
                        let last = if retention.unbounded { buckets.len() - 1 } else { at + after };
                        self.rows_in(&people(), &retention.returning, clipped(at + after, last))
                    }
                }
            }
            PeopleOf::Lifecycle(asked) => {
                let (lifecycle, cell) = (&asked.question, &asked.cell);
                let (buckets, at) = bucket_of(lifecycle.bucket, &lifecycle.scope, 1, cell.bucket_ms);
                let at = at - usize::from(cell.standing == LifecycleStanding::Dormant);
                self.rows_in(&people(), &lifecycle.select, buckets[at])
            }
            PeopleOf::Stickiness(asked) => {
                let scope = &asked.question.scope;
                self.rows_in(&people(), &asked.question.select, (scope.from_ms, scope.until_ms))
            }
            PeopleOf::ActivePeople(asked) => {
                let (days, day) = bucket_of(Bucket::Day, &asked.question.scope, 29, asked.cell.day_ms);
                let first = (day + 1).saturating_sub(asked.cell.period.days());
                self.rows_in(&people(), &asked.question.select, (days[first].0, days[day].1))
            }
            PeopleOf::Distribution(asked) => {
                let scope = &asked.question.scope;
                let mut rows = self.rows_in(&people(), &asked.question.select, (scope.from_ms, scope.until_ms));
                if let DistributionOf::Property(name) = &asked.question.of {
                    let bin_of = |number: f64| asked.question.edges.iter().filter(|edge| **edge <= number).count();
                    let bin = |row: &Row| row.numbers.get(name).map(|number| bin_of(*number));
                    rows.retain(|row| bin(row).is_some_and(|bin| asked.cell.bin.is_none_or(|one| one == bin)));
                }
                rows
            }
            PeopleOf::Places(asked) => {
                let scope = &asked.question.scope;
                let mut rows = self.rows_in(&people(), &asked.question.select, (scope.from_ms, scope.until_ms));
                rows.retain(|row| {
                    cell_of(&asked.question, row).is_some_and(|at| match &asked.cell {
                        PlacesCell::Cell { cell, .. } => at.to_string() == *cell,
                        PlacesCell::Within { rings } => disk(&asked.question, *rings).contains(&at),
                    })
                });
                rows
            }
            PeopleOf::Ranking(asked) => {
                let scope = &asked.question.scope;
                let mut rows = self.rows_in(&people(), &asked.question.select, (scope.from_ms, scope.until_ms));
                rows.retain(|row| asked.cell.activity.as_ref().is_none_or(|name| *name == row.activity));
                rows
            }
            PeopleOf::Funnel(_)
            | PeopleOf::Paths(_)
            | PeopleOf::Sessions(_)
            | PeopleOf::Cohort(_)
            | PeopleOf::Correlation(_)
            | PeopleOf::Compare(_)
            | PeopleOf::TimeBetween(_) => Vec::new(),
        }
    }

    fn rows_of_trend(&self, trend: &Trend, cell: &TrendCell, people: &[String]) -> Vec<&Row> {
        let mut scope = trend.scope.clone();
        if cell.previous {
            scope = scope.before().unwrap();
        }
        if let Label::Cohort(name) = &cell.label {
            let named = trend.cohorts.iter().find(|named| named.name == *name).unwrap();
            scope = scope_of(&scope, &named.cohort);
        }
        let series = &trend.series[cell.series];
        let measure = cell.measure.map(|place| &series.measures[place]);
        let is_of_new = measure == Some(&Measure::NewPeople);
        let mut rows = self.matching(&scope, &series.select);
        let by_value = matches!(cell.label, Label::Values(_) | Label::Other);
        let whole = Trend { scope: scope.clone(), previous: false, cohorts: Vec::new(), ..trend.clone() };
        let lines = if by_value { self.trend(&whole).lines } else { Vec::new() };
        let has = |label: &Label| lines.iter().any(|line| line.series == cell.series && line.label == *label);
        let properties = trend.breakdown.as_ref().map_or(&[][..], |breakdown| &breakdown.properties);
        let bucket = cell.bucket_ms.filter(|_| !is_of_new).map(|time| {
            let buckets = buckets_of(trend.bucket, &scope, 0);
            *buckets.iter().find(|one| (one.0..one.1).contains(&time)).unwrap()
        });
        rows.retain(|row| {
            let label = || Label::Values(properties.iter().map(|by| self.value_of(by, row)).collect());
            let labelled = match &cell.label {
                Label::Values(_) => has(&cell.label) && label() == cell.label,
                Label::Other => has(&Label::Other) && !has(&label()),
                _ => true,
            };
            let has_number = match measure {
                Some(
                    Measure::Sum(name)
                    | Measure::Average(name)
                    | Measure::Minimum(name)
                    | Measure::Maximum(name)
                    | Measure::Percentile(name, _)
                    | Measure::PerPerson { value: PersonValue::Sum(name), .. },
                ) => row.numbers.contains_key(name),
                _ => true,
            };
            labelled
                && has_number
                && bucket.is_none_or(|(from, until)| (from..until).contains(&row.time_ms))
                && (!is_of_new || people.contains(&row.person))
        });
        rows
    }
}
