//! The value of a flag for one person with their groups.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::definition::{Condition, Dependency, Entry, Filter, Flag, Flags, Group};
use super::hash::{bucket, holdout_bucket};
use super::property::Verdict;
use crate::Value;
use crate::value::Object;

/// Flags that depend on flags, and cohorts within cohorts, deeper than this count as a circle.
const DEPTH_MAX: usize = 100;

/// Whom the flags are evaluated for.
#[derive(Clone, Debug)]
pub struct Subject {
    pub distinct_id: String,
    pub device_id: Option<String>,
    /// By this id flags fall that keep what a person had while anonymous; by `distinct_id` where there is none.
    pub hash_id: Option<String>,
    /// An object.
    pub properties: Value,
    /// Key by group type.
    pub groups: BTreeMap<String, String>,
    /// Properties by group type.
    pub group_properties: BTreeMap<String, Value>,
    /// Cohorts that list this person.
    pub static_cohorts: HashSet<String>,
    /// True if a property that is not given does not exist: the server knows. False leaves such a condition open.
    pub is_complete: bool,
    /// The moment of the question, for relative dates.
    pub now: Timestamp,
}

/// The value of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagValue<'a> {
    Off,
    On,
    Variant(&'a str),
}

/// Why a flag has its value; the codes are those of `/flags?v=2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    ConditionMatch(usize),
    NoConditionMatch,
    OutOfRolloutBound(usize),
    NoGroupType,
    SuperConditionValue,
    HoldoutConditionValue,
    FlagDisabled,
    MissingDependency,
}

/// The value of a flag with its reason and payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer<'a> {
    pub value: FlagValue<'a>,
    pub reason: Reason,
    pub payload: Option<&'a Value>,
}

impl<'a> FlagValue<'a> {
    pub fn is_on(self) -> bool {
        self != FlagValue::Off
    }

    /// `false`, `true` or the variant's key, as the SDKs hand it out.
    pub fn to_value(self) -> Value {
        match self {
            FlagValue::Off => false.into(),
            FlagValue::On => true.into(),
            FlagValue::Variant(key) => key.into(),
        }
    }

    fn name(self) -> &'a str {
        match self {
            FlagValue::Off => "false",
            FlagValue::On => "true",
            FlagValue::Variant(key) => key,
        }
    }
}

impl Reason {
    pub fn code(self) -> &'static str {
        match self {
            Reason::ConditionMatch(_) => "condition_match",
            Reason::NoConditionMatch => "no_condition_match",
            Reason::OutOfRolloutBound(_) => "out_of_rollout_bound",
            Reason::NoGroupType => "no_group_type",
            Reason::SuperConditionValue => "super_condition_value",
            Reason::HoldoutConditionValue => "holdout_condition_value",
            Reason::FlagDisabled => "flag_disabled",
            Reason::MissingDependency => "missing_dependency",
        }
    }

    /// Which condition decided.
    pub fn condition_index(self) -> Option<usize> {
        match self {
            Reason::ConditionMatch(index) | Reason::OutOfRolloutBound(index) => Some(index),
            _ => None,
        }
    }
}

/// The unit that a flag or condition is about: its id and properties.
#[derive(Clone, Copy)]
struct Unit<'a> {
    id: &'a str,
    properties: &'a Value,
    is_complete: bool,
}

/// Answers for one subject and remembers flags that others depend on.
pub struct Evaluator<'a> {
    flags: &'a Flags,
    subject: &'a Subject,
    known: HashMap<&'a str, Option<FlagValue<'a>>>,
    path: Vec<&'a str>,
    none: &'a Value,
}

static NO_PROPERTIES: Value = Value::Null;

