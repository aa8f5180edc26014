//! A row of named columns becomes one activity in JSON.

use serde_json::Value;

/// What a column is for, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A member of the item, by this name.
    Member(&'static str),
    /// JSON that becomes the item's properties.
    Properties,
    /// JSON that becomes a member as it is.
    Object(&'static str),
    /// A property of this name.
    Property(String),
}

/// A value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Nothing,
    Text(String),
    /// Number or boolean, as JSON writes it.
    Plain(String),
    Json(String),
}

/// The columns of a file.
#[derive(Debug)]
pub struct Columns {
    roles: Vec<Role>,
    posthog: bool,
}

impl Columns {
    /// From the header. A `distinct_id` makes it a PostHog export; else it is Segment's shape.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Columns {
        let names: Vec<&str> = names.into_iter().map(|name| name.trim_start_matches('\u{feff}').trim()).collect();
        let posthog = names.contains(&"distinct_id");
        Columns { roles: names.iter().map(|name| role(name, posthog)).collect(), posthog }
    }

    /// True when some column says what happened.
    pub fn has_event(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, Role::Member("event" | "type")))
    }

    /// The item of a row.
    pub fn item(&self, cells: impl IntoIterator<Item = Cell>) -> String {
        let mut item = String::from("{");
        let mut extra = String::new();
        let mut properties = None;
        for (role, cell) in self.roles.iter().zip(cells) {
            match (role, cell) {
                (_, Cell::Nothing) => {}
                (Role::Member(name), cell) => member(&mut item, name, &written(cell)),
                (Role::Object(name), Cell::Text(json) | Cell::Json(json)) => member(&mut item, name, &as_json(&json)),
                (Role::Object(name), cell) => member(&mut item, name, &written(cell)),
                (Role::Properties, Cell::Text(json) | Cell::Json(json)) => properties = Some(json),
                (Role::Properties, cell) => properties = Some(written(cell)),
                (Role::Property(name), cell) => member(&mut extra, name, &written(cell)),
            }
        }
        if !self.posthog && !self.roles.contains(&Role::Member("type")) && !item.contains("\"event\":") {
            // Left to the parser, which says what is missing.
            member(&mut item, "type", "\"track\"");
        }
        member(&mut item, "properties", &joined(&extra, properties.as_deref()));
        item.push('}');
        item
    }
}

fn role(name: &str, posthog: bool) -> Role {
    let member = match name {
        "event" | "event_name" | "eventName" => "event",
        "timestamp" | "time" | "ts" | "occurred_at" => "timestamp",
        "type" if !posthog => "type",
        "distinct_id" => "distinct_id",
        "distinctId" if !posthog => "distinctId",
        "uuid" | "message_id" | "messageId" | "event_id" | "eventId" if posthog => "uuid",
        "uuid" | "message_id" | "messageId" | "event_id" | "eventId" => "messageId",
        "user_id" | "userId" if !posthog => "userId",
        "anonymous_id" | "anonymousId" if !posthog => "anonymousId",
        "properties" => return Role::Properties,
        "context" if !posthog => return Role::Object("context"),
        "traits" if !posthog => return Role::Object("traits"),
        other => return Role::Property(other.to_owned()),
    };
    Role::Member(member)
}

fn member(object: &mut String, name: &str, json: &str) {
    if !object.is_empty() && !object.ends_with('{') {
        object.push(',');
    }
    object.push_str(&Value::from(name).to_string());
    object.push(':');
    object.push_str(json);
}

fn written(cell: Cell) -> String {
    match cell {
        Cell::Nothing => "null".to_owned(),
        Cell::Text(text) => Value::from(text).to_string(),
        Cell::Plain(json) | Cell::Json(json) => json,
    }
}

/// JSON in one line, as an item is one. What is none is kept as text, so that the parser quarantines it with its reason.
fn as_json(text: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => text.replace(['\n', '\r'], " "),
        Err(_) => Value::from(text).to_string(),
    }
}

/// Properties with the other columns before them, so that what the export calls a property wins.
fn joined(extra: &str, properties: Option<&str>) -> String {
    let own = properties.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
    let Some(inside) = own.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        // Not an object: kept as text, so that the parser quarantines it with its reason.
        return Value::from(own).to_string();
    };
    if serde_json::from_str::<serde::de::IgnoredAny>(own).is_err() {
        return Value::from(own).to_string();
    }
    let inside = inside.replace(['\n', '\r'], " ");
    let comma = if extra.is_empty() || inside.trim().is_empty() { "" } else { "," };
    format!("{{{extra}{comma}{inside}}}")
}

/// Text of a file without types: numbers and truth values are what they look like.
pub fn guessed(text: &str) -> Cell {
    match text {
        "" => Cell::Nothing,
        "true" | "false" => Cell::Plain(text.to_owned()),
        _ if is_number(text) => Cell::Plain(text.to_owned()),
        _ => Cell::Text(text.to_owned()),
    }
}

/// A JSON number that stays the same as one: `007` and `1234567890123456789012` are names.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && whole.len() <= 15 && (whole == "0" || !whole.starts_with('0'))
}
