//! What is known of a route when the table is built.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use http::Method;

use super::operation::Reply;
use crate::idempotency::Idempotency;
use crate::problem::{Kind, Place};
use crate::schema::Shape;
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
    pub(crate) shapes: HashMap<(TypeId, Place), Shape>,
    pub(crate) parameters: Vec<serde_json::Value>,
    pub(crate) query_names: Vec<String>,
    pub(crate) request: Vec<(&'static str, serde_json::Value)>,
    pub(crate) replies: BTreeMap<u16, Reply>,
    pub(crate) kinds: Vec<&'static Kind>,
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) time_max: Option<Duration>,
    pub(crate) secret: Secret,
}

impl Facts {
    /// True when the document lists the status.
    pub(crate) fn declares(&self, status: u16) -> bool {
        self.listed.statuses.contains(&status)
    }
}
