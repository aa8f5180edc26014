//! The time zone of a session, in the ways in which PostgreSQL lets one be said.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use footfall_pipelines_store::query::is_time_zone;

use crate::fault::Fault;

/// Names that mean UTC, in any case.
const UTC: &[&str] = &["utc", "gmt", "zulu", "universal", "etc/utc", "etc/gmt", "etc/universal", "etc/zulu"];
const DAY_SECONDS: i64 = 86_400;

/// How a moment is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Without a zone.
    Bare,
    Utc,
    Of(Tz),
}

/// A zone that a session can be in.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    /// As clients are told it.
    pub name: Arc<str>,
    /// As the engine knows it; `None` for UTC.
    pub engine: Option<Arc<str>>,
    pub clock: Clock,
}

impl Default for Zone {
    fn default() -> Zone {
        Zone { name: "UTC".into(), engine: None, clock: Clock::Utc }
    }
}

/// The zones of a session, from the one it began with to that of the moment.
#[derive(Debug)]
pub(crate) struct Zones {
    first: Zone,
    now: Zone,
    /// As it was when the transaction began.
    before: Option<Zone>,
    /// What a transaction leaves if it is committed, where it is another than that of the moment.
    after: Option<Zone>,
    told: Arc<str>,
}

impl Zones {
    pub fn new(first: Zone) -> Zones {
        Zones { now: first.clone(), told: first.name.clone(), first, before: None, after: None }
    }

    pub fn now(&self) -> &Zone {
        &self.now
    }

    pub fn begin(&mut self) {
        self.before.get_or_insert_with(|| self.now.clone());
    }

    /// `None`: that which the session began with.
    pub fn set(&mut self, zone: Option<Zone>, is_local: bool) {
        match is_local {
            true => drop(self.after.get_or_insert_with(|| self.now.clone())),
            false => self.after = None,
        }
        self.now = zone.unwrap_or_else(|| self.first.clone());
    }

    /// The end of a transaction.
    pub fn end(&mut self, is_committed: bool) {
        let (before, after) = (self.before.take(), self.after.take());
        let left = if is_committed { after } else { before };
        self.now = left.unwrap_or_else(|| self.now.clone());
    }

    /// The name, if the client was not told it.
    pub fn untold(&mut self) -> Option<String> {
        if self.told == self.now.name {
            return None;
        }
        self.told = self.now.name.clone();
        Some(self.told.to_string())
    }
}

impl Zone {
    /// The zone of what stands behind `TIME ZONE` or `timezone =`: a name, hours, an interval, or PostgreSQL's `NAME-2`.
    pub fn of(text: &str) -> Result<Zone, Fault> {
        let text = text.trim();
        let zone = match interval(text) {
            Some(offset) => offset.and_then(Zone::east),
            None => {
                let text = unquoted(text);
                Zone::named(&text).or_else(|| hours(&text).and_then(Zone::east)).or_else(|| Zone::posix(&text))
            }
        };
        zone.ok_or_else(|| {
            let detail = format!(
                "invalid value for parameter \"TimeZone\": {text:?}: zones are names such as 'Europe/Vienna', hours such as 2, \
                 or INTERVAL '+02:00' HOUR TO MINUTE"
            );
            Fault::new("22023", detail)
        })
    }

    fn named(text: &str) -> Option<Zone> {
        if UTC.contains(&text.to_ascii_lowercase().as_str()) {
            return Some(Zone { name: text.into(), ..Zone::default() });
        }
        // An offset is a name to the engine, with the other sign than PostgreSQL's.
        if text.starts_with(['+', '-']) {
            return None;
        }
        [text.to_owned(), capitalised(text)].into_iter().find_map(|name| Zone::known(name.as_str().into(), &name))
    }

    fn known(name: Arc<str>, engine: &str) -> Option<Zone> {
        let tz = is_time_zone(engine).then(|| Tz::from_str(engine).ok()).flatten()?;
        Some(Zone { name, engine: Some(engine.into()), clock: Clock::Of(tz) })
    }

    /// So many seconds east of Greenwich.
    fn east(seconds: i64) -> Option<Zone> {
        if seconds == 0 {
            return Some(Zone::default());
        }
        if seconds.abs() >= DAY_SECONDS || seconds % 60 != 0 {
            return None;
        }
        let clock = |seconds: i64, short: bool| {
            let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
            match (short, minutes % 60) {
                (true, 0) => format!("{sign}{:02}", minutes / 60),
                (_, rest) => format!("{sign}{:02}:{rest:02}", minutes / 60),
            }
        };
        let name = format!("<{}>{}", clock(seconds, true), clock(-seconds, true));
        Zone::known(name.into(), &clock(seconds, false))
    }

