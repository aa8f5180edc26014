//! A saved question as a file: YAML with the format's name before what the question says.

use footfall_api_http::{Fault, Place};
use serde_json::Value;

use super::{Content, SavedQuestion, typed};
use crate::error::BoardError;
use crate::faults::{DOCUMENT_BYTES_MAX, Faults};
use crate::yaml;

/// The only format so far, and the member that names it.
const FORMAT: &str = "question/1";
const MEMBER: &str = "footfall";

/// The question of a file, or everything that is wrong with it.
pub fn question_of_file(text: &str) -> Result<SavedQuestion, BoardError> {
    let fault = |detail: String| BoardError::Invalid(vec![Fault::new(Place::Body, "/text", detail)]);
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(fault(format!("must have at most {DOCUMENT_BYTES_MAX} bytes")));
    }
    let read = yaml::read(text).map_err(|error| fault(error.to_string()))?;
    let mut value = read.value.clone();
    let format = value.as_object_mut().and_then(|members| members.remove(MEMBER));
    if format.as_ref().and_then(Value::as_str) != Some(FORMAT) {
        let mut faults = Faults::below("/question", Some(&read));
        faults.at(MEMBER, format!("must be {FORMAT}"));
        return Err(BoardError::Invalid(faults.into_vec()));
    }
    let question: SavedQuestion = typed(value, "/question", Some(&read)).map_err(BoardError::Invalid)?;
    let mut faults = Faults::below("/question", Some(&read));
    question.check(&mut faults);
    let faults = faults.into_vec();
    if faults.is_empty() { Ok(question) } else { Err(BoardError::Invalid(faults)) }
}

/// The question that is kept, as JSON or as its file.
pub fn question_of(kept: &str) -> Result<SavedQuestion, BoardError> {
    if let Ok(question) = serde_json::from_str(kept) {
        return Ok(question);
    }
    // It was checked when it was kept; the checks may have become stricter since.
    let damaged = || BoardError::Damaged("a question");
    let mut value = yaml::read(kept).map_err(|_| damaged())?.value;
    value.as_object_mut().and_then(|members| members.remove(MEMBER)).ok_or_else(damaged)?;
    serde_json::from_value(value).map_err(|_| damaged())
}

/// The file of what is kept: the one that was given, byte for byte, or one that is written.
pub fn file_of(kept: &str) -> Result<String, BoardError> {
    let damaged = |_| BoardError::Damaged("a question");
    let Ok(question) = serde_json::from_str::<SavedQuestion>(kept) else { return Ok(kept.to_owned()) };
    let mut value = serde_json::to_value(question).map_err(damaged)?;
    if let Some(members) = value.as_object_mut() {
        members.insert(MEMBER.to_owned(), FORMAT.into());
    }
    Ok(yaml::write(&value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const FILE: &str = "footfall: question/1   # the newest buyers\ntitle: 'Buyers'\nask:\n  sql: |\n    SELECT person_id\n      FROM activity WHERE event = $what\nparameters:\n- {name: what, label: What, type: text, default: buy}\nshow: table\n";

    #[test]
    fn a_file_is_kept_as_it_is_and_a_question_is_written_as_one() {
        let question = question_of_file(FILE).expect("a question");
        assert_eq!((question.title.as_str(), question.days), ("Buyers", 30));
        assert_eq!(question_of(FILE).unwrap(), question);
        assert_eq!(file_of(FILE).unwrap(), FILE);
        let kept = serde_json::to_string(&question).unwrap();
        let written = file_of(&kept).unwrap();
        assert!(written.starts_with("footfall: question/1\ntitle: Buyers\n"), "{written}");
        assert_eq!(question_of_file(&written).unwrap(), question);
        assert_eq!(question_of(&kept).unwrap(), question);
        // JSON is YAML, so it may be a file too.
        let json = r#"{"footfall": "question/1", "title": "Buyers", "ask": {"sql": "SELECT 1"}}"#;
        assert_eq!(file_of(json).unwrap(), json);
        assert_eq!(question_of(json).unwrap(), question_of_file(json).unwrap());
    }

    #[test]
    fn faults_have_pointers_and_lines() {
        let first = |text: &str| match question_of_file(text) {
            Err(BoardError::Invalid(faults)) => (faults[0].pointer.to_string(), faults[0].detail.clone()),
            other => panic!("{text}: {other:?}"),
        };
        let (pointer, detail) = first("title: x\nask: {sql: SELECT 1}\n");
        assert_eq!((pointer.as_str(), detail.contains("question/1")), ("/question/footfall", true));
        assert_eq!(first("footfall: dashboard/1\ntitle: x\n").0, "/question/footfall");
        let (pointer, detail) = first("footfall: question/1\ntitle: x\nask:\n  sql: SELECT $who\n");
        assert_eq!((pointer.as_str(), detail.contains("line 4")), ("/question/ask/sql", true), "{detail}");
        assert_eq!(first("footfall: question/1\ntitle: [\n").0, "/text");
    }
}
