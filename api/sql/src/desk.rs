//! The one place behind the doors of SQL.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{Access, Caller, Origin, Permission, Scope, Who, decide};
use footfall_api_http::Problem;
use footfall_api_http::limit::Limits;
use footfall_pipelines_store::query::{Described, Engine, ExtraFunction, ParameterKind, Question, QuestionLimits};

use crate::audit::AuditTable;
use crate::policy::policy_of;
use crate::refusal::Refusal;
use crate::rows::{Cancel, Cancelled, Rows};
use crate::seat::{Ask, Seat};

/// Names of databases that stand for the only project of a key.
const ANY_PROJECT: &[&str] = &["", "footfall", "postgres"];
/// Longest secret, in bytes; tokens of sessions are the longest.
const SECRET_BYTES_MAX: usize = 4096;

/// What can be set.
#[derive(Debug, Clone, Copy)]
pub struct DeskSettings {
    /// Longest time in which a reader takes no rows.
    pub stall_timeout: Duration,
}

impl Default for DeskSettings {
    fn default() -> Self {
        DeskSettings { stall_timeout: Duration::from_secs(30) }
    }
}

/// The table functions about a project, for somebody who sees all of it.
pub type Functions = Arc<dyn Fn(&Arc<str>) -> Vec<Arc<dyn ExtraFunction>> + Send + Sync>;

/// Answers those who come in through a door of SQL. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    access: Access,
    engine: Arc<Engine>,
    functions: Functions,
    limits: Limits,
    settings: DeskSettings,
}

impl Desk {
    pub fn new(
        access: Access,
        engine: Arc<Engine>,
        functions: Functions,
        limits: Limits,
        settings: DeskSettings,
    ) -> Desk {
        Desk { access, engine, functions, limits, settings }
    }

    /// Lets somebody in who has shown `secret`, a key or token, to ask about `project`. `client` names their program.
    pub async fn enter(&self, secret: &str, project: &str, address: IpAddr, client: &str) -> Result<Seat, Refusal> {
        self.limits.request_from(address).await.map_err(limited)?;
        if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
            return Err(Refusal::Secret);
        }
        let caller = self.access.authenticate(secret).await?;
        let project = self.project_of(&caller, project)?;
        let origin = Origin::new(&address.to_string(), client, "", "");
        let seat = Seat { secret: secret.into(), project, address, origin };
        self.view(&seat, &caller).await?;
        Ok(seat)
    }

    /// The name, if a project has it.
    pub fn knows<'a>(&self, project: &'a str) -> Option<&'a str> {
        self.access.organisation_of(project).map(|_| project)
    }

    /// The project that is named, or the only one of the caller.
    fn project_of(&self, caller: &Caller, named: &str) -> Result<Arc<str>, Refusal> {
        if self.access.organisation_of(named).is_some() {
            return Ok(named.into());
        }
        let mut projects = caller.subject.grants.iter().map(|grant| grant.project.clone());
        match (projects.next(), projects.next()) {
            (Some(Some(only)), None) if ANY_PROJECT.contains(&named) => Ok(only),
            _ => Err(Refusal::Project(named.chars().take(64).collect())),
        }
    }

    async fn view(&self, seat: &Seat, caller: &Caller) -> Result<Question, Refusal> {
        let organisation = self.access.organisation_of(&seat.project).unwrap_or_default();
        let scope = Scope::Project { organisation: &organisation, project: &seat.project };
        let view = self.access.authorise(caller, Permission::SqlRun, scope, &seat.origin).await?;
        let question = Question::default().under(Arc::new(policy_of(&view)));
        let question = match decide(&caller.subject, Permission::InsightsRead, scope).is_allowed() {
            true => question.calling((self.functions)(&seat.project)),
            false => question,
        };
        let reads_audit = decide(&caller.subject, Permission::AuditRead, Scope::Organisation(&organisation));
        Ok(match reads_audit.is_allowed() {
            true => question
                .beside(Arc::new(AuditTable { access: self.access.clone(), organisation: Some(organisation.clone()) })),
            false => question,
        })
    }

    /// The question of `seat` under what it sees now, counted against its limits.
    async fn question(&self, seat: &Seat, ask: Ask) -> Result<Question, Refusal> {
        let caller = self.access.authenticate(&seat.secret).await?;
        self.limits.request_from(seat.address).await.map_err(limited)?;
        let (account, key) = match (&caller.subject.who, caller.account()) {
            (Who::Key { key }, _) => (format!("key:{key}"), Some(key.clone())),
            (Who::PersonalToken { key, .. }, Some(account)) => (account.to_owned(), Some(key.clone())),
            (_, Some(account)) => (account.to_owned(), None),
            _ => return Err(Refusal::Secret),
        };
        self.limits.request_of(&account, key.as_deref()).await.map_err(limited)?;
        let question = self.view(seat, &caller).await?;
        let Ask { sql, values, dialect, time_limit, time_zone } = ask;
        let limits = QuestionLimits { time_limit, ..QuestionLimits::default() };
        Ok(Question { sql, values, dialect, limits, time_zone, ..question })
    }

    /// Asks; it resolves when the answer's columns are known. From the call on `cancel` ends it.
    pub fn ask<'a>(
        &'a self,
        seat: &'a Seat,
        ask: Ask,
        cancel: &Cancel,
    ) -> impl Future<Output = Result<Rows, Refusal>> + Send + use<'a> {
        let mut cancelled: Cancelled = Box::pin(cancel.cancelled());
        async move {
            let question = self.question(seat, ask).await?;
            let answer = tokio::select! {
                biased;
                () = &mut cancelled => return Err(Refusal::Cancelled),
                answer = self.engine.query(&seat.project, question) => answer?,
            };
            Ok(Rows::new(answer, cancelled, self.settings.stall_timeout))
        }
    }

    /// Plans without asking. Parameters may be open; `declared` are the types that the asker gives them.
    pub async fn describe(
        &self,
        seat: &Seat,
        ask: Ask,
        declared: Vec<Option<ParameterKind>>,
    ) -> Result<Described, Refusal> {
        let question = self.question(seat, ask).await?;
        Ok(self.engine.describe(&seat.project, question, declared).await?)
    }
}

fn limited(_: Problem) -> Refusal {
    Refusal::Limited
}
