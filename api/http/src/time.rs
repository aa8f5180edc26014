//! Times on the wire: RFC 3339 in UTC with milliseconds; with any offset when they arrive.

use std::borrow::Cow;

use footfall_ingest_activity::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in requests and answers. Finer than milliseconds is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

impl From<Timestamp> for Time {
    fn from(moment: Timestamp) -> Time {
        Time(moment)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Timestamp {
        time.0
    }
}

impl Time {
    /// Reads RFC 3339; `None` for everything else, other spellings of ISO 8601 included.
    pub fn parse(text: &str) -> Option<Time> {
        let separators = [(4, b"--"), (7, b"--"), (10, b"Tt"), (13, b"::"), (16, b"::")];
        let bytes = text.as_bytes();
        let is_separated = separators.iter().all(|(at, any)| bytes.get(*at).is_some_and(|byte| any.contains(byte)));
        let is_zoned = match bytes.last()? {
            b'Z' | b'z' => true,
            b'0'..=b'9' => {
                bytes.len() >= 25 && b"+-".contains(&bytes[bytes.len() - 6]) && bytes[bytes.len() - 3] == b':'
            }
            _ => false,
        };
        let moment: jiff::Timestamp = (is_separated && is_zoned).then(|| text.parse().ok())??;
        let below = i64::from(moment.subsec_nanosecond() < 0 && moment.subsec_nanosecond() % 1_000_000 != 0);
        Some(Time(Timestamp::from_millis(moment.as_millisecond() - below)))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_rfc3339())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Time::parse(&text).ok_or_else(|| de::Error::custom("must be a time of RFC 3339, as 2026-11-24T08:00:00.000Z"))
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "examples": ["2026-11-24T08:00:00.000Z"]})
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_of_rfc_3339_become_utc_with_milliseconds() {
        let told = |text: &str| Time::parse(text).map(|time| time.to_string());
        assert_eq!(told("2026-11-24T08:00:00Z").as_deref(), Some("2026-11-24T08:00:00.000Z"));
        assert_eq!(told("2026-11-24t10:00:00.1239+02:00").as_deref(), Some("2026-11-24T08:00:00.123Z"));
        assert_eq!(told("1969-12-31T23:59:59.9996Z").as_deref(), Some("1969-12-31T23:59:59.999Z"));
        let none = [
            "",
            "2026-11-24",
            "1764000000",
            "2026-11-24 08:00:00Z",
            "2026-11-24T08:00:00",
            "2026-13-01T00:00:00Z",
            "2026-11-24T08:00:00+0200",
            "20261124T080000Z",
            "2026-11-24T08:00:00Z[UTC]",
            "２026-11-24T08:00:00Z",
        ];
        none.into_iter().for_each(|text| assert_eq!(told(text), None, "{text}"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in -62_135_596_800_000i64..253_370_764_800_000) {
            let time = Time::from(Timestamp::from_millis(millis));
            prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
    }
}
