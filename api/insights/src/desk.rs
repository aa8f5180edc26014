//! What the handlers work with, and who may ask.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{Access, Permission, RowFilter, Scope};
use footfall_api_app::{Member, Whence, problem};
use footfall_api_http::Problem;
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights_feed::{Answered, AskLimits, Insights};

use crate::problem::{NO_PROJECT, RESTRICTED, refusal};

/// The service, and who may see what. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    access: Access,
    insights: Arc<Insights>,
    limits: AskLimits,
}

impl Desk {
    /// Questions take as long as [`AskLimits`] say by default, or less.
    pub fn new(access: Access, insights: Arc<Insights>) -> Desk {
        Desk { access, insights, limits: AskLimits::default() }
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: AskLimits) -> Desk {
        self.limits = limits;
        self
    }

    /// Asks for a member.
    pub(crate) async fn ask(
        &self,
        member: &Member,
        whence: &Whence,
        project: &str,
        question: &Question,
        asked: Asked,
    ) -> Result<Arc<Answered>, Problem> {
        let organisation = self.access.organisation_of(project).ok_or_else(|| Problem::new(&NO_PROJECT))?;
        let scope = Scope::Project { organisation: &organisation, project };
        let seen = self.access.authorise(&member.caller, Permission::InsightsRead, scope, &whence.0);
        let seen = seen.await.map_err(problem)?;
        // Answers are made of all rows: who sees a part of them would learn of the others.
        if seen.rows != RowFilter::Everything || !seen.masks.is_empty() {
            return Err(Problem::new(&RESTRICTED).detail(
                "Your role sees a part of the activity; insights are made of all of it. SQL shows your part.",
            ));
        }
        let limits = AskLimits {
            time: asked.time_limit_ms.map_or(self.limits.time, |ms| Duration::from_millis(ms).min(self.limits.time)),
            age: asked.age_ms.map_or(self.limits.age, Duration::from_millis),
        };
        self.insights.ask(project, question, limits).await.map_err(|error| refusal(error, question))
    }
}

/// Limits that a request sets for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub time_limit_ms: Option<u64>,
    pub age_ms: Option<u64>,
}
