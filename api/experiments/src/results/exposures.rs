//! Exposures as SQL: who was shown which variation first, told by PostHog's flag calls and GrowthBook's tracking calls.

use crate::catalogue::Catalogue;
use crate::compile::posthog::{reason_of_leaf, seen};
use crate::definition::{Design, Experiment, Phase, leaf_of};

use super::dimensions::Dimension;
use super::projected;
use super::sql::Binder;
use footfall_pipelines_insights::definition::{ContextTelling, Telling, Test};

/// Between the flag and its response in one text; no key has it.
const SEPARATOR: char = '\u{1f}';
/// What user agents of programs have in them.
const BOTS: [&str; 6] = ["%bot%", "%crawl%", "%spider%", "%headless%", "%lighthouse%", "%pingdom%"];

const FLAG_CALLED: &str = "$feature_flag_called";
const FLAG: &str = "$feature_flag";
const FLAG_RESPONSE: &str = "$feature_flag_response";
const VIEWED: [&str; 2] = ["Experiment Viewed", "$experiment_viewed"];
/// The first that is there counts.
const VIEWED_IDS: [&str; 2] = ["experimentId", "experiment_id"];
/// The first that is there counts.
const LEAVES: [&str; 2] = ["leafId", "leaf_id"];
const FLAG_REASON: &str = "$feature_flag_reason";
const VIEWED_VARIATIONS: [&str; 3] = ["variationId", "variation_id", "variation"];

/// The context that an exposure tells of: the leaf of GrowthBook's result, or the reason that PostHog's answer gave.
fn leaf(contexts: usize, binder: &mut Binder) -> String {
    let told: Vec<String> = LEAVES.map(|name| binder.property("", name)).into();
    let reason = binder.property("", FLAG_REASON);
    let cases = (0..=contexts).map(|context| {
        let leaf = leaf_of(context, contexts);
        format!(" WHEN {} THEN {}", binder.bind(reason_of_leaf(&leaf)), binder.bind(leaf))
    });
    let cases: String = cases.collect();
    format!("coalesce({}, CASE {reason}{cases} END)", told.join(", "))
}

/// The same for the insights engine; `leaves` are numbered by their places.
pub(super) fn context_tellings(leaves: &[String]) -> Vec<ContextTelling> {
    let told = leaves.iter().enumerate();
    let direct: Vec<(String, usize)> = told.clone().map(|(place, leaf)| (leaf.clone(), place)).collect();
    let reasons = told.map(|(place, leaf)| (reason_of_leaf(leaf), place)).collect();
    let of = |property: &str, contexts| ContextTelling { property: property.to_owned(), contexts };
    let [leaf, other] = LEAVES.map(|property| of(property, direct.clone()));
    vec![leaf, other, of(FLAG_REASON, reasons)]
}

/// What tells of exposures.
#[derive(Debug, Clone, Copy)]
pub struct ExposureSource<'a> {
    pub catalogue: &'a Catalogue,
    pub key: &'a str,
    pub experiment: &'a Experiment,
    pub phase: &'a Phase,
}

impl<'a> ExposureSource<'a> {
    /// `flag + response` of each feature that runs the experiment, and the variation that it tells of. A response that two
    /// variations share tells of none.
    fn responses(&self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut shared: Vec<String> = Vec::new();
        for (feature_key, feature) in self.catalogue.features_of(self.key) {
            let values = feature.experiments().filter(|(_, key, _)| *key == self.key).flat_map(|(_, _, values)| values);
            for value in values {
                let (is_on, variant, _) = seen(&value.value, feature.value_type, Some(&value.variation));
                let response = variant.unwrap_or_else(|| is_on.to_string());
                let text = format!("{feature_key}{SEPARATOR}{response}");
                match found.iter().find(|(known, _)| *known == text) {
                    Some((_, variation)) if *variation != value.variation => shared.push(text),
                    Some(_) => {}
                    None => found.push((text, value.variation.clone())),
                }
            }
        }
        found.retain(|(text, _)| !shared.contains(text));
        found
    }

