//! Webhooks: where an organisation wants its alerts sent. Signed as Standard Webhooks has it, queued in the database, and never
//! sent to where only this machine could reach.

mod address;
mod manage;
mod queue;
mod send;
mod signature;

pub use manage::{Delivery, NewWebhook, Webhook};
pub use signature::sign_webhook;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WebhookSettings {
    /// Also plain HTTP, and addresses of this machine and of private networks: for receivers that stand beside it. Whoever
    /// may make a webhook can then reach them through this program.
    pub private_addresses: bool,
}
