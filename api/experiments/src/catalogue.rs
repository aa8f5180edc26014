//! All definitions of one project, as rules and payloads see them.

use std::collections::BTreeMap;

use footfall_api_http::Fault;

use crate::check::filters;
use crate::definition::{
    Attribute, AttributeType, Definition, Design, Environment, Experiment, ExperimentState, Feature, Holdout, Kind,
    Metric, Namespace, OWN_IDS, PRODUCTION, SavedGroup, SeedState, Status,
};
use crate::faults::Faults;

/// Attributes that every door fills in.
pub(crate) const GIVEN: &[&str] = &["id", "distinct_id", "url"];

/// The definitions of a project by kind and key.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub environments: BTreeMap<String, Environment>,
    pub attributes: BTreeMap<String, Attribute>,
    pub saved_groups: BTreeMap<String, SavedGroup>,
    pub namespaces: BTreeMap<String, Namespace>,
    pub holdouts: BTreeMap<String, Holdout>,
    pub features: BTreeMap<String, Feature>,
    pub experiments: BTreeMap<String, (Experiment, ExperimentState)>,
    pub metrics: BTreeMap<String, Metric>,
    /// Keys for which the server tells exposures; known while the project is held for a change.
    pub recording_keys: Vec<String>,
}

impl Catalogue {
    pub fn knows_attribute(&self, name: &str) -> bool {
        GIVEN.contains(&name) || self.attributes.contains_key(name)
    }

    /// Attributes that are keys of groups, with the number of that type in PostHog's filters.
    pub fn group_types(&self) -> impl Iterator<Item = (u8, &str)> {
        self.attributes.iter().filter_map(|(name, attribute)| Some((attribute.group_type_index?, name.as_str())))
    }

    /// Whether somebody who signs in keeps the value of some feature.
    pub fn keeps_anybody(&self) -> bool {
        self.live().any(|(_, feature)| feature.keeps_at_sign_in)
    }

    /// Live features.
    pub fn live(&self) -> impl Iterator<Item = (&str, &Feature)> {
        let live = self.features.iter().filter(|(_, feature)| !feature.is_archived);
        live.map(|(key, feature)| (key.as_str(), feature))
    }

    /// A switchback that is not over.
    pub fn switchback(&self) -> Option<&str> {
        let is_over =
            |state: &ExperimentState| matches!(state.status, Status::Stopped | Status::Shipped | Status::RolledBack);
        let open = self.experiments.iter().filter(|(_, (_, state))| !is_over(state));
        let mut switchbacks = open.filter(|(_, (one, _))| matches!(one.design, Design::Switchback { .. }));
        switchbacks.next().map(|(key, _)| key.as_str())
    }

    pub fn knows_environment(&self, name: &str) -> bool {
        name == PRODUCTION || self.environments.contains_key(name)
    }

    /// Says at `member` unless the attribute tells users apart.
    pub fn check_identifier(&self, member: &str, name: &str, faults: &mut Faults) {
        let is_known = OWN_IDS.contains(&name);
        match self.attributes.get(name) {
            Some(attribute) if attribute.identifies => {}
            _ if is_known => {}
            Some(_) => faults.at(member, format!("the attribute {name:?} does not tell users apart (identifies)")),
            None => faults.at(member, format!("there is no attribute {name:?}")),
        }
    }

    pub fn check_environment(&self, member: impl ToString, name: &str, faults: &mut Faults) {
        if !self.knows_environment(name) {
            faults.at(member, format!("there is no environment {name:?}"));
        }
    }

    /// The type of an attribute where it was declared.
    pub fn attribute_type(&self, name: &str) -> Option<AttributeType> {
        self.attributes.get(name).map(|attribute| attribute.kind)
    }

