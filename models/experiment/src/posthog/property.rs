//! One filter on a property, with what it needs prepared.

use std::borrow::Cow;

use jiff::Timestamp;

use super::date;
use super::semver::{self, Version};
use crate::Value;
use crate::pattern::Pattern;

/// What a filter says of a person. Unknown: the property is not at hand, or the filter cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    Unknown,
    /// Only the server knows, and nothing that follows may decide: a cohort that is a list.
    Hidden,
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Verdict::Yes } else { Verdict::No }
    }
}

impl Verdict {
    pub(super) fn negated_if(self, negated: bool) -> Verdict {
        match self {
            Verdict::Yes if negated => Verdict::No,
            Verdict::No if negated => Verdict::Yes,
            other => other,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct PropertyFilter {
    pub key: Box<str>,
    test: Test,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Test {
    IsSet,
    Truth(bool),
    Truthy,
    /// In lower case, ascending, each once: cohorts list thousands.
    OneOf(Vec<String>),
    Contains(Vec<String>),
    StartsWith(String),
    EndsWith(String),
    Matches(Pattern),
    /// A pattern that is none: false, even negated.
    Never,
    Ordered(Order, f64),
    Between(f64, f64),
    Date(DateOrder, String),
    Version(Order, Version),
    Versions(Version, Version),
    /// The operator or its value cannot be read.
    Unreadable,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug)]
enum DateOrder {
    Before,
    After,
    Exact,
}

/// Why a filter `{key, value, operator}` holds for nobody, whatever the property: as its operator or its value cannot be read.
pub fn unreadable(filter: &Value, now: Timestamp) -> Option<&'static str> {
    match PropertyFilter::compile(filter, false).test {
        Test::Never => Some("is no regular expression that PostHog's server takes"),
        Test::Unreadable => Some("cannot be read: the operator is not known, or does not go with this value"),
        Test::Date(_, bound) if date::relative(&bound, now).or_else(|| date::parse(&bound, now)).is_none() => {
            Some("is no date, as 2026-01-31 or -7d")
        }
        _ => None,
    }
}

impl PropertyFilter {
    /// Compiles `{key, value, operator}`. `is_exact` compares texts that look like booleans as texts (matching version 2).
    pub(super) fn compile(filter: &Value, is_exact: bool) -> PropertyFilter {
        let value = filter.get("value").cloned().unwrap_or_default();
        let operator = filter.get("operator").and_then(Value::as_str).filter(|operator| !operator.is_empty());
        let operator = operator.unwrap_or("exact");
        let (name, negated) = match operator {
            "is_not" => ("exact", true),
            "is_not_set" => ("is_set", true),
            "semver_neq" => ("semver_eq", true),
            other => other.strip_prefix("not_").map_or((other, false), |name| (name, true)),
        };
        let key = filter.get("key").map(Value::to_text).unwrap_or_default();
        PropertyFilter { key: key.into(), test: Test::compile(name, &value, is_exact), negated }
    }

    /// The verdict on a set of properties; `is_complete` if what is not in it does not exist.
    pub(super) fn holds(&self, properties: &Value, is_complete: bool, now: Timestamp) -> Verdict {
        let value = properties.get(&self.key);
        match (&self.test, value) {
            (_, None) if !is_complete => Verdict::Unknown,
            (Test::IsSet, value) => Verdict::from(value.is_some()).negated_if(self.negated),
            (Test::Unreadable, _) if is_complete => Verdict::No,
            (Test::Unreadable, _) => Verdict::Unknown,
            (Test::Never, _) => Verdict::No,
            // The negations of equality and of texts hold for what does not exist; of others there is nothing to compare.
            (_, None) => Verdict::from(self.negated),
            (test, Some(value)) => match test.holds(value, now) {
                Some(holds) => Verdict::from(holds).negated_if(self.negated),
                None if is_complete => Verdict::No,
                None => Verdict::Unknown,
            },
        }
    }
}

impl Test {
    fn compile(name: &str, value: &Value, is_exact: bool) -> Test {
        let number = || number_of(value);
        let ordered = |order| number().map_or(Test::Unreadable, |bound| Test::Ordered(order, bound));
        let date = |order| Test::Date(order, as_text(value).into_owned());
        let version =
            |order| semver::parse(&as_text(value)).map_or(Test::Unreadable, |bound| Test::Version(order, bound));
        let versions =
            |range: Option<(Version, Version)>| range.map_or(Test::Unreadable, |(a, b)| Test::Versions(a, b));
        match name {
            "exact" => Test::equality(value, is_exact),
            "is_set" => Test::IsSet,
            "icontains" => Test::Contains(vec![folded(value)]),
            "icontains_multi" => Test::Contains(each(value).iter().map(folded).collect()),
            "starts_with" => Test::StartsWith(folded(value)),
            "ends_with" => Test::EndsWith(folded(value)),
            "regex" => Pattern::compile_rust(&as_text(value)).map_or(Test::Never, Test::Matches),
            "gt" => ordered(Order::Greater),
            "gte" => ordered(Order::GreaterOrEqual),
            "lt" => ordered(Order::Less),
            "lte" => ordered(Order::LessOrEqual),
            "between" => match value.as_array().unwrap_or_default() {
                [low, high] => match (number_of(low), number_of(high)) {
                    (Some(low), Some(high)) => Test::Between(low, high),
                    _ => Test::Unreadable,
                },
                _ => Test::Unreadable,
            },
            "is_date_before" => date(DateOrder::Before),
            "is_date_after" => date(DateOrder::After),
            "is_date_exact" => date(DateOrder::Exact),
            "semver_eq" => version(Order::Equal),
            "semver_gt" => version(Order::Greater),
            "semver_gte" => version(Order::GreaterOrEqual),
            "semver_lt" => version(Order::Less),
            "semver_lte" => version(Order::LessOrEqual),
            "semver_tilde" => versions(semver::tilde(&as_text(value))),
            "semver_caret" => versions(semver::caret(&as_text(value))),
            "semver_wildcard" => versions(semver::wildcard(&as_text(value))),
            _ => Test::Unreadable,
        }
    }

    fn equality(value: &Value, is_exact: bool) -> Test {
        match value {
            Value::Array(items) if items.is_empty() => Test::Truthy,
            value if !is_exact && speaks_of_truth(value) => Test::Truth(is_true(value)),
            value => {
                let mut texts: Vec<String> = each(value).iter().map(|item| as_text(item).to_lowercase()).collect();
                texts.sort_unstable();
                texts.dedup();
                Test::OneOf(texts)
            }
        }
    }

    /// None if the value cannot be read as what the test compares.
    fn holds(&self, value: &Value, now: Timestamp) -> Option<bool> {
        // A property that is null is compared as a text, but is no date and no version.
        if value.is_null() && matches!(self, Test::Date(..) | Test::Version(..) | Test::Versions(..)) {
            return Some(false);
        }
        Some(match self {
            Test::Truth(wanted) => is_true(value) == *wanted,
            Test::Truthy => is_true(value),
            Test::OneOf(texts) => texts.binary_search(&as_text(value).to_lowercase()).is_ok(),
            Test::Contains(texts) => {
                let value = folded(value);
                texts.iter().any(|text| value.contains(text))
            }
            Test::StartsWith(text) => folded(value).starts_with(text),
            Test::EndsWith(text) => folded(value).ends_with(text),
            Test::Matches(pattern) => pattern.is_match(&as_text(value)),
            Test::Ordered(order, bound) => number_of(value).is_some_and(|number| order.holds(&number, bound)),
            Test::Between(low, high) => number_of(value).is_some_and(|number| (*low..=*high).contains(&number)),
            Test::Date(order, bound) => {
                let bound = date::relative(bound, now).or_else(|| date::parse(bound, now))?;
                let value = date::parse(value.as_str()?, now)?;
                match order {
                    DateOrder::Before => value < bound,
                    DateOrder::After => value > bound,
                    DateOrder::Exact => value == bound,
                }
            }
            Test::Version(order, bound) => order.holds(&semver::parse(&as_text(value))?, bound),
            Test::Versions(low, high) => (*low..*high).contains(&semver::parse(&as_text(value))?),
            Test::IsSet | Test::Never | Test::Unreadable => return None,
        })
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, value: &T, bound: &T) -> bool {
        match self {
            Order::Equal => value == bound,
            Order::Greater => value > bound,
            Order::GreaterOrEqual => value >= bound,
            Order::Less => value < bound,
            Order::LessOrEqual => value <= bound,
        }
    }
}

fn each(value: &Value) -> &[Value] {
    value.as_array().unwrap_or(std::slice::from_ref(value))
}

/// A text as it is, anything else as JSON.
fn as_text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

/// Only ASCII letters lose their case here.
fn folded(value: &Value) -> String {
    as_text(value).to_ascii_lowercase()
}

fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => *number,
        Value::String(text) => {
            let is_plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
            text.parse().ok().filter(|_| is_plain)?
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        Value::Array(items) => items.iter().all(is_true),
        _ => false,
    }
}

fn speaks_of_truth(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::String(text) => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        Value::Array(items) => items.iter().all(speaks_of_truth),
        _ => false,
    }
}
