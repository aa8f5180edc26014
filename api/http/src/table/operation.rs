//! What a route is, told by the types of its handler: extractors and answers each add their part.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};

use http::StatusCode;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::problem::{Kind, Place, kinds};
use crate::schema::{Schemas, Shape};

/// An extractor that says what it takes of the request and how it refuses.
pub trait Describe {
    fn describe(operation: &mut Operation<'_>);
}

/// An answer that says its status, headers and body.
pub trait Answer: axum::response::IntoResponse {
    fn describe(operation: &mut Operation<'_>);
}

/// One good answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) about: &'static str,
    /// Media type and schema.
    pub(crate) content: Vec<(&'static str, Value)>,
    /// Names of shared headers.
    pub(crate) headers: Vec<&'static str>,
}

/// How much of a description is wanted. Schemas take most of the time and memory of a table, and few of its routes are asked for.
pub(crate) enum Wanted<'a> {
    /// How the route answers: what is known of every one from the start.
    Statuses,
    /// And what it takes: for the first request.
    Requests(&'a mut Schemas),
    /// All of it: for the document.
    All(&'a mut Schemas),
}

/// Collects the description of one route.
pub struct Operation<'a> {
    wanted: Wanted<'a>,
    /// Placeholders of the path.
    pub(crate) placeholders: Vec<String>,
    pub(crate) shapes: HashMap<(TypeId, Place), Shape>,
    pub(crate) parameters: Vec<Value>,
    pub(crate) path_names: Vec<String>,
    pub(crate) query_names: Vec<String>,
    pub(crate) request: Vec<(&'static str, Value)>,
    pub(crate) replies: BTreeMap<u16, Reply>,
    pub(crate) kinds: Vec<&'static Kind>,
    /// What the handler expects that somebody has put into the request.
    pub(crate) extensions: Vec<TypeId>,
    pub(crate) unclear: Vec<String>,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(wanted: Wanted<'a>, placeholders: Vec<String>) -> Operation<'a> {
        Operation {
            wanted,
            placeholders,
            shapes: HashMap::new(),
            parameters: Vec::new(),
            path_names: Vec::new(),
            query_names: Vec::new(),
            request: Vec::new(),
            replies: BTreeMap::new(),
            kinds: Vec::new(),
            extensions: Vec::new(),
            unclear: Vec::new(),
        }
    }

    /// The route may answer with this problem.
    pub fn raises(&mut self, kind: &'static Kind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// A good answer: its status, what it is, its shared headers, and its body's media types with their schemas.
    pub fn replies(
        &mut self,
        status: StatusCode,
        about: &'static str,
        headers: &[&'static str],
        content: Vec<(&'static str, Value)>,
    ) {
        self.replies.insert(status.as_u16(), Reply { about, content, headers: headers.to_vec() });
    }

    /// The schema of `T` as it is sent; null where nobody wants it.
    pub fn answer_schema<T: JsonSchema>(&mut self) -> Value {
        match &mut self.wanted {
            Wanted::All(schemas) => schemas.answer::<T>(),
            Wanted::Statuses | Wanted::Requests(_) => Value::Null,
        }
    }

    /// A body of these media types that has the form of `T`.
    pub fn takes<T: JsonSchema + 'static>(&mut self, media_types: &[&'static str]) {
        let shape = self.shape::<T>(Place::Body);
        if shape.as_ref().is_some_and(|shape| !shape.is_closed()) {
            self.unclear.push(format!("{} lacks #[serde(deny_unknown_fields)]", std::any::type_name::<T>()));
        }
        let schema = shape.map_or(Value::Null, |shape| shape.root().clone());
        self.request = media_types.iter().map(|media_type| (*media_type, schema.clone())).collect();
        let refusals =
            [&kinds::BODY_INVALID, &kinds::BODY_SYNTAX, &kinds::BODY_UNREADABLE, &kinds::MEDIA_TYPE_UNSUPPORTED];
        let limits = [&kinds::BODY_TOO_LARGE, &kinds::BODY_SLOW];
        refusals.into_iter().chain(limits).for_each(|kind| self.raises(kind));
    }

    /// A body that the handler reads itself, of any form.
    pub fn takes_raw(&mut self, media_type: &'static str, schema: Value) {
        self.request.push((media_type, schema));
        [&kinds::BODY_UNREADABLE, &kinds::BODY_TOO_LARGE, &kinds::BODY_SLOW]
            .into_iter()
            .for_each(|kind| self.raises(kind));
    }

    /// The members of `T` are parameters of the query.
    pub fn queries<T: JsonSchema + 'static>(&mut self) {
        self.raises(&kinds::QUERY_INVALID);
        let Some(shape) = self.shape::<T>(Place::Query) else { return };
        let Some(members) = shape.members() else {
            self.unclear.push(format!("{} of the query is no struct with named fields", std::any::type_name::<T>()));
            return;
        };
        for (name, schema, required) in members {
            self.parameters.push(parameter("query", &name, schema, required));
            self.query_names.push(name);
        }
    }

    /// The placeholders of the path have the form of `T`: a struct with their names, or one value.
    pub fn places<T: JsonSchema + 'static>(&mut self) {
        self.raises(&kinds::PATH_INVALID);
        let Some(shape) = self.shape::<T>(Place::Path) else { return };
        let members = match (shape.members(), self.placeholders.as_slice()) {
            (Some(members), _) => members,
            (None, [only]) => vec![(only.clone(), shape.root().clone(), true)],
            (None, _) => vec![("one".to_owned(), shape.root().clone(), true)],
        };
        for (name, schema, _) in members {
            self.parameters.push(parameter("path", &name, schema, true));
            self.path_names.push(name);
        }
    }

    /// A header of the request.
    pub fn header(&mut self, name: &str, required: bool, schema: Value, about: &str) {
        let mut parameter = parameter("header", name, schema, required);
        parameter["description"] = json!(about);
        self.parameters.push(parameter);
    }

    fn shape<T: JsonSchema + 'static>(&mut self, place: Place) -> Option<Shape> {
        let (Wanted::Requests(schemas) | Wanted::All(schemas)) = &mut self.wanted else { return None };
        let shape = schemas.shape::<T>(place);
        let unenforced = shape.unenforced();
        if !unenforced.is_empty() {
            let keywords = unenforced.join(", ");
            self.unclear.push(format!("{}: nothing enforces {keywords}", std::any::type_name::<T>()));
        }
        self.shapes.insert((TypeId::of::<T>(), place), shape.clone());
        Some(shape)
    }
}

/// What is optional is left out: no text of a parameter means `null`.
fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(forms) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        forms.retain(|form| form.get("type").is_none_or(|one| one != "null"));
        if let [only] = forms.as_slice() {
            let (only, about) = (only.clone(), schema.get("description").cloned());
            *schema = only;
            if let Some(about) = about {
                schema["description"] = about;
            }
        }
    }
}

fn parameter(place: &str, name: &str, mut schema: Value, required: bool) -> Value {
    without_null(&mut schema);
    let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let mut parameter = json!({"in": place, "name": name, "required": required, "schema": schema});
    if let Some(about) = about {
        parameter["description"] = about;
    }
    parameter
}

impl<T> Describe for axum::extract::State<T> {
    fn describe(_: &mut Operation<'_>) {}
}

impl<T: 'static> Describe for axum::Extension<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.extensions.push(TypeId::of::<T>());
    }
}

impl Describe for http::HeaderMap {
    fn describe(_: &mut Operation<'_>) {}
}
