//! A door for clients of Arrow Flight SQL: statements, prepared statements, catalogue, over the one engine and under the
//! one policy.
//!
//! The bearer token is a key that reads. What is asked is answered as `POST /v1/sql` answers it, in Arrow's own form;
//! `docs/sql-doors.md` tells the door from the outside.

mod answers;
mod catalogue;
mod connection;
mod credentials;
mod door;
mod info;
mod keys;
mod parameters;
mod prepared;
mod running;
mod service;
mod status;

pub use door::{FlightDoor, FlightSettings};