    /// What still refers to a definition, as `feature checkout`.
    pub fn users_of(&self, kind: Kind, key: &str) -> Vec<String> {
        let mut users = Vec::new();
        for (name, feature) in &self.features {
            let uses = match kind {
                Kind::Feature => feature.needs().any(|needed| needed == key),
                Kind::Experiment => feature.experiments().any(|(_, experiment, _)| experiment == key),
                Kind::Holdout => feature.holdout.as_deref() == Some(key),
                Kind::Environment => {
                    let of_rules = feature.rules.iter().filter_map(|rule| rule.environments.as_ref()).flatten();
                    feature.off_in.iter().chain(of_rules).any(|environment| environment == key)
                }
                Kind::SavedGroup => {
                    let by_rules = feature.rules.iter().any(|rule| names_group(rule.condition.as_ref(), key));
                    by_rules || filters_of(feature).any(|filters| filters::cohorts(filters).any(|cohort| cohort == key))
                }
                Kind::Attribute => {
                    let by_rules = feature.rules.iter().any(|rule| names_attribute(rule.condition.as_ref(), key));
                    let index = self.attributes.get(key).and_then(|attribute| attribute.group_type_index);
                    let names =
                        |index: u8| filters_of(feature).any(|all| filters::group_types(all).any(|it| it == index));
                    by_rules || index.is_some_and(names)
                }
                Kind::Namespace | Kind::Metric => false,
            };
            users.extend(uses.then(|| format!("feature {name}")));
        }
        if kind == Kind::Metric {
            let holdouts =
                self.holdouts.iter().filter(|(_, holdout)| holdout.metrics.iter().any(|metric| metric == key));
            users.extend(holdouts.map(|(name, _)| format!("holdout {name}")));
        }
        for (name, (experiment, _)) in &self.experiments {
            let uses = match kind {
                Kind::Feature => experiment.prerequisites.iter().any(|needed| needed.feature == key),
                Kind::Holdout => experiment.holdout.as_deref() == Some(key),
                Kind::Namespace => experiment.namespace.as_ref().is_some_and(|share| share.namespace == key),
                Kind::Metric => experiment.metrics().contains(&key),
                Kind::SavedGroup => conditions(experiment).any(|condition| names_group(Some(condition), key)),
                Kind::Attribute => {
                    experiment.hash_attribute == key
                        || experiment.fallback_attribute.as_deref() == Some(key)
                        || conditions(experiment).any(|condition| names_attribute(Some(condition), key))
                }
                Kind::Environment => {
                    let of_pages = experiment.redirects.iter().filter_map(|redirects| redirects.environments.as_ref());
                    of_pages.flatten().any(|environment| environment == key) || experiment.analysis.environment == key
                }
                Kind::Experiment => false,
            };
            users.extend(uses.then(|| format!("experiment {name}")));
        }
        if kind == Kind::Attribute {
            let groups = self.saved_groups.iter().filter(|(_, group)| group.attribute == key);
            users.extend(groups.map(|(name, _)| format!("saved group {name}")));
        }
        users
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Environment => self.environments.len(),
            Kind::Attribute => self.attributes.len(),
            Kind::SavedGroup => self.saved_groups.len(),
            Kind::Namespace => self.namespaces.len(),
            Kind::Holdout => self.holdouts.len(),
            Kind::Feature => self.features.len(),
            Kind::Experiment => self.experiments.len(),
            Kind::Metric => self.metrics.len(),
        }
    }

    /// Every fault in what refers to a definition, with what has it.
    pub fn broken(&self, kind: Kind, key: &str) -> Vec<(String, String)> {
        let depends = [Kind::Experiment, Kind::Attribute, Kind::Metric, Kind::SavedGroup, Kind::Feature];
        if !depends.contains(&kind) {
            return Vec::new();
        }
        let mut broken = Vec::new();
        for user in self.users_of(kind, key) {
            let mut own = Faults::default();
            match user.split_once(' ') {
                Some(("feature", name)) => {
                    if let Some(feature) = self.features.get(name) {
                        feature.check(name, &SeedState::default(), self, &mut own);
                    }
                }
                Some(("experiment", name)) => {
                    if let Some((experiment, state)) = self.experiments.get(name) {
                        experiment.check(name, state, self, &mut own);
                    }
                }
                _ => {}
            }
            let told = |fault: Fault| (user.clone(), format!("{} {}", fault.pointer, fault.detail));
            broken.extend(own.into_vec().into_iter().map(told));
        }
        broken
    }

    /// True where a rule of a live feature runs the experiment.
    pub fn is_run(&self, experiment: &str) -> bool {
        let runs = |feature: &Feature| feature.experiments().any(|(rule, key, _)| key == experiment && !rule.is_off);
        self.live().any(|(_, feature)| runs(feature))
    }

    /// Features whose rules run an experiment.
    pub fn features_of<'a>(&'a self, experiment: &'a str) -> impl Iterator<Item = (&'a str, &'a Feature)> {
        let runs = move |feature: &Feature| feature.experiments().any(|(_, key, _)| key == experiment);
        self.features.iter().filter(move |(_, feature)| runs(feature)).map(|(key, feature)| (key.as_str(), feature))
    }
}

/// For whom an experiment is, and for whom each context of its bandit.
fn conditions(experiment: &Experiment) -> impl Iterator<Item = &serde_json::Value> {
    let contexts = experiment.contexts().into_iter().flatten();
    experiment.condition.iter().chain(contexts.map(|context| &context.condition))
}

fn filters_of(feature: &Feature) -> impl Iterator<Item = &serde_json::Value> {
    feature.posthog_filters.iter()
}

fn names_group(condition: Option<&serde_json::Value>, group: &str) -> bool {
    condition.is_some_and(|condition| crate::check::condition::groups(condition).contains(&group))
}

fn names_attribute(condition: Option<&serde_json::Value>, attribute: &str) -> bool {
    condition.is_some_and(|condition| crate::check::condition::attributes(condition).contains(&attribute))
}
