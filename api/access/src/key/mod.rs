//! Keys of programs: write, read and client keys, personal and service tokens. Shown once, kept as hashes, revocable.

mod format;
mod import;
mod manage;
mod ring;

pub use format::KeyKind;
pub use manage::{Key, NewKey};
pub use ring::KeyRing;
