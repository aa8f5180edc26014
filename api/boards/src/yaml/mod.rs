//! YAML 1.2 as far as JSON goes: maps with text keys, lists, and the scalars of the core schema. Anchors, aliases, tags and a
//! second document are refused: what is read is what stands there, and nothing grows.

mod read;
mod write;

pub use read::{Read, read};
pub use write::write;
