//! The payload of GrowthBook's SDKs: features, and the saved groups that they name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::redirects;
use crate::catalogue::Catalogue;
use crate::check::condition::groups;
use crate::definition::{
    Experiment, ExperimentState, Feature, Holdout, Prerequisite, Rule, Seeds, Serve, Status, VariationValue,
};

/// What a held-out user gets of the holdout's own feature.
pub const HELD_OUT: &str = "holdoutcontrol";
/// What those get who are compared with them.
pub const NOT_HELD_OUT: &str = "holdouttreatment";

/// So begins the rule that gives a feature's off value where a feature that it needs has another value.
pub const NEEDS: &str = "needs:";

/// The feature and the experiment by which SDKs know a holdout.
pub fn holdout_key(holdout: &str) -> String {
    format!("$holdout:{holdout}")
}

/// `{features, savedGroups}` of one environment.
pub fn payload(catalogue: &Catalogue, environment: &str) -> Map<String, Value> {
    let mut features = Map::new();
    let live =
        catalogue.features.iter().filter(|(_, feature)| !feature.is_archived && feature.posthog_filters.is_none());
    let mut holdouts = BTreeSet::new();
    for (key, feature) in live {
        let compiled = compile((key.as_str(), feature), catalogue, environment, &mut holdouts);
        features.insert(key.clone(), compiled);
    }
    let pages = redirects::experiments(catalogue, environment, &mut holdouts);
    for key in &holdouts {
        if let Some(holdout) = catalogue.holdouts.get(key) {
            features.insert(holdout_key(key), holdout_feature(key, holdout));
        }
    }
    let of_contexts = catalogue.experiments.values().filter_map(|(experiment, _)| experiment.contexts()).flatten();
    let of_contexts = of_contexts.flat_map(|context| groups(&context.condition));
    let of_pages = pages.iter().flat_map(groups);
    let named: BTreeSet<&str> = features.values().flat_map(groups).chain(of_contexts).chain(of_pages).collect();
    let values = |name: &str| Some((name.to_owned(), json!(catalogue.saved_groups.get(name)?.values)));
    let saved_groups: Map<String, Value> = named.into_iter().filter_map(values).collect();
    let mut payload = Map::new();
    if !saved_groups.is_empty() {
        payload.insert("savedGroups".into(), Value::Object(saved_groups));
    }
    let bandits = contextual_bandits(catalogue, &features);
    if !bandits.is_empty() {
        payload.insert("contextualBandits".into(), Value::Object(bandits));
    }
    payload.insert("features".into(), Value::Object(features));
    if !pages.is_empty() {
        payload.insert("experiments".into(), Value::Array(pages));
    }
    payload
}

/// The contexts of each bandit that a rule refers to, with their weights of now.
fn contextual_bandits(catalogue: &Catalogue, features: &Map<String, Value>) -> Map<String, Value> {
    let rules = features.values().filter_map(|feature| feature["rules"].as_array()).flatten();
    let referred: BTreeSet<&str> = rules.filter_map(|rule| rule["contextualBanditRef"].as_str()).collect();
    let bandit = |key: &str| {
        let (experiment, state) = catalogue.experiments.get(key)?;
        let (contexts, phase) = (experiment.contexts()?, state.phase()?);
        let leaves = contexts.iter().enumerate().map(|(index, context)| {
            let weights = phase.context_weights_now(index, contexts.len());
            json!({"leafId": index + 1, "condition": context.condition, "weights": weights})
        });
        let leaves: Vec<Value> = leaves.collect();
        Some((key.to_owned(), json!({"banditVersion": phase.periods.len(), "contexts": leaves})))
    };
    referred.into_iter().filter_map(bandit).collect()
}

fn compile(
    (key, feature): (&str, &Feature),
    catalogue: &Catalogue,
    environment: &str,
    holdouts: &mut BTreeSet<String>,
) -> Value {
    if feature.off_in.iter().any(|off| off == environment) {
        return json!({"defaultValue": feature.off_value()});
    }
    let mut rules = Vec::new();
    if !feature.prerequisites.is_empty() {
        // A gate: where it is not met the feature has its off value.
        let gates = feature.prerequisites.iter().map(|needed| unmet(needed, feature));
        rules.extend(gates);
    }
    if let Some(holdout) = &feature.holdout {
        holdouts.insert(holdout.clone());
        rules.push(held_out(holdout, &feature.default_value));
    }
    let here = |rule: &&Rule| {
        !rule.is_off && rule.environments.as_ref().is_none_or(|all| all.iter().any(|one| one == environment))
    };
    for rule in feature.rules.iter().filter(here) {
        if let Serve::Experiment { experiment, .. } = &rule.serve
            && let Some((Experiment { holdout: Some(holdout), .. }, state)) = catalogue.experiments.get(experiment)
            && state.gives_what_is_new()
        {
            holdouts.insert(holdout.clone());
            rules.push(held_out(holdout, &feature.default_value));
        }
        rules.extend(compile_rule((key, feature), rule, catalogue));
    }
    let mut compiled = json!({"defaultValue": feature.default_value});
    if !rules.is_empty() {
        compiled["rules"] = Value::Array(rules);
    }
    compiled
}

fn unmet(needed: &Prerequisite, feature: &Feature) -> Value {
    json!({
        "id": format!("{NEEDS}{}", needed.feature),
        "parentConditions": [{"id": needed.feature, "condition": {"$not": needed.condition}}],
        "force": feature.off_value(),
    })
}

fn held_out(holdout: &str, value: &Value) -> Value {
    json!({
        "id": format!("holdout:{holdout}"),
        "parentConditions": [{"id": holdout_key(holdout), "condition": {"value": HELD_OUT}}],
        "force": value,
    })
}

