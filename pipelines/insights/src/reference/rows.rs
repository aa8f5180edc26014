//! Questions about rows, naively: distributions, times between, rankings.

use std::collections::{BTreeMap, BTreeSet};

use super::{World, percentile, total};
use crate::definition::{
    Distribution, DistributionAnswer, DistributionOf, RankBy, RankedRow, Ranking, RankingAnswer, TimeBetween,
    TimeBetweenAnswer,
};

impl World {
    pub(super) fn distribution(&self, distribution: &Distribution) -> DistributionAnswer {
        let rows = self.matching(&distribution.scope, &distribution.select);
        let mut values: Vec<f64> = match &distribution.of {
            DistributionOf::Property(property) => {
                rows.iter().filter_map(|row| row.numbers.get(property).copied()).collect()
            }
            DistributionOf::RowsPerPerson => {
                let mut counts: BTreeMap<&String, u32> = BTreeMap::new();
                rows.iter().for_each(|row| *counts.entry(&row.person).or_default() += 1);
                counts.into_values().map(f64::from).collect()
            }
        };
        values.sort_by(f64::total_cmp);
        let edges = &distribution.edges;
        let bin = |value: &f64| edges.iter().filter(|edge| **edge <= *value).count();
        let mut histogram = vec![0; edges.len() + 1];
        values.iter().for_each(|value| histogram[bin(value)] += 1);
        DistributionAnswer {
            count: values.len() as u64,
            sum: total(values.iter().copied()),
            minimum: values.first().copied(),
            maximum: values.last().copied(),
            histogram,
            percentiles: distribution.ranks.iter().map(|&rank| percentile(&values, rank)).collect(),
        }
    }

    /// The times, with who needed them.
    pub(super) fn times_between<'w>(&'w self, between: &TimeBetween) -> Vec<(i64, &'w String)> {
        let (from, to) = (self.matching(&between.scope, &between.from), self.matching(&between.scope, &between.to));
        let mut found: Vec<(i64, &String)> = Vec::new();
        for row in from {
            let later = to.iter().filter(|other| other.person == row.person && other.time_ms > row.time_ms);
            let next = later.map(|other| other.time_ms - row.time_ms).min().filter(|time| *time <= between.window_ms);
            found.extend(next.map(|time| (time, &row.person)));
        }
        found
    }

    pub(super) fn time_between(&self, between: &TimeBetween) -> TimeBetweenAnswer {
        let found = self.times_between(between);
        let mut times: Vec<i64> = found.iter().map(|one| one.0).collect();
        times.sort();
        TimeBetweenAnswer {
            count: times.len() as u64,
            people: found.iter().map(|one| one.1).collect::<BTreeSet<_>>().len() as u64,
            sum_ms: times.iter().sum::<i64>() as u64,
            percentiles_ms: between.ranks.iter().map(|&rank| percentile(&times, rank)).collect(),
        }
    }

    pub(super) fn ranking(&self, ranking: &Ranking) -> RankingAnswer {
        let mut counts: BTreeMap<(Option<String>, Option<String>), u64> = BTreeMap::new();
        for row in self.matching(&ranking.scope, &ranking.select) {
            let activity = (ranking.by != RankBy::Person).then(|| row.activity.clone());
            let person = (ranking.by != RankBy::Activity).then(|| row.person.clone());
            *counts.entry((activity, person)).or_default() += 1;
        }
        let row =
            |((activity, person), rows): ((Option<String>, Option<String>), u64)| RankedRow { activity, person, rows };
        let mut rows: Vec<RankedRow> = counts.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.rows));
        rows.truncate(ranking.top);
        RankingAnswer { rows }
    }
}
