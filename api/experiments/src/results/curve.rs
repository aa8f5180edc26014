//! Effects day by day: among those who were exposed until the end of each day.

use std::collections::{BTreeMap, BTreeSet};

use footfall_models_experiment::statistics::periods::{self, Period};
use footfall_models_experiment::statistics::{Settings, Statistic, analyse, analyse_periods, analyse_strata};

use super::analysis::{Answered, Frame, Pair};
use super::report::{CurvePoint, Interval, finite};
use super::samples::{Cell, joint};
use super::strata::Grown;
use crate::definition::PART_SEPARATOR;

/// Points of a curve, the last ones.
const DAYS_MAX: usize = 400;

/// One arm so far.
#[derive(Default)]
struct Arm {
    people: f64,
    statistic: Option<Statistic>,
}

impl Arm {
    fn add(&mut self, cell: Option<&Cell>, index: usize) {
        let Some(cell) = cell else { return };
        self.people += cell.people_of(index);
        let next = cell.statistics.get(index).copied().flatten();
        self.statistic = match (self.statistic, next) {
            (Some(sum), Some(next)) => joint(&sum, &next),
            (sum, next) => sum.or(next),
        };
    }
}

impl Frame<'_> {
    /// The effect among those exposed so far, by day or by period of a bandit; the last is the result's. Quantiles do not add up, and have
    /// none.
    pub(super) fn curve(
        &self,
        index: usize,
        (a, b): (&str, &str),
        answered: &Answered,
        settings: &Settings,
    ) -> Vec<CurvePoint> {
        let none = BTreeMap::new();
        let of = |key: &str| answered.cells.get(key).unwrap_or(&none);
        // Of people whose context nobody told the weights are not known.
        let known: Option<BTreeSet<String>> =
            self.is_contextual().then(|| self.weights_parts().into_iter().map(|part| part.name).collect());
        let is_known = |part: &&String| known.as_ref().is_none_or(|known| known.contains(*part));
        let parts: BTreeSet<&String> = of(a).keys().chain(of(b).keys()).filter(is_known).collect();
        let mut days: Vec<(&str, Vec<&String>)> = Vec::new();
        for part in parts {
            let day = part.split(PART_SEPARATOR).next().unwrap_or(part);
            match days.last_mut().filter(|(last, _)| *last == day) {
                Some((_, parts)) => parts.push(part),
                None => days.push((day, vec![part])),
            }
        }
        let skipped = days.len().saturating_sub(DAYS_MAX);
        let mut arms: [Arm; 2] = Default::default();
        let mut grown = Grown::default();
        let mut points: Vec<CurvePoint> = Vec::new();
        // Of a bandit, by the leaf of its contexts.
        let mut periods: BTreeMap<&str, Vec<Period>> = BTreeMap::new();
        for (place, (day, parts)) in days.into_iter().enumerate() {
            for part in parts {
                arms[0].add(of(a).get(part), index);
                arms[1].add(of(b).get(part), index);
                let leaf = part.split_once(PART_SEPARATOR).map_or("", |(_, leaf)| leaf);
                let period = self.period(index, (a, b), part, &answered.cells).filter(|_| self.is_bandit());
                period.into_iter().for_each(|period| periods.entry(leaf).or_default().push(period));
            }
            let strata = answered.strata.as_ref().filter(|_| self.is_stratified(index));
            if let Some(strata) = strata {
                strata.grow(&mut grown, index, (a, b), day);
            }
            if place < skipped {
                continue;
            }
            let people = arms.iter().map(|arm| arm.people).sum();
            let pair = arms[0].statistic.zip(arms[1].statistic);
            let periods: Vec<Period> = periods.values().flat_map(|own| periods::joined(own.iter().copied())).collect();
            let strata: Vec<Pair> =
                strata.iter().flat_map(|strata| strata.compared(&grown)).map(|one| one.pair).collect();
            let analysis = pair.map(|pair| match (periods.as_slice(), strata.as_slice()) {
                ([], []) => analyse(&[pair], settings),
                ([], strata) => analyse_strata(strata, settings),
                (periods, _) => analyse_periods(periods, settings),
            });
            let effect =
                analysis.as_ref().and_then(|analysis| analysis.effect.ok()).and_then(|effect| finite(effect.estimate));
            let interval = analysis.and_then(|analysis| analysis.test).map(|test| Interval::of(test.interval));
            points.push(CurvePoint { day: day.to_owned(), people, effect, interval });
        }
        points
    }
}
