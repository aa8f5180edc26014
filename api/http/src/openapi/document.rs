//! Writes the document from what the table knows. Nothing in it is written by hand twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::authority::Authority;
use crate::idempotency::Idempotency;
use crate::machinery::Machinery;
use crate::problem::{Kind, PROBLEM_JSON};
use crate::schema::Schemas;
use crate::table::{About, Access, Described, Facts, Reply, TableError};

/// The document of a table. It is written when somebody asks for it: nobody does at most starts, and it takes more memory than all
/// the rest of the table.
#[derive(Clone)]
pub struct Document(Arc<dyn Fn() -> Result<Value, TableError> + Send + Sync>);

impl Document {
    pub(crate) fn of<A: Authority>(source: Source<A>) -> Document {
        Document(Arc::new(move || source.written()))
    }

    /// All of it, written anew. It fails where the types of a route leave something unclear.
    pub fn written(&self) -> Result<Value, TableError> {
        (self.0)()
    }
}

/// What it is written from.
pub(crate) struct Source<A: Authority> {
    pub(crate) about: About,
    pub(crate) machinery: Arc<Machinery<A>>,
    pub(crate) tags: Vec<(&'static str, &'static str)>,
    pub(crate) routes: Vec<(Arc<Facts>, Access<A::Permission>)>,
}

impl<A: Authority> Source<A> {
    /// With the members in the order of their names.
    fn written(&self) -> Result<Value, TableError> {
        let mut schemas = Schemas::new();
        let (mut paths, mut refusals) = (json!({}), Map::new());
        for (facts, access) in &self.routes {
            let listed = &facts.listed;
            let described = facts.described(&mut schemas, |operation| {
                self.machinery.describe_guard(operation, &listed.method, *access, listed.idempotency);
            })?;
            let path = listed.path.replace("{*", "{");
            paths[path][listed.method.as_str().to_ascii_lowercase()] = operation(described, &mut refusals);
        }
        let (mut schemas, refusals) = (schemas.finish()?, Value::Object(refusals));
        schemas.insert("Problem".into(), problem_schema());
        let used = reachable(&schemas, [&paths, &refusals]);
        schemas.retain(|name, _| used.contains(name));
        let tags: Vec<Value> =
            self.tags.iter().map(|(name, about)| json!({"name": name, "description": about})).collect();
        let About { title, version, description } = self.about;
        let cookie_name = &self.machinery.settings.session.cookie_name;
        let mut document = json!({
            "openapi": "3.1.1",
            "info": {
                "title": title, "version": version, "description": description,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": tags,
            "components": {
                "headers": headers(),
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, a key or a service token."},
                    "session": {
                        "type": "apiKey", "in": "cookie", "name": cookie_name,
                        "description": "Browsers. Changing requests need Sec-Fetch-Site: same-origin, or Origin and X-CSRF-Token.",
                    },
                },
            },
        });
        // They are large, and the macro would copy them.
        document["paths"] = paths;
        document["components"]["responses"] = refusals;
        document["components"]["schemas"] = Value::Object(schemas);
        Ok(document)
    }
}

/// Names of the shared schemas that `roots` lead to.
fn reachable(schemas: &Map<String, Value>, roots: [&Value; 2]) -> BTreeSet<String> {
    fn names<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                let reference = members.get("$ref").and_then(Value::as_str);
                found.extend(reference.and_then(|path| path.strip_prefix("#/components/schemas/")));
                members.values().for_each(|value| names(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }
    let (mut used, mut open) = (BTreeSet::new(), Vec::new());
    roots.into_iter().for_each(|root| names(root, &mut open));
    while let Some(name) = open.pop() {
        if used.insert(name.to_owned()) {
            schemas.get(name).into_iter().for_each(|schema| names(schema, &mut open));
        }
    }
    used
}

fn operation(described: Described<'_>, refusals: &mut Map<String, Value>) -> Value {
    let Described { facts, parameters, request, replies } = described;
    let listed = &facts.listed;
    let mut operation = json!({
        "operationId": facts.operation_id,
        "tags": [facts.tag],
        "summary": facts.about,
        "responses": responses(facts, &replies, refusals),
        "x-cost": listed.cost,
    });
    let mut add = |name: &str, value: Value| operation[name] = value;
    if !parameters.is_empty() {
        add("parameters", Value::from(parameters));
    }
    if !request.is_empty() {
        let content: Map<String, Value> =
            request.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema}))).collect();
        add("requestBody", json!({"required": true, "content": content}));
    }
    let names: Vec<&str> = listed.permission.into_iter().collect();
    match listed.is_public {
        true => add("security", json!([])),
        false => add("security", json!([{"bearer": names}, {"session": names}])),
    }
    match (listed.permission, listed.reason) {
        (Some(permission), _) => add("x-permission", json!(permission)),
        (None, reason) => add("x-no-permission", json!(reason)),
    }
    if listed.step_up {
        add("x-step-up", json!(true));
    }
    if listed.idempotency != Idempotency::None {
        add("x-idempotent", json!(true));
    }
    operation
}

