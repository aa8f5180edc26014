//! A record of the audit: who did what, on what, from where, with what outcome; and its place in the chain.

use footfall_ingest_activity::Timestamp;
use serde::Serialize;

use crate::database::{DatabaseError, Row};
use crate::secret::hex;
use crate::vault::Vault;

/// Where a request came from. Texts are cut to bounds when it is made; they are the caller's word, apart from the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub address: String,
    /// The user agent.
    pub device: String,
    /// A place, if whoever built the request's context knows one: `latitude,longitude` in degrees.
    pub place: String,
    pub request_id: String,
}

impl Origin {
    pub fn new(address: &str, device: &str, place: &str, request_id: &str) -> Origin {
        // Control characters would let a header write lines into whatever shows the audit (OWASP ASVS 5, V16.4.1).
        let cut = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect();
        Origin { address: cut(address), device: cut(device), place: cut(place), request_id: cut(request_id) }
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is not signed in.
    Anonymous,
    Account(String),
    Key(String),
    /// Whoever runs the installation, from its shell.
    Operator,
    /// The program itself.
    System,
}

impl Actor {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Actor::Anonymous => ("anonymous", ""),
            Actor::Account(id) => ("account", id),
            Actor::Key(id) => ("key", id),
            Actor::Operator => ("operator", ""),
            Actor::System => ("system", ""),
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Refused,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
        }
    }
}

/// An act that is to be recorded. `before` and `after` are JSON and hold no secrets.
#[derive(Debug, Clone)]
pub struct Act {
    pub(super) actor: Actor,
    pub(super) action: &'static str,
    pub(super) outcome: Outcome,
    pub(super) object: (&'static str, String),
    pub(super) organisation: String,
    pub(super) project: String,
    pub(super) origin: Origin,
    pub(super) before: String,
    pub(super) after: String,
}

impl Act {
    /// `actor` did `action` (`session.create`, `key.revoke` …) from `origin`.
    pub fn new(actor: Actor, action: &'static str, origin: &Origin) -> Act {
        Act {
            actor,
            action,
            outcome: Outcome::Done,
            object: ("", String::new()),
            organisation: String::new(),
            project: String::new(),
            origin: origin.clone(),
            before: String::new(),
            after: String::new(),
        }
    }

    pub fn on(mut self, kind: &'static str, id: impl Into<String>) -> Act {
        self.object = (kind, id.into());
        self
    }

    pub fn within(mut self, organisation: impl Into<String>, project: impl Into<String>) -> Act {
        (self.organisation, self.project) = (organisation.into(), project.into());
        self
    }

    pub fn refused(mut self) -> Act {
        self.outcome = Outcome::Refused;
        self
    }

    pub fn before(mut self, state: &serde_json::Value) -> Act {
        self.before = state.to_string();
        self
    }

    pub fn after(mut self, state: &serde_json::Value) -> Act {
        self.after = state.to_string();
        self
    }

    pub(super) fn into_record(self, sequence: i64, at: Timestamp, previous_hash: String, vault: &Vault) -> AuditRecord {
        let (actor_kind, actor) = self.actor.parts();
        let mut record = AuditRecord {
            sequence,
            at,
            actor_kind: actor_kind.to_owned(),
            actor: actor.to_owned(),
            action: self.action.to_owned(),
            outcome: self.outcome.name().to_owned(),
            object_kind: self.object.0.to_owned(),
            object: self.object.1,
            organisation_id: self.organisation,
            project_id: self.project,
            address: self.origin.address,
            device: self.origin.device,
            place: self.origin.place,
            request_id: self.origin.request_id,
            before_state: self.before,
            after_state: self.after,
            previous_hash,
            hash: String::new(),
        };
        record.hash = record.hash_at(record.sequence, vault);
        record
    }
}

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    pub sequence: i64,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor: String,
    pub action: String,
    pub outcome: String,
    pub object_kind: String,
    pub object: String,
    pub organisation_id: String,
    pub project_id: String,
    pub address: String,
    pub device: String,
    pub place: String,
    pub request_id: String,
    pub before_state: String,
    pub after_state: String,
    /// The hash of the record before it; empty for the first.
    pub previous_hash: String,
    pub hash: String,
}

impl AuditRecord {
    /// The hash that this record has if it stands at `sequence`.
    ///
    /// Canonical: a fixed order, each field behind its length, so that no two records share an encoding.
    pub(super) fn hash_at(&self, sequence: i64, vault: &Vault) -> String {
        let (sequence, at) = (sequence.to_string(), self.at.millis().to_string());
        let fields = [
            "footfall audit v1",
            &self.previous_hash,
            &sequence,
            &at,
            &self.actor_kind,
            &self.actor,
            &self.action,
            &self.outcome,
            &self.object_kind,
            &self.object,
            &self.organisation_id,
            &self.project_id,
            &self.address,
            &self.device,
            &self.place,
            &self.request_id,
            &self.before_state,
            &self.after_state,
        ];
        let mut bytes = Vec::with_capacity(512);
        for field in fields {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        hex(&vault.chain_hash(&bytes))
    }

    pub(super) fn read(row: &Row) -> Result<AuditRecord, DatabaseError> {
        Ok(AuditRecord {
            sequence: row.get("sequence")?,
            at: row.time("at")?,
            actor_kind: row.get("actor_kind")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            outcome: row.get("outcome")?,
            object_kind: row.get("object_kind")?,
            object: row.get("object")?,
            organisation_id: row.get("organisation_id")?,
            project_id: row.get("project_id")?,
            address: row.get("address")?,
            device: row.get("device")?,
            place: row.get("place")?,
            request_id: row.get("request_id")?,
            before_state: row.get("before_state")?,
            after_state: row.get("after_state")?,
            previous_hash: row.get("previous_hash")?,
            hash: row.get("hash")?,
        })
    }
}
