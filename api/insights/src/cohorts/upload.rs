//! A list of people over HTTP: as JSON, or one id a line (text, or the first column of CSV).

use std::fmt;

use axum::Extension;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use footfall_api_app::{Member, Whence};
use footfall_api_http::{Describe, Fault, Operation, Path, Place, Problem, Query, Shown, kinds};
use footfall_ingest_activity::person_id_of;
use http::header;
use schemars::JsonSchema;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::people::{Mode, PEOPLE_MAX, Uploaded};
use super::routes::CohortPlace;
use super::{Change, form};
use crate::desk::Desk;

/// A million ids with what stands around them.
pub(super) const LIST_BYTES_MAX: usize = 64 << 20;
const ID_CHARACTERS_MAX: usize = 400;
/// Twice the room: a list may name somebody twice.
const IDS_MAX: usize = 2 * PEOPLE_MAX;
const MEDIA_TYPES: [&str; 3] = ["application/json", "text/csv", "text/plain"];
/// A first line that is one of these is a heading.
const HEADINGS: [&str; 6] = ["id", "person_id", "distinct_id", "user_id", "userid", "person"];

/// What is done with the ids.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListMode {
    Replace,
    Add,
    Remove,
}

/// What the ids are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListIds {
    /// Ids of persons, as answers have them.
    #[default]
    Person,
    /// Ids as apps send them.
    Distinct,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadWanted {
    /// The list becomes these, gets these as well, or loses these. Doing it twice changes nothing more.
    mode: ListMode,
    /// `person` if absent.
    ids: Option<ListIds>,
}

/// What the list came to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListUploaded {
    /// In the list now, whether they have any activity or not.
    people: usize,
    added: usize,
    removed: usize,
    revision: i64,
}

/// The texts of a list as they came.
#[derive(Debug)]
pub(super) struct GivenIds(Vec<String>);

fn invalid(pointer: &str, detail: impl Into<String>) -> Problem {
    let fault = Fault::new(Place::Body, pointer, detail);
    Problem::new(&kinds::BODY_INVALID).detail(format!("{pointer} {}.", fault.detail)).faults(vec![fault])
}

impl<S: Send + Sync> FromRequest<S> for GivenIds {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<GivenIds, Problem> {
        let (parts, body) = request.into_parts();
        let given = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let given = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !MEDIA_TYPES.contains(&given.as_str()) {
            let detail = format!("Content-Type has to be one of {}, and is {given:?}.", MEDIA_TYPES.join(", "));
            return Err(Problem::new(&kinds::MEDIA_TYPE_UNSUPPORTED).detail(detail));
        }
        let bytes = to_bytes(body, LIST_BYTES_MAX).await.map_err(|error| {
            Problem::new(&kinds::BODY_UNREADABLE).detail(format!("The body could not be read: {error}."))
        })?;
        let syntax = |detail: String| Problem::new(&kinds::BODY_SYNTAX).detail(detail);
        let ids: Vec<String> = if given == "application/json" {
            let read = serde_json::from_slice(&bytes).map(|Texts(texts)| texts);
            read.map_err(|error| syntax(format!("{error}: a list of texts is wanted.")))?
        } else {
            let text = std::str::from_utf8(&bytes).map_err(|_| syntax("The body is not UTF-8.".to_owned()))?;
            lines(text)
        };
        if ids.len() > IDS_MAX {
            return Err(invalid("", format!("has more than {IDS_MAX} ids")));
        }
        Ok(GivenIds(ids))
    }
}

/// A list of texts, kept up to one that is too many: a body holds many more of them than memory has room for.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        struct Listed;
        impl<'de> Visitor<'de> for Listed {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while texts.len() <= IDS_MAX {
                    let Some(text) = items.next_element()? else { return Ok(Texts(texts)) };
                    texts.push(text);
                }
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_seq(Listed)
    }
}

/// The first column, without a heading.
fn lines(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let ids = text.lines().map(first_column).filter(|id| !id.is_empty());
    // A heading, and one that is too many.
    let mut ids: Vec<String> = ids.take(IDS_MAX + 2).collect();
    if ids.first().is_some_and(|first| HEADINGS.contains(&first.to_ascii_lowercase().as_str())) {
        ids.remove(0);
    }
    ids
}

