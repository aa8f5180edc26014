//! What a question looks at: a span of time, the zone whose days and weeks count, and which people.

use jiff::{Span, Timestamp, Unit, Zoned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Cohort, zone};
use crate::InsightError;

/// Span, zone and people of a question.
///
/// Rows with `from_ms <= time < until_ms` count; times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub from_ms: i64,
    pub until_ms: i64,
    /// IANA name of the zone in which days, weeks, months and hours are cut.
    #[serde(default = "utc")]
    pub zone: String,
    /// Only these people; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Cohort>,
    /// Only so large a share of these people, above 0 and at most 1: those of whose id XXH3-64 is below this share of
    /// 2^64, so the same people each time. Nothing in the answer is scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: Option<f64>,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Scope {
    /// Everybody, in UTC.
    pub fn utc(from_ms: i64, until_ms: i64) -> Scope {
        Scope { from_ms, until_ms, zone: utc(), people: None, sample: None }
    }

    /// Whether a row at `time_ms` counts.
    pub fn contains(&self, time_ms: i64) -> bool {
        self.from_ms <= time_ms && time_ms < self.until_ms
    }

    /// The span before: as many days of the zone, of 23 or 25 hours too, and as much time beside them. It ends where this one
    /// begins.
    pub(crate) fn before(&self) -> Result<Scope, InsightError> {
        let zone = zone(&self.zone)?;
        let out_of_range = |_: jiff::Error| InsightError::question("scope", "nothing lies before it");
        let begins = || -> Result<i64, jiff::Error> {
            let at = |time_ms: i64| Timestamp::from_millisecond(time_ms).map(|time| time.to_zoned(zone.clone()));
            let (from, until) = (at(self.from_ms)?, at(self.until_ms)?);
            // A day may begin at another hour than midnight: then dates alone tell how many there are.
            let before = match from.start_of_day()? == from && until.start_of_day()? == until {
                true => days_before(&from, days_between(&from, &until)?)?,
                false => from.checked_sub(from.until((Unit::Day, &until))?)?,
            };
            Ok(before.timestamp().as_millisecond())
        };
        Ok(Scope { from_ms: begins().map_err(out_of_range)?, until_ms: self.from_ms, ..self.clone() })
    }
}

const DAY_SECONDS: i32 = 86_400;

/// How many days begin from one beginning of a day to another. A day that a zone left out is none, as 30 December 2011 of Apia.
fn days_between(from: &Zoned, until: &Zoned) -> Result<i64, jiff::Error> {
    let mut seconds = from.offset().seconds();
    let changes = from.time_zone().following(from.timestamp());
    let changes = changes.take_while(|change| change.timestamp() <= until.timestamp());
    let left_out = changes.map(|change| {
        let by = change.offset().seconds() - std::mem::replace(&mut seconds, change.offset().seconds());
        i64::from(by.max(0) / DAY_SECONDS)
    });
    let left_out: i64 = left_out.sum();
    Ok(i64::from(from.date().until(until.date())?.get_days()) - left_out)
}

/// Where so many days begin that end with the beginning of one.
fn days_before(end: &Zoned, days: i64) -> Result<Zoned, jiff::Error> {
    let mut back = days;
    loop {
        let date = end.date().checked_sub(Span::new().try_days(back)?)?;
        let start = date.to_zoned(end.time_zone().clone())?;
        let missing = days - days_between(&start, end)?;
        if missing <= 0 {
            return Ok(start);
        }
        back += missing;
    }
}

/// Whether a person is in a sample of this share.
pub(crate) fn is_sampled(person: &str, share: f64) -> bool {
    // As ClickHouse compares xxh3(person_id) with the same bound.
    xxh3_64(person.as_bytes()) < sample_bound(share)
}

/// Hashes below it are in; a share of 1 leaves out one of 2^64.
pub(crate) fn sample_bound(share: f64) -> u64 {
    (share * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn before(zone: &str, from: &str, until: &str) -> String {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let scope = Scope { zone: zone.to_owned(), ..Scope::utc(at(from), at(until)) };
        let before = scope.before().unwrap();
        assert_eq!(before.until_ms, scope.from_ms);
        Timestamp::from_millisecond(before.from_ms).unwrap().to_string()
    }

    #[test]
    fn the_span_before_has_as_many_days_whatever_their_hours() {
        // Monday to Monday; the week before each has a day of 23 hours, or of 25.
        assert_eq!(before("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"), "2026-03-22T23:00:00Z");
        assert_eq!(before("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z"), "2026-10-18T22:00:00Z");
        // The day of 23 hours itself, and the one after it.
        assert_eq!(before("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), "2026-03-27T23:00:00Z");
        assert_eq!(before("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"), "2026-03-28T23:00:00Z");
        // Beirut's 31 March 2024 begins at 1:00.
        assert_eq!(before("Asia/Beirut", "2024-03-30T22:00:00Z", "2024-04-01T21:00:00Z"), "2024-03-28T22:00:00Z");
        assert_eq!(before("UTC", "2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"), "2026-03-22T22:00:00Z");
    }

    #[test]
    fn a_day_that_was_left_out_is_none() {
        // Apia's 29 December 2011 was followed by the 31st.
        let apia = |from: &str, until: &str| {
            before("Pacific/Apia", &format!("{from}T10:00:00Z"), &format!("{until}T10:00:00Z"))
        };
        // The 31st alone, with the day after, and from the 29th on; each beginning is ten o'clock in UTC.
        assert_eq!(apia("2011-12-30", "2011-12-31"), "2011-12-29T10:00:00Z");
        assert_eq!(apia("2011-12-31", "2012-01-02"), "2011-12-29T10:00:00Z");
        assert_eq!(apia("2011-12-29", "2011-12-31"), "2011-12-27T10:00:00Z");
        assert_eq!(apia("2011-12-30", "2012-01-04"), "2011-12-25T10:00:00Z");
    }

    #[test]
    fn what_is_no_day_is_as_long_as_it_is() {
        // From 2:45 in the repeated hour to 2:15 in its second half: half an hour.
        assert_eq!(before("Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"), "2026-10-25T00:15:00Z");
        // One day from noon to noon, and six hours.
        assert_eq!(before("Europe/Berlin", "2026-03-30T10:00:00Z", "2026-03-31T16:00:00Z"), "2026-03-29T04:00:00Z");
        assert!(Scope::utc(0, i64::MAX).before().is_err());
        assert!(Scope::utc(-377_000_000_000_000, 1).before().is_err());
    }
}
