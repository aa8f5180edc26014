//! Compiled payloads in memory, one set for each project: read by every door without waiting, swapped as a whole on a change.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use footfall_api_access::Database;
use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;
use footfall_models_experiment::posthog::Flags;
use footfall_models_experiment::{Value as FlagValue, assign};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{broadcast, watch};

use crate::catalogue::Catalogue;
use crate::compile::{growthbook, posthog};
use crate::definition::PRODUCTION;
use crate::error::ExperimentError;
use crate::storage::{self, Connection};

/// Changes kept for whoever tells them, before some are missed.
const TOLD: usize = 256;

/// What one environment gives out.
#[derive(Debug)]
pub struct Compiled {
    /// `{features, savedGroups, contextualBandits, experiments}`.
    pub parts: Map<String, Value>,
    /// The whole answer of `/api/features`, unencrypted.
    pub body: Bytes,
    /// Strong, with its quotes; changes with the content alone.
    pub etag: String,
    pub payload: assign::Payload,
    pub definitions: Bytes,
    pub definitions_etag: String,
    pub flags: Flags,
    dated: Timestamp,
    /// Encrypted answers by their key: made once, however many listen.
    encrypted: Mutex<HashMap<String, Bytes>>,
}

impl Compiled {
    /// The tag of that answer: of encrypted ones it changes with the settings of the key as well.
    pub fn tag_for(&self, connection: &Connection) -> String {
        match connection.encryption_key {
            Some(_) => format!("\"{}.{}\"", self.etag.trim_matches('"'), connection.revision),
            None => self.etag.clone(),
        }
    }

    /// The answer of `/api/features` for a key; none if its encryption key is none.
    pub fn body_for(&self, connection: &Connection) -> Option<Bytes> {
        let Some(key) = &connection.encryption_key else { return Some(self.body.clone()) };
        let mut encrypted = self.encrypted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = encrypted.get(key) {
            return Some(body.clone());
        }
        let mut body = json!({"status": 200, "features": {}, "dateUpdated": Time::from(self.dated)});
        for (part, name) in [
            ("features", "encryptedFeatures"),
            ("savedGroups", "encryptedSavedGroups"),
            ("contextualBandits", "encryptedContextualBandits"),
            ("experiments", "encryptedExperiments"),
        ] {
            let Some(plain) = self.parts.get(part) else { continue };
            let mut iv = [0u8; 16];
            getrandom::fill(&mut iv).ok()?;
            body[name] = Value::String(assign::encrypt(&plain.to_string(), key, iv).ok()?);
        }
        let body = Bytes::from(body.to_string());
        encrypted.insert(key.clone(), body.clone());
        Some(body)
    }
}

/// What one project gives out, at one generation.
#[derive(Debug)]
pub struct ProjectPayloads {
    pub generation: i64,
    pub changed_at: Timestamp,
    pub catalogue: Catalogue,
    environments: BTreeMap<String, Arc<Compiled>>,
    connections: HashMap<String, Connection>,
}

impl ProjectPayloads {
    /// The payload of an environment; of one that is gone, none.
    pub fn environment(&self, name: &str) -> Option<Arc<Compiled>> {
        self.environments.get(name).cloned()
    }

    /// How a key is served.
    pub fn connection(&self, key_id: &str, project: &str) -> Connection {
        self.connections.get(key_id).cloned().unwrap_or_else(|| Connection::plain(key_id, project))
    }

    fn of(
        (generation, changed_at): (i64, Timestamp),
        catalogue: Catalogue,
        connections: Vec<Connection>,
        before: Option<&ProjectPayloads>,
    ) -> ProjectPayloads {
        let names = catalogue.environments.keys().map(String::as_str).chain([PRODUCTION]);
        let environments = names.map(|name| {
            let known = before.and_then(|before| before.environments.get(name));
            (name.to_owned(), compile(&catalogue, name, changed_at, known))
        });
        let environments = environments.collect();
        let connections = connections.into_iter().map(|connection| (connection.key_id.clone(), connection)).collect();
        ProjectPayloads { generation, changed_at, catalogue, environments, connections }
    }
}

