//! The doors: the wire dialects that activity comes in by, and the way from a request's bytes to the log.
//!
//! [`router`] is what the program serves; [`settings_router`] is one door of it, for processes that have no others. Under them everything
//! that reads is pure and knows nothing of HTTP: [`parse_item`] reads one item of a [`Dialect`], [`parse_quarantined`] one that was kept
//! aside (for replay), [`parse_body`] a whole body.
//! What becomes of odd input stands in docs/ingest-fates.md.

mod answer;
mod body;
mod columns;
mod cors;
mod decode;
mod dialect;
mod doors;
mod envelope;
mod environment;
mod fault;
mod field;
mod gate;
mod head;
mod import;
mod in_flight;
mod intake;
mod json;
mod keys;
mod native;
mod native_item;
mod plans;
mod posthog_item;
mod posthog_v0;
mod posthog_v1;
mod routes;
mod rudder;
mod segment;
mod segment_item;
mod starting;
mod wire;

pub use body::{BodyKind, parse_body, parse_import};
pub use decode::{DecodeError, Encoding, decode};
pub use dialect::{Dialect, Scratch, parse_item, parse_quarantined, parse_record};
pub use doors::{Doors, DoorsConfig};
pub use envelope::BodyFault;
pub use gate::Backlog;
pub use intake::{Fate, Outcome, ParsedRequest, Setting};
pub use keys::{Caller, WriteKeys};
pub use plans::{Plans, Violated};
pub use routes::{router, settings_router};
