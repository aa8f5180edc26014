//! Variables of dashboards and parameters of questions: names, types, defaults. Values are bound to questions, never put into text.

use std::collections::HashSet;

use footfall_api_http::{Fault, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::faults::{Faults, is_name};

/// What the time of a dashboard is called in SQL: `timestamp >= $from AND timestamp < $until`.
pub const FROM: &str = "from";
pub const UNTIL: &str = "until";
const OPTIONS_MAX: usize = 200;
const VALUE_MAX: usize = 1_000;

/// Values by name.
pub type Values = Map<String, Value>;

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VariableType {
    #[default]
    Text,
    Number,
    Boolean,
    /// RFC 3339.
    Time,
}

/// One variable or parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BoardVariable")]
pub struct Variable {
    /// In SQL `$name`; lower case, digits and `_`.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(rename = "type", default)]
    pub kind: VariableType,
    /// Without one it is `null`: filters with it do not filter, and SQL is given NULL.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
    /// If any, one of these. Viewers of shared dashboards may set only variables that have options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Value>,
}

impl Variable {
    pub fn check(&self, faults: &mut Faults<'_>) {
        if !is_name(&self.name) || self.name == FROM || self.name == UNTIL {
            faults.at(
                "name",
                "must begin with a lower-case letter, go on with those, digits and _, and not be from or until",
            );
        }
        if let Some(label) = &self.label {
            faults.line("label", label);
        }
        faults.count("options", self.options.len(), OPTIONS_MAX);
        if let Err(wrong) = self.fits(&self.default) {
            faults.at("default", wrong);
        }
        for (index, option) in self.options.iter().enumerate() {
            if let Err(wrong) = self.is_of_type(option) {
                faults.within("options", |faults| faults.at(index, wrong));
            }
        }
    }

    fn is_of_type(&self, value: &Value) -> Result<(), String> {
        let is = match (self.kind, value) {
            (_, Value::Null) | (VariableType::Number, Value::Number(_)) | (VariableType::Boolean, Value::Bool(_)) => {
                true
            }
            (VariableType::Text, Value::String(text)) => text.chars().count() <= VALUE_MAX && !text.contains('\0'),
            (VariableType::Time, Value::String(text)) => text.parse::<jiff::Timestamp>().is_ok(),
            _ => false,
        };
        let wanted = match self.kind {
            VariableType::Text => "a text of at most 1000 characters",
            VariableType::Number => "a number",
            VariableType::Boolean => "true or false",
            VariableType::Time => "a time of RFC 3339",
        };
        if is { Ok(()) } else { Err(format!("must be {wanted}, or null")) }
    }

    fn fits(&self, value: &Value) -> Result<(), String> {
        self.is_of_type(value)?;
        if value.is_null() || self.options.is_empty() || self.options.contains(value) {
            Ok(())
        } else {
            Err("must be one of the options".to_owned())
        }
    }
}

/// The values of `variables`: what is given, else the defaults. `may_set` says which ones the asker may set.
pub fn values_of(
    variables: &[Variable],
    given: &Values,
    may_set: impl Fn(&Variable) -> bool,
) -> Result<Values, Vec<Fault>> {
    let mut values = Values::new();
    let mut faults = Vec::new();
    let mut wrong =
        |name: &str, detail: String| faults.push(Fault::new(Place::Body, format!("/variables/{name}"), detail));
    for name in given.keys().filter(|name| !variables.iter().any(|variable| variable.name == **name)) {
        wrong(name, "is no variable of this".to_owned());
    }
    for variable in variables {
        let value = match given.get(&variable.name) {
            Some(_) if !may_set(variable) => {
                wrong(&variable.name, "cannot be set here".to_owned());
                continue;
            }
            Some(value) => value,
            None => &variable.default,
        };
        match variable.fits(value) {
            Ok(()) => drop(values.insert(variable.name.clone(), value.clone())),
            Err(detail) => wrong(&variable.name, detail),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// The names after `$` in SQL, outside texts, quoted names and comments, each once.
pub fn names_in(sql: &str) -> Vec<String> {
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    let mut letters = sql.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let rest = &sql[at..];
        match letter {
            '\'' | '"' => {
                // A doubled quote ends one text and begins another: the same for us.
                while letters.next().is_some_and(|(_, next)| next != letter) {}
            }
            '-' if rest.starts_with("--") => while letters.next().is_some_and(|(_, next)| next != '\n') {},
            '/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/").map_or(sql.len(), |end| at + end + 3);
                while letters.next_if(|(next, _)| *next <= end).is_some() {}
            }
            '$' => {
                let name: String =
                    rest[1..].chars().take_while(|next| next.is_ascii_alphanumeric() || *next == '_').collect();
                let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
                if begins_well && seen.insert(name.clone()) {
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn names_stand_outside_texts_and_comments() {
        assert_eq!(names_in("SELECT '$no', \"$no\", $a -- $no\n/* $no */ + $b + $a + $1"), ["a", "b"]);
        assert_eq!(names_in("'it''s $no' $yes"), ["yes"]);
    }

    #[test]
    fn values_have_their_types_and_options() {
        let variable =
            |kind, options: Vec<Value>| Variable { name: "v".into(), label: None, kind, default: Value::Null, options };
        let text = [variable(VariableType::Text, vec![json!("a"), json!("b")])];
        let given = |value: Value| Values::from_iter([("v".to_owned(), value)]);
        assert_eq!(values_of(&text, &given(json!("b")), |_| true).unwrap()["v"], "b");
        assert!(values_of(&text, &given(json!("c")), |_| true).is_err());
        assert!(values_of(&text, &given(json!("b")), |_| false).is_err());
        assert_eq!(values_of(&text, &Values::new(), |_| false).unwrap()["v"], Value::Null);
        let number = [variable(VariableType::Number, vec![])];
        assert!(values_of(&number, &given(json!("1")), |_| true).is_err());
        assert!(values_of(&number, &Values::from_iter([("w".to_owned(), json!(1))]), |_| true).is_err());
        let time = [variable(VariableType::Time, vec![])];
        assert!(values_of(&time, &given(json!("2026-05-04T00:00:00Z")), |_| true).is_ok());
        assert!(values_of(&time, &given(json!("yesterday")), |_| true).is_err());
    }
}