/// Quoted or not, up to the first comma or semicolon.
fn first_column(line: &str) -> String {
    let line = line.trim();
    match line.strip_prefix('"') {
        Some(quoted) => {
            let doubled = quoted.replace("\"\"", "\0");
            doubled.split('"').next().unwrap_or_default().replace('\0', "\"")
        }
        None => line.split([',', ';']).next().unwrap_or_default().trim().to_owned(),
    }
}

impl Describe for GivenIds {
    fn describe(operation: &mut Operation<'_>) {
        let id = json!({"type": "string", "minLength": 1, "maxLength": ID_CHARACTERS_MAX});
        operation.takes_raw("application/json", json!({"type": "array", "maxItems": IDS_MAX, "items": id}));
        operation.takes_raw("text/csv", json!({"type": "string"}));
        operation.takes_raw("text/plain", json!({"type": "string"}));
        let refusals = [&kinds::BODY_INVALID, &kinds::BODY_SYNTAX, &kinds::MEDIA_TYPE_UNSUPPORTED];
        refusals.into_iter().for_each(|kind| operation.raises(kind));
    }
}

/// Ids of persons, ascending, each once.
fn persons(project: &str, given: &[String], what: ListIds) -> Result<Vec<u128>, Problem> {
    let person = |(place, text): (usize, &String)| {
        let at = || format!("/{place}");
        if text.is_empty() || text.chars().count() > ID_CHARACTERS_MAX {
            return Err(invalid(&at(), format!("must have 1 to {ID_CHARACTERS_MAX} characters")));
        }
        match what {
            ListIds::Distinct => Ok(person_id_of(project, text).as_u128()),
            ListIds::Person => match uuid::Uuid::try_parse(text) {
                Ok(id) if text.len() == 36 => Ok(id.as_u128()),
                _ => Err(invalid(&at(), "is no id of a person; ids that apps send are ids=distinct")),
            },
        }
    };
    let mut ids: Vec<u128> = given.iter().enumerate().map(person).collect::<Result<_, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

pub(super) async fn upload(
    State(desk): State<Desk>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<CohortPlace>,
    Query(wanted): Query<UploadWanted>,
    GivenIds(given): GivenIds,
) -> Result<Shown<ListUploaded>, Problem> {
    let (project, what) = (place.project.clone(), wanted.ids.unwrap_or_default());
    let reading = tokio::task::spawn_blocking(move || persons(&project, &given, what)).await;
    let ids = reading.map_err(Problem::internal)??;
    let mode = match wanted.mode {
        ListMode::Replace => Mode::Replace,
        ListMode::Add => Mode::Add,
        ListMode::Remove => Mode::Remove,
    };
    let change = Change { member: &member, origin: &whence.0, project: &place.project, key: &place.key };
    let done = desk.cohorts.upload(&change, mode, ids).await.map_err(form::problem)?;
    let Uploaded { saved, people, added, removed } = done;
    Ok(Shown(saved.etag(), ListUploaded { people, added, removed, revision: saved.revision }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_list_is_kept_up_to_one_that_is_too_many() {
        let read = |text: &str| serde_json::from_str(text).map(|Texts(texts)| texts);
        assert_eq!(read(r#"["a", "b"]"#).unwrap(), ["a", "b"]);
        assert!(read("[1]").is_err() && read("{}").is_err() && read("[\"a\"").is_err());
        let long = format!("[{}\"\"]", "\"\",".repeat(IDS_MAX + 10));
        assert_eq!(read(&long).unwrap().len(), IDS_MAX + 1);
        assert_eq!(lines(&"a\n".repeat(IDS_MAX + 10)).len(), IDS_MAX + 2);
    }

    #[test]
    fn lines_give_their_first_column() {
        let text = "\u{feff}user_id,name\r\n\"a, \"\"b\"\"\",x\r\n\r\n c ;y\nd\n";
        assert_eq!(lines(text), ["a, \"b\"", "c", "d"]);
        assert_eq!(lines("id"), Vec::<String>::new());
        assert_eq!(lines("ada"), ["ada"]);
    }
}
