//! Tests of one value: texts, numbers, times, truth, patterns.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::InsightError;

/// What is asked of one value. Texts are compared by bytes. A property that is missing fails every test but `NotSet`,
/// `IsNot`, `NotContains` and `NotRegex`, which it passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    Set,
    NotSet,
    /// Equal to one of these. A number is compared by its value with those of the texts that are numbers.
    Is(Vec<String>),
    IsNot(Vec<String>),
    Contains(String),
    NotContains(String),
    StartsWith(String),
    EndsWith(String),
    /// The pattern is found anywhere in the text: the syntax of the crate `regex`, which is that of RE2 but for details.
    Regex(String),
    NotRegex(String),
    /// Numbers; a text that is a finite number counts as one, any other text fails, `inf` and `NaN` too.
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    /// Times: a date, or date and time, of ISO 8601. Without an offset it is UTC; a date is its midnight. Any other text
    /// fails.
    Before(String),
    /// At this time or later.
    Since(String),
    /// `true`, in letters of either case.
    IsTrue,
    IsFalse,
}

/// Bytes that a pattern may take when it is compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A test ready to be made.
#[derive(Debug, Clone)]
pub struct Tester {
    test: Test,
    regex: Option<Regex>,
    moment: Option<i64>,
}

/// A pattern, within bounds.
pub(crate) fn regex(pattern: &str) -> Result<Regex, InsightError> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|error| InsightError::question("regex", error.to_string()))
}

/// The number that a text stands for; what is not finite is none.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The time that a text stands for.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let time = text.parse::<jiff::Timestamp>().ok();
    let time = time.or_else(|| text.parse::<DateTime>().ok().and_then(utc));
    let time = time.or_else(|| text.parse::<Date>().ok().and_then(|date| utc(date.at(0, 0, 0, 0))));
    time.map(jiff::Timestamp::as_millisecond)
}

impl Test {
    /// Makes it ready; refuses a pattern or time that is none.
    pub fn tester(&self) -> Result<Tester, InsightError> {
        let (mut found, mut time) = (None, None);
        match self {
            Test::Regex(pattern) | Test::NotRegex(pattern) => found = Some(regex(pattern)?),
            Test::Before(text) | Test::Since(text) => {
                let refused =
                    || InsightError::question("test", format!("{text:?} is no time: 2026-05-04T09:00:00Z is"));
                time = Some(moment(text).ok_or_else(refused)?);
            }
            _ => {}
        }
        Ok(Tester { test: self.clone(), regex: found, moment: time })
    }
}

impl Tester {
    /// The answer for a text, or for a missing value.
    pub fn of_text(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(number);
        let time = || value.and_then(moment).zip(self.moment);
        let found = || value.zip(self.regex.as_ref()).is_some_and(|(value, regex)| regex.is_match(value));
        match &self.test {
            Test::Set => value.is_some(),
            Test::NotSet => value.is_none(),
            Test::Is(these) => value.is_some_and(|value| these.iter().any(|one| one == value)),
            Test::IsNot(these) => !value.is_some_and(|value| these.iter().any(|one| one == value)),
            Test::Contains(part) => value.is_some_and(|value| value.contains(part.as_str())),
            Test::NotContains(part) => !value.is_some_and(|value| value.contains(part.as_str())),
            Test::StartsWith(part) => value.is_some_and(|value| value.starts_with(part.as_str())),
            Test::EndsWith(part) => value.is_some_and(|value| value.ends_with(part.as_str())),
            Test::Regex(_) => found(),
            Test::NotRegex(_) => !found(),
            Test::Above(bound) => number().is_some_and(|number| number > *bound),
            Test::AtLeast(bound) => number().is_some_and(|number| number >= *bound),
            Test::Below(bound) => number().is_some_and(|number| number < *bound),
            Test::AtMost(bound) => number().is_some_and(|number| number <= *bound),
            Test::Before(_) => time().is_some_and(|(time, bound)| time < bound),
            Test::Since(_) => time().is_some_and(|(time, bound)| time >= bound),
            Test::IsTrue => value.is_some_and(|value| value.eq_ignore_ascii_case("true")),
            Test::IsFalse => value.is_some_and(|value| value.eq_ignore_ascii_case("false")),
        }
    }

    /// The answer for a number, or for a missing value. Tests of text read the number as it prints.
    pub fn of_number(&self, value: Option<f64>) -> bool {
        let equal = |number: f64, text: &String| text.parse::<f64>().is_ok_and(|other| other == number);
        match (&self.test, value) {
            (Test::Is(these), Some(number)) => these.iter().any(|text| equal(number, text)),
            (Test::IsNot(these), Some(number)) => !these.iter().any(|text| equal(number, text)),
            (_, Some(number)) => self.of_text(Some(&number.to_string())),
            (_, None) => self.of_text(None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn times_are_read_with_and_without_offset() {
        assert_eq!(moment("1970-01-02"), Some(86_400_000));
        assert_eq!(moment("1970-01-01T00:00:01"), Some(1_000));
        assert_eq!(moment("1970-01-01 01:00:01+01:00"), Some(1_000));
        assert_eq!(moment("12"), None);
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn numbers_are_finite() {
        let passes = |test: Test, text: &str| test.tester().unwrap().of_text(Some(text));
        for text in ["inf", "-Infinity", "NaN", "1e999"] {
            assert!(!passes(Test::Above(0.0), text) && !passes(Test::Below(0.0), text), "{text}");
            assert_eq!(number(text), None);
        }
        assert!(passes(Test::AtLeast(1e308), "1e308") && passes(Test::AtMost(-1.5), "-1.5"));
    }

    #[test]
    fn what_is_no_pattern_or_time_is_refused() {
        assert!(Test::Regex("(".to_owned()).tester().is_err());
        assert!(Test::Regex("a{1000}{1000}".to_owned()).tester().is_err(), "too large when compiled");
        assert!(Test::Before("soon".to_owned()).tester().is_err());
        let since = Test::Since("2026-05-04".to_owned()).tester().unwrap();
        assert!(since.of_text(Some("2026-05-04T00:00:00Z")) && !since.of_text(Some("2026-05-04T01:00:00+02:00")));
        assert!(!since.of_text(None) && Test::NotRegex("a".to_owned()).tester().unwrap().of_text(None));
    }
}
