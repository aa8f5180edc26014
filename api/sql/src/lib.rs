//! Questions in SQL, for every door: whose secret it is, which project they mean, what they see of it, and the rows.
//!
//! [`Desk`] is what the doors beside HTTP stand before: the same keys, the one policy, the same limits as `POST /v1/sql`.

mod audit;
mod desk;
mod policy;
mod refusal;
mod rows;
mod seat;

pub use audit::{AUDIT_TEXTS, AuditTable};
pub use desk::{Desk, DeskSettings, Functions};
pub use policy::policy_of;
pub use refusal::Refusal;
pub use rows::{Cancel, Rows};
pub use seat::{Ask, Seat};
