//! Questions about when people are active, naively: retention, lifecycle, stickiness, active people.

use std::collections::BTreeSet;

use super::{Row, World, buckets_of, scope_of};
use crate::definition::{
    ActiveDay, ActivePeople, ActivePeopleAnswer, Bucket, Label, Lifecycle, LifecycleAnswer, LifecycleBucket, Retention,
    RetentionAnswer, RetentionCohort, RetentionGroup, RetentionKind, Scope, Selector, Stickiness, StickinessAnswer,
};

/// The bucket of a time.
fn place(buckets: &[(i64, i64)], time: i64) -> Option<usize> {
    buckets.iter().position(|&(from, until)| (from..until).contains(&time))
}

impl World {
    /// Buckets in which a person has such rows.
    pub(super) fn present(
        &self,
        person: &str,
        select: &Selector,
        buckets: &[(i64, i64)],
        span: (i64, i64),
    ) -> BTreeSet<usize> {
        let rows = self.rows_of(person).into_iter();
        let counting = rows.filter(|row| (span.0..span.1).contains(&row.time_ms) && self.matches(select, row));
        counting.filter_map(|row| place(buckets, row.time_ms)).collect()
    }

    pub(super) fn retention(&self, retention: &Retention) -> RetentionAnswer {
        let all = |_: &Option<String>| true;
        let mut groups = Vec::new();
        for named in &retention.cohorts {
            let alone = Retention { scope: scope_of(&retention.scope, &named.cohort), ..retention.clone() };
            let cohorts = self.retention_of(&alone, all);
            groups.push(RetentionGroup { label: Label::Cohort(named.name.clone()), cohorts });
        }
        if let Some(breakdown) = &retention.breakdown {
            let values: BTreeSet<Option<String>> = self.starts(retention).into_iter().map(|start| start.2).collect();
            let starts = |value: &Option<String>| -> u64 {
                self.retention_of(retention, |one| one == value).iter().map(|cohort| cohort.people).sum()
            };
            let mut ranked: Vec<(u64, Option<String>)> =
                values.into_iter().map(|value| (starts(&value), value)).collect();
            ranked.sort_by_key(|(people, _)| std::cmp::Reverse(*people));
            let others = ranked.split_off(ranked.len().min(breakdown.top));
            ranked.sort_by(|a, b| a.1.cmp(&b.1));
            for (_, value) in ranked {
                let cohorts = self.retention_of(retention, |one| *one == value);
                groups.push(RetentionGroup { label: Label::Values(vec![value]), cohorts });
            }
            if !others.is_empty() {
                let cohorts = self.retention_of(retention, |one| others.iter().any(|other| other.1 == *one));
                groups.push(RetentionGroup { label: Label::Other, cohorts });
            }
        }
        RetentionAnswer { cohorts: self.retention_of(retention, all), groups }
    }

    /// Person, bucket and value of every start.
    pub(super) fn starts(&self, retention: &Retention) -> Vec<(String, usize, Option<String>)> {
        let scope = &retention.scope;
        let buckets = buckets_of(retention.bucket, scope, 0);
        let mut all = Vec::new();
        for person in self.persons_of(scope) {
            let rows: Vec<&Row> =
                self.rows_of(&person).into_iter().filter(|row| self.matches(&retention.start, row)).collect();
            let first = rows.first().map(|row| row.time_ms);
            for (place, &(from, until)) in buckets.iter().enumerate() {
                let counts = |row: &&&Row| scope.contains(row.time_ms) && (from..until).contains(&row.time_ms);
                let inside: Vec<&&Row> = rows.iter().filter(counts).collect();
                let Some(start) = inside.first().map(|row| row.time_ms) else { continue };
                if retention.kind == RetentionKind::FirstTime && first != Some(start) {
                    continue;
                }
                let by = retention.breakdown.as_ref().map(|breakdown| &breakdown.properties[0]);
                let tied = inside.iter().filter(|row| row.time_ms == start);
                let value = tied.map(|row| by.and_then(|by| self.value_of(by, row))).min().unwrap();
                all.push((person.clone(), place, value));
            }
        }
        all
    }

