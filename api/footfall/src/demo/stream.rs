//! All visits together, as one stream in order of time. The same plan gives the same bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use footfall_ingest_activity::Timestamp;

use super::item::Item;
use super::person::person;
use super::random::{Random, seed_of};
use super::session::{Acquaintance, Act, visit};
use super::world::{CITIES, Town, towns};

/// What to make.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub people: u32,
    pub from: Timestamp,
    /// Where the growth ends; for a stream without end, its beginning.
    pub until: Timestamp,
    pub per_second: f64,
    /// Days, weeks and growth shape the rate; else it is even.
    pub seasons: bool,
}

/// Activities of a visit, on average: measured over many seeds.
const ACTS_PER_VISIT: f64 = 5.9;
/// Above this rate visits are shortened, so that memory stays bounded.
const UNHURRIED_PER_SECOND: f64 = 1_000.0;
/// After this long as many visits end as begin, nearly.
const SWING_MILLIS: f64 = 600_000.0;
const HOUR: i64 = 3_600_000;

/// How busy the hours of a day are, from midnight, local time; 1 on average.
const HOURS: [f64; 24] = [
    0.35, 0.2, 0.12, 0.1, 0.1, 0.18, 0.4, 0.75, 1.0, 1.05, 1.1, 1.25, 1.45, 1.3, 1.15, 1.15, 1.3, 1.6, 1.9, 2.05, 1.9,
    1.6, 1.2, 0.75,
];
/// How busy the days are, from Monday; 1 on average.
const DAYS: [f64; 7] = [0.8, 0.82, 0.88, 0.96, 1.2, 1.32, 1.02];

#[derive(Debug, Clone, Copy, PartialEq)]
struct Waiting {
    at: i64,
    number: u64,
    person: u32,
    device: u8,
    signed_in: bool,
    session: u64,
    act: Act,
}

impl Eq for Waiting {}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The stream.
pub struct Stream {
    plan: Plan,
    towns: Vec<Town>,
    known: Vec<Acquaintance>,
    random: Random,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Visits have been begun up to here.
    begun: i64,
    step: i64,
    carry: f64,
    pace: f64,
    numbers: u64,
    sessions: u64,
}

impl Plan {
    /// A stream that is in full swing at `start`.
    pub fn live(seed: u64, people: u32, start: Timestamp, per_second: f64) -> Plan {
        let from = start.plus_millis(-(SWING_MILLIS * pace(per_second)) as i64);
        Plan { seed, people, from, until: from, per_second, seasons: false }
    }
}

/// How much of their time visits take.
fn pace(per_second: f64) -> f64 {
    (UNHURRIED_PER_SECOND / per_second.max(0.001)).min(1.0)
}

impl Stream {
    pub fn new(plan: Plan) -> Stream {
        let pace = pace(plan.per_second);
        Stream {
            towns: towns(plan.seed),
            known: vec![Acquaintance::default(); plan.people.max(1) as usize],
            random: Random::new(seed_of(plan.seed, plan.from.millis().unsigned_abs())),
            waiting: BinaryHeap::new(),
            begun: plan.from.millis(),
            step: if plan.seasons { 60_000 } else { 50 },
            carry: 0.0,
            pace,
            numbers: 0,
            sessions: 0,
            plan,
        }
    }

    /// Passes over everything before `at`.
    pub fn skip_to(&mut self, at: Timestamp) {
        while self.first_at() < at.millis() {
            self.waiting.pop();
        }
    }

    /// When the next activity is.
    fn first_at(&mut self) -> i64 {
        loop {
            match self.waiting.peek() {
                Some(Reverse(first)) if first.at < self.begun => return first.at,
                _ => self.begin_visits(),
            }
        }
    }

    /// The next activity: its time; its line is appended to `out`.
    pub fn next(&mut self, out: &mut String) -> Timestamp {
        self.first_at();
        let Some(Reverse(waiting)) = self.waiting.pop() else { return self.plan.from };
        let person = person(self.plan.seed, waiting.person);
        let at = Timestamp::from_millis(waiting.at);
        let item = Item {
            at,
            act: waiting.act,
            town: &self.towns[person.city],
            person: &person,
            device: usize::from(waiting.device),
            signed_in: waiting.signed_in,
            session: waiting.session,
            number: waiting.number,
            seed: seed_of(self.plan.seed, self.plan.from.millis().unsigned_abs()),
        };
        item.write(out);
        at
    }

    fn begin_visits(&mut self) {
        let visits_per_millisecond = self.plan.per_second / 1000.0 / ACTS_PER_VISIT;
        self.carry += visits_per_millisecond * self.step as f64 * if self.plan.seasons { self.growth() } else { 1.0 };
        while self.carry >= 1.0 {
            self.carry -= 1.0;
            let start = self.begun + self.random.below(self.step.unsigned_abs()) as i64;
            self.begin_visit(start);
        }
        self.begun += self.step;
    }

    fn begin_visit(&mut self, start: i64) {
        // Most visits are those of a few, and there are more people later.
        let joined = (f64::from(self.plan.people.max(1)) * self.joined_share()).max(1.0);
        let number = (self.random.unit().powf(1.6) * joined) as u32;
        let someone = person(self.plan.seed, number);
        // Elsewhere it is night: there, a visit in two of a quiet hour does not happen, and another takes its place.
        if self.plan.seasons && !self.random.chance(busy(start, CITIES[someone.city].hours_ahead)) {
            self.carry += 1.0;
            return;
        }
        let device = usize::from(someone.has_second && self.random.chance(0.3));
        let mut known = self.known[number as usize];
        let before = known.signed_in[device];
        let acts = visit(&mut self.random, &self.towns[someone.city], device, &mut known);
        self.known[number as usize] = known;
        self.sessions += 1;
        let session = seed_of(self.plan.seed, seed_of(self.sessions, self.plan.from.millis().unsigned_abs()));
        let mut signed_in = before;
        for (after, act) in acts {
            signed_in |= act == Act::Identify;
            self.numbers += 1;
            let at = start + (after as f64 * self.pace) as i64;
            let device = device as u8;
            self.waiting.push(Reverse(Waiting {
                at,
                number: self.numbers,
                person: number,
                device,
                signed_in,
                session,
                act,
            }));
        }
    }

    fn progress(&self) -> f64 {
        let whole = self.plan.until.millis_since(self.plan.from);
        if whole <= 0 { 1.0 } else { ((self.begun - self.plan.from.millis()) as f64 / whole as f64).clamp(0.0, 1.0) }
    }

    /// From 0.6 to 1.4 of the rate.
    fn growth(&self) -> f64 {
        let day = (self.begun.div_euclid(24 * HOUR) + 3).rem_euclid(7) as usize;
        (0.6 + 0.8 * self.progress()) * DAYS[day] * busy_anywhere(self.begun)
    }

    fn joined_share(&self) -> f64 {
        0.3 + 0.7 * self.progress()
    }
}

/// How likely somebody is awake and about, 0 to 1.
fn busy(at: i64, hours_ahead: i64) -> f64 {
    let hour = (at.div_euclid(HOUR) + hours_ahead).rem_euclid(24) as usize;
    HOURS[hour] / 2.05
}

/// The same for everybody together, 1 on average.
fn busy_anywhere(at: i64) -> f64 {
    let all: f64 = CITIES.iter().map(|city| busy(at, city.hours_ahead) * 2.05 * city.share as f64).sum();
    all / 1000.0
}
