//! Passwords: which are taken, and how they are kept.

mod hash;
mod rules;

pub use hash::{PasswordCost, Passwords};
pub use rules::{PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, check_password};
