//! The activities that are sent: whole requests, built once, in which only ids, people and times are changed in place,
//! so that making the load takes little of the processor that it is meant for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const EVENTS: [&str; 40] = [
    "App Opened",
    "Event Viewed",
    "Venue Viewed",
    "Search Performed",
    "List Scrolled",
    "Filter Applied",
    "Map Moved",
    "Event Saved",
    "Event Shared",
    "RSVP Started",
    "RSVP Completed",
    "RSVP Cancelled",
    "Ticket Selected",
    "Checkout Started",
    "Payment Entered",
    "Order Completed",
    "Order Refunded",
    "Review Started",
    "Review Posted",
    "Review Liked",
    "Photo Uploaded",
    "Photo Viewed",
    "Profile Viewed",
    "Profile Edited",
    "Person Followed",
    "Message Sent",
    "Message Read",
    "Group Joined",
    "Group Left",
    "Notification Shown",
    "Notification Tapped",
    "Notification Dismissed",
    "Calendar Added",
    "Directions Asked",
    "Place Checked In",
    "Survey Answered",
    "Settings Changed",
    "Help Opened",
    "Feedback Sent",
    "App Closed",
];
const CITIES: [&str; 8] =
    ["Rotterdam", "Amsterdam", "Utrecht", "Den Haag", "Eindhoven", "Groningen", "Antwerpen", "Gent"];
const CATEGORIES: [&str; 6] = ["music", "food", "theatre", "sports", "museum", "talks"];
const SOURCES: [&str; 5] = ["search", "home", "push", "friend", "map"];
const PEOPLE: u64 = 100_000;

const ID_DIGITS: usize = 12;
const PERSON_DIGITS: usize = 6;
const TIME_BYTES: usize = 24;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `POST /v1/activity`: one object, or an array.
    Native,
    /// `POST /v1/batch` in Segment's shape.
    Segment,
}

impl Door {
    pub fn path(self) -> &'static str {
        match self {
            Door::Native => "/v1/activity",
            Door::Segment => "/v1/batch",
        }
    }
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end.max(1)
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices.get(self.below(choices.len() as u64) as usize).copied().unwrap_or_default()
    }
}

/// A request ready to send, and the places in it that change.
#[derive(Debug)]
pub struct Template {
    pub bytes: Vec<u8>,
    pub body_at: usize,
    ids: Vec<usize>,
    people: Vec<usize>,
    times: Vec<usize>,
}

impl Template {
    /// A request of `batch` activities. `run` sets the message ids of this program's run apart from any other's.
    pub fn new(door: Door, batch: usize, key: &str, run: u32, dice: &mut Dice) -> Template {
        let items: Vec<_> = (0..batch).map(|_| item(door, run, dice)).collect();
        let (body, authorization) = match door {
            Door::Native if batch == 1 => (items.concat(), format!("Bearer {key}")),
            Door::Native => (format!("[{}]", items.join(",")), format!("Bearer {key}")),
            Door::Segment => {
                let body = format!("{{\"batch\":[{}],\"sentAt\":\"{}\"}}", items.join(","), mark('T', TIME_BYTES));
                (body, format!("Basic {}", STANDARD.encode(format!("{key}:"))))
            }
        };
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
             User-Agent: footfall-bench\r\nContent-Length: {}\r\n\r\n",
            door.path(),
            body.len()
        );
        Template::marked(head, &body)
    }

    /// Finds the marks. A mark is `@` and a letter, filled up with `@` to its width.
    fn marked(head: String, body: &str) -> Template {
        let body_at = head.len();
        let bytes = (head + body).into_bytes();
        let places = |letter: u8| {
            let pairs = bytes.windows(2).enumerate();
            pairs.filter(|(_, pair)| *pair == [b'@', letter]).map(|(place, _)| place).collect::<Vec<_>>()
        };
        Template { body_at, ids: places(b'I'), people: places(b'P'), times: places(b'T'), bytes }
    }

    /// Gives every activity a new id, somebody who did it, and the time.
    pub fn refresh(&mut self, next_id: &mut u64, dice: &mut Dice, now: &[u8; TIME_BYTES]) {
        for &place in &self.ids {
            digits::<16>(&mut self.bytes, place, ID_DIGITS, *next_id);
            *next_id += 1;
        }
        for &place in &self.people {
            digits::<10>(&mut self.bytes, place, PERSON_DIGITS, dice.below(PEOPLE));
        }
        for &place in &self.times {
            if let Some(target) = self.bytes.get_mut(place..place + TIME_BYTES) {
                target.copy_from_slice(now);
            }
        }
    }
}

/// Visits of each person in the past, and how long one lasts.
const VISITS: u64 = 16;
const VISIT_MS: u64 = 20 * 60_000;

