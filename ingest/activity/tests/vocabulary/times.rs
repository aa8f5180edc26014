//! Every spelling of a time, against jiff.

use footfall_ingest_activity::Timestamp;
use proptest::prelude::*;

fn millis(text: &str) -> i64 {
    Timestamp::parse(text).unwrap_or_else(|error| panic!("{error}")).millis()
}

#[test]
fn spellings_of_one_moment() {
    let moment = 1_795_435_200_123;
    for text in [
        "2026-11-23T12:00:00.123Z",
        "2026-11-23T12:00:00.123456Z",
        "2026-11-23T12:00:00.123456789+00:00",
        "2026-11-23T14:00:00.123+02:00",
        "2026-11-23 12:00:00.123",
        "2026-11-23 12:00:00.123Z",
        "  2026-11-23T12:00:00.123Z ",
        "2026-11-23T07:00:00.123-0500",
        "2026-11-23 12:00:00.123 UTC",
        "2026-11-23 12:00:00.123456 Z",
        "2026-11-23 14:00:00.123 +0200",
        "2026-11-23T14:00:00.123 +02:00",
        "1795435200123",
        "1795435200.123",
        "1795435200123456",
        "1795435200123456789",
    ] {
        assert_eq!(millis(text), moment, "{text}");
    }
    assert_eq!(millis("2026-11-23"), 1_795_392_000_000);
    assert_eq!(millis("1795435200"), 1_795_435_200_000);
    assert_eq!(millis("2016-12-31T23:59:60Z"), millis("2016-12-31T23:59:59Z"));
    assert_eq!(millis("9999-12-31T23:59:59Z"), 253_402_300_799_000);
    assert_eq!(millis("0001-01-01T00:00:00Z"), -62_135_596_800_000);
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "12",
        "1e12",
        "é",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:00:00.Z",
        "99999999999999999999",
    ] {
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn agrees_with_jiff(moment in -62_135_596_800_000i64..253_000_000_000_000, digits in 0usize..=9) {
        let instant = jiff::Timestamp::from_millisecond(moment).unwrap();
        let text = format!("{instant:.digits$}");
        let expected = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        prop_assert_eq!(millis(&text), expected);
        prop_assert_eq!(millis(&text.replace('Z', "+00:00")), expected);
        prop_assert_eq!(millis(&Timestamp::from_millis(moment).to_rfc3339()), moment);
    }

    #[test]
    fn never_panics(text in ".{0,40}", digits in "[0-9T:.+Z -]{0,40}") {
        let _ = (Timestamp::parse(&text), Timestamp::parse(&digits));
    }
}
