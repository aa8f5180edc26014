//! The formats that are checked; for a plan a format is meant, so here it is a rule and no mere annotation.

use std::str::FromStr;

/// A format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    DateTime,
    Date,
    Email,
    Uri,
    Uuid,
}

impl Format {
    pub const NAMES: &'static str = "date-time, date, email, uri, uuid";

    pub fn named(name: &str) -> Option<Format> {
        Some(match name {
            "date-time" => Format::DateTime,
            "date" => Format::Date,
            "email" => Format::Email,
            "uri" => Format::Uri,
            "uuid" => Format::Uuid,
            _ => return None,
        })
    }

    pub fn fits(self, text: &str) -> bool {
        match self {
            Format::DateTime => jiff::Timestamp::from_str(text).is_ok(),
            Format::Date => text.len() == 10 && jiff::civil::Date::from_str(text).is_ok(),
            Format::Email => is_email(text),
            Format::Uri => is_uri(text),
            Format::Uuid => text.len() == 36 && uuid::Uuid::try_parse(text).is_ok(),
        }
    }
}

fn is_email(text: &str) -> bool {
    let no_space = !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()) && no_space
}

/// A scheme, a colon and something, without what a URI has to escape.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let starts_well = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_scheme = scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"<>\"{}|\\^`".contains(letter);
    starts_well && is_scheme && !rest.is_empty() && rest.chars().all(is_plain)
}
