//! One flag for one user, whatever the protocol: GrowthBook's rules, or PostHog's filters where a flag has them.

use std::collections::{BTreeMap, HashSet};

use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::assign::{Evaluator, Source, User};
use footfall_models_experiment::posthog::{self, FlagValue as Fallen, Subject};
use serde_json::{Value, json};

use super::Doors;
use super::key::Served;
use crate::catalogue::Catalogue;
use crate::check::filters;
use crate::compile::growthbook::NEEDS;
use crate::compile::posthog::{DISTINCT_ID, GROUP_KEY};
use crate::definition::{Feature, OWN_IDS, Serve, ValueType};
use crate::error::ExperimentError;
use crate::payloads::Compiled;

/// Why a flag has its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reason {
    Off,
    Default,
    Rule,
    Split,
    Prerequisite,
    /// PostHog's own code, and which condition decided.
    PostHog(&'static str, Option<usize>),
}

/// The value of a flag.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub value: Value,
    pub value_type: ValueType,
    pub variation: Option<String>,
    pub experiment: Option<String>,
    /// The user fell into the experiment by their hash; nobody forced the variation.
    pub takes_part: bool,
    pub rule: String,
    pub reason: Reason,
    pub payload: Option<Value>,
    /// Where the hash of the user falls, from 0 to 1.
    pub bucket: Option<f64>,
    /// The leaf of a contextual bandit that decided.
    pub leaf: Option<String>,
    /// The user has no id, and with one the value might be another: something that is for this user goes by it.
    pub lacks_id: bool,
}

/// Live flags of the environment in the order of their keys.
pub(super) fn flags(served: &Served) -> impl Iterator<Item = (&str, &Feature)> {
    served.payloads.catalogue.live()
}

/// The value of one flag for who asks by a key.
pub(super) fn evaluate(served: &Served, key: &str, feature: &Feature, user: &User, subject: &Subject) -> Answer {
    evaluate_in((&served.connection.environment, &served.compiled), key, feature, user, subject)
}

/// The value of one flag in an environment.
pub(crate) fn evaluate_in(
    (environment, compiled): (&str, &Compiled),
    key: &str,
    feature: &Feature,
    user: &User,
    subject: &Subject,
) -> Answer {
    let is_off = feature.off_in.iter().any(|off| off == environment);
    if let Some(filters) = &feature.posthog_filters {
        return by_filters(compiled, (key, filters), subject, is_off);
    }
    let earlier = subject.hash_id.as_deref().filter(|_| feature.keeps_at_sign_in);
    let earlier = earlier.map(|id| User { hash_id: Some(id.into()), ..user.clone() });
    let user = earlier.as_ref().unwrap_or(user);
    let mut evaluator = Evaluator::new(&compiled.payload, user);
    let evaluation = evaluator.evaluate(key);
    let lacks_id = evaluator.lacked().iter().any(|attribute| OWN_IDS.contains(attribute));
    let assignment = evaluation.assignment;
    let rule = feature.rules.iter().find(|rule| rule.id == evaluation.rule);
    let reason = match evaluation.source {
        _ if is_off => Reason::Off,
        Source::Experiment => Reason::Split,
        // None of the feature's own rules.
        Source::Force if rule.is_none() && evaluation.rule.starts_with(NEEDS) => Reason::Prerequisite,
        Source::Force | Source::Override => Reason::Rule,
        Source::Prerequisite | Source::CyclicPrerequisite => Reason::Prerequisite,
        Source::DefaultValue | Source::UnknownFeature => Reason::Default,
    };
    let reason = match rule.map(|rule| &rule.serve) {
        Some(Serve::Rollout { .. }) if reason == Reason::Rule => Reason::Split,
        _ => reason,
    };
    Answer {
        value: json!(evaluation.value),
        value_type: feature.value_type,
        variation: assignment.map(|it| it.experiment.variation_key(it.variation).into_owned()),
        experiment: assignment.map(|it| it.experiment.key.to_string()),
        takes_part: assignment.is_some_and(|it| it.hash_used && it.in_experiment),
        rule: evaluation.rule.to_owned(),
        reason,
        payload: None,
        bucket: assignment.and_then(|it| it.bucket),
        leaf: assignment
            .filter(|it| it.hash_used && it.in_experiment)
            .and_then(|it| it.leaf)
            .map(|leaf| leaf.id.to_text().into_owned()),
        lacks_id,
    }
}

