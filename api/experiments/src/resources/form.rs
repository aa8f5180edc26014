//! How definitions look on the wire, and the merge patch of any of them.

use std::borrow::Cow;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use footfall_api_app::{Member, Whence};
use footfall_api_http::{Describe, Fault, Operation, Place, Problem, Time, kinds, merge};
use http::header;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::definition::Definition;
use crate::experiments::{Author, Item};
use crate::faults::DEFINITION_BYTES_MAX;

/// Why a change is made; kept with its revision.
pub(super) const REASON_MAX: usize = 1_000;

/// A definition.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{D}Item")]
pub(super) struct Shown<D: Definition> {
    key: String,
    revision: i64,
    definition: AsWritten<D>,
    state: D::State,
    created_at: Time,
    updated_at: Time,
}

impl<D: Definition> From<Item<D>> for Shown<D> {
    fn from(item: Item<D>) -> Shown<D> {
        Shown {
            key: item.key,
            revision: item.revision,
            definition: AsWritten(item.definition),
            state: item.state,
            created_at: item.created_at.into(),
            updated_at: item.updated_at.into(),
        }
    }
}

/// A definition in an answer, under the schema of requests: what may be left out there is always here, and two schemas of one name would
/// say so twice.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct AsWritten<D>(D);

impl<D: Definition> JsonSchema for AsWritten<D> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Written{}", D::schema_name()).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        settings.into_generator().into_root_schema_for::<D>()
    }
}

/// A new definition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(rename = "New{D}")]
pub(super) struct Draft<D: Definition> {
    /// Letters, digits and `- _ . : |`; it never changes.
    #[schemars(length(min = 1, max = 100))]
    pub(super) key: String,
    pub(super) definition: D,
    /// Why; kept with the revision.
    #[schemars(length(max = 1000))]
    pub(super) reason: Option<String>,
}

/// A definition as it is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(rename = "Wanted{D}")]
pub(super) struct Wanted<D: Definition> {
    pub(super) definition: D,
    /// Why; kept with the revision.
    #[schemars(length(max = 1000))]
    pub(super) reason: Option<String>,
}

/// Why something is done.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// Kept with the revision.
    #[schemars(length(max = 1000))]
    pub(super) reason: Option<String>,
}

pub(super) fn author(member: &Member, whence: Whence, reason: Option<String>) -> Author {
    let (actor, subject) = (member.caller.actor.clone(), Some(member.caller.subject.clone()));
    Author { actor, origin: whence.0, reason: reason.unwrap_or_default(), subject, on_behalf_of: None }
}

/// `{definition: <merge patch>, reason}` (RFC 7396).
#[derive(Debug)]
pub(super) struct DefinitionPatch {
    patch: Value,
    pub(super) reason: Option<String>,
}

const MEDIA_TYPES: [&str; 2] = ["application/merge-patch+json", "application/json"];

fn invalid(pointer: &str, detail: impl Into<String>) -> Problem {
    let fault = Fault::new(Place::Body, pointer, detail);
    Problem::new(&kinds::BODY_INVALID).detail(format!("{pointer} {}.", fault.detail)).faults(vec![fault])
}

impl<S: Send + Sync> FromRequest<S> for DefinitionPatch {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<DefinitionPatch, Problem> {
        let (parts, body) = request.into_parts();
        let given = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let given = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !MEDIA_TYPES.contains(&given.as_str()) {
            let detail = format!("Content-Type has to be {}, and is {given:?}.", MEDIA_TYPES.join(" or "));
            return Err(Problem::new(&kinds::MEDIA_TYPE_UNSUPPORTED).detail(detail));
        }
        let bytes = to_bytes(body, 2 * DEFINITION_BYTES_MAX).await.map_err(|error| {
            Problem::new(&kinds::BODY_UNREADABLE).detail(format!("The body could not be read: {error}."))
        })?;
        let syntax = |error: serde_json::Error| Problem::new(&kinds::BODY_SYNTAX).detail(format!("{error}."));
        let Value::Object(mut members) = serde_json::from_slice(&bytes).map_err(syntax)? else {
            return Err(invalid("", "must be an object"));
        };
        let patch = members.remove("definition").unwrap_or_else(|| json!({}));
        let reason = match members.remove("reason") {
            None | Some(Value::Null) => None,
            Some(Value::String(reason)) if reason.chars().count() <= REASON_MAX && !reason.contains('\0') => {
                Some(reason)
            }
            Some(_) => return Err(invalid("/reason", "must be a text of at most 1000 characters")),
        };
        if let Some(name) = members.keys().next() {
            return Err(invalid(&format!("/{name}"), "is not known; known are definition, reason"));
        }
        if !patch.is_object() {
            return Err(invalid("/definition", "must be an object"));
        }
        if patch.to_string().contains("\\u0000") {
            return Err(invalid("/definition", "holds U+0000"));
        }
        Ok(DefinitionPatch { patch, reason })
    }
}

impl Describe for DefinitionPatch {
    fn describe(operation: &mut Operation<'_>) {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "definition": {"type": "object", "description": "A JSON Merge Patch of the definition."},
                "reason": {"type": ["string", "null"], "maxLength": REASON_MAX},
            },
        });
        MEDIA_TYPES.iter().for_each(|media_type| operation.takes_raw(media_type, schema.clone()));
        let refusals = [&kinds::BODY_INVALID, &kinds::BODY_SYNTAX, &kinds::MEDIA_TYPE_UNSUPPORTED];
        refusals.into_iter().for_each(|kind| operation.raises(kind));
    }
}

impl DefinitionPatch {
    /// The definition with the patch applied.
    pub(super) fn apply<D: Definition>(&self, definition: &D) -> Result<D, Fault> {
        patched(definition, &self.patch)
    }
}

/// A definition with a merge patch applied; the fault says where the result is none.
pub(crate) fn patched<D: Definition>(definition: &D, patch: &Value) -> Result<D, Fault> {
    let broken = |pointer: String, detail: String| Fault::new(Place::Body, pointer, detail);
    let mut value = serde_json::to_value(definition).map_err(|error| broken(String::new(), error.to_string()))?;
    merge(&mut value, patch.clone());
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string().replace(['.', '['], "/").replace(']', "");
        let pointer =
            if path == "/" || path.is_empty() { "/definition".to_owned() } else { format!("/definition/{path}") };
        broken(pointer, error.into_inner().to_string())
    })
}
