//! Correlation and comparison, naively: everybody's stretch and numbers, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, World, scope_of, total};
use crate::definition::{
    Compare, CompareAnswer, CompareOf, CompareSegment, Correlation, CorrelationAnswer, FactorOf, Scope,
};
use crate::operators::of_counts;

impl World {
    pub(super) fn correlation(&self, asked: &Correlation) -> CorrelationAnswer {
        let funnel = &asked.funnel;
        let (mut entered, mut all_converted) = (0, 0);
        let mut counts: BTreeMap<FactorOf, (u64, u64)> = BTreeMap::new();
        for person in self.persons_of(&funnel.scope) {
            let Some((converted, has)) = self.factors_of(asked, &person) else { continue };
            entered += 1;
            all_converted += u64::from(converted);
            for of in has {
                let count = counts.entry(of).or_default();
                if converted { count.0 += 1 } else { count.1 += 1 }
            }
        }
        of_counts(asked, entered, all_converted, counts.into_iter().collect())
    }

    /// Whether somebody who entered converted, and the factors they have.
    pub(super) fn factors_of(&self, asked: &Correlation, person: &str) -> Option<(bool, BTreeSet<FactorOf>)> {
        let funnel = &asked.funnel;
        let (level, converted) = self.stretch(person, funnel, (i64::MIN, i64::MAX));
        if level == 0 {
            return None;
        }
        let rows = self.rows_of(person);
        let inside = || rows.iter().copied().filter(|row| funnel.scope.contains(row.time_ms));
        let of_first: Vec<&Row> = inside().filter(|row| self.matches(&funnel.steps[0], row)).collect();
        let (start, end) = match converted {
            Some((at, ms)) => (at - ms, at),
            None => {
                let start = of_first[0].time_ms;
                (start, start.saturating_add(funnel.window_ms).saturating_add(1).min(funnel.scope.until_ms))
            }
        };
        let mut has: BTreeSet<FactorOf> = BTreeSet::new();
        for name in &asked.properties {
            let at_start = of_first.iter().filter(|row| row.time_ms == start);
            let value = at_start.map(|row| row.texts.get(name).cloned()).min().flatten();
            has.extend(value.map(|value| FactorOf::Property { name: name.clone(), value }));
        }
        for name in &asked.person_properties {
            let value = self.traits.get(person).and_then(|traits| traits.get(name)).cloned();
            has.extend(value.map(|value| FactorOf::PersonProperty { name: name.clone(), value }));
        }
        for row in rows.iter().filter(|row| asked.activities && start < row.time_ms && row.time_ms < end) {
            let named = |name: &String| *name == row.activity;
            if !funnel.steps.iter().any(|step| step.activities.is_empty() || step.activities.iter().any(named)) {
                has.insert(FactorOf::Activity(row.activity.clone()));
            }
        }
        Some((converted.is_some(), has))
    }

    pub(super) fn compare(&self, asked: &Compare) -> CompareAnswer {
        let of = |index: usize| self.persons_of(&scope_of(&asked.scope, &asked.segments[index].cohort));
        let (first, second) = (of(0), of(1));
        let segment = |people: &[String], others: &[String], index: usize| {
            let alone: Vec<&String> = people.iter().filter(|person| !others.contains(person)).collect();
            let numbers: Vec<f64> = alone.iter().map(|person| self.number_of(asked, person)).collect();
            CompareSegment {
                name: asked.segments[index].name.clone(),
                people: alone.len() as u64,
                sum: total(numbers.iter().copied()),
                sum_of_squares: total(numbers.iter().map(|number| number * number)),
            }
        };
        let in_both = first.iter().filter(|person| second.contains(person)).count() as u64;
        CompareAnswer { segments: vec![segment(&first, &second, 0), segment(&second, &first, 1)], in_both }
    }

    fn number_of(&self, asked: &Compare, person: &str) -> f64 {
        let span = Scope { people: None, sample: None, ..asked.scope.clone() };
        let rows = |select| self.matching(&span, select).into_iter().filter(|row| row.person == person);
        match &asked.of {
            CompareOf::Converts { steps, window_ms } => {
                let within = (asked.scope.from_ms, asked.scope.until_ms);
                let level = self.ordered_level(person, steps, *window_ms, &[], within, (i64::MIN, i64::MAX)).0;
                if level == steps.len() { 1.0 } else { 0.0 }
            }
            CompareOf::RowsPerPerson(select) => rows(select).count() as f64,
            CompareOf::SumPerPerson { select, property } => {
                total(rows(select).filter_map(|row| row.numbers.get(property).copied()))
            }
        }
    }
}
