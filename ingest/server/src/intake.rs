//! Turns the items of an envelope into log records and decides the fate of each.

use std::fmt;

use footfall_ingest_activity::{
    Activity, Entry, Limits, Quarantined, Reason, Record, Refusal, Resolved, Skew, Source, Text, Timestamp, Unmerge,
    content_hash,
};
use footfall_ingest_plan::Plan;
use uuid::Uuid;

use crate::dialect::{Around, Dialect, Scratch, parse_value};
use crate::envelope::{Envelope, Item};
use crate::environment::{placed_in, sealed};
use crate::json::Value;
use crate::plans::Violated;

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// Kept aside, whole, with a reason; it can be replayed.
    Quarantined,
    /// Not kept.
    Rejected,
}

impl Outcome {
    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Quarantined => "quarantined",
            Outcome::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The fate of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// The item's place in the request.
    pub index: usize,
    pub outcome: Outcome,
    /// Why it was not accepted.
    pub refusal: Option<Refusal>,
    /// The id it is counted by.
    pub message_id: Option<String>,
}

/// A request, read: what to append to the log, and the account.
#[derive(Debug, Default)]
pub struct ParsedRequest {
    pub records: Vec<Record>,
    pub accepted: usize,
    pub quarantined: usize,
    pub rejected: usize,
    /// Fates of the items that were not accepted; of all, when the setting is verbose.
    pub fates: Vec<Fate>,
    /// What is otherwise than planned, accepted or not.
    pub violated: Vec<Violated>,
}

impl ParsedRequest {
    /// How many items there were.
    pub fn received(&self) -> usize {
        self.accepted + self.quarantined + self.rejected
    }
}

/// What the server knows about a request.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub project: &'a str,
    pub received_at: Timestamp,
    /// The import run that the items belong to.
    pub import: Option<&'a str>,
    pub limits: &'a Limits,
    pub skew: Option<&'a Skew>,
    /// What the project means its activities to be.
    pub plan: Option<&'a Plan>,
    /// The caller may give commands.
    pub operator: bool,
    /// The environment of the caller's key; `None` is production.
    pub environment: Option<&'a str>,
    /// Keep the fates of accepted items too.
    pub verbose: bool,
}

impl<'a> Setting<'a> {
    /// An ordinary caller's request.
    pub fn new(project: &'a str, received_at: Timestamp, limits: &'a Limits) -> Self {
        Setting {
            project,
            received_at,
            import: None,
            limits,
            skew: None,
            plan: None,
            operator: false,
            environment: None,
            verbose: false,
        }
    }
}

/// Reads every item.
pub(crate) fn take(envelope: &Envelope<'_>, setting: &Setting<'_>) -> ParsedRequest {
    let mut parsed = ParsedRequest { records: Vec::with_capacity(envelope.items.len()), ..ParsedRequest::default() };
    for (index, item) in envelope.items.iter().enumerate() {
        match item {
            Item::Json(value) => parsed.take(index, *value, envelope, setting),
            Item::Faulty(value, reason, detail) => {
                let source = source_of(*value, envelope, setting);
                let item = RefusedItem::new(*value, &source, envelope, setting);
                parsed.refuse(index, Some(item), Refusal::new(*reason, *detail));
            }
            Item::NotJson => drop(parsed.refuse(index, None, Refusal::new(Reason::NotJson, "the line is not JSON"))),
            Item::NotUtf8 => drop(parsed.refuse(index, None, Refusal::new(Reason::NotUtf8, "the line is not UTF-8"))),
        }
    }
    parsed
}

fn source_of<'a>(value: Value<'a>, envelope: &Envelope<'_>, setting: &Setting<'a>) -> Source<'a> {
    Source {
        project: setting.project,
        dialect: envelope.dialect.as_str(),
        received_at: setting.received_at,
        sent_at: envelope.sent_at,
        raw: value.text(),
        import: setting.import,
        id_of_none: None,
        skew: setting.skew,
    }
}

impl ParsedRequest {
    fn take(&mut self, index: usize, value: Value<'_>, envelope: &Envelope<'_>, setting: &Setting<'_>) {
        let source = source_of(value, envelope, setting);
        let native = matches!(envelope.dialect, Dialect::Native | Dialect::Import);
        // Looked for as text first: hardly any item is a command, and walking its members costs more.
        let maybe = native && COMMANDS.iter().any(|name| memchr::memmem::find(value.text().as_bytes(), name).is_some());
        if let Some(command) = maybe.then(|| command_of(value, setting)).flatten() {
            return match command {
                Ok(record) => self.accept(index, record, None),
                Err(refusal) => drop(self.refuse(index, None, refusal)),
            };
        }
        let item = RefusedItem::new(value, &source, envelope, setting);
        let scratch = Scratch::default();
        let parsed = parse_value(envelope.dialect, value, &envelope.around, &source, setting.limits, &scratch);
        let activity = match parsed {
            Ok(activity) => activity,
            Err(refusal) => {
                self.refuse(index, Some(item), refusal);
                return;
            }
        };
        if let Some(refusal) = self.judge(&activity, setting) {
            let id = self.refuse(index, Some(item), refusal);
            if let (Some(id), Some(violated)) = (id, self.violated.last_mut()) {
                violated.example = id;
            }
            return;
        }
        let placed = setting.environment.and_then(|environment| placed_in(activity.properties, environment));
        let activity = Activity { properties: placed.as_deref().or(activity.properties), ..activity };
        let message_id = setting.verbose.then(|| activity.message_id.as_str().to_owned());
        match Entry::Activity(Box::new(activity)).encode() {
            Ok(record) => self.accept(index, record, message_id),
            Err(error) => {
                let refusal = Refusal::new(Reason::Malformed, error.to_string());
                self.refuse(index, Some(item), refusal);
            }
        }
    }

