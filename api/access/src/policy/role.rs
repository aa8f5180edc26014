//! Roles: the six that every organisation has, and what a custom one is made of.

use serde::{Deserialize, Serialize};

use super::Permission as P;
use super::{Masks, PermissionSet, RowFilter};

/// The roles that are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuiltInRole {
    /// Everything, the organisation's end included.
    Owner,
    /// Everything but the end of the organisation and of its projects.
    Admin,
    /// Asks questions, builds dashboards, exports.
    Analyst,
    /// An analyst who runs experiments and flags, and does not export.
    Experimenter,
    /// Builds the app: keys, flags, quarantine, content.
    Developer,
    /// Looks.
    Viewer,
}

const VIEWER: PermissionSet = PermissionSet::of(&[
    P::OrganisationRead,
    P::ProjectsRead,
    P::InsightsRead,
    P::DashboardsRead,
    P::ExperimentsRead,
    P::FlagsRead,
    P::ModelsRead,
    P::ContentRead,
]);
const ASKER: PermissionSet = VIEWER.union(PermissionSet::of(&[
    P::MembersRead,
    P::ActivityRead,
    P::PersonsRead,
    P::QuarantineRead,
    P::SqlRun,
    P::DashboardsWrite,
    P::JobsRead,
]));
const ANALYST: PermissionSet = ASKER.union(PermissionSet::of(&[P::ActivityExport, P::ModelsTrain]));
const EXPERIMENTER: PermissionSet =
    ASKER.union(PermissionSet::of(&[P::ExperimentsWrite, P::FlagsWrite, P::FlagsEvaluate]));
const DEVELOPER: PermissionSet = ASKER.union(PermissionSet::of(&[
    P::KeysRead,
    P::KeysWrite,
    P::ActivitySend,
    P::FlagsWrite,
    P::FlagsEvaluate,
    P::ContentWrite,
    P::JobsWrite,
    P::PersonsWrite,
]));
const ADMIN: PermissionSet = ANALYST.union(EXPERIMENTER).union(DEVELOPER).union(PermissionSet::of(&[
    P::OrganisationWrite,
    P::MembersWrite,
    P::RolesWrite,
    P::ProjectsWrite,
    P::AuditRead,
    P::AuditExport,
    P::AlertsRead,
    P::AlertsWrite,
    P::ActivityDelete,
    P::PersonsErase,
]));
const OWNER: PermissionSet = ADMIN.union(PermissionSet::of(&[P::OrganisationDelete, P::ProjectsDelete]));

impl BuiltInRole {
    pub const ALL: &[BuiltInRole] = &[
        BuiltInRole::Owner,
        BuiltInRole::Admin,
        BuiltInRole::Analyst,
        BuiltInRole::Experimenter,
        BuiltInRole::Developer,
        BuiltInRole::Viewer,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            BuiltInRole::Owner => "owner",
            BuiltInRole::Admin => "admin",
            BuiltInRole::Analyst => "analyst",
            BuiltInRole::Experimenter => "experimenter",
            BuiltInRole::Developer => "developer",
            BuiltInRole::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<BuiltInRole> {
        BuiltInRole::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// What it permits.
    pub const fn permissions(self) -> PermissionSet {
        match self {
            BuiltInRole::Owner => OWNER,
            BuiltInRole::Admin => ADMIN,
            BuiltInRole::Analyst => ANALYST,
            BuiltInRole::Experimenter => EXPERIMENTER,
            BuiltInRole::Developer => DEVELOPER,
            BuiltInRole::Viewer => VIEWER,
        }
    }
}

/// What a role comes to, built in or custom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleContent {
    pub permissions: PermissionSet,
    /// The rows of `activity` that it sees.
    pub rows: RowFilter,
    /// What it sees as missing.
    pub masks: Masks,
}

impl From<BuiltInRole> for RoleContent {
    fn from(role: BuiltInRole) -> Self {
        RoleContent { permissions: role.permissions(), rows: RowFilter::Everything, masks: Masks::default() }
    }
}

impl RoleContent {
    /// True when a person who holds `own` may give this role away: nobody gives what they do not have, be it a
    /// permission, a row or an unmasked property (no escalation by inviting oneself anew).
    pub fn may_be_given_by(&self, own: &RoleContent) -> bool {
        own.permissions.covers(self.permissions)
            && (own.rows == RowFilter::Everything || own.rows == self.rows)
            && self.masks.covers(&own.masks)
    }
}
