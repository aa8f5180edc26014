//! The made-up app "Footways", a city guide: its cities, places and meet-ups. All of it is invented but the cities.

use super::random::{Random, seed_of};

/// A city that people live in.
#[derive(Debug)]
pub struct City {
    pub name: &'static str,
    pub country: &'static str,
    pub latitude: f64,
    pub longitude: f64,
    pub timezone: &'static str,
    /// Hours ahead of UTC, without summer time.
    pub hours_ahead: i64,
    pub locale: &'static str,
    pub currency: &'static str,
    /// Share of the people, in thousandths; all together 1000.
    pub share: u64,
}

const fn city(
    name: &'static str,
    country: &'static str,
    at: (f64, f64),
    zone: (&'static str, i64),
    tongue: (&'static str, &'static str),
    share: u64,
) -> City {
    City {
        name,
        country,
        latitude: at.0,
        longitude: at.1,
        timezone: zone.0,
        hours_ahead: zone.1,
        locale: tongue.0,
        currency: tongue.1,
        share,
    }
}

pub const CITIES: &[City] = &[
    city("Berlin", "DE", (52.520, 13.405), ("Europe/Berlin", 1), ("de-DE", "EUR"), 180),
    city("Hamburg", "DE", (53.551, 9.994), ("Europe/Berlin", 1), ("de-DE", "EUR"), 70),
    city("Vienna", "AT", (48.208, 16.373), ("Europe/Vienna", 1), ("de-AT", "EUR"), 80),
    city("Zurich", "CH", (47.377, 8.541), ("Europe/Zurich", 1), ("de-CH", "CHF"), 50),
    city("Paris", "FR", (48.857, 2.352), ("Europe/Paris", 1), ("fr-FR", "EUR"), 100),
    city("Lisbon", "PT", (38.722, -9.139), ("Europe/Lisbon", 0), ("pt-PT", "EUR"), 60),
    city("Madrid", "ES", (40.417, -3.704), ("Europe/Madrid", 1), ("es-ES", "EUR"), 70),
    city("Amsterdam", "NL", (52.368, 4.904), ("Europe/Amsterdam", 1), ("nl-NL", "EUR"), 70),
    city("Copenhagen", "DK", (55.676, 12.568), ("Europe/Copenhagen", 1), ("da-DK", "DKK"), 40),
    city("London", "GB", (51.507, -0.128), ("Europe/London", 0), ("en-GB", "GBP"), 120),
    city("New York", "US", (40.713, -74.006), ("America/New_York", -5), ("en-US", "USD"), 100),
    city("Tokyo", "JP", (35.677, 139.650), ("Asia/Tokyo", 9), ("ja-JP", "JPY"), 60),
];

/// A place to go to.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub latitude: f64,
    pub longitude: f64,
    /// 1 to 4.
    pub price_level: u64,
}

/// A meet-up that takes place every week.
#[derive(Debug, Clone)]
pub struct MeetUp {
    pub id: String,
    pub title: String,
    pub topic: &'static str,
    pub place: usize,
}

/// Everything in one city.
#[derive(Debug, Clone)]
pub struct Town {
    pub places: Vec<Place>,
    pub meet_ups: Vec<MeetUp>,
}

const PLACES_PER_CITY: usize = 30;
const MEET_UPS_PER_CITY: usize = 8;

const KINDS: &[(&str, &[&str])] = &[
    ("cafe", &["Café", "Coffee Roasters", "Espresso Bar", "Tea House"]),
    ("museum", &["Museum", "Gallery", "Collection"]),
    ("park", &["Park", "Gardens", "Green"]),
    ("bar", &["Bar", "Taproom", "Wine Room"]),
    ("restaurant", &["Kitchen", "Bistro", "Noodle House", "Trattoria"]),
    ("bookshop", &["Books", "Reading Room"]),
    ("music", &["Club", "Concert Hall", "Jazz Cellar"]),
];
const NAMES: &[&str] = &[
    "Luna", "Linden", "Copper", "Harbour", "Juniper", "Old Mill", "Saffron", "Northern", "Paper", "Magpie", "Velvet",
    "Cobalt", "Marble", "Fig Tree", "Lantern", "Quarter", "River", "Sparrow", "Atlas", "Mosaic", "Amber", "Canal",
];
const TOPICS: &[(&str, &str)] = &[
    ("language", "Language Exchange"),
    ("running", "Sunday Run"),
    ("photography", "Photo Walk"),
    ("board games", "Board Game Night"),
    ("tech", "Makers' Evening"),
    ("food", "Supper Club"),
    ("books", "Book Circle"),
    ("music", "Open Mic"),
];

/// The places and meet-ups of every city, in the order of [`CITIES`].
pub fn towns(seed: u64) -> Vec<Town> {
    CITIES.iter().enumerate().map(|(index, city)| town(city, index, seed)).collect()
}

fn town(city: &City, index: usize, seed: u64) -> Town {
    let mut random = Random::new(seed_of(seed, 1000 + index as u64));
    let short: String = city.name.chars().filter(char::is_ascii_alphabetic).take(3).collect::<String>().to_lowercase();
    let places: Vec<Place> = (0..PLACES_PER_CITY)
        .map(|number| {
            let (kind, suffixes) = *random.pick(KINDS);
            let name = format!("{} {}", random.pick(NAMES), random.pick(suffixes));
            let near = |random: &mut Random| (random.unit() + random.unit() - 1.0) * 0.06;
            Place {
                id: format!("pl_{short}{number:02}"),
                name,
                kind,
                latitude: city.latitude + near(&mut random),
                longitude: city.longitude + near(&mut random) * 1.5,
                price_level: 1 + random.below(4),
            }
        })
        .collect();
    let meet_ups = (0..MEET_UPS_PER_CITY)
        .map(|number| {
            let (topic, title) = TOPICS[number % TOPICS.len()];
            let place = random.below(PLACES_PER_CITY as u64) as usize;
            MeetUp { id: format!("ev_{short}{number}"), title: format!("{} {title}", city.name), topic, place }
        })
        .collect();
    Town { places, meet_ups }
}
