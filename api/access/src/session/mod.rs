//! Sessions and their tokens: short-lived signed access tokens, refresh tokens that are good once.

mod authenticate;
mod begin;
mod jwt;
mod list;
mod signing_keys;
mod verified;

pub use authenticate::Caller;
pub use begin::{REFRESH_PREFIX, Tokens};
pub use jwt::{Claims, TokenFault};
pub use list::Session;
pub(crate) use signing_keys::SigningKeys;
pub(crate) use verified::VerifiedTokens;
