//! Paths, naively.

use std::collections::BTreeMap;

use super::{Row, World};
use crate::definition::{Anchor, AnchorRow, PathCount, PathEdge, Paths, PathsAnswer, Pattern};

impl World {
    pub(super) fn paths(&self, paths: &Paths) -> PathsAnswer {
        let mut counts: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        let mut edges: BTreeMap<(usize, String, String), u64> = BTreeMap::new();
        for person in self.persons_of(&paths.scope) {
            for path in self.paths_of(paths, &person) {
                let leads_to = matches!(paths.anchor, Anchor::Before(_) | Anchor::Ending);
                let front = if leads_to { paths.length - path.len() } else { 0 };
                for (place, pair) in path.windows(2).enumerate() {
                    *edges.entry((front + place, pair[0].clone(), pair[1].clone())).or_default() += 1;
                }
                *counts.entry(path).or_default() += 1;
            }
        }
        let mut edges: Vec<PathEdge> =
            edges.into_iter().map(|((place, from, to), count)| PathEdge { place, from, to, count }).collect();
        edges.retain(|edge| edge.count >= paths.edge_least);
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.count));
        let mut paths_found: Vec<PathCount> =
            counts.into_iter().map(|(activities, count)| PathCount { activities, count }).collect();
        paths_found.sort_by_key(|path| std::cmp::Reverse(path.count));
        paths_found.truncate(paths.top);
        PathsAnswer { paths: paths_found, edges }
    }

    /// The path of every occurrence.
    fn paths_of(&self, paths: &Paths, person: &str) -> Vec<Vec<String>> {
        let is_anchor = |row: &Row| match paths.anchor.row() {
            Some(AnchorRow::Name(name)) => *name == row.activity,
            Some(AnchorRow::Rows(selector)) => self.matches(selector, row),
            None => false,
        };
        let mut rows = self.rows_of(person);
        rows.retain(|row| self.matches(&paths.select, row));
        rows.retain(|row| paths.without.as_ref().is_none_or(|without| !self.matches(without, row)));
        rows.sort_by(|a, b| (a.time_ms, &a.activity, !is_anchor(a)).cmp(&(b.time_ms, &b.activity, !is_anchor(b))));
        let mut found = Vec::new();
        // Stretches without a gap are looked at one by one: no path leaves one.
        for stretch in rows.chunk_by(|a, b| b.time_ms - a.time_ms <= paths.gap_ms) {
            for (place, row) in stretch.iter().enumerate() {
                let path: Option<&[&Row]> = match &paths.anchor {
                    Anchor::After(_) if is_anchor(row) => Some(&stretch[place + 1..]),
                    Anchor::Before(_) if is_anchor(row) => Some(&stretch[..place]),
                    Anchor::Beginning if place == 0 => Some(stretch),
                    Anchor::Ending if place == stretch.len() - 1 => Some(stretch),
                    _ => None,
                };
                let Some(path) = path.filter(|_| paths.scope.contains(row.time_ms)) else { continue };
                let length = path.len().min(paths.length);
                let path = match paths.anchor {
                    Anchor::After(_) | Anchor::Beginning => &path[..length],
                    Anchor::Before(_) | Anchor::Ending => &path[path.len() - length..],
                };
                if length == paths.length || (paths.shorter && length > 0) {
                    found.push(path.iter().map(|row| path_name(paths, &row.activity)).collect());
                }
            }
        }
        found
    }
}

fn path_name(paths: &Paths, activity: &str) -> String {
    let fits = |pattern: &Pattern| match pattern {
        Pattern::Regex(text) => regex::Regex::new(text).unwrap().is_match(activity),
        Pattern::Like(text) => like(text, activity),
    };
    let given = paths.names.iter().find(|one| fits(&one.pattern));
    given.map_or(activity, |one| &one.name).to_owned()
}

fn like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|cut| text.is_char_boundary(cut) && like(&pattern[1..], &text[cut..])),
        Some(letter) => text.strip_prefix(letter).is_some_and(|rest| like(&pattern[letter.len_utf8()..], rest)),
    }
}
