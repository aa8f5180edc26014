//! A feature with its rules, compiled.

use super::bandit::Bandit;
use super::bucket::{BucketRange, HashVersion, Seed};
use super::condition::{Condition, SavedGroups};
use super::experiment::{Experiment, Filter, Unit};
use super::user::User;
use crate::Value;
use crate::value::Object;

/// A flag: the first rule that applies gives its value.
#[derive(Clone, Debug)]
pub struct Feature {
    pub key: Box<str>,
    pub default: Value,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub id: Box<str>,
    pub prerequisites: Vec<Prerequisite>,
    pub filters: Option<Vec<Filter>>,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    Force(Box<Force>),
    Run(Box<Experiment>),
    Nothing,
}

/// One value for all who meet the condition and are in the rollout.
#[derive(Clone, Debug)]
pub(super) struct Force {
    pub value: Value,
    pub condition: Option<Condition>,
    rollout: Option<Rollout>,
}

#[derive(Clone, Debug)]
struct Rollout {
    unit: Unit,
    is_sticky: bool,
    seed: Seed,
    share: Share,
}

#[derive(Clone, Debug)]
enum Share {
    Range(BucketRange),
    UpTo(f64),
    Nobody,
}

/// A condition on the value of another feature.
#[derive(Clone, Debug)]
pub(super) struct Prerequisite {
    pub feature: Box<str>,
    /// Its place in the payload; none if there is no such feature.
    pub index: Option<usize>,
    pub condition: Condition,
    /// If it does not hold, the whole feature has no value, not only this rule.
    pub is_gate: bool,
}

impl Prerequisite {
    pub(super) fn read_all(value: &Value) -> Vec<Prerequisite> {
        // The SDKs do not look into saved groups here.
        let groups = SavedGroups::default();
        let read = |item: &Value| Prerequisite {
            feature: item.get("id").map(Value::to_text).unwrap_or_default().into(),
            index: None,
            condition: item
                .get("condition")
                .filter(|condition| condition.is_truthy())
                .map(|condition| Condition::compile(condition, &groups))
                .unwrap_or_default(),
            is_gate: item.get("gate").is_some_and(Value::is_truthy),
        };
        value.as_array().unwrap_or_default().iter().map(read).collect()
    }
}

/// Everything that rules of a payload share.
pub(super) struct Shared<'a> {
    pub groups: &'a SavedGroups,
    pub bandits: Option<&'a Value>,
}

impl Feature {
    pub(super) fn compile(key: &str, definition: &Value, shared: &Shared<'_>) -> Feature {
        let rules = definition.get("rules").and_then(Value::as_array).unwrap_or_default();
        Feature {
            key: key.into(),
            default: definition.get("defaultValue").cloned().unwrap_or_default(),
            rules: rules.iter().map(|rule| Rule::compile(key, rule, shared)).collect(),
        }
    }

    pub(super) fn prerequisites_mut(&mut self) -> impl Iterator<Item = &mut Prerequisite> {
        self.rules.iter_mut().flat_map(|rule| rule.prerequisites.iter_mut())
    }

    /// The experiments of its rules.
    pub fn experiments(&self) -> impl Iterator<Item = &Experiment> {
        self.rules.iter().filter_map(|rule| match &rule.action {
            Action::Run(experiment) => Some(&**experiment),
            _ => None,
        })
    }
}

impl Rule {
    fn compile(feature: &str, rule: &Value, shared: &Shared<'_>) -> Rule {
        let action = if rule.get("force").is_some() {
            Action::Force(Box::new(Force::compile(feature, rule, shared.groups)))
        } else {
            let variations = rule.get("contextualVariations").filter(|value| !value.is_null());
            match variations.or_else(|| rule.get("variations")).filter(|value| value.is_truthy()) {
                Some(variations) => Action::Run(Box::new(experiment_of(feature, rule, variations, shared))),
                None => Action::Nothing,
            }
        };
        Rule {
            id: rule.get("id").filter(|id| id.is_truthy()).map(Value::to_text).unwrap_or_default().into(),
            prerequisites: rule.get("parentConditions").map(Prerequisite::read_all).unwrap_or_default(),
            filters: Filter::read_all(rule.get("filters")),
            action,
        }
    }
}

