//! Arbitrary imported text.
#![no_main]

use footfall_ingest_server::BodyKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| footfall_fuzz::body(BodyKind::Import, data));
