//! An experiment, compiled: who is in, and how units fall into its variations.

use super::bandit::Bandit;
use super::bucket::{BucketRange, HashVersion, Namespace, Seed, bucket_ranges};
use super::condition::{Condition, SavedGroups};
use super::feature::Prerequisite;
use super::sticky::StickyRule;
use super::url_target::UrlTargets;
use super::user::User;
use crate::Value;

/// An experiment as the SDKs run it, of a rule or on its own.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The name under which exposures are recorded.
    pub key: Box<str>,
    /// As the SDKs show it in their answers.
    pub definition: Value,
    pub(super) variations: Vec<Value>,
    pub(super) meta: Vec<VariationMeta>,
    pub(super) unit: Unit,
    pub(super) seed: Seed,
    pub(super) ranges: Vec<BucketRange>,
    pub(super) coverage: f64,
    pub(super) has_own_ranges: bool,
    pub(super) namespace: Option<Namespace>,
    pub(super) filters: Option<Vec<Filter>>,
    pub(super) condition: Option<Condition>,
    pub(super) prerequisites: Vec<Prerequisite>,
    pub(super) urls: Option<UrlTargets>,
    pub(super) sticky: Option<StickyRule>,
    pub(super) state: State,
    /// A variation for everybody who would be in; the inner none is a variation that does not exist.
    pub(super) force: Option<Option<usize>>,
    pub(super) bandit: Option<Bandit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Inactive,
    Stopped,
}

#[derive(Clone, Debug, Default)]
pub(super) struct VariationMeta {
    pub key: Option<Box<str>>,
    pub name: Option<Box<str>>,
    pub is_passthrough: bool,
}

/// By which attribute units are told apart.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub attribute: Box<str>,
    /// Used with sticky buckets alone, when the first attribute is missing.
    pub fallback: Option<Box<str>>,
}

/// A share of the units, by a hash of its own.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    attribute: Box<str>,
    seed: Seed,
    ranges: Vec<BucketRange>,
}

impl Unit {
    pub(super) fn read(rule: &Value) -> Unit {
        let text = |name: &str| rule.get(name).filter(|value| value.is_truthy()).map(|value| value.to_text().into());
        Unit { attribute: text("hashAttribute").unwrap_or_else(|| "id".into()), fallback: text("fallbackAttribute") }
    }

    /// The attribute and the value that identify a user, if there is one.
    #[inline]
    pub(super) fn of<'a>(&'a self, user: &'a User, with_fallback: bool) -> (&'a str, Option<&'a Value>) {
        if let Some(value) = user.unit(&self.attribute) {
            return (&self.attribute, Some(value));
        }
        let fallback = self.fallback.as_deref().filter(|_| with_fallback);
        match fallback.and_then(|attribute| Some((attribute, user.unit(attribute)?))) {
            Some((attribute, value)) => (attribute, Some(value)),
            None => (&self.attribute, None),
        }
    }
}

impl Filter {
    fn read(value: &Value) -> Filter {
        let attribute = value.get("attribute").filter(|value| value.is_truthy());
        Filter {
            attribute: attribute.map_or_else(|| "id".into(), |attribute| attribute.to_text().into()),
            seed: Seed::new(
                &value.get("seed").map(Value::to_text).unwrap_or_default(),
                HashVersion::read(value.get("hashVersion"), HashVersion::Two),
            ),
            ranges: value.get("ranges").map(BucketRange::read_all).unwrap_or_default(),
        }
    }

    pub(super) fn read_all(value: Option<&Value>) -> Option<Vec<Filter>> {
        let filters = value.filter(|value| value.is_truthy())?;
        Some(filters.as_array().unwrap_or_default().iter().map(Filter::read).collect())
    }

    pub(super) fn includes(&self, user: &User) -> bool {
        let place = user.unit(&self.attribute).and_then(|unit| self.seed.place(unit));
        place.is_some_and(|place| self.ranges.iter().any(|range| range.contains(place)))
    }

    /// The attribute for want of which it includes nobody.
    pub(super) fn lacks(&self, user: &User) -> Option<&str> {
        user.unit(&self.attribute).is_none().then_some(&*self.attribute)
    }
}

impl VariationMeta {
    fn read(value: &Value) -> VariationMeta {
        let text = |name: &str| value.get(name).filter(|value| value.is_truthy()).map(|value| value.to_text().into());
        let is_passthrough = value.get("passthrough").is_some_and(Value::is_truthy);
        VariationMeta { key: text("key"), name: text("name"), is_passthrough }
    }
}

impl Experiment {
    /// Compiles an experiment. Prerequisites refer to features, which the payload finds afterwards.
    pub(super) fn compile(definition: Value, groups: &SavedGroups) -> Experiment {
        let get = |name: &str| definition.get(name);
        let truthy = |name: &str| get(name).filter(|value| value.is_truthy());
        let key: Box<str> = get("key").map(Value::to_text).unwrap_or_default().into();
        let variations = get("variations").and_then(Value::as_array).unwrap_or_default().to_vec();
        let coverage = get("coverage").map_or(1.0, Value::to_number);
        let own_ranges = truthy("ranges").map(BucketRange::read_all);
        let weights = truthy("weights").map(numbers);
        let seed = truthy("seed").map_or_else(|| key.to_string(), |seed| seed.to_text().into());
        let number = |name: &str| truthy(name).map_or(0.0, Value::to_number);
        let state = match get("status").and_then(Value::as_str) {
            Some("draft") => State::Inactive,
            _ if get("active").and_then(Value::as_bool) == Some(false) => State::Inactive,
            Some("stopped") => State::Stopped,
            _ => State::Running,
        };
        let variation_of = |force: &Value| Some(force.to_number()).filter(|v| *v >= 0.0 && v.fract() == 0.0);
        Experiment {
            has_own_ranges: own_ranges.is_some(),
            ranges: own_ranges.unwrap_or_else(|| bucket_ranges(variations.len(), coverage, weights.as_deref())),
            coverage,
            meta: get("meta").and_then(Value::as_array).unwrap_or_default().iter().map(VariationMeta::read).collect(),
            unit: Unit::read(&definition),
            seed: Seed::new(&seed, HashVersion::read(get("hashVersion"), HashVersion::One)),
            namespace: truthy("namespace").map(Namespace::read),
            filters: Filter::read_all(get("filters")),
            condition: truthy("condition").map(|condition| Condition::compile(condition, groups)),
            prerequisites: get("parentConditions").map(Prerequisite::read_all).unwrap_or_default(),
            urls: truthy("urlPatterns").map(UrlTargets::read),
            sticky: (!get("disableStickyBucketing").is_some_and(Value::is_truthy))
                .then(|| StickyRule::new(&key, number("bucketVersion"), number("minBucketVersion"))),
            state,
            force: get("force").map(|force| variation_of(force).map(|variation| variation as usize)),
            bandit: None,
            key,
            variations,
            definition,
        }
    }

    /// The variation's own key, or its number.
    pub fn variation_key(&self, variation: usize) -> std::borrow::Cow<'_, str> {
        match self.meta.get(variation).and_then(|meta| meta.key.as_deref()) {
            Some(key) => key.into(),
            None => variation.to_string().into(),
        }
    }

    /// The values among which units are divided.
    pub fn variations(&self) -> &[Value] {
        &self.variations
    }
}

pub(super) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_default().iter().map(Value::to_number).collect()
}
