//! The statements for paths: the paths, and their edges.

use super::questions::with_sessions;
use super::rows::{people_of, quoted, selected};
use crate::definition::{Anchor, AnchorRow, PathName, Paths, Pattern};

pub(super) fn paths(asked: &Paths) -> Vec<String> {
    let found = occurrences(asked);
    let paths = format!(
        "SELECT path, count() AS occurrences\nFROM ({found})\nGROUP BY path ORDER BY occurrences DESC, path LIMIT {}",
        asked.top
    );
    // Of paths that lead to something the missing rows are in front.
    let front = if asked.anchor.is_forward() { String::new() } else { format!(" + {} - length(path)", asked.length) };
    let edges = format!(
        "SELECT p - 1{front} AS place, path[p] AS earlier, path[p + 1] AS later, count() AS occurrences\n\
         FROM (SELECT path, p FROM ({found}) ARRAY JOIN range(1, length(path)) AS p)\nGROUP BY place, earlier, later\n\
         HAVING occurrences >= {} ORDER BY occurrences DESC, place, earlier, later",
        asked.edge_least
    );
    vec![paths, edges]
}

/// Every occurrence as the list of its names. No path leaves a stretch without a gap.
pub(super) fn occurrences(asked: &Paths) -> String {
    let (scope, length) = (&asked.scope, asked.length);
    let mut rows = people_of(scope);
    if !asked.select.is_any() {
        rows += &format!(" AND {}", selected(&asked.select));
    }
    if let Some(without) = &asked.without {
        rows += &format!(" AND NOT ({})", selected(without));
    }
    // Rows that are the anchor come first of those that are the same otherwise.
    let anchor = match asked.anchor.row() {
        Some(AnchorRow::Name(name)) => format!("event = {}", quoted(name)),
        Some(AnchorRow::Rows(rows)) => selected(rows),
        None => "1".to_owned(),
    };
    let stretches = format!(
        "SELECT person_id, arraySort(groupArray((ms, event, toUInt8(NOT ({anchor}))))) AS e, arrayMap(x -> {}, e) AS names\n  FROM {} GROUP BY person_id, session",
        renamed(&asked.names),
        with_sessions(asked.gap_ms, &rows)
    );
    let (each, place, path) = match &asked.anchor {
        Anchor::After(_) => {
            ("\n  ARRAY JOIN arrayEnumerate(e) AS i", "i", format!("arraySlice(names, i + 1, {length})"))
        }
        Anchor::Before(_) => (
            "\n  ARRAY JOIN arrayEnumerate(e) AS i",
            "i",
            format!("arraySlice(names, greatest(1, toInt64(i) - {length}), least({length}, toInt64(i) - 1))"),
        ),
        Anchor::Beginning => ("", "1", format!("arraySlice(names, 1, {length})")),
        Anchor::Ending => {
            ("", "length(e)", format!("arraySlice(names, greatest(1, toInt64(length(e)) - {length} + 1), {length})"))
        }
    };
    let long = if asked.shorter { "length(path) > 0".to_owned() } else { format!("length(path) = {length}") };
    format!(
        "SELECT person_id, {path} AS path FROM ({stretches}){each}\n  WHERE e[{place}].3 = 0 AND e[{place}].1 >= {} AND e[{place}].1 < {} AND {long}",
        scope.from_ms, scope.until_ms
    )
}

/// The name that an activity has in paths.
fn renamed(names: &[PathName]) -> String {
    let fits = |pattern: &Pattern| match pattern {
        Pattern::Like(text) => {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%");
            format!("x.2 LIKE {}", quoted(&escaped))
        }
        Pattern::Regex(text) => format!("match(x.2, {})", quoted(&format!("(?-s){text}"))),
    };
    let given: Vec<String> =
        names.iter().map(|one| format!("{}, {}, ", fits(&one.pattern), quoted(&one.name))).collect();
    if given.is_empty() { "x.2".to_owned() } else { format!("multiIf({}x.2)", given.concat()) }
}