impl Template {
    /// As [`Template::refresh`], in the `past_ms` before now: people do several things in each of a few visits.
    pub fn refresh_in_the_past(&mut self, next_id: &mut u64, dice: &mut Dice, now_ms: u64, past_ms: u64) {
        self.refresh(next_id, dice, &rfc3339(now_ms));
        for (&person_place, &time_place) in self.people.iter().zip(&self.times) {
            let person = dice.below(PEOPLE);
            digits::<10>(&mut self.bytes, person_place, PERSON_DIGITS, person);
            let visit = Dice::new(person * VISITS + dice.below(VISITS) + 1).below(past_ms.saturating_sub(VISIT_MS));
            let moment = now_ms - past_ms + visit + dice.below(VISIT_MS.min(past_ms));
            if let Some(target) = self.bytes.get_mut(time_place..time_place + TIME_BYTES) {
                target.copy_from_slice(&rfc3339(moment));
            }
        }
    }
}

fn digits<const BASE: u64>(bytes: &mut [u8], place: usize, width: usize, mut number: u64) {
    for byte in bytes.iter_mut().skip(place).take(width).rev() {
        *byte = b"0123456789abcdef".get((number % BASE) as usize).copied().unwrap_or(b'0');
        number /= BASE;
    }
}

fn mark(letter: char, width: usize) -> String {
    format!("@{letter}{}", "@".repeat(width - 2))
}

fn item(door: Door, run: u32, dice: &mut Dice) -> String {
    // The smaller of two throws: some events are much more frequent than others.
    let common = dice.below(40).min(dice.below(40));
    let event = EVENTS.get(common as usize).copied().unwrap_or_default();
    let (id_name, subject) = if door == Door::Native { ("distinctId", "event") } else { ("userId", "event") };
    let (number, city) = (dice.below(3_000), dice.one_of(&CITIES));
    format!(
        "{{\"type\":\"track\",\"{subject}\":\"{event}\",\"{id_name}\":\"user-{}\",\"messageId\":\"{run:08x}-0000-7000-8000-{}\",\
         \"timestamp\":\"{}\",\"properties\":{{\"item_id\":\"ev-{number:05}\",\"category\":\"{}\",\"title\":\"Evening {number}\",\
         \"price\":{}.{:02},\"currency\":\"EUR\",\"position\":{},\"city\":\"{city}\",\"source\":\"{}\",\"member\":{}}},\
         \"context\":{{\"device\":{{\"type\":\"ios\",\"model\":\"iPhone15,{}\"}},\"os\":{{\"name\":\"iOS\",\"version\":\"18.{}\"}},\
         \"app\":{{\"name\":\"City\",\"version\":\"4.{}\"}},\"page\":{{\"path\":\"/event/{number}\"}}}}}}",
        mark('P', PERSON_DIGITS),
        mark('I', ID_DIGITS),
        mark('T', TIME_BYTES),
        dice.one_of(&CATEGORIES),
        dice.below(90),
        dice.below(100),
        dice.below(30),
        dice.one_of(&SOURCES),
        dice.below(2) == 0,
        1 + dice.below(5),
        dice.below(7),
        dice.below(20),
    )
}

/// A time as RFC 3339 with milliseconds in UTC (days to dates after Howard Hinnant's `civil_from_days`).
pub fn rfc3339(unix_ms: u64) -> [u8; TIME_BYTES] {
    let (days, ms) = (unix_ms / 86_400_000 + 719_468, unix_ms % 86_400_000);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let parts = [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, ms / 3_600_000), (14, 2, ms / 60_000 % 60)];
    for (place, width, number) in parts.into_iter().chain([(17, 2, ms / 1_000 % 60), (20, 3, ms % 1_000)]) {
        digits::<10>(&mut text, place, width, number);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        assert_eq!(&rfc3339(0), b"1970-01-01T00:00:00.000Z");
        assert_eq!(&rfc3339(1_709_210_096_789), b"2024-02-29T12:34:56.789Z");
    }

    #[test]
    fn a_request_is_json_of_the_size_that_apps_send_and_never_repeats_an_id() {
        let (mut dice, mut next_id) = (Dice::new(1), 0);
        for (door, batch) in [(Door::Native, 1), (Door::Native, 3), (Door::Segment, 3)] {
            let mut template = Template::new(door, batch, "key", 7, &mut dice);
            template.refresh(&mut next_id, &mut dice, &rfc3339(0));
            let body = &template.bytes[template.body_at..];
            let text = std::str::from_utf8(body).unwrap();
            serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert!(!text.contains('@'));
            assert!((400..520).contains(&(body.len() / batch)), "{}", body.len() / batch);
        }
        assert_eq!(next_id, 7);
    }
}