fn responses(facts: &Facts, replies: &BTreeMap<u16, Reply>, refusals: &mut Map<String, Value>) -> Value {
    let mut responses = Map::new();
    for (status, reply) in replies {
        let names = reply.headers.iter().copied().chain(EVERYWHERE.iter().copied());
        let mut response = json!({"description": reply.about, "headers": references(names)});
        if !reply.content.is_empty() {
            let content: Map<String, Value> =
                reply.content.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema}))).collect();
            response["content"] = Value::Object(content);
        }
        responses.insert(status.to_string(), response);
    }
    let mut by_status: BTreeMap<u16, Vec<&'static Kind>> = BTreeMap::new();
    for kind in &facts.kinds {
        by_status.entry(kind.status.as_u16()).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        // Shared by all operations that refuse alike, or the document would be refusals for the most part.
        let mut codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        let name = format!("{status}.{}", codes.join("."));
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        refusals.entry(name).or_insert_with(|| refusal(status, kinds));
    }
    Value::Object(responses)
}

/// The answer of one status that is a problem, with the codes it may have.
fn refusal(status: u16, mut kinds: Vec<&'static Kind>) -> Value {
    kinds.sort_by_key(|kind| kind.code);
    let about: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.title)).collect();
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    let own: &[&str] = match StatusCode::from_u16(status) {
        Ok(StatusCode::UNAUTHORIZED) => &["WWW-Authenticate"],
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => &["Retry-After"],
        Ok(StatusCode::PRECONDITION_FAILED) => &["ETag"],
        _ => &[],
    };
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {"type": "object", "properties": {"code": {"enum": codes}, "status": {"const": status}}},
    ]});
    json!({
        "description": about.join("\n"),
        "headers": references(own.iter().copied().chain(EVERYWHERE.iter().copied())),
        "content": {PROBLEM_JSON: {"schema": schema}},
    })
}

const EVERYWHERE: &[&str] = &["X-Request-Id", "RateLimit", "RateLimit-Policy"];

fn references<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let references = names.map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")})));
    Value::Object(references.collect())
}

fn headers() -> Value {
    let header = |about: &str, kind: &str| json!({"description": about, "schema": {"type": kind}});
    json!({
        "X-Request-Id": header("Names this request in the tracing; the caller's own if it sent a sane one.", "string"),
        "RateLimit": header("What is left of each quota (draft-ietf-httpapi-ratelimit-headers-10).", "string"),
        "RateLimit-Policy": header("The quotas that apply.", "string"),
        "Retry-After": header("Seconds after which another try makes sense.", "integer"),
        "WWW-Authenticate": header("How to sign in.", "string"),
        "ETag": header("The revision, for If-Match and If-None-Match.", "string"),
        "Location": header("The path of the new resource.", "string"),
        "Link": header("rel=\"next\": the next page, if there is one.", "string"),
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "A path that explains the code."},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "description": "Stable, for programs."},
            "detail": {"type": "string", "description": "What is wrong this time, for people."},
            "request_id": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["in", "pointer", "detail"],
                    "properties": {
                        "in": {"enum": ["body", "query", "path", "header"]},
                        "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) to what has to be fixed."},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    })
}
