//! Post-stratification: people of one stratum are compared with each other alone, and strata weigh as many people as they have.
//!
//! Strata are made of what was known at the first exposure: the level of a dimension, and whether somebody had done anything before that the
//! metrics measure.

use std::collections::BTreeMap;

use footfall_models_experiment::statistics::{Difference, Effect, Statistic};

use super::analysis::{Cells, Pair};
use super::dimensions::{Dimension, level_name};
use super::question::Measured;
use super::report::{ArmMoments, StratumReport, StratumSummary, finite};
use super::samples::{Cell, joint};
use super::sql::Binder;
use crate::definition::{Experiment, PART_SEPARATOR};

/// With fewer people in an arm a stratum is none of its own.
pub(super) const PEOPLE_MIN: f64 = 20.0;
/// Levels with strata of their own, those with the most people.
pub(super) const LEVELS_MAX: usize = 50;

/// Into which strata people fall.
#[derive(Debug, Clone, Copy)]
pub struct Strata<'a> {
    /// A dimension with the levels that are told apart; all others are one.
    pub levels: Option<(Dimension, &'a [String])>,
    /// Whether they did anything before exposure that metrics measure.
    pub by_activity: bool,
}

/// One stratum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stratum {
    /// The place of its level; none is that of all others.
    pub level: Option<usize>,
    /// None where that tells nobody apart.
    pub is_active: Option<bool>,
}

impl Stratum {
    /// As answers tell it.
    pub fn code(self) -> String {
        let level = self.level.map(|place| place.to_string()).unwrap_or_default();
        let active = self.is_active.map(|active| u8::from(active).to_string()).unwrap_or_default();
        format!("{level}{PART_SEPARATOR}{active}")
    }

    fn read(code: &str) -> Stratum {
        let (level, active) = code.split_once(PART_SEPARATOR).unwrap_or((code, ""));
        Stratum { level: level.parse().ok(), is_active: (!active.is_empty()).then_some(active == "1") }
    }
}

/// Strata of an experiment's people before their levels are known; none where nobody is told apart by them.
pub(super) fn wanted(experiment: &Experiment) -> Option<(Option<Dimension>, bool)> {
    let analysis = &experiment.analysis;
    let by_activity = analysis.post_stratifies && analysis.covariate_days > 0;
    let is_possible = experiment.design.is_people() && experiment.bandit.is_none();
    let is_wanted = by_activity || analysis.stratified_by.is_some();
    (is_possible && is_wanted).then_some((analysis.stratified_by, by_activity))
}

