//! What somebody does in one visit: the funnel from looking around to being there.

use super::random::Random;
use super::world::Town;

/// Something that somebody does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    Open,
    Search {
        term: u8,
        results: u8,
    },
    Signup,
    /// The call that joins the device's id with the user's.
    Identify,
    ViewPlace(u16),
    SavePlace(u16),
    ViewMeetUp(u16),
    Rsvp(u16),
    CheckIn(u16),
    Review {
        place: u16,
        stars: u8,
    },
    /// Cents.
    Purchase {
        meet_up: u16,
        cents: u32,
    },
    Invite,
}

/// What the app knows of somebody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Acquaintance {
    pub has_account: bool,
    /// Signed in on the device, by its number.
    pub signed_in: [bool; 2],
}

/// An act and how many milliseconds after the visit's start.
pub type Timed = (i64, Act);

/// The acts of one visit, in order of time.
pub fn visit(random: &mut Random, town: &Town, device: usize, known: &mut Acquaintance) -> Vec<Timed> {
    let mut visit = Visit { at: 0, acts: Vec::with_capacity(12) };
    visit.add(random, Act::Open);
    if known.has_account && !known.signed_in[device] && random.chance(0.6) {
        visit.sign_in(random, device, known);
    }
    if random.chance(0.45) {
        let results = random.below(25) as u8;
        let term = random.below(8) as u8;
        visit.add(random, Act::Search { term, results });
    }
    for _ in 0..1 + random.below(4) {
        let place = popular(random, town.places.len());
        visit.add(random, Act::ViewPlace(place));
        if random.chance(0.28) {
            visit.need_account(random, device, known);
            if known.signed_in[device] {
                visit.add(random, Act::SavePlace(place));
            }
        }
    }
    if random.chance(0.4) {
        visit.meet(random, town, device, known);
    }
    if known.has_account && random.chance(0.04) {
        visit.add(random, Act::Invite);
    }
    visit.acts
}

struct Visit {
    at: i64,
    acts: Vec<Timed>,
}

impl Visit {
    fn add(&mut self, random: &mut Random, act: Act) {
        self.acts.push((self.at, act));
        // Mostly seconds, now and then a minute.
        self.at += 2_000 + (random.unit().powi(3) * 70_000.0) as i64;
    }

    /// What only people with an account can do makes some of the others sign up.
    fn need_account(&mut self, random: &mut Random, device: usize, known: &mut Acquaintance) {
        if !known.has_account && random.chance(0.35) {
            known.has_account = true;
            self.add(random, Act::Signup);
            self.sign_in(random, device, known);
        }
    }

    fn sign_in(&mut self, random: &mut Random, device: usize, known: &mut Acquaintance) {
        known.signed_in[device] = true;
        self.add(random, Act::Identify);
    }

    fn meet(&mut self, random: &mut Random, town: &Town, device: usize, known: &mut Acquaintance) {
        let meet_up = popular(random, town.meet_ups.len());
        self.add(random, Act::ViewMeetUp(meet_up));
        if random.chance(0.5) {
            self.need_account(random, device, known);
        }
        if !known.signed_in[device] || !random.chance(0.42) {
            return;
        }
        self.add(random, Act::Rsvp(meet_up));
        if random.chance(0.3) {
            let cents = 500 + 250 * random.below(15) as u32;
            self.add(random, Act::Purchase { meet_up, cents });
        }
        if random.chance(0.55) {
            let place = town.meet_ups[usize::from(meet_up)].place as u16;
            // They go there.
            self.at += 1_800_000 + (random.unit() * 5_400_000.0) as i64;
            self.add(random, Act::CheckIn(place));
            if random.chance(0.3) {
                let stars = 5 - (random.unit().powi(2) * 4.0) as u8;
                self.add(random, Act::Review { place, stars });
            }
        }
    }
}

/// The first of a list are the favourites.
fn popular(random: &mut Random, count: usize) -> u16 {
    (random.unit().powf(1.8) * count as f64) as u16
}
