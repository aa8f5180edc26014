//! Insights as table functions of SQL: `SELECT * FROM trend('{…}')`, or `insight('trend', '{…}')`, and `cohort('key')` or
//! `cohort('{…}')` with everybody who is in it. Definitions are those of the routes.

mod columns;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use footfall_pipelines_insights::definition::{Answer, Cohort, CohortPeople, Question};
use footfall_pipelines_store::query::{ExtraFunction, ExtraTable};
use serde_json::{Value, json};

use crate::desk::Desk;

/// The function that takes the kind as its first text.
const ANY: &str = "insight";

impl Desk {
    /// The functions about a project, for somebody who sees all of it.
    pub fn functions(&self, project: &Arc<str>) -> Vec<Arc<dyn ExtraFunction>> {
        let kinds = columns::KINDS.iter().copied().chain([ANY]);
        kinds.map(|name| Arc::new(Function { name, desk: self.clone(), project: project.clone() }) as _).collect()
    }
}

struct Function {
    name: &'static str,
    desk: Desk,
    project: Arc<str>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl ExtraFunction for Function {
    fn name(&self) -> &'static str {
        self.name
    }

    fn call(&self, arguments: &[String]) -> Result<Arc<dyn ExtraTable>, String> {
        let (kind, text) = match (self.name, arguments) {
            (ANY, [kind, text]) => (known(kind)?, text),
            (ANY, _) => return Err("takes a kind and a definition".to_owned()),
            (name, [text]) => (name, text),
            _ => return Err("takes one definition".to_owned()),
        };
        let question = question(kind, text)?;
        Ok(Arc::new(Table { kind, question, desk: self.desk.clone(), project: self.project.clone() }))
    }

    fn columns(&self) -> Option<SchemaRef> {
        (self.name != ANY).then(|| columns::schema(self.name))
    }
}

fn known(kind: &str) -> Result<&'static str, String> {
    let found = columns::KINDS.iter().copied().find(|known| *known == kind);
    found.ok_or_else(|| format!("there is no kind {kind:?}; there are {}", columns::KINDS.join(", ")))
}

/// The definition of a question. That of a cohort is the cohort itself, or the key of a saved one.
fn question(kind: &str, text: &str) -> Result<Question, String> {
    let is_json = text.trim_start().starts_with('{');
    if kind == "cohort" {
        let cohort = match is_json {
            true => serde_json::from_str(text).map_err(|error| error.to_string())?,
            false => Cohort::Cohort(text.to_owned()),
        };
        return Ok(Question::Cohort(CohortPeople { cohort, list: 0 }));
    }
    let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let members = value.as_object_mut().ok_or("the definition is no object")?;
    members.insert("question".to_owned(), json!(kind));
    let question: Question = serde_json::from_value(value).map_err(|error| error.to_string())?;
    question.check_size().map_err(|error| error.to_string())?;
    Ok(question)
}

struct Table {
    kind: &'static str,
    question: Question,
    desk: Desk,
    project: Arc<str>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

#[async_trait]
impl ExtraTable for Table {
    fn name(&self) -> &'static str {
        self.kind
    }

    fn schema(&self) -> SchemaRef {
        columns::schema(self.kind)
    }

    async fn rows(&self) -> Result<Vec<RecordBatch>, String> {
        let answer: Answer = self.desk.answer_of(&self.project, &self.question).await?;
        columns::rows(self.kind, &answer).map(|batch| vec![batch]).map_err(|error| error.to_string())
    }
}
