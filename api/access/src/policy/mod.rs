//! Roles and policy: named permissions, roles as sets of them, and the one function that decides.

mod decide;
mod permission;
mod role;
mod rows;

pub use decide::{Decision, Denial, Grant, RECENT_MILLIS, Scope, SessionFacts, Subject, View, Who, decide};
pub use permission::{Permission, PermissionSet, UnknownPermission};
pub use role::{BuiltInRole, RoleContent};
pub use rows::{Masks, ROW_COLUMNS, RowFilter, RowFilterError, RowValue};
