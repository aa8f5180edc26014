//! A moment in milliseconds UTC, and how the wire's many spellings become one.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text is no moment in time that we know how to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 time: {0:?}")]
pub struct TimestampError(pub String);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`; saturates.
    pub const fn millis_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self` moved by `millis`; saturates.
    pub const fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(millis))
    }

    /// Reads ISO 8601 / RFC 3339 (`T` or blank; offset, `Z` or `UTC`, also behind a blank; without an offset it is UTC; a
    /// bare date is its midnight), or a number since the epoch: nine to eleven digits are seconds, twelve to fourteen
    /// milliseconds, up to seventeen microseconds, up to nineteen nanoseconds; a fraction is allowed.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        if let Some(fast) = parse_plain(text.as_bytes()) {
            return Ok(fast);
        }
        let text = text.trim();
        if let Some(number) = parse_number(text) {
            return Ok(number);
        }
        let fail = || TimestampError(text.chars().take(64).collect());
        let joined = with_offset_joined(text);
        let text = joined.as_deref().unwrap_or(text);
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(Timestamp(instant.as_millisecond()));
        }
        let civil = text.parse::<jiff::civil::DateTime>().map_err(|_| fail())?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| fail())?;
        Ok(Timestamp(zoned.timestamp().as_millisecond()))
    }

    /// RFC 3339 in UTC with milliseconds, as `2026-11-23T09:24:39.000Z`.
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => format!("{instant:.3}"),
            Err(_) => self.0.to_string(),
        }
    }
}

/// Databases and some languages set the offset apart: `2026-11-23 12:00:00 UTC`, `2026-11-23 12:00:00 +0200`.
fn with_offset_joined(text: &str) -> Option<String> {
    match text.rsplit_once(' ')? {
        (time, "UTC" | "GMT" | "Z") => Some(format!("{time}Z")),
        (time, offset) if offset.starts_with(['+', '-']) => Some(format!("{time}{offset}")),
        _ => None,
    }
}

/// A count since 1970 whose unit shows in its length.
fn parse_number(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = whole.parse().ok()?;
    match whole.len() {
        9..=11 => {
            let thousandths = format!("{fraction:0<3}");
            Some(Timestamp(count * 1000 + thousandths.get(..3)?.parse::<i64>().ok()?))
        }
        12..=14 => Some(Timestamp(count)),
        15..=17 => Some(Timestamp(count / 1000)),
        18..=19 => Some(Timestamp(count / 1_000_000)),
        _ => None,
    }
}

/// `YYYY-MM-DDTHH:MM:SS[.fff…]` with `Z` or `+00:00`, which is what nearly every client sends, without a general parser.
fn parse_plain(text: &[u8]) -> Option<Timestamp> {
    let text = text.strip_suffix(b"Z").or_else(|| text.strip_suffix(b"+00:00"))?;
    let digits = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to)?
            .iter()
            .try_fold(0i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    };
    let separators = text.len() >= 19
        && text[4] == b'-'
        && text[7] == b'-'
        && text[10] == b'T'
        && text[13] == b':'
        && text[16] == b':';
    if !separators {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let fraction = &text[19..];
    let millis = match fraction {
        [] => 0,
        [b'.', rest @ ..] if !rest.is_empty() && rest.len() <= 9 && rest.iter().all(u8::is_ascii_digit) => {
            (0..3).fold(0, |value, place| value * 10 + rest.get(place).map_or(0, |digit| i64::from(digit - b'0')))
        }
        _ => return None,
    };
    if !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None; // leap seconds, and what is no time, go the careful way
    }
    Some(Timestamp((((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