impl<'a> Evaluator<'a> {
    pub fn new(flags: &'a Flags, subject: &'a Subject) -> Evaluator<'a> {
        Evaluator { flags, subject, known: HashMap::new(), path: Vec::new(), none: &NO_PROPERTIES }
    }

    /// The value of a flag; none if what is known of the subject does not decide it.
    pub fn evaluate(&mut self, flag: &'a Flag) -> Option<Answer<'a>> {
        self.path.push(&flag.key);
        let decided = self.decide(flag);
        self.path.pop();
        let (value, reason) = decided?;
        let payload = if value.is_on() { flag.payload(value.name()) } else { None };
        Some(Answer { value, reason, payload })
    }

    fn decide(&mut self, flag: &'a Flag) -> Option<(FlagValue<'a>, Reason)> {
        if !flag.is_active {
            return Some((FlagValue::Off, Reason::FlagDisabled));
        }
        if flag.keeps_experience && !self.subject.is_complete {
            return None;
        }
        let unit = match &flag.group_type {
            Some(index) => match self.group(index) {
                Ok(unit) => unit,
                Err(Verdict::Unknown) => return None,
                Err(_) => return Some((FlagValue::Off, Reason::NoGroupType)),
            },
            None => Unit {
                id: self.person_id(flag)?,
                properties: &self.subject.properties,
                is_complete: self.subject.is_complete,
            },
        };
        if flag.is_enrollment {
            return self.enrollment(flag);
        }
        if let Some(holdout) = &flag.holdout
            && (holdout.percent >= 100.0 || holdout_bucket(unit.id) <= holdout.percent / 100.0)
        {
            return Some((FlagValue::Variant(&holdout.variant), Reason::HoldoutConditionValue));
        }
        if let Some(value) = self.super_condition(flag, unit) {
            return Some((value, Reason::SuperConditionValue));
        }
        self.conditions(flag, unit)
    }

    fn person_id(&self, flag: &Flag) -> Option<&'a str> {
        if flag.by_device {
            return self.subject.device_id.as_deref();
        }
        let earlier = self.subject.hash_id.as_deref().filter(|_| flag.keeps_experience);
        Some(earlier.unwrap_or(&self.subject.distinct_id))
    }

    /// The group of a type; `No` if the subject is in none, `Unknown` if the type or its properties are not known.
    fn group(&self, index: &str) -> Result<Unit<'a>, Verdict> {
        let is_complete = self.subject.is_complete;
        let open = if is_complete { Verdict::No } else { Verdict::Unknown };
        let name = self.flags.group_types.get(index).ok_or(open)?;
        let id = self.subject.groups.get(&**name).ok_or(Verdict::No)?;
        let properties = self.subject.group_properties.get(&**name);
        let properties = properties.or(is_complete.then_some(self.none)).ok_or(Verdict::Unknown)?;
        Ok(Unit { id, properties, is_complete })
    }

    /// Early access: the person has decided.
    fn enrollment(&self, flag: &Flag) -> Option<(FlagValue<'a>, Reason)> {
        let enrolled = self.subject.properties.get(&format!("$feature_enrollment/{}", flag.key));
        if flag.group_type.is_some() || (enrolled.is_none() && !self.subject.is_complete) {
            return None;
        }
        let is_in = enrolled.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"));
        Some((if is_in { FlagValue::On } else { FlagValue::Off }, Reason::SuperConditionValue))
    }

    /// The older form of early access: a condition that decides as soon as the person has its property.
    fn super_condition(&mut self, flag: &'a Flag, unit: Unit<'a>) -> Option<FlagValue<'a>> {
        let condition = flag.super_conditions.first()?;
        let is_decided = condition
            .filters
            .iter()
            .any(|filter| matches!(filter, Filter::Property(filter) if unit.properties.get(&filter.key).is_some()));
        let holds = is_decided.then(|| self.filters(condition, unit))?;
        Some(if holds == Verdict::Yes { self.value_of(flag, condition, unit) } else { FlagValue::Off })
    }

    fn conditions(&mut self, flag: &'a Flag, unit: Unit<'a>) -> Option<(FlagValue<'a>, Reason)> {
        let mut is_open = false;
        let mut reason = Reason::NoConditionMatch;
        for (index, condition) in flag.conditions.iter().enumerate() {
            let unit = match self.unit_of(flag, condition, unit) {
                Ok(unit) => unit,
                Err(Verdict::Unknown) => {
                    is_open = true;
                    continue;
                }
                Err(_) => continue,
            };
            match self.filters(condition, unit) {
                Verdict::No => continue,
                Verdict::Hidden => return None,
                Verdict::Unknown => is_open = true,
                Verdict::Yes => {
                    let percent = condition.rollout.unwrap_or(100.0);
                    if condition.rollout.is_none() || bucket(&flag.key, unit.id, "") <= percent / 100.0 {
                        return Some((self.value_of(flag, condition, unit), Reason::ConditionMatch(index)));
                    }
                    reason = Reason::OutOfRolloutBound(index);
                    if flag.exits_early {
                        break;
                    }
                }
            }
        }
        (!is_open).then_some((FlagValue::Off, reason))
    }

    fn unit_of(&self, flag: &Flag, condition: &Condition, unit: Unit<'a>) -> Result<Unit<'a>, Verdict> {
        match &condition.group_type {
            Some(own) if *own != flag.group_type => match own {
                Some(index) => self.group(index).map_err(|error| match error {
                    // A type that is not known is no group of the subject.
                    Verdict::Unknown if self.flags.group_types.contains_key(index) => Verdict::Unknown,
                    _ => Verdict::No,
                }),
                None => Ok(unit),
            },
            _ => Ok(unit),
        }
    }

    fn value_of(&self, flag: &'a Flag, condition: &'a Condition, unit: Unit<'_>) -> FlagValue<'a> {
        let forced = condition.variant.as_deref();
        if let Some(forced) = forced.filter(|forced| flag.variants.iter().any(|(key, _)| **key == **forced)) {
            return FlagValue::Variant(forced);
        }
        if flag.variants.is_empty() {
            return FlagValue::On;
        }
        let place = bucket(&flag.key, unit.id, "variant");
        let variant = flag.variants.iter().find(|(_, range)| range.contains(place));
        variant.map_or(FlagValue::On, |(key, _)| FlagValue::Variant(key))
    }

    fn filters(&mut self, condition: &'a Condition, unit: Unit<'a>) -> Verdict {
        let mut verdict = Verdict::Yes;
        for filter in &condition.filters {
            match self.filter(filter, unit, 0) {
                Verdict::No => return Verdict::No,
                // The first that is not known says whether later conditions may be asked.
                open @ (Verdict::Unknown | Verdict::Hidden) if verdict == Verdict::Yes => verdict = open,
                _ => {}
            }
        }
        verdict
    }

    fn filter(&mut self, filter: &'a Filter, unit: Unit<'a>, depth: usize) -> Verdict {
        let open = if unit.is_complete { Verdict::No } else { Verdict::Unknown };
        match filter {
            Filter::Property(property) => property.holds(unit.properties, unit.is_complete, self.subject.now),
            Filter::Cohort { is_readable: false, .. } => open,
            Filter::Cohort { id, negated, .. } => match self.flags.cohorts.get(id) {
                Some(group) if depth < DEPTH_MAX => self.entries(group, unit, depth + 1).negated_if(*negated),
                Some(_) => open,
                None if unit.is_complete => {
                    Verdict::from(self.subject.static_cohorts.contains(&**id)).negated_if(*negated)
                }
                None => Verdict::Hidden,
            },
            Filter::Flag(dependency) => self.dependency(dependency, open),
        }
    }

    fn entries(&mut self, group: &'a Group, unit: Unit<'a>, depth: usize) -> Verdict {
        let (entries, decisive) = match group {
            Group::All(entries) => (entries, Verdict::No),
            Group::Any(entries) if entries.is_empty() => return Verdict::Yes,
            Group::Any(entries) => (entries, Verdict::Yes),
            Group::Unreadable => return if unit.is_complete { Verdict::No } else { Verdict::Hidden },
        };
        let mut verdict = Verdict::Yes.negated_if(decisive == Verdict::Yes);
        // All entries are looked at: one that only the server knows hides the rest.
        let mut is_decided = false;
        for (entry, negated) in entries {
            let found = match entry {
                Entry::Filter(filter) => self.filter(filter, unit, depth),
                Entry::Group(group) => self.entries(group, unit, depth),
            };
            match found.negated_if(*negated) {
                Verdict::Hidden => return Verdict::Hidden,
                Verdict::Unknown => verdict = Verdict::Unknown,
                found => is_decided |= found == decisive,
            }
        }
        if is_decided {
            return decisive;
        }
        verdict
    }

    fn dependency(&mut self, dependency: &'a Dependency, open: Verdict) -> Verdict {
        if !dependency.is_readable {
            return Verdict::No;
        }
        let Some(flag) = self.flags.get(&dependency.flag).filter(|_| !dependency.is_circular) else { return open };
        let value = match self.known.get(&*flag.key) {
            Some(known) => *known,
            None => {
                if self.path.contains(&&*flag.key) || self.path.len() >= DEPTH_MAX {
                    return open;
                }
                self.path.push(&flag.key);
                let value = self.decide(flag).map(|(value, _)| value);
                self.path.pop();
                self.known.insert(&flag.key, value);
                value
            }
        };
        let Some(value) = value else { return open };
        let matches = match (value, &dependency.wanted) {
            (FlagValue::Variant(_), Value::Bool(wanted)) => *wanted,
            (FlagValue::Variant(key), Value::String(wanted)) => *key == **wanted,
            (value, Value::Bool(wanted)) => value.is_on() == *wanted,
            _ => false,
        };
        matches.into()
    }
}

impl Subject {
    /// Reads `{distinct_id, $device_id, person_properties, groups, group_properties}`, as `/flags` takes it.
    pub fn read(request: &Value, is_complete: bool, now: Timestamp) -> Subject {
        let text = |value: &Value| value.to_text().into_owned();
        let members = |name: &str| {
            let members = request.get(name).and_then(Value::as_object).into_iter().flat_map(Object::iter);
            // What is null is not there.
            members.filter(|(_, value)| !value.is_null())
        };
        Subject {
            distinct_id: request.get("distinct_id").filter(|id| !id.is_null()).map(text).unwrap_or_default(),
            device_id: request.get("$device_id").filter(|id| id.is_truthy()).map(text),
            hash_id: None,
            properties: request.get("person_properties").cloned().unwrap_or_default(),
            groups: members("groups").map(|(name, key)| (name.to_owned(), text(key))).collect(),
            group_properties: members("group_properties")
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect(),
            static_cohorts: HashSet::new(),
            is_complete,
            now,
        }
    }
}
