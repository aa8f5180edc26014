//! Times on the wire: RFC 3339 in UTC with milliseconds; with any offset when they arrive.

use std::borrow::Cow;

use footfall_ingest_activity::Timestamp;
use jiff::civil::{self, DateTime};
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
    /// Reads RFC 3339; `None` for everything else, other spellings of ISO 8601 included. What leads out of the years that
    /// can be written is taken for their edge.
    pub fn parse(text: &str) -> Option<Time> {
        let (local, offset_minutes) = split_offset(text)?;
        let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
        let separators = [(4, b"--"), (7, b"--"), (10, b"Tt"), (13, b"::"), (16, b"::")];
        let is_separated =
            separators.iter().all(|(at, any)| seconds.as_bytes().get(*at).is_some_and(|byte| any.contains(byte)));
        if !is_separated || seconds.len() != 19 || fraction.is_empty() || !is_digits(fraction) {
            return None;
        }
        let since_epoch = seconds.parse::<DateTime>().ok()?.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
        let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let moment = since_epoch.as_secs() * 1000 + millis - offset_minutes * 60_000;
        Some(Time(Timestamp::from_millis(moment.clamp(FIRST, LAST))))
    }
}

/// The first moment that RFC 3339 can write, and the last that `Timestamp` writes so (9999-12-30T22:00:00.000Z).
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_207_200_000;

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The local time, and by how many minutes it is before UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, (hours, minutes)) = match offset.split_at_checked(1)? {
        ("+", rest) => (1, rest.split_once(':')?),
        ("-", rest) => (-1, rest.split_once(':')?),
        _ => return None,
    };
    let number = |text: &str, most: i64| -> Option<i64> {
        let number = (text.len() == 2 && is_digits(text)).then(|| text.parse().ok())??;
        (number <= most).then_some(number)
    };
    Some((local, sign * (number(hours, 23)? * 60 + number(minutes, 59)?)))
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
        // As many digits as one likes, a leap second, and the edges of what can be written.
        assert_eq!(told("2026-11-24T08:00:00.1234567890123456Z").as_deref(), Some("2026-11-24T08:00:00.123Z"));
        assert_eq!(told("2026-11-24T08:00:00.5-00:30").as_deref(), Some("2026-11-24T08:30:00.500Z"));
        assert_eq!(told("2016-12-31T23:59:60Z").as_deref(), Some("2016-12-31T23:59:59.000Z"));
        assert_eq!(told("9999-12-31T23:59:59.999Z").as_deref(), Some("9999-12-30T22:00:00.000Z"));
        assert_eq!(told("9999-12-31T23:59:59-23:59").as_deref(), Some("9999-12-30T22:00:00.000Z"));
        assert_eq!(told("0000-01-01T00:00:00+00:01").as_deref(), Some("0000-01-01T00:00:00.000Z"));
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
            "2026-11-24T08:00:00.Z",
            "2026-11-24T08:00:00.1a3Z",
            "2026-11-24T08:00:00+24:00",
            "2026-11-24T08:00:00+02:60",
            "2026-11-24T08:00:00+2:000",
            "2026-11-24T08:00Z",
            "2026-11-24T08:00:00+01:00Z",
            "+002026-11-24T08:00:00Z",
            "２026-11-24T08:00:00Z",
        ];
        none.into_iter().for_each(|text| assert_eq!(told(text), None, "{text}"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in FIRST..=LAST) {
            let time = Time::from(Timestamp::from_millis(millis));
            prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
    }
}
