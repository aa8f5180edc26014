//! By what people can be told apart at their first exposure: where a mismatch of arms comes from, and where an effect differs.

use std::collections::BTreeMap;

use footfall_models_experiment::statistics::srm;
use footfall_pipelines_insights::definition::ExposedLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exposures::ExposureSource;
use super::facts::Rows;
use super::question::Question;
use super::report::{SampleSuspect, VariationReport};
use super::samples::Named;
use super::sql::Binder;
use crate::error::ExperimentError;

/// Levels with fewer people tell nothing of their arms.
const PEOPLE_MIN: u32 = 40;
const LEVELS_MAX: usize = 2_000;
const SUSPECTS_MAX: usize = 10;
/// Below this a level is named.
const SUSPECT_P_VALUE: f64 = 0.05;
/// At least this for what is left without a level to count as planned.
const REST_P_VALUE: f64 = 0.01;
/// What people without a value are called.
const UNKNOWN: &str = "(unknown)";

/// What is known of a person at the first exposure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    Browser,
    BrowserVersion,
    OperatingSystem,
    DeviceType,
    AppVersion,
    Country,
    Language,
    /// Library and its version.
    Sdk,
    ReferringDomain,
}

impl Dimension {
    pub const ALL: [Dimension; 9] = [
        Dimension::Browser,
        Dimension::BrowserVersion,
        Dimension::OperatingSystem,
        Dimension::DeviceType,
        Dimension::AppVersion,
        Dimension::Country,
        Dimension::Language,
        Dimension::Sdk,
        Dimension::ReferringDomain,
    ];

    /// In sentences.
    pub const fn words(self) -> &'static str {
        match self {
            Dimension::Browser => "browser",
            Dimension::BrowserVersion => "browser version",
            Dimension::OperatingSystem => "operating system",
            Dimension::DeviceType => "device type",
            Dimension::AppVersion => "app version",
            Dimension::Country => "country",
            Dimension::Language => "language",
            Dimension::Sdk => "SDK",
            Dimension::ReferringDomain => "referring domain",
        }
    }

    /// Its columns of `activity`, whose values are told with a space between.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Dimension::Browser => &["browser"],
            Dimension::BrowserVersion => &["browser", "browser_version"],
            Dimension::OperatingSystem => &["os"],
            Dimension::DeviceType => &["device_type"],
            Dimension::AppVersion => &["app_name", "app_version"],
            Dimension::Country => &["country"],
            Dimension::Language => &["locale"],
            Dimension::Sdk => &["library", "library_version"],
            Dimension::ReferringDomain => &["referring_domain"],
        }
    }

    /// Without a version there is no browser's version.
    pub const fn needs_last(self) -> bool {
        matches!(self, Dimension::BrowserVersion)
    }

    /// Over a row of `activity`; never null.
    pub const fn expression(self) -> &'static str {
        match self {
            Dimension::Browser => "coalesce(browser, '')",
            Dimension::BrowserVersion => {
                "CASE WHEN browser_version IS NULL THEN '' ELSE concat_ws(' ', browser, browser_version) END"
            }
            Dimension::OperatingSystem => "coalesce(os, '')",
            Dimension::DeviceType => "coalesce(device_type, '')",
            Dimension::AppVersion => "concat_ws(' ', app_name, app_version)",
            Dimension::Country => "coalesce(country, '')",
            Dimension::Language => "coalesce(locale, '')",
            Dimension::Sdk => "concat_ws(' ', library, library_version)",
            Dimension::ReferringDomain => "coalesce(referring_domain, '')",
        }
    }
}

/// A level's name as it is told.
pub(super) fn level_name(value: &str) -> String {
    if value.is_empty() { UNKNOWN.to_owned() } else { value.to_owned() }
}