fn holdout_feature(key: &str, holdout: &Holdout) -> Value {
    json!({
        "defaultValue": "genpop",
        "rules": [{
            "id": format!("holdout:{key}"), "key": holdout_key(key), "seed": holdout_key(key),
            "hashAttribute": holdout.hash_attribute, "hashVersion": 2, "coverage": 2.0 * holdout.share,
            "weights": [0.5, 0.5], "variations": [HELD_OUT, NOT_HELD_OUT],
            "meta": [{"key": HELD_OUT}, {"key": NOT_HELD_OUT}],
        }],
    })
}

/// What a rollout is hashed with: that of each rule of each feature for itself, and unlike the key of any experiment.
fn rollout_seed((key, feature): (&str, &Feature), rule: &Rule) -> String {
    match feature.seeds {
        Seeds::Apart => format!("rollout:{key}:{}", rule.id),
        Seeds::Plain => rule.id.clone(),
    }
}

/// What decides over the place in a namespace, the same for all experiments in it.
fn namespace_seed(key: &str, catalogue: &Catalogue) -> String {
    match catalogue.namespaces.get(key).map(|namespace| namespace.seeds) {
        Some(Seeds::Apart) => format!("namespace:{key}"),
        Some(Seeds::Plain) | None => key.to_owned(),
    }
}

fn compile_rule(of: (&str, &Feature), rule: &Rule, catalogue: &Catalogue) -> Option<Value> {
    let mut compiled = json!({"id": rule.id});
    let mut conditions: Vec<&Value> = rule.condition.iter().collect();
    let mut parents: Vec<&Prerequisite> = rule.prerequisites.iter().collect();
    match &rule.serve {
        Serve::Force { value } => compiled["force"] = value.clone(),
        Serve::Rollout { value, coverage, hash_attribute } => {
            compiled["force"] = value.clone();
            compiled["coverage"] = json!(coverage);
            compiled["hashAttribute"] = json!(hash_attribute);
            compiled["hashVersion"] = json!(2);
            compiled["seed"] = json!(rollout_seed(of, rule));
        }
        Serve::Experiment { experiment: key, values } => {
            let (experiment, state) = catalogue.experiments.get(key)?;
            parents.extend(&experiment.prerequisites);
            let phase = state.phase();
            let targeting = if state.is_running() {
                phase.and_then(|phase| phase.condition.as_ref())
            } else {
                experiment.condition.as_ref()
            };
            conditions.extend(targeting);
            let body = compile_experiment(key, (experiment, state), values, catalogue)?;
            compiled.as_object_mut()?.extend(body);
        }
    }
    match conditions.as_slice() {
        [] => {}
        [only] => compiled["condition"] = (*only).clone(),
        several => compiled["condition"] = json!({"$and": several}),
    }
    if !parents.is_empty() {
        let parents = parents.iter().map(|needed| json!({"id": needed.feature, "condition": needed.condition}));
        compiled["parentConditions"] = parents.collect();
    }
    Some(compiled)
}

/// None while the experiment says nothing of anybody's value.
fn compile_experiment(
    key: &str,
    (experiment, state): (&Experiment, &ExperimentState),
    values: &[VariationValue],
    catalogue: &Catalogue,
) -> Option<Map<String, Value>> {
    let value_of = |variation: &str| values.iter().find(|value| value.variation == variation).map(|value| &value.value);
    let body = match state.status {
        Status::Running => running(key, (experiment, state), catalogue, &value_of)?,
        Status::Shipped | Status::RolledBack => json!({"force": value_of(&state.decision.as_ref()?.variation)?}),
        Status::Draft | Status::InReview | Status::Approved | Status::Stopped => return None,
    };
    match body {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

pub(super) fn running<'a>(
    key: &str,
    (experiment, state): (&Experiment, &ExperimentState),
    catalogue: &Catalogue,
    value_of: &impl Fn(&str) -> Option<&'a Value>,
) -> Option<Value> {
    let phase = state.phase()?;
    let variations: Option<Vec<&Value>> =
        experiment.variations.iter().map(|variation| value_of(&variation.key)).collect();
    let meta: Vec<Value> = experiment
        .variations
        .iter()
        .map(|variation| match variation.name.as_str() {
            "" => json!({"key": variation.key}),
            name => json!({"key": variation.key, "name": name}),
        })
        .collect();
    let mut body = json!({
        "key": key, "name": key, "seed": phase.seed, "phase": (state.phases.len() - 1).to_string(),
        "hashAttribute": experiment.hash_attribute, "hashVersion": 2, "coverage": phase.coverage,
        "weights": phase.weights_now(), "variations": variations?, "meta": meta,
    });
    if experiment.contexts().is_some_and(|contexts| !contexts.is_empty())
        && let Some(body) = body.as_object_mut()
        && let Some(values) = body.remove("variations")
    {
        // An SDK that knows no contexts passes the rule over, instead of giving weights that are not those of its users.
        body.insert("contextualVariations".into(), values);
        body.insert("contextualBanditRef".into(), json!(key));
    }
    if let Some(attribute) = &experiment.fallback_attribute {
        body["fallbackAttribute"] = json!(attribute);
    }
    if experiment.sticky.bucket_version > 0 {
        body["bucketVersion"] = json!(experiment.sticky.bucket_version);
    }
    if experiment.sticky.min_bucket_version > 0 {
        body["minBucketVersion"] = json!(experiment.sticky.min_bucket_version);
    }
    if experiment.sticky.is_off {
        body["disableStickyBucketing"] = json!(true);
    }
    if let Some(share) = &phase.namespace {
        body["filters"] = json!([{
            "attribute": experiment.hash_attribute, "seed": namespace_seed(&share.namespace, catalogue), "hashVersion": 2,
            "ranges": [[share.start, share.end]],
        }]);
    }
    Some(body)
}
