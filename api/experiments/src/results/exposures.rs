//! Exposures as SQL: who was shown which variation first, told by PostHog's flag calls and GrowthBook's tracking calls.

use crate::catalogue::Catalogue;
use crate::compile::posthog::reason_of;
use crate::definition::{Design, Experiment, PRODUCTION, Phase, leaf_of};
use crate::environments::ENVIRONMENT;

use super::dimensions::Dimension;
use super::measures::in_environment;
use super::projected;
use super::responses;
use super::sql::Binder;
use footfall_pipelines_insights::definition::{ContextTelling, Telling, Test, ToldWhere};

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

/// What tells of exposures.
#[derive(Debug, Clone, Copy)]
pub struct ExposureSource<'a> {
    pub catalogue: &'a Catalogue,
    pub key: &'a str,
    pub experiment: &'a Experiment,
    pub phase: &'a Phase,
}

impl<'a> ExposureSource<'a> {
    /// Exposures of other environments do not count.
    pub(super) fn environment(&self) -> &'a str {
        &self.experiment.analysis.environment
    }

    /// Where people may have done something in another environment as well, that does not count either.
    pub(super) fn environment_of_activity(&self) -> Option<&'a str> {
        let has_others = self.catalogue.environments.keys().any(|name| name != PRODUCTION);
        (has_others || self.environment() != PRODUCTION).then(|| self.environment())
    }

    /// The same for the insights engine.
    pub(super) fn told_where(&self) -> ToldWhere {
        let (property, is) = (ENVIRONMENT.to_owned(), self.environment().to_owned());
        ToldWhere { property, or_missing: is == PRODUCTION, is }
    }

    /// What PostHog's SDKs tell as the reason of a call by somebody who takes part, with the variation and the context's leaf.
    fn reasons(&self) -> Vec<(String, &'a str, Option<String>)> {
        let contexts = self.experiment.contexts().map_or(0, <[_]>::len);
        let leaves: Vec<Option<String>> = match contexts {
            0 => vec![None],
            _ => (0..=contexts).map(|context| Some(leaf_of(context, contexts))).collect(),
        };
        let variations = self.experiment.variations.iter().map(|one| one.key.as_str());
        let of = |variation| {
            let reason = move |leaf: &Option<String>| reason_of(self.key, variation, leaf.as_deref());
            leaves.iter().map(move |leaf| (reason(leaf), variation, leaf.clone())).collect::<Vec<_>>()
        };
        variations.flat_map(of).collect()
    }

    /// What tracking calls say of a variation: its key, or its place where no variation has that for a key. The first that fits counts.
    fn viewed(&self) -> Vec<(String, &'a str)> {
        let keys: Vec<&'a str> = self.experiment.variations.iter().map(|one| one.key.as_str()).collect();
        let places = keys.iter().enumerate().map(|(place, key)| (place.to_string(), *key));
        keys.iter().map(|key| ((*key).to_owned(), *key)).chain(places).collect()
    }

    /// The context that an exposure tells of: the leaf of GrowthBook's result, or the reason that PostHog's answer gave.
    fn leaf(&self, binder: &mut Binder) -> String {
        let told: Vec<String> = LEAVES.map(|name| binder.property("", name)).into();
        let reason = binder.property("", FLAG_REASON);
        let reasons = self.reasons().into_iter();
        let cases = reasons.filter_map(|(text, _, leaf)| Some((text, leaf?)));
        let cases: String =
            cases.map(|(text, leaf)| format!(" WHEN {} THEN {}", binder.bind(text), binder.bind(leaf))).collect();
        format!("coalesce({}, CASE {reason}{cases} END)", told.join(", "))
    }

    /// The same for the insights engine; `leaves` are numbered by their places.
    pub(super) fn context_tellings(&self, leaves: &[String]) -> Vec<ContextTelling> {
        let place = |wanted: &String| leaves.iter().position(|leaf| leaf == wanted);
        let direct: Vec<(String, usize)> =
            leaves.iter().enumerate().map(|(place, leaf)| (leaf.clone(), place)).collect();
        let reasons = self.reasons().into_iter();
        let reasons = reasons.filter_map(|(text, _, leaf)| Some((text, place(&leaf?)?))).collect();
        let of = |property: &str, contexts| ContextTelling { property: property.to_owned(), contexts };
        let [leaf, other] = LEAVES.map(|property| of(property, direct.clone()));
        vec![leaf, other, of(FLAG_REASON, reasons)]
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

    /// What tells of an arm, for the insights engine: the reason of a call; of calls without one the feature's response; what GrowthBook's tracking calls say.
    pub(super) fn tellings(&self) -> Vec<Telling> {
        let known = self.arms();
        let arm = |key: &str| known.iter().position(|known| *known == key);
        let reasons = self.reasons().into_iter();
        let mut told: Vec<Telling> = reasons
            .filter_map(|(text, variation, _)| {
                let (keys, values) = (vec![FLAG_REASON.to_owned()], vec![FLAG_REASON.to_owned()]);
                let arms = vec![(text.clone(), arm(variation)?)];
                Some(Telling { activity: FLAG_CALLED.to_owned(), keys, key: text, values, arms })
            })
            .collect();
        let mut by_feature: Vec<Telling> = Vec::new();
        for told in responses::telling(self) {
            let Some(arm) = arm(&told.variation) else { continue };
            match by_feature.iter_mut().find(|telling| telling.key == told.feature) {
                Some(telling) => telling.arms.push((told.response, arm)),
                None => by_feature.push(Telling {
                    activity: FLAG_CALLED.to_owned(),
                    keys: vec![FLAG.to_owned()],
                    key: told.feature,
                    // A call with a reason says nothing else.
                    values: vec![FLAG_REASON.to_owned(), FLAG_RESPONSE.to_owned()],
                    arms: vec![(told.response, arm)],
                }),
            }
        }
        told.extend(by_feature);
        let arms: Vec<(String, usize)> =
            self.viewed().into_iter().filter_map(|(told, key)| Some((told, arm(key)?))).collect();
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
            values += &format!(",\n    {} AS leaf", self.leaf(binder));
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
        let flag_reason = binder.property("", FLAG_REASON);
        let responses = responses::telling(self).into_iter();
        let responses = responses.map(|one| (format!("{}{SEPARATOR}{}", one.feature, one.response), one.variation));
        let responses = case(&flag_text, responses, binder);
        let reasons = self.reasons().into_iter().map(|(text, variation, _)| (text, variation.to_owned()));
        let reasons = case(&flag_reason, reasons, binder);
        let flag_case = format!("CASE WHEN {flag_reason} IS NULL THEN {responses} ELSE {reasons} END");
        let [viewed, viewed_too] = VIEWED.map(|event| binder.bind(event));
        let ids: Vec<String> = VIEWED_IDS.map(|name| binder.property("", name)).into();
        let shown: Vec<String> = VIEWED_VARIATIONS.map(|name| binder.property("", name)).into();
        let own = binder.bind(self.key);
        let views = self.viewed().into_iter();
        let view_cases: Vec<String> =
            views.map(|(told, key)| format!("WHEN {} THEN {}", binder.bind(told), binder.bind(key))).collect();
        let excluded = self.excluded(binder);
        let here = in_environment("", self.environment(), binder);
        format!(
            "{prefix}exposures AS (\n  SELECT person_id, timestamp, {excluded} AS excluded,\n    CASE WHEN event = {flag_event} THEN {flag_case}\n\
             \x20        WHEN coalesce({ids}) = {own} THEN CASE coalesce({shown}) {view_cases} END END AS variation{values}\n  FROM activity\n\
             \x20 WHERE event IN ({flag_event}, {viewed}, {viewed_too}) AND timestamp >= {from} AND timestamp < {until}\n    AND {here})",
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

/// The variation that a text stands for.
fn case(text: &str, variations: impl Iterator<Item = (String, String)>, binder: &mut Binder) -> String {
    let cases: String = variations
        .map(|(told, variation)| format!(" WHEN {} THEN {}", binder.bind(told), binder.bind(variation)))
        .collect();
    if cases.is_empty() { "NULL".to_owned() } else { format!("CASE {text}{cases} END") }
}