    fn retention_of(&self, retention: &Retention, wanted: impl Fn(&Option<String>) -> bool) -> Vec<RetentionCohort> {
        let scope = &retention.scope;
        let buckets = buckets_of(retention.bucket, scope, 0);
        let n = buckets.len();
        let mut cohorts: Vec<RetentionCohort> =
            (0..n).map(|w| RetentionCohort { start_ms: buckets[w].0, people: 0, returned: vec![0; n - w] }).collect();
        for (person, w, _) in self.starts(retention).into_iter().filter(|start| wanted(&start.2)) {
            let returns = self.present(&person, &retention.returning, &buckets, (scope.from_ms, scope.until_ms));
            cohorts[w].people += 1;
            for k in 0..n - w {
                let returned = match retention.unbounded {
                    true => returns.iter().any(|&bucket| bucket >= w + k),
                    false => returns.contains(&(w + k)),
                };
                cohorts[w].returned[k] += u64::from(returned);
            }
        }
        cohorts
    }

    pub(super) fn lifecycle(&self, lifecycle: &Lifecycle) -> LifecycleAnswer {
        let buckets = buckets_of(lifecycle.bucket, &lifecycle.scope, 1);
        let mut counts: Vec<LifecycleBucket> =
            buckets.iter().map(|bucket| LifecycleBucket { start_ms: bucket.0, ..LifecycleBucket::default() }).collect();
        for person in self.persons_of(&lifecycle.scope) {
            let rows = self.rows_of(&person);
            let did = |from: i64, until: i64| {
                rows.iter().any(|row| (from..until).contains(&row.time_ms) && self.matches(&lifecycle.select, row))
            };
            for index in 1..buckets.len() {
                let now = did(buckets[index].0, buckets[index].1);
                let previous = did(buckets[index - 1].0, buckets[index - 1].1);
                let ever = did(i64::MIN, buckets[index].0);
                let count = &mut counts[index];
                match (now, previous, ever) {
                    (true, true, _) => count.returning += 1,
                    (true, false, true) => count.resurrecting += 1,
                    (true, false, false) => count.new += 1,
                    (false, true, _) => count.dormant += 1,
                    (false, false, _) => {}
                }
            }
        }
        counts.remove(0);
        LifecycleAnswer { buckets: counts }
    }

    pub(super) fn stickiness(&self, stickiness: &Stickiness) -> StickinessAnswer {
        let scope = &stickiness.scope;
        let buckets = buckets_of(stickiness.bucket, scope, 0);
        let mut people = vec![0; buckets.len()];
        for person in self.persons_of(scope) {
            let present = self.present(&person, &stickiness.select, &buckets, (scope.from_ms, scope.until_ms)).len();
            if present > 0 {
                people[present - 1] += 1;
            }
        }
        StickinessAnswer { people }
    }

    pub(super) fn active_people(&self, active: &ActivePeople) -> ActivePeopleAnswer {
        let all = buckets_of(Bucket::Day, &active.scope, 29);
        let persons = self.persons_of(&active.scope);
        let count = |from: i64, until: i64| {
            let scope = Scope { people: None, ..Scope::utc(from, until) };
            let rows = self.matching(&scope, &active.select).into_iter().filter(|row| persons.contains(&row.person));
            rows.map(|row| &row.person).collect::<BTreeSet<_>>().len() as u64
        };
        let day = |index: usize| {
            let [day, week, month] = [0, 6, 29].map(|before| count(all[index - before].0, all[index].1));
            ActiveDay {
                start_ms: all[index].0,
                day,
                week,
                month,
                day_per_week: if week == 0 { None } else { Some(day as f64 / week as f64) },
                day_per_month: if month == 0 { None } else { Some(day as f64 / month as f64) },
                week_per_month: if month == 0 { None } else { Some(week as f64 / month as f64) },
            }
        };
        ActivePeopleAnswer { days: (29..all.len()).map(day).collect() }
    }
}
