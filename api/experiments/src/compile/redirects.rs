//! Experiments that GrowthBook's SDKs run by themselves on pages: visitors are sent to the address of their variation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::growthbook::{HELD_OUT, running};
use crate::catalogue::Catalogue;
use crate::definition::{Experiment, ExperimentState, Page, PageBy, Redirects, Status};

/// Those that run in an environment, and those that were decided with everybody in the variation of the decision, in the order
/// of their keys.
pub(super) fn experiments(catalogue: &Catalogue, environment: &str, holdouts: &mut BTreeSet<String>) -> Vec<Value> {
    let mut found = Vec::new();
    for (key, (experiment, state)) in &catalogue.experiments {
        let Some(redirects) = experiment.redirects.as_ref().filter(|redirects| redirects.is_in(environment)) else {
            continue;
        };
        let Some(body) = on_pages(key, (experiment, state), redirects, catalogue) else { continue };
        if let Some(holdout) = experiment.holdout.as_ref().filter(|_| state.gives_what_is_new()) {
            holdouts.insert(holdout.clone());
        }
        found.push(body);
    }
    found
}

fn on_pages(
    key: &str,
    (experiment, state): (&Experiment, &ExperimentState),
    redirects: &Redirects,
    catalogue: &Catalogue,
) -> Option<Value> {
    let phase = state.phase()?;
    let of_variation = |variation: &str| match redirects.addresses.get(variation) {
        Some(address) => json!({"urlRedirect": address}),
        None => json!({}),
    };
    let values: BTreeMap<&str, Value> =
        experiment.variations.iter().map(|one| (one.key.as_str(), of_variation(&one.key))).collect();
    let mut body = running(key, (experiment, state), catalogue, &|variation| values.get(variation))?;
    let condition = match state.status {
        Status::Running => phase.condition.as_ref(),
        Status::Shipped | Status::RolledBack => {
            let decided = &state.decision.as_ref()?.variation;
            let weight = |key: &str| if key == decided { 1.0 } else { 0.0 };
            body["weights"] = experiment.variations.iter().map(|one| json!(weight(&one.key))).collect();
            body["coverage"] = json!(1.0);
            body.as_object_mut()?.remove("filters");
            experiment.condition.as_ref()
        }
        Status::Draft | Status::InReview | Status::Approved | Status::Stopped => return None,
    };
    if let Some(condition) = condition {
        body["condition"] = condition.clone();
    }
    let needed = experiment.prerequisites.iter();
    let mut parents: Vec<Value> =
        needed.map(|needed| json!({"id": needed.feature, "condition": needed.condition})).collect();
    if let Some(holdout) = experiment.holdout.as_ref().filter(|_| state.gives_what_is_new()) {
        parents.push(json!({"id": format!("$holdout:{holdout}"), "condition": {"value": {"$ne": HELD_OUT}}}));
    }
    if !parents.is_empty() {
        body["parentConditions"] = Value::Array(parents);
    }
    body["urlPatterns"] = redirects.pages.iter().map(pattern).collect();
    body["persistQueryString"] = json!(redirects.keeps_query);
    body["changeId"] = json!(format!("{key}:{}", state.phases.len()));
    body["status"] = json!("running");
    body["manual"] = json!(false);
    Some(body)
}

fn pattern(page: &Page) -> Value {
    let by = match page.by {
        PageBy::Simple => "simple",
        PageBy::Regex => "regex",
    };
    json!({"include": !page.excludes, "type": by, "pattern": page.pattern})
}
