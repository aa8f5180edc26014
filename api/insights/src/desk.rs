//! What the handlers work with, and who may ask.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{Access, Permission, RowFilter, Scope, Who};
use footfall_api_app::{Member, Whence, problem};
use footfall_api_http::Problem;
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights_feed::{Answered, AskLimits, Insights};

use crate::problem::{NO_PROJECT, RESTRICTED, UNNAMED, refusal};

/// The service, and who may see what. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    access: Access,
    insights: Arc<Insights>,
    /// Of an operator who names none.
    project: Arc<str>,
    limits: AskLimits,
}

impl Desk {
    /// Operators who name no project mean this one. Questions take as long as [`AskLimits`] say by default, or less.
    pub fn new(access: Access, insights: Arc<Insights>, project: &str) -> Desk {
        Desk { access, insights, project: project.into(), limits: AskLimits::default() }
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: AskLimits) -> Desk {
        self.limits = limits;
        self
    }

    /// Asks for a member about the named project, else about the only one of their key.
    pub(crate) async fn ask(
        &self,
        member: &Member,
        whence: &Whence,
        named: Option<&str>,
        question: &Question,
        asked: Asked,
    ) -> Result<Arc<Answered>, Problem> {
        let project = self.admit(member, whence, named).await?;
        let limits = AskLimits {
            time: asked.time_limit_ms.map_or(self.limits.time, |ms| Duration::from_millis(ms).min(self.limits.time)),
            age: asked.age_ms.map_or(self.limits.age, Duration::from_millis),
        };
        self.insights.ask(&project, question, limits).await.map_err(|error| refusal(error, question))
    }

    /// The project, if the member sees all of it.
    async fn admit(&self, member: &Member, whence: &Whence, named: Option<&str>) -> Result<Arc<str>, Problem> {
        let is_operator = matches!(member.caller.subject.who, Who::Operator);
        let project: Arc<str> = match named {
            Some(named) => named.into(),
            None if is_operator => self.project.clone(),
            None => only_project(member)?,
        };
        if is_operator {
            return Ok(project);
        }
        let organisation = self.access.organisation_of(&project).ok_or_else(|| Problem::new(&NO_PROJECT))?;
        let scope = Scope::Project { organisation: &organisation, project: &project };
        let seen = self.access.authorise(&member.caller, Permission::InsightsRead, scope, &whence.0);
        let seen = seen.await.map_err(problem)?;
        // Answers are made of all rows: who sees a part of them would learn of the others.
        if seen.rows != RowFilter::Everything || !seen.masks.is_empty() {
            return Err(Problem::new(&RESTRICTED).detail(
                "Your role sees a part of the activity; insights are made of all of it. SQL shows your part.",
            ));
        }
        Ok(project)
    }
}

fn only_project(member: &Member) -> Result<Arc<str>, Problem> {
    let mut projects = member.caller.subject.grants.iter().map(|grant| grant.project.clone());
    match (projects.next(), projects.next()) {
        (Some(Some(only)), None) => Ok(only),
        _ => Err(Problem::new(&UNNAMED)
            .detail("A read key stands for its project. Others name it in the path: /v1/projects/{project}/….")),
    }
}

/// Limits that a request sets for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub time_limit_ms: Option<u64>,
    pub age_ms: Option<u64>,
}
