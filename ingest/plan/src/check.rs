//! Checks properties against a schema, in a bounded number of steps. What is found names places and rules, never values.

use serde_json::{Map, Value};

use crate::compile::below;
use crate::schema::{Node, Rules, Schema};

/// A check ends after so many steps: a step is a part of the schema held against a part of the properties, or a comparison.
pub const STEPS_MAX: usize = 20_000;
/// So many violations are told of one activity.
const VIOLATIONS_MAX: usize = 10;
const PATH_CHARACTERS_MAX: usize = 200;
/// Texts longer than this are not matched with patterns.
const MATCHED_BYTES_MAX: usize = 16 * 1024;

/// Something that is otherwise than planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Violation {
    /// The keyword of the schema that does not hold; `unplanned` for an activity that is not in the plan, `not_checked` for one that
    /// would take too many steps.
    pub kind: &'static str,
    /// Which property, as a JSON pointer; places in lists are `*`.
    pub path: String,
}

impl Violation {
    pub(crate) fn new(kind: &'static str, path: &str) -> Violation {
        Violation { kind, path: path.chars().take(PATH_CHARACTERS_MAX).collect() }
    }
}

impl Schema {
    /// What of these properties is otherwise, each kind at each place once.
    pub fn check(&self, properties: &Value) -> Vec<Violation> {
        let mut checking = Checking { steps: STEPS_MAX, found: Vec::new() };
        if checking.node(&self.root, properties, "").is_none() {
            checking.note("not_checked", "");
        }
        checking.found
    }
}

struct Checking {
    steps: usize,
    found: Vec<Violation>,
}

/// `None`: out of steps.
type Held = Option<()>;

impl Checking {
    fn step(&mut self) -> Held {
        self.steps = self.steps.checked_sub(1)?;
        Some(())
    }

    fn note(&mut self, kind: &'static str, path: &str) {
        let violation = Violation::new(kind, path);
        if self.found.len() < VIOLATIONS_MAX && !self.found.contains(&violation) {
            self.found.push(violation);
        }
    }

    fn node(&mut self, node: &Node, value: &Value, at: &str) -> Held {
        self.step()?;
        match node {
            Node::Anything => {}
            Node::Nothing => self.note("false", at),
            Node::Rules(rules) => self.rules(rules, value, at)?,
        }
        Some(())
    }

    fn rules(&mut self, rules: &Rules, value: &Value, at: &str) -> Held {
        if rules.types.is_some_and(|types| !types.hold(value)) {
            // What else is said of it is said of another type.
            self.note("type", at);
            return Some(());
        }
        for (keyword, allowed) in &rules.allowed {
            self.steps = self.steps.checked_sub(allowed.len())?;
            if !allowed.iter().any(|allowed| is_equal(allowed, value)) {
                self.note(keyword, at);
            }
        }
        match value {
            Value::Number(number) => self.number(rules, number.as_f64().unwrap_or(f64::NAN), at),
            Value::String(text) => self.text(rules, text, at),
            Value::Array(items) => self.list(rules, items, at)?,
            Value::Object(members) => self.object(rules, members, at)?,
            Value::Null | Value::Bool(_) => {}
        }
        rules.all.iter().try_for_each(|part| self.node(part, value, at))?;
        if let Some(any) = &rules.any
            && self.fitting(any, value)? == 0
        {
            self.note("anyOf", at);
        }
        if let Some(one) = &rules.one
            && self.fitting(one, value)? != 1
        {
            self.note("oneOf", at);
        }
        if let Some(not) = &rules.not
            && self.fitting(std::slice::from_ref(not), value)? == 1
        {
            self.note("not", at);
        }
        Some(())
    }

    /// How many of them a value fits.
    fn fitting(&mut self, nodes: &[Node], value: &Value) -> Option<usize> {
        let mut count = 0;
        for node in nodes {
            let mut trial = Checking { steps: self.steps, found: Vec::new() };
            let held = trial.node(node, value, "");
            self.steps = trial.steps;
            held?;
            count += usize::from(trial.found.is_empty());
        }
        Some(count)
    }

    fn number(&mut self, rules: &Rules, number: f64, at: &str) {
        for (keyword, bound) in &rules.bounds {
            let holds = match *keyword {
                "minimum" => number >= *bound,
                "maximum" => number <= *bound,
                "exclusiveMinimum" => number > *bound,
                _ => number < *bound,
            };
            if !holds {
                self.note(keyword, at);
            }
        }
    }

    fn counted(&mut self, rules: &Rules, count: usize, least: &str, most: &str, at: &str) {
        for (keyword, bound) in &rules.counts {
            if *keyword == least && (count as u64) < *bound || *keyword == most && count as u64 > *bound {
                self.note(keyword, at);
            }
        }
    }

    fn text(&mut self, rules: &Rules, text: &str, at: &str) {
        if !rules.counts.is_empty() {
            self.counted(rules, text.chars().count(), "minLength", "maxLength", at);
        }
        if let Some(pattern) = &rules.pattern {
            match text.len() > MATCHED_BYTES_MAX {
                true => self.note("not_checked", at),
                false if !pattern.is_match(text) => self.note("pattern", at),
                false => {}
            }
        }
        if rules.format.is_some_and(|format| !format.fits(text)) {
            self.note("format", at);
        }
    }

    fn list(&mut self, rules: &Rules, items: &[Value], at: &str) -> Held {
        self.counted(rules, items.len(), "minItems", "maxItems", at);
        if let Some(node) = &rules.items {
            let at = format!("{at}/*");
            items.iter().try_for_each(|item| self.node(node, item, &at))?;
        }
        Some(())
    }

    fn object(&mut self, rules: &Rules, members: &Map<String, Value>, at: &str) -> Held {
        self.counted(rules, members.len(), "minProperties", "maxProperties", at);
        for name in rules.required.iter().filter(|name| !members.contains_key(*name)) {
            self.note("required", &below(at, name));
        }
        if rules.properties.is_empty() && rules.patterns.is_empty() && rules.additional.is_none() {
            return Some(());
        }
        for (name, value) in members {
            let mut is_named = false;
            let known = rules.properties.get(name).into_iter();
            let matching =
                rules.patterns.iter().filter(|(pattern, _)| name.len() <= MATCHED_BYTES_MAX && pattern.is_match(name));
            self.steps = self.steps.checked_sub(rules.patterns.len())?;
            for node in known.chain(matching.map(|(_, node)| node)) {
                is_named = true;
                self.node(node, value, &below(at, name))?;
            }
            match &rules.additional {
                _ if is_named => {}
                None => {}
                Some(Node::Nothing) => self.note("additionalProperties", &below(at, name)),
                Some(node) => self.node(node, value, &below(at, name))?,
            }
        }
        Some(())
    }
}

/// 1 and 1.0 are one number.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}