    /// `CET-1`, `<+02>-02`, `+02:00`: the offset counts to the west.
    fn posix(text: &str) -> Option<Zone> {
        let offset = match text.strip_prefix('<') {
            Some(rest) => rest.split_once('>')?.1,
            None => text.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()),
        };
        let (sign, digits) = match offset.strip_prefix('-') {
            Some(digits) => (1, digits),
            None => (-1, offset.strip_prefix('+').unwrap_or(offset)),
        };
        Zone::east(sign * of_clock(digits)?)
    }
}

/// `02`, `02:30`, `02:30:00` as seconds.
fn of_clock(digits: &str) -> Option<i64> {
    let parts: Vec<&str> = digits.split(':').collect();
    let is_number = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_number) {
        return None;
    }
    let unit = [3600, 60, 1];
    parts.iter().zip(unit).map(|(part, unit)| part.parse::<i64>().ok().map(|number| number * unit)).sum()
}

/// A number of hours to the east.
fn hours(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-'));
    let hours: f64 = Some(text).filter(|_| is_number)?.parse().ok()?;
    (hours.abs() < 24.0).then(|| (hours * 3600.0).round() as i64)
}

/// `INTERVAL '-08:00' HOUR TO MINUTE`, to the east; `Some(None)` for an interval that is no offset.
fn interval(text: &str) -> Option<Option<i64>> {
    let (word, rest) = text.split_at_checked(8)?;
    if !word.eq_ignore_ascii_case("interval") {
        return None;
    }
    let inner =
        rest.trim_start().strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(inner, _)| inner.trim());
    Some(inner.and_then(|inner| match inner.strip_prefix('-') {
        Some(digits) => of_clock(digits).map(|seconds| -seconds),
        None => of_clock(inner.strip_prefix('+').unwrap_or(inner)),
    }))
}

fn unquoted(text: &str) -> String {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('\'').or_else(|| inner('"')).unwrap_or(text).trim().to_owned()
}

/// `europe/vienna` as the database of zones has it.
fn capitalised(name: &str) -> String {
    let mut starts = true;
    let letter = |letter: char| {
        let letter = if starts { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        starts = matches!(letter, '/' | '_' | '-');
        letter
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn engine(text: &str) -> Option<String> {
        let zone = Zone::of(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        zone.engine.map(|engine| engine.to_string())
    }

    #[test]
    fn zones_are_read_as_postgresql_reads_them() {
        for text in ["'UTC'", "gmt", "0", "'Etc/UTC'", "INTERVAL '00:00' HOUR TO MINUTE"] {
            assert_eq!(engine(text), None, "{text}");
        }
        for (text, known) in [
            ("'Europe/Vienna'", "Europe/Vienna"),
            ("\"europe/vienna\"", "Europe/Vienna"),
            ("'america/new_york'", "America/New_York"),
            ("2", "+02:00"),
            ("-7", "-07:00"),
            ("'+5.5'", "+05:30"),
            ("INTERVAL '-08:00' HOUR TO MINUTE", "-08:00"),
            ("interval '+05:45' hour to minute", "+05:45"),
            // The sign of these counts to the west.
            ("'GMT-02:00'", "+02:00"),
            ("'<+03>-03'", "+03:00"),
            ("'+02:00'", "-02:00"),
        ] {
            assert_eq!(engine(text).as_deref(), Some(known), "{text}");
        }
        assert_eq!(&*Zone::of("2").unwrap().name, "<+02>-02");
        assert_eq!(&*Zone::of("'Europe/Vienna'").unwrap().name, "Europe/Vienna");
    }

    #[test]
    fn a_transaction_that_is_rolled_back_leaves_the_zone_as_it_was() {
        let zone = |text: &str| Zone::of(text).ok();
        let mut zones = Zones::new(Zone::default());
        zones.begin();
        zones.set(zone("'Europe/Vienna'"), false);
        assert_eq!(zones.untold().as_deref(), Some("Europe/Vienna"));
        zones.end(false);
        assert_eq!((zones.untold().as_deref(), zones.untold()), (Some("UTC"), None));
        zones.begin();
        zones.set(zone("'Europe/Vienna'"), false);
        zones.set(zone("'Asia/Tokyo'"), true);
        assert_eq!(&*zones.now().name, "Asia/Tokyo");
        zones.end(true);
        assert_eq!(&*zones.now().name, "Europe/Vienna");
        zones.set(None, false);
        assert_eq!(&*zones.now().name, "UTC");
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for text in ["'Europe/Wien'", "25", "'CET-1CEST'", "INTERVAL '1 month'", "''", "'2:61:99x'", "'+99:00'"] {
            let fault = Zone::of(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(format!("{fault:?}").contains("22023"), "{fault:?}");
        }
    }
}
