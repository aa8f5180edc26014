//! Flags and cohorts as the definitions endpoint gives them, compiled.

use std::collections::HashMap;

use super::property::PropertyFilter;
use crate::Value;
use crate::assign::BucketRange;
use crate::value::Object;

/// All flags of a project.
#[derive(Debug, Default)]
pub struct Flags {
    flags: Vec<Flag>,
    by_key: HashMap<Box<str>, usize>,
    pub(super) cohorts: HashMap<Box<str>, Group>,
    pub(super) group_types: HashMap<Box<str>, Box<str>>,
}

/// One flag.
#[derive(Debug)]
pub struct Flag {
    pub key: Box<str>,
    pub is_active: bool,
    /// A person keeps what they got while anonymous, which only the server knows.
    pub keeps_experience: bool,
    pub(super) by_device: bool,
    pub(super) group_type: Option<Box<str>>,
    pub(super) conditions: Vec<Condition>,
    pub(super) super_conditions: Vec<Condition>,
    pub(super) variants: Vec<(Box<str>, BucketRange)>,
    pub(super) holdout: Option<Holdout>,
    pub(super) is_enrollment: bool,
    pub(super) exits_early: bool,
    payloads: Object,
}

#[derive(Debug)]
pub(super) struct Condition {
    pub filters: Vec<Filter>,
    /// In percent.
    pub rollout: Option<f64>,
    pub variant: Option<Box<str>>,
    /// Whom this condition is about, if it says so itself; the inner none is persons.
    pub group_type: Option<Option<Box<str>>>,
}

#[derive(Debug)]
pub(super) struct Holdout {
    pub variant: Box<str>,
    pub percent: f64,
}

#[derive(Debug)]
pub(super) enum Filter {
    Property(PropertyFilter),
    Cohort { id: Box<str>, negated: bool, is_readable: bool },
    Flag(Dependency),
}

#[derive(Debug)]
pub(super) struct Dependency {
    pub flag: Box<str>,
    pub wanted: Value,
    pub is_readable: bool,
    pub is_circular: bool,
}

/// A cohort: filters and groups of filters.
#[derive(Debug)]
pub(super) enum Group {
    All(Vec<(Entry, bool)>),
    Any(Vec<(Entry, bool)>),
    Unreadable,
}

#[derive(Debug)]
pub(super) enum Entry {
    Filter(Filter),
    Group(Group),
}

impl Flags {
    /// Compiles `{flags, group_type_mapping, cohorts, property_matching_version?}`.
    pub fn compile(definitions: &Value) -> Flags {
        let is_exact = definitions.get("property_matching_version").and_then(Value::as_number) == Some(2.0);
        let flags = definitions.get("flags").and_then(Value::as_array).unwrap_or_default();
        let flags: Vec<_> = flags.iter().map(|flag| Flag::compile(flag, is_exact)).collect();
        let by_key = flags.iter().enumerate().map(|(index, flag)| (flag.key.clone(), index)).collect();
        let cohorts = members(definitions.get("cohorts"));
        let group_types = members(definitions.get("group_type_mapping"));
        Flags {
            flags,
            by_key,
            cohorts: cohorts.map(|(id, group)| (id.into(), Group::compile(group, is_exact))).collect(),
            group_types: group_types.map(|(index, name)| (index.into(), name.to_text().into())).collect(),
        }
    }

    /// Flags in the order of their definition.
    pub fn all(&self) -> &[Flag] {
        &self.flags
    }

    pub fn get(&self, key: &str) -> Option<&Flag> {
        self.by_key.get(key).and_then(|index| self.flags.get(*index))
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Object::iter)
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).unwrap_or_default()
}

fn text(value: Option<&Value>) -> Option<Box<str>> {
    value.filter(|value| !value.is_null()).map(|value| value.to_text().into())
}

