//! E-mail: what is said, the queue in the database, and the ways out.

mod letter;
mod queue;
mod transport;

pub use letter::{Letter, Mail, MailFile};
pub use transport::{MailError, MailRoute};
