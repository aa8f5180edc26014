//! Parameters of the path and of the query, checked like a body: all faults at once, unknown names refused.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::{facts, shape};
use crate::json::{self, is_storable};
use crate::problem::{Fault, Kind, Place, Problem, kinds};
use crate::schema::{Shape, coerce};
use crate::table::{Describe, Operation};

/// The placeholders of the path as `T`: a struct with their names, or the only one of them.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

/// The parameters of the query as `T`, a struct with their names.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + Send + 'static> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Problem> {
        let raw = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::new(&kinds::PATH_INVALID).detail(format!("{}.", error.body_text())))?;
        let pairs: Vec<_> = raw.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let facts = facts(parts)?;
        let shape = shape::<T>(&facts, Place::Path)?;
        let value = match pairs.as_slice() {
            [(_, text)] if shape.members().is_none() => coerce(shape, shape.root(), std::slice::from_ref(text)),
            pairs => shape.gather(pairs),
        };
        read(&kinds::PATH_INVALID, "path", &pairs, value, shape).map(Path)
    }
}

impl<T: JsonSchema + 'static> Describe for Path<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.places::<T>();
    }
}

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema + Send + 'static> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>, Problem> {
        query(parts, &[]).map(Query)
    }
}

impl<T: JsonSchema + 'static> Describe for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.queries::<T>();
    }
}

/// The query as `T`, but for the parameters that somebody else reads.
pub(crate) fn query<T: DeserializeOwned + 'static>(parts: &Parts, others: &[&str]) -> Result<T, Problem> {
    let mut pairs = query_pairs(parts);
    pairs.retain(|(name, _)| !others.contains(&name.as_str()));
    let facts = facts(parts)?;
    let shape = shape::<T>(&facts, Place::Query)?;
    read(&kinds::QUERY_INVALID, "query", &pairs, shape.gather(&pairs), shape)
}

/// The query's names and texts, decoded.
pub(crate) fn query_pairs(parts: &Parts) -> Vec<(String, String)> {
    form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn read<T: DeserializeOwned>(
    kind: &'static Kind,
    what: &str,
    pairs: &[(String, String)],
    value: Value,
    shape: &Shape,
) -> Result<T, Problem> {
    let unstorable = |(name, text): &(String, String)| {
        (!is_storable(text)).then(|| Fault::new(shape.place(), Shape::pointer(name), "holds U+0000"))
    };
    let faults: Vec<Fault> = pairs.iter().filter_map(unstorable).collect();
    let outcome = if faults.is_empty() { json::fit(value, shape) } else { Err(faults) };
    outcome.map_err(|faults| Problem::new(kind).detail(json::summary(what, &faults)).faults(faults))
}
