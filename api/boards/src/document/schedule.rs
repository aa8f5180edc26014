//! Questions that the program asks by itself: to send the answer, or to look whether a number is out of bounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Content, Kind};
use crate::faults::{Faults, is_key};

/// What is asked by itself, how often, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub title: String,
    /// The key of a saved question, asked with the defaults of its parameters.
    pub question: String,
    pub every: Every,
    pub task: Task,
    pub to: Recipients,
    /// Off, nothing is asked.
    #[serde(default = "yes")]
    pub is_enabled: bool,
}

const fn yes() -> bool {
    true
}

/// How often. Times are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "ScheduleEvery")]
pub enum Every {
    /// 1 to 1440, counted from midnight.
    Minutes(u32),
    /// Each day at this hour.
    DayAt(u32),
    /// Each Monday at this hour.
    MondayAt(u32),
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "ScheduleTask")]
pub enum Task {
    /// The answer is sent as a file.
    Send(AnswerFormat),
    /// A number is looked at, and somebody told when it is out of bounds, and when it is back.
    Alert(Alert),
}

/// The file's format. Insights are sent as CSV unless they are wanted as PDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    Csv,
    Parquet,
    /// Pages to read and print, at most 5,000 rows.
    Pdf,
}

/// Of the numbers of the answer, in their order, the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "ScheduleAlert")]
pub enum Alert {
    Above(f64),
    Below(f64),
    /// Further from the median of the numbers before than so many of their scaled median absolute deviations.
    Unusual {
        deviations: f64,
        of_last: u32,
        direction: Direction,
    },
}

/// Fewer numbers before the last say nothing of what is usual.
pub const USUAL_MIN: u32 = 5;

impl Alert {
    /// How many numbers it needs to say anything.
    pub const fn numbers_min(self) -> u32 {
        match self {
            Alert::Above(_) | Alert::Below(_) => 1,
            Alert::Unusual { .. } => USUAL_MIN + 1,
        }
    }
}

/// Which side is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AlertDirection")]
pub enum Direction {
    Either,
    Up,
    Down,
}

/// Who is told. Addresses have to be those of members of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ScheduleRecipients")]
pub struct Recipients {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// Ids of webhooks of the organisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<String>,
}

/// Larger files are not sent.
pub const MAIL_BYTES_MAX: usize = 5 << 20;
pub const WEBHOOK_BYTES_MAX: usize = 1 << 20;

impl Recipients {
    /// Nobody is sent a larger file.
    pub fn bytes_max(&self) -> usize {
        if self.emails.is_empty() { WEBHOOK_BYTES_MAX } else { MAIL_BYTES_MAX }
    }
}

const EMAILS_MAX: usize = 20;
const DAY_MS: i64 = 86_400_000;
/// 1970-01-05 was a Monday.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

impl Every {
    /// The first moment after `now_ms`.
    pub fn next_after(self, now_ms: i64) -> i64 {
        let (period, offset) = match self {
            Every::Minutes(minutes) => {
                let day = now_ms.div_euclid(DAY_MS) * DAY_MS;
                let period = i64::from(minutes.clamp(1, 1_440)) * 60_000;
                // Each day begins anew, so that 7 minutes are the same moments every day.
                let next = day + ((now_ms - day).div_euclid(period) + 1) * period;
                return next.min(day + DAY_MS);
            }
            Every::DayAt(hour) => (DAY_MS, i64::from(hour) * 3_600_000),
            Every::MondayAt(hour) => (7 * DAY_MS, FIRST_MONDAY_MS + i64::from(hour) * 3_600_000),
        };
        offset + ((now_ms - offset).div_euclid(period) + 1) * period
    }
}

impl Content for Schedule {
    const KIND: Kind = Kind::Schedule;

    fn check(&self, faults: &mut Faults<'_>) {
        faults.line("title", &self.title);
        if !is_key(&self.question) {
            faults.at("question", "is no key of a question");
        }
        faults.within("every", |faults| match self.every {
            Every::Minutes(minutes) => faults.range("minutes", minutes, 1, 1_440),
            Every::DayAt(hour) => faults.range("day_at", hour, 0, 23),
            Every::MondayAt(hour) => faults.range("monday_at", hour, 0, 23),
        });
        if let Task::Alert(Alert::Unusual { deviations, of_last, .. }) = self.task {
            faults.within("task", |faults| {
                faults.within("alert", |faults| {
                    faults.within("unusual", |faults| {
                        if !(1.0..=50.0).contains(&deviations) {
                            faults.at("deviations", "must be between 1 and 50");
                        }
                        faults.range("of_last", of_last, USUAL_MIN, 1_000);
                    });
                });
            });
        }
        faults.within("to", |faults| {
            faults.count("emails", self.to.emails.len(), EMAILS_MAX);
            faults.count("webhooks", self.to.webhooks.len(), EMAILS_MAX);
            if self.to.emails.is_empty() && self.to.webhooks.is_empty() {
                faults.at("emails", "somebody has to be told: an address or a webhook");
            }
        });
    }

    fn title(&self) -> &str {
        &self.title
    }

    fn asks_sql(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_one_after_the_other() {
        // 2026-11-24T12:00:00Z, a Tuesday.
        let noon = 1_795_521_600_000;
        assert_eq!(Every::Minutes(5).next_after(noon), noon + 5 * 60_000);
        assert_eq!(Every::Minutes(5).next_after(noon - 1), noon);
        assert_eq!(Every::DayAt(12).next_after(noon), noon + DAY_MS);
        assert_eq!(Every::DayAt(13).next_after(noon), noon + 3_600_000);
        assert_eq!(Every::MondayAt(12).next_after(noon), noon + 6 * DAY_MS);
        // 1000 minutes, and then midnight: the day begins anew.
        let midnight = noon - DAY_MS / 2;
        assert_eq!(Every::Minutes(1_000).next_after(midnight + 1_100 * 60_000), midnight + DAY_MS);
    }
}
