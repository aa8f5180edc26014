//! Trends, naively.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::{Row, World, buckets_of, percentile, scope_of, total};
use crate::definition::{
    Formula, Label, Measure, PersonStatistic, PersonValue, Running, Scope, Trend, TrendAnswer, TrendLine,
};

impl World {
    pub(super) fn trend(&self, trend: &Trend) -> TrendAnswer {
        let before = || Trend { scope: trend.scope.before().unwrap(), previous: false, ..trend.clone() };
        let previous = trend.previous.then(|| Box::new(self.trend(&before())));
        let buckets = buckets_of(trend.bucket, &trend.scope, 0);
        let mut lines = Vec::new();
        for (series, one) in trend.series.iter().enumerate() {
            for named in &trend.cohorts {
                let rows = self.matching(&scope_of(&trend.scope, &named.cohort), &one.select);
                let label = Label::Cohort(named.name.clone());
                lines.push(TrendLine {
                    series,
                    label,
                    measures: self.measures(&one.measures, &rows, &trend.scope, &buckets),
                });
            }
            if !trend.cohorts.is_empty() {
                continue;
            }
            let rows = self.matching(&trend.scope, &one.select);
            let mut by_label: BTreeMap<Label, Vec<&Row>> = BTreeMap::new();
            match &trend.breakdown {
                None => {
                    by_label.insert(Label::Everything, rows);
                }
                Some(breakdown) => {
                    let label = |row: &Row| {
                        Label::Values(breakdown.properties.iter().map(|by| self.value_of(by, row)).collect())
                    };
                    let mut all: BTreeMap<Label, Vec<&Row>> = BTreeMap::new();
                    rows.into_iter().for_each(|row| all.entry(label(row)).or_default().push(row));
                    let mut ranked: Vec<(Label, Vec<&Row>)> = all.into_iter().collect();
                    ranked.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
                    for (place, (label, rows)) in ranked.into_iter().enumerate() {
                        let label = if place < breakdown.top { label } else { Label::Other };
                        by_label.entry(label).or_default().extend(rows);
                    }
                }
            }
            for (label, rows) in by_label {
                lines.push(TrendLine {
                    series,
                    label,
                    measures: self.measures(&one.measures, &rows, &trend.scope, &buckets),
                });
            }
        }
        for (place, text) in trend.formulas.iter().enumerate() {
            let formula = Formula::parse(text, trend.series.len()).expect("the engine has refused what is no formula");
            let values = (0..buckets.len()).map(|bucket| formula.value(&|series| lines[series].measures[0][bucket]));
            let measures = vec![values.collect()];
            lines.push(TrendLine { series: trend.series.len() + place, label: Label::Everything, measures });
        }
        for measure in lines.iter_mut().flat_map(|line| &mut line.measures) {
            *measure = (0..measure.len()).map(|bucket| running(trend.running, measure, bucket)).collect();
        }
        TrendAnswer { buckets: buckets.iter().map(|bucket| bucket.0).collect(), lines, previous }
    }

    fn measures(
        &self,
        asked: &[Measure],
        rows: &[&Row],
        scope: &Scope,
        buckets: &[(i64, i64)],
    ) -> Vec<Vec<Option<f64>>> {
        let of = |measure: &Measure| {
            if *measure == Measure::NewPeople {
                let people: BTreeSet<&String> = rows.iter().map(|row| &row.person).collect();
                let new = |&(from, until): &(i64, i64)| {
                    let firsts = people.iter().map(|person| self.rows_of(person)[0].time_ms);
                    let is_in = |first: &i64| scope.contains(*first) && (from..until).contains(first);
                    Some(firsts.filter(is_in).count() as f64)
                };
                return buckets.iter().map(new).collect();
            }
            let inside = |&(from, until): &(i64, i64)| {
                let inside: Vec<&Row> =
                    rows.iter().copied().filter(|row| (from..until).contains(&row.time_ms)).collect();
                self.measure(measure, &inside)
            };
            buckets.iter().map(inside).collect()
        };
        asked.iter().map(of).collect()
    }

    fn measure(&self, measure: &Measure, rows: &[&Row]) -> Option<f64> {
        let people: BTreeSet<&String> = rows.iter().map(|row| &row.person).collect();
        let numbers = |property: &String| -> Vec<f64> {
            let mut numbers: Vec<f64> = rows.iter().filter_map(|row| row.numbers.get(property).copied()).collect();
            numbers.sort_by(f64::total_cmp);
            numbers
        };
        match measure {
            Measure::Count => Some(rows.len() as f64),
            Measure::People => Some(people.len() as f64),
            Measure::NewPeople => None,
            Measure::Sessions => {
                let sessions: BTreeSet<(&String, i64)> =
                    rows.iter().map(|row| (&row.person, self.session_start(row))).collect();
                Some(sessions.len() as f64)
            }
            Measure::CountPerPerson => (!rows.is_empty()).then(|| rows.len() as f64 / people.len() as f64),
            Measure::Sum(property) => Some(total(numbers(property))),
            Measure::Average(property) => {
                let numbers = numbers(property);
                (!numbers.is_empty()).then(|| total(numbers.iter().copied()) / numbers.len() as f64)
            }
            Measure::Minimum(property) => numbers(property).first().copied(),
            Measure::Maximum(property) => numbers(property).last().copied(),
            Measure::Percentile(property, rank) => percentile(&numbers(property), *rank),
            Measure::PerPerson { value, statistic } => {
                let of = |person: &String| -> Option<f64> {
                    let own = rows.iter().filter(|row| row.person == *person);
                    match value {
                        PersonValue::Rows => Some(own.count() as f64),
                        PersonValue::Sum(name) => {
                            let own: Vec<f64> = own.filter_map(|row| row.numbers.get(name).copied()).collect();
                            (!own.is_empty()).then(|| total(own))
                        }
                    }
                };
                let mut all: Vec<f64> = people.iter().filter_map(|person| of(person)).collect();
                all.sort_by(f64::total_cmp);
                match statistic {
                    PersonStatistic::Average => {
                        (!all.is_empty()).then(|| total(all.iter().copied()) / all.len() as f64)
                    }
                    PersonStatistic::Minimum => all.first().copied(),
                    PersonStatistic::Maximum => all.last().copied(),
                    PersonStatistic::Percentile(rank) => percentile(&all, *rank),
                }
            }
        }
    }

    /// The first time of the session a row is in.
    fn session_start(&self, row: &Row) -> i64 {
        let mut start = row.time_ms;
        for earlier in self.rows_of(&row.person).iter().rev().filter(|other| other.time_ms <= row.time_ms) {
            if start - earlier.time_ms > 30 * 60_000 {
                break;
            }
            start = earlier.time_ms;
        }
        start
    }
}

fn running(running: Running, values: &[Option<f64>], bucket: usize) -> Option<f64> {
    let so_far = || values[..=bucket].iter().flatten();
    match running {
        Running::Each => values[bucket],
        Running::Sum => Some(total(so_far().copied())),
        Running::Average(buckets) => {
            let near: Vec<f64> = values[..=bucket].iter().rev().take(buckets).rev().flatten().copied().collect();
            (!near.is_empty()).then(|| total(near.iter().copied()) / near.len() as f64)
        }
    }
}
