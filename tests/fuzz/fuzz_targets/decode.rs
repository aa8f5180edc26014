//! Arbitrary compressed bodies: never more than the cap comes out.
#![no_main]

use footfall_ingest_server::{Encoding, decode};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd, Encoding::of(data, Encoding::Identity)] {
        if let Ok(Some(decoded)) = decode(data, encoding, BYTES_MAX, &mut |_| true) {
            assert!(decoded.len() <= BYTES_MAX);
        }
    }
});
