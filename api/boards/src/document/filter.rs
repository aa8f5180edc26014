//! Filters across tiles: conditions that every insight of a dashboard is asked under.

use footfall_pipelines_insights::definition::Test;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Values, Variable, names_in};
use crate::faults::Faults;

/// A property, and what is wanted of it: a test of insights, or the value of a variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BoardFilter")]
pub struct Filter {
    pub property: String,
    /// As in questions: `{is: [a, b]}`, `set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// The property has to be the value of this variable; while that is null, everything passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

impl Filter {
    pub fn check(&self, variables: &[Variable], faults: &mut Faults<'_>) {
        faults.line("property", &self.property);
        match (&self.test, &self.variable) {
            (Some(_), None) => {}
            (None, Some(name)) if variables.iter().any(|variable| variable.name == *name) => {}
            (None, Some(name)) => faults.at("variable", format!("there is no variable {name}")),
            _ => faults.at("test", "either a test or a variable is needed"),
        }
    }

    /// The condition of insights; `None` while the variable is null.
    pub fn condition(&self, values: &Values) -> Option<Value> {
        let test = match (&self.test, &self.variable) {
            (Some(test), _) => serde_json::to_value(test).ok()?,
            (None, Some(name)) => match values.get(name)? {
                Value::Null => return None,
                Value::String(text) => json!({"is": [text]}),
                other => json!({"is": [other.to_string()]}),
            },
            (None, None) => return None,
        };
        Some(json!({"property": {"property": self.property, "test": test}}))
    }
}

/// Joins conditions into every selector of a question; false where the question has none to join them into.
pub fn narrow(question: &mut Value, conditions: &[Value]) -> bool {
    if conditions.is_empty() {
        return true;
    }
    // The only kind that selects all activities where it says nothing of them.
    if question["question"] == "places"
        && let Value::Object(members) = &mut *question
    {
        members.entry("select").or_insert_with(|| json!({}));
    }
    let named: &[&str] = match question["question"].as_str() {
        Some("time_between") => &["from", "to"],
        _ => &["select", "start", "returning"],
    };
    let is_comparison = question["question"] == "compare";
    let mut found = false;
    let mut join = |selector: &mut Value| {
        if let Value::Object(members) = selector {
            let own = members.remove("condition");
            let all: Vec<Value> = own.into_iter().chain(conditions.iter().cloned()).collect();
            members.insert("condition".to_owned(), json!({"all": all}));
            found = true;
        }
    };
    for name in named {
        if let Some(selector) = question.get_mut(name) {
            join(selector);
        }
    }
    // Of comparisons: what is counted of both groups.
    if is_comparison && let Some(Value::Object(of)) = question.get_mut("of") {
        for (name, counted) in of.iter_mut() {
            match (name.as_str(), counted) {
                ("rows_per_person", selector) => join(selector),
                ("sum_per_person", Value::Object(sum)) => sum.get_mut("select").into_iter().for_each(&mut join),
                ("converts", Value::Object(funnel)) => {
                    let steps = funnel.get_mut("steps").and_then(Value::as_array_mut);
                    steps.into_iter().flatten().for_each(&mut join);
                }
                _ => {}
            }
        }
    }
    if let Some(Value::Array(steps)) = question.get_mut("steps") {
        steps.iter_mut().for_each(&mut join);
    }
    if let Some(Value::Array(series)) = question.get_mut("series") {
        series.iter_mut().filter_map(|series| series.get_mut("select")).for_each(&mut join);
    }
    found
}

/// Whether a statement takes account of all filters that are set: it has to name their variables by itself.
pub fn reach(filters: &[Filter], sql: &str, values: &Values) -> bool {
    let named = names_in(sql);
    let mut set = filters.iter().filter(|filter| filter.condition(values).is_some());
    set.all(|filter| filter.variable.as_ref().is_some_and(|variable| named.contains(variable)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn conditions_join_those_that_are_there() {
        let condition = json!({"property": {"property": "plan", "test": {"is": ["pro"]}}});
        let mut trend = json!({"question": "trend", "series": [{"select": {"activities": ["a"], "condition": "x"}}, {"select": {}}]});
        assert!(narrow(&mut trend, std::slice::from_ref(&condition)));
        assert_eq!(trend["series"][0]["select"]["condition"], json!({"all": ["x", condition]}));
        assert_eq!(trend["series"][1]["select"]["condition"], json!({"all": [condition]}));
        let mut paths = json!({"question": "paths", "anchor": {"after": "a"}});
        assert!(!narrow(&mut paths, std::slice::from_ref(&condition)), "nothing to narrow");
    }

    #[test]
    fn every_kind_that_selects_is_narrowed() {
        let condition = json!({"property": {"property": "plan", "test": {"is": ["pro"]}}});
        let narrowed = |mut question: Value| {
            assert!(narrow(&mut question, std::slice::from_ref(&condition)), "{question}");
            question
        };
        let wanted = json!({"condition": {"all": [condition]}});
        let between = narrowed(json!({"question": "time_between", "from": {}, "to": {}, "window_ms": 1}));
        assert_eq!((&between["from"], &between["to"]), (&wanted, &wanted));
        assert_eq!(narrowed(json!({"question": "places", "latitude": "lat"}))["select"], wanted);
        let compared = |of: Value| narrowed(json!({"question": "compare", "segments": [], "of": of}))["of"].clone();
        assert_eq!(compared(json!({"rows_per_person": {}}))["rows_per_person"], wanted);
        let sum = compared(json!({"sum_per_person": {"select": {}, "property": "price"}}));
        assert_eq!(sum["sum_per_person"], json!({"select": wanted, "property": "price"}));
        let converts = compared(json!({"converts": {"steps": [{}, {}], "window_ms": 1}}));
        assert_eq!(converts["converts"]["steps"], json!([wanted, wanted]));
        // What a distribution is of is no selector.
        let of = json!({"property": "price"});
        assert_eq!(narrowed(json!({"question": "distribution", "select": {}, "of": of}))["of"], of);
    }

    #[test]
    fn sql_is_filtered_by_the_variables_that_it_names() {
        let of = |filter: Value| -> Filter { serde_json::from_value(filter).unwrap() };
        let filters = [of(json!({"property": "activity.country", "variable": "country"}))];
        let set = Values::from_iter([("country".to_owned(), json!("DE"))]);
        assert!(reach(&filters, "SELECT 1 WHERE country = $country", &set));
        assert!(!reach(&filters, "SELECT count(*) FROM sessions", &set));
        assert!(!reach(&filters, "SELECT '$country'", &set), "a text names nothing");
        assert!(reach(&filters, "SELECT count(*) FROM sessions", &Values::new()), "nothing is filtered");
        let fixed = [of(json!({"property": "plan", "test": {"is": ["pro"]}}))];
        assert!(!reach(&fixed, "SELECT 1", &Values::new()));
    }
}