/// The tag of a content.
fn tag(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// What has not changed stays the same, so that its date and its listeners' peace are kept.
fn compile(catalogue: &Catalogue, name: &str, at: Timestamp, known: Option<&Arc<Compiled>>) -> Arc<Compiled> {
    let parts = growthbook::payload(catalogue, name);
    let definitions = posthog::definitions(catalogue, name);
    let (features_text, definitions_text) = (Value::Object(parts.clone()).to_string(), definitions.to_string());
    let (etag, definitions_etag) = (tag(&features_text), tag(&definitions_text));
    if let Some(known) = known.filter(|known| known.etag == etag && known.definitions_etag == definitions_etag) {
        return known.clone();
    }
    let mut body = json!({"status": 200, "dateUpdated": Time::from(at)});
    if let Value::Object(body) = &mut body {
        body.extend(parts.clone());
    }
    Arc::new(Compiled {
        body: Bytes::from(body.to_string()),
        payload: assign::Payload::compile(&FlagValue::from(&Value::Object(parts.clone()))),
        flags: Flags::compile(&FlagValue::from(&definitions)),
        definitions: Bytes::from(definitions_text),
        parts,
        etag,
        definitions_etag,
        dated: at,
        encrypted: Mutex::default(),
    })
}

/// The payloads of all projects that were asked for. Cheap to clone.
#[derive(Clone)]
pub struct Payloads {
    database: Database,
    projects: Arc<Mutex<HashMap<String, watch::Sender<Arc<ProjectPayloads>>>>>,
    /// Projects that this process has changed.
    told: broadcast::Sender<String>,
    look_millis: Arc<AtomicU64>,
}

impl Payloads {
    pub fn new(database: Database) -> Payloads {
        Payloads { database, projects: Arc::default(), told: broadcast::channel(TOLD).0, look_millis: Arc::default() }
    }

    /// The projects that this process changes, from now on.
    pub fn own_changes(&self) -> broadcast::Receiver<String> {
        self.told.subscribe()
    }

    /// How long it may be until the next look at what other processes have changed: while they tell, there is less to look for.
    pub fn look_each(&self, pause: Duration) {
        self.look_millis.store(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    pub(crate) fn look_pause(&self) -> Duration {
        Duration::from_millis(self.look_millis.load(Ordering::Acquire))
    }

    /// Reads what this process has just changed, and tells the others.
    pub(crate) async fn changed(&self, project: &str) -> Result<(), ExperimentError> {
        // Nobody may listen.
        drop(self.told.send(project.to_owned()));
        self.refresh(project).await
    }

    fn known(&self, project: &str) -> Option<watch::Receiver<Arc<ProjectPayloads>>> {
        let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        projects.get(project).map(watch::Sender::subscribe)
    }

    /// The payloads of a project as they change.
    pub async fn watch(&self, project: &str) -> Result<watch::Receiver<Arc<ProjectPayloads>>, ExperimentError> {
        if let Some(known) = self.known(project) {
            return Ok(known);
        }
        let fresh = self.read(project, None).await?;
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = projects.entry(project.to_owned()).or_insert_with(|| watch::Sender::new(fresh));
        Ok(sender.subscribe())
    }

    /// The payloads of a project now.
    pub async fn now(&self, project: &str) -> Result<Arc<ProjectPayloads>, ExperimentError> {
        let receiver = self.watch(project).await?;
        let now = receiver.borrow().clone();
        Ok(now)
    }

    /// The generation is read first, so that a change in between is read again and never lost.
    async fn read(
        &self,
        project: &str,
        before: Option<&ProjectPayloads>,
    ) -> Result<Arc<ProjectPayloads>, ExperimentError> {
        let generation = storage::generation(&self.database, project).await?;
        let catalogue = storage::catalogue(&self.database, project).await?;
        let connections = Connection::of_project(&self.database, project).await?;
        Ok(Arc::new(ProjectPayloads::of(generation, catalogue, connections, before)))
    }

    /// Reads a project anew after a change of it, if anybody has asked for it.
    pub async fn refresh(&self, project: &str) -> Result<(), ExperimentError> {
        let Some(known) = self.known(project) else { return Ok(()) };
        let before = known.borrow().clone();
        let fresh = self.read(project, Some(&before)).await?;
        let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = projects.get(project) {
            sender.send_if_modified(|held| {
                let is_newer = fresh.generation > held.generation;
                if is_newer {
                    *held = fresh;
                }
                is_newer
            });
        }
        Ok(())
    }

    /// Reads what other processes have changed.
    pub async fn catch_up(&self) -> Result<(), ExperimentError> {
        let held: Vec<(String, i64)> = {
            let projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
            projects.iter().map(|(project, sender)| (project.clone(), sender.borrow().generation)).collect()
        };
        for (project, generation) in held {
            self.refresh_from(&project, generation).await?;
        }
        Ok(())
    }

    /// Reads what another process has changed of a project, if anybody has asked for it here.
    pub async fn hear(&self, project: &str) -> Result<(), ExperimentError> {
        let held = self.known(project).map(|known| known.borrow().generation);
        match held {
            Some(generation) => self.refresh_from(project, generation).await,
            None => Ok(()),
        }
    }

    async fn refresh_from(&self, project: &str, generation: i64) -> Result<(), ExperimentError> {
        match storage::generation(&self.database, project).await?.0 > generation {
            true => self.refresh(project).await,
            false => Ok(()),
        }
    }
}
