//! Every kind of row filter and of mask as the SQL that it becomes, hostile names and values in it, and which tables there are.
#![allow(clippy::unwrap_used)]

use super::super::words::{Word, read};
use super::*;
use crate::query::tables;

/// What may end a literal, begin a comment, or be read otherwise than it is written.
const HOSTILE: &[&str] = &[
    "it's",
    "'",
    "''",
    "\\",
    "\\'",
    "a\\' OR 1 --",
    "') OR 1 = 1 --",
    "`",
    "\"",
    "/*",
    "--",
    "a\nb\tc\r",
    "%_\\%",
    "x{y:String}",
    "é🙂\u{202e}＇",
];

fn views(policy: &Policy, merged: bool) -> Result<Vec<(&'static str, String)>, QueryError> {
    let visible = Visible { head: 9, ..Visible::default() };
    all(&Scope { database: "db", project: "it's", visible: &visible, merged }, policy)
}

fn shown(views: &[(&'static str, String)]) -> String {
    views.iter().map(|(name, sql)| format!("{name}:\n{sql}")).collect::<Vec<_>>().join("\n\n")
}

fn column(name: &str) -> Subject {
    Subject::Column(name.to_owned())
}

fn property(name: &str) -> Subject {
    Subject::Property(name.to_owned())
}

fn one_of(of: Subject, texts: &[&str]) -> Condition {
    Condition::OneOf(of, texts.iter().map(|text| (*text).to_owned()).collect())
}

fn not(part: Condition) -> Condition {
    Condition::Not(Box::new(part))
}

fn under(rows: Option<Condition>, masked: &[&str]) -> Policy {
    Policy { rows, masked: masked.iter().map(|name| (*name).to_owned()).collect() }
}

/// Rows by a column and a property, as a role has them.
fn of_a_role() -> Condition {
    Condition::All(vec![
        Condition::IsSet(column("country")),
        not(one_of(column("country"), &["FR"])),
        Condition::Any(vec![one_of(property("plan"), &["pro", "it's"]), one_of(column("event"), &[])]),
    ])
}

#[test]
fn every_kind_of_filter_has_its_sql() {
    let plan = "ifNull(multiIf(JSONType(properties, 'plan') IN ('Null', 'Double', 'Object', 'Array'), NULL, \
                JSONType(properties, 'plan') = 'String', JSONExtractString(properties, 'plan'), \
                JSONExtractRaw(properties, 'plan')) IN ('pro', 'free'), 0)";
    for (asked, sql) in [
        (Condition::All(vec![]), "1"),
        (Condition::Any(vec![]), "0"),
        (one_of(column("event"), &["a", "b"]), "ifNull(`event` IN ('a', 'b'), 0)"),
        (one_of(column("country"), &[]), "0"),
        (one_of(property("plan"), &["pro", "free"]), plan),
        (one_of(property("plan"), &[]), "0"),
        (Condition::IsSet(column("country")), "`country` IS NOT NULL"),
        (Condition::IsSet(property("plan")), "JSONType(properties, 'plan') != 'Null'"),
        (Condition::From(-5), "toUnixTimestamp64Milli(timestamp) >= -5"),
        (Condition::Before(1_700_000_000_000), "toUnixTimestamp64Milli(timestamp) < 1700000000000"),
        (not(Condition::Any(vec![])), "NOT (0)"),
        (Condition::All(vec![Condition::From(1)]), "(toUnixTimestamp64Milli(timestamp) >= 1)"),
    ] {
        assert_eq!(filter(&asked).unwrap(), sql, "{asked:?}");
    }
}

#[test]
fn filters_within_filters_keep_their_brackets() {
    let either = Condition::Any(vec![one_of(column("event"), &["view"]), Condition::All(vec![])]);
    let asked = Condition::All(vec![
        Condition::IsSet(column("country")),
        not(one_of(column("country"), &["FR"])),
        either.clone(),
        not(Condition::Any(vec![either, not(Condition::Before(5))])),
    ]);
    let sql = "(`country` IS NOT NULL AND NOT (ifNull(`country` IN ('FR'), 0)) AND (ifNull(`event` IN ('view'), 0) OR 1) \
               AND NOT (((ifNull(`event` IN ('view'), 0) OR 1) OR NOT (toUnixTimestamp64Milli(timestamp) < 5))))";
    assert_eq!(filter(&asked).unwrap(), sql);
    let views = views(&under(Some(asked), &[]), false).unwrap();
    assert!(views[0].1.ends_with(&format!(") WHERE {sql} {FENCE})")), "{}", views[0].1);
}

/// Whatever is asked of it, a row is not shown where ClickHouse has another spelling than the one that was sent.
#[test]
fn what_is_spelled_otherwise_is_no_match_and_not_shown() {
    let known = |kind: &str| format!(" AND JSONType(properties, 'n') != '{kind}'");
    for (texts, guards) in [
        (&["1", "-7", "18446744073709551615"][..], String::new()),
        (&["", "pro", "1.2.3", "2026-03-01", "true"][..], String::new()),
        (&["1.0"][..], known("Double")),
        (&["1e3", "2", "18446744073709551616"][..], known("Double")),
        (&["[1]", "{\"a\":1}", "-0.5"][..], known("Array") + &known("Double") + &known("Object")),
    ] {
        let asked = one_of(property("n"), texts);
        let plain = condition(&asked).unwrap();
        assert_eq!(filter(&asked).unwrap(), format!("{plain}{guards}"), "{texts:?}");
        let within = Condition::Any(vec![Condition::All(vec![not(asked)])]);
        assert_eq!(filter(&within).unwrap(), format!("((NOT ({plain}))){guards}"), "{texts:?}");
    }
    assert!(!filter(&one_of(column("event"), &["1.0"])).unwrap().contains("JSONType"), "a column is text");
}

#[test]
fn hostile_names_and_values_stay_in_their_literals() {
    let sql = |text: &str| {
        let asked = vec![
            one_of(property(text), &[text]),
            not(Condition::IsSet(property(text))),
            one_of(column("event"), &[text, "b"]),
        ];
        filter(&Condition::All(asked)).unwrap()
    };
    // The statement but for its texts.
    let around = |words: &[Word]| -> Vec<Word> {
        let empty = |word: &Word| if matches!(word, Word::Text(_)) { Word::Text(String::new()) } else { word.clone() };
        words.iter().map(empty).collect()
    };
    let harmless = around(&read(&sql("a")).unwrap());
    for text in HOSTILE {
        let words = read(&sql(text)).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(around(&words), harmless, "{text:?}");
        let same = words.iter().filter(|word| **word == Word::Text((*text).to_owned())).count();
        assert_eq!(same, 7, "{text:?}");
    }
    assert_eq!(filter(&one_of(column("event"), &["a\0' OR 1"])).unwrap(), "ifNull(`event` IN ('a\0\\' OR 1'), 0)");
}

#[test]
fn a_rule_that_cannot_be_applied_shows_nothing() {
    for name in ["amount", "properties", "timestamp", "publication", "nothing", "event` OR 1 --", ""] {
        for asked in [
            one_of(column(name), &["1"]),
            Condition::IsSet(column(name)),
            Condition::Any(vec![Condition::All(vec![]), not(one_of(column(name), &["1"]))]),
        ] {
            let error = views(&under(Some(asked), &[]), false).unwrap_err();
            assert_eq!(error.code(), "internal", "{name}");
        }
    }
    for text in Table::Activity.columns().iter().filter(|it| matches!(it.kind, ColumnKind::Text | ColumnKind::Word)) {
        let sql = filter(&one_of(column(text.name), &["x"])).unwrap();
        assert_eq!(sql, format!("ifNull(`{}` IN ('x'), 0)", text.name));
    }
}

/// The columns of `activity` as somebody sees them from whom these are hidden.
fn selected(hidden: &[&str]) -> String {
    let one = |column: &Column| {
        if !hidden.contains(&column.name) && column.kind != ColumnKind::Json {
            return format!("`{}`", column.name);
        }
        let kind = match column.kind {
            ColumnKind::Word => "LowCardinality(Nullable(String))",
            ColumnKind::Text | ColumnKind::Json => "Nullable(String)",
            ColumnKind::Time => "Nullable(DateTime64(3, 'UTC'))",
            ColumnKind::Float => "Nullable(Float64)",
            ColumnKind::Integer => "Nullable(Int64)",
            ColumnKind::Boolean => "Nullable(Bool)",
        };
        format!("CAST(NULL AS {kind}) AS `{}`", column.name)
    };
    Table::Activity.columns().iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_masked_column_is_null_and_so_is_all_json() {
    let begins = |masked: &[&str], hidden: &[&str]| {
        for merged in [false, true] {
            let sql = &views(&under(None, masked), merged).unwrap()[0].1;
            let expected = format!("SELECT {} FROM (SELECT * FROM (", selected(hidden));
            assert!(sql.starts_with(&expected), "{masked:?}: {sql}");
        }
    };
    for column in Table::Activity.columns() {
        begins(&[column.name], &[column.name]);
    }
    begins(&["$IP", "City", "ÄRZTE", "it's"], &["ip", "city"]);
    begins(&["email"], &[]);
    let all: Vec<&str> = Table::Activity.columns().iter().map(|column| column.name).collect();
    begins(&all, &all);
    let open = &views(&under(None, &[]), false).unwrap()[0].1;
    assert!(!open.contains("NULL AS"), "{open}");
}

/// Rows may be chosen by what is not seen.
#[test]
fn masks_come_after_the_filter_and_behind_the_fence() {
    let rows = one_of(column("city"), &["Bonn"]);
    let sql = &views(&under(Some(rows), &["city"]), false).unwrap()[0].1;
    let (outside, inside) = sql.split_once(" FROM (SELECT * FROM (").unwrap();
    assert_eq!(outside, format!("SELECT {}", selected(&["city"])));
    assert!(inside.contains("`city`, "), "{inside}");
    assert!(inside.ends_with(&format!(") WHERE ifNull(`city` IN ('Bonn'), 0) {FENCE})")), "{inside}");
}

#[test]
fn there_are_all_tables_or_activity_alone() {
    let names =
        |policy: &Policy| -> Vec<&'static str> { views(policy, true).unwrap().iter().map(|(name, _)| *name).collect() };
    let known: Vec<&str> = tables().iter().map(|table| table.name).collect();
    assert_eq!(names(&Policy::default()), known);
    let hidden = |table: &&Table| !matches!(table, Table::Activity | Table::PersonOverrides);
    for policy in [
        under(Some(of_a_role()), &[]),
        under(Some(Condition::All(vec![])), &[]),
        under(None, &["email"]),
        under(Some(of_a_role()), &["email"]),
    ] {
        assert_eq!(names(&policy), ["activity"], "{policy:?}");
        let sql = shown(&views(&policy, true).unwrap());
        for table in Table::ALL.iter().filter(hidden) {
            assert!(!sql.contains(table.name()), "{}: {sql}", table.name());
        }
    }
}

#[test]
fn every_view_is_of_one_project_at_one_moment_and_fenced() {
    for merged in [false, true] {
        for (name, sql) in views(&Policy::default(), merged).unwrap() {
            let (reads, bounds) = ("`db`.`", "` WHERE project = 'it\\'s' AND publication <= 9 AND ");
            assert!(sql.contains(reads), "{name}: {sql}");
            assert_eq!(sql.matches(reads).count(), sql.matches(bounds).count(), "{name}: {sql}");
            assert!(sql.trim_end_matches(')').ends_with(FENCE), "{name}: {sql}");
        }
    }
}

#[test]
fn the_views_of_a_project() {
    insta::assert_snapshot!(shown(&views(&Policy::default(), false).unwrap()));
}

#[test]
fn the_views_where_ids_are_merged() {
    insta::assert_snapshot!(shown(&views(&Policy::default(), true).unwrap()));
}

#[test]
fn activity_of_a_role_with_rows_and_masks() {
    insta::assert_snapshot!(shown(&views(&under(Some(of_a_role()), &["email", "city", "$ip"]), false).unwrap()));
}
