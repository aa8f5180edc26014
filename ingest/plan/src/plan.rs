//! The plan of one project, and what it says of an activity.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Schema, Violation};

/// What becomes of an activity that is otherwise than planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// It is taken, and counted.
    #[default]
    Count,
    /// It is quarantined, and counted.
    Refuse,
}

/// What becomes of an activity whose name is not in the plan. Names that begin with `$` are the clients' own and always taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unplanned {
    #[default]
    Allow,
    Count,
    Refuse,
}

/// One activity of a plan.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// What its properties are to be, where that is said.
    pub schema: Option<Schema>,
    pub on_violation: OnViolation,
}

/// A project's plan.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub unplanned: Unplanned,
    pub activities: HashMap<String, Planned>,
}

/// What a plan says of an activity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    /// It is to be quarantined.
    pub refuses: bool,
}

impl Verdict {
    /// What was otherwise, without a value of it.
    pub fn detail(&self) -> String {
        let said = self.violations.iter().map(|Violation { kind, path }| match (*kind, path.as_str()) {
            ("unplanned", _) => "it is not in the tracking plan".to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, path) => format!("{path} {kind}"),
        });
        format!("otherwise than planned: {}", said.collect::<Vec<_>>().join(", "))
    }
}

impl Plan {
    /// Holds an activity against the plan. `properties` is JSON; absent ones are none.
    pub fn judge(&self, activity: &str, properties: Option<&str>) -> Verdict {
        let Some(planned) = self.activities.get(activity) else { return self.unplanned(activity) };
        let Some(schema) = &planned.schema else { return Verdict::default() };
        let read = |text: &str| serde_json::from_str::<Value>(text);
        let violations = match properties.map(read).unwrap_or_else(|| Ok(Value::Object(Map::new()))) {
            Ok(properties) => schema.check(&properties),
            Err(_) => vec![Violation::new("not_checked", "")],
        };
        let refuses = !violations.is_empty() && planned.on_violation == OnViolation::Refuse;
        Verdict { violations, refuses }
    }

    fn unplanned(&self, activity: &str) -> Verdict {
        if self.unplanned == Unplanned::Allow || activity.starts_with('$') {
            return Verdict::default();
        }
        Verdict { violations: vec![Violation::new("unplanned", "")], refuses: self.unplanned == Unplanned::Refuse }
    }
}
