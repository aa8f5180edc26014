//! One arbitrary item, read in every dialect.
#![no_main]

use footfall_ingest_activity::{Limits, Source, Timestamp};
use footfall_ingest_server::{Dialect, parse_quarantined, parse_record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &str| {
    for dialect in Dialect::ALL {
        let source = Source::new("p", dialect.as_str(), Timestamp::from_millis(1_795_435_200_000), raw);
        let _ = parse_record(*dialect, raw, &source, &Limits::default(), None);
        let _ = parse_quarantined(*dialect, &source, &Limits::default(), None);
    }
});
