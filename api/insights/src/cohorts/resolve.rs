//! `{"cohort": "key"}` anywhere in a question becomes the definition of that saved cohort, and what that names becomes so
//! too.

use std::collections::{BTreeMap, BTreeSet};

use footfall_pipelines_insights::definition::{ActivitiesOf, Cohort, CohortPeople, Question, settle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CohortError, Cohorts, storage};

/// Cohorts that one question may name, those that they name included; each as often as it is named.
const NAMED_MAX: usize = 200;
const MEMBER: &str = "cohort";
/// Of the cell of a number: `{"cohort": "Keen people"}` there is the name of a line, no key.
const LABEL: &str = "label";

/// The key of a saved cohort, where this names one.
fn named(value: &Value) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get(MEMBER)?.as_str()
}

fn each_inner(value: &Value, mut each: impl FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            members.iter().filter(|(name, _)| name.as_str() != LABEL).for_each(|(_, inner)| each(inner));
        }
        Value::Array(items) => items.iter().for_each(&mut each),
        _ => {}
    }
}

fn gather(value: &Value, names: &mut BTreeSet<String>) {
    match named(value) {
        Some(key) => drop(names.insert(key.to_owned())),
        None => each_inner(value, |inner| gather(inner, names)),
    }
}

/// The keys that a definition or question names, ascending.
pub(super) fn names(value: &Value) -> Vec<String> {
    let mut names = BTreeSet::new();
    gather(value, &mut names);
    names.into_iter().collect()
}

/// Whether it is a cohort that can be asked about, its size included.
pub(super) fn check(whole: Value) -> Result<(), CohortError> {
    let cohort: Cohort = serde_json::from_value(whole).map_err(|_| CohortError::Damaged)?;
    let question = Question::Cohort(CohortPeople { cohort, list: 0 });
    question.check_size().map_err(|error| CohortError::Refused(error.to_string()))
}

struct Expanding<'d> {
    definitions: &'d BTreeMap<String, Value>,
    /// What is being expanded, the outermost first.
    within: Vec<String>,
    named: usize,
}

impl Expanding<'_> {
    fn expand(&mut self, value: &mut Value) -> Result<(), CohortError> {
        if let Some(key) = named(value).map(str::to_owned) {
            self.named += 1;
            if self.named > NAMED_MAX {
                return Err(CohortError::TooManyNamed);
            }
            if self.within.contains(&key) {
                return Err(CohortError::Cycle(self.within.iter().cloned().chain([key]).collect()));
            }
            let definition = self.definitions.get(&key).ok_or_else(|| CohortError::Unknown(key.clone()))?;
            *value = definition.clone();
            self.within.push(key);
            self.expand(value)?;
            self.within.pop();
            return Ok(());
        }
        match value {
            Value::Object(members) => {
                let mut others = members.iter_mut().filter(|(name, _)| name.as_str() != LABEL);
                others.try_for_each(|(_, inner)| self.expand(inner))
            }
            Value::Array(items) => items.iter_mut().try_for_each(|inner| self.expand(inner)),
            _ => Ok(()),
        }
    }
}

impl Cohorts {
    /// The question with the definitions of the saved cohorts that it names, and with the spans that those have now that move.
    pub(crate) async fn resolve(&self, project: &str, question: Question) -> Result<Question, CohortError> {
        match question {
            // It has no JSON that is read again; the number that it is about has.
            Question::Activities(ActivitiesOf { of, limit, after }) => {
                let of = self.resolved(project, of).await?;
                Ok(Question::Activities(ActivitiesOf { of, limit, after }))
            }
            question => self.resolved(project, question).await,
        }
    }

    async fn resolved<T: Serialize + DeserializeOwned + Send>(
        &self,
        project: &str,
        asked: T,
    ) -> Result<T, CohortError> {
        let mut value = serde_json::to_value(&asked).map_err(|_| CohortError::Damaged)?;
        let is_expanded = self.put_in_place(project, &mut value, None).await?;
        match self.settle(&mut value)? || is_expanded {
            false => Ok(asked),
            true => serde_json::from_value(value).map_err(|_| CohortError::Damaged),
        }
    }

