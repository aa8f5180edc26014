//! What the handlers work with, and who may ask.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{Access, Permission, RowFilter, Scope, Who};
use footfall_api_app::{Member, Whence, problem};
use footfall_api_http::Problem;
use footfall_pipelines_insights::definition::{Answer, Question};
use footfall_pipelines_insights_feed::{Answered, AskLimits, Insights, Partly, Progress};
use footfall_pipelines_store::query::Engine;

use crate::cohorts::{CohortError, Cohorts, problem_of_body};
use crate::problem::{NO_PROJECT, RESTRICTED, UNNAMED, refusal};

/// The service, and who may see what. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    access: Access,
    insights: Arc<Insights>,
    /// Has the rows whole.
    pub(crate) engine: Arc<Engine>,
    pub(crate) cohorts: Cohorts,
    /// Of an operator who names none.
    project: Arc<str>,
    limits: AskLimits,
}

impl Desk {
    /// Operators who name no project mean this one. Questions take as long as [`AskLimits`] say by default, or less.
    pub fn new(access: Access, insights: Arc<Insights>, engine: Arc<Engine>, cohorts: Cohorts, project: &str) -> Desk {
        Desk { access, insights, engine, cohorts, project: project.into(), limits: AskLimits::default() }
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: AskLimits) -> Desk {
        self.limits = limits;
        self
    }

    /// Readies a question of a member about the named project, else about the only one of their key.
    pub(crate) async fn asking(
        &self,
        member: &Member,
        whence: &Whence,
        named: Option<&str>,
        question: Question,
        asked: Asked,
    ) -> Result<Asking, Problem> {
        let project = self.admit(member, whence, named).await?;
        let question = self.ready(&project, question).await.map_err(problem_of_body)?;
        let limits = AskLimits {
            time: asked.time_limit.map_or(self.limits.time, |time| time.min(self.limits.time)),
            age: asked.age.unwrap_or(self.limits.age),
        };
        Ok(Asking { insights: self.insights.clone(), project, question, limits })
    }

    /// Answers a question of SQL about a project, whose asker may ask and sees all of it; of a cohort everybody who is in it.
    pub(crate) async fn answer_of(&self, project: &str, question: &Question) -> Result<Answer, String> {
        let question = self.ready(project, question.clone()).await.map_err(|error| error.to_string())?;
        let answered = match &question {
            Question::Cohort(people) => self.insights.everybody(project, &people.cohort, self.limits).await,
            question => self.insights.ask(project, question, self.limits).await,
        };
        answered.map(|answered| answered.answer.clone()).map_err(|error| error.to_string())
    }

    /// A question with what it names: the definitions of saved cohorts, and their lists where the engine finds them.
    ///
    /// # Errors
    /// It names what is not there, or the database does not answer.
    pub async fn ready(&self, project: &str, question: Question) -> Result<Question, CohortError> {
        self.cohorts.ready(&self.insights, project, question).await
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
        self.sees_all(member, whence, &project, Permission::InsightsRead).await?;
        Ok(project)
    }

    /// Refuses a member who may not read the rows of a project, or a part of them alone.
    pub(crate) async fn admit_to_rows(&self, member: &Member, whence: &Whence, project: &str) -> Result<(), Problem> {
        match member.caller.subject.who {
            Who::Operator => Ok(()),
            _ => self.sees_all(member, whence, project, Permission::SqlRun).await,
        }
    }

    async fn sees_all(
        &self,
        member: &Member,
        whence: &Whence,
        project: &str,
        permission: Permission,
    ) -> Result<(), Problem> {
        let organisation = self.access.organisation_of(project).ok_or_else(|| Problem::new(&NO_PROJECT))?;
        let scope = Scope::Project { organisation: &organisation, project };
        let seen = self.access.authorise(&member.caller, permission, scope, &whence.0);
        let seen = seen.await.map_err(problem)?;
        // Answers are made of all rows: who sees a part of them would learn of the others.
        if seen.rows != RowFilter::Everything || !seen.masks.is_empty() {
            return Err(Problem::new(&RESTRICTED).detail(
                "Your role sees a part of the activity; insights are made of all of it. SQL shows your part.",
            ));
        }
        Ok(())
    }
}

/// A question that may be asked.
#[derive(Clone)]
pub(crate) struct Asking {
    insights: Arc<Insights>,
    pub project: Arc<str>,
    pub question: Question,
    limits: AskLimits,
}

impl Asking {
    pub async fn answer(&self) -> Result<Arc<Answered>, Problem> {
        let answered = self.insights.ask(&self.project, &self.question, self.limits).await;
        answered.map_err(|error| refusal(error, &self.question))
    }

    /// As [`Asking::answer`], for somebody who looks at [`Asking::partly`] meanwhile.
    pub async fn answer_listening(&self) -> Result<Arc<Answered>, Problem> {
        let answered = self.insights.ask_listening(&self.project, &self.question, self.limits).await;
        answered.map_err(|error| refusal(error, &self.question))
    }

    /// The answer for the part of the people who were asked about so far.
    pub fn partly(&self) -> Option<Arc<Partly>> {
        self.insights.partly(&self.project, &self.question)
    }

    /// How far the answer is that somebody waits for.
    pub fn progress(&self) -> Progress {
        self.insights.progress(&self.project, &self.question)
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
    pub time_limit: Option<Duration>,
    pub age: Option<Duration>,
}