/// Rows: the level in the column of its dimension, the other columns null; people of each arm.
pub(super) fn question(source: ExposureSource<'_>, until: &str) -> Question {
    let mut binder = Binder::default();
    let units = source.units("", &mut binder, until, &Dimension::ALL);
    let columns: Vec<String> = (0..Dimension::ALL.len()).map(|index| format!("d{index}")).collect();
    let sets: Vec<String> = columns.iter().map(|column| format!("({column})")).collect();
    let arms = source.experiment.variations.iter().enumerate().map(|(arm, variation)| {
        let key = binder.bind(variation.key.as_str());
        format!(", sum(CASE WHEN variation = {key} THEN 1.0 ELSE 0.0 END) AS n{arm}")
    });
    let arms: String = arms.collect();
    let sql = format!(
        "WITH {units}\nSELECT {}, count(*) AS n{arms}\nFROM units WHERE variation <> '' GROUP BY GROUPING SETS ({})\n\
         HAVING count(*) >= {PEOPLE_MIN} ORDER BY n DESC LIMIT {LEVELS_MAX}",
        columns.join(", "),
        sets.join(", "),
    );
    Question { sql, params: binder.into_params() }
}

/// One level of a dimension, and its people by arm.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub dimension: &'static str,
    pub level: String,
    pub people: Vec<f64>,
}

/// The levels of an answer to [`question`].
pub(super) fn levels(rows: &Rows, arms: usize) -> Result<Vec<Level>, ExperimentError> {
    let mut found = Vec::new();
    for row in &rows.rows {
        let row = Named(&rows.columns, row);
        let text = |index: usize| row.get(&format!("d{index}")).and_then(serde_json::Value::as_str);
        let named = (0..Dimension::ALL.len()).find_map(|index| Some((index, text(index)?)));
        let Some((index, level)) = named else { continue };
        let people = (0..arms).map(|arm| row.number(&format!("n{arm}"))).collect::<Result<_, _>>()?;
        found.push((index, Level { dimension: Dimension::ALL[index].words(), level: level_name(level), people }));
    }
    Ok(ordered(found))
}

/// Of levels with the same people the first dimension is named.
fn ordered(mut found: Vec<(usize, Level)>) -> Vec<Level> {
    found.sort_by(|(x, a), (y, b)| x.cmp(y).then_with(|| a.level.cmp(&b.level)));
    found.into_iter().map(|(_, level)| level).collect()
}

/// The same levels of an answer of the insights engine to [`Dimension::ALL`].
pub(super) fn exposed_levels(dimensions: &[Vec<ExposedLevel>]) -> Vec<Level> {
    let mut found = Vec::new();
    for (index, (dimension, levels)) in Dimension::ALL.iter().zip(dimensions).enumerate() {
        for level in levels.iter().filter(|level| level.people.iter().sum::<u64>() >= u64::from(PEOPLE_MIN)) {
            let people: Vec<f64> = level.people.iter().map(|count| *count as f64).collect();
            found.push((index, Level { dimension: dimension.words(), level: level_name(&level.level), people }));
        }
    }
    found.sort_by(|(_, a), (_, b)| b.people.iter().sum::<f64>().total_cmp(&a.people.iter().sum()));
    found.truncate(LEVELS_MAX);
    ordered(found)
}

/// Days of exposure as levels.
pub(super) fn days(people: BTreeMap<String, Vec<f64>>) -> impl Iterator<Item = Level> {
    people.into_iter().map(|(level, people)| Level { dimension: "day of first exposure", level, people })
}

