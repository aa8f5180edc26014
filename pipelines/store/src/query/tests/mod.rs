//! Questions against files and fresh rows that are written here by hand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounded;
mod clients;
mod encode;
mod fixture;
mod limits;
mod people;
mod policy;
mod promoted;
mod select;
mod spelled;
mod zones;
