//! Who uses the app: where they live, what they carry. Everything follows from the seed and the person's number.

use super::random::{Random, seed_of};
use super::world::CITIES;

/// A device or browser.
#[derive(Debug, PartialEq, Eq)]
pub struct Device {
    pub kind: &'static str,
    pub maker: &'static str,
    pub model: &'static str,
    pub os: (&'static str, &'static str),
    /// None for the app.
    pub browser: Option<(&'static str, &'static str)>,
}

const fn device(
    kind: &'static str,
    maker: &'static str,
    model: &'static str,
    os: (&'static str, &'static str),
    browser: Option<(&'static str, &'static str)>,
) -> Device {
    Device { kind, maker, model, os, browser }
}

pub const PHONES: &[Device] = &[
    device("Mobile", "Apple", "iPhone 16", ("iOS", "18.6"), None),
    device("Mobile", "Apple", "iPhone 14", ("iOS", "18.2"), None),
    device("Mobile", "Apple", "iPhone 13", ("iOS", "17.7"), Some(("Safari", "17.6"))),
    device("Mobile", "Google", "Pixel 9", ("Android", "16"), None),
    device("Mobile", "Samsung", "Galaxy S24", ("Android", "15"), None),
    device("Mobile", "Samsung", "Galaxy A54", ("Android", "14"), Some(("Chrome", "141.0"))),
    device("Mobile", "Fairphone", "Fairphone 5", ("Android", "14"), Some(("Firefox", "143.0"))),
];
pub const COMPUTERS: &[Device] = &[
    device("Desktop", "Apple", "Macintosh", ("macOS", "15.6"), Some(("Safari", "18.6"))),
    device("Desktop", "Apple", "Macintosh", ("macOS", "15.1"), Some(("Chrome", "141.0"))),
    device("Desktop", "", "PC", ("Windows", "11"), Some(("Chrome", "141.0"))),
    device("Desktop", "", "PC", ("Windows", "11"), Some(("Edge", "141.0"))),
    device("Desktop", "", "PC", ("Linux", ""), Some(("Firefox", "143.0"))),
];

const FIRST: &[&str] = &[
    "Ada", "Ben", "Chiara", "Diego", "Elif", "Finn", "Grace", "Hana", "Ivan", "Jonas", "Keiko", "Lea", "Mateo", "Noor",
    "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tara", "Umut", "Vera", "Will", "Yara", "Zoe",
];
const LAST: &[&str] = &[
    "Almeida", "Becker", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Huber", "Ito", "Jansen", "Keller",
    "Lopez", "Meyer", "Nowak", "Okafor", "Petit", "Rossi", "Sato", "Tanaka", "Weber",
];
const INTERESTS: &[&str] = &["cafes", "museums", "parks", "nightlife", "food", "books", "music"];
const CAMPAIGNS: &[(&str, &str, &str)] = &[
    ("google", "cpc", "city_guide"),
    ("instagram", "social", "weekend_picks"),
    ("newsletter", "email", "november"),
    ("friend", "referral", "invite"),
];

/// One person.
#[derive(Debug)]
pub struct Person {
    pub number: u32,
    pub city: usize,
    /// The device of most sessions, and one that some have beside it.
    pub devices: [&'static Device; 2],
    pub has_second: bool,
    pub name: String,
    pub interest: &'static str,
    pub plan: &'static str,
    /// Where they came from, if by a campaign.
    pub campaign: Option<(&'static str, &'static str, &'static str)>,
    pub seed: u64,
}

/// The person of this number.
pub fn person(seed: u64, number: u32) -> Person {
    let seed = seed_of(seed, u64::from(number));
    let mut random = Random::new(seed);
    let mut share = random.below(1000);
    let city = CITIES.iter().position(|city| match share.checked_sub(city.share) {
        Some(rest) => {
            share = rest;
            false
        }
        None => true,
    });
    let phone = random.pick(PHONES);
    let computer = random.pick(COMPUTERS);
    let devices = if random.chance(0.72) { [phone, computer] } else { [computer, phone] };
    Person {
        number,
        city: city.unwrap_or(0),
        devices,
        has_second: random.chance(0.25),
        name: format!("{} {}", random.pick(FIRST), random.pick(LAST)),
        interest: random.pick::<&'static str>(INTERESTS),
        plan: if random.chance(0.12) { "plus" } else { "free" },
        campaign: random.chance(0.35).then(|| *random.pick(CAMPAIGNS)),
        seed,
    }
}

impl Person {
    /// Their id once they have signed up.
    pub fn user_id(&self) -> String {
        format!("user_{:05}_{:04x}", self.number, self.seed & 0xffff)
    }

    /// The id of a device of theirs.
    pub fn anonymous_id(&self, device: usize) -> String {
        format!("anon_{:016x}", seed_of(self.seed, 77 + device as u64))
    }
}
