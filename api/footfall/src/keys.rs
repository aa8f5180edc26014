//! Keys: for the doors, which ask without waiting, and for `footfall keys`.

use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use footfall_api_access::{Access, Caller, Key, KeyKind, KeyRing, NewKey, Origin, PermissionSet, Scope};
use footfall_api_app::OperatorToken;
use footfall_api_experiments::KeyEnvironments;
use footfall_ingest_activity::Clock;
use footfall_ingest_server::WriteKeys;

use crate::app;
use crate::client::Call;
use crate::config::{Settings, is_project};
use crate::console::say;
use crate::error::AppError;
use crate::operator::Presence;

/// The write keys in force, and the operator, who writes into every project.
pub struct DoorKeys {
    ring: Arc<KeyRing>,
    operator: Option<OperatorToken>,
    project: Arc<str>,
    environments: Arc<KeyEnvironments>,
}

impl DoorKeys {
    /// `project` is the operator's where they name none.
    pub fn new(
        access: &Access,
        operator: Option<OperatorToken>,
        project: &str,
        environments: Arc<KeyEnvironments>,
    ) -> DoorKeys {
        DoorKeys { ring: access.keys(), operator, project: project.into(), environments }
    }

    /// The project that the operator names behind an `@`, or the usual one; `None` for everybody else.
    fn operator_project(&self, key: &str) -> Option<Arc<str>> {
        let (token, project) = match key.split_once('@') {
            Some((token, project)) => (token, Arc::from(project)),
            None => (key, self.project.clone()),
        };
        let is_operator = self.operator.as_ref().is_some_and(|operator| operator.matches(token));
        (is_operator && is_project(&project)).then_some(project)
    }
}

impl WriteKeys for DoorKeys {
    fn resolve(&self, key: &str) -> Option<footfall_ingest_server::Caller> {
        if let Some(project) = self.operator_project(key) {
            return Some(footfall_ingest_server::Caller { project, operator: true, environment: None });
        }
        let (id, project, kind) = self.ring.id_and_project(key)?;
        let environment = self.environments.of(&id);
        (kind == KeyKind::Write).then_some(footfall_ingest_server::Caller { project, operator: false, environment })
    }
}

/// Kinds of keys that belong to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Sends activity and reads nothing; it may be public.
    Write,
    /// Reads its project and sends nothing.
    Read,
    /// Evaluates the flags of its project in an app; it may be public.
    Client,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> KeyKind {
        match kind {
            Kind::Write => KeyKind::Write,
            Kind::Read => KeyKind::Read,
            Kind::Client => KeyKind::Client,
        }
    }
}

/// `footfall keys …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, once
    Create {
        #[arg(long)]
        kind: Kind,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Show every key without its secret
    List,
    /// Revoke a key for good
    Revoke { id: String },
}

/// Makes a key of the project, which is made as well where it is missing.
pub async fn create(access: &Access, project: &str, kind: KeyKind, name: &str) -> Result<String, AppError> {
    let (operator, origin) = (Caller::operator(), Origin::default());
    let organisation = access.home_of_project(project, &origin).await?;
    let scope = Scope::Project { organisation: &organisation, project };
    let name = if name.is_empty() { format!("{} key", kind.name()) } else { name.to_owned() };
    let new = NewKey { kind, name, scopes: PermissionSet::NONE, expires_at: None };
    Ok(access.create_key(&operator, scope, &new, &origin).await?.1)
}

/// True when some key of the installation is in force.
pub async fn any_in_force(access: &Access) -> Result<bool, AppError> {
    Ok(access.all_keys().await?.iter().any(|key| key.revoked_at.is_none()))
}

/// Runs the command on the database, beside the running server or without one.
pub async fn run(command: KeyCommand, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let access = app::open_for_command(&settings, clock).await?;
    match command {
        KeyCommand::Create { kind, name } => {
            if !is_project(&settings.project) {
                return Err(AppError::Usage(format!("{:?} is no name for a project", settings.project)));
            }
            let key = create(&access, &settings.project, kind.into(), &name).await?;
            tell_server(&settings).await?;
            say(key);
        }
        KeyCommand::Revoke { id } => {
            access.revoke_key(&Caller::operator(), &id, &Origin::default()).await?;
            tell_server(&settings).await?;
            say(format!("revoked {id}"));
        }
        KeyCommand::List => access.all_keys().await?.iter().for_each(|key| say(line(key))),
    }
    Ok(())
}

/// The running server would notice by itself within a second; whoever uses a key at once should not have to wait.
pub async fn tell_server(settings: &Settings) -> Result<(), AppError> {
    match Presence::find(&settings.data_dir).await {
        Some(server) => server.text(&Call::post("/v1/operator/refresh", "", "")).await.map(drop),
        None => Ok(()),
    }
}

fn line(key: &Key) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", at.to_rfc3339()),
        (None, Some(at)) => format!("until {}", at.to_rfc3339()),
        (None, None) => "in force".to_owned(),
    };
    let place = if key.project.is_empty() { &key.organisation } else { &key.project };
    let (kind, created) = (key.kind.name(), key.created_at.to_rfc3339());
    format!("{}  {kind:<8}  {place}  …{}  {created}  {state}  {}", key.id, key.hint, key.name)
}
