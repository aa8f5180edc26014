//! The dashboards that every project has: files of `dashboards/built-in`, part of the program.

use footfall_ingest_activity::Timestamp;

use crate::boards::board_of;
use crate::storage::Kept;

macro_rules! files {
    ($($key:literal),+ $(,)?) => {
        /// Keys and texts, by key.
        pub const FILES: &[(&str, &str)] =
            &[$(($key, include_str!(concat!("../../../dashboards/built-in/", $key, ".yaml")))),+];
    };
}

files!(
    "acquisition",
    "data-quality",
    "engagement",
    "experiments",
    "operations",
    "places",
    "product-overview",
    "retention"
);

/// The one under a key, as if it were kept, at revision 0.
pub fn kept(key: &str) -> Option<Kept> {
    let (key, text) = FILES.iter().find(|(known, _)| *known == key)?;
    let title = board_of(text).ok()?.title;
    Some(Kept {
        key: (*key).to_owned(),
        revision: 0,
        title,
        content: (*text).to_owned(),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        updated_by: String::new(),
    })
}

/// Those after a key that are none of `known`.
pub fn others(after: &str, known: &[Kept]) -> Vec<Kept> {
    let is_new = |key: &str| key > after && !known.iter().any(|item| item.key == key);
    FILES.iter().filter(|(key, _)| is_new(key)).filter_map(|(key, _)| kept(key)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn every_file_is_a_dashboard() {
        assert!(FILES.is_sorted_by_key(|(key, _)| *key));
        for (key, text) in FILES {
            let board = board_of(text).unwrap_or_else(|error| panic!("{key}: {error:?}"));
            assert!(board.tiles.len() >= 3, "{key}");
        }
    }
}
