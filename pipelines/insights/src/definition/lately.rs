//! Groups by what people did lately: their span moves with the moment at which the question is asked.

use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::buckets::zone;
use super::{ActivitiesOf, Bucket, Cohort, Question, Selector};
use crate::InsightError;

/// More hours, days, weeks or months are refused.
const LAST_MAX: u32 = 10_000;
/// The name of [`Cohort::Lately`] in JSON.
const MEMBER: &str = "lately";

/// Who did something in the last hours, days, weeks or months: whole ones of a zone, the one that is running included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lately {
    /// How many units, 1 or more; 1 is the one that is running.
    #[schemars(range(min = 1, max = 10_000))]
    pub last: u32,
    /// Not `whole`.
    pub unit: Bucket,
    /// IANA name of the zone in which days and weeks are cut.
    #[serde(default = "super::cohort::utc")]
    pub zone: String,
    /// The last unit is so many before the one that is running.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(max = 10_000))]
    pub before: u32,
    pub of: LatelyOf,
}

/// What they did, as the cohorts of these names count it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LatelyOf {
    Did {
        select: Selector,
        at_least: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<u64>,
    },
    DidOften {
        select: Selector,
        bucket: Bucket,
        /// 1 or more.
        at_least: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<usize>,
    },
    Sequence {
        steps: Vec<Selector>,
        window_ms: i64,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Lately {
    /// Where the span begins and ends for whoever asks at `now_ms`: both stay until the running unit is over.
    ///
    /// # Errors
    /// No unit or too many of them, an unknown zone, or a time before or after all that can be said.
    pub fn span(&self, now_ms: i64) -> Result<(i64, i64), InsightError> {
        let units = self.last.saturating_add(self.before);
        if self.last == 0 || units > LAST_MAX {
            return Err(InsightError::question(
                "last",
                format!("is 1 or more, and at most {LAST_MAX} with the units before"),
            ));
        }
        let out_of_range = |_: jiff::Error| InsightError::question("last", "a time is out of range");
        let mut start = match self.unit {
            Bucket::Whole => {
                return Err(InsightError::question("unit", "is hour, day, week or month"));
            }
            unit => {
                let now = Timestamp::from_millisecond(now_ms).map_err(out_of_range)?.to_zoned(zone(&self.zone)?);
                unit.start(&now).map_err(out_of_range)?
            }
        };
        let mut until = self.unit.next(&start).map_err(out_of_range)?;
        for step in 1..units {
            if step <= self.before {
                until = start.clone();
            }
            let earlier = start.checked_sub(Span::new().milliseconds(1)).map_err(out_of_range)?;
            start = self.unit.start(&earlier).map_err(out_of_range)?;
        }
        Ok((start.timestamp().as_millisecond(), until.timestamp().as_millisecond()))
    }

    /// The cohort that it is for whoever asks at `now_ms`.
    fn at(&self, now_ms: i64) -> Result<Cohort, InsightError> {
        let (from_ms, until_ms) = self.span(now_ms)?;
        let zone = self.zone.clone();
        Ok(match self.of.clone() {
            LatelyOf::Did { select, at_least, at_most } => Cohort::Did { select, from_ms, until_ms, at_least, at_most },
            LatelyOf::DidOften { select, bucket, at_least, at_most } => {
                Cohort::DidOften { select, from_ms, until_ms, bucket, zone, at_least, at_most }
            }
            LatelyOf::Sequence { steps, window_ms } => Cohort::Sequence { steps, window_ms, from_ms, until_ms },
        })
    }
}

/// Puts the cohorts that they are at `now_ms` in the place of all that move, in a question or cohort as JSON; whether there was any.
///
/// # Errors
/// One has no span (see [`Lately::span`]).
pub fn settle(value: &mut Value, now_ms: i64) -> Result<bool, InsightError> {
    let lately = |value: &Value| {
        let members = value.as_object().filter(|members| members.len() == 1)?;
        serde_json::from_value::<Lately>(members.get(MEMBER)?.clone()).ok()
    };
    if let Some(lately) = lately(value) {
        let failed = |error: serde_json::Error| InsightError::question(MEMBER, error.to_string());
        *value = serde_json::to_value(lately.at(now_ms)?).map_err(failed)?;
        // Its selectors may have conditions on cohorts.
        settle(value, now_ms)?;
        return Ok(true);
    }
    let mut is_settled = false;
    let inner: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    for inner in inner {
        is_settled |= settle(inner, now_ms)?;
    }
    Ok(is_settled)
}

impl Question {
    /// The question for whoever asks at `now_ms`: cohorts that move have their spans.
    ///
    /// # Errors
    /// One has none (see [`Lately::span`]).
    pub fn asked_at(self, now_ms: i64) -> Result<Question, InsightError> {
        fn settled<T: Serialize + serde::de::DeserializeOwned>(asked: T, now_ms: i64) -> Result<T, InsightError> {
            let failed = |error: serde_json::Error| InsightError::question(MEMBER, error.to_string());
            let mut value = serde_json::to_value(&asked).map_err(failed)?;
            if settle(&mut value, now_ms)? { serde_json::from_value(value).map_err(failed) } else { Ok(asked) }
        }
        match self {
            // It has no JSON that is read again; the number that it is about has.
            Question::Activities(ActivitiesOf { of, limit, after }) => {
                Ok(Question::Activities(ActivitiesOf { of: settled(of, now_ms)?, limit, after }))
            }
            Question::Exposures(_) => Ok(self),
            other => settled(other, now_ms),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn span(asked: Value, now: &str) -> Result<(i64, i64), InsightError> {
        let mut asked = asked;
        asked["of"] = json!({"did": {"select": {"activities": []}, "at_least": 1}});
        serde_json::from_value::<Lately>(asked).unwrap().span(at(now))
    }

    #[test]
    fn whole_units_of_the_zone_the_running_one_included() {
        let spans = [
            (json!({"last": 1, "unit": "day"}), "2026-05-03T00:00:00Z", "2026-05-04T00:00:00Z"),
            (json!({"last": 3, "unit": "day"}), "2026-05-01T00:00:00Z", "2026-05-04T00:00:00Z"),
            (json!({"last": 1, "unit": "day", "before": 1}), "2026-05-02T00:00:00Z", "2026-05-03T00:00:00Z"),
            (json!({"last": 2, "unit": "day", "before": 30}), "2026-04-02T00:00:00Z", "2026-04-04T00:00:00Z"),
            (json!({"last": 2, "unit": "week"}), "2026-04-20T00:00:00Z", "2026-05-04T00:00:00Z"),
            (json!({"last": 1, "unit": "month", "before": 2}), "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            (json!({"last": 2, "unit": "hour"}), "2026-05-03T21:00:00Z", "2026-05-03T23:00:00Z"),
            // The next day there, by then; and a week with a jump of the clock.
            (json!({"last": 1, "unit": "day", "zone": "Asia/Tokyo"}), "2026-05-03T15:00:00Z", "2026-05-04T15:00:00Z"),
            (
                json!({"last": 40, "unit": "day", "zone": "Europe/Berlin"}),
                "2026-03-25T23:00:00Z",
                "2026-05-04T22:00:00Z",
            ),
        ];
        for (asked, from, until) in spans {
            assert_eq!(span(asked.clone(), "2026-05-03T22:30:00Z").unwrap(), (at(from), at(until)), "{asked}");
        }
    }

    #[test]
    fn what_has_no_span_is_refused() {
        for asked in [
            json!({"last": 0, "unit": "day"}),
            json!({"last": 10_001, "unit": "day"}),
            json!({"last": 1, "unit": "day", "before": 10_000}),
            json!({"last": 1, "unit": "whole"}),
            json!({"last": 1, "unit": "day", "zone": "Atlantis"}),
            json!({"last": 10_000, "unit": "month", "before": 0, "zone": "Nowhere/None"}),
        ] {
            assert!(span(asked.clone(), "2026-05-03T22:30:00Z").is_err(), "{asked}");
        }
    }

    #[test]
    fn they_are_settled_wherever_they_stand() {
        let inner = json!({"lately": {"last": 1, "unit": "day", "of": {"did": {"select": {"activities": ["pay"]}, "at_least": 1}}}});
        let select = json!({"activities": ["view"], "condition": {"cohort": inner}});
        let cohort = json!({"all": [
            {"lately": {"last": 2, "unit": "day", "of": {"did_often": {"select": select, "bucket": "day", "at_least": 2}}}},
            {"not": {"lately": {"last": 1, "unit": "day", "of": {"sequence": {"steps": [{"activities": ["a"]}], "window_ms": 5}}}}},
        ]});
        let asked: Question =
            serde_json::from_value(json!({"question": "cohort", "cohort": cohort, "list": 3})).unwrap();
        let day = 86_400_000;
        let Question::Cohort(settled) = asked.clone().asked_at(10 * day + 7).unwrap() else { panic!("a cohort") };
        let text = serde_json::to_string(&settled.cohort).unwrap();
        assert!(!text.contains("lately"), "{text}");
        assert_eq!((text.matches(&format!("\"from_ms\":{}", 10 * day)).count()), 2, "{text}");
        assert_eq!((text.matches(&format!("\"from_ms\":{}", 9 * day)).count()), 1, "{text}");
        assert_eq!((text.matches(&format!("\"until_ms\":{}", 11 * day)).count()), 3, "{text}");
        assert_eq!(settled.list, 3);
        let same = asked.clone().asked_at(10 * day + 8_000_000).unwrap();
        assert_eq!(same, Question::Cohort(settled), "until the day is over");
        assert_ne!(asked.clone().asked_at(11 * day).unwrap(), same);
        let plain: Question =
            serde_json::from_value(json!({"question": "cohort", "cohort": {"listed": ["x"]}})).unwrap();
        assert_eq!(plain.clone().asked_at(0).unwrap(), plain);
    }
}