    /// The variations as the insights engine counts them. People of a bandit count where they were first, of two exposures at one time in
    /// the variation with the lesser key.
    pub(super) fn arms(&self) -> Vec<&'a str> {
        let mut keys: Vec<&'a str> =
            self.experiment.variations.iter().map(|variation| variation.key.as_str()).collect();
        if self.experiment.bandit.is_some() {
            keys.sort_unstable();
        }
        keys
    }

    /// The same for the insights engine: each feature's responses, and what GrowthBook's tracking calls say.
    pub(super) fn tellings(&self) -> Vec<Telling> {
        let known = self.arms();
        let arm = |key: &str| known.iter().position(|known| *known == key);
        let mut told: Vec<Telling> = Vec::new();
        for (text, variation) in self.responses() {
            let (Some((feature, response)), Some(arm)) = (text.split_once(SEPARATOR), arm(&variation)) else {
                continue;
            };
            match told.iter_mut().find(|telling| telling.key == feature) {
                Some(telling) => telling.arms.push((response.to_owned(), arm)),
                None => told.push(Telling {
                    activity: FLAG_CALLED.to_owned(),
                    keys: vec![FLAG.to_owned()],
                    key: feature.to_owned(),
                    values: vec![FLAG_RESPONSE.to_owned()],
                    arms: vec![(response.to_owned(), arm)],
                }),
            }
        }
        let variations = self.experiment.variations.iter().enumerate();
        let placed = variations.filter_map(|(index, one)| Some((index, one.key.clone(), arm(&one.key)?)));
        let arms: Vec<(String, usize)> =
            placed.flat_map(|(index, key, arm)| [(key, arm), (index.to_string(), arm)]).collect();
        told.extend(VIEWED.map(|activity| Telling {
            activity: activity.to_owned(),
            keys: VIEWED_IDS.map(str::to_owned).into(),
            key: self.key.to_owned(),
            values: VIEWED_VARIATIONS.map(str::to_owned).into(),
            arms: arms.clone(),
        }));
        told
    }

    /// What of their exposures leaves people out.
    pub(super) fn left_out(&self) -> Vec<(String, Test)> {
        let mut tests = Vec::new();
        if self.experiment.analysis.excludes_bots {
            let words = BOTS.map(|pattern| pattern.trim_matches('%')).join("|");
            tests.push(("activity.user_agent".to_owned(), Test::Regex(format!("(?i){words}"))));
        }
        if let Some(property) = &self.experiment.analysis.internal_property {
            tests.push((projected::property(property), Test::Is(vec!["true".to_owned()])));
        }
        tests
    }

    /// `units(person_id, first_at, variation, d0 …)`: one row for each person who was exposed in the phase and counts.
    /// `variation` is empty for people who were seen in more than one, unless it is a bandit; `d0` … are the dimensions at the first exposure.
    ///
    /// Where clusters are divided it has `cluster` too, and `variation` is what the cluster was seen in: empty for people of clusters that
    /// were seen in more than one, and for people without a cluster. `prefix` stands before the names of both tables.
    pub fn units(&self, prefix: &str, binder: &mut Binder, until: &str, dimensions: &[Dimension]) -> String {
        // The weights of a bandit move people from one variation to another: they count where they were first.
        let variation = match self.experiment.bandit {
            Some(_) => "first_value(variation ORDER BY timestamp, variation)",
            None => "CASE WHEN count(DISTINCT variation) > 1 THEN '' ELSE min(variation) END",
        };
        let dimensions = dimensions.iter().enumerate();
        let mut values: String =
            dimensions.clone().map(|(index, one)| format!(",\n    {} AS d{index}", one.expression())).collect();
        let firsts: String = dimensions
            .clone()
            .map(|(index, _)| format!(",\n    first_value(d{index} ORDER BY timestamp, d{index}) AS d{index}"))
            .collect();
        let contexts = self.experiment.contexts().map_or(0, <[_]>::len);
        let mut firsts = firsts;
        if contexts > 0 {
            values += &format!(",\n    {} AS leaf", leaf(contexts, binder));
            firsts += ",\n    first_value(leaf ORDER BY timestamp, variation, leaf) AS leaf";
        }
        let Design::Clusters { property } = &self.experiment.design else {
            let exposures = self.exposures(prefix, binder, until, &values);
            return format!(
                "{exposures},\n{prefix}units AS (\n  SELECT person_id, min(timestamp) AS first_at,\n    {variation} AS variation{firsts}\n\
                 \x20 FROM {prefix}exposures WHERE variation IS NOT NULL GROUP BY person_id HAVING NOT bool_or(excluded))"
            );
        };
        values += &format!(",\n    {} AS cluster", binder.property("", property));
        let exposures = self.exposures(prefix, binder, until, &values);
        let named: String = dimensions.map(|(index, _)| format!(", p.d{index}")).collect();
        format!(
            "{exposures},\n{prefix}clusters AS (\n  SELECT cluster, {variation} AS variation\n\
             \x20 FROM {prefix}exposures WHERE variation IS NOT NULL AND cluster IS NOT NULL AND NOT excluded GROUP BY cluster),\n\
             {prefix}members AS (\n  SELECT person_id, min(timestamp) AS first_at,\n\
             \x20   first_value(cluster ORDER BY CASE WHEN cluster IS NULL THEN 1 ELSE 0 END, timestamp, cluster) AS cluster{firsts}\n\
             \x20 FROM {prefix}exposures WHERE variation IS NOT NULL GROUP BY person_id HAVING NOT bool_or(excluded)),\n\
             {prefix}units AS (\n  SELECT p.person_id, p.first_at, p.cluster, coalesce(c.variation, '') AS variation{named}\n\
             \x20 FROM {prefix}members AS p LEFT JOIN {prefix}clusters AS c ON c.cluster = p.cluster)"
        )
    }

    /// `exposures(person_id, timestamp, excluded, variation …)`: everything that tells of the experiment in the phase, `variation` null for
    /// what tells of none.
    pub(super) fn exposures(&self, prefix: &str, binder: &mut Binder, until: &str, values: &str) -> String {
        let from = binder.bind(self.phase.started_at.to_string());
        let until = binder.bind(until);
        let (flag_event, flag_key) = (binder.bind(FLAG_CALLED), binder.property("", FLAG));
        let flag_response = binder.property("", FLAG_RESPONSE);
        let flag_text = format!("concat({flag_key}, {}, {flag_response})", binder.bind(SEPARATOR.to_string()));
        let flag_cases: Vec<String> = self
            .responses()
            .into_iter()
            .map(|(text, variation)| format!("WHEN {} THEN {}", binder.bind(text), binder.bind(variation)))
            .collect();
        let [viewed, viewed_too] = VIEWED.map(|event| binder.bind(event));
        let ids: Vec<String> = VIEWED_IDS.map(|name| binder.property("", name)).into();
        let shown: Vec<String> = VIEWED_VARIATIONS.map(|name| binder.property("", name)).into();
        let own = binder.bind(self.key);
        let variations = self.experiment.variations.iter().enumerate();
        let view_cases: Vec<String> = variations
            .map(|(index, variation)| {
                let key = binder.bind(variation.key.as_str());
                format!("WHEN {key} THEN {key} WHEN {} THEN {key}", binder.bind(index.to_string()))
            })
            .collect();
        let flag_case = match flag_cases.as_slice() {
            [] => "NULL".to_owned(),
            cases => format!("CASE {flag_text} {} END", cases.join(" ")),
        };
        let excluded = self.excluded(binder);
        format!(
            "{prefix}exposures AS (\n  SELECT person_id, timestamp, {excluded} AS excluded,\n    CASE WHEN event = {flag_event} THEN {flag_case}\n\
             \x20        WHEN coalesce({ids}) = {own} THEN CASE coalesce({shown}) {view_cases} END END AS variation{values}\n  FROM activity\n\
             \x20 WHERE event IN ({flag_event}, {viewed}, {viewed_too}) AND timestamp >= {from} AND timestamp < {until})",
            ids = ids.join(", "),
            shown = shown.join(", "),
            view_cases = view_cases.join(" "),
        )
    }

    fn excluded(&self, binder: &mut Binder) -> String {
        let mut conditions = Vec::new();
        if self.experiment.analysis.excludes_bots {
            conditions.extend(BOTS.map(|pattern| format!("user_agent ILIKE {}", binder.bind(pattern))));
        }
        if let Some(property) = &self.experiment.analysis.internal_property {
            conditions.push(format!("{} = {}", binder.property("", property), binder.bind("true")));
        }
        if conditions.is_empty() {
            return "false".to_owned();
        }
        let known: Vec<String> = conditions.iter().map(|one| format!("coalesce({one}, false)")).collect();
        format!("({})", known.join(" OR "))
    }
}
