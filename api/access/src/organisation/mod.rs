//! Organisation → project → member, and custom roles. Each change checks its caller itself, so that no route can forget to.

mod grants;
mod home;
mod invitations;
mod members;
mod organisations;
mod roles;
mod sessions;

pub(crate) use grants::AccountCache;
pub use invitations::OpenInvitation;
pub use members::{Member, Place};
pub(crate) use organisations::check_project_id;
pub use organisations::{Organisation, Project};
pub use roles::Role;