fn by_filters(compiled: &Compiled, (key, filters): (&str, &Value), subject: &Subject, is_off: bool) -> Answer {
    let flags = &compiled.flags;
    let fallen = flags.get(key).and_then(|flag| posthog::Evaluator::new(flags, subject).evaluate(flag));
    let value = fallen.map_or(Fallen::Off, |answer| answer.value);
    let reason = match fallen {
        _ if is_off => Reason::Off,
        Some(answer) => Reason::PostHog(answer.reason.code(), answer.reason.condition_index()),
        None => Reason::PostHog("no_condition_match", None),
    };
    let value_type = match value {
        Fallen::Variant(_) => ValueType::String,
        _ => ValueType::Boolean,
    };
    Answer {
        value: json!(value.to_value()),
        value_type,
        variation: match value {
            Fallen::Variant(variant) => Some(variant.to_owned()),
            _ => None,
        },
        experiment: None,
        takes_part: false,
        rule: String::new(),
        reason,
        payload: fallen.and_then(|answer| answer.payload).map(|payload| json!(payload)),
        bucket: None,
        leaf: None,
        lacks_id: !is_off && subject.distinct_id.is_empty() && filters::are_of_people(filters),
    }
}

/// Whom PostHog's filters see where a protocol knows no groups: an attribute that is the key of a group says which it is.
pub(crate) fn subject(catalogue: &Catalogue, user: &User, id: Option<&str>, now: jiff::Timestamp) -> Subject {
    let key = |name: &str| user.attributes.get(name).filter(|key| key.is_truthy());
    let groups = catalogue.group_types();
    let groups = groups.filter_map(|(_, name)| Some((name.to_owned(), key(name)?.to_text().into_owned())));
    let mut subject = Subject {
        distinct_id: id.unwrap_or_default().to_owned(),
        device_id: None,
        hash_id: None,
        properties: user.attributes.clone(),
        groups: groups.collect(),
        group_properties: BTreeMap::new(),
        static_cohorts: HashSet::new(),
        is_complete: true,
        now,
    };
    complete(&mut subject);
    subject
}

/// Adds the properties that SDKs add for themselves, so that they and the server have the same: the ids of the person and of their groups.
pub(super) fn complete(subject: &mut Subject) {
    let with = |properties: &FlagValue, name: &str, id: &str| {
        let mut properties = properties.as_object().cloned().unwrap_or_default();
        if properties.get(name).is_none() {
            properties.insert(name, id);
        }
        FlagValue::Object(properties)
    };
    if !subject.distinct_id.is_empty() {
        subject.properties = with(&subject.properties, DISTINCT_ID, &subject.distinct_id);
    }
    for (name, key) in &subject.groups {
        let own = subject.group_properties.entry(name.clone()).or_default();
        *own = with(own, GROUP_KEY, key);
    }
}

/// Who somebody was until they signed in just now, among what is said of them.
pub(super) const BEFORE: &str = "$anon_distinct_id";

/// By which id somebody falls who signed in, where some flag keeps what they had before; `None` for their own.
pub(super) async fn hash_id(
    doors: &Doors,
    served: &Served,
    attributes: &FlagValue,
) -> Result<Option<String>, ExperimentError> {
    let text = |name: &str| {
        let value = attributes.get(name).filter(|value| value.is_truthy() && value.as_bool().is_none());
        value.filter(|value| value.as_array().is_none() && value.as_object().is_none()).map(FlagValue::to_text)
    };
    let Some(id) = OWN_IDS.into_iter().find_map(text).filter(|_| served.payloads.catalogue.keeps_anybody()) else {
        return Ok(None);
    };
    doors.experiments.hash_id(&served.project, &id, text(BEFORE).as_deref()).await
}

/// Attributes of a user: what was sent, and the id under the names that rules know.
pub(crate) fn user(properties: &FlagValue, id: Option<&str>) -> User {
    let mut attributes = properties.as_object().cloned().unwrap_or_default();
    if let Some(id) = id {
        for name in OWN_IDS {
            attributes.insert(name, id);
        }
    }
    User::new(FlagValue::Object(attributes))
}