    /// Gives those their spans that move, as of now; whether there was any.
    pub(super) fn settle(&self, value: &mut Value) -> Result<bool, CohortError> {
        settle(value, self.clock.now().millis()).map_err(|error| CohortError::Refused(error.to_string()))
    }

    /// Puts definitions in the place of names, of which `own` may be none; whether there was any.
    pub(super) async fn put_in_place(
        &self,
        project: &str,
        value: &mut Value,
        own: Option<&str>,
    ) -> Result<bool, CohortError> {
        let mut wanted = names(value);
        if wanted.is_empty() {
            return Ok(false);
        }
        let mut definitions: BTreeMap<String, Value> = BTreeMap::new();
        while let Some(key) = wanted.pop() {
            if definitions.contains_key(&key) || own == Some(key.as_str()) {
                continue;
            }
            if definitions.len() >= NAMED_MAX {
                return Err(CohortError::TooManyNamed);
            }
            let found = storage::one(self.access.database(), project, &key).await?;
            let definition = found.ok_or_else(|| CohortError::Unknown(key.clone()))?.definition;
            wanted.extend(names(&definition));
            definitions.insert(key, definition);
        }
        let within = own.map(str::to_owned).into_iter().collect();
        Expanding { definitions: &definitions, within, named: 0 }.expand(value)?;
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expand(mut value: Value, definitions: Value, own: &[&str]) -> Result<Value, CohortError> {
        let definitions: BTreeMap<String, Value> = serde_json::from_value(definitions).unwrap();
        let within = own.iter().map(|&own| own.to_owned()).collect();
        Expanding { definitions: &definitions, within, named: 0 }.expand(&mut value)?;
        Ok(value)
    }

    #[test]
    fn names_become_definitions_wherever_they_stand() {
        let question =
            json!({"scope": {"people": {"all": [{"cohort": "a"}, {"not": {"cohort": "b"}}]}}, "cohort": "c", "n": 1});
        let definitions = json!({"a": {"cohort": "b"}, "b": {"listed": ["x"]}});
        assert_eq!(names(&question), ["a", "b"]);
        let want = json!({"scope": {"people": {"all": [{"listed": ["x"]}, {"not": {"listed": ["x"]}}]}}, "cohort": "c", "n": 1});
        assert_eq!(expand(question, definitions, &[]).unwrap(), want);
    }

    #[test]
    fn the_label_of_a_number_names_no_saved_cohort() {
        let question =
            json!({"scope": {"people": {"cohort": "a"}}, "cohorts": [{"name": "a", "cohort": {"cohort": "a"}}]});
        let asked = json!({"trend": {"question": question, "cell": {"label": {"cohort": "a"}}}});
        assert_eq!(names(&asked), ["a"]);
        assert!(names(&asked["trend"]["cell"]).is_empty());
        let found = expand(asked, json!({"a": {"listed": ["x"]}}), &[]).unwrap();
        assert_eq!(found["trend"]["cell"]["label"], json!({"cohort": "a"}));
        let people = &found["trend"]["question"];
        assert_eq!([&people["scope"]["people"], &people["cohorts"][0]["cohort"]], [&json!({"listed": ["x"]}); 2]);
    }

    #[test]
    fn what_leads_back_and_what_grows_without_end_is_refused() {
        let definitions = json!({"a": {"not": {"cohort": "b"}}, "b": {"any": [{"cohort": "a"}]}});
        let cycle = expand(json!({"cohort": "a"}), definitions.clone(), &[]);
        assert!(matches!(cycle, Err(CohortError::Cycle(way)) if way == ["a", "b", "a"]));
        assert!(matches!(expand(json!({"cohort": "b"}), definitions, &["b"]), Err(CohortError::Cycle(_))));
        let twice = |key: &str| json!({"any": [{"cohort": key}, {"cohort": key}]});
        let mut definitions = serde_json::Map::from_iter([("0".to_owned(), json!({"listed": []}))]);
        definitions.extend((1..20).map(|n| (n.to_string(), twice(&(n - 1).to_string()))));
        let grown = expand(twice("19"), definitions.into(), &[]);
        assert!(matches!(grown, Err(CohortError::TooManyNamed)));
        assert!(matches!(expand(json!({"cohort": "z"}), json!({}), &[]), Err(CohortError::Unknown(key)) if key == "z"));
    }
}
