//! The wire dialects, and the one function that reads an item of any of them: used by the doors, by `footfall import`,
//! by `footfall replay` and by the fuzz targets. Nothing of HTTP here.

use std::cell::OnceCell;

use footfall_ingest_activity::{Activity, Draft, Entry, Limits, Reason, Record, Refusal, Source, check_size};
use footfall_ingest_plan::Plan;
use serde_json::value::RawValue;

use crate::environment::{opened, placed_in};
use crate::json::{Value, merged};
use crate::{import, native_item, posthog_item, segment_item};

/// A way of writing activity down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    Segment,
    Rudder,
    Posthog,
    Native,
    /// Any of the others, recognised item by item: what `footfall import` reads.
    Import,
}

impl Dialect {
    /// Every dialect there is.
    pub const ALL: &'static [Dialect] =
        &[Dialect::Segment, Dialect::Rudder, Dialect::Posthog, Dialect::Native, Dialect::Import];

    /// The word in the `dialect` column and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dialect::Segment => "segment",
            Dialect::Rudder => "rudder",
            Dialect::Posthog => "posthog",
            Dialect::Native => "native",
            Dialect::Import => "import",
        }
    }

    /// The dialect that `name` names, as it stands in the `quarantine` table.
    pub fn of(name: &str) -> Option<Dialect> {
        Dialect::ALL.iter().copied().find(|dialect| dialect.as_str() == name)
    }
}

/// Holds what an activity needs that does not stand in its text as it is (a merged context, a group map).
#[derive(Debug, Default)]
pub struct Scratch {
    context: OnceCell<Box<RawValue>>,
    groups: OnceCell<Box<RawValue>>,
    set: OnceCell<Box<RawValue>>,
    set_once: OnceCell<Box<RawValue>>,
    unset: OnceCell<Box<RawValue>>,
    unescaped: OnceCell<String>,
}

impl Scratch {
    pub(crate) fn context(&self, json: String) -> Option<&RawValue> {
        keep(&self.context, json)
    }

    pub(crate) fn groups(&self, json: String) -> Option<&RawValue> {
        keep(&self.groups, json)
    }

    pub(crate) fn set(&self, json: String) -> Option<&RawValue> {
        keep(&self.set, json)
    }

    pub(crate) fn set_once(&self, json: String) -> Option<&RawValue> {
        keep(&self.set_once, json)
    }

    pub(crate) fn unset(&self, json: String) -> Option<&RawValue> {
        keep(&self.unset, json)
    }

    pub(crate) fn unescaped(&self, text: String) -> &str {
        self.unescaped.get_or_init(|| text)
    }
}

fn keep(slot: &OnceCell<Box<RawValue>>, json: String) -> Option<&RawValue> {
    let raw = RawValue::from_string(json).ok()?;
    Some(slot.get_or_init(|| raw))
}

/// What the request around an item says about it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Around<'a> {
    /// The call that the path names, for items without a `type`.
    pub(crate) call: Option<&'a str>,
    /// The context of the whole batch.
    pub(crate) context: Option<Value<'a>>,
    /// `library/version` of the client.
    pub(crate) sdk_info: Option<&'a str>,
}

impl Around<'_> {
    /// The item with what stood around it put inside, so that it can be read again on its own.
    pub(crate) fn sealed(&self, item: Value<'_>) -> Option<String> {
        if !item.is_object() {
            return None;
        }
        let mut outer = String::new();
        if let Some(call) = self.call {
            outer += &format!(",\"type\":\"{call}\"");
        }
        if let Some(sdk_info) = self.sdk_info {
            outer += &format!(",\"sdk_info\":{}", crate::json::quoted(sdk_info));
        }
        if let Some(context) = self.context {
            let context = match item.member("context") {
                Some(own) if own.is_object() => merged(context, own),
                // The item's own is what is wrong with it.
                Some(own) if !own.is_null() => own.text().to_owned(),
                _ => context.text().to_owned(),
            };
            outer += &format!(",\"context\":{context}");
        }
        let outer = format!("{{{}}}", outer.strip_prefix(',')?);
        Some(match (Value::check(&outer), self.context) {
            // The merged context already holds the item's own.
            (Ok(outer), Some(_)) => merged(item, outer),
            (Ok(outer), None) => merged(outer, item),
            (Err(_), _) => return None,
        })
    }
}

/// Reads one item that stands alone. `raw` must be the text in `source.raw` or one made from it.
pub fn parse_item<'a>(
    dialect: Dialect,
    raw: &'a str,
    source: &Source<'a>,
    limits: &Limits,
    scratch: &'a Scratch,
) -> Result<Activity<'a>, Refusal> {
    let value = Value::check(raw).map_err(|error| Refusal::new(Reason::NotJson, error.to_string()))?;
    parse_value(dialect, value, &Around::default(), source, limits, scratch)
}

/// Reads one item that stands alone into the record that the log keeps of it, if the project's plan does not refuse it.
pub fn parse_record(
    dialect: Dialect,
    raw: &str,
    source: &Source<'_>,
    limits: &Limits,
    plan: Option<&Plan>,
) -> Result<Record, Refusal> {
    record_of(dialect, raw, source, None, limits, plan)
}

/// Reads an item of the quarantine, which is `source.raw`, again: as it came, in the environment of the key that brought it.
pub fn parse_quarantined(
    dialect: Dialect,
    source: &Source<'_>,
    limits: &Limits,
    plan: Option<&Plan>,
) -> Result<Record, Refusal> {
    match opened(source.raw) {
        Some((raw, environment)) => {
            let source = Source { raw: &raw, ..*source };
            record_of(dialect, &raw, &source, Some(environment.as_str()), limits, plan)
        }
        None => record_of(dialect, source.raw, source, None, limits, plan),
    }
}

fn record_of(
    dialect: Dialect,
    raw: &str,
    source: &Source<'_>,
    environment: Option<&str>,
    limits: &Limits,
    plan: Option<&Plan>,
) -> Result<Record, Refusal> {
    let scratch = Scratch::default();
    let activity = parse_item(dialect, raw, source, limits, &scratch)?;
    if let Some(plan) = plan {
        let verdict = plan.judge(&activity.event, activity.properties.map(RawValue::get));
        if verdict.refuses {
            return Err(Refusal::new(Reason::PlanViolated, verdict.detail()));
        }
    }
    let placed = environment.and_then(|environment| placed_in(activity.properties, environment));
    let activity = Activity { properties: placed.as_deref().or(activity.properties), ..activity };
    Entry::Activity(Box::new(activity)).encode().map_err(|error| Refusal::new(Reason::Malformed, error.to_string()))
}

/// Reads one item of text already known to be JSON.
pub(crate) fn parse_value<'a>(
    dialect: Dialect,
    value: Value<'a>,
    around: &Around<'a>,
    source: &Source<'a>,
    limits: &Limits,
    scratch: &'a Scratch,
) -> Result<Activity<'a>, Refusal> {
    check_size(value.text(), limits)?;
    if !value.is_object() {
        return Err(Refusal::new(Reason::Malformed, "an item must be a JSON object"));
    }
    let draft: Draft<'a> = match dialect {
        Dialect::Segment | Dialect::Rudder => segment_item::read(value, around, scratch)?,
        Dialect::Posthog => posthog_item::read(value, around, source, scratch)?,
        Dialect::Native => native_item::read(value, around, scratch)?,
        Dialect::Import => import::read(value, around, source, scratch)?,
    };
    Activity::parse(draft, source, limits)
}
