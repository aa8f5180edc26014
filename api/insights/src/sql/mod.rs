//! Insights as table functions of SQL: `SELECT * FROM trend('{…}')`, or `insight('trend', '{…}')`, and `cohort('key')` or
//! `cohort('{…}')` with everybody who is in it. Definitions are those of the routes. A text behind the definition names a part
//! of the answer that has rows of its own: `SELECT * FROM paths('{…}', 'edges')`.

mod columns;
mod parts;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use footfall_pipelines_insights::definition::{Answer, Cohort, CohortPeople, Question};
use footfall_pipelines_store::query::{ExtraFunction, ExtraTable};
use serde_json::{Value, json};

use self::parts::Shape;
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
        let (kind, text, part) = match (self.name, arguments) {
            (ANY, [kind, text, part @ ..]) if part.len() < 2 => (kind.as_str(), text, part.first()),
            (ANY, _) => return Err("takes a kind, a definition, and at most the name of a part".to_owned()),
            (name, [text, part @ ..]) if part.len() < 2 => (name, text, part.first()),
            _ => return Err("takes one definition, and at most the name of a part".to_owned()),
        };
        let shape = Shape::of(kind, part.map(String::as_str))?;
        let question = question(shape.kind, text)?;
        shape.check(&question)?;
        Ok(Arc::new(Table { shape, question, desk: self.desk.clone(), project: self.project.clone() }))
    }

    fn columns(&self, arguments: &[Option<&str>]) -> Option<SchemaRef> {
        let (kind, part) = match (self.name, arguments) {
            (ANY, [Some(kind), _, part @ ..]) => (*kind, part),
            (ANY, _) => return None,
            (name, [_, part @ ..]) => (name, part),
            _ => return None,
        };
        let part = match part {
            [] => None,
            [Some(part)] => Some(*part),
            // Each part has columns of its own.
            _ => return None,
        };
        Shape::of(kind, part).ok().map(columns::schema)
    }
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
    shape: Shape,
    question: Question,
    desk: Desk,
    project: Arc<str>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape.kind)
    }
}

#[async_trait]
impl ExtraTable for Table {
    fn name(&self) -> &'static str {
        self.shape.kind
    }

    fn schema(&self) -> SchemaRef {
        columns::schema(self.shape)
    }

    async fn rows(&self) -> Result<Vec<RecordBatch>, String> {
        let answer: Answer = self.desk.answer_of(&self.project, &self.question).await?;
        let rows = columns::rows(self.shape, &self.question, &answer);
        rows.map(|batch| vec![batch]).map_err(|error| error.to_string())
    }
}