/// The levels whose people are off, the strongest first.
pub(super) fn suspects(levels: &[Level], arms: &[VariationReport]) -> Vec<SampleSuspect> {
    let weights: Vec<f64> = arms.iter().map(|arm| arm.weight).collect();
    let units = |arm: &VariationReport| arm.clusters.unwrap_or(arm.people);
    let all: f64 = arms.iter().map(units).sum();
    // Where everybody is alike nobody is set apart.
    let is_apart = |level: &&Level| all - level.people.iter().sum::<f64>() >= f64::from(PEOPLE_MIN);
    let levels: Vec<&Level> = levels.iter().filter(is_apart).collect();
    let counts: Vec<Vec<f64>> = levels.iter().map(|level| level.people.clone()).collect();
    let found = srm::root_cause(&counts, &weights).into_iter();
    let found = found.filter(|suspect| suspect.p_value_adjusted < SUSPECT_P_VALUE).take(SUSPECTS_MAX);
    let suspect = |suspect: srm::Suspect| {
        let level = levels[suspect.level];
        let rest: Vec<f64> = arms.iter().zip(&level.people).map(|(arm, people)| units(arm) - people).collect();
        SampleSuspect {
            dimension: level.dimension.to_owned(),
            level: level.level.clone(),
            people: level.people.iter().sum(),
            p_value_adjusted: suspect.p_value_adjusted,
            deviations: suspect.deviations,
            p_value_of_rest: srm::ratio_check(&rest, &weights).p_value,
        }
    };
    found.map(suspect).collect()
}

/// What the check of all people and the suspects come to, in words.
pub(super) fn reading(is_off: bool, suspects: &[SampleSuspect], arms: &[VariationReport]) -> String {
    let Some(first) = suspects.first() else {
        return match is_off {
            false => "The arms have the people that their weights promise.".to_owned(),
            true => "The arms do not have the people that their weights promise, and nothing that is known of people sets some apart: \
                     look for what loses people or exposures of one arm. Until then no effect below can be trusted."
                .to_owned(),
        };
    };
    let place = format!("{} is {}", first.dimension, first.level);
    // Of two arms one has as many too few as the other too many: who lacks people is named.
    let size = |deviation: &f64| if *deviation < 0.0 { deviation.abs() + 1e-9 } else { *deviation };
    let worst = first.deviations.iter().enumerate().max_by(|(_, a), (_, b)| size(a).total_cmp(&size(b)));
    let worst = worst.and_then(|(index, deviation)| Some((arms.get(index)?, deviation)));
    let what = worst.map_or_else(String::new, |(arm, deviation)| {
        if arm.weight <= 0.0 {
            return format!(": {} has people there and should have none", arm.key);
        }
        let direction = if *deviation < 0.0 { "fewer" } else { "more" };
        format!(": {} has {:.0} % {direction} people there than it should", arm.key, deviation.abs() * 100.0)
    });
    match first.p_value_of_rest >= REST_P_VALUE {
        true => format!(
            "The arms do not have the people that their weights promise, most of all where {place}{what}. Without these people \
             the arms are as planned: look there. Until then no effect below can be trusted."
        ),
        false => format!(
            "The arms do not have the people that their weights promise, most of all where {place}{what}, but not there alone: \
             look for what loses people or exposures of one arm. Until then no effect below can be trusted."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An arm that gets nobody any more is named only where somebody is in it.
    #[test]
    fn an_arm_without_weight_is_no_suspect_by_itself() {
        let arm = |key: &str, people: f64, weight: f64| VariationReport {
            key: key.to_owned(),
            people,
            weight,
            clusters: None,
        };
        let level = |level: &str, people: [f64; 3]| Level {
            dimension: Dimension::Browser.words(),
            level: level.to_owned(),
            people: people.into(),
        };
        let arms = [arm("control", 900.0, 0.5), arm("treatment", 1_100.0, 0.5), arm("ended", 0.0, 0.0)];
        let levels = [level("Safari", [400.0, 600.0, 0.0]), level("Firefox", [500.0, 500.0, 0.0])];
        let found = suspects(&levels, &arms);
        assert!(found[0].level == "Safari" && found[0].deviations[2] == 0.0, "{found:?}");
        let words = reading(true, &found, &arms);
        assert!(words.contains("browser is Safari: control has 20 % fewer people there"), "{words}");
        let arms = [arm("control", 1_000.0, 0.5), arm("treatment", 1_000.0, 0.5), arm("ended", 7.0, 0.0)];
        let levels = [level("Safari", [500.0, 500.0, 7.0]), level("Firefox", [500.0, 500.0, 0.0])];
        let words = reading(true, &suspects(&levels, &arms), &arms);
        assert!(words.contains("browser is Safari: ended has people there and should have none"), "{words}");
    }
}
