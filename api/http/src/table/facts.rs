//! What is known of a route when the table is built, and what is worked out when the route, or the document, is asked for.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::operation::{Operation, Reply, Wanted};
use super::site::TableError;
use crate::idempotency::Idempotency;
use crate::problem::{Kind, Place};
use crate::schema::{Schemas, Shape};
use crate::secret::Secret;

/// One route as tests, audits and documents see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub method: Method,
    pub path: &'static str,
    pub operation_id: String,
    /// Name of the permission; `None` for a route that is public or needs no more than being signed in.
    pub permission: Option<&'static str>,
    /// Why it needs no permission.
    pub reason: Option<&'static str>,
    pub is_public: bool,
    pub step_up: bool,
    pub cost: u32,
    pub idempotency: Idempotency,
    /// Every status it may answer with.
    pub statuses: Vec<u16>,
}

/// What the guard and the extractors of one route know of it.
pub struct Facts {
    pub(crate) listed: Listed,
    pub(crate) operation_id: String,
    pub(crate) tag: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kinds: Vec<&'static Kind>,
    pub(crate) takes_body: bool,
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) time_max: Option<Duration>,
    pub(crate) secret: Secret,
    /// Names in the path.
    pub(super) placeholders: Vec<String>,
    /// What the types of the handler say.
    pub(super) describe: fn(&mut Operation<'_>),
    /// Of requests, for all routes of the table: their types lead to the same others.
    pub(super) schemas: Arc<Mutex<Schemas>>,
    pub(super) forms: OnceLock<Forms>,
}

/// What requests to a route have to be like.
pub(crate) struct Forms {
    pub(crate) shapes: HashMap<(TypeId, Place), Shape>,
    pub(crate) query_names: Vec<String>,
}

/// What the document says of a route besides its facts.
pub(crate) struct Described<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) parameters: Vec<Value>,
    pub(crate) request: Vec<(&'static str, Value)>,
    pub(crate) replies: BTreeMap<u16, Reply>,
}

impl Facts {
    /// True when the document lists the status.
    pub(crate) fn declares(&self, status: u16) -> bool {
        self.listed.statuses.contains(&status)
    }

    /// Made for the first request.
    pub(crate) fn forms(&self) -> &Forms {
        self.forms.get_or_init(|| {
            let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
            let mut operation = Operation::new(Wanted::Requests(&mut schemas), self.placeholders.clone());
            (self.describe)(&mut operation);
            let Operation { shapes, query_names, .. } = operation;
            Forms { shapes, query_names }
        })
    }

    /// The whole description; `guard` adds what is said of all routes. It fails where the types leave something unclear.
    pub(crate) fn described(
        &self,
        schemas: &mut Schemas,
        guard: impl FnOnce(&mut Operation<'_>),
    ) -> Result<Described<'_>, TableError> {
        let mut operation = Operation::new(Wanted::All(schemas), self.placeholders.clone());
        (self.describe)(&mut operation);
        guard(&mut operation);
        let Operation { parameters, path_names, request, mut replies, unclear, .. } = operation;
        if let Some(what) = unclear.into_iter().next() {
            return Err(TableError::Unclear { operation_id: self.operation_id.clone(), what });
        }
        if sorted(&path_names) != sorted(&self.placeholders) {
            let placeholders = self.placeholders.clone();
            return Err(TableError::Placeholders { path: self.listed.path, placeholders, read: path_names });
        }
        with_known(&mut replies);
        Ok(Described { facts: self, parameters, request, replies })
    }
}

/// Whoever has the revision that would be shown gets 304.
pub(super) fn with_known(replies: &mut BTreeMap<u16, Reply>) {
    if replies.get(&200).is_some_and(|reply| reply.headers.contains(&"ETag")) {
        let known = Reply { about: "The reader has this revision.", headers: vec!["ETag"], ..Reply::default() };
        replies.insert(304, known);
    }
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
}