impl Flag {
    fn compile(flag: &Value, is_exact: bool) -> Flag {
        let filters = flag.get("filters").cloned().unwrap_or_default();
        let is_on = |value: Option<&Value>| value.is_some_and(Value::is_truthy);
        let conditions = |name: &str| -> Vec<Condition> {
            items(&filters, name).iter().map(|group| Condition::compile(group, is_exact)).collect()
        };
        let identifier = flag.get("bucketing_identifier").filter(|value| value.is_truthy());
        let identifier = identifier.or_else(|| filters.get("bucketing_identifier"));
        let holdout = filters.get("holdout").and_then(|holdout| {
            let percent = holdout.get("exclusion_percentage")?.as_number()?.clamp(0.0, 100.0);
            Some(Holdout { variant: format!("holdout-{}", text(holdout.get("id"))?).into(), percent })
        });
        Flag {
            key: flag.get("key").map(Value::to_text).unwrap_or_default().into(),
            is_active: is_on(flag.get("active")),
            keeps_experience: is_on(flag.get("ensure_experience_continuity")),
            by_device: identifier.and_then(Value::as_str) == Some("device_id"),
            group_type: text(filters.get("aggregation_group_type_index")),
            conditions: conditions("groups"),
            super_conditions: conditions("super_groups"),
            variants: variants(&filters),
            holdout,
            is_enrollment: filters.get("feature_enrollment").and_then(Value::as_bool) == Some(true),
            exits_early: is_on(filters.get("early_exit")),
            payloads: filters.get("payloads").and_then(Value::as_object).cloned().unwrap_or_default(),
        }
    }

    /// What the flag carries for one of its values: `true`, or the key of a variant.
    pub fn payload(&self, value: &str) -> Option<&Value> {
        self.payloads.get(value)
    }
}

fn variants(filters: &Value) -> Vec<(Box<str>, BucketRange)> {
    let mut start = 0.0;
    let listed = filters.get("multivariate").map(|multivariate| items(multivariate, "variants")).unwrap_or_default();
    let variant = |variant: &Value| {
        let percent = variant.get("rollout_percentage").and_then(Value::as_number).unwrap_or(0.0);
        let range = BucketRange { start, end: start + percent / 100.0 };
        start = range.end;
        (variant.get("key").map(Value::to_text).unwrap_or_default().into(), range)
    };
    listed.iter().map(variant).collect()
}

impl Condition {
    fn compile(group: &Value, is_exact: bool) -> Condition {
        Condition {
            filters: items(group, "properties").iter().map(|filter| Filter::compile(filter, is_exact)).collect(),
            rollout: group.get("rollout_percentage").and_then(Value::as_number),
            variant: text(group.get("variant")).filter(|variant| !variant.is_empty()),
            group_type: group.get("aggregation_group_type_index").map(|index| text(Some(index))),
        }
    }
}

impl Filter {
    fn compile(filter: &Value, is_exact: bool) -> Filter {
        let operator = filter.get("operator").and_then(Value::as_str).unwrap_or("exact");
        match filter.get("type").and_then(Value::as_str) {
            Some("cohort") => Filter::Cohort {
                id: text(filter.get("value")).unwrap_or_default(),
                negated: operator == "not_in",
                is_readable: ["exact", "in", "not_in"].contains(&operator),
            },
            Some("flag") => {
                let flag = text(filter.get("key")).unwrap_or_default();
                let wanted = filter.get("value").cloned().unwrap_or_default();
                let chain = filter.get("dependency_chain").and_then(Value::as_array);
                Filter::Flag(Dependency {
                    is_readable: operator == "flag_evaluates_to" && !flag.is_empty() && !wanted.is_null(),
                    is_circular: chain.is_some_and(<[Value]>::is_empty),
                    flag,
                    wanted,
                })
            }
            _ => Filter::Property(PropertyFilter::compile(filter, is_exact)),
        }
    }
}

impl Group {
    fn compile(group: &Value, is_exact: bool) -> Group {
        if group.as_object().is_some_and(Object::is_empty) {
            return Group::All(Vec::new());
        }
        let entry = |entry: &Value| {
            let kind = entry.get("type").and_then(Value::as_str);
            let is_group = entry.as_object().is_some_and(Object::is_empty)
                || entry.get("values").is_some()
                || matches!(kind, Some("AND" | "OR"));
            if is_group {
                return (Entry::Group(Group::compile(entry, is_exact)), false);
            }
            let negated = entry.get("negation").is_some_and(Value::is_truthy);
            (Entry::Filter(Filter::compile(entry, is_exact)), negated)
        };
        let entries = group.get("values").and_then(Value::as_array).map(|items| items.iter().map(entry).collect());
        match (group.get("type").and_then(Value::as_str), entries) {
            (Some("AND"), Some(entries)) => Group::All(entries),
            (Some("OR"), Some(entries)) => Group::Any(entries),
            _ => Group::Unreadable,
        }
    }
}