impl Force {
    fn compile(feature: &str, rule: &Value, groups: &SavedGroups) -> Force {
        let condition = rule.get("condition").filter(|condition| condition.is_truthy());
        let range = rule.get("range").filter(|range| range.is_truthy()).map(BucketRange::read);
        let share = match (range, rule.get("coverage")) {
            (Some(range), _) => Some(Share::Range(range)),
            (None, Some(Value::Number(0.0))) => Some(Share::Nobody),
            (None, Some(coverage)) => Some(Share::UpTo(coverage.to_number())),
            (None, None) => None,
        };
        let seed = rule.get("seed").filter(|seed| seed.is_truthy()).map_or(feature.into(), Value::to_text);
        Force {
            value: rule.get("force").cloned().unwrap_or_default(),
            condition: condition.map(|condition| Condition::compile(condition, groups)),
            rollout: share.map(|share| Rollout {
                unit: Unit::read(rule),
                is_sticky: !rule.get("disableStickyBucketing").is_some_and(Value::is_truthy),
                seed: Seed::new(&seed, HashVersion::read(rule.get("hashVersion"), HashVersion::One)),
                share,
            }),
        }
    }

    #[inline]
    pub(super) fn applies(&self, user: &User, is_sticky: bool) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(&user.attributes))
            && self.rollout.as_ref().is_none_or(|rollout| rollout.includes(user, is_sticky))
    }

    /// The attribute for want of which it does not apply.
    pub(super) fn lacks<'a>(&'a self, user: &'a User, is_sticky: bool) -> Option<&'a str> {
        let rollout = self.rollout.as_ref().filter(|rollout| !matches!(rollout.share, Share::Nobody))?;
        let (attribute, unit) = rollout.unit.of(user, is_sticky && rollout.is_sticky);
        let is_meant = || self.condition.as_ref().is_none_or(|condition| condition.holds(&user.attributes));
        (unit.is_none() && is_meant()).then_some(attribute)
    }
}

impl Rollout {
    #[inline]
    fn includes(&self, user: &User, is_sticky: bool) -> bool {
        if matches!(self.share, Share::Nobody) {
            return false;
        }
        let (_, unit) = self.unit.of(user, is_sticky && self.is_sticky);
        unit.and_then(|unit| self.seed.place(unit)).is_some_and(|place| match self.share {
            Share::Range(range) => range.contains(place),
            Share::UpTo(coverage) => place <= coverage,
            Share::Nobody => false,
        })
    }
}

/// Fields of a rule that its experiment has if they are neither empty nor zero.
const COPIED: [&str; 15] = [
    "weights",
    "hashAttribute",
    "fallbackAttribute",
    "disableStickyBucketing",
    "namespace",
    "meta",
    "ranges",
    "name",
    "phase",
    "seed",
    "hashVersion",
    "filters",
    "condition",
    // Whatever they are:
    "bucketVersion",
    "minBucketVersion",
];

fn experiment_of(feature: &str, rule: &Value, variations: &Value, shared: &Shared<'_>) -> Experiment {
    let mut definition = Object::default();
    definition.insert("variations", variations.clone());
    let key = rule.get("key").filter(|key| key.is_truthy()).map_or_else(|| feature.into(), Value::clone);
    definition.insert("key", key);
    if let Some(coverage) = rule.get("coverage") {
        definition.insert("coverage", coverage.clone());
    }
    for name in COPIED {
        let is_kept = |value: &&Value| value.is_truthy() || name.to_ascii_lowercase().ends_with("bucketversion");
        if let Some(value) = rule.get(name).filter(is_kept) {
            definition.insert(name, value.clone());
        }
    }
    let mut experiment = Experiment::compile(Value::Object(definition), shared.groups);
    let reference = rule.get("contextualBanditRef").filter(|reference| reference.is_truthy());
    let bandit = reference.and_then(|reference| shared.bandits?.get(&reference.to_text()));
    experiment.bandit =
        bandit.filter(|bandit| bandit.is_truthy()).map(|bandit| Bandit::compile(bandit, &experiment, shared.groups));
    experiment
}
