//! Times, dates and intervals in PostgreSQL's spelling.

use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Offset, TimeZone, Timelike};

use crate::zone::Clock;

/// 2000-01-01, from which PostgreSQL counts, in seconds and days since 1970-01-01.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800 * 1_000_000;
pub(crate) const EPOCH_DAYS: i32 = 10_957;

/// `2026-01-02 03:04:05.678`, with `+00` or another offset behind it where there is a zone.
pub(crate) fn write_timestamp(micros: i64, clock: Clock, out: &mut Vec<u8>) {
    let Some(moment) = DateTime::from_timestamp_micros(micros) else {
        return out.extend_from_slice(if micros < 0 { b"-infinity" } else { b"infinity" });
    };
    let moment = moment.naive_utc();
    let offset = match clock {
        Clock::Bare => None,
        Clock::Utc => Some(0),
        Clock::Of(zone) => Some(zone.offset_from_utc_datetime(&moment).fix().local_minus_utc()),
    };
    let shift = chrono::TimeDelta::seconds(offset.unwrap_or(0).into());
    let moment = moment.checked_add_signed(shift).unwrap_or(moment);
    let is_before_christ = write_day(moment.date(), out);
    out.push(b' ');
    write_clock(moment.time(), out);
    if let Some(offset) = offset {
        write_offset(offset, out);
    }
    if is_before_christ {
        out.extend_from_slice(b" BC");
    }
}

/// `+02`, `-03:30`.
fn write_offset(seconds: i32, out: &mut Vec<u8>) {
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    drop(write!(out, "{sign}{:02}", seconds / 3600));
    match (seconds / 60 % 60, seconds % 60) {
        (0, 0) => {}
        (minutes, 0) => drop(write!(out, ":{minutes:02}")),
        (minutes, seconds) => drop(write!(out, ":{minutes:02}:{seconds:02}")),
    }
}

/// `2026-01-02`.
pub(crate) fn write_date(days: i32, out: &mut Vec<u8>) {
    match NaiveDate::from_epoch_days(days) {
        Some(day) if write_day(day, out) => out.extend_from_slice(b" BC"),
        Some(_) => {}
        None => out.extend_from_slice(if days < 0 { b"-infinity" } else { b"infinity" }),
    }
}

/// `03:04:05.678` of microseconds since midnight.
pub(crate) fn write_time(micros: i64, out: &mut Vec<u8>) {
    let (seconds, nanos) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) * 1000);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds.rem_euclid(86_400) as u32, nanos as u32);
    write_clock(time.unwrap_or_default(), out);
}

// Writing to memory does not fail.
fn write_day(day: NaiveDate, out: &mut Vec<u8>) -> bool {
    let is_before_christ = day.year() < 1;
    let year = if is_before_christ { 1 - day.year() } else { day.year() };
    drop(write!(out, "{year:04}-{:02}-{:02}", day.month(), day.day()));
    is_before_christ
}

fn write_clock(time: NaiveTime, out: &mut Vec<u8>) {
    drop(write!(out, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()));
    write_fraction(i64::from(time.nanosecond() / 1000), out);
}

fn write_fraction(micros: i64, out: &mut Vec<u8>) {
    if micros > 0 {
        let digits = format!("{micros:06}");
        out.push(b'.');
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

/// `1 mons 2 days 03:04:05`.
pub(crate) fn write_interval(months: i32, days: i32, micros: i64, out: &mut Vec<u8>) {
    let from = out.len();
    for (count, unit) in [(months, "mons"), (days, "days")] {
        if count != 0 {
            drop(write!(out, "{count} {unit} "));
        }
    }
    if micros != 0 || out.len() == from {
        let (sign, span) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let seconds = span / 1_000_000;
        drop(write!(out, "{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        write_fraction((span % 1_000_000) as i64, out);
    } else {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::zone::Zone;

    fn written(zone: &str, micros: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(micros, Zone::of(zone).unwrap_or_else(|fault| panic!("{fault:?}")).clock, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn moments_are_written_by_the_clock_of_their_zone() {
        let (winter, summer) = (1_711_839_600_250_000, 1_711_848_600_000_000);
        assert_eq!(written("UTC", winter), "2024-03-30 23:00:00.25+00");
        assert_eq!(written("'Europe/Vienna'", winter), "2024-03-31 00:00:00.25+01");
        assert_eq!(written("'Europe/Vienna'", summer), "2024-03-31 03:30:00+02");
        assert_eq!(written("-3.5", summer), "2024-03-30 22:00:00-03:30");
        assert_eq!(written("'Asia/Kathmandu'", summer), "2024-03-31 07:15:00+05:45");
        // Before the zone had one time, it was the sun's.
        assert_eq!(written("'Europe/Vienna'", -3_000_000_000_000_000), "1874-12-07 19:45:21+01:05:21");
        let mut bare = Vec::new();
        write_timestamp(winter, Clock::Bare, &mut bare);
        assert_eq!(String::from_utf8(bare).unwrap(), "2024-03-30 23:00:00.25");
    }
}
