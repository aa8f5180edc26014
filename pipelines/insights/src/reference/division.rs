//! What a breakdown is by, naively.

use super::{Row, World};
use crate::definition::{By, ByOf, SessionProperty};

impl World {
    /// The value of a row.
    pub(super) fn value_of(&self, by: &By, row: &Row) -> Option<String> {
        match by {
            by if by.is_of_events() => Some(row.activity.clone()),
            By::Name(name) => row.texts.get(name).cloned(),
            By::Of(ByOf::Property(by)) if by.bounds.is_empty() => row.texts.get(&by.property).cloned(),
            By::Of(ByOf::Property(by)) => row.numbers.get(&by.property).map(|number| bin_of(&by.bounds, *number)),
            By::Of(ByOf::Person(_)) => self.value_of_person(by, &row.person),
            By::Of(ByOf::Session(_)) => {
                let rows = self.rows_of(&row.person);
                let mut sessions = rows.chunk_by(|a, b| b.time_ms - a.time_ms <= 30 * 60_000);
                let session = sessions.find(|session| session.iter().any(|one| std::ptr::eq(*one, row))).unwrap();
                value_of_session(by, session)
            }
            By::Of(ByOf::Group(by)) => {
                let key = row.texts.get(&format!("group.{}", by.group))?;
                let value = match &by.property {
                    None => Some(key),
                    Some(property) => self.groups.get(&(by.group.clone(), key.clone()))?.get(property),
                };
                binned(&by.bounds, value?)
            }
        }
    }

    /// The value of a person, where it is by persons.
    pub(super) fn value_of_person(&self, by: &By, person: &str) -> Option<String> {
        let By::Of(ByOf::Person(by)) = by else { return None };
        binned(&by.bounds, self.traits.get(person)?.get(&by.property)?)
    }
}

pub(super) fn is_by_person(by: &By) -> bool {
    matches!(by, By::Of(ByOf::Person(_)))
}

/// The value of a session, where it is by sessions.
pub(super) fn value_of_session(by: &By, session: &[&Row]) -> Option<String> {
    let (first, last) = (session[0], session[session.len() - 1]);
    if by.is_of_events() {
        return Some(first.activity.clone());
    }
    let By::Of(ByOf::Session(by)) = by else { return None };
    Some(match by.property {
        SessionProperty::DurationMs => bin_of(&by.bounds, (last.time_ms - first.time_ms) as f64),
        SessionProperty::Rows => bin_of(&by.bounds, session.len() as f64),
        SessionProperty::Entry => first.activity.clone(),
        SessionProperty::Exit => last.activity.clone(),
    })
}

fn binned(bounds: &[f64], text: &str) -> Option<String> {
    match bounds.is_empty() {
        true => Some(text.to_owned()),
        false => text.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| bin_of(bounds, number)),
    }
}

fn bin_of(bounds: &[f64], number: f64) -> String {
    let below = bounds.iter().filter(|bound| **bound <= number).count();
    match below {
        0 => format!("< {}", bounds[0]),
        all if all == bounds.len() => format!(">= {}", bounds[all - 1]),
        some => format!("{} to {}", bounds[some - 1], bounds[some]),
    }
}