impl Strata<'_> {
    pub fn dimensions(&self) -> &[Dimension] {
        self.levels.as_ref().map_or(&[], |(dimension, _)| std::slice::from_ref(dimension))
    }

    /// The part of a person in SQL.
    pub(super) fn part(&self, day: &str, measured: &[Measured<'_>], binder: &mut Binder) -> String {
        let mut conditions: Vec<&String> = Vec::new();
        for condition in measured.iter().flat_map(|one| &one.columns.before) {
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
        let level = match self.levels {
            None => "''".to_owned(),
            Some((_, levels)) => {
                let cases: String = levels
                    .iter()
                    .enumerate()
                    .map(|(place, level)| format!(" WHEN {} THEN '{place}'", binder.bind(level.as_str())))
                    .collect();
                if cases.is_empty() { "''".to_owned() } else { format!("CASE u.d0{cases} ELSE '' END") }
            }
        };
        let active = match (self.by_activity, conditions.is_empty()) {
            (false, _) => "''".to_owned(),
            (true, true) => "'0'".to_owned(),
            (true, false) => {
                let any: Vec<String> = conditions.iter().map(|condition| format!("({condition})")).collect();
                format!("max(CASE WHEN {} THEN '1' ELSE '0' END)", any.join(" OR "))
            }
        };
        let separator = binder.bind(PART_SEPARATOR.to_string());
        format!("concat({day}, {separator}, {level}, {separator}, {active})")
    }
}

/// People of each arm by day of exposure and stratum.
pub(super) struct Stratified {
    dimension: Option<Dimension>,
    levels: Vec<String>,
    cells: BTreeMap<String, BTreeMap<String, BTreeMap<Stratum, Cell>>>,
}

/// A stratum, and what each side of a comparison has in it.
type Sides = (Stratum, [Option<Statistic>; 2]);

/// Both arms of one metric in each stratum.
#[derive(Default)]
pub(super) struct Grown(BTreeMap<Stratum, [Option<Statistic>; 2]>);

/// Strata that are compared.
pub(super) struct Compared {
    pub name: String,
    pub pair: Pair,
}

/// Splits cells by their strata; the first of both are those of all people of a day.
pub(super) fn split(cells: Cells, strata: Strata<'_>) -> (Cells, Stratified) {
    let mut of_days = Cells::new();
    let mut of_strata: BTreeMap<String, BTreeMap<String, BTreeMap<Stratum, Cell>>> = BTreeMap::new();
    for (variation, parts) in cells {
        let (days, by_stratum) =
            (of_days.entry(variation.clone()).or_default(), of_strata.entry(variation).or_default());
        for (part, cell) in parts {
            let (day, code) = part.split_once(PART_SEPARATOR).unwrap_or((&part, ""));
            let known = days.get(day).map(|known| known.merged(&cell));
            days.insert(day.to_owned(), known.unwrap_or_else(|| cell.clone()));
            by_stratum.entry(day.to_owned()).or_default().insert(Stratum::read(code), cell);
        }
    }
    let dimension = strata.levels.map(|(dimension, _)| dimension);
    let levels = strata.levels.map(|(_, levels)| levels.to_vec()).unwrap_or_default();
    (of_days, Stratified { dimension, levels, cells: of_strata })
}

impl Stratified {
    /// Adds who was exposed on a day.
    pub fn grow(&self, grown: &mut Grown, index: usize, (a, b): (&str, &str), day: &str) {
        for (arm, variation) in [a, b].into_iter().enumerate() {
            let strata = self.cells.get(variation).and_then(|days| days.get(day)).into_iter().flatten();
            for (stratum, cell) in strata {
                let Some(next) = cell.statistics.get(index).copied().flatten().filter(|next| next.n() > 0.0) else {
                    continue;
                };
                let place = &mut grown.0.entry(*stratum).or_default()[arm];
                *place = place.map_or(Some(next), |sum| joint(&sum, &next));
            }
        }
    }

    /// Everybody.
    pub fn all(&self, index: usize, (a, b): (&str, &str)) -> Grown {
        let mut grown = Grown::default();
        let days = [a, b].into_iter().filter_map(|variation| self.cells.get(variation)).flat_map(BTreeMap::keys);
        let days: std::collections::BTreeSet<&String> = days.collect();
        days.into_iter().for_each(|day| self.grow(&mut grown, index, (a, b), day));
        grown
    }

    /// The strata that can be compared; none where there are not two. Of a level whose sides are too small both are one; levels that are too
    /// small then are one together, or join the largest.
    pub fn compared(&self, grown: &Grown) -> Vec<Compared> {
        let mut levels: BTreeMap<Option<usize>, Vec<Sides>> = BTreeMap::new();
        for (stratum, arms) in &grown.0 {
            levels.entry(stratum.level).or_default().push((*stratum, *arms));
        }
        let mut found: Vec<Compared> = Vec::new();
        let mut rest: [Option<Statistic>; 2] = [None; 2];
        for (level, sides) in levels {
            let pairs: Vec<Option<Pair>> = sides.iter().map(|(_, arms)| large(*arms)).collect();
            if pairs.iter().all(Option::is_some) {
                let named = sides.iter().zip(pairs.into_iter().flatten());
                found.extend(named.map(|((stratum, _), pair)| Compared { name: self.name(*stratum), pair }));
                continue;
            }
            let both = sides.iter().fold([None; 2], |sum, (_, arms)| [0, 1].map(|arm| together(sum[arm], arms[arm])));
            match large(both) {
                Some(pair) => found.push(Compared { name: self.name(Stratum { level, is_active: None }), pair }),
                None => rest = [0, 1].map(|arm| together(rest[arm], both[arm])),
            }
        }
        match large(rest) {
            Some(pair) => found.push(Compared { name: "all smaller ones".to_owned(), pair }),
            None => {
                let size = |one: &&mut Compared| one.pair.0.n() + one.pair.1.n();
                if let Some(largest) = found.iter_mut().max_by(|x, y| size(x).total_cmp(&size(y))) {
                    let arms = [largest.pair.0, largest.pair.1];
                    let joined = [0, 1].map(|arm| together(Some(arms[arm]), rest[arm]));
                    if let [Some(left), Some(right)] = joined {
                        largest.pair = (left, right);
                    }
                }
            }
        }
        if found.len() < 2 { Vec::new() } else { found }
    }

    fn name(&self, stratum: Stratum) -> String {
        let level = self.dimension.map(|dimension| {
            let level = stratum.level.and_then(|place| self.levels.get(place));
            let level = level.map_or_else(|| "all others".to_owned(), |level| level_name(level));
            format!("{} {level}", dimension.words())
        });
        let active =
            stratum.is_active.map(|active| if active { "active before" } else { "not active before" }.to_owned());
        level.into_iter().chain(active).collect::<Vec<_>>().join(", ")
    }
}

fn large(arms: [Option<Statistic>; 2]) -> Option<Pair> {
    let [Some(left), Some(right)] = arms else { return None };
    (left.n().min(right.n()) >= PEOPLE_MIN).then_some((left, right))
}

fn together(a: Option<Statistic>, b: Option<Statistic>) -> Option<Statistic> {
    match (a, b) {
        (Some(a), Some(b)) => joint(&a, &b),
        (a, b) => a.or(b),
    }
}

/// What the report says of the strata of a comparison.
pub(super) fn summary(strata: &[Compared], pair: Pair) -> Option<StratumSummary> {
    if strata.is_empty() {
        return None;
    }
    let pairs: Vec<Pair> = strata.iter().map(|one| one.pair).collect();
    let of_strata = Effect::post_stratified(&pairs, Difference::Absolute).ok();
    let of_all = Effect::between(&pair.0, &pair.1, Difference::Absolute).ok();
    let variance_left = of_strata.zip(of_all);
    let variance_left = variance_left.and_then(|(of, all)| finite((of.standard_error / all.standard_error).powi(2)));
    let told = strata.iter().map(|one| StratumReport {
        stratum: one.name.clone(),
        people: [one.pair.0.n(), one.pair.1.n()],
        moments: [ArmMoments::of(&one.pair.0), ArmMoments::of(&one.pair.1)],
    });
    Some(StratumSummary { variance_left, strata: told.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(n: f64, sum: f64) -> Cell {
        let statistics = vec![Some(Statistic::proportion(n, sum))];
        Cell { people: n, units: n, statistics, mature: vec![None] }
    }

    fn stratified(of: &[(Option<usize>, bool, [f64; 2])]) -> Stratified {
        let mut cells: BTreeMap<String, BTreeMap<String, BTreeMap<Stratum, Cell>>> = BTreeMap::new();
        for (level, active, people) in of {
            for (variation, n) in ["a", "b"].into_iter().zip(people) {
                let day = cells.entry(variation.to_owned()).or_default().entry("2026-05-04".to_owned()).or_default();
                day.insert(Stratum { level: *level, is_active: Some(*active) }, cell(*n, n / 2.0));
            }
        }
        let levels = ["de", "fr", "at", "ch"].map(str::to_owned).into();
        Stratified { dimension: Some(Dimension::Country), levels, cells }
    }

    fn told(of: &[(Option<usize>, bool, [f64; 2])]) -> Vec<(String, f64)> {
        let stratified = stratified(of);
        let compared = stratified.compared(&stratified.all(0, ("a", "b")));
        compared.into_iter().map(|one| (one.name, one.pair.0.n() + one.pair.1.n())).collect()
    }

    #[test]
    fn small_strata_join_the_other_side_then_each_other_then_the_largest() {
        let both = |level, n| [(Some(level), false, [n, n]), (Some(level), true, [n, n])];
        let names =
            |told: Vec<(String, f64)>| told.into_iter().map(|(name, n)| format!("{name}: {n}")).collect::<Vec<_>>();
        let apart = told(&[both(0, 30.0), both(1, 25.0)].concat());
        let expected = ["country de, not active before: 60", "country de, active before: 60"];
        assert_eq!(names(apart)[..2], expected);
        let joined =
            told(&[&both(0, 100.0)[..], &[(Some(1), false, [90.0, 90.0]), (Some(1), true, [19.0, 90.0])]].concat());
        assert_eq!(names(joined)[2], "country fr: 289");
        let small = told(&[both(0, 100.0), both(1, 9.0), both(2, 9.0)].concat());
        assert_eq!(names(small)[2], "all smaller ones: 72");
        let alone = told(&[both(0, 100.0), both(1, 3.0)].concat());
        assert_eq!(alone.iter().map(|(_, n)| n).sum::<f64>(), 412.0, "nobody is lost: {alone:?}");
        assert_eq!(alone.len(), 2);
        assert!(told(&[(Some(0), false, [90.0, 90.0]), (Some(0), true, [4.0, 9.0])]).is_empty(), "one is none");
    }

    #[test]
    fn codes_are_read_as_they_are_written() {
        for level in [None, Some(0), Some(17)] {
            for is_active in [None, Some(false), Some(true)] {
                let stratum = Stratum { level, is_active };
                assert_eq!(Stratum::read(&stratum.code()), stratum);
            }
        }
    }
}
