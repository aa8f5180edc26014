//! What somebody may do with what a request names, beyond the one permission of its route.

use axum::extract::{FromRequestParts, RawPathParams};
use footfall_api_access::{Decision, Permission, RowFilter, Scope, Who, decide};
use footfall_api_app::{Member, Whence, problem};
use footfall_api_http::{Describe, Operation, Problem};
use http::request::Parts;

use crate::error::{ExperimentError, RESULTS_RESTRICTED, problem as refusal};
use crate::experiments::Experiments;

/// Somebody who sees all activity of the project in the path: results are made of all of it, and would tell others of what they do not see.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeesEverything;

impl FromRequestParts<Experiments> for SeesEverything {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, experiments: &Experiments) -> Result<SeesEverything, Problem> {
        let restricted = || {
            Problem::new(&RESULTS_RESTRICTED)
                .detail("Your role sees a part of the activity; results are made of all of it. SQL shows your part.")
        };
        let places = RawPathParams::from_request_parts(parts, experiments).await.map_err(Problem::internal)?;
        let project = places.iter().find(|(name, _)| *name == "project").map(|(_, text)| text.to_owned());
        let (Some(project), Some(member)) = (project, parts.extensions.get::<Member>()) else {
            return Err(restricted());
        };
        if matches!(member.caller.subject.who, Who::Operator) {
            return Ok(SeesEverything);
        }
        let organisation = experiments.access().organisation_of(&project).unwrap_or_default();
        let scope = Scope::Project { organisation: &organisation, project: &project };
        match decide(&member.caller.subject, Permission::ExperimentsRead, scope) {
            Decision::Allow(view) if view.rows == RowFilter::Everything && view.masks.is_empty() => Ok(SeesEverything),
            _ => Err(restricted()),
        }
    }
}

impl Describe for SeesEverything {
    fn describe(operation: &mut Operation<'_>) {
        operation.raises(&RESULTS_RESTRICTED);
    }
}

/// Refuses who lacks a permission that what they name needs, with a record of it.
pub(super) async fn check(
    experiments: &Experiments,
    (member, whence): (&Member, &Whence),
    permission: Permission,
    project: &str,
) -> Result<(), Problem> {
    if matches!(member.caller.subject.who, Who::Operator) {
        return Ok(());
    }
    let organisation = experiments.access().organisation_of(project);
    let organisation = organisation.ok_or_else(|| refusal(ExperimentError::NotFound("project")))?;
    let scope = Scope::Project { organisation: &organisation, project };
    experiments.access().authorise(&member.caller, permission, scope, &whence.0).await.map(drop).map_err(problem)
}
