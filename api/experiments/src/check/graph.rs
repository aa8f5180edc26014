//! Circles of prerequisites.

use std::collections::HashSet;

use crate::catalogue::Catalogue;

/// The circle that `start` is part of, from it and back to it; none if there is none.
pub fn circle_through(start: &str, catalogue: &Catalogue) -> Option<Vec<String>> {
    let mut path = vec![start.to_owned()];
    let mut seen = HashSet::new();
    search(start, start, catalogue, &mut path, &mut seen).then_some(path)
}

fn search<'a>(
    start: &str,
    at: &str,
    catalogue: &'a Catalogue,
    path: &mut Vec<String>,
    seen: &mut HashSet<&'a str>,
) -> bool {
    let Some(feature) = catalogue.features.get(at) else { return false };
    let of_experiments = feature.experiments().filter_map(|(_, key, _)| catalogue.experiments.get(key));
    let of_experiments = of_experiments.flat_map(|(experiment, _)| &experiment.prerequisites);
    let needed = feature.needs().chain(of_experiments.map(|prerequisite| prerequisite.feature.as_str()));
    for next in needed {
        path.push(next.to_owned());
        if next == start || (seen.insert(next) && search(start, next, catalogue, path, seen)) {
            return true;
        }
        path.pop();
    }
    false
}
