//! An act as the JSON that the app would send.

use std::fmt::Write;

use footfall_ingest_activity::Timestamp;

use super::person::Person;
use super::random::Random;
use super::session::Act;
use super::world::{CITIES, Place, Town};

const TERMS: &[&str] = &["coffee", "brunch", "museum", "quiet place to work", "live music", "ramen", "park", "books"];

/// Everything that an item says.
pub struct Item<'a> {
    pub at: Timestamp,
    pub act: Act,
    pub person: &'a Person,
    pub town: &'a Town,
    pub device: usize,
    pub signed_in: bool,
    pub session: u64,
    /// Unique in the stream.
    pub number: u64,
    pub seed: u64,
}

impl Item<'_> {
    /// Appends the item as one line, without its end.
    pub fn write(&self, out: &mut String) {
        // Writing to a string cannot fail.
        self.try_write(out).unwrap_or_default();
    }

    fn try_write(&self, out: &mut String) -> std::fmt::Result {
        let kind = match self.act {
            Act::Identify => "identify",
            Act::Open if self.person.devices[self.device].browser.is_none() => "screen",
            Act::Open => "page",
            _ => "track",
        };
        write!(out, "{{\"type\":\"{kind}\"")?;
        match (kind, self.event()) {
            ("track", event) => write!(out, ",\"event\":\"{event}\"")?,
            ("page" | "screen", _) => out.push_str(",\"name\":\"Home\""),
            _ => {}
        }
        write!(out, ",\"messageId\":\"demo-{:x}-{:x}\"", self.seed, self.number)?;
        write!(out, ",\"timestamp\":\"{}\"", self.at.to_rfc3339())?;
        write!(out, ",\"anonymousId\":\"{}\"", self.person.anonymous_id(self.device))?;
        if self.signed_in {
            write!(out, ",\"userId\":\"{}\"", self.person.user_id())?;
        }
        write!(out, ",\"sessionId\":\"s{:x}\"", self.session)?;
        self.payload(out)?;
        self.context(out)?;
        out.push('}');
        Ok(())
    }

    fn event(&self) -> &'static str {
        match self.act {
            Act::Open | Act::Identify => "",
            Act::Search { .. } => "search",
            Act::Signup => "signup",
            Act::ViewPlace(_) => "view_place",
            Act::SavePlace(_) => "save_place",
            Act::ViewMeetUp(_) => "view_event",
            Act::Rsvp(_) => "rsvp",
            Act::CheckIn(_) => "checkin",
            Act::Review { .. } => "review_place",
            Act::Purchase { .. } => "purchase",
            Act::Invite => "invite_friend",
        }
    }

    fn payload(&self, out: &mut String) -> std::fmt::Result {
        let name = if self.act == Act::Identify { "traits" } else { "properties" };
        write!(out, ",\"{name}\":{{")?;
        match self.act {
            Act::Open | Act::Invite => {}
            Act::Signup => write!(out, "\"plan\":\"{}\",\"method\":\"email\"", self.person.plan)?,
            Act::Identify => {
                let Person { name, plan, interest, city, .. } = self.person;
                let user = self.person.user_id();
                write!(out, "\"name\":\"{name}\",\"email\":\"{user}@example.org\",\"plan\":\"{plan}\"")?;
                write!(out, ",\"interest\":\"{interest}\",\"home\":\"{}\"", CITIES[*city].name)?;
            }
            Act::Search { term, results } => {
                let term = TERMS[usize::from(term) % TERMS.len()];
                write!(out, "\"query\":\"{term}\",\"results\":{results}")?;
            }
            Act::ViewPlace(place) | Act::SavePlace(place) | Act::CheckIn(place) => self.place(place, out)?,
            Act::Review { place, stars } => {
                self.place(place, out)?;
                write!(out, ",\"stars\":{stars}")?;
            }
            Act::ViewMeetUp(meet_up) | Act::Rsvp(meet_up) => self.meet_up(meet_up, out)?,
            Act::Purchase { meet_up, cents } => {
                self.meet_up(meet_up, out)?;
                let currency = CITIES[self.person.city].currency;
                write!(out, ",\"revenue\":{}.{:02},\"currency\":\"{currency}\"", cents / 100, cents % 100)?;
            }
        }
        out.push('}');
        Ok(())
    }

    fn place(&self, place: u16, out: &mut String) -> std::fmt::Result {
        let Place { id, name, kind, latitude, longitude, price_level } = &self.town.places[usize::from(place)];
        write!(
            out,
            "\"place_id\":\"{id}\",\"place\":\"{name}\",\"category\":\"{kind}\",\"price_level\":{price_level}"
        )?;
        write!(out, ",\"latitude\":{latitude:.5},\"longitude\":{longitude:.5}")
    }

    fn meet_up(&self, meet_up: u16, out: &mut String) -> std::fmt::Result {
        let meet_up = &self.town.meet_ups[usize::from(meet_up)];
        write!(out, "\"event_id\":\"{}\",\"title\":\"{}\",\"topic\":\"{}\"", meet_up.id, meet_up.title, meet_up.topic)
    }

    fn path(&self) -> String {
        match self.act {
            Act::Search { .. } => "/search".into(),
            Act::Signup | Act::Identify => "/signup".into(),
            Act::ViewPlace(place) | Act::SavePlace(place) | Act::CheckIn(place) | Act::Review { place, .. } => {
                format!("/places/{}", self.town.places[usize::from(place)].id)
            }
            Act::ViewMeetUp(meet_up) | Act::Rsvp(meet_up) | Act::Purchase { meet_up, .. } => {
                format!("/events/{}", self.town.meet_ups[usize::from(meet_up)].id)
            }
            Act::Open | Act::Invite => "/".into(),
        }
    }

    fn context(&self, out: &mut String) -> std::fmt::Result {
        let (city, device) = (&CITIES[self.person.city], self.person.devices[self.device]);
        write!(out, ",\"context\":{{\"library\":{{\"name\":\"footfall-demo\",\"version\":\"1\"}}")?;
        let id = self.person.anonymous_id(self.device);
        write!(
            out,
            ",\"device\":{{\"id\":\"{id}\",\"type\":\"{}\",\"manufacturer\":\"{}\"",
            device.kind, device.maker
        )?;
        write!(
            out,
            ",\"model\":\"{}\"}},\"os\":{{\"name\":\"{}\",\"version\":\"{}\"}}",
            device.model, device.os.0, device.os.1
        )?;
        match device.browser {
            Some((name, version)) => {
                write!(out, ",\"browser\":{{\"name\":\"{name}\",\"version\":\"{version}\"}}")?;
                let path = self.path();
                write!(out, ",\"page\":{{\"path\":\"{path}\",\"url\":\"https://footways.example{path}\"}}")?;
            }
            None => out.push_str(",\"app\":{\"name\":\"Footways\",\"version\":\"3.2.0\"}"),
        }
        write!(out, ",\"locale\":\"{}\",\"timezone\":\"{}\"", city.locale, city.timezone)?;
        let mut random = Random::new(self.person.seed);
        let near = |random: &mut Random| (random.unit() - 0.5) * 0.1;
        let (latitude, longitude) = (city.latitude + near(&mut random), city.longitude + near(&mut random));
        write!(out, ",\"location\":{{\"country\":\"{}\",\"city\":\"{}\"", city.country, city.name)?;
        write!(out, ",\"latitude\":{latitude:.4},\"longitude\":{longitude:.4}}}")?;
        if let (Some((source, medium, name)), Act::Open) = (self.person.campaign, self.act) {
            write!(out, ",\"campaign\":{{\"source\":\"{source}\",\"medium\":\"{medium}\",\"name\":\"{name}\"}}")?;
        }
        out.push('}');
        Ok(())
    }
}