    /// Holds an activity against the project's plan; what the plan refuses is to be quarantined.
    fn judge(&mut self, activity: &Activity<'_>, setting: &Setting<'_>) -> Option<Refusal> {
        let verdict = setting.plan?.judge(&activity.event, activity.properties.map(|properties| properties.get()));
        if verdict.violations.is_empty() {
            return None;
        }
        let refusal = verdict.refuses.then(|| Refusal::new(Reason::PlanViolated, verdict.detail()));
        self.violated.push(Violated {
            activity: activity.event.as_str().to_owned(),
            violations: verdict.violations,
            is_refused: refusal.is_some(),
            example: activity.message_id.as_str().to_owned(),
            timestamp: activity.timestamp,
            received_at: activity.received_at,
        });
        refusal
    }

    fn accept(&mut self, index: usize, record: Record, message_id: Option<String>) {
        self.accepted += 1;
        self.records.push(record);
        if message_id.is_some() {
            self.fates.push(Fate { index, outcome: Outcome::Accepted, refusal: None, message_id });
        }
    }

    /// Quarantines the item where it can be kept, else rejects it. Returns the quarantine's id.
    fn refuse(&mut self, index: usize, item: Option<RefusedItem<'_>>, refusal: Refusal) -> Option<String> {
        let record = item.filter(|_| !refusal.is_rejection()).and_then(|item| item.quarantined(&refusal));
        let (outcome, id) = match record {
            Some((id, record)) => {
                self.records.push(record);
                self.quarantined += 1;
                (Outcome::Quarantined, Some(id))
            }
            None => {
                self.rejected += 1;
                (Outcome::Rejected, None)
            }
        };
        let message_id = item.and_then(|item| message_id_in(item.value));
        self.fates.push(Fate { index, outcome, refusal: Some(refusal), message_id });
        id
    }
}

/// An item that may be refused, with all that is kept of it then.
#[derive(Clone, Copy)]
struct RefusedItem<'a> {
    value: Value<'a>,
    source: &'a Source<'a>,
    around: &'a Around<'a>,
    environment: Option<&'a str>,
}

impl<'a> RefusedItem<'a> {
    fn new(value: Value<'a>, source: &'a Source<'a>, envelope: &'a Envelope<'_>, setting: &Setting<'a>) -> Self {
        RefusedItem { value, source, around: &envelope.around, environment: setting.environment }
    }

    /// The id and the record of the item in the quarantine. The id follows from its content: sent twice it stands there once.
    fn quarantined(self, refusal: &Refusal) -> Option<(String, Record)> {
        let source = self.source;
        let whole = self.around.sealed(self.value);
        let raw = whole.as_deref().unwrap_or(source.raw);
        let placed = self.environment.and_then(|environment| sealed(raw, environment));
        let raw = placed.as_deref().unwrap_or(raw);
        let quarantine_id = Uuid::new_v8(content_hash(source.project, raw).to_be_bytes()).to_string();
        let item = Quarantined {
            quarantine_id: quarantine_id.as_str().into(),
            project: source.project.into(),
            dialect: source.dialect.into(),
            reason: refusal.reason.code().into(),
            detail: refusal.detail.as_str().into(),
            raw: raw.into(),
            received_at: source.received_at,
            sent_at: source.sent_at,
            import: source.import.map(Text::from),
        };
        let record = Entry::Quarantined(item).encode().ok()?;
        Some((quarantine_id, record))
    }
}

/// The id that a refused item carries, if it is readable.
fn message_id_in(value: Value<'_>) -> Option<String> {
    let id = value.member("messageId").or_else(|| value.member("uuid"))?.scalar()?;
    Some(id.chars().take(200).collect())
}

/// The types that are commands, as they stand in an item.
const COMMANDS: [&[u8]; 2] = [b"\"unmerge\"", b"\"resolve\""];

/// An operator's command, if the item is one: `unmerge` and `resolve`.
fn command_of(value: Value<'_>, setting: &Setting<'_>) -> Option<Result<Record, Refusal>> {
    let kind = value.member("type")?;
    let name = match kind.text() {
        "\"unmerge\"" => "mergeId",
        "\"resolve\"" => "quarantineId",
        _ => return None,
    };
    if !setting.operator {
        let detail = "only an operator's key may unmerge or resolve";
        return Some(Err(Refusal::new(Reason::OperatorOnly, detail)));
    }
    let Some(id) = value.member(name).and_then(Value::scalar).filter(|id| !id.is_empty()) else {
        return Some(Err(Refusal::new(Reason::NotJson, format!("the command needs `{name}`"))));
    };
    let entry = if name == "mergeId" {
        Entry::Unmerge(Unmerge { project: setting.project.into(), merge_id: id, requested_at: setting.received_at })
    } else {
        let (project, resolved_at) = (setting.project.into(), setting.received_at);
        Entry::Resolved(Resolved { project, quarantine_id: id, resolved_at })
    };
    Some(entry.encode().map_err(|error| Refusal::new(Reason::Malformed, error.to_string())))
}
