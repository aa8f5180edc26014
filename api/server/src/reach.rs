//! Which project somebody asks about, and what they see of it.

use std::sync::Arc;

use footfall_api_access::{Permission, Scope, Who, decide};
use footfall_api_app::{Member, Whence, problem};
use footfall_api_http::{Kind, Problem};
use footfall_api_sql::policy_of;
use footfall_pipelines_store::query::Policy;
use http::StatusCode;

use crate::Data;

pub(crate) static PROJECT_MISSING: Kind =
    Kind::new(StatusCode::BAD_REQUEST, "project_missing", "The request does not say which project it is about.");

/// A project, and what one caller sees of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    pub project: Arc<str>,
    pub policy: Policy,
    /// Whose audit they may read, if any.
    pub audit: Option<AuditOf>,
    /// Whether they may ask for insights too.
    pub reads_insights: bool,
}

/// The audit of one organisation, or of all.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditOf(pub Option<Arc<str>>);

impl Data {
    /// Asks the policy whether `member` may use `permission` on the project: the named one, else the only one of their key.
    pub async fn reach(
        &self,
        member: &Member,
        permission: Permission,
        named: Option<&str>,
        whence: &Whence,
    ) -> Result<Reach, Problem> {
        let project = match named {
            Some(named) => Arc::from(named),
            None => self.only_project(member)?,
        };
        if matches!(member.caller.subject.who, Who::Operator) {
            return Ok(Reach { project, policy: Policy::default(), audit: Some(AuditOf(None)), reads_insights: true });
        }
        let organisation = self.access.organisation_of(&project);
        // Nobody is a member of what is not there.
        let organisation = organisation.unwrap_or_default();
        let scope = Scope::Project { organisation: &organisation, project: &project };
        let view = self.access.authorise(&member.caller, permission, scope, &whence.0).await.map_err(problem)?;
        let reads_audit = decide(&member.caller.subject, Permission::AuditRead, Scope::Organisation(&organisation));
        let audit = reads_audit.is_allowed().then(|| AuditOf(Some(organisation.clone())));
        let reads_insights = decide(&member.caller.subject, Permission::InsightsRead, scope).is_allowed();
        Ok(Reach { project, policy: policy_of(&view), audit, reads_insights })
    }

    fn only_project(&self, member: &Member) -> Result<Arc<str>, Problem> {
        if matches!(member.caller.subject.who, Who::Operator) {
            return Ok(self.project.clone());
        }
        let mut projects = member.caller.subject.grants.iter().map(|grant| grant.project.clone());
        match (projects.next(), projects.next()) {
            (Some(Some(only)), None) => Ok(only),
            _ => Err(Problem::new(&PROJECT_MISSING)
                .detail("A read key stands for its project. Others name it in the path: /v1/projects/{project}/….")),
        }
    }
}
