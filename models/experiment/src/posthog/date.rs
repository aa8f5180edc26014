//! Dates of conditions: written out, or relative to the moment of the question.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A number of a relative date has to be below this.
const RELATIVE_END: u32 = 10_000;

/// Reads an ISO date, with a time and an offset or without; without an offset it is UTC, a year alone is this day in it.
pub(super) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let today = now.to_zoned(TimeZone::UTC).date();
        let day = Date::new(text.parse().ok()?, today.month(), today.day()).ok()?;
        return at_utc(day.to_datetime(jiff::civil::Time::midnight()));
    }
    let without_zone = text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" utc"));
    let joined = without_zone.map_or_else(|| text.replace(" +", "+").replace(" -", "-"), |text| format!("{text}Z"));
    joined.parse().ok().or_else(|| joined.parse::<DateTime>().ok().and_then(at_utc))
}

fn at_utc(time: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(time).ok()
}

/// Reads `-7d`, `3w`, `12h`, `1m`, `2y`: so long before now.
pub(super) fn relative(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let unit = text.chars().last()?;
    let number: u32 =
        text.strip_suffix(unit)?.parse().ok().filter(|_| text.starts_with(|c: char| c.is_ascii_digit()))?;
    if number >= RELATIVE_END {
        return None;
    }
    let hours = |hours: i64| now.checked_sub(SignedDuration::from_hours(hours * i64::from(number))).ok();
    match unit {
        'h' => hours(1),
        'd' => hours(24),
        'w' => hours(24 * 7),
        'm' => months_before(now, number),
        'y' => years_before(now, number),
        _ => None,
    }
}

/// Month by month, so that the 31st of March less two months is the 28th of January.
fn months_before(now: Timestamp, months: u32) -> Option<Timestamp> {
    let time = now.to_zoned(TimeZone::UTC).datetime();
    let current = i32::from(time.year()) * 12 + i32::from(time.month()) - 1;
    let target = current - i32::try_from(months).ok()?;
    let month_of =
        |index: i32| Date::new((index.div_euclid(12)).try_into().ok()?, (index.rem_euclid(12) + 1) as i8, 1).ok();
    let mut day = time.day();
    for index in (target..current).rev() {
        if day <= 28 {
            break;
        }
        day = day.min(month_of(index)?.days_in_month());
    }
    let date = month_of(target).filter(|date| date.year() >= 1)?;
    at_utc(date.with().day(day).build().ok()?.to_datetime(time.time()))
}

fn years_before(now: Timestamp, years: u32) -> Option<Timestamp> {
    let time = now.to_zoned(TimeZone::UTC).datetime();
    let year = i32::from(time.year()) - i32::try_from(years).ok()?;
    let day = if years > 0 && (time.month(), time.day()) == (2, 29) { 28 } else { time.day() };
    let date = Date::new(year.try_into().ok().filter(|year| *year >= 1i16)?, time.month(), day).ok()?;
    at_utc(date.to_datetime(time.time()))
}
