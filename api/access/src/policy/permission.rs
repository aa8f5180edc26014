//! Named permissions and sets of them. The names are stable: they stand in custom roles, tokens and the API document.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! permissions {
    ($($(#[$about:meta])* $variant:ident = $name:literal $(, $dangerous:ident)?;)+) => {
        /// What may be done. Each route, table and stream names one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission { $($(#[$about])* $variant),+ }

        impl Permission {
            /// All permissions.
            pub const ALL: &[Permission] = &[$(Permission::$variant),+];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Permission::$variant => $name),+ }
            }

            /// True for acts that are hard to undo or widen somebody's reach: they need a recent second factor
            /// (OWASP ASVS 5, V7.5.3; NIST SP 800-63B-4, 5.2).
            pub const fn is_dangerous(self) -> bool {
                match self { $(Permission::$variant => permissions!(@ $($dangerous)?)),+ }
            }
        }
    };
    (@ dangerous) => { true };
    (@) => { false };
}

permissions! {
    /// One's own account: profile, sessions, factors, personal tokens. No role gives it; every account has it over itself.
    AccountManage = "account.manage";
    /// The whole installation: the operator's.
    InstallationManage = "installation.manage";
    OrganisationRead = "organisation.read";
    OrganisationWrite = "organisation.write";
    OrganisationDelete = "organisation.delete", dangerous;
    MembersRead = "members.read";
    MembersWrite = "members.write", dangerous;
    RolesWrite = "roles.write", dangerous;
    ProjectsRead = "projects.read";
    ProjectsWrite = "projects.write";
    ProjectsDelete = "projects.delete", dangerous;
    KeysRead = "keys.read";
    KeysWrite = "keys.write", dangerous;
    AuditRead = "audit.read";
    AuditExport = "audit.export", dangerous;
    AlertsRead = "alerts.read";
    AlertsWrite = "alerts.write";
    ActivitySend = "activity.send";
    ActivityRead = "activity.read";
    ActivityExport = "activity.export", dangerous;
    ActivityDelete = "activity.delete", dangerous;
    QuarantineRead = "quarantine.read";
    PersonsRead = "persons.read";
    PersonsWrite = "persons.write";
    PersonsErase = "persons.erase", dangerous;
    SqlRun = "sql.run";
    InsightsRead = "insights.read";
    DashboardsRead = "dashboards.read";
    DashboardsWrite = "dashboards.write";
    ExperimentsRead = "experiments.read";
    ExperimentsWrite = "experiments.write";
    FlagsRead = "flags.read";
    FlagsWrite = "flags.write";
    FlagsEvaluate = "flags.evaluate";
    ModelsRead = "models.read";
    ModelsTrain = "models.train";
    ContentRead = "content.read";
    ContentWrite = "content.write";
    JobsRead = "jobs.read";
    JobsWrite = "jobs.write";
}

const _: () = assert!(Permission::ALL.len() <= 64, "PermissionSet has 64 bits");

/// There is no permission of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no permission {0:?}")]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Permission::ALL.iter().copied().find(|permission| permission.name() == name);
        found.ok_or_else(|| UnknownPermission(name.chars().take(64).collect()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of permissions. As JSON it is the list of their names.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    pub const NONE: PermissionSet = PermissionSet(0);

    /// The set of these.
    pub const fn of(permissions: &[Permission]) -> PermissionSet {
        let (mut bits, mut at) = (0, 0);
        while at < permissions.len() {
            bits |= 1 << permissions[at] as u8;
            at += 1;
        }
        PermissionSet(bits)
    }

    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u8 != 0
    }

    /// True when all of `other` are in it.
    pub const fn covers(self, other: PermissionSet) -> bool {
        other.0 & !self.0 == 0
    }

    pub const fn union(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 | other.0)
    }

    pub const fn intersection(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 & other.0)
    }

    pub const fn without(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// Those that need a recent second factor.
    pub fn dangerous() -> PermissionSet {
        Permission::ALL.iter().copied().filter(|permission| permission.is_dangerous()).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(PermissionSet::NONE, |set, one| set.union(PermissionSet::of(&[one])))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::name)).finish()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Permission::name))
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse::<Permission>().map_err(serde::de::Error::custom)).collect()
    }
}
